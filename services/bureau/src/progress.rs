//! How far each school has come this year, and how a reader wants to see it.

mod chart;
pub(crate) mod pages;
pub(crate) mod store;
mod view;

use time::{Duration, OffsetDateTime};

/// The promise of the page: its numbers are at most this old.
const FRESH: Duration = Duration::seconds(60);

/// One school in one academic year, as counts.
#[derive(Clone, Debug)]
pub(crate) struct SchoolProgress {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) academic_year: i16,
    pub(crate) students: i32,
    /// Outcomes uploaded.
    pub(crate) uploaded: i32,
    /// Outcomes that a teacher passed.
    pub(crate) certified: i32,
    /// Outcomes selected.
    pub(crate) selected: i32,
    /// Students who selected an outcome or an activity.
    pub(crate) selecting_students: i32,
    /// Rows handed over to the central database, of the last attempt of each roster.
    pub(crate) submitted_rows: i32,
    /// Students who confirmed a part of their receipt.
    pub(crate) confirmed_students: i32,
    pub(crate) select_closes_at: Option<OffsetDateTime>,
    /// The selection closed and nothing was handed over.
    pub(crate) overdue: bool,
    /// When it was counted.
    pub(crate) updated_at: OffsetDateTime,
}

impl SchoolProgress {
    /// The kind of school in the words of the city's list.
    pub(crate) fn kind_label(&self) -> &'static str {
        kind_label(&self.kind)
    }
}

/// The kinds of the city's list of schools.
fn kind_label(kind: &str) -> &'static str {
    match kind {
        "senior_high" => "高級中學",
        "vocational" => "技術型學校",
        "vocational_continuing" => "進修部",
        "special_education" => "特殊教育學校",
        _ => "其他",
    }
}

/// The schools shown, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) schools: i64,
    pub(crate) overdue: i64,
    pub(crate) students: i64,
    pub(crate) uploaded: i64,
    pub(crate) certified: i64,
    pub(crate) selected: i64,
    pub(crate) submitted_rows: i64,
    pub(crate) confirmed_students: i64,
}

impl Totals {
    fn of(schools: &[SchoolProgress]) -> Self {
        schools.iter().fold(Self::default(), |sum, school| Self {
            schools: sum.schools + 1,
            overdue: sum.overdue + i64::from(school.overdue),
            students: sum.students + i64::from(school.students),
            uploaded: sum.uploaded + i64::from(school.uploaded),
            certified: sum.certified + i64::from(school.certified),
            selected: sum.selected + i64::from(school.selected),
            submitted_rows: sum.submitted_rows + i64::from(school.submitted_rows),
            confirmed_students: sum.confirmed_students + i64::from(school.confirmed_students),
        })
    }
}

/// How old the oldest of the numbers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(Duration);

impl Age {
    /// Of all schools together: the oldest row counts. `None` before the first recount.
    fn of(schools: &[SchoolProgress], now: OffsetDateTime) -> Option<Self> {
        let oldest = schools.iter().map(|school| school.updated_at).min()?;
        // the worker's clock may run a little ahead of this process's
        Some(Self((now - oldest).max(Duration::ZERO)))
    }

    /// Whether the promise is broken: the worker is not counting.
    pub(crate) fn is_stale(self) -> bool {
        self.0 > FRESH
    }

    /// 12 秒前, 5 分鐘前
    pub(crate) fn text(self) -> String {
        match self.0.whole_seconds() {
            seconds @ ..120 => format!("{seconds} 秒前"),
            seconds @ ..7200 => format!("{} 分鐘前", seconds / 60),
            seconds => format!("{} 小時前", seconds / 3600),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::macros::datetime;

    pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 06:00 UTC);

    pub(crate) fn school(code: &str, students: i32) -> SchoolProgress {
        SchoolProgress {
            code: code.to_owned(),
            name: format!("學校 {code}"),
            kind: "senior_high".to_owned(),
            academic_year: 115,
            students,
            uploaded: 10,
            certified: 8,
            selected: 6,
            selecting_students: 3,
            submitted_rows: 0,
            confirmed_students: 1,
            select_closes_at: None,
            overdue: false,
            updated_at: NOW,
        }
    }

    /// Issue 2 §3.12: "from aggregates that are at most 60 s old".
    #[test]
    fn the_age_is_that_of_the_oldest_row_and_a_minute_is_the_limit() {
        let fresh = school("343303", 5);
        let old = SchoolProgress { updated_at: NOW - Duration::seconds(61), ..fresh.clone() };
        let age = Age::of(&[fresh.clone(), old], NOW).unwrap();
        assert!(age.is_stale());
        assert_eq!(age.text(), "61 秒前");
        let minute = SchoolProgress { updated_at: NOW - Duration::seconds(60), ..fresh };
        assert!(!Age::of(&[minute], NOW).unwrap().is_stale());
        assert_eq!(Age::of(&[], NOW), None);
    }

    #[test]
    fn totals_add_up() {
        let late = SchoolProgress { overdue: true, ..school("353302", 7) };
        let totals = Totals::of(&[school("343303", 5), late]);
        assert_eq!((totals.schools, totals.overdue, totals.students, totals.certified), (2, 1, 12, 16));
    }
}
