//! An upload in parts, straight from the browser into storage (issue "yearly loop" §3.4).

use crate::{
    error::{BlobError, NotStored, Part},
    media::Accept,
    shelf::{is, status},
    vault::Vault,
};
use aws_sdk_s3::presigning::PresigningConfig;
use kernel::{ids::FileId, school::SchoolCode};
use std::time::Duration;
use time::OffsetDateTime;

/// The least that S3 allows for any part but the last, and so the most that a lost connection costs.
pub const PART_SIZE: u64 = 5 * 1024 * 1024;
/// How long the browser may use a URL; after that it asks for fresh ones.
const URL_LIFE: Duration = Duration::from_secs(60 * 60);

/// What the browser needs to send a file.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub struct UploadPlan {
    /// Names the upload; needed to resume and to finalise.
    pub upload_id: String,
    /// Where it lies until it is finalised.
    pub key: String,
    /// In bytes.
    pub part_size: u64,
    /// The parts still to be sent.
    pub parts: Vec<PartUrl>,
    /// The parts that have arrived.
    pub stored: Vec<StoredPart>,
}

/// A part to be sent with PUT, as it is, without further headers.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub struct PartUrl {
    /// From 1.
    pub number: i32,
    /// In bytes; part n begins at (n − 1) × `part_size`.
    pub size: u64,
    /// Good for an hour. Whoever holds it can send this part: never log it.
    pub url: String,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredPart {
    /// From 1.
    pub number: i32,
    /// In bytes.
    pub size: u64,
    #[serde(skip)]
    pub(crate) etag: String,
}

impl std::fmt::Debug for UploadPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadPlan({}, {} to send, {} stored)", self.key, self.parts.len(), self.stored.len())
    }
}

/// A key that `begin_upload` gave: `{school}/incoming/{file}-{random}`.
pub(crate) struct Incoming<'a>(&'a str);

impl<'a> Incoming<'a> {
    /// Content can't be reached through a key of this shape, nor another school's upload.
    pub(crate) fn of(school: &SchoolCode, key: &'a str) -> Result<Self, BlobError> {
        let name = key.strip_prefix(school.as_str()).and_then(|rest| rest.strip_prefix("/incoming/"));
        let lawful =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        name.filter(|name| lawful(name)).map(|_| Self(key)).ok_or(BlobError::ForeignKey)
    }

    pub(crate) fn key(&self) -> &str {
        self.0
    }

    /// Where the outcome of the upload is noted, so that asking again gives the same answer.
    pub(crate) fn outcome_key(&self) -> String {
        format!("{}.outcome", self.0)
    }
}

/// Numbers and sizes of the parts of a file.
fn parts_of(size: u64) -> impl Iterator<Item = (i32, u64)> {
    (1..).zip((0..size).step_by(PART_SIZE as usize)).map(move |(number, from)| (number, (size - from).min(PART_SIZE)))
}

impl Vault {
    /// Opens an upload of `size` bytes for a file row of the school. Limits and quota are the
    /// caller's business, before; only nothing and the absurd are refused here.
    pub async fn begin_upload(&self, school: &SchoolCode, file: FileId, size: u64) -> Result<UploadPlan, NotStored> {
        Accept::Workbook.size(size)?;
        // the random part keeps a second try apart from the first, and the URL unguessable
        let key = format!("{school}/incoming/{file}-{}", uuid::Uuid::new_v4().simple());
        let request = self.primary.client.create_multipart_upload().bucket(&self.primary.bucket).key(&key);
        let opened = request.send().await.map_err(|error| self.primary.failed(&error))?;
        let upload_id = opened.upload_id.ok_or_else(|| BlobError::away(Part::Primary, "no upload id was given"))?;
        let parts = self.urls(&key, &upload_id, parts_of(size)).await?;
        Ok(UploadPlan { upload_id, key, part_size: PART_SIZE, parts, stored: Vec::new() })
    }

    /// Says which parts have arrived and gives fresh URLs for the others. An upload that is whole
    /// (or already finalised) has no parts to send.
    pub async fn resume(
        &self,
        school: &SchoolCode,
        key: &str,
        upload_id: &str,
        size: u64,
    ) -> Result<UploadPlan, BlobError> {
        let incoming = Incoming::of(school, key)?;
        let plan = |parts, stored| UploadPlan {
            upload_id: upload_id.to_owned(),
            key: key.to_owned(),
            part_size: PART_SIZE,
            parts,
            stored,
        };
        let Some(arrived) = self.arrived(&incoming, upload_id).await? else {
            let is_whole =
                self.primary.head(key).await?.is_some() || self.primary.head(&incoming.outcome_key()).await?.is_some();
            return if is_whole { Ok(plan(Vec::new(), Vec::new())) } else { Err(BlobError::UnknownUpload) };
        };
        let stored: Vec<StoredPart> = arrived.into_iter().filter(|part| is_expected(part, size)).collect();
        let missing = missing(&stored, size);
        Ok(plan(self.urls(key, upload_id, missing.into_iter()).await?, stored))
    }

