//! The submission officer's side of the wire.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// The key that every simulator of these tests asks for.
pub(crate) const KEY: &str = "demo-key";

/// Calls one simulator.
pub(crate) struct Desk {
    base: String,
    http: reqwest::Client,
}

impl Desk {
    pub(crate) fn new(base: String) -> Self {
        central::install_crypto();
        Self { base, http: reqwest::Client::new() }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY)
    }

    /// The same request without a key.
    pub(crate) fn stranger(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    /// Sends a notice that must be taken; the answer is the job.
    pub(crate) async fn notify(&self, notice: &Value) -> String {
        let (status, body) = self.try_notify(notice).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        body["job_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_notify(&self, notice: &Value) -> (StatusCode, Value) {
        let response = self.post("/api/notices").json(notice).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Follows a job, version by version, until it looks as wanted.
    pub(crate) async fn follow(&self, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let followed = async {
            let mut seen = 0;
            loop {
                let path = format!("/api/jobs/{job}?seen={seen}&wait_ms=20000");
                let status: Value = self.get(&path).send().await.unwrap().json().await.unwrap();
                if wanted(&status) {
                    return status;
                }
                seen = status["version"].as_u64().unwrap_or_else(|| panic!("{status}"));
            }
        };
        tokio::time::timeout(Duration::from_secs(60), followed).await.expect("the job never looked as wanted")
    }

    /// Follows a job to its end.
    pub(crate) async fn finish(&self, job: &str) -> Value {
        self.follow(job, |status| matches!(status["state"].as_str(), Some("rejected" | "receipt_ready"))).await
    }
}
