//! The port to the central database (domain §5.11, A-34): by hand, because its interface is not public, and over an
//! interface with the two calls that are known (通知檔案取得位置, 查詢狀態) and the receipt's.

use bytes::{Bytes, BytesMut};
use ops::config::Central;
use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Longest that the other side may hold an answer back while nothing changes.
const WAIT_MS: u32 = 5_000;
/// Largest answer about a job: a thousand errors and the results of a large school's rows.
const LARGEST_STATUS: usize = 32 * 1024 * 1024;
/// Largest receipt.
pub(crate) const LARGEST_RECEIPT: usize = 64 * 1024 * 1024;

/// How rosters reach the central database.
pub(crate) enum CentralDatabase {
    /// A person downloads workbook and files and uploads them at the central database's own pages.
    ByHand,
    /// Over its interface.
    Api(Api),
}

impl CentralDatabase {
    pub(crate) fn new(config: Option<&Central>) -> Self {
        config.map_or(Self::ByHand, |config| Self::Api(Api::new(config)))
    }

    pub(crate) fn api(&self) -> Option<&Api> {
        match self {
            Self::ByHand => None,
            Self::Api(api) => Some(api),
        }
    }
}

/// The interface.
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// Tells where a roster lies. The same batch and content always mean the same job at the other side.
#[derive(Debug, Serialize)]
pub(crate) struct Notice<'a> {
    pub(crate) school_code: &'a str,
    pub(crate) academic_year: i16,
    pub(crate) term: i16,
    pub(crate) roster_code: i16,
    pub(crate) batch: String,
    pub(crate) url: String,
    pub(crate) sha256: String,
    pub(crate) size: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: time::OffsetDateTime,
}

#[derive(Deserialize)]
struct Accepted {
    job_id: String,
}

/// How far the central database has come with a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Queued,
    Downloading,
    Checking,
    Accepted,
    Rejected,
    ReceiptReady,
}

impl JobState {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Queued => "中央資料庫排隊中",
            Self::Downloading => "中央資料庫下載檔案中",
            Self::Checking => "中央資料庫檢核中",
            Self::Accepted => "中央資料庫已接受",
            Self::Rejected => "中央資料庫退回",
            Self::ReceiptReady => "收訖明細已可下載",
        }
    }
}

/// Files that the central database has dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct FileProgress {
    pub(crate) files_done: i64,
    pub(crate) files_total: i64,
}

/// One thing that the central database finds wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowError {
    #[serde(default)]
    pub(crate) sheet: Option<String>,
    /// As the sheet counts: the headings are row 1.
    #[serde(default)]
    pub(crate) row: Option<i32>,
    #[serde(default)]
    pub(crate) column: Option<String>,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Whose row it is: told by us, never by the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) student: Option<i64>,
    /// The item of the row, as the roster row keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<String>,
}

/// Whether a row passed by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RowResult {
    pub(crate) sheet: String,
    pub(crate) row: i32,
    pub(crate) accepted: bool,
}

/// The answer to 查詢狀態.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: JobState,
    /// Grows with every change; 0 where the other side does not tell.
    #[serde(default)]
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) progress: FileProgress,
    #[serde(default)]
    pub(crate) errors: Vec<RowError>,
    #[serde(default)]
    pub(crate) results: Vec<RowResult>,
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

/// A receipt as it was fetched. No `Debug`: it holds everything of everybody.
pub(crate) struct FetchedReceipt {
    pub(crate) zip: Bytes,
    pub(crate) password: String,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CentralError {
    /// Not reached, overloaded, broken off: the same call may succeed later. Names no address.
    #[error("the central database did not answer: {0}")]
    Away(String),
    /// It understood and said no: repeating the call can't help.
    #[error("the central database refused with HTTP {status}: {detail}")]
    Refused {
        /// Of the answer.
        status: u16,
        /// Its own words, shortened.
        detail: String,
    },
    /// Its answer can't be read.
    #[error("the central database's answer can't be read: {0}")]
    Unreadable(String),
}

impl From<CentralError> for store::jobs::JobError {
    fn from(error: CentralError) -> Self {
        match error {
            CentralError::Away(_) => Self::retry(error),
            CentralError::Refused { .. } | CentralError::Unreadable(_) => Self::fail(error),
        }
    }
}

impl From<reqwest::Error> for CentralError {
    fn from(error: reqwest::Error) -> Self {
        Self::Away(error.without_url().to_string())
    }
}

impl Api {
    fn new(config: &Central) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("the process has its TLS provider before services start");
        Self { http, url: config.url.as_str().trim_end_matches('/').to_owned(), key: config.key.expose().to_owned() }
    }

