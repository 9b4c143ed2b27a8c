//! A batch (批次): one roster as it is sent, from building to the central database's answer. Never changed once built;
//! sending again is another attempt.

pub(crate) mod downloads;
pub(crate) mod jobs;
pub(crate) mod make;
pub(crate) mod package;
pub(crate) mod pages;
pub(crate) mod store;

use crate::{
    central::{JobState, RowError},
    roster::{RosterCode, store::Scope, workbook::Cover},
};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    ids::BatchId,
    school::SchoolCode,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use web::Tone;

/// How long the file links in a workbook open: the central database fetches within days, not weeks.
pub(crate) const LINKS_LAST: Duration = Duration::days(7);
/// What must be left of that when a batch is handed over.
pub(crate) const LINKS_LEFT: Duration = Duration::days(1);

/// The central database did not take the notice.
pub(crate) const NOTICE_REFUSED: &str = "notice_refused";
/// The central database does not answer for the job any more.
pub(crate) const INQUIRY_REFUSED: &str = "inquiry_refused";
/// The receipt that it gave was not imported.
pub(crate) const RECEIPT_REFUSED: &str = "receipt_refused";
/// The roster could not be written.
pub(crate) const BUILD_FAILED: &str = "build_failed";

/// How the batch reaches the central database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Manual,
    Api,
}

impl Adapter {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Api => "api",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Manual => "人工上傳",
            Self::Api => "介接傳送",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        [Self::Manual, Self::Api].into_iter().find(|adapter| adapter.code() == code)
    }
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Building,
    Built,
    Notified,
    Accepted,
    Rejected,
    ReceiptReady,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Building, Self::Built, Self::Notified, Self::Accepted, Self::Rejected, Self::ReceiptReady];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Built => "built",
            Self::Notified => "notified",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::ReceiptReady => "receipt_ready",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Building => "名冊建立中",
            Self::Built => "名冊已建立，尚未提交",
            Self::Notified => "已提交，等待中央資料庫",
            Self::Accepted => "中央資料庫已接受",
            Self::Rejected => "未被接受",
            Self::ReceiptReady => "收訖明細已產生",
        }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Building | Self::Notified => Tone::Wait,
            Self::Built => Tone::Note,
            Self::Accepted | Self::ReceiptReady => Tone::Good,
            Self::Rejected => Tone::Bad,
        }
    }

    /// Whether something is still under way, so that no second attempt begins beside it.
    pub(crate) fn is_under_way(self) -> bool {
        matches!(self, Self::Building | Self::Notified)
    }
}

/// How far the central database has come, as last heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) files_done: i64,
    pub(crate) files_total: i64,
    /// The central database's own count of changes.
    pub(crate) version: i64,
    pub(crate) central: Option<JobState>,
}

/// One batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) code: RosterCode,
    pub(crate) year: AcademicYear,
    pub(crate) term: RosterTerm,
    pub(crate) template_version: i16,
    pub(crate) attempt: i16,
    pub(crate) adapter: Adapter,
    pub(crate) links_expire_at: OffsetDateTime,
    pub(crate) row_count: i32,
    pub(crate) workbook_sha256: Option<Vec<u8>>,
    pub(crate) workbook_size: Option<i64>,
    pub(crate) central_job_id: Option<String>,
    pub(crate) state: State,
    pub(crate) progress: Progress,
    pub(crate) errors: Vec<RowError>,
    pub(crate) created_by: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) changed_at: OffsetDateTime,
}

/// Why a batch can't be handed over now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotNow {
    /// It is still being built, or with the central database already.
    #[error("這個批次目前不能提交：{}", .state.label())]
    State { state: State },
    /// The file links would die before the central database has fetched everything.
    #[error("名冊裡的檔案連結將在 {} 到期，請重新建立名冊", kernel::calendar::roc_date_time(*.at))]
    LinksExpire { at: OffsetDateTime },
    /// Nothing in it.
    #[error("名冊沒有任何一列，不需要提交")]
    Empty,
    /// Another batch holds what is newer, or has taken some of its rows along.
    #[error("這份名冊已有較新的一次，請改用較新的批次")]
    Superseded,
}

