use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);
const OPENS: OffsetDateTime = datetime!(2026-11-01 08:00 +8);
const CLOSES: OffsetDateTime = datetime!(2026-11-30 17:00 +8);

fn year() -> AcademicYear {
    AcademicYear::new(115).unwrap()
}

fn slot() -> Slot {
    Slot { year: year(), term: Term::FIRST.into(), grade: 2 }
}

/// Windows of these kinds, open now.
fn open(kinds: &[WindowKind]) -> Windows {
    Windows(kinds.iter().map(|kind| window(*kind, OPENS, CLOSES)).collect())
}

fn closed(kind: WindowKind) -> Windows {
    Windows(vec![window(kind, OPENS, NOW)])
}

fn window(kind: WindowKind, opens_at: OffsetDateTime, closes_at: OffsetDateTime) -> Window {
    Window { kind, academic_year: year(), term: RosterTerm::YEAR, grade: None, opens_at, closes_at }
}

/// The answer at a time when every window is open.
fn answer(action: Action) -> Result<(), Refusal> {
    may(&action, &Ruleset::of(year()), &open(WindowKind::ALL), NOW)
}

/// The answer with only these windows.
fn answer_in(windows: &Windows, action: Action) -> Result<(), Refusal> {
    may(&action, &Ruleset::of(year()), windows, NOW)
}

fn upload(used_in_term: i64, used_in_subject: i64, files: NewFiles) -> Action {
    Action::UploadOutcome { slot: slot(), carries_outcomes: true, used_in_term, used_in_subject, files }
}

fn document(bytes: i64) -> NewFiles {
    NewFiles { document: Some(bytes), ..NewFiles::default() }
}

/// §4.4: "Only courses with credit in the student's course record may carry outcomes".
#[test]
fn a_course_without_credit_carries_no_outcome() {
    let action = Action::UploadOutcome {
        slot: slot(),
        carries_outcomes: false,
        used_in_term: 0,
        used_in_subject: 0,
        files: NewFiles::default(),
    };
    assert_eq!(
        answer_in(&Windows::default(), action),
        Err(Refusal::NoCredit),
        "told before the window, which may open"
    );
}

/// §4.1: "school override, default 6 per term"; "school override, default 3" per subject.
#[test]
fn outcomes_are_limited_per_term_and_per_subject() {
    assert_eq!(answer(upload(5, 2, document(1))), Ok(()));
    assert_eq!(answer(upload(6, 0, document(1))), Err(Refusal::TermFull { limit: 6, used: 6 }));
    assert_eq!(answer(upload(5, 3, document(1))), Err(Refusal::SubjectFull { limit: 3, used: 3 }));
    let rules =
        Ruleset::of(year()).with(&RulesetOverride { outcome_upload_per_term: Some(9), ..RulesetOverride::default() });
    assert_eq!(may(&upload(8, 0, document(1)), &rules, &open(WindowKind::ALL), NOW), Ok(()));
}

/// §4.2: "4 MB from year 109, 2 MB for year 108"; "200 MB hard"; A-04: 2^20.
#[test]
fn files_are_limited_by_class_and_quota() {
    let mib = 1 << 20;
    assert_eq!(answer(upload(0, 0, document(4 * mib))), Ok(()));
    let too_large = Refusal::FileTooLarge { class: FileClass::Document, limit: 4 * mib, found: 4 * mib + 1 };
    assert_eq!(answer(upload(0, 0, document(4 * mib + 1))), Err(too_large));
    let first_year = Ruleset::of(AcademicYear::FIRST);
    let too_large = Refusal::FileTooLarge { class: FileClass::Document, limit: 2 * mib, found: 4 * mib };
    assert_eq!(check_files(document(4 * mib), &first_year), Err(too_large));

    let both = |bytes_used| NewFiles { bytes_used, document: Some(4 * mib), media: Some(10 * mib) };
    assert_eq!(answer(upload(0, 0, both(186 * mib))), Ok(()));
    let full = Refusal::QuotaExceeded { limit: 200 * mib, used: 186 * mib + 1, adding: 14 * mib };
    assert_eq!(answer(upload(0, 0, both(186 * mib + 1))), Err(full));
    assert_eq!(answer(upload(0, 0, document(0))), Err(Refusal::FileEmpty { class: FileClass::Document }));
    let over_quota_already = NewFiles { bytes_used: 201 * mib, ..NewFiles::default() };
    let edit = Action::EditOutcome { slot: slot(), state: OutcomeState::Draft, files: over_quota_already };
    assert_eq!(answer(edit), Ok(()), "a summary can be changed when the storage is full");
}

