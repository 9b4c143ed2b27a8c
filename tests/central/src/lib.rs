//! A stand-in for the Ministry's central database (學習歷程中央資料庫).
//!
//! Written from the domain description alone (§5.0, 5.6, 5.7, 5.10, 5.11) and without
//! a crate of ours, so that a roster which passes here was read by a second pair of eyes.
//! The wire protocol of the real central database is not public (§7 A-34); this one is
//! the minimum contract that §5.11 infers.
//!
//! # Calls
//! All under `/api`, JSON, `Authorization: Bearer KEY`, errors as `application/problem+json`
//! (RFC 9457; 422 carries `errors: [{field, message}]`).
//!
//! | call | answer |
//! |---|---|
//! | `POST /api/notices` {school_code, academic_year, term, roster_code, batch, url, sha256, size, expires_at} | 202 {job_id}; the same notice gives the same job. A notice repeated after a download failed starts the job again with the new url |
//! | `GET /api/jobs/{id}[?seen=VERSION&wait_ms=N]` | {job_id, version, state, progress {files_done, files_total}, errors_total, errors [{sheet, row, column, code, message}], results [{sheet, row, accepted}]}; with `seen` the answer waits (≤ 30 s) until the job has a newer version |
//! | `GET /api/jobs/{id}/receipt`, `…/receipt/password` | the receipt zip (AES-256), {password} |
//! | `GET /api/schools/{school}/receipt?year=Y[&term=T]`, `…/receipt/password?year=Y[&term=T]` | the newest accepted roster of every code of that school and year in one zip |
//! | `GET /` | the jobs as a page, for people |
//!
//! States: `queued` → `downloading` → `checking` → `rejected`, or `accepted` → `receipt_ready`.
//!
//! # Links
//! A file column of a roster holds `…/f/{token}/{sha256}.{ext}`: the stem of the last path
//! segment is the SHA-256 of the content in lower-case hex, and what arrives is checked against it.
//!
//! # Receipt
//! `SHA.txt` (lines `file,sha256`) and one JSON file (UTF-8 with BOM) per roster code, named
//! `{kind}[_進修部][_第1學期|_第2學期][_第一梯次|_第二梯次].json`, kind one of 課程學習成果, 多元表現,
//! 校內幹部經歷: `{"名冊資訊": {學校代碼, 學年度, 學期, 名冊別, 名冊名稱, 批次, 名冊SHA256},
//! "{kind}": [{身分證號, 出生日期, "{sheet}": [{column: text, …}], …}]}`. Columns are named and
//! written as in the roster that was received; sheets of the evening division's roster (28)
//! are prefixed with 進修部 as §5.10 lists them.

mod api;
mod check;
mod content;
mod download;
mod faults;
mod finding;
mod identity;
mod job;
mod jobs;
mod layout;
mod library;
mod notice;
mod page;
mod problem;
mod receipt;
mod roster;
mod runner;
mod server;
pub mod upload_receipt;
mod workbook;

pub use server::{Config, Running, install_crypto, start};
