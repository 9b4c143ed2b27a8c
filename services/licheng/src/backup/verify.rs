//! The proof: the newest backup restored into a private PostgreSQL and looked at, row by row where that can be done.

use super::{
    archive::Archive,
    counts::{count, differences},
    instance::{Restored, Server, Until},
    record::{self, Record},
};
use crate::House;
use anyhow::{Context as _, Result, bail, ensure};
use blob::{BlobError, Vault};
use kernel::school::SchoolCode;
use ops::config::Backup;
use serde::Serialize;
use sqlx::PgConnection;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use store::{
    Db,
    chain::{self, Verdict},
};

/// The kind of proof in `app.proof`.
pub const KIND: &str = "restore";

/// What was proven; the detail of the row in `app.proof`. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Barman's name for the base backup.
    pub backup_id: String,
    /// When the last transaction of the archive was committed.
    pub archived_until: Option<String>,
    /// Tables whose rows were counted.
    pub tables: usize,
    /// Rows of all of them.
    pub rows: i64,
    /// Schools whose audit is whole.
    pub schools: usize,
    /// Rows of their audits.
    pub audit_rows: usize,
    /// Files that were read back from storage and hashed.
    pub files: usize,
    /// Fetching and unpacking the base.
    pub fetch_seconds: f64,
    /// Replaying the WAL up to the restore point, and then to its end.
    pub replay_seconds: f64,
    /// Everything.
    pub seconds: f64,
}

/// Restores the newest backup below `scratch`, checks it, and notes the proof in the live database.
///
/// # Errors
/// Something is not as it was; nothing is noted then.
pub async fn run(house: &House, backup: &Backup, scratch: &Path, files: u16) -> Result<Proof> {
    let begun = Instant::now();
    let record = record::newest(&super::records(backup), backup, None).await?;
    let database = database_name(house)?;
    let copy = Restored::fetch(Archive::new(backup), &record, scratch).await?;
    let fetched = begun.elapsed();

    let replaying = Instant::now();
    let paused = copy.start(&Until::RestorePoint(record.restore_point.clone())).await?;
    let to_point = replaying.elapsed();
    let rows = compare_rows(&mut paused.superuser(&database).await?, &record).await?;
    paused.stop().await?;

    let replaying = Instant::now();
    let server = copy.start(&Until::End).await?;
    let to_end = replaying.elapsed();
    let (schools, audit_rows) = check_house(&server, &database).await?;
    let files = check_files(&house.vault, &mut server.superuser(&database).await?, files).await?;
    let proof = Proof {
        backup_id: record.backup_id,
        archived_until: server.last_commit(),
        tables: record.tables.len(),
        rows,
        schools,
        audit_rows,
        files,
        fetch_seconds: tenths(fetched),
        replay_seconds: tenths(to_point + to_end),
        seconds: tenths(begun.elapsed()),
    };
    server.stop().await?;
    note(house, &proof).await?;
    Ok(proof)
}

/// To a tenth of a second: more would be noise in the record.
pub(crate) fn tenths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

/// The application's database on the server that was backed up whole.
pub(crate) fn database_name(house: &House) -> Result<String> {
    let url = house.config.database.url("worker")?;
    let url = url::Url::parse(url.expose()).context("LICHENG_DATABASE_URL")?;
    Ok(url.path().trim_start_matches('/').to_owned())
}

/// Compares every table with what the live database had; says how many rows there are.
async fn compare_rows(restored: &mut PgConnection, record: &Record) -> Result<i64> {
    let version: i64 = sqlx::query_scalar("select max(version) from public._sqlx_migrations where success")
        .fetch_one(&mut *restored)
        .await
        .context("the restored copy has no schema of ours")?;
    ensure!(
        version == record.schema_version,
        "its schema is {version}, at the backup it was {}",
        record.schema_version
    );
    let counts = count(restored).await?;
    let wrong = differences(&record.tables, record.transactions, &counts.tables);
    ensure!(wrong.is_empty(), "the restored rows are not those of backup {}: {}", record.backup_id, wrong.join("; "));
    Ok(counts.tables.values().sum())
}

/// What `serve` and `audit verify` ask of the live database: schools and rows of whole audits.
async fn check_house(server: &Server<'_>, database: &str) -> Result<(usize, usize)> {
    let db = Db::lazy(&server.url("svc_worker", database)?, 2)?;
    store::migrate::fits(&db.migrations().await?).context("the restored schema")?;
    let schools = chain::sealed_schools(&db).await?;
    let mut audit_rows = 0;
    for school in &schools {
        match chain::verify(&db, *school).await? {
            Verdict::Whole { rows, .. } => audit_rows += rows,
            Verdict::Broken { link, what } => bail!("the restored audit of {school} is broken: link {link}: {what}"),
        }
    }
    db.close().await;
    Ok((schools.len(), audit_rows))
}

/// Reads files that the restored rows name, drawn by lot, and hashes them.
async fn check_files(vault: &Vault, restored: &mut PgConnection, limit: u16) -> Result<usize> {
    let named: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "select school_code, sha256 from (select distinct school_code, sha256 from portfolio.file
                                           where saved_at is not null and removed_at is null) f
         order by random() limit $1",
    )
    .bind(i64::from(limit))
    .fetch_all(restored)
    .await?;
    let lost = lost(vault, &named).await?;
    ensure!(lost.is_empty(), "files that the restored rows name are lost: {}", lost.join(", "));
    Ok(named.len())
}

/// Those of the files that neither copy holds whole; each is read and hashed.
pub(crate) async fn lost(vault: &Vault, named: &[(String, Vec<u8>)]) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for (school, sha256) in named {
        let code: SchoolCode = school.parse().with_context(|| format!("{school} is no school"))?;
        let hash = sha256.as_slice().try_into().context("a SHA-256 has 32 bytes")?;
        match vault.open(&code, hash).await {
            Ok(_) => {}
            Err(BlobError::Lost) => lost.push(format!("{school}/{}", hex::encode(sha256))),
            Err(away) => return Err(away).context("reading files from storage"),
        }
    }
    Ok(lost)
}

async fn note(house: &House, proof: &Proof) -> Result<()> {
    let db = house.db("worker")?;
    let mut tx = db.system("backup.proof").await?;
    sqlx::query("insert into app.proof (kind, proven_at, detail) values ($1, $2, $3)")
        .bind(KIND)
        .bind(house.clock.now())
        .bind(serde_json::to_value(proof)?)
        .execute(tx.conn())
        .await
        .context("noting the proof")?;
    Ok(tx.commit().await?)
}
