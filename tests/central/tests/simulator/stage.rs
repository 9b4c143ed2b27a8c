//! A simulator in this process, a school, and the words of the tests.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use central::{Config, Running};
use serde_json::{Value, json};

use crate::{
    book::{Book, SCHOOL, outcome, student},
    desk::{Desk, KEY},
    school::{School, pdf, sha256},
};

/// A folder of its own, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("central-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything a test needs; stops when dropped.
pub(crate) struct Stage {
    pub(crate) school: School,
    pub(crate) desk: Desk,
    _central: Running,
    pub(crate) folder: Folder,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::failing_every(0).await
    }

    pub(crate) async fn failing_every(fail_every: u32) -> Self {
        central::install_crypto();
        let folder = Folder::new();
        let config = Config {
            data: folder.0.clone(),
            key: Some(KEY.into()),
            fail_every,
            backoff: Duration::from_millis(1),
            ..Config::default()
        };
        let central = central::start(config).await.unwrap();
        let desk = Desk::new(format!("http://{}", central.address()));
        Self { school: School::open().await, desk, _central: central, folder }
    }

    /// A good roster 26 with one row, and a change made to it.
    pub(crate) fn one_outcome(&self) -> Book {
        let mut book = Book::new(26);
        let document = self.school.file(&pdf(0), "pdf");
        book.add("學期課程學習成果", &outcome(&student(1), "國語文", &document));
        book
    }

    /// The notice of a workbook, put where it can be fetched.
    pub(crate) fn notice(&self, book: &Book, batch: &str) -> Value {
        self.notice_of_bytes(&book.bytes(), &book.sheets[0].1[1], batch)
    }

    pub(crate) fn notice_of_bytes(&self, bytes: &[u8], cover: &[String], batch: &str) -> Value {
        let number = |index: usize| cover[index].parse::<u64>().unwrap();
        json!({
            "school_code": SCHOOL,
            "academic_year": number(1),
            "term": number(2),
            "roster_code": number(3),
            "batch": batch,
            "url": self.school.put(&format!("/f/roster/{}.xlsx", sha256(bytes)), bytes),
            "sha256": sha256(bytes),
            "size": bytes.len(),
            "expires_at": "2999-01-01T00:00:00+08:00",
        })
    }

    /// Submits a workbook and follows the job to its end.
    pub(crate) async fn submit(&self, book: &Book) -> Value {
        let job = self.desk.notify(&self.notice(book, "一")).await;
        self.desk.finish(&job).await
    }

    /// Submits one good outcome with one cell changed.
    pub(crate) async fn submit_outcome_with(&self, column: &str, value: &str) -> Value {
        let mut book = self.one_outcome();
        book.set("學期課程學習成果", 2, column, value);
        self.submit(&book).await
    }
}

/// The findings of a job as `sheet:row:column:code`, with `-` for what is not named.
pub(crate) fn findings(job: &Value) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let errors = job["errors"].as_array().unwrap_or_else(|| panic!("{job}"));
    errors.iter().map(|error| ["sheet", "row", "column", "code"].map(|field| word(&error[field])).join(":")).collect()
}

/// Asserts that the job was sent back for exactly these findings.
#[track_caller]
pub(crate) fn assert_rejected(job: &Value, expected: &[&str]) {
    assert_eq!(findings(job), expected, "{job}");
    assert_eq!(job["state"], "rejected");
}

/// Asserts that the job was taken in.
#[track_caller]
pub(crate) fn assert_accepted(job: &Value) {
    assert_eq!(findings(job), [""; 0], "{job}");
    assert_eq!(job["state"], "receipt_ready");
}
