//! What a backup knows about itself: written beside it when it is complete, read before it is restored.

use super::{
    archive::{Archive, Base},
    counts::Counted,
};
use anyhow::{Context as _, Result};
use blob::Records;
use ops::config::Backup;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// One complete backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Barman's name for the base backup.
    pub backup_id: String,
    /// When the base backup was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// When it was complete and the restore point set: no earlier moment can be restored from it.
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
    /// The name in the WAL up to which a restored copy is compared with `tables`.
    pub restore_point: String,
    /// The newest migration that the database had.
    pub schema_version: i64,
    /// Rows of each table, just before and just after the restore point.
    pub tables: BTreeMap<String, Counted>,
    /// Transactions that may have changed rows between the two counts; 0: the counts are exact.
    pub transactions: i64,
}

/// Where the record of a base backup lies.
#[must_use]
pub fn key(backup: &Backup, backup_id: &str) -> String {
    format!("{}/records/{backup_id}.json", backup.name)
}

/// Writes it. A backup without a record counts as none.
pub async fn write(records: &Records, backup: &Backup, record: &Record) -> Result<()> {
    let text = serde_json::to_vec_pretty(record)?;
    records.put(&key(backup, &record.backup_id), text).await.context("writing the backup's record")
}

/// Every base backup with its record, the oldest first; without one where it was not completed by us.
pub async fn all(records: &Records, backup: &Backup) -> Result<Vec<(Base, Option<Record>)>> {
    let mut found = Vec::new();
    for base in Archive::new(backup).list().await? {
        let record = records.get(&key(backup, &base.backup_id)).await?;
        let record = record.map(|text| serde_json::from_slice(&text)).transpose();
        let record = record.with_context(|| format!("the record of backup {} can't be read", base.backup_id))?;
        found.push((base, record));
    }
    Ok(found)
}

/// The newest complete backup; with `at`, the newest from which that moment can be reached.
pub async fn newest(records: &Records, backup: &Backup, at: Option<OffsetDateTime>) -> Result<Record> {
    let complete = all(records, backup).await?.into_iter().filter(|(base, _)| base.status == "DONE");
    let found = complete.filter_map(|(_, record)| record).filter(|record| at.is_none_or(|at| record.finished_at <= at));
    found.max_by_key(|record| record.finished_at).with_context(|| match at {
        Some(at) => format!("there is no complete backup from before {at}; see licheng backup list"),
        None => "there is no complete backup yet; see licheng backup list".to_owned(),
    })
}
