//! A course learning outcome: what it is, where it stands, what may be done with it now (domain §4.4).

pub(crate) mod certification;
pub(crate) mod pages;
pub(crate) mod show;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, Term},
    codes::EnrolmentKind,
    course_code::{CourseCode, UnitKind},
    ids::{CourseRecordId, OutcomeId, SectionId},
    rules::{Action, NewFiles, OutcomeState, Slot},
};
use time::OffsetDateTime;
use web::Tone;

use crate::file::{File, Place};
use crate::student::Student;

/// One course that the student takes or took, as the school recorded it.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) id: CourseRecordId,
    pub(crate) year: AcademicYear,
    pub(crate) term: Term,
    pub(crate) subject: String,
    pub(crate) code: String,
    pub(crate) kind: i16,
    pub(crate) credits: i16,
    pub(crate) section: Option<SectionId>,
    /// Somebody is appointed to certify its outcomes.
    pub(crate) has_certifier: bool,
    /// The school has taken it away; it stays in sight as long as it has outcomes.
    pub(crate) is_withdrawn: bool,
}

impl Course {
    /// Only courses with credit carry outcomes; group activity and flexible learning time don't (domain §4.4,
    /// §5.8.3 rule 6). A code that can't be read is the school's to mend, not the student's loss.
    pub(crate) fn carries_outcomes(&self) -> bool {
        !self.is_withdrawn
            && self.credits > 0
            && self.code.parse::<CourseCode>().map_or(!self.code.is_empty(), |code| code.carries_outcomes())
    }

    /// 「3 學分」 or 「3 節」: evening programmes count periods.
    pub(crate) fn units(&self, student: &Student) -> String {
        let unit = match self.code.parse::<CourseCode>().map(|code| code.unit_kind()) {
            Ok(UnitKind::Period) => "節",
            _ => student.unit,
        };
        format!("{} {unit}", self.credits)
    }

    /// 修習方式, e.g. 學期, 重修.
    pub(crate) fn study_mode(&self) -> &'static str {
        EnrolmentKind::try_from(self.kind).map_or("", EnrolmentKind::label)
    }

    /// 115學年度第1學期
    pub(crate) fn when(&self) -> String {
        format!("{}{}", self.year.label(), self.term.label())
    }

    /// The windows of its outcomes are those of its own year and term.
    pub(crate) fn slot(&self, student: &Student) -> Slot {
        student.slot(self.year, self.term)
    }
}

/// The sending that counts: the latest that was not withdrawn.
#[derive(Clone)]
pub(crate) struct Request {
    /// The certifier has opened a file.
    pub(crate) opened: bool,
}

/// What the teacher decided on it.
#[derive(Clone)]
pub(crate) struct Decision {
    pub(crate) id: i64,
    pub(crate) passed: bool,
    pub(crate) reason: String,
    pub(crate) publish_at: Option<OffsetDateTime>,
}

impl Decision {
    fn is_published(&self, now: OffsetDateTime) -> bool {
        self.publish_at.is_some_and(|at| at <= now)
    }
}

/// An outcome with everything that its state derives from.
pub(crate) struct Outcome {
    pub(crate) id: OutcomeId,
    pub(crate) course: Course,
    pub(crate) summary: String,
    pub(crate) version: i32,
    pub(crate) files: Vec<File>,
    pub(crate) request: Option<Request>,
    pub(crate) decision: Option<Decision>,
    pub(crate) is_selected: bool,
    pub(crate) submission: Submission,
}

/// How far an item is on its way to the central database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Submission {
    /// Not sent.
    None,
    /// Sent.
    Submitted,
    /// Sent, and its receipt found right.
    Confirmed,
    /// Sent, and its receipt found wrong.
    Disputed,
}

impl Submission {
    /// From the words of the SQL.
    pub(crate) fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("confirmed") => Self::Confirmed,
            Some("disputed") => Self::Disputed,
            Some(_) => Self::Submitted,
            None => Self::None,
        }
    }
}

impl Outcome {
    /// Where it stands (domain §4.4).
    pub(crate) fn state(&self, now: OffsetDateTime) -> OutcomeState {
        use OutcomeState as State;
        match self.submission {
            Submission::Submitted => return State::Submitted,
            Submission::Confirmed => return State::Confirmed,
            Submission::Disputed => return State::Disputed,
            Submission::None => {}
        }
        match (&self.request, &self.decision) {
            _ if self.is_selected => State::Selected,
            (None, _) => State::Draft,
            (Some(_), None) => State::Sent,
            (Some(_), Some(decision)) if !decision.is_published(now) => State::Decided,
            (Some(_), Some(decision)) if decision.passed => State::Passed,
            (Some(_), Some(_)) => State::Failed,
        }
    }