/// §4.3: upload only while the window is open.
#[test]
fn upload_keeps_to_its_window() {
    let action = upload(0, 0, document(1));
    let kind = WindowKind::OutcomeUpload;
    assert_eq!(answer_in(&open(&[kind]), action), Ok(()));
    assert_eq!(answer_in(&closed(kind), action), Err(Refusal::Closed { kind, opened: OPENS, closed: NOW }));
    assert_eq!(answer_in(&Windows::default(), action), Err(Refusal::NotAnnounced { kind }));
    let later = Windows(vec![window(kind, CLOSES, CLOSES + Duration::DAY)]);
    let refusal = answer_in(&later, action).unwrap_err();
    assert_eq!(refusal.to_string(), "課程學習成果上傳還沒開始，將於 115/11/30 17:00 開放。");
}

/// §4.4: "`sent` items cannot be edited"; "`failed` + published may be edited and sent again".
#[test]
fn drafts_and_failed_outcomes_can_be_edited() {
    let edit = |state| Action::EditOutcome { slot: slot(), state, files: NewFiles::default() };
    for state in OutcomeState::ALL.iter().copied() {
        let editable = matches!(state, OutcomeState::Draft | OutcomeState::Failed);
        assert_eq!(answer(edit(state)).is_ok(), editable, "{state:?}");
    }
    let certifying = open(&[WindowKind::OutcomeCertify]);
    assert_eq!(answer_in(&certifying, edit(OutcomeState::Failed)), Ok(()));
    assert_eq!(
        answer_in(&certifying, edit(OutcomeState::Draft)),
        Err(Refusal::NotAnnounced { kind: WindowKind::OutcomeUpload })
    );
}

/// Issue 2 §3.4: "Edit and delete while draft".
#[test]
fn only_drafts_are_deleted() {
    for state in OutcomeState::ALL.iter().copied() {
        assert_eq!(answer(Action::DeleteOutcome { state }).is_ok(), state == OutcomeState::Draft, "{state:?}");
    }
}

/// F-065: "Send for certification inside the certification window only"; F-064: at least one of document/media.
#[test]
fn sending_needs_the_window_a_certifier_and_a_file() {
    let send =
        |state, has_file, has_certifier| Action::SendForCertification { slot: slot(), state, has_file, has_certifier };
    assert_eq!(answer(send(OutcomeState::Draft, true, true)), Ok(()));
    assert_eq!(answer(send(OutcomeState::Failed, true, true)), Ok(()));
    assert_eq!(answer(send(OutcomeState::Draft, false, true)), Err(Refusal::NoFile));
    assert_eq!(answer(send(OutcomeState::Draft, true, false)), Err(Refusal::NoCertifier));
    let uploading = open(&[WindowKind::OutcomeUpload]);
    let not_announced = Refusal::NotAnnounced { kind: WindowKind::OutcomeCertify };
    assert_eq!(answer_in(&uploading, send(OutcomeState::Draft, true, true)), Err(not_announced));
    let not_sendable = Refusal::NotSendable { state: OutcomeState::Passed };
    assert_eq!(answer(send(OutcomeState::Passed, true, true)), Err(not_sendable));
}

