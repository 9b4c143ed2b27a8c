//! Why something may not be done now: the facts, and the sentence that tells them to the person.

use std::fmt;

use time::{Date, OffsetDateTime};

use super::{FileClass, OutcomeState, SelectPeriod, WindowKind};
use crate::calendar::{AcademicYear, roc_date, roc_date_time};

/// Why not. `Display` is the sentence for the person, [`Refusal::code`] the word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the facts of the sentence that Display makes of them")]
pub enum Refusal {
    /// The school has announced no window.
    NotAnnounced { kind: WindowKind },
    /// The window opens later.
    NotYetOpen { kind: WindowKind, opens_at: OffsetDateTime },
    /// The window has closed.
    Closed { kind: WindowKind, opened: OffsetDateTime, closed: OffsetDateTime },
    /// The course gives neither credits nor periods (domain §4.4, §5.8.3 rule 6).
    NoCredit,
    /// As many outcomes of the term as may be uploaded.
    TermFull { limit: i64, used: i64 },
    /// As many outcomes of the subject as may be uploaded.
    SubjectFull { limit: i64, used: i64 },
    /// As many activities of the year as may be uploaded.
    ActivityYearFull { limit: i64, used: i64 },
    /// The file holds nothing.
    FileEmpty { class: FileClass },
    /// The file exceeds its class's size, in bytes.
    FileTooLarge { class: FileClass, limit: i64, found: i64 },
    /// The student's storage does not hold it, in bytes.
    QuotaExceeded { limit: i64, used: i64, adding: i64 },
    /// The item has neither document nor media (F-064, F-078).
    NoFile,
    /// A field is empty that the central database does not do without (domain §5.7.2).
    Incomplete { field: &'static str },
    /// An outcome in this state cannot be changed.
    OutcomeLocked { state: OutcomeState },
    /// An outcome that is more than a draft cannot be deleted.
    OutcomeNotDeletable { state: OutcomeState },
    /// An outcome in this state cannot be sent.
    NotSendable { state: OutcomeState },
    /// The course has no teacher who could certify.
    NoCertifier,
    /// Nothing is waiting that could be withdrawn.
    NotWaiting,
    /// The teacher has opened the file, so that the request stays.
    AlreadyOpened,
    /// An outcome in this state cannot be decided.
    NotDecidable { state: OutcomeState },
    /// The certifier has not opened the file (F-091).
    FileNotOpened,
    /// A fail needs a reason.
    ReasonMissing,
    /// The reason is too long, in characters.
    ReasonTooLong { limit: i64, found: i64 },
    /// There is no unpublished decision.
    NothingToPublish,
    /// The time to take a decision back is over, or the student has built on it.
    UndoExpired { minutes: i64, decided_at: OffsetDateTime },
    /// Only certified outcomes may be selected.
    NotPassed { state: OutcomeState },
    /// Uploaded in another year than the one selected for.
    OtherYear { uploaded: AcademicYear, selecting: AcademicYear },
    /// It is selected already.
    AlreadySelected,
    /// It is not selected.
    NotSelected,
    /// It has gone to the central database.
    AlreadySubmitted,
    /// As many outcomes as may be selected.
    OutcomeSelectionFull { limit: i64, used: i64, period: SelectPeriod },
    /// As many activities as may be selected.
    ActivitySelectionFull { limit: i64, used: i64 },
    /// Not from the time in senior high school (domain §4.1).
    NotDuringHighSchool,
    /// A selected activity must be unselected before it is changed.
    ActivitySelected,
    /// The school recorded the row: it cannot be deleted (F-077).
    FromSchool,
    /// The school recorded these fields: they are read only (domain §4.5).
    SchoolFieldsLocked,
    /// The activity would end before it begins.
    EndBeforeStart { start: Date, end: Date },
    /// More hours than the days have (domain §4.5).
    TooManyHours { limit: i64 },
    /// Weeks outside 1–18 (F-080).
    WeeksOutOfRange { found: i64 },
    /// An external link needs a media file (F-079).
    LinkWithoutMedia,
    /// The link is no https address.
    LinkNotHttps,
    /// The link is too long, in characters.
    LinkTooLong { limit: i64, found: i64 },
    /// The receipt is confirmed already.
    AlreadyConfirmed,
    /// Submission is another role's (domain §2.2: separation of duties).
    NotTheSubmitter { submitter: &'static str },
    /// Students may still change their selection.
    SelectionNotOver { kind: WindowKind, closes_at: OffsetDateTime },
    /// The precheck found problems (F-121).
    PrecheckFailed { problems: i64 },
}

impl Refusal {
    /// A stable word for programs, tests and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnnounced { .. } => "window_not_announced",
            Self::NotYetOpen { .. } => "window_not_yet_open",
            Self::Closed { .. } => "window_closed",
            Self::NoCredit => "no_credit",
            Self::TermFull { .. } => "term_full",
            Self::SubjectFull { .. } => "subject_full",
            Self::ActivityYearFull { .. } => "activity_year_full",
            Self::FileEmpty { .. } => "file_empty",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::NoFile => "no_file",
            Self::Incomplete { .. } => "incomplete",
            Self::OutcomeLocked { .. } => "outcome_locked",
            Self::OutcomeNotDeletable { .. } => "outcome_not_deletable",
            Self::NotSendable { .. } => "not_sendable",
            Self::NoCertifier => "no_certifier",
            Self::NotWaiting => "not_waiting",
            Self::AlreadyOpened => "already_opened",
            Self::NotDecidable { .. } => "not_decidable",
            Self::FileNotOpened => "file_not_opened",
            Self::ReasonMissing => "reason_missing",
            Self::ReasonTooLong { .. } => "reason_too_long",
            Self::NothingToPublish => "nothing_to_publish",
            Self::UndoExpired { .. } => "undo_expired",
            Self::NotPassed { .. } => "not_passed",
            Self::OtherYear { .. } => "other_year",
            Self::AlreadySelected => "already_selected",
            Self::NotSelected => "not_selected",
            Self::AlreadySubmitted => "already_submitted",
            Self::OutcomeSelectionFull { .. } => "outcome_selection_full",
            Self::ActivitySelectionFull { .. } => "activity_selection_full",
            Self::NotDuringHighSchool => "not_during_high_school",
            Self::ActivitySelected => "activity_selected",
            Self::FromSchool => "from_school",
            Self::SchoolFieldsLocked => "school_fields_locked",
            Self::EndBeforeStart { .. } => "end_before_start",
            Self::TooManyHours { .. } => "too_many_hours",
            Self::WeeksOutOfRange { .. } => "weeks_out_of_range",
            Self::LinkWithoutMedia => "link_without_media",
            Self::LinkNotHttps => "link_not_https",
            Self::LinkTooLong { .. } => "link_too_long",
            Self::AlreadyConfirmed => "already_confirmed",
            Self::NotTheSubmitter { .. } => "not_the_submitter",
            Self::SelectionNotOver { .. } => "selection_not_over",
            Self::PrecheckFailed { .. } => "precheck_failed",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAnnounced { kind } => write!(f, "學校還沒有公布{}的時間。", kind.label()),
            Self::NotYetOpen { kind, opens_at } => {
                write!(f, "{}還沒開始，將於 {} 開放。", kind.label(), roc_date_time(opens_at))
            }
            Self::Closed { kind, opened, closed } => {
                let (opened, closed) = (roc_date_time(opened), roc_date_time(closed));
                write!(f, "{}已於 {closed} 截止（開放時間為 {opened} 至 {closed}）。", kind.label())
            }
            Self::NoCredit => f.write_str("這門課沒有學分（節數），不能上傳課程學習成果。"),
            Self::TermFull { limit, used } => {
                write!(f, "每學期最多上傳 {limit} 件課程學習成果，這學期已經有 {used} 件。")
            }
            Self::SubjectFull { limit, used } => {
                write!(f, "每個科目最多上傳 {limit} 件課程學習成果，這個科目已經有 {used} 件。")
            }
            Self::ActivityYearFull { limit, used } => {
                write!(f, "每學年最多登錄 {limit} 件多元表現，這學年已經有 {used} 件。")
            }
            Self::FileEmpty { class } => write!(f, "{}是空的，請重新選擇檔案。", class.label()),
            Self::FileTooLarge { class, limit, found } => {
                let (limit, found) = (size(limit), size(found));
                write!(f, "{}最大 {limit}，這個檔案有 {found}，請壓縮後再上傳。", class.label())
            }
            Self::QuotaExceeded { limit, used, adding } => {
                let (limit, used, adding) = (size(limit), size(used), size(adding));
                write!(f, "儲存空間共 {limit}，已使用 {used}，放不下這次的 {adding}；請先刪除不需要的檔案。")
            }
            Self::NoFile => f.write_str("請先上傳文件檔或影音檔，至少要有一個。"),
            Self::Incomplete { field } => write!(f, "「{field}」還沒有填，補上之後才能勾選。"),
            Self::OutcomeLocked { state } => write!(f, "這件成果目前是「{}」，不能修改。", state.label()),
            Self::OutcomeNotDeletable { state } => {
                write!(f, "只有草稿可以刪除，這件成果目前是「{}」。", state.label())
            }
            Self::NotSendable { state } => write!(f, "這件成果目前是「{}」，不能再送出認證。", state.label()),
            Self::NoCertifier => f.write_str("這門課還沒有可以認證的教師，請洽教務處。"),
            Self::NotWaiting => f.write_str("這件成果不在等待認證，沒有可以撤回的申請。"),
            Self::AlreadyOpened => f.write_str("教師已經開啟這件成果，不能撤回。"),
            Self::NotDecidable { state } => write!(f, "這件成果目前是「{}」，不能認證。", state.label()),
            Self::FileNotOpened => f.write_str("請先開啟學生的檔案，再進行認證。"),
            Self::ReasonMissing => f.write_str("認證不通過時，請填寫原因。"),
            Self::ReasonTooLong { limit, found } => write!(f, "原因最多 {limit} 個字，目前 {found} 個字。"),
            Self::NothingToPublish => f.write_str("這件成果沒有待發布的認證結果。"),
            Self::UndoExpired { minutes, decided_at } => {
                let decided_at = roc_date_time(decided_at);
                write!(f, "認證後 {minutes} 分鐘內、學生勾選之前才能復原；這件成果認證於 {decided_at}。")
            }
            Self::NotPassed { state } => {
                write!(f, "只有認證通過的成果可以勾選，這件成果目前是「{}」。", state.label())
            }
            Self::OtherYear { uploaded, selecting } => {
                write!(f, "{}只能勾選當學年上傳的項目，這一件是{}上傳的。", selecting.label(), uploaded.label())
            }
            Self::AlreadySelected => f.write_str("這一件已經勾選了。"),
            Self::NotSelected => f.write_str("這一件沒有勾選。"),
            Self::AlreadySubmitted => f.write_str("這一件已經提交到中央資料庫，不能再更動。"),
            Self::OutcomeSelectionFull { limit, used, period } => {
                write!(
                    f,
                    "{}最多勾選 {limit} 件課程學習成果，已經勾選 {used} 件；要換一件，請先取消其中一件。",
                    period.label()
                )
            }
            Self::ActivitySelectionFull { limit, used } => {
                write!(f, "每學年最多勾選 {limit} 件多元表現，已經勾選 {used} 件；要換一件，請先取消其中一件。")
            }
            Self::NotDuringHighSchool => f.write_str("只能勾選高中就學期間取得的多元表現。"),
            Self::ActivitySelected => f.write_str("這一件已經勾選，請先取消勾選再修改或刪除。"),
            Self::FromSchool => f.write_str("這一筆是學校登錄的紀錄，不能刪除。"),
            Self::SchoolFieldsLocked => {
                f.write_str("這一筆是學校登錄的紀錄，只能補充簡述與證明文件；其他欄位如有錯誤，請洽學務處。")
            }
            Self::EndBeforeStart { start, end } => {
                write!(f, "結束日期 {} 早於開始日期 {}。", roc_date(end), roc_date(start))
            }
            Self::TooManyHours { limit } => write!(f, "時數超過這段期間的總時數（{limit} 小時）。"),
            Self::WeeksOutOfRange { found } => write!(f, "週數應在 1 到 18 之間，這裡填的是 {found}。"),
            Self::LinkWithoutMedia => f.write_str("上傳影音檔之後，才能填寫外部影音連結。"),
            Self::LinkNotHttps => f.write_str("外部影音連結應是以 https:// 開頭的網址。"),
            Self::LinkTooLong { limit, found } => write!(f, "外部影音連結最多 {limit} 個字元，目前 {found} 個。"),
            Self::AlreadyConfirmed => f.write_str("已經確認過這份收訖明細。"),
            Self::NotTheSubmitter { submitter } => write!(f, "只有{submitter}可以提交到中央資料庫。"),
            Self::SelectionNotOver { kind, closes_at } => {
                write!(f, "{}到 {} 才截止，截止之後才能提交。", kind.label(), roc_date_time(closes_at))
            }
            Self::PrecheckFailed { problems } => write!(f, "預檢還有 {problems} 個問題，處理完才能提交。"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Bytes as people read them, of 2²⁰ to the MB, rounded up so that too much never looks like just enough.
fn size(bytes: i64) -> String {
    const KIB: i64 = 1 << 10;
    const MIB: i64 = 1 << 20;
    match bytes {
        ..KIB => format!("{bytes} 位元組"),
        KIB..MIB => format!("{} KB", (bytes + KIB - 1) / KIB),
        _ if bytes % MIB == 0 => format!("{} MB", bytes / MIB),
        _ => {
            let hundredths = (bytes * 100 + MIB - 1) / MIB;
            format!("{}.{:02} MB", hundredths / 100, hundredths % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_roc_and_taiwans() {
        let (opened, closed) = (datetime!(2026-11-01 00:00 UTC), datetime!(2026-11-22 06:00 UTC));
        let refusal = Refusal::Closed { kind: WindowKind::OutcomeUpload, opened, closed };
        assert_eq!(
            refusal.to_string(),
            "課程學習成果上傳已於 115/11/22 14:00 截止（開放時間為 115/11/01 08:00 至 115/11/22 14:00）。"
        );
        assert_eq!(refusal.code(), "window_closed");
    }

    /// MB is 2²⁰ bytes.
    #[test]
    fn a_file_one_byte_too_large_reads_larger_than_the_limit() {
        let refusal = Refusal::FileTooLarge { class: FileClass::Document, limit: 4 << 20, found: (4 << 20) + 1 };
        assert_eq!(refusal.to_string(), "文件檔最大 4 MB，這個檔案有 4.01 MB，請壓縮後再上傳。");
        assert_eq!((size(0), size(1_025), size(209_715_200)), ("0 位元組".into(), "2 KB".into(), "200 MB".into()));
    }
}
