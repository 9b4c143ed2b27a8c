//! A hand that damages: writes and deletes objects of either copy behind the house's back, over S3.

use blob::Copy;
use kernel::clock::Clock;
use reqwest::Method;
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use testkit::City;
use time::macros::format_description;

/// Overwrites an object, or makes one.
pub(crate) async fn put(city: &City, copy: Copy, key: &str, bytes: &[u8]) {
    send(city, copy, Method::PUT, key, bytes).await;
}

/// Deletes an object: what was there stays as an older version.
pub(crate) async fn delete(city: &City, copy: Copy, key: &str) {
    send(city, copy, Method::DELETE, key, b"").await;
}

/// One request, signed as AWS Signature Version 4 wants it.
async fn send(city: &City, copy: Copy, method: Method, key: &str, bytes: &[u8]) {
    let storage = &city.house.config.storage;
    let bucket = match copy {
        Copy::Primary => &storage.primary,
        Copy::Replica => &storage.replica,
    };
    let url = format!("{}/{}/{key}", bucket.endpoint.as_str().trim_end_matches('/'), bucket.bucket);
    let parsed = reqwest::Url::parse(&url).expect("a URL");
    let host = format!("{}:{}", parsed.host_str().expect("a host"), parsed.port_or_known_default().expect("a port"));
    let now = Clock::System.now();
    let moment = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).expect("a time");
    let (day, region) = (&moment[..8], &bucket.region);
    let canonical = format!(
        "{method}\n{}\n\nhost:{host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{moment}\n\n\
         host;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD",
        parsed.path()
    );
    let scope = format!("{day}/{region}/s3/aws4_request");
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex::encode(digest(&SHA256, canonical.as_bytes())));
    let first = format!("AWS4{}", bucket.secret_key.expose()).into_bytes();
    let key = [day, region, "s3", "aws4_request"].iter().fold(first, |key, part| sign(&key, part));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}",
        bucket.access_key.expose(),
        hex::encode(sign(&key, &to_sign))
    );
    let request = reqwest::Client::new().request(method, &url).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let request = request.header("x-amz-date", moment).header("authorization", authorization).body(bytes.to_vec());
    let answer = request.send().await.expect("the S3 server");
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
