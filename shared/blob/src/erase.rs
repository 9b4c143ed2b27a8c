//! The end of a content: first a mark that hides it, and much later its bytes.

use crate::{
    error::BlobError,
    read::{Copy, object_key},
    shelf::Shelf,
    vault::Vault,
};
use aws_sdk_s3::types::BucketVersioningStatus;
use kernel::school::SchoolCode;
use time::OffsetDateTime;

impl Vault {
    /// Hides a content in both copies behind a deletion mark: it is neither listed nor read any more, and every byte of
    /// it is still there. Twice is once. Whoever stores the same content afterwards writes it anew.
    ///
    /// # Errors
    /// A copy is away, or its bucket keeps no versions, so that a mark would be the end.
    pub async fn lay_aside(&self, school: &SchoolCode, sha256: &[u8; 32]) -> Result<(), BlobError> {
        let key = object_key(school, sha256);
        for copy in Copy::BOTH {
            self.shelf(copy).mark(&key).await?;
        }
        Ok(())
    }

    /// Removes for good what is older than `before`, by the storage's own clock: versions of a content and their
    /// deletion marks, in both copies. Says whether nothing is left of it.
    ///
    /// # Errors
    /// A copy is away, or a lock holds a version still.
    pub async fn destroy(
        &self,
        school: &SchoolCode,
        sha256: &[u8; 32],
        before: OffsetDateTime,
    ) -> Result<bool, BlobError> {
        let key = object_key(school, sha256);
        let mut left = 0;
        // the one that may be locked first: while it holds, both stay
        for copy in [Copy::Replica, Copy::Primary] {
            left += self.shelf(copy).destroy(&key, before).await?;
        }
        Ok(left == 0)
    }
}

impl Shelf {
    async fn mark(&self, key: &str) -> Result<(), BlobError> {
        let versioning = self.client.get_bucket_versioning().bucket(&self.bucket).send().await;
        let versioning = versioning.map_err(|error| self.failed(&error))?;
        if versioning.status() != Some(&BucketVersioningStatus::Enabled) {
            return Err(BlobError::away(self.part, "its bucket keeps no versions"));
        }
        if self.head(key).await?.is_none() {
            return Ok(());
        }
        let request = self.client.delete_object().bucket(&self.bucket).key(key);
        request.send().await.map(drop).map_err(|error| self.failed(&error))
    }

    /// How many versions and marks are left.
    async fn destroy(&self, key: &str, before: OffsetDateTime) -> Result<usize, BlobError> {
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key);
        let found = request.send().await.map_err(|error| self.failed(&error))?;
        let versions = found.versions().iter().map(|found| (found.key(), found.version_id(), found.last_modified()));
        let marks = found.delete_markers().iter().map(|found| (found.key(), found.version_id(), found.last_modified()));
        // versions first: should it break off in between, the mark still hides what is left
        let of_key: Vec<_> = versions.chain(marks).filter(|(found, ..)| *found == Some(key)).collect();
        // a list that was cut short names no more than it can
        let mut left = usize::from(found.is_truncated() == Some(true));
        for (_, version, modified) in of_key {
            let is_old = modified.is_some_and(|at| at.secs() < before.unix_timestamp());
            let Some(version) = version.filter(|_| is_old) else {
                left += 1;
                continue;
            };
            let request = self.client.delete_object().bucket(&self.bucket).key(key).version_id(version);
            request.send().await.map_err(|error| self.failed(&error))?;
        }
        Ok(left)
    }
}
