//! Outages of the system: the school's windows that one hit are extended by its length, and no minute counts twice.

pub(crate) mod store;

use crate::{Room, window};
use ::store::{
    Audit, TenantTx,
    jobs::{JobError, JobRun},
};
use kernel::rules::Window;
use serde::Deserialize;
use serde_json::json;
use std::{collections::VecDeque, sync::Arc};
use time::{Duration, OffsetDateTime, serde::rfc3339};

/// The job that the worker queues for each school that an outage of the bureau's hit.
pub(crate) const KIND: &str = "school.outage";

/// A time without the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// The bureau's number.
    pub(crate) id: i64,
    pub(crate) starts_at: OffsetDateTime,
    /// The first moment with the system again.
    pub(crate) ends_at: OffsetDateTime,
}

/// What one outage adds to one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) outage: i64,
    /// When the window closed without it.
    pub(crate) closed_at: OffsetDateTime,
    /// When it closes with it.
    pub(crate) closes_at: OffsetDateTime,
}

impl Outage {
    /// Whether a window was open at some moment of the outage.
    fn hit(&self, opens_at: OffsetDateTime, closes_at: OffsetDateTime) -> bool {
        opens_at < self.ends_at && self.starts_at < closes_at
    }

    /// The part of its length in which none of the others was.
    fn beyond(&self, others: &[Self]) -> Duration {
        let overlaps =
            others.iter().map(|other| (other.starts_at.max(self.starts_at), other.ends_at.min(self.ends_at)));
        let mut overlaps: Vec<_> = overlaps.filter(|(from, until)| from < until).collect();
        overlaps.sort();
        let mut left = self.ends_at - self.starts_at;
        let mut covered_until = self.starts_at;
        for (from, until) in overlaps {
            left -= (until - from.max(covered_until)).max(Duration::ZERO);
            covered_until = covered_until.max(until);
        }
        left
    }
}

/// What a window is owed for a new outage. `counted` are the outages that extended it already, `known` all that the
/// school knows: one that began after the old closing time hits the window once it is extended, whichever was recorded
/// first.
pub(crate) fn owed(window: &Window, counted: &[Outage], new: Outage, known: &[Outage]) -> Vec<Extension> {
    let mut later: Vec<Outage> = known.iter().filter(|outage| outage.starts_at >= window.closes_at).copied().collect();
    later.sort_by_key(|outage| outage.starts_at);
    let mut waiting = VecDeque::from(later);
    waiting.push_front(new);
    let mut counted = counted.to_vec();
    let mut closes_at = window.closes_at;
    let mut owed = Vec::new();
    while let Some(outage) = waiting.pop_front() {
        if !outage.hit(window.opens_at, closes_at) {
            break;
        }
        let closed_at = closes_at;
        closes_at += outage.beyond(&counted);
        counted.push(outage);
        if closes_at > closed_at {
            owed.push(Extension { outage: outage.id, closed_at, closes_at });
        }
    }
    owed
}

#[derive(Deserialize)]
struct Payload {
    id: i64,
    #[serde(with = "rfc3339")]
    starts_at: OffsetDateTime,
    #[serde(with = "rfc3339")]
    ends_at: OffsetDateTime,
    reason: String,
}

/// The job: extends what the outage hit. One that the school knows already changes nothing.
pub(crate) async fn apply(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { id, starts_at, ends_at, reason } = job.payload()?;
    let outage = Outage { id, starts_at, ends_at };
    let Some(mut tx) = job.claim(&room.db, "school.outage.apply").await? else { return Ok(()) };
    store::queue_up(&mut tx).await?;
    let known = store::known(&mut tx).await?;
    if known.iter().any(|other| other.id == id) {
        tx.audit(Audit::new("outage.repeat", "outage", id));
        return Ok(tx.commit().await?);
    }
    let extended = extend(&mut tx, outage, &known, &reason).await?;
    let after = json!({
        "starts_at": starts_at.to_string(),
        "ends_at": ends_at.to_string(),
        "seconds": (ends_at - starts_at).whole_seconds(),
        "windows": extended,
    });
    tx.audit(Audit::new("outage.apply", "outage", id).after(after));
    Ok(tx.commit().await?)
}

