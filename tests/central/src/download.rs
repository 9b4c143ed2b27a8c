//! Fetches one address into a file: streaming, with a limit and retries.

use std::path::Path;

use reqwest::{Response, StatusCode};
use ring::digest;
use tokio::{fs::File, io::AsyncWriteExt};

use crate::server::Central;

/// Further attempts after the first one failed.
const RETRIES: u32 = 3;

/// What arrived.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Lower-case hex.
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
}

/// Why nothing arrived.
#[derive(Debug)]
pub(crate) enum Failure {
    /// More bytes than allowed.
    TooLarge,
    /// The other side refused, or could not be reached after all retries. Names no address: addresses hold tokens.
    Failed(String),
    /// Our own disk.
    Disk(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Whether another attempt may help.
enum Attempt {
    Over(Failure),
    Again(String),
}

impl From<std::io::Error> for Attempt {
    fn from(error: std::io::Error) -> Self {
        Self::Over(Failure::Disk(error))
    }
}

/// Fetches an address into `target`, at most `limit` bytes; the file is whole when this succeeds.
pub(crate) async fn fetch(central: &Central, url: &str, target: &Path, limit: u64) -> Result<Fetched, Failure> {
    let mut pause = central.backoff;
    let mut retries = 0;
    loop {
        let attempt = if central.faults.before_download().await {
            Err(Attempt::Again("模擬的連線中斷".to_owned()))
        } else {
            once(central, url, target, limit).await
        };
        match attempt {
            Ok(fetched) => return Ok(fetched),
            Err(Attempt::Over(failure)) => return Err(failure),
            Err(Attempt::Again(reason)) if retries == RETRIES => {
                return Err(Failure::Failed(reason));
            }
            Err(Attempt::Again(_)) => {
                retries += 1;
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
}

async fn once(central: &Central, url: &str, target: &Path, limit: u64) -> Result<Fetched, Attempt> {
    let sent = central.http.get(url).send().await;
    let mut response = sent.map_err(|error| Attempt::Again(in_words(&error).to_owned()))?;
    may_read(&response)?;
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(Attempt::Over(Failure::TooLarge));
    }
    let mut file = File::create(target).await?;
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut size = 0;
    loop {
        let chunk = response.chunk().await.map_err(|error| Attempt::Again(in_words(&error).to_owned()))?;
        let Some(chunk) = chunk else { break };
        size += chunk.len() as u64;
        if size > limit {
            return Err(Attempt::Over(Failure::TooLarge));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(Fetched { sha256: hex::encode(hash.finish()), size })
}

fn may_read(response: &Response) -> Result<(), Attempt> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let reason = format!("HTTP {}", status.as_u16());
    let passing =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    Err(if passing { Attempt::Again(reason) } else { Attempt::Over(Failure::Failed(reason)) })
}

fn in_words(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "無法連線"
    } else if error.is_timeout() {
        "連線逾時"
    } else {
        "連線中斷"
    }
}