/// §4.4: "student may withdraw only before the teacher opened it (decision)".
#[test]
fn a_request_is_withdrawn_until_the_teacher_opened_it() {
    let withdraw = |state, opened| Action::WithdrawRequest { state, opened };
    assert_eq!(answer_in(&Windows::default(), withdraw(OutcomeState::Sent, false)), Ok(()));
    assert_eq!(answer(withdraw(OutcomeState::Sent, true)), Err(Refusal::AlreadyOpened));
    assert_eq!(answer(withdraw(OutcomeState::Draft, false)), Err(Refusal::NotWaiting));
}

/// unpublished decisions are never shown to the student, not even by what is refused.
#[test]
fn an_unpublished_decision_looks_like_a_waiting_request() {
    let student_may = |state: OutcomeState| {
        let files = NewFiles::default();
        [
            Action::EditOutcome { slot: slot(), state, files },
            Action::DeleteOutcome { state },
            Action::SendForCertification { slot: slot(), state, has_file: true, has_certifier: true },
            Action::WithdrawRequest { state, opened: true },
            Action::SelectOutcome { slot: slot(), state, uploaded_in: year(), selected_count: 0 },
            Action::UnselectOutcome { slot: slot(), state },
        ]
        .map(answer)
    };
    assert_eq!(OutcomeState::Decided.seen_by_student(), OutcomeState::Sent);
    assert_eq!(student_may(OutcomeState::Decided), student_may(OutcomeState::Sent));
    assert!(student_may(OutcomeState::Sent).iter().all(Result::is_err));
}

/// §4.4: "Certifier must have opened the file"; "reason is free text (mandatory on fail, optional on pass, ≤100 characters)".
#[test]
fn a_decision_needs_an_opened_file_and_on_fail_a_reason() {
    let decide = |file_opened, pass, reason_chars| Action::Decide {
        slot: slot(),
        state: OutcomeState::Sent,
        file_opened,
        pass,
        reason_chars,
    };
    assert_eq!(answer(decide(true, true, 0)), Ok(()));
    assert_eq!(answer(decide(true, false, 100)), Ok(()));
    assert_eq!(answer(decide(false, true, 0)), Err(Refusal::FileNotOpened));
    assert_eq!(answer(decide(true, false, 0)), Err(Refusal::ReasonMissing));
    assert_eq!(answer(decide(true, true, 101)), Err(Refusal::ReasonTooLong { limit: 100, found: 101 }));
    let closed = answer_in(&closed(WindowKind::OutcomeCertify), decide(true, true, 0));
    assert!(matches!(closed, Err(Refusal::Closed { .. })));
}

#[test]
fn a_decision_changes_until_it_is_published() {
    for state in OutcomeState::ALL.iter().copied() {
        let decide = Action::Decide { slot: slot(), state, file_opened: true, pass: true, reason_chars: 0 };
        let decidable = matches!(state, OutcomeState::Sent | OutcomeState::Decided);
        assert_eq!(answer(decide).is_ok(), decidable, "{state:?}");
        let publish = answer_in(&Windows::default(), Action::Publish { state });
        assert_eq!(publish.is_ok(), state == OutcomeState::Decided, "{state:?}");
    }
}

/// Issue 2 §3.5: "10 minutes undo".
#[test]
fn a_decision_is_taken_back_within_ten_minutes() {
    let undo = |state, minutes| Action::UndoDecision { state, decided_at: NOW - Duration::minutes(minutes) };
    assert_eq!(answer(undo(OutcomeState::Passed, 10)), Ok(()));
    assert!(matches!(answer(undo(OutcomeState::Passed, 11)), Err(Refusal::UndoExpired { minutes: 10, .. })));
    assert!(answer(undo(OutcomeState::Selected, 1)).is_err(), "the student has built on it");
}

fn select(state: OutcomeState, selected_count: i64) -> Action {
    Action::SelectOutcome { slot: slot(), state, uploaded_in: year(), selected_count }
}

