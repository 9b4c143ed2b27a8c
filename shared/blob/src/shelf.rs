//! One bucket: the few operations on it that we use, their errors sorted by what they mean to us.

use crate::{
    config::Bucket,
    error::{BlobError, Part},
    finalise::Digests,
};
use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
        http::HttpResponse, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::{GetObjectError, GetObjectOutput},
    primitives::ByteStream,
    types::ChecksumMode,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use std::{error::Error, time::Duration};

/// A bucket, and which copy it is.
pub(crate) struct Shelf {
    pub(crate) part: Part,
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

/// More than any content of ours has, sealed workbooks included: whatever is larger under one of our keys is damage,
/// and nobody's memory is filled with it.
pub(crate) const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// An object that the server has begun to send.
pub(crate) struct Coming {
    /// What it announced, in bytes.
    pub(crate) length: u64,
    body: ByteStream,
}

impl Coming {
    /// The next piece; `None` at the end. An error is an answer that broke off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BrokeOff> {
        self.body.try_next().await.map_err(|_| BrokeOff)
    }
}

/// The answer ended before its end.
pub(crate) struct BrokeOff;

/// What asking for an object gave.
pub(crate) enum Found {
    Coming(Coming),
    Missing,
    /// See [`Read::Broken`].
    Broken,
}

/// What reading an object gave.
pub(crate) enum Read {
    Found(Bytes),
    Missing,
    /// The server has it but can't give it: rot that its own checksums noticed (SeaweedFS answers
    /// 500 then, after seconds of trying), or an answer that broke off.
    Broken,
}

/// What the server says of an object without sending it.
pub(crate) struct Head {
    pub(crate) size: u64,
    etag: Option<String>,
    sha256: Option<String>,
}

impl Head {
    /// Whether the server's own checksums are those of the content. `false` may only mean that it
    /// doesn't tell: read the object then.
    pub(crate) fn vouches_for(&self, digests: &Digests, size: u64) -> bool {
        let by_sha256 = self.sha256.as_deref() == Some(&BASE64.encode(digests.sha256));
        // the ETag of an object sent in one request is its MD5, unless a key service encrypts it
        let by_md5 = self.etag.as_deref().map(|etag| etag.trim_matches('"')) == Some(&hex::encode(digests.md5));
        self.size == size && (by_sha256 || by_md5)
    }
}

/// A client for one endpoint.
pub(crate) fn client(bucket: &Bucket, endpoint: &str, http: SharedHttpClient) -> Client {
    let credentials = Credentials::new(&bucket.access_key, &bucket.secret_key, None, None, "configuration");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(40))
        .build();
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(bucket.region.clone()))
        .endpoint_url(endpoint)
        // bucket names as host names need a wildcard certificate, which few own servers have
        .force_path_style(true)
        .credentials_provider(credentials)
        .http_client(http)
        // checksums are ours, and said where they are wanted; presigned URLs must not demand more
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .timeout_config(timeouts)
        .retry_config(retries)
        .build();
    Client::from_conf(config)
}

/// The code by which S3 names an error.
pub(crate) fn is<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, code: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}

/// The HTTP status of an error, where the server answered at all.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

