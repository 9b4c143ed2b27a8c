//! Two copies, each proven: the only place where content is written.

use crate::{
    error::BlobError,
    finalise::Digests,
    read::{Copy, object_key},
    shelf::{Read, Shelf},
    vault::Vault,
};
use bytes::Bytes;
use kernel::school::SchoolCode;

/// Enough tries to get past another writer of the same content.
const TRIES: usize = 3;

impl Vault {
    /// Writes both copies unless they are there, and proves both.
    pub(crate) async fn keep(&self, school: &SchoolCode, bytes: &Bytes, digests: &Digests) -> Result<(), BlobError> {
        let key = object_key(school, &digests.sha256);
        let primary = ensure(&self.primary, &key, bytes, digests);
        let replica = ensure(&self.replica, &key, bytes, digests);
        tokio::try_join!(primary, replica).map(|_| ())
    }

    /// Keeps two copies of bytes that were sealed, so that no content can be checked in them, and names them by their
    /// hash. What lies in them was examined before: [`Vault::examine`].
    pub async fn keep_opaque(&self, school: &SchoolCode, sealed: Bytes) -> Result<[u8; 32], BlobError> {
        let digests = Digests::of(&sealed);
        self.keep(school, &sealed, &digests).await?;
        Ok(digests.sha256)
    }

    /// Replaces a damaged or missing copy by bytes that were proven, and counts it.
    pub(crate) async fn mend(
        &self,
        copy: Copy,
        school: &SchoolCode,
        bytes: &Bytes,
        digests: &Digests,
    ) -> Result<(), BlobError> {
        ensure(self.shelf(copy), &object_key(school, &digests.sha256), bytes, digests).await?;
        metrics::counter!("licheng_blob_healed_total", "copy" => copy.name()).increment(1);
        tracing::warn!(
            school_code = school.as_str(),
            sha256 = hex::encode(digests.sha256),
            copy = copy.name(),
            "a damaged or missing copy was replaced by the good one"
        );
        Ok(())
    }
}

/// The object is there and whole when this returns. It is never overwritten, but for a version
/// that was read and found damaged, which stays as an older version.
async fn ensure(shelf: &Shelf, key: &str, bytes: &Bytes, digests: &Digests) -> Result<(), BlobError> {
    let size = bytes.len() as u64;
    for _ in 0..TRIES {
        if shelf.put_new(key, bytes.clone(), digests).await? {
            let head = shelf.head(key).await?;
            if head.is_some_and(|head| head.vouches_for(digests, size)) {
                return Ok(());
            }
        }
        // it was there already, or the server doesn't tell checksums: every byte is read
        match shelf.get(key, Some(size)).await? {
            Ok(Read::Found(found)) if digests.match_sha256(&found) => return Ok(()),
            Ok(Read::Missing) => {}
            _ => shelf.put_over(key, bytes.clone(), digests).await?,
        }
    }
    match shelf.get(key, Some(size)).await? {
        Ok(Read::Found(found)) if digests.match_sha256(&found) => Ok(()),
        _ => Err(BlobError::away(shelf.part, "what was written does not read back")),
    }
}