/// Notes the outage and extends the windows; gives their numbers.
async fn extend(tx: &mut TenantTx, new: Outage, known: &[Outage], reason: &str) -> Result<Vec<i64>, ::store::Error> {
    let mut changes = Vec::new();
    for before in window::store::open_between(tx, new.starts_at, new.ends_at).await? {
        let counted = store::counted(tx, before.id).await?;
        let extensions = owed(&before.window, &counted, new, known);
        if !extensions.is_empty() {
            changes.push((before, extensions));
        }
    }
    store::insert(tx, new, reason, changes.len()).await?;
    for (before, extensions) in &changes {
        store::extend(tx, before, extensions).await?;
    }
    Ok(changes.iter().map(|(before, _)| before.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{
        calendar::{AcademicYear, RosterTerm},
        rules::WindowKind,
    };
    use time::macros::datetime;

    const MIDNIGHT: OffsetDateTime = datetime!(2026-11-22 00:00 +8);

    fn at(hour: i64) -> OffsetDateTime {
        MIDNIGHT + Duration::hours(hour)
    }

    fn outage(id: i64, from: i64, until: i64) -> Outage {
        Outage { id, starts_at: at(from), ends_at: at(until) }
    }

    fn window(opens: i64, closes: i64) -> Window {
        Window {
            kind: WindowKind::OutcomeUpload,
            academic_year: AcademicYear::FIRST,
            term: RosterTerm::YEAR,
            grade: None,
            opens_at: at(opens),
            closes_at: at(closes),
        }
    }

    /// The hour at which a window closes after outages that arrive in this order.
    fn closes(opens: i64, closes: i64, arriving: &[Outage]) -> i64 {
        let mut window = window(opens, closes);
        let (mut counted, mut known) = (Vec::new(), Vec::new());
        for new in arriving {
            for extension in owed(&window, &counted, *new, &known) {
                assert_eq!(extension.closed_at, window.closes_at);
                window.closes_at = extension.closes_at;
                counted.extend(arriving.iter().filter(|outage| outage.id == extension.outage));
            }
            known.push(*new);
        }
        (window.closes_at - MIDNIGHT).whole_hours()
    }

    #[test]
    fn a_window_that_was_open_at_some_moment_is_extended_by_the_whole_length() {
        let hit = [outage(1, 10, 13)];
        assert_eq!(closes(0, 17, &hit), 20, "open all the time");
        assert_eq!(closes(0, 11, &hit), 14, "it closed in the middle");
        assert_eq!(closes(12, 17, &hit), 20, "it opened in the middle");
        assert_eq!(closes(11, 12, &hit), 15, "it was open only then");
    }

    /// Opening and closing times are moments: the last one of a window is already too late.
    #[test]
    fn a_window_that_was_closed_stays_as_it_is() {
        let hit = [outage(1, 10, 13)];
        assert_eq!(closes(0, 10, &hit), 10, "it closed as the outage began");
        assert_eq!(closes(13, 17, &hit), 17, "it opened as the system came back");
        assert_eq!(closes(0, 9, &hit), 9);
    }

    #[test]
    fn minutes_count_once() {
        let (one, two) = (outage(1, 10, 12), outage(2, 11, 13));
        assert_eq!(closes(0, 17, &[one, two]), 20);
        assert_eq!(closes(0, 17, &[two, one]), 20);
        assert_eq!(closes(0, 17, &[one, outage(2, 10, 12)]), 19, "the same time recorded twice");
        assert_eq!(closes(0, 17, &[outage(1, 8, 16), outage(2, 10, 11)]), 25, "one within the other");
        assert_eq!(closes(0, 17, &[outage(1, 10, 11), outage(2, 8, 16)]), 25, "and the other way round");
        assert_eq!(closes(0, 17, &[outage(1, 8, 10), outage(2, 9, 11), outage(3, 7, 12)]), 22, "three over each other");
        assert_eq!(closes(0, 17, &[outage(1, 8, 9), outage(2, 10, 11)]), 19, "apart they add up");
    }

    /// What is recorded late must not give less than what is recorded at once.
    #[test]
    fn the_order_of_recording_makes_no_difference() {
        let (first, second, third) = (outage(1, 10, 12), outage(2, 12, 14), outage(3, 13, 15));
        for order in [[first, second, third], [second, first, third], [third, second, first], [third, first, second]] {
            assert_eq!(closes(0, 11, &order), 16, "{order:?}");
        }
        assert_eq!(closes(0, 11, &[outage(2, 13, 14), outage(1, 10, 12)]), 13, "it had closed before the second");
    }
}
