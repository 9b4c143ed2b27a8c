//! The tables.

use crate::{
    Options,
    actions::{Action, End},
    arrivals::Record,
};
use std::{collections::BTreeMap, time::Duration};

/// The time within which this share (in thousandths) of sorted times lies, in milliseconds.
pub(crate) fn within(sorted: &[Duration], thousandths: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = (sorted.len() * thousandths).div_ceil(1_000).saturating_sub(1).min(last);
    sorted[at].as_secs_f64() * 1_000.0
}

/// The times of the actions that were done, sorted.
pub(crate) fn times<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<Duration> {
    let done = records.into_iter().filter(|record| record.end == End::Done);
    let mut times: Vec<Duration> = done.map(|record| record.took).collect();
    times.sort_unstable();
    times
}

/// How many were turned away and how many failed.
pub(crate) fn lost(records: &[Record]) -> (usize, usize) {
    let shed = records.iter().filter(|record| record.end == End::Shed).count();
    let failed = records.iter().filter(|record| matches!(record.end, End::Failed(_))).count();
    (shed, failed)
}

/// One line for each kind, and the first few failures.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn table(records: &[Record], length: Duration) {
    println!(
        "{:<22}{:>8}{:>9}{:>8}{:>8}{:>9}{:>9}{:>9}{:>9}  ms",
        "kind", "count", "a second", "shed", "failed", "p50", "p95", "p99", "p99.9"
    );
    let line = |name: &str, of: &[Record]| {
        let (sorted, (shed, failed)) = (times(of), lost(of));
        println!(
            "{name:<22}{:>8}{:>9.1}{shed:>8}{failed:>8}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
            of.len(),
            of.len() as f64 / length.as_secs_f64(),
            within(&sorted, 500),
            within(&sorted, 950),
            within(&sorted, 990),
            within(&sorted, 999),
        );
    };
    for action in Action::ALL {
        let of: Vec<Record> = records.iter().filter(|record| record.action == action).cloned().collect();
        if !of.is_empty() {
            line(action.name(), &of);
        }
    }
    line("all", records);
    let mut failures: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        if let End::Failed(why) = &record.end {
            *failures.entry(why).or_default() += 1;
        }
    }
    for (why, count) in failures.iter().take(5) {
        println!("{count} × {why}");
    }
}

/// The bounds that a steady run missed.
pub(crate) fn missed(records: &[Record], options: &Options) -> Vec<String> {
    let mut missed = Vec::new();
    let (shed, failed) = lost(records);
    if shed + failed > options.max_errors {
        missed.push(format!("{failed} failed and {shed} were turned away, at most {} may", options.max_errors));
    }
    for action in Action::ALL {
        let bound = if action == Action::Upload { options.max_upload_p99 } else { options.max_p99 };
        let sorted = times(records.iter().filter(|record| record.action == action));
        let p99 = within(&sorted, 990);
        if p99 > bound {
            missed.push(format!("{}: p99 {p99:.0} ms, at most {bound:.0}", action.name()));
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_all_and_never_outside() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(within(&sorted, 500), 100.0);
        assert_eq!(within(&sorted, 990), 198.0);
        assert_eq!(within(&sorted, 999), 200.0);
        assert_eq!(within(&sorted[..1], 990), 1.0);
        assert_eq!(within(&[], 990), 0.0);
    }
}
