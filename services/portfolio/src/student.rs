//! Where a student stands: class, grade, and the windows that concern them.

use kernel::{
    calendar::{AcademicYear, RosterTerm},
    ids::StudentId,
    rules::{self, Action, Refusal, Ruleset, Slot, WindowKind, WindowState, Windows},
};
use store::{TenantTx, rules::Columns};
use time::OffsetDateTime;

/// A student's enrolment, as far as the cabinet needs it.
pub(crate) struct Student {
    pub(crate) student_no: String,
    pub(crate) class_name: Option<String>,
    pub(crate) seat_no: Option<i16>,
    pub(crate) grade: i16,
    pub(crate) entry_year: i16,
    /// The academic year that `grade` is of: the class's, or that of the latest course.
    pub(crate) enrolled_in: AcademicYear,
    /// 學分 or 節 (A-37).
    pub(crate) unit: &'static str,
    /// Of every year, unless they closed more than a year ago.
    pub(crate) windows: Windows,
}

impl Student {
    /// Reads it in one statement.
    pub(crate) async fn load(tx: &mut TenantTx, id: StudentId) -> Result<Option<Self>, store::Error> {
        let (school, since) = (tx.school(), tx.now() - time::Duration::days(400));
        let row = sqlx::query!(
            r#"select s.student_no, s.grade, s.entry_year, s.seat_no, c.name as "class_name?", h.unit_kind,
                  coalesce(c.academic_year,
                    (select max(r.academic_year) from school.course_record r
                      where r.school_code = $1 and r.student_id = $2 and r.withdrawn_at is null),
                    (s.entry_year + s.grade - 1)::smallint) as "enrolled_in!",
                  w.kinds as "kinds!", w.years as "years!", w.terms as "terms!", w.grades as "grades!",
                  w.opening as "opening!", w.closing as "closing!"
                 from school.student s
                 join school.school h on h.school_code = $1
                 left join school.class c on c.school_code = $1 and c.id = s.class_id
                 cross join lateral (
                    select coalesce(array_agg(kind), '{}') as kinds, coalesce(array_agg(academic_year), '{}') as years,
                           coalesce(array_agg(term), '{}') as terms, coalesce(array_agg(grade), '{}') as grades,
                           coalesce(array_agg(opens_at), '{}') as opening, coalesce(array_agg(closes_at), '{}') as closing
                      from school.window_period where school_code = $1 and closes_at > $3) w
                where s.school_code = $1 and s.id = $2"#,
            school.as_str(),
            id.get(),
            since
        )
        .fetch_optional(tx.conn())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns {
            kinds: row.kinds,
            years: row.years,
            terms: row.terms,
            grades: row.grades,
            opening: row.opening,
            closing: row.closing,
        };
        Ok(Some(Self {
            student_no: row.student_no,
            class_name: row.class_name,
            seat_no: row.seat_no,
            grade: row.grade,
            entry_year: row.entry_year,
            enrolled_in: AcademicYear::new(row.enrolled_in).unwrap_or(AcademicYear::FIRST),
            unit: if row.unit_kind == "period" { "節" } else { "學分" },
            windows: columns.windows()?,
        }))
    }

    /// The student's place in the calendar for an item of that year and term.
    pub(crate) fn slot(&self, year: AcademicYear, term: impl Into<RosterTerm>) -> Slot {
        let grade = (self.grade - (self.enrolled_in.get() - year.get())).max(1);
        Slot { year, term: term.into(), grade }
    }

    /// The year that a page is about: of a window of these kinds that is open, else of the one that opens next,
    /// else the year of the enrolment. Never the clock's (A-42). Of several open ones the earlier, which closes first.
    pub(crate) fn acting_year(&self, kinds: &[WindowKind], now: OffsetDateTime) -> AcademicYear {
        let mut years: Vec<_> = self.windows.0.iter().map(|window| window.academic_year).collect();
        years.sort();
        years.dedup();
        let terms = [0, 1, 2, 3, 4].map(|term| RosterTerm::new(term).expect("0 to 4 are terms"));
        let states = |year: AcademicYear| {
            let of_kind = move |kind| terms.map(|term| self.windows.state(kind, &self.slot(year, term), now));
            kinds.iter().copied().flat_map(of_kind)
        };
        let is_open = |year: &AcademicYear| states(*year).any(|state| matches!(state, WindowState::Open { .. }));
        let next = |year: &AcademicYear| {
            let opening = |state| if let WindowState::NotYet { opens_at } = state { Some(opens_at) } else { None };
            states(*year).filter_map(opening).min()
        };
        let open = years.iter().copied().find(is_open);
        let upcoming = || years.iter().copied().filter_map(|year| Some((next(&year)?, year))).min();
        open.or_else(|| upcoming().map(|(_, year)| year)).unwrap_or(self.enrolled_in)
    }
}

