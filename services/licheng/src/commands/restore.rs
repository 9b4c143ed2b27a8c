//! `licheng restore …`: one student, one school, everything.

use crate::{
    House, backup,
    restore::{self, Report, Whose, Wish, all},
};
use anyhow::{Result, ensure};
use kernel::{clock::Clock, school::SchoolCode};
use ops::config::{Admin, Config};
use std::path::PathBuf;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What to bring back.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// The rows of one student.
    Student {
        /// The school's code.
        school: SchoolCode,
        /// The student's number.
        student_no: String,
        /// From when, and how.
        #[command(flatten)]
        how: How,
    },
    /// The rows of one school.
    School {
        /// The school's code.
        school: SchoolCode,
        /// From when, and how.
        #[command(flatten)]
        how: How,
    },
    /// The whole server, into a new data folder.
    All {
        /// The folder; it must not be there yet.
        folder: PathBuf,
        /// A moment such as 2026-11-22T16:04:00+08:00; without it, as far as the archive goes.
        #[arg(long, value_parser = moment)]
        at: Option<OffsetDateTime>,
    },
}

/// How rows come back.
#[derive(clap::Args, Debug)]
pub struct How {
    /// A moment from before the loss, such as 2026-11-22T16:04:00+08:00.
    #[arg(long, value_parser = moment)]
    at: OffsetDateTime,
    /// Set back rows that are there but differ; without it they stay as they are.
    #[arg(long)]
    overwrite: bool,
    /// Keep nothing, say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// A folder with room for the whole database.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    scratch: PathBuf,
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "a date, a time and an offset, such as 2026-11-22T16:04:00+08:00".to_owned())
}

/// Runs the action: rows as the administrator, for no service may write in every room.
pub async fn run(action: Action) -> Result<()> {
    match action {
        Action::Student { school, student_no, how } => rows(Whose::Student(school, student_no), how).await,
        Action::School { school, how } => rows(Whose::School(school), how).await,
        Action::All { folder, at } => {
            let prepared = all::prepare(&backup::configured()?, &folder, at).await?;
            println!("backup {} is in {}. What is left to do:", prepared.record.backup_id, folder.display());
            println!("  1. give PostgreSQL's environment LICHENG_BACKUP_S3_* and `licheng` in its PATH");
            println!("  2. start {} -D {}; it replays the WAL and opens", prepared.server.display(), folder.display());
            println!("  3. licheng audit verify, then licheng backup run: older backups end where this server begins");
            Ok(())
        }
    }
}

async fn rows(whose: Whose, how: How) -> Result<()> {
    let house = House::build(Config::from_env()?, Clock::System)?;
    let admin = Admin::from_env()?;
    let wish = Wish { at: how.at, overwrite: how.overwrite, dry_run: how.dry_run, scratch: how.scratch };
    let report = restore::rows(&house, &backup::configured()?, admin.database_url.expose(), &whose, &wish).await?;
    print(&report);
    if how.dry_run {
        println!("nothing was kept: this was a dry run");
    }
    ensure!(report.lost.is_empty(), "files that no copy holds whole: {}", report.lost.join(", "));
    Ok(())
}

fn print(report: &Report) {
    println!("{:<36} {:>8} {:>8} {:>8} {:>8}", "table", "wanted", "back", "set back", "in way");
    for table in &report.tables {
        let (wanted, back, overwritten, in_the_way) = (table.wanted, table.back, table.overwritten, table.in_the_way);
        println!("{:<36} {wanted:>8} {back:>8} {overwritten:>8} {in_the_way:>8}", table.table);
    }
    println!("files  {} read back and hashed, {} lost", report.files, report.lost.len());
    if let Some(audit) = &report.audit {
        println!("audit  {audit}");
    }
    println!(
        "time   {} s: {} s for the base of backup {}, {} s for the WAL",
        report.seconds, report.fetch_seconds, report.backup_id, report.replay_seconds
    );
}