impl Batch {
    pub(crate) fn cover(&self, school: SchoolCode) -> Cover {
        Cover { school, year: self.year, term: self.term, code: self.code }
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope { code: self.code, year: self.year, term: self.term }
    }

    /// Whether it may be handed over: built, or sent back only because something could not be fetched. Other batches
    /// are not asked here (`store::is_superseded`).
    pub(crate) fn may_be_handed_over(&self, now: OffsetDateTime) -> Result<(), NotNow> {
        let again = self.state == State::Rejected && self.adapter == Adapter::Api && self.failed_on_the_way();
        if self.state != State::Built && !again {
            return Err(NotNow::State { state: self.state });
        }
        if self.row_count == 0 {
            return Err(NotNow::Empty);
        }
        // by hand the files go along in the package, and the upload may have been days ago
        if self.adapter == Adapter::Api && self.links_expire_at - now < LINKS_LEFT {
            return Err(NotNow::LinksExpire { at: self.links_expire_at });
        }
        Ok(())
    }

    /// Nothing is wrong with the roster itself: fetches failed, or the two systems did not come to terms. The same
    /// batch can be announced again.
    pub(crate) fn failed_on_the_way(&self) -> bool {
        let on_the_way = ["file_download", "workbook_download", NOTICE_REFUSED, INQUIRY_REFUSED];
        !self.errors.is_empty() && self.errors.iter().all(|error| on_the_way.contains(&error.code.as_str()))
    }

    /// `115 學年度 26 學生課程學習成果名冊　第 1 次`
    pub(crate) fn label(&self) -> String {
        let term = if self.term.is_year() { String::new() } else { format!(" {}", self.term.label()) };
        format!("{}{term} {} 第 {} 次", self.year.label(), self.code.label(), self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 6:00 UTC);

    fn batch(state: State) -> Batch {
        Batch {
            id: 1.into(),
            code: RosterCode::new(26).unwrap(),
            year: AcademicYear::new(115).unwrap(),
            term: RosterTerm::YEAR,
            template_version: 1,
            attempt: 1,
            adapter: Adapter::Api,
            links_expire_at: NOW + LINKS_LAST,
            row_count: 3,
            workbook_sha256: Some(vec![1; 32]),
            workbook_size: Some(9),
            central_job_id: Some("job".to_owned()),
            state,
            progress: Progress::default(),
            errors: Vec::new(),
            created_by: String::new(),
            created_at: NOW,
            changed_at: NOW,
        }
    }

    fn error(code: &str) -> RowError {
        RowError { code: code.to_owned(), ..RowError::default() }
    }

    #[test]
    fn a_batch_is_handed_over_once_and_while_its_links_live() {
        assert_eq!(batch(State::Built).may_be_handed_over(NOW), Ok(()));
        let late = NOW + LINKS_LAST - LINKS_LEFT + Duration::SECOND;
        assert!(matches!(batch(State::Built).may_be_handed_over(late), Err(NotNow::LinksExpire { .. })));
        let by_hand = Batch { adapter: Adapter::Manual, ..batch(State::Built) };
        assert_eq!(by_hand.may_be_handed_over(late), Ok(()), "what was uploaded by hand is recorded however late");
        for state in [State::Building, State::Notified, State::Accepted, State::ReceiptReady, State::Rejected] {
            assert_eq!(batch(state).may_be_handed_over(NOW), Err(NotNow::State { state }));
        }
        assert_eq!(Batch { row_count: 0, ..batch(State::Built) }.may_be_handed_over(NOW), Err(NotNow::Empty));
    }

    #[test]
    fn a_batch_that_could_not_be_fetched_is_announced_again_and_a_wrong_one_is_not() {
        let sent_back =
            |codes: &[&str]| Batch { errors: codes.iter().map(|code| error(code)).collect(), ..batch(State::Rejected) };
        assert_eq!(sent_back(&["file_download", "workbook_download"]).may_be_handed_over(NOW), Ok(()));
        assert!(sent_back(&["file_download", "course_code"]).may_be_handed_over(NOW).is_err());
    }

    #[test]
    fn states_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::of(state.code()), Some(state));
        }
    }
}
