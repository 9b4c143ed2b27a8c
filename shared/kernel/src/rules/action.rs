//! What a person may want to do, with the facts that the answer needs.

use time::OffsetDateTime;

use super::{ActivityState, OutcomeState, Slot};
use crate::calendar::AcademicYear;
use crate::code_table::word_codes;
use crate::role::Role;

word_codes! {
    /// Which size limit a file is under (domain §4.2).
    FileClass("檔案種類") {
        /// pdf, jpg, png
        Document = "document", "文件檔";
        /// mp3, mp4
        Media = "media", "影音檔";
        /// The file of a counselling record.
        Counselling = "counselling", "諮詢紀錄附件";
    }
}

/// Files about to be added to an item. Sizes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewFiles {
    /// What the student's files take already, without those that these replace.
    pub bytes_used: i64,
    /// The document, if one comes.
    pub document: Option<i64>,
    /// The media file, if one comes.
    pub media: Option<i64>,
}

word_codes! {
    /// What is submitted to the central database in one go.
    SubmissionPart("提交項目") {
        /// Rosters 26 and 28, yearly.
        Outcomes = "outcomes", "課程學習成果";
        /// Roster 25, yearly.
        Activities = "activities", "多元表現";
        /// Roster 24, each term, without selection (domain §4.5).
        Cadre = "cadre", "校內幹部經歷";
    }
}

/// One thing that a person may want to do. Permission and ownership are settled before this is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "facts that recur are told here once: `slot` is the item's year, term and grade; \
    `state` where it stands; `files` what is being added; `selected_count` how many are selected already"
)]
pub enum Action {
    /// Begin a new outcome for a course. `used_in_term` and `used_in_subject` count the student's outcomes there.
    UploadOutcome { slot: Slot, carries_outcomes: bool, used_in_term: i64, used_in_subject: i64, files: NewFiles },
    /// Change summary or files.
    EditOutcome { slot: Slot, state: OutcomeState, files: NewFiles },
    /// Delete.
    DeleteOutcome { state: OutcomeState },
    /// Send for certification. `has_file`: at least one file is saved and checked.
    SendForCertification { slot: Slot, state: OutcomeState, has_file: bool, has_certifier: bool },
    /// Take the request back. `opened`: the certifier has opened a file.
    WithdrawRequest { state: OutcomeState, opened: bool },
    /// Pass or fail. `reason_chars` as [`crate::text::count`] has it.
    Decide { slot: Slot, state: OutcomeState, file_opened: bool, pass: bool, reason_chars: i64 },
    /// Let the student see the decision.
    Publish { state: OutcomeState },
    /// Take the decision back.
    UndoDecision { state: OutcomeState, decided_at: OffsetDateTime },
    /// Select for submission. `uploaded_in` is the item's year; count `selected_count` over the rule set's period,
    /// with what came submitted from another school.
    SelectOutcome { slot: Slot, state: OutcomeState, uploaded_in: AcademicYear, selected_count: i64 },
    /// Take the selection back.
    UnselectOutcome { slot: Slot, state: OutcomeState },
    /// Record an activity. `used_in_year` counts the student's own rows.
    AddActivity { slot: Slot, used_in_year: i64, files: NewFiles },
    /// Change an activity. `core_changed`: a field other than summary, files and link.
    EditActivity { slot: Slot, state: ActivityState, from_school: bool, core_changed: bool, files: NewFiles },
    /// Delete an activity.
    DeleteActivity { state: ActivityState, from_school: bool },
    /// Select an activity. `uploaded_in` is its year; `during_high_school`: it took place since the student entered;
    /// `missing`: the field that a roster can't do without and that is empty.
    SelectActivity {
        slot: Slot,
        state: ActivityState,
        uploaded_in: AcademicYear,
        during_high_school: bool,
        missing: Option<&'static str>,
        has_file: bool,
        selected_count: i64,
    },
    /// Take the selection back.
    UnselectActivity { slot: Slot, state: ActivityState },
    /// Say that the central database received everything right.
    ConfirmReceipt { slot: Slot, already_confirmed: bool },
    /// Say that it did not; possible after a confirmation, too.
    DisputeReceipt { slot: Slot },
    /// Submit the school's year; `grade` only for grade 3's batches. `problems` counts the precheck's findings.
    Submit { part: SubmissionPart, role: Role, year: AcademicYear, grade: Option<i16>, problems: i64 },
}
