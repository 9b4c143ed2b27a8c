//! Imports without pages: what the pages, the seed and the benchmark all call.

use super::{
    diff::Counts,
    flow::{self, Choice, NotImported, Upload},
    store as rows,
};
use bytes::Bytes;
use kernel::{actor::Context, ids::ImportId, secrets::Keys};
use ring::digest::{SHA256, digest};
use store::{Db, Error};

/// A file in hand that is kept sealed.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// As the person named it.
    pub name: &'a str,
    /// As it was uploaded.
    pub bytes: Bytes,
    /// Names the sealed file in storage.
    pub sealed_sha256: [u8; 32],
}

/// The school office's door to imports, for one database.
#[derive(Clone, Debug)]
pub struct Importer {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
}

impl Importer {
    /// An importer that writes with the school room's role.
    #[must_use]
    pub fn new(db: Db, keys: Keys) -> Self {
        Self { db, keys }
    }

    /// Checks a file for a year and a term and keeps the dry run.
    pub async fn check(
        &self,
        ctx: &Context,
        file: File<'_>,
        (year, term): (i16, i16),
    ) -> Result<ImportId, NotImported> {
        let sha256 = digest(&SHA256, &file.bytes).as_ref().try_into().expect("SHA-256 gives 32 bytes");
        let choice = Choice { year, term };
        flow::check(&self.db, &self.keys, ctx, Upload { file, sha256, choice }).await
    }

    /// Applies a dry run to the very file that it checked; anything else is stale.
    pub async fn apply(&self, ctx: &Context, id: ImportId, bytes: Bytes) -> Result<(), NotImported> {
        let mut tx = self.db.read(ctx, "school.import.find").await?;
        let import = rows::find(&mut tx, id).await?.ok_or(Error::Stale)?;
        drop(tx);
        if digest(&SHA256, &bytes).as_ref() != import.file_sha256 {
            return Err(Error::Stale.into());
        }
        flow::apply(&self.db, &self.keys, ctx, &import, bytes).await
    }

    /// Takes the last applied import back; says how many rows that were.
    pub async fn revert(&self, ctx: &Context, id: ImportId) -> Result<usize, Error> {
        flow::revert(&self.db, ctx, id).await
    }

    /// What a dry run counted.
    pub async fn counts(&self, ctx: &Context, id: ImportId) -> Result<Counts, Error> {
        let mut tx = self.db.read(ctx, "school.import.find").await?;
        Ok(rows::find(&mut tx, id).await?.ok_or(Error::Stale)?.counts)
    }
}
