//! A teacher's decision: pass or fail, with a reason, published now, later or when its undo is over.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    rules::{Action, Refusal, Ruleset, Windows, may},
    text::{self, TextError},
};
use time::{Duration, OffsetDateTime};
use web::FieldErrors;

use crate::request::Standing;

/// When the student gets to see it (F-093).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publication {
    Now,
    /// Of several at once: nobody sees a slip that can still be undone.
    AfterUndo,
    Later,
}

impl Publication {
    /// The moment; none: on the teacher's word.
    pub(crate) fn moment(self, now: OffsetDateTime, rules: &Ruleset) -> Option<OffsetDateTime> {
        match self {
            Self::Now => Some(now),
            Self::AfterUndo => Some(now + Duration::minutes(rules.decision_undo_minutes)),
            Self::Later => None,
        }
    }
}

/// What the teacher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) pass: bool,
    pub(crate) reason: String,
}

/// The decision form as it was sent; also what a redrawn form shows.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    /// `pass` or `fail`.
    pub(crate) result: String,
    pub(crate) reason: String,
    /// `later`; anything else publishes, which is the default of deciding.
    pub(crate) publish: String,
    /// Of several at once.
    pub(crate) request: Vec<i64>,
}

impl Typed {
    pub(crate) fn is_later(&self) -> bool {
        self.publish == "later"
    }

    /// The ruling, or what is missing in the form. Whether it may be made is for [`refusal`] to say.
    pub(crate) fn ruling(&self, rules: &Ruleset) -> Result<Ruling, FieldErrors> {
        let pass = match self.result.as_str() {
            "pass" => true,
            "fail" => false,
            _ => return Err(FieldErrors::one("result", "請選擇通過或不通過。")),
        };
        let limit = usize::try_from(rules.reason_max_chars).unwrap_or_default();
        // too long is a refusal of the rules, which tell it with the numbers
        let reason = match text::line(&self.reason, limit) {
            Err(TextError::TooLong { .. }) => self.reason.trim().to_owned(),
            Err(hidden) => return Err(FieldErrors::one("reason", format!("原因：{hidden}。"))),
            Ok(reason) => reason,
        };
        Ok(Ruling { pass, reason })
    }
}

/// Why the ruling can't be made on this request; `None`: it can.
pub(crate) fn refusal(
    ruling: &Ruling,
    standing: &Standing,
    (rules, windows): (&Ruleset, &Windows),
    now: OffsetDateTime,
) -> Option<Refusal> {
    let action = Action::Decide {
        slot: standing.slot,
        state: standing.state(now),
        file_opened: standing.opened_at.is_some(),
        pass: ruling.pass,
        reason_chars: i64::try_from(text::count(&ruling.reason)).unwrap_or(i64::MAX),
    };
    may(&action, rules, windows, now).err()
}

/// The field that a refusal is shown at; empty: above the form.
pub(crate) fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ReasonMissing | Refusal::ReasonTooLong { .. } => "reason",
        Refusal::FileNotOpened => "opening",
        _ => "",
    }
}

/// Whether a decision may be taken back now.
pub(crate) fn undo(standing: &Standing, rules: &Ruleset, now: OffsetDateTime) -> Result<(), Refusal> {
    let Some(decided) = standing.decided else { return Err(Refusal::NothingToPublish) };
    let action = Action::UndoDecision { state: standing.state(now), decided_at: decided.at };
    may(&action, rules, &Windows::default(), now)
}