    /// The decision, once the student may know it.
    pub(crate) fn published(&self, now: OffsetDateTime) -> Option<&Decision> {
        self.decision.as_ref().filter(|decision| decision.is_published(now))
    }

    pub(crate) fn saved(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_saved())
    }

    pub(crate) fn saved_at(&self, place: Place) -> Option<&File> {
        self.saved().find(|file| file.place() == place)
    }

    pub(crate) fn has_file(&self) -> bool {
        self.saved().next().is_some()
    }

    /// Changing summary or files.
    pub(crate) fn edit(&self, student: &Student, files: NewFiles, now: OffsetDateTime) -> Action {
        Action::EditOutcome { slot: self.course.slot(student), state: self.state(now), files }
    }

    /// Sending it to the teacher.
    pub(crate) fn send(&self, student: &Student, now: OffsetDateTime) -> Action {
        Action::SendForCertification {
            slot: self.course.slot(student),
            state: self.state(now),
            has_file: self.has_file(),
            has_certifier: self.course.has_certifier,
        }
    }

    /// Taking it back from the teacher.
    pub(crate) fn withdraw(&self, now: OffsetDateTime) -> Action {
        let opened = self.request.as_ref().is_some_and(|request| request.opened);
        Action::WithdrawRequest { state: self.state(now), opened }
    }
}

/// How a state looks; the student never sees an unpublished decision.
pub(crate) fn tone(state: OutcomeState) -> Tone {
    use OutcomeState as State;
    match state.seen_by_student() {
        State::Draft | State::Decided => Tone::Quiet,
        State::Sent => Tone::Wait,
        State::Failed | State::Disputed => Tone::Bad,
        State::Passed | State::Confirmed => Tone::Good,
        State::Selected | State::Submitted => Tone::Note,
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);

    fn course(code: &str, credits: i16) -> Course {
        Course {
            id: 1.into(),
            year: AcademicYear::new(115).unwrap(),
            term: Term::FIRST,
            subject: "國語文".to_owned(),
            code: code.to_owned(),
            kind: 1,
            credits,
            section: None,
            has_certifier: true,
            is_withdrawn: false,
        }
    }

    fn outcome() -> Outcome {
        Outcome {
            id: 1.into(),
            course: course("108011302H11101A1010101", 4),
            summary: String::new(),
            version: 1,
            files: Vec::new(),
            request: None,
            decision: None,
            is_selected: false,
            submission: Submission::None,
        }
    }

    fn sent() -> Outcome {
        Outcome { request: Some(Request { opened: false }), ..outcome() }
    }

    fn decided(passed: bool, publish_at: Option<OffsetDateTime>) -> Outcome {
        Outcome { decision: Some(Decision { id: 1, passed, reason: String::new(), publish_at }), ..sent() }
    }

    /// §4.4: `draft` → `sent` → `decided(pass|fail, unpublished)` → `passed` | `failed` → `selected` → `submitted`.
    #[test]
    fn the_state_derives_from_the_rows() {
        assert_eq!(outcome().state(NOW), OutcomeState::Draft);
        assert_eq!(sent().state(NOW), OutcomeState::Sent);
        assert_eq!(decided(true, Some(NOW)).state(NOW), OutcomeState::Passed);
        assert_eq!(decided(false, Some(NOW)).state(NOW), OutcomeState::Failed);
        let selected = Outcome { is_selected: true, ..decided(true, Some(NOW)) };
        assert_eq!(selected.state(NOW), OutcomeState::Selected);
        let submitted = Outcome { submission: Submission::Submitted, ..selected };
        assert_eq!(submitted.state(NOW), OutcomeState::Submitted);
    }

    /// §4.4: "Result hidden until `publish`"; A-29: "never the student".
    #[test]
    fn an_unpublished_decision_is_not_seen() {
        for hidden in [decided(false, None), decided(false, Some(NOW + Duration::SECOND))] {
            assert_eq!(hidden.state(NOW), OutcomeState::Decided);
            assert_eq!(hidden.state(NOW).seen_by_student(), OutcomeState::Sent);
            assert!(hidden.published(NOW).is_none());
            assert_eq!(tone(hidden.state(NOW)), tone(OutcomeState::Sent));
        }
    }

    /// §4.4: "有修課紀錄且具學分數"; §5.8.3 rule 6: "Category 8 and 9 with attribute ≠ D" carry none.
    #[test]
    fn courses_without_credit_carry_no_outcome() {
        assert!(course("108011302H11101A1010101", 4).carries_outcomes());
        assert!(!course("108011302H11101A1010101", 0).carries_outcomes());
        assert!(!course("108011302H11101A8000001", 1).carries_outcomes());
        assert!(!course("", 2).carries_outcomes(), "course has a code");
        let withdrawn = Course { is_withdrawn: true, ..course("108011302H11101A1010101", 4) };
        assert!(!withdrawn.carries_outcomes(), "it is in the student's course record no more");
    }
}
