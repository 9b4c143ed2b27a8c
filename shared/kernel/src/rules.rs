//! The rules with their numbers (domain §4): one function says what a person may do now, and if not, why.
//!
//! Pages ask [`may`] to draw a button, handlers ask it again before they write, the database holds the counts under
//! races. A rule changes here and nowhere else; its numbers change in a [`Ruleset`].

mod action;
pub mod activity;
mod refusal;
mod ruleset;
mod state;
#[cfg(test)]
mod tests;
mod window;

use time::{Duration, OffsetDateTime};

pub use action::{Action, FileClass, NewFiles, SubmissionPart};
pub use refusal::Refusal;
pub use ruleset::{MIB, OverrideError, Ruleset, RulesetOverride, SelectPeriod};
pub use state::{ActivityState, OutcomeState};
pub use window::{Slot, Window, WindowError, WindowKind, WindowState, Windows};

use crate::calendar::{AcademicYear, RosterTerm, Term};
use crate::role::Role;

/// May this be done now? `rules` are those of the item's academic year at the person's school.
///
/// What can't change is told before what time changes, and that before what the person can change.
///
/// An early submission freezes no student: until the window closes, what was submitted may be selected or not for the
/// next one, which replaces it. Its content stays as it is, and a receipt that was confirmed is the last word.
pub fn may(action: &Action, rules: &Ruleset, windows: &Windows, now: OffsetDateTime) -> Result<(), Refusal> {
    use OutcomeState as State;
    let open = |kind, slot: &Slot| windows.require(kind, slot, now);
    let changeable = |activity: ActivityState| {
        ensure(!activity.is_submitted(), Refusal::AlreadySubmitted)?;
        ensure(activity != ActivityState::Selected, Refusal::ActivitySelected)
    };

    match *action {
        Action::UploadOutcome { slot, carries_outcomes, used_in_term, used_in_subject, files } => {
            ensure(carries_outcomes, Refusal::NoCredit)?;
            open(WindowKind::OutcomeUpload, &slot)?;
            let (per_term, per_subject) = (rules.outcome_upload_per_term, rules.outcome_per_subject);
            ensure(used_in_term < per_term, Refusal::TermFull { limit: per_term, used: used_in_term })?;
            ensure(used_in_subject < per_subject, Refusal::SubjectFull { limit: per_subject, used: used_in_subject })?;
            check_files(files, rules)
        }
        Action::EditOutcome { slot, state, files } => {
            match state {
                State::Draft => open(WindowKind::OutcomeUpload, &slot)?,
                // a failed outcome is mended to be certified after all, so the time for that counts as well
                State::Failed => {
                    open(WindowKind::OutcomeUpload, &slot).or_else(|_| open(WindowKind::OutcomeCertify, &slot))?;
                }
                _ => return Err(Refusal::OutcomeLocked { state: state.seen_by_student() }),
            }
            check_files(files, rules)
        }
        Action::DeleteOutcome { state } => {
            ensure(state == State::Draft, Refusal::OutcomeNotDeletable { state: state.seen_by_student() })
        }
        Action::SendForCertification { slot, state, has_file, has_certifier } => {
            let sendable = matches!(state, State::Draft | State::Failed);
            ensure(sendable, Refusal::NotSendable { state: state.seen_by_student() })?;
            open(WindowKind::OutcomeCertify, &slot)?;
            ensure(has_certifier, Refusal::NoCertifier)?;
            ensure(has_file, Refusal::NoFile)
        }
        Action::WithdrawRequest { state, opened } => {
            ensure(state.seen_by_student() == State::Sent, Refusal::NotWaiting)?;
            ensure(state == State::Sent && !opened, Refusal::AlreadyOpened)
        }
        Action::Decide { slot, state, file_opened, pass, reason_chars } => {
            ensure(matches!(state, State::Sent | State::Decided), Refusal::NotDecidable { state })?;
            open(WindowKind::OutcomeCertify, &slot)?;
            ensure(file_opened, Refusal::FileNotOpened)?;
            ensure(pass || reason_chars > 0, Refusal::ReasonMissing)?;
            let limit = rules.reason_max_chars;
            ensure(reason_chars <= limit, Refusal::ReasonTooLong { limit, found: reason_chars })
        }
        Action::Publish { state } => ensure(state == State::Decided, Refusal::NothingToPublish),
        Action::UndoDecision { state, decided_at } => {
            let minutes = rules.decision_undo_minutes;
            let untouched = matches!(state, State::Decided | State::Passed | State::Failed);
            let in_time = now - decided_at <= Duration::minutes(minutes);
            ensure(untouched && in_time, Refusal::UndoExpired { minutes, decided_at })
        }
        Action::SelectOutcome { slot, state, uploaded_in, selected_count } => {
            ensure(state != State::Confirmed, Refusal::AlreadySubmitted)?;
            ensure(state != State::Selected, Refusal::AlreadySelected)?;
            // what was submitted had passed; it is chosen again after it was taken back from a later submission
            let passed = state == State::Passed || state.is_submitted();
            ensure(passed, Refusal::NotPassed { state: state.seen_by_student() })?;
            ensure(uploaded_in == slot.year, Refusal::OtherYear { uploaded: uploaded_in, selecting: slot.year })?;
            open(WindowKind::OutcomeSelect, &slot)?;
            let (limit, period) = (rules.outcome_select_max, rules.outcome_select_period);
            ensure(selected_count < limit, Refusal::OutcomeSelectionFull { limit, used: selected_count, period })
        }
        Action::UnselectOutcome { slot, state } => {
            ensure(state != State::Confirmed, Refusal::AlreadySubmitted)?;
            ensure(state == State::Selected || state.is_submitted(), Refusal::NotSelected)?;
            open(WindowKind::OutcomeSelect, &slot)
        }
        Action::AddActivity { slot, used_in_year, files } => {
            open(WindowKind::ActivityUpload, &slot)?;
            if let Some(limit) = rules.activity_upload_per_year {
                ensure(used_in_year < limit, Refusal::ActivityYearFull { limit, used: used_in_year })?;
            }
            check_files(files, rules)
        }
        Action::EditActivity { slot, state, from_school, core_changed, files } => {
            changeable(state)?;
            ensure(!(from_school && core_changed), Refusal::SchoolFieldsLocked)?;
            open(WindowKind::ActivityUpload, &slot)?;
            check_files(files, rules)
        }
        Action::DeleteActivity { state, from_school } => {
            ensure(!from_school, Refusal::FromSchool)?;
            changeable(state)
        }
        Action::SelectActivity { slot, state, uploaded_in, during_high_school, missing, has_file, selected_count } => {
            ensure(state != ActivityState::Confirmed, Refusal::AlreadySubmitted)?;
            ensure(state != ActivityState::Selected, Refusal::AlreadySelected)?;
            ensure(uploaded_in == slot.year, Refusal::OtherYear { uploaded: uploaded_in, selecting: slot.year })?;
            ensure(during_high_school, Refusal::NotDuringHighSchool)?;
            open(WindowKind::ActivitySelect, &slot)?;
            missing.map_or(Ok(()), |field| Err(Refusal::Incomplete { field }))?;
            ensure(has_file, Refusal::NoFile)?;
            let limit = rules.activity_select_max;
            ensure(selected_count < limit, Refusal::ActivitySelectionFull { limit, used: selected_count })
        }
        Action::UnselectActivity { slot, state } => {
            ensure(state != ActivityState::Confirmed, Refusal::AlreadySubmitted)?;
            ensure(state == ActivityState::Selected || state.is_submitted(), Refusal::NotSelected)?;
            open(WindowKind::ActivitySelect, &slot)
        }
        Action::ConfirmReceipt { slot, already_confirmed } => {
            ensure(!already_confirmed, Refusal::AlreadyConfirmed)?;
            open(WindowKind::ReceiptConfirm, &slot)
        }
        Action::DisputeReceipt { slot } => open(WindowKind::ReceiptConfirm, &slot),
        Action::Submit { part, role, year, grade, problems } => {
            let submitter = submitter_of(part);
            ensure(role == submitter, Refusal::NotTheSubmitter { submitter: submitter.label() })?;
            selection_is_over(part, year, grade, windows, now)?;
            ensure(problems == 0, Refusal::PrecheckFailed { problems })
        }
    }
}

