//! Objects read as a stranger would: requests signed by hand (AWS Signature Version 4), no code of the application.

use anyhow::{Context as _, Result};
use kernel::clock::Clock;
use reqwest::Client;
use ring::{digest, hmac};
use std::{collections::BTreeMap, time::Duration};
use time::macros::format_description;

/// One bucket.
pub(crate) struct Bucket {
    client: Client,
    endpoint: String,
    bucket: String,
    access_key: String,
    secret_key: String,
}

const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

impl Bucket {
    /// The bucket that the variables with this beginning name: `LICHENG_S3` or `LICHENG_S3_REPLICA`.
    pub(crate) fn of(env: &BTreeMap<String, String>, prefix: &str) -> Result<Self> {
        let variable = |name: &str| {
            let name = format!("{prefix}_{name}");
            env.get(&name).cloned().with_context(|| format!("no {name}"))
        };
        Ok(Self {
            client: Client::builder().timeout(Duration::from_secs(30)).build()?,
            endpoint: variable("ENDPOINT")?,
            bucket: variable("BUCKET")?,
            access_key: variable("ACCESS_KEY")?,
            secret_key: variable("SECRET_KEY")?,
        })
    }

    /// The SHA-256 of an object's bytes, in hexadecimal; none: there is no such object.
    pub(crate) async fn sha256(&self, key: &str) -> Result<Option<String>> {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let now = Clock::System.now().to_offset(time::UtcOffset::UTC).format(format)?;
        let (path, host) = (format!("/{}/{key}", self.bucket), self.endpoint.split("//").nth(1).unwrap_or_default());
        let request = self.client.get(format!("{}{path}", self.endpoint));
        let authorization = self.sign(&path, host, &now);
        let request = request.header("x-amz-date", now).header("x-amz-content-sha256", UNSIGNED);
        let answer = request.header("authorization", authorization).send().await?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        let bytes = answer.error_for_status()?.bytes().await?;
        Ok(Some(hex::encode(digest::digest(&digest::SHA256, &bytes))))
    }

    fn sign(&self, path: &str, host: &str, now: &str) -> String {
        let day = now.split('T').next().unwrap_or_default();
        let headers = format!("host:{host}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{now}\n");
        let canonical = format!("GET\n{path}\n\n{headers}\n{SIGNED}\n{UNSIGNED}");
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{hash}");
        let first = format!("AWS4{}", self.secret_key).into_bytes();
        let key = [day, "us-east-1", "s3", "aws4_request"].iter().fold(first, |key, part| keyed(&key, part));
        let signature = hex::encode(keyed(&key, &text));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
            self.access_key
        )
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