/// §4.4: "Only `passed` items are selectable"; §4.1: "6 per year, hard".
#[test]
fn six_certified_outcomes_are_selected_a_year() {
    assert_eq!(answer(select(OutcomeState::Passed, 5)), Ok(()));
    let full = Refusal::OutcomeSelectionFull { limit: 6, used: 6, period: SelectPeriod::Year };
    assert_eq!(answer(select(OutcomeState::Passed, 6)), Err(full));
    assert!(full.to_string().starts_with("每學年最多勾選 6 件"));
    for state in [OutcomeState::Draft, OutcomeState::Sent, OutcomeState::Failed] {
        assert_eq!(answer(select(state, 0)), Err(Refusal::NotPassed { state }));
    }
    assert_eq!(answer(select(OutcomeState::Selected, 1)), Err(Refusal::AlreadySelected));
    assert_eq!(answer(select(OutcomeState::Confirmed, 1)), Err(Refusal::AlreadySubmitted));
}

/// "Keep 3/term only as historical rule set for 108".
#[test]
fn in_108_three_are_selected_a_term() {
    let mut first = Slot { year: AcademicYear::FIRST, ..slot() };
    first.term = Term::SECOND.into();
    let action = |selected_count| Action::SelectOutcome {
        slot: first,
        state: OutcomeState::Passed,
        uploaded_in: first.year,
        selected_count,
    };
    let mut windows = open(&[WindowKind::OutcomeSelect]);
    windows.0[0].academic_year = first.year;
    let rules = Ruleset::of(first.year);
    assert_eq!(may(&action(2), &rules, &windows, NOW), Ok(()));
    let full = Refusal::OutcomeSelectionFull { limit: 3, used: 3, period: SelectPeriod::Term };
    assert_eq!(may(&action(3), &rules, &windows, NOW), Err(full));
}

/// §4.1: 「學生自該學年上傳至學校平臺之課程學習成果」.
#[test]
fn only_outcomes_of_the_year_are_selected() {
    let last_year = year().previous();
    let action =
        Action::SelectOutcome { slot: slot(), state: OutcomeState::Passed, uploaded_in: last_year, selected_count: 0 };
    let refusal = answer(action).unwrap_err();
    assert_eq!(refusal, Refusal::OtherYear { uploaded: last_year, selecting: year() });
    assert_eq!(refusal.to_string(), "115學年度只能勾選當學年上傳的項目，這一件是114學年度上傳的。");
}

/// §4.4: "Unselect allowed until the selection window closes"; A-28: later only by reopening.
#[test]
fn a_selection_is_taken_back_until_the_window_closes() {
    let unselect = |state| Action::UnselectOutcome { slot: slot(), state };
    let kind = WindowKind::OutcomeSelect;
    assert_eq!(answer_in(&open(&[kind]), unselect(OutcomeState::Selected)), Ok(()));
    let too_late = Refusal::Closed { kind, opened: OPENS, closed: NOW };
    assert_eq!(answer_in(&closed(kind), unselect(OutcomeState::Selected)), Err(too_late));
    assert_eq!(answer_in(&closed(kind), select(OutcomeState::Passed, 0)), Err(too_late));
    assert_eq!(answer(unselect(OutcomeState::Passed)), Err(Refusal::NotSelected));
    for state in [OutcomeState::Submitted, OutcomeState::Disputed] {
        assert_eq!(answer_in(&open(&[kind]), unselect(state)), Ok(()), "an early submission freezes no student");
        assert_eq!(answer_in(&open(&[kind]), select(state, 0)), Ok(()), "and what was taken back is chosen again");
        assert_eq!(answer_in(&closed(kind), unselect(state)), Err(too_late));
    }
    assert_eq!(answer(unselect(OutcomeState::Confirmed)), Err(Refusal::AlreadySubmitted));
}

