//! The vault: two buckets and a scanner.

use crate::{
    clamd,
    config::BlobConfig,
    error::{BlobError, Part},
    harm::{Sighting, Witness},
    read::Copy,
    shelf::{self, Shelf},
};
use aws_sdk_s3::Client;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Pictures being decoded may take this much memory together.
pub(crate) const DECODING_MIB: usize = 384;
/// Files being read, or on their way to their readers, may take this much memory together.
pub(crate) const READING_MIB: usize = 128;

/// Where files are taken in, kept twice and read. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    pub(crate) primary: Arc<Shelf>,
    pub(crate) replica: Arc<Shelf>,
    /// Signs URLs with the address that browsers use.
    pub(crate) public: Client,
    pub(crate) clamd: Arc<str>,
    /// One permit for each file being verified.
    pub(crate) verifications: Arc<Semaphore>,
    /// One permit for each MiB of a picture being decoded.
    pub(crate) decoding: Arc<Semaphore>,
    /// One permit for each KiB of a file being read.
    pub(crate) reading: Arc<Semaphore>,
    /// Hears of bad copies that readers find.
    pub(crate) witness: Option<Witness>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({}, {})", self.primary.bucket, self.replica.bucket)
    }
}

impl Vault {
    /// Speaks to nobody yet.
    #[must_use]
    pub fn new(config: &BlobConfig) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let (primary, replica) = (&config.primary, &config.replica);
        let public_endpoint = config.public_endpoint.as_deref().unwrap_or(&primary.endpoint);
        Self {
            primary: Arc::new(Shelf {
                part: Part::Primary,
                client: shelf::client(primary, &primary.endpoint, http.clone()),
                bucket: primary.bucket.clone(),
            }),
            replica: Arc::new(Shelf {
                part: Part::Replica,
                client: shelf::client(replica, &replica.endpoint, http.clone()),
                bucket: replica.bucket.clone(),
            }),
            public: shelf::client(primary, public_endpoint, http),
            clamd: config.clamd.as_str().into(),
            verifications: Arc::new(Semaphore::new(config.concurrent_verifications.max(1))),
            decoding: Arc::new(Semaphore::new(DECODING_MIB)),
            reading: Arc::new(Semaphore::new(READING_MIB * 1024)),
            witness: None,
        }
    }

    /// The same vault, which tells of every bad copy that [`Vault::open`] finds. The witness must not block.
    #[must_use]
    pub fn with_witness(mut self, witness: impl Fn(Sighting) + Send + Sync + 'static) -> Self {
        self.witness = Some(Arc::new(witness));
        self
    }

    /// Whether a part answers and its bucket is there: for readiness and `doctor`.
    pub async fn check(&self, part: Part) -> Result<(), BlobError> {
        let shelf = match part {
            Part::Primary => &self.primary,
            Part::Replica => &self.replica,
            Part::Scanner => return clamd::ping(&self.clamd).await,
        };
        let answer = shelf.client.head_bucket().bucket(&shelf.bucket).send().await;
        answer.map(|_| ()).map_err(|error| shelf.failed(&error))
    }

    pub(crate) fn shelf(&self, copy: Copy) -> &Shelf {
        match copy {
            Copy::Primary => &self.primary,
            Copy::Replica => &self.replica,
        }
    }
}