impl Shelf {
    pub(crate) fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> BlobError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        BlobError::of(self.part, error)
    }

    /// Asks for an object, or for one of its versions.
    pub(crate) async fn find(&self, key: &str, version: Option<&str>) -> Result<Found, BlobError> {
        let answer = match self.request(key, version).await {
            Ok(answer) => answer,
            Err(error) if is(&error, "NoSuchKey") => return Ok(Found::Missing),
            Err(error) if status(&error) == Some(500) => return Ok(Found::Broken),
            Err(error) => return Err(self.failed(&error)),
        };
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        Ok(Found::Coming(Coming { length, body: answer.body }))
    }

    /// Reads an object whole. With `expected`, nothing is read when the length is another one:
    /// the answer is `Err(length)` inside.
    pub(crate) async fn get(&self, key: &str, expected: Option<u64>) -> Result<Result<Read, u64>, BlobError> {
        let mut coming = match self.find(key, None).await? {
            Found::Coming(coming) => coming,
            Found::Missing => return Ok(Ok(Read::Missing)),
            Found::Broken => return Ok(Ok(Read::Broken)),
        };
        if expected.is_some_and(|expected| expected != coming.length) {
            return Ok(Err(coming.length));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(coming.length.min(MOST_BYTES)).unwrap_or(0));
        while bytes.len() as u64 <= MOST_BYTES {
            match coming.next().await {
                Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                Ok(None) => return Ok(Ok(Read::Found(bytes.into()))),
                Err(BrokeOff) => break,
            }
        }
        Ok(Ok(Read::Broken))
    }

    /// Asks again after a hiccup, but not after an answer that took long and would again.
    async fn request(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match request.clone().customize().config_override(once).send().await {
            Err(SdkError::DispatchFailure(failure)) if !failure.is_timeout() => request.send().await,
            answer => answer,
        }
    }

    /// The versions of an object, the newest first and no more than `most`; deletion marks are none.
    pub(crate) async fn versions(&self, key: &str, most: usize) -> Result<Vec<String>, BlobError> {
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key);
        let found = request.send().await.map_err(|error| self.failed(&error))?;
        let of_key = found.versions().iter().filter(|version| version.key() == Some(key));
        Ok(of_key.filter_map(|version| version.version_id().map(str::to_owned)).take(most).collect())
    }

    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, BlobError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key).checksum_mode(ChecksumMode::Enabled);
        match request.send().await {
            Ok(answer) => Ok(Some(Head {
                size: answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                etag: answer.e_tag,
                sha256: answer.checksum_sha256,
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Writes an object that must not be there yet; `false` when it is.
    pub(crate) async fn put_new(&self, key: &str, bytes: Bytes, digests: &Digests) -> Result<bool, BlobError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        let request = request.checksum_sha256(BASE64.encode(digests.sha256));
        match request.body(ByteStream::from(bytes)).send().await {
            Ok(_) => Ok(true),
            // 409: another writer of the same content is at it this very moment
            Err(error) if matches!(status(&error), Some(409 | 412)) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Writes a new version over an object that was proven to be damaged.
    pub(crate) async fn put_over(&self, key: &str, bytes: Bytes, digests: &Digests) -> Result<(), BlobError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = request.checksum_sha256(BASE64.encode(digests.sha256)).body(ByteStream::from(bytes));
        request.send().await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Writes a small record of our own.
    pub(crate) async fn put_record(&self, key: &str, record: Vec<u8>) -> Result<(), BlobError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(record));
        request.send().await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Removes the upload and what is noted beside it, all versions.
    pub(crate) async fn erase(&self, prefix: &str) -> Result<(), BlobError> {
        self.erase_where(prefix, |key| key.starts_with(prefix)).await
    }

    /// Removes the upload alone, all versions.
    pub(crate) async fn erase_only(&self, wanted: &str) -> Result<(), BlobError> {
        self.erase_where(wanted, |key| key == wanted).await
    }

    /// For what is being uploaded, never for content.
    async fn erase_where(&self, prefix: &str, wanted: impl Fn(&str) -> bool) -> Result<(), BlobError> {
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix);
        let found = request.send().await.map_err(|error| self.failed(&error))?;
        let versions = found.versions().iter().map(|version| (version.key(), version.version_id()));
        let marks = found.delete_markers().iter().map(|mark| (mark.key(), mark.version_id()));
        for (key, version) in versions.chain(marks) {
            let Some(key) = key.filter(|key| key.contains("/incoming/") && wanted(key)) else { continue };
            let request = self.client.delete_object().bucket(&self.bucket).key(key);
            let request = request.set_version_id(version.filter(|version| *version != "null").map(str::to_owned));
            request.send().await.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }
}
