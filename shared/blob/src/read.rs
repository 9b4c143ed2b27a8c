//! Reading back: every byte is verified on the way, and a damaged copy is never served.

use crate::{
    error::BlobError,
    finalise::{Digests, sha256},
    shelf::{Read, Shelf},
    vault::Vault,
};
use bytes::Bytes;
use kernel::school::SchoolCode;
use std::time::Duration;
use time::OffsetDateTime;

/// A person waits: a first copy that hangs is given up for the second one.
const PATIENCE: Duration = Duration::from_secs(5);

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// The first copy.
    Primary,
    /// The second copy.
    Replica,
}

impl Copy {
    /// For metrics, logs and rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// What a copy turned out to be when every byte was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There and whole; here it is.
    Whole(Bytes),
    /// Not there.
    Missing,
    /// There, with other bytes or unreadable.
    Damaged,
}

/// Keys of one copy, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most a thousand.
    pub objects: Vec<Listed>,
    /// Whether more follow after the last one.
    pub more: bool,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `{school}/{sha256}`, or something under `{school}/incoming/`.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, to the second.
    pub written_at: OffsetDateTime,
}

/// Where a content lies.
pub(crate) fn object_key(school: &SchoolCode, sha256: &[u8; 32]) -> String {
    format!("{school}/{}", hex::encode(sha256))
}

impl Vault {
    /// Reads a file and verifies it. If the first copy is damaged, missing or away, the second one
    /// is read, verified and given, and the first one mended.
    pub async fn open(&self, school: &SchoolCode, sha256: &[u8; 32]) -> Result<Bytes, BlobError> {
        let late = |_| BlobError::away(self.primary.part, "no answer in time");
        let first = tokio::time::timeout(PATIENCE, self.inspect(Copy::Primary, school, sha256));
        let first = match first.await.map_err(late).flatten() {
            Ok(State::Whole(bytes)) => return Ok(bytes),
            first => first,
        };
        let State::Whole(bytes) = self.inspect(Copy::Replica, school, sha256).await? else {
            // with the first copy merely away, nothing is lost yet
            first?;
            metrics::counter!("licheng_blob_lost_total").increment(1);
            tracing::error!(school_code = school.as_str(), sha256 = hex::encode(sha256), "no copy of a file is whole");
            return Err(BlobError::Lost);
        };
        match first {
            Ok(_) => self.mend_or_warn(school, &bytes).await,
            Err(_) => self.look_again(*school, bytes.clone()),
        }
        Ok(bytes)
    }

    async fn mend_or_warn(&self, school: &SchoolCode, bytes: &Bytes) {
        if let Err(error) = self.mend(Copy::Primary, school, bytes, &Digests::of(bytes)).await {
            tracing::warn!(%error, "the first copy could not be mended");
        }
    }

    /// A first copy that gave no answer in time is looked at with more patience, while the person
    /// already reads: a server may take long to find out that an object is rotten.
    fn look_again(&self, school: SchoolCode, bytes: Bytes) {
        let vault = self.clone();
        tokio::spawn(async move {
            let state = vault.inspect(Copy::Primary, &school, &sha256(&bytes)).await;
            if matches!(state, Ok(State::Missing | State::Damaged)) {
                vault.mend_or_warn(&school, &bytes).await;
            }
        });
    }

    /// Whether both copies are listed as there; says nothing about their bytes.
    pub async fn exists(&self, school: &SchoolCode, sha256: &[u8; 32]) -> Result<(bool, bool), BlobError> {
        let key = object_key(school, sha256);
        let (primary, replica) = tokio::try_join!(self.primary.head(&key), self.replica.head(&key))?;
        Ok((primary.is_some(), replica.is_some()))
    }

    /// Reads every byte of one copy and says what it is: for the scrubber.
    pub async fn inspect(&self, copy: Copy, school: &SchoolCode, hash: &[u8; 32]) -> Result<State, BlobError> {
        let read = self.shelf(copy).get(&object_key(school, hash), None).await?;
        Ok(match read {
            Ok(Read::Found(bytes)) if sha256(&bytes) == *hash => State::Whole(bytes),
            Ok(Read::Missing) => State::Missing,
            _ => State::Damaged,
        })
    }

    /// Mends one copy from the other: for the scrubber. `Lost` when the other is no better.
    pub async fn heal(&self, copy: Copy, school: &SchoolCode, sha256: &[u8; 32]) -> Result<(), BlobError> {
        let other = match copy {
            Copy::Primary => Copy::Replica,
            Copy::Replica => Copy::Primary,
        };
        let State::Whole(bytes) = self.inspect(other, school, sha256).await? else { return Err(BlobError::Lost) };
        self.mend(copy, school, &bytes, &Digests::of(&bytes)).await
    }

    /// Up to a thousand keys of one copy that begin with `prefix`, after the key `after`.
    pub async fn list(&self, copy: Copy, prefix: &str, after: Option<&str>) -> Result<Page, BlobError> {
        let Shelf { client, bucket, .. } = self.shelf(copy);
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
        let answer = request.set_start_after(after.map(str::to_owned)).send().await;
        let answer = answer.map_err(|error| self.shelf(copy).failed(&error))?;
        let listed = |object: &aws_sdk_s3::types::Object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                size: u64::try_from(object.size()?).ok()?,
                written_at: OffsetDateTime::from_unix_timestamp(object.last_modified()?.secs()).ok()?,
            })
        };
        let objects = answer.contents().iter().filter_map(listed).collect();
        Ok(Page { objects, more: answer.is_truncated().unwrap_or(false) })
    }
}
