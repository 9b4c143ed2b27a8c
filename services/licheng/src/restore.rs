//! Bringing back what was lost: the rows of one student or one school out of a restored copy into the live database,
//! or the whole server as it was at a moment.
//!
//! Rows that are missing come back as they were; rows that are there stay as they are, unless told otherwise; nothing
//! is ever removed. So a restore can be tried, repeated, and taken for granted.

pub mod all;
mod catalog;
mod choose;
mod transfer;

use crate::{
    House,
    backup::{
        self,
        archive::Archive,
        instance::{Restored, Until},
        record, run,
        verify::{database_name, lost, tenths},
    },
};
use anyhow::{Context as _, Result, ensure};
use catalog::Catalog;
use kernel::school::SchoolCode;
use ops::config::Backup;
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use std::{path::PathBuf, time::Instant};
use store::chain::{self, Verdict};
use time::OffsetDateTime;
pub use transfer::Moved;

/// Files that are read back after a school's restore; a student's are all read.
const FILES: i64 = 200;

/// Whose rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everything of one school.
    School(SchoolCode),
    /// One student of a school, by number.
    Student(SchoolCode, String),
}

impl Whose {
    /// The school of either.
    #[must_use]
    pub fn school(&self) -> SchoolCode {
        match self {
            Self::School(school) | Self::Student(school, _) => *school,
        }
    }
}

/// How to go about it.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The moment whose rows are wanted: one from before the loss.
    pub at: OffsetDateTime,
    /// Rows that are there but differ are set back as well.
    pub overwrite: bool,
    /// Nothing is kept: to see what would happen.
    pub dry_run: bool,
    /// A folder with room for the whole database.
    pub scratch: PathBuf,
}

/// What happened. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Barman's name for the base backup.
    pub backup_id: String,
    /// Table by table, in the order of writing.
    pub tables: Vec<Moved>,
    /// Files of the rows that were read back and hashed.
    pub files: usize,
    /// Files that no copy holds whole.
    pub lost: Vec<String>,
    /// Rows and links of the school's audit, where a school came back.
    pub audit: Option<String>,
    /// Fetching and unpacking the base.
    pub fetch_seconds: f64,
    /// Replaying the WAL.
    pub replay_seconds: f64,
    /// Everything.
    pub seconds: f64,
}

/// Brings rows back.
pub async fn rows(house: &House, backup: &Backup, admin_url: &str, whose: &Whose, wish: &Wish) -> Result<Report> {
    let begun = Instant::now();
    ensure!(wish.at <= house.clock.now(), "{} has not come yet", wish.at);
    let mut live = PgConnection::connect(admin_url).await.context("connecting as the administrator")?;
    if let Err(error) = run::flush(&mut live).await {
        eprintln!("what was written last could not be archived; going on with what is: {error:#}");
    }
    let record = record::newest(&backup::records(backup), backup, Some(wish.at)).await?;
    let copy = Restored::fetch(Archive::new(backup), &record, &wish.scratch).await?;
    let fetched = begun.elapsed();
    let replaying = Instant::now();
    let server = copy.start(&Until::Moment(wish.at)).await?;
    let replayed = replaying.elapsed();

    let mut restored = server.superuser(&database_name(house)?).await?;
    let catalog = Catalog::read(&mut live).await?.known_to(&Catalog::read(&mut restored).await?);
    let chosen = choose::rows(&mut restored, &catalog, whose).await?;
    let request_id = format!("cli-{}", hex::encode(house.keys.random::<6>()));
    let note =
        transfer::Note { at: wish.at, backup_id: &record.backup_id, request_id: &request_id, now: house.clock.now() };
    let tables = transfer::run((&mut restored, &mut live), &catalog, &chosen, (whose, wish), &note).await?;
    let named = files(&mut live, &mut restored, whose).await?;
    server.stop().await?;

    Ok(Report {
        backup_id: record.backup_id.clone(),
        tables,
        files: named.len(),
        lost: lost(&house.vault, &named).await?,
        audit: audit(house, whose).await?,
        fetch_seconds: tenths(fetched),
        replay_seconds: tenths(replayed),
        seconds: tenths(begun.elapsed()),
    })
}

/// The files that the rows name which are there now: those in the live database that the copy had too.
async fn files(live: &mut PgConnection, restored: &mut PgConnection, whose: &Whose) -> Result<Vec<(String, Vec<u8>)>> {
    let (school, student) = match whose {
        Whose::School(school) => (school, None),
        Whose::Student(school, number) => (school, Some(choose::student(restored, *school, number).await?)),
    };
    let mut tx = live.begin().await?;
    transfer::enter(&mut tx, *school).await?;
    let named = sqlx::query_as(
        "select school_code, sha256 from (
           select distinct school_code, sha256 from portfolio.file
           where school_code = $1 and ($2::bigint is null or student_id = $2) and saved_at is not null and removed_at is null
         ) f order by random() limit case when $2 is null then $3::bigint end",
    )
    .bind(school.as_str())
    .bind(student)
    .bind(FILES)
    .fetch_all(&mut *tx)
    .await?;
    Ok(named)
}

/// A school's audit comes back with the school; whether its chain is whole is part of the answer.
async fn audit(house: &House, whose: &Whose) -> Result<Option<String>> {
    let Whose::School(school) = whose else { return Ok(None) };
    Ok(Some(match chain::verify(&house.db("worker")?, *school).await? {
        Verdict::Whole { rows, links } => format!("{rows} rows in {links} links, whole"),
        Verdict::Broken { link, what } => format!("BROKEN at link {link}: {what}"),
    }))
}