/// Until when a decision may be taken back.
pub(crate) fn undo_until(decided_at: OffsetDateTime, rules: &Ruleset) -> OffsetDateTime {
    decided_at + Duration::minutes(rules.decision_undo_minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Standing, tests::*};
    use kernel::{
        calendar::{AcademicYear, RosterTerm},
        rules::{OutcomeState, Window, WindowKind},
    };

    fn rules() -> Ruleset {
        Ruleset::of(AcademicYear::new(115).unwrap())
    }

    fn open() -> Windows {
        Windows(vec![Window {
            kind: WindowKind::OutcomeCertify,
            academic_year: AcademicYear::new(115).unwrap(),
            term: RosterTerm::YEAR,
            grade: None,
            opens_at: NOW - Duration::days(1),
            closes_at: NOW + Duration::days(1),
        }])
    }

    fn refused(pass: bool, reason: &str, standing: &Standing) -> Option<Refusal> {
        refusal(&Ruling { pass, reason: reason.into() }, standing, (&rules(), &open()), NOW)
    }

    /// F-091: "Must open the file before certifying".
    #[test]
    fn the_file_must_have_been_opened() {
        let unopened = Standing { opened_at: None, ..standing(None) };
        assert_eq!(refused(true, "", &unopened), Some(Refusal::FileNotOpened));
        assert_eq!(field_of(&Refusal::FileNotOpened), "opening");
        assert_eq!(refused(true, "", &standing(None)), None);
    }

    /// Domain §4.4: "reason … mandatory on fail, optional on pass"; "≤100 characters".
    #[test]
    fn a_fail_needs_a_reason_of_at_most_a_hundred_characters() {
        assert_eq!(refused(false, "", &standing(None)), Some(Refusal::ReasonMissing));
        assert_eq!(refused(false, "內容與本課程無關", &standing(None)), None);
        assert_eq!(refused(true, &"字".repeat(100), &standing(None)), None);
        let too_long = Some(Refusal::ReasonTooLong { limit: 100, found: 101 });
        assert_eq!(refused(true, &"字".repeat(101), &standing(None)), too_long);
    }

    #[test]
    fn a_form_without_a_result_says_so_and_keeps_long_reasons_whole() {
        let typed = Typed { reason: " 好 ".into(), ..Typed::default() };
        assert_eq!(typed.ruling(&rules()).unwrap_err().get("result"), Some("請選擇通過或不通過。"));
        let typed = Typed { result: "fail".into(), reason: "字".repeat(120), ..Typed::default() };
        assert_eq!(text::count(&typed.ruling(&rules()).unwrap().reason), 120);
    }

    /// Domain §4.4: decided → passed | failed by publishing; an unpublished decision may be made anew, a published not.
    #[test]
    fn only_what_the_student_has_not_seen_is_decided_anew() {
        assert_eq!(refused(true, "", &standing(Some(decided(false, None, false)))), None);
        let state = OutcomeState::Passed;
        let published = standing(Some(decided(true, Some(NOW), false)));
        assert_eq!(refused(true, "", &published), Some(Refusal::NotDecidable { state }));
    }

    /// Issue 2 §3.5: "10 minutes undo"; not after the student has selected the outcome.
    #[test]
    fn a_decision_is_taken_back_within_ten_minutes_and_before_it_is_selected() {
        let at = |minutes| {
            let made = NOW - Duration::minutes(minutes);
            standing(Some(crate::request::Decided { at: made, ..decided(true, Some(made), false) }))
        };
        assert_eq!(undo(&at(10), &rules(), NOW), Ok(()));
        assert!(matches!(undo(&at(11), &rules(), NOW), Err(Refusal::UndoExpired { minutes: 10, .. })));
        let selected = standing(Some(decided(true, Some(NOW), true)));
        assert!(matches!(undo(&selected, &rules(), NOW), Err(Refusal::UndoExpired { .. })));
    }

    /// Issue 2 §3.5: "publishing is the default of deciding"; several at once wait until their undo is over.
    #[test]
    fn when_a_decision_is_published() {
        assert!(!Typed::default().is_later());
        assert_eq!(Publication::Now.moment(NOW, &rules()), Some(NOW));
        assert_eq!(Publication::AfterUndo.moment(NOW, &rules()), Some(NOW + Duration::minutes(10)));
        assert_eq!(Publication::Later.moment(NOW, &rules()), None);
    }
}