/// §4.1: activities uploaded per year: "school override, default unlimited".
#[test]
fn activities_are_unlimited_unless_the_school_says_so() {
    let add = |used_in_year| Action::AddActivity { slot: slot(), used_in_year, files: NewFiles::default() };
    assert_eq!(answer(add(1_000)), Ok(()));
    let own = RulesetOverride { activity_upload_per_year: Some(20), ..RulesetOverride::default() };
    let rules = Ruleset::of(year()).with(&own);
    let refusal = may(&add(20), &rules, &open(WindowKind::ALL), NOW);
    assert_eq!(refusal, Err(Refusal::ActivityYearFull { limit: 20, used: 20 }));
    assert!(matches!(answer_in(&closed(WindowKind::ActivityUpload), add(0)), Err(Refusal::Closed { .. })));
}

/// §4.5: "Cadre rows from SIS: read only core fields; student may add summary/proof"; F-077: cannot be deleted.
#[test]
fn rows_from_the_school_are_supplemented_only() {
    let state = ActivityState::Saved;
    let edit = |from_school, core_changed| Action::EditActivity {
        slot: slot(),
        state,
        from_school,
        core_changed,
        files: document(1_000),
    };
    assert_eq!(answer(edit(true, false)), Ok(()));
    assert_eq!(answer(edit(true, true)), Err(Refusal::SchoolFieldsLocked));
    assert_eq!(answer(edit(false, true)), Ok(()));
    assert_eq!(answer(Action::DeleteActivity { state, from_school: true }), Err(Refusal::FromSchool));
    assert_eq!(answer(Action::DeleteActivity { state, from_school: false }), Ok(()));
}

/// "a selected/submitted version is never overwritten or deleted".
#[test]
fn selected_and_submitted_activities_stay_as_they_are() {
    let edit = |state| Action::EditActivity {
        slot: slot(),
        state,
        from_school: false,
        core_changed: false,
        files: NewFiles::default(),
    };
    assert_eq!(answer(edit(ActivityState::Selected)), Err(Refusal::ActivitySelected));
    for state in [ActivityState::Submitted, ActivityState::Confirmed, ActivityState::Disputed] {
        assert_eq!(answer(edit(state)), Err(Refusal::AlreadySubmitted));
        assert_eq!(answer(Action::DeleteActivity { state, from_school: false }), Err(Refusal::AlreadySubmitted));
    }
}

/// §4.5: "Selection limit 10/year over all ten kinds together"; F-078: proof or media before it can be selected;
/// §4.1: 「限學生高中就學期間取得之多元表現」.
#[test]
fn ten_activities_with_files_are_selected_a_year() {
    let select = |selected_count, has_file, during_high_school| Action::SelectActivity {
        slot: slot(),
        state: ActivityState::Saved,
        uploaded_in: year(),
        during_high_school,
        missing: None,
        has_file,
        selected_count,
    };
    assert_eq!(answer(select(9, true, true)), Ok(()));
    assert_eq!(answer(select(10, true, true)), Err(Refusal::ActivitySelectionFull { limit: 10, used: 10 }));
    assert_eq!(answer(select(0, false, true)), Err(Refusal::NoFile));
    assert_eq!(answer(select(0, true, false)), Err(Refusal::NotDuringHighSchool));
    for state in [ActivityState::Selected, ActivityState::Submitted, ActivityState::Disputed] {
        let unselect = Action::UnselectActivity { slot: slot(), state };
        assert_eq!(answer(unselect), Ok(()));
        assert!(matches!(answer_in(&closed(WindowKind::ActivitySelect), unselect), Err(Refusal::Closed { .. })));
    }
    let confirmed = Action::UnselectActivity { slot: slot(), state: ActivityState::Confirmed };
    assert_eq!(answer(confirmed), Err(Refusal::AlreadySubmitted));
}

/// §5.7.2: a certificate's row begins with 證照代碼; whoever does not know it keeps a draft.
#[test]
fn an_activity_without_what_the_roster_needs_is_not_selected() {
    let select = |missing| Action::SelectActivity {
        slot: slot(),
        state: ActivityState::Saved,
        uploaded_in: year(),
        during_high_school: true,
        missing,
        has_file: true,
        selected_count: 0,
    };
    assert_eq!(answer(select(None)), Ok(()));
    let refusal = answer(select(Some("證照代碼"))).unwrap_err();
    assert_eq!(refusal.to_string(), "「證照代碼」還沒有填，補上之後才能勾選。");
}

