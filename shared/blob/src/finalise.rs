//! From an upload to a stored file: re-read, measured, checked, scanned, kept twice (design §5).

use crate::{
    check,
    clamd::{self, Verdict},
    error::{BlobError, NotStored},
    media::{Accept, MediaType},
    refusal::Refusal,
    shelf::{Read, is, status},
    upload::{Incoming, StoredPart, missing},
    vault::{DECODING_MIB, Vault},
};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use kernel::school::SchoolCode;
use md5::{Digest as _, Md5};
use ring::digest::{SHA256, digest};

/// A file of which two copies were proven.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stored {
    /// Names the content within its school.
    pub sha256: [u8; 32],
    /// For the exchange format alone (domain A-33): integrity, not security.
    pub md5: [u8; 16],
    /// In bytes.
    pub size: u64,
    /// By content.
    pub media_type: MediaType,
    /// Proven copies: 2.
    pub copies: u8,
}

/// Both hashes of a content.
pub(crate) struct Digests {
    pub(crate) sha256: [u8; 32],
    pub(crate) md5: [u8; 16],
}

impl Digests {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { sha256: sha256(bytes), md5: Md5::digest(bytes).into() }
    }

    pub(crate) fn match_sha256(&self, bytes: &[u8]) -> bool {
        sha256(bytes) == self.sha256
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// What became of an upload, noted beside it until it is forgotten.
#[derive(serde::Serialize, serde::Deserialize)]
enum Outcome {
    Stored(Stored),
    Refused(Refusal),
}

impl Vault {
    /// Turns a complete upload into a stored file. Idempotent: called again after a crash at any
    /// point, or twice at once, it gives the same answer. `Ok` means two copies were proven;
    /// commit that, then call [`Vault::abandon`] to forget the upload.
    pub async fn finalise(
        &self,
        school: &SchoolCode,
        key: &str,
        upload_id: &str,
        declared_size: u64,
        accept: Accept,
    ) -> Result<Stored, NotStored> {
        let incoming = Incoming::of(school, key)?;
        accept.size(declared_size)?;
        let _turn = self.verifications.acquire().await.expect("the semaphore is never closed");
        self.assemble(&incoming, upload_id, declared_size).await?;
        let result = match self.primary.get(key, Some(declared_size)).await? {
            Ok(Read::Found(bytes)) => self.verify_and_keep(school, bytes, accept).await,
            Ok(Read::Missing) => return self.outcome(&incoming).await,
            Ok(Read::Broken) => return Err(BlobError::away(self.primary.part, "the upload could not be read").into()),
            Err(arrived) => Err(Refusal::SizeDiffers { declared: declared_size, arrived }.into()),
        };
        match &result {
            Ok(stored) => self.note(&incoming, &Outcome::Stored(stored.clone())).await,
            Err(NotStored::Refused(refusal)) => self.note(&incoming, &Outcome::Refused(refusal.clone())).await,
            Err(_) => {}
        }
        result
    }

    /// Stores bytes already in hand, with the same checks: attachments, imports, seeds.
    pub async fn ingest(&self, school: &SchoolCode, bytes: Bytes, accept: Accept) -> Result<Stored, NotStored> {
        accept.size(bytes.len() as u64)?;
        let _turn = self.verifications.acquire().await.expect("the semaphore is never closed");
        self.verify_and_keep(school, bytes, accept).await
    }

    /// The checks of [`Vault::ingest`] alone: for a content that is kept sealed, by [`Vault::keep_opaque`].
    pub async fn examine(&self, school: &SchoolCode, bytes: &Bytes, accept: Accept) -> Result<(), NotStored> {
        accept.size(bytes.len() as u64)?;
        let _turn = self.verifications.acquire().await.expect("the semaphore is never closed");
        self.verify(school, bytes, accept).await.map(drop)
    }

    /// Completes the multipart upload if it is still open.
    async fn assemble(&self, incoming: &Incoming<'_>, upload_id: &str, size: u64) -> Result<(), NotStored> {
        let Some(arrived) = self.arrived(incoming, upload_id).await? else { return Ok(()) };
        let missing: Vec<i32> = missing(&arrived, size).into_iter().map(|(number, _)| number).collect();
        if !missing.is_empty() {
            // a server may still list an upload as open that it has completed
            let is_whole = self.primary.head(incoming.key()).await?.is_some();
            return if is_whole { Ok(()) } else { Err(NotStored::Incomplete { missing }) };
        }
        let part = |part: StoredPart| CompletedPart::builder().part_number(part.number).e_tag(part.etag).build();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(arrived.into_iter().map(part).collect()));
        let request = self.primary.client.complete_multipart_upload().bucket(&self.primary.bucket);
        let request = request.key(incoming.key()).upload_id(upload_id).multipart_upload(parts.build());
        match request.send().await {
            Ok(_) => Ok(()),
            // completed by another call in between
            Err(error) if is(&error, "NoSuchUpload") || status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.primary.failed(&error).into()),
        }
    }

    async fn verify_and_keep(&self, school: &SchoolCode, bytes: Bytes, accept: Accept) -> Result<Stored, NotStored> {
        let (media_type, digests) = self.verify(school, &bytes, accept).await?;
        self.keep(school, &bytes, &digests).await?;
        let Digests { sha256, md5 } = digests;
        Ok(Stored { sha256, md5, size: bytes.len() as u64, media_type, copies: 2 })
    }

    /// Content and virus check.
    async fn verify(
        &self,
        school: &SchoolCode,
        bytes: &Bytes,
        accept: Accept,
    ) -> Result<(MediaType, Digests), NotStored> {
        let looked_into = self.look_into(bytes.clone(), accept).await?;
        if let Verdict::Infected(signature) = clamd::scan(&self.clamd, bytes).await? {
            metrics::counter!("licheng_blob_infected_total").increment(1);
            tracing::warn!(school_code = school.as_str(), signature, "an infected file was refused");
            return Err(Refusal::Infected.into());
        }
        Ok(looked_into)
    }

    /// Checks and hashes, off the async threads and within the memory set aside for pictures.
    async fn look_into(&self, bytes: Bytes, accept: Accept) -> Result<(MediaType, Digests), NotStored> {
        let mib = check::working_memory_mib(&bytes).min(u32::try_from(DECODING_MIB).expect("a small number"));
        let memory = self.decoding.clone().acquire_many_owned(mib).await.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            let media_type = check::check(&bytes, accept)?;
            drop(memory);
            Ok((media_type, Digests::of(&bytes)))
        });
        // a panic in a decoder is a damaged file that we failed to foresee; it must not take the process along
        work.await.unwrap_or_else(|_| {
            tracing::error!("a content check panicked");
            Err(Refusal::Unreadable.into())
        })
    }

    /// Notes what became of the upload, then removes its bytes. Failing here costs nothing but a
    /// second verification, or litter that is swept.
    async fn note(&self, incoming: &Incoming<'_>, outcome: &Outcome) {
        let record = serde_json::to_vec(outcome).expect("an outcome is plain data");
        let noted = match self.primary.put_record(&incoming.outcome_key(), record).await {
            Ok(()) => self.primary.erase_only(incoming.key()).await,
            failed => failed,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "an upload could not be tidied up");
        }
    }

    /// What an earlier call found out.
    async fn outcome(&self, incoming: &Incoming<'_>) -> Result<Stored, NotStored> {
        let Ok(Read::Found(record)) = self.primary.get(&incoming.outcome_key(), None).await? else {
            return Err(BlobError::UnknownUpload.into());
        };
        match serde_json::from_slice(&record) {
            Ok(Outcome::Stored(stored)) => Ok(stored),
            Ok(Outcome::Refused(refusal)) => Err(refusal.into()),
            Err(_) => Err(BlobError::UnknownUpload.into()),
        }
    }
}
