//! How far each school has come this year, and how a reader wants to see it.

mod chart;
pub(crate) mod pages;
pub(crate) mod store;
mod view;

use kernel::calendar::{self, AcademicYear};
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
    pub(crate) select_opens_at: Option<OffsetDateTime>,
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

/// The two academic years that are counted: this one by the calendar, and the one before it, whose selection and
/// submission end in its autumn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Years {
    pub(crate) current: AcademicYear,
}

impl Years {
    /// At a moment.
    pub(crate) fn at(now: OffsetDateTime) -> Self {
        Self { current: AcademicYear::of_date(calendar::taipei_date(now)) }
    }

    /// Both, the later one first.
    pub(crate) fn both(self) -> [AcademicYear; 2] {
        [self.current, self.current.previous()]
    }

    /// Both, as the table has them.
    pub(crate) fn numbers(self) -> [i16; 2] {
        self.both().map(AcademicYear::get)
    }

    /// The year asked for, or else the one that the schools are busy with: this year as soon as half of them have
    /// opened its selection, and until then last year, if anybody selected in it. So no single school's windows
    /// decide what the city sees.
    pub(crate) fn shown(self, asked: &str, schools: &[SchoolProgress], now: OffsetDateTime) -> AcademicYear {
        if let Some(year) = self.both().into_iter().find(|year| year.to_string() == asked) {
            return year;
        }
        let selecting = |year: AcademicYear| {
            let of_year = schools.iter().filter(move |school| school.academic_year == year.get());
            let opened = of_year.clone().filter(|school| school.select_opens_at.is_some_and(|opens| opens <= now));
            (opened.count(), of_year.count())
        };
        let (opened, all) = selecting(self.current);
        if opened * 2 >= all && all > 0 || selecting(self.current.previous()).0 == 0 {
            return self.current;
        }
        self.current.previous()
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
            select_opens_at: None,
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

    /// One school that plans ahead, or is late, does not turn the page for all.
    #[test]
    fn the_year_shown_is_the_one_that_the_schools_are_busy_with() {
        let years = Years::at(NOW);
        assert_eq!(years.numbers(), [115, 114]);
        let [current, previous] = years.both();
        let school = |code: &str, year: AcademicYear, opened: bool| SchoolProgress {
            academic_year: year.get(),
            select_opens_at: Some(if opened { NOW } else { NOW + Duration::SECOND }),
            ..school(code, 5)
        };
        let city = |this_year: usize, last_year: usize| -> Vec<SchoolProgress> {
            let codes = ["331302", "343303", "353302"];
            let of = |year, opened| codes.into_iter().enumerate().map(move |(n, code)| school(code, year, n < opened));
            of(current, this_year).chain(of(previous, last_year)).collect()
        };
        for ((this_year, last_year), expected) in
            [((0, 3), previous), ((1, 1), previous), ((2, 3), current), ((0, 0), current), ((1, 0), current)]
        {
            assert_eq!(years.shown("", &city(this_year, last_year), NOW), expected, "{this_year} {last_year}");
        }
        assert_eq!(years.shown("115", &city(0, 3), NOW), current);
        assert_eq!(years.shown("114", &city(3, 3), NOW), previous);
        assert_eq!(years.shown("113", &city(3, 3), NOW), current, "not counted");
        assert_eq!(years.shown("", &[], NOW), current);
    }

    #[test]
    fn totals_add_up() {
        let late = SchoolProgress { overdue: true, ..school("353302", 7) };
        let totals = Totals::of(&[school("343303", 5), late]);
        assert_eq!((totals.schools, totals.overdue, totals.students, totals.certified), (2, 1, 12, 16));
    }
}
