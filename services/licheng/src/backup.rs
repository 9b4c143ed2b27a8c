//! Backups of the database: a base backup and every piece of WAL after it, in a bucket of their own, and the proof
//! that both can be restored.
//!
//! Barman's cloud tools do the copying (`barman-cli-cloud` of Debian: plain S3, path style, TLS or not); what is here
//! knows our database: how many rows there were, and whether a restored copy is whole. In the bucket, under the
//! configured name: `base/` and `wals/` are Barman's, `records/` is ours.

pub mod archive;
mod counts;
pub mod instance;
pub mod programs;
pub mod record;
pub mod run;
pub mod verify;

pub(crate) use counts::SCHEMAS;

use anyhow::{Context as _, Result};
use blob::{Bucket, Records};
use ops::config::Backup;

/// The configured bucket; an error that names the variable where there is none.
pub fn configured() -> Result<Backup> {
    Backup::from_env()?.context("no backups are configured: set LICHENG_BACKUP_S3_ENDPOINT and the variables beside it")
}

/// The bucket's records.
#[must_use]
pub fn records(backup: &Backup) -> Records {
    Records::new(&Bucket {
        endpoint: backup.endpoint.as_str().to_owned(),
        region: backup.region.clone(),
        bucket: backup.bucket.clone(),
        access_key: backup.access_key.expose().to_owned(),
        secret_key: backup.secret_key.expose().to_owned(),
    })
}
