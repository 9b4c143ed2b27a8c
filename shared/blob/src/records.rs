//! Small records of our own in a bucket of their own: what a backup of the database knows about itself.

use crate::{config::Bucket, shelf};
use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::{error::Error, fmt};

/// The bucket could not do what was asked; free of keys and contents.
#[derive(Debug, thiserror::Error)]
#[error("the backups' bucket: {0}")]
pub struct RecordsError(String);

/// A bucket of records. Nothing but backups lies in it, and no file of a student.
#[derive(Clone)]
pub struct Records {
    client: Client,
    bucket: String,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({})", self.bucket)
    }
}

impl Records {
    /// Speaks to nobody yet.
    #[must_use]
    pub fn new(bucket: &Bucket) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        Self { client: shelf::client(bucket, &bucket.endpoint, http), bucket: bucket.bucket.clone() }
    }

    /// Whether the server answers and the bucket is there: for `doctor`.
    ///
    /// # Errors
    /// It is away, or the keys don't open it.
    pub async fn check(&self) -> Result<(), RecordsError> {
        let answer = self.client.head_bucket().bucket(&self.bucket).send().await;
        answer.map(drop).map_err(|error| failed(&error))
    }

    /// Writes a record over the one that may be there; a versioned bucket keeps both.
    ///
    /// # Errors
    /// It was not written.
    pub async fn put(&self, key: &str, record: Vec<u8>) -> Result<(), RecordsError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(record));
        request.send().await.map(drop).map_err(|error| failed(&error))
    }

    /// Reads a record; none where there is none.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if shelf::is(&error, "NoSuchKey") => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let body = answer.body.collect().await.map_err(|error| RecordsError(error.to_string()))?;
        Ok(Some(body.to_vec()))
    }
}

/// The server's own code, or the chain of causes down to the socket.
fn failed<E>(error: &SdkError<E, HttpResponse>) -> RecordsError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let (Some(service), Some(status)) = (error.as_service_error(), shelf::status(error)) {
        return RecordsError(format!("{} (status {status})", service.code().unwrap_or("no code")));
    }
    let causes = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
    RecordsError(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}