/// Sizes of new files, then the student's storage (domain §4.2). No file at all is fine: it may come later.
pub fn check_files(files: NewFiles, rules: &Ruleset) -> Result<(), Refusal> {
    let classes = [(FileClass::Document, files.document), (FileClass::Media, files.media)];
    for (class, bytes) in classes.into_iter().filter_map(|(class, bytes)| Some((class, bytes?))) {
        check_file(class, bytes, rules)?;
    }
    let (limit, used) = (rules.quota_bytes, files.bytes_used);
    let adding = files.document.unwrap_or(0) + files.media.unwrap_or(0);
    ensure(adding == 0 || used + adding <= limit, Refusal::QuotaExceeded { limit, used, adding })
}

/// The size of one file, for those outside the student's storage too (counselling, domain §4.6).
pub fn check_file(class: FileClass, bytes: i64, rules: &Ruleset) -> Result<(), Refusal> {
    ensure(bytes > 0, Refusal::FileEmpty { class })?;
    let limit = rules.file_max_bytes(class);
    ensure(bytes <= limit, Refusal::FileTooLarge { class, limit, found: bytes })
}

/// Submission is a role of its own (domain §2.2): administrators don't have it.
fn submitter_of(part: SubmissionPart) -> Role {
    match part {
        SubmissionPart::Outcomes => Role::OutcomeSubmitter,
        SubmissionPart::Activities | SubmissionPart::Cadre => Role::ActivitySubmitter,
    }
}

/// At its window's close the selection is frozen and may be submitted (domain §4.4); a school that wants to submit
/// earlier closes the window. Without any window nothing was ever selectable, so there is nothing to wait for.
fn selection_is_over(
    part: SubmissionPart,
    year: AcademicYear,
    grade: Option<i16>,
    windows: &Windows,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let kind = match part {
        SubmissionPart::Outcomes => WindowKind::OutcomeSelect,
        SubmissionPart::Activities => WindowKind::ActivitySelect,
        SubmissionPart::Cadre => return Ok(()),
    };
    // grades beyond the third are extended study; in 108 outcomes were selected by term
    let grades = grade.map_or(1..=6, |grade| grade..=grade);
    let terms = [RosterTerm::YEAR, Term::FIRST.into(), Term::SECOND.into()];
    for slot in grades.flat_map(|grade| terms.map(|term| Slot { year, term, grade })) {
        match windows.state(kind, &slot, now) {
            WindowState::Open { closes_at } => return Err(Refusal::SelectionNotOver { kind, closes_at }),
            WindowState::NotYet { opens_at } => return Err(Refusal::NotYetOpen { kind, opens_at }),
            WindowState::Closed { .. } | WindowState::None => {}
        }
    }
    Ok(())
}

fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}