/// §5.10: "student confirms per kind or files disputes; only inside the window".
#[test]
fn receipts_are_answered_inside_their_window() {
    let confirm = |already_confirmed| Action::ConfirmReceipt { slot: slot(), already_confirmed };
    assert_eq!(answer(confirm(false)), Ok(()));
    assert_eq!(answer(confirm(true)), Err(Refusal::AlreadyConfirmed));
    assert_eq!(answer(Action::DisputeReceipt { slot: slot() }), Ok(()));
    let closed = closed(WindowKind::ReceiptConfirm);
    assert!(answer_in(&closed, confirm(false)).is_err());
    assert!(answer_in(&closed, Action::DisputeReceipt { slot: slot() }).is_err());
}

fn submit(part: SubmissionPart, role: Role) -> Action {
    Action::Submit { part, role, year: year(), grade: None, problems: 0 }
}

/// §2.2: "Both matrices deny the school admin submission: separation of duties — submit is a separate role."
#[test]
fn only_the_submitter_submits() {
    use SubmissionPart::{Activities, Cadre, Outcomes};
    for role in Role::ALL.iter().copied() {
        let may_submit = |part| answer_in(&Windows::default(), submit(part, role)).is_ok();
        assert_eq!(may_submit(Outcomes), role == Role::OutcomeSubmitter, "{role:?}");
        assert_eq!(may_submit(Activities), role == Role::ActivitySubmitter, "{role:?}");
        assert_eq!(may_submit(Cadre), role == Role::ActivitySubmitter, "{role:?}");
    }
    let refusal = answer(submit(Outcomes, Role::SchoolAdmin)).unwrap_err();
    assert_eq!(refusal.to_string(), "只有課程學習成果提交人員可以提交到中央資料庫。");
}

/// §4.4: "At window close the selection is frozen; submitter sees it".
#[test]
fn submission_waits_for_the_end_of_selection() {
    let kind = WindowKind::OutcomeSelect;
    let outcomes = submit(SubmissionPart::Outcomes, Role::OutcomeSubmitter);
    assert_eq!(answer_in(&closed(kind), outcomes), Ok(()));
    assert_eq!(answer_in(&open(&[kind]), outcomes), Err(Refusal::SelectionNotOver { kind, closes_at: CLOSES }));
    assert_eq!(answer(submit(SubmissionPart::Cadre, Role::ActivitySubmitter)), Ok(()), "cadre rows are not selected");

    let mut third_grade_is_done = open(&[kind]);
    third_grade_is_done.0.push(Window { grade: Some(3), ..window(kind, OPENS, NOW) });
    let batch = |grade| Action::Submit {
        part: SubmissionPart::Outcomes,
        role: Role::OutcomeSubmitter,
        year: year(),
        grade,
        problems: 0,
    };
    assert_eq!(answer_in(&third_grade_is_done, batch(Some(3))), Ok(()));
    assert!(matches!(answer_in(&third_grade_is_done, batch(None)), Err(Refusal::SelectionNotOver { .. })));
}

/// F-121: "Precheck before submission".
#[test]
fn problems_of_the_precheck_stop_the_submission() {
    let action = Action::Submit {
        part: SubmissionPart::Activities,
        role: Role::ActivitySubmitter,
        year: year(),
        grade: None,
        problems: 2,
    };
    assert_eq!(answer_in(&Windows::default(), action), Err(Refusal::PrecheckFailed { problems: 2 }));
}

#[test]
fn words_of_rows_are_read_back() {
    for kind in WindowKind::ALL {
        assert_eq!(kind.code().parse(), Ok(*kind));
    }
    let error = "outcome".parse::<WindowKind>().unwrap_err();
    assert!(error.to_string().starts_with("「outcome」不是作業時間的代碼；可用的有：outcome_upload、"));
}