    /// Forgets an upload and every byte of it; the content that came of it stays. Also to be
    /// called after a finalised upload is committed; what is forgotten to be forgotten is swept.
    pub async fn abandon(&self, school: &SchoolCode, key: &str, upload_id: &str) -> Result<(), BlobError> {
        let incoming = Incoming::of(school, key)?;
        let request = self.primary.client.abort_multipart_upload().bucket(&self.primary.bucket);
        match request.key(key).upload_id(upload_id).send().await {
            Ok(_) => {}
            Err(error) if is(&error, "NoSuchUpload") || status(&error) == Some(404) => {}
            Err(error) => return Err(self.primary.failed(&error)),
        }
        self.primary.erase(incoming.key()).await
    }

    /// Removes what uploads begun before `before` left behind, a thousand of each kind at a call; says
    /// how many there were.
    pub async fn sweep(&self, school: &SchoolCode, before: OffsetDateTime) -> Result<usize, BlobError> {
        let prefix = format!("{school}/incoming/");
        let is_old =
            |at: Option<&aws_sdk_s3::primitives::DateTime>| at.is_some_and(|at| at.secs() < before.unix_timestamp());
        let request = self.primary.client.list_multipart_uploads().bucket(&self.primary.bucket).prefix(&prefix);
        let open = request.send().await.map_err(|error| self.primary.failed(&error))?;
        let mut swept = 0;
        for upload in open.uploads().iter().filter(|upload| is_old(upload.initiated())) {
            if let (Some(key), Some(upload_id)) = (upload.key(), upload.upload_id()) {
                self.abandon(school, key, upload_id).await?;
                swept += 1;
            }
        }
        let request = self.primary.client.list_objects_v2().bucket(&self.primary.bucket).prefix(&prefix);
        let left = request.send().await.map_err(|error| self.primary.failed(&error))?;
        for object in left.contents().iter().filter(|object| is_old(object.last_modified())) {
            if let Some(key) = object.key() {
                self.primary.erase(key).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// The parts that have arrived; `None` when no such upload is open (any more).
    pub(crate) async fn arrived(
        &self,
        incoming: &Incoming<'_>,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, BlobError> {
        let request = self.primary.client.list_parts().bucket(&self.primary.bucket);
        let answer = match request.key(incoming.key()).upload_id(upload_id).send().await {
            Ok(answer) => answer,
            Err(error) if is(&error, "NoSuchUpload") || status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(self.primary.failed(&error)),
        };
        let part = |part: &aws_sdk_s3::types::Part| {
            Some(StoredPart {
                number: part.part_number()?,
                size: u64::try_from(part.size()?).ok()?,
                etag: part.e_tag()?.to_owned(),
            })
        };
        Ok(Some(answer.parts().iter().filter_map(part).collect()))
    }

    async fn urls(
        &self,
        key: &str,
        upload_id: &str,
        parts: impl Iterator<Item = (i32, u64)>,
    ) -> Result<Vec<PartUrl>, BlobError> {
        let life = PresigningConfig::expires_in(URL_LIFE).expect("an hour is less than a week");
        let mut urls = Vec::new();
        for (number, size) in parts {
            let request = self.public.upload_part().bucket(&self.primary.bucket).key(key);
            // signed with its length: the URL takes this part and nothing larger
            let length = i64::try_from(size).expect("a part is small");
            let request = request.upload_id(upload_id).part_number(number).content_length(length);
            let signed = request.presigned(life.clone()).await.map_err(|error| self.primary.failed(&error))?;
            urls.push(PartUrl { number, size, url: signed.uri().to_owned() });
        }
        Ok(urls)
    }
}

/// A part of the wrong length was cut or belongs to another file: it is sent again.
fn is_expected(part: &StoredPart, size: u64) -> bool {
    parts_of(size).any(|expected| expected == (part.number, part.size))
}

/// Number and size of the parts that are not among the stored ones.
pub(crate) fn missing(stored: &[StoredPart], size: u64) -> Vec<(i32, u64)> {
    parts_of(size).filter(|(number, _)| !stored.iter().any(|part| part.number == *number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_parts_of_five_megabytes() {
        assert_eq!(parts_of(1).collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(parts_of(PART_SIZE).collect::<Vec<_>>(), [(1, PART_SIZE)]);
        assert_eq!(parts_of(2 * PART_SIZE + 7).collect::<Vec<_>>(), [(1, PART_SIZE), (2, PART_SIZE), (3, 7)]);
    }

    #[test]
    fn a_part_that_is_missing_or_of_the_wrong_length_is_sent_again() {
        let part = |number, size| StoredPart { number, size, etag: String::new() };
        let size = PART_SIZE + 7;
        assert_eq!(missing(&[part(1, PART_SIZE)], size), [(2, 7)]);
        assert!(is_expected(&part(2, 7), size));
        assert!(!is_expected(&part(2, 6), size));
        assert!(!is_expected(&part(3, 7), size));
    }

    #[test]
    fn only_an_upload_of_the_school_can_be_named() {
        let school: SchoolCode = "403303".parse().unwrap();
        assert!(Incoming::of(&school, "403303/incoming/12-abc").is_ok());
        for foreign in ["403302/incoming/12-abc", "403303/ba7816bf", "403303/incoming/", "403303/incoming/../x", ""] {
            assert!(Incoming::of(&school, foreign).is_err(), "{foreign:?}");
        }
    }
}
