//! A job: what becomes of one notice.

use serde::{Deserialize, Serialize};

use crate::{
    finding::{Finding, Findings, Flaw},
    notice::Notice,
};

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Queued,
    Downloading,
    Checking,
    Accepted,
    Rejected,
    ReceiptReady,
}

impl State {
    /// Whether nothing more happens by itself.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::ReceiptReady)
    }

    /// The state in words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Queued => "等待處理",
            Self::Downloading => "下載檔案中",
            Self::Checking => "檢核中",
            Self::Accepted => "已收訖",
            Self::Rejected => "退回",
            Self::ReceiptReady => "收訖明細已產生",
        }
    }
}

/// Files of the roster that have been dealt with.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) files_done: usize,
    pub(crate) files_total: usize,
}

/// Whether a row of the roster passed by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RowResult {
    pub(crate) sheet: String,
    pub(crate) row: u32,
    pub(crate) accepted: bool,
}

/// A notice and what has become of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) notice: Notice,
    /// Milliseconds since 1970.
    pub(crate) received_at: i64,
    /// Milliseconds since 1970; 0 while not accepted.
    pub(crate) accepted_at: i64,
    /// Grows with every change, so that a caller can wait for the next one.
    pub(crate) version: u64,
    pub(crate) state: State,
    pub(crate) progress: Progress,
    pub(crate) errors_total: usize,
    pub(crate) errors: Vec<Finding>,
    pub(crate) results: Vec<RowResult>,
}

impl Job {
    /// A fresh job for a notice.
    pub(crate) fn new(notice: Notice, now_ms: i64) -> Self {
        Self {
            id: notice.job_id(),
            notice,
            received_at: now_ms,
            accepted_at: 0,
            version: 1,
            state: State::Queued,
            progress: Progress::default(),
            errors_total: 0,
            errors: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Whether a repeated notice may help: something could not be fetched.
    pub(crate) fn may_try_again(&self) -> bool {
        let fetching = |finding: &Finding| matches!(finding.code, Flaw::WorkbookDownload | Flaw::FileDownload);
        self.state == State::Rejected && self.errors.iter().any(fetching)
    }

    /// Sends the roster back.
    pub(crate) fn reject(&mut self, findings: Findings, results: Vec<RowResult>) {
        self.state = State::Rejected;
        self.errors_total = findings.total;
        self.errors = findings.listed;
        self.results = results;
    }

    /// Takes the roster in.
    pub(crate) fn accept(&mut self, results: Vec<RowResult>, now_ms: i64) {
        self.state = State::Accepted;
        self.accepted_at = now_ms;
        self.results = results;
    }
}