    /// 通知檔案取得位置; gives the central database's name of the job.
    pub(crate) async fn notify(&self, notice: &Notice<'_>) -> Result<String, CentralError> {
        let request = self.http.post(format!("{}/api/notices", self.url)).bearer_auth(&self.key);
        let answer: Accepted = read(request.json(notice).send().await?).await?;
        Ok(answer.job_id)
    }

    /// 查詢狀態. The answer may be held back for a few seconds until there is something newer than `seen`.
    pub(crate) async fn status(&self, job: &str, seen: i64) -> Result<Status, CentralError> {
        let url = format!("{}/api/jobs/{}?seen={seen}&wait_ms={WAIT_MS}", self.url, segment(job));
        read(self.http.get(url).bearer_auth(&self.key).send().await?).await
    }

    /// The receipt of a job with its password.
    pub(crate) async fn receipt(&self, job: &str) -> Result<FetchedReceipt, CentralError> {
        let url = format!("{}/api/jobs/{}/receipt", self.url, segment(job));
        let zip = self.http.get(&url).bearer_auth(&self.key).send().await?;
        let zip = body(good(zip).await?, LARGEST_RECEIPT).await?;
        let password: Password =
            read(self.http.get(format!("{url}/password")).bearer_auth(&self.key).send().await?).await?;
        Ok(FetchedReceipt { zip, password: password.password })
    }
}

/// A job's name as one segment of a path, whatever the other side puts into it.
fn segment(job: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    job.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, CentralError> {
    let bytes = body(good(response).await?, LARGEST_STATUS).await?;
    serde_json::from_slice(&bytes).map_err(|error| CentralError::Unreadable(error.to_string()))
}

async fn good(response: Response) -> Result<Response, CentralError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let passing = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT);
    if passing {
        return Err(CentralError::Away(format!("HTTP {}", status.as_u16())));
    }
    let words = body(response, LARGEST_STATUS).await.unwrap_or_default();
    let detail = String::from_utf8_lossy(&words).chars().take(300).collect();
    Err(CentralError::Refused { status: status.as_u16(), detail })
}

async fn body(mut response: Response, limit: usize) -> Result<Bytes, CentralError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(CentralError::Unreadable(format!("more than {limit} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §5.11: `query_status(job_id) → queued|downloading|checking|accepted|rejected(errors[])|receipt_ready`.
    #[test]
    fn a_status_reads_with_and_without_what_is_optional() {
        let full = r#"{"job_id":"a","version":7,"state":"rejected","progress":{"files_done":2,"files_total":3},"errors_total":1,
            "errors":[{"sheet":"學期課程學習成果","row":2,"column":"課程代碼","code":"course_code","message":"…"},
                      {"sheet":null,"row":null,"column":null,"code":"workbook_hash","message":"…"}],
            "results":[{"sheet":"學期課程學習成果","row":2,"accepted":false}]}"#;
        let status: Status = serde_json::from_str(full).unwrap();
        assert_eq!((status.state, status.version, status.errors.len()), (JobState::Rejected, 7, 2));
        assert_eq!(status.errors[0].row, Some(2));
        let bare: Status = serde_json::from_str(r#"{"state":"queued"}"#).unwrap();
        assert_eq!((bare.state, bare.progress), (JobState::Queued, FileProgress::default()));
    }

    #[test]
    fn a_job_name_stays_one_segment() {
        assert_eq!(segment("../x?y"), "..%2Fx%3Fy");
    }
}