/// What every question of what may be done needs: the student, and the numbers and windows of the item's year.
pub(crate) struct Ground {
    pub(crate) student: Student,
    pub(crate) rules: Ruleset,
    windows: Windows,
}

impl Ground {
    /// Reads both, in two statements.
    pub(crate) async fn load(
        tx: &mut TenantTx,
        student: StudentId,
        year: AcademicYear,
    ) -> Result<Option<Self>, store::Error> {
        let Some(student) = Student::load(tx, student).await? else { return Ok(None) };
        Self::of(tx, student, year).await.map(Some)
    }

    /// Reads what a student's year needs.
    pub(crate) async fn of(tx: &mut TenantTx, student: Student, year: AcademicYear) -> Result<Self, store::Error> {
        let (rules, windows) = store::rules::load(tx, year).await?;
        Ok(Self { student, rules, windows })
    }

    /// May this be done, and if not, why?
    pub(crate) fn may(&self, action: &Action, now: OffsetDateTime) -> Result<(), Refusal> {
        rules::may(action, &self.rules, &self.windows, now)
    }

    /// Where a window stands.
    pub(crate) fn window(&self, kind: WindowKind, slot: &Slot, now: OffsetDateTime) -> WindowState {
        self.windows.state(kind, slot, now)
    }

    /// Characters of a summary, as [`kernel::text::Summary::parse`] wants them.
    pub(crate) fn summary_max(&self) -> usize {
        usize::try_from(self.rules.summary_max_chars).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use kernel::rules::Window;
    use time::macros::datetime;

    use super::*;

    const AUGUST: OffsetDateTime = datetime!(2027-08-10 10:00 +8);

    fn year(year: i16) -> AcademicYear {
        AcademicYear::new(year).unwrap()
    }

    fn window(kind: WindowKind, of: i16, opens_at: OffsetDateTime, closes_at: OffsetDateTime) -> Window {
        Window { kind, academic_year: year(of), term: RosterTerm::YEAR, grade: None, opens_at, closes_at }
    }

    fn student(windows: Vec<Window>) -> Student {
        Student {
            student_no: "1140001".to_owned(),
            class_name: None,
            seat_no: None,
            grade: 3,
            entry_year: 114,
            enrolled_in: year(116),
            unit: "學分",
            windows: Windows(windows),
        }
    }

    /// A-42: "year and term come from the window (and the enrolment), never from the clock". In August the calendar
    /// says 116, the selection is still that of 115.
    #[test]
    fn the_year_of_a_page_is_the_windows() {
        let select =
            window(WindowKind::OutcomeSelect, 115, datetime!(2027-07-01 00:00 +8), datetime!(2027-08-30 17:00 +8));
        let upload =
            window(WindowKind::ActivityUpload, 116, datetime!(2027-08-05 00:00 +8), datetime!(2028-07-31 17:00 +8));
        let student = student(vec![upload, select]);
        assert_eq!(student.acting_year(&[WindowKind::OutcomeSelect], AUGUST), year(115));
        assert_eq!(student.acting_year(&[WindowKind::ActivityUpload], AUGUST), year(116));
        assert_eq!(student.acting_year(&[WindowKind::ReceiptConfirm], AUGUST), year(116), "no window: the enrolment's");
    }

    #[test]
    fn before_a_window_opens_the_page_shows_its_year() {
        let next =
            window(WindowKind::OutcomeSelect, 116, datetime!(2028-07-01 00:00 +8), datetime!(2028-08-30 17:00 +8));
        let over =
            window(WindowKind::OutcomeSelect, 115, datetime!(2027-07-01 00:00 +8), datetime!(2027-08-01 17:00 +8));
        assert_eq!(student(vec![over, next]).acting_year(&[WindowKind::OutcomeSelect], AUGUST), year(116));
    }

    #[test]
    fn the_grade_of_an_earlier_year_is_lower() {
        let student = student(vec![]);
        assert_eq!(student.slot(year(115), RosterTerm::YEAR).grade, 2);
        assert_eq!(student.slot(year(108), RosterTerm::YEAR).grade, 1, "records from before the entry are of grade 1");
    }
}
