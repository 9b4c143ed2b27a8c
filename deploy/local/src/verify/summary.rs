//! The table at the end, and the line that machines read.

use std::fmt::Write;

use crate::stage::Outcome;

/// A step that was run.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) outcome: Outcome,
}

/// One line for each step: name, time, tests, and what is wrong.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = format!("\n{:width$}  {:>8}  {:>7}  {:>7}\n", "step", "seconds", "passed", "failed");
    for row in rows {
        let Outcome { passed, failed, problem } = &row.outcome;
        let verdict = problem.as_ref().map_or_else(
            || "ok".to_owned(),
            |problem| {
                let first = problem.lines().next().unwrap_or_default();
                format!("FAILED: {first}")
            },
        );
        writeln!(text, "{:width$}  {:8.1}  {passed:7}  {failed:7}  {verdict}", row.name, row.seconds)
            .expect("writing to a string cannot fail");
    }
    let seconds: f64 = rows.iter().map(|row| row.seconds).sum();
    writeln!(text, "{:width$}  {seconds:8.1}\n", "all").expect("writing to a string cannot fail");
    text
}

/// `N passed, N failed`: tests by their runners' counts; a step that failed without a failed test
/// counts as one.
pub(crate) fn closing_line(rows: &[Row]) -> String {
    let passed: u64 = rows.iter().map(|row| row.outcome.passed).sum();
    let failed: u64 = rows.iter().map(|row| failures(&row.outcome)).sum();
    format!("{passed} passed, {failed} failed")
}

/// Whether every step was good.
pub(crate) fn is_good(rows: &[Row]) -> bool {
    rows.iter().all(|row| failures(&row.outcome) == 0)
}

fn failures(outcome: &Outcome) -> u64 {
    outcome.failed.max(u64::from(outcome.problem.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, outcome: Outcome) -> Row {
        Row { name, seconds: 1.5, outcome }
    }

    #[test]
    fn a_step_that_fails_without_a_failed_test_counts_as_one() {
        let tested = Outcome { passed: 40, failed: 2, problem: Some("2 tests failed".to_owned()) };
        let rows = [row("format", Outcome::failure("not formatted\nmore")), row("tests", tested)];
        assert_eq!(closing_line(&rows), "40 passed, 3 failed");
        assert!(!is_good(&rows));
        let text = table(&rows);
        assert!(text.contains("FAILED: not formatted\n"), "{text}");
    }

    #[test]
    fn only_good_steps_are_good() {
        let rows = [row("format", Outcome::done()), row("tests", Outcome { passed: 3, ..Outcome::done() })];
        assert_eq!(closing_line(&rows), "3 passed, 0 failed");
        assert!(is_good(&rows));
    }
}
