//! `licheng backup …`: the database's backups, and the proof that they can be restored.

use crate::{
    House,
    backup::{
        self,
        archive::{Archive, UNREACHABLE},
        record, run, verify,
    },
};
use anyhow::Result;
use kernel::clock::Clock;
use ops::config::{Admin, Config};
use std::{path::PathBuf, process::ExitCode};

/// What to do with backups.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Make a base backup. Runs on the database's machine, as root or as PostgreSQL's account.
    Run,
    /// Archive one piece of WAL: `archive_command = 'licheng backup wal %p'`.
    Wal {
        /// What PostgreSQL puts for %p.
        path: PathBuf,
    },
    /// Fetch one piece of WAL: `restore_command = 'licheng backup fetch %f %p'`.
    Fetch {
        /// What PostgreSQL puts for %f.
        name: String,
        /// What PostgreSQL puts for %p.
        path: PathBuf,
    },
    /// List the base backups, the oldest first.
    List,
    /// Restore the newest backup into a private PostgreSQL, check it, and note when that was proven.
    Verify {
        /// A folder with room for the whole database.
        #[arg(long, default_value_os_t = std::env::temp_dir())]
        scratch: PathBuf,
        /// How many files to read back and hash.
        #[arg(long, default_value_t = 50)]
        files: u16,
    },
    /// Remove base backups, and the WAL before them, that no moment of the last days needs.
    Prune {
        /// How many days back any moment stays restorable.
        #[arg(long)]
        days: u16,
    },
}

/// Runs the action; the code is what PostgreSQL's `restore_command` wants, everywhere else 0.
pub async fn run(action: Action) -> Result<ExitCode> {
    let backup = match backup::configured() {
        Ok(backup) => backup,
        Err(error) if matches!(action, Action::Fetch { .. }) => return Ok(unreachable(&error)),
        Err(error) => return Err(error),
    };
    let archive = Archive::new(&backup);
    match action {
        Action::Run => {
            let admin = Admin::from_env()?;
            let made = run::run(&backup, admin.database_url.expose(), &Clock::System).await?;
            let rows: i64 = made.tables.values().map(|counted| counted.after).sum();
            let seconds = (made.finished_at - made.begun_at).as_seconds_f64();
            println!("backup {}: {rows} rows in {} tables, {seconds:.1} s", made.backup_id, made.tables.len());
        }
        Action::Wal { path } => archive.archive(&path).await?,
        Action::Fetch { name, path } => {
            let fetched = archive.fetch(&name, &path).await;
            return Ok(fetched.map_or_else(|error| unreachable(&error), ExitCode::from));
        }
        Action::List => list(&backup).await?,
        Action::Verify { scratch, files } => {
            let house = House::build(Config::from_env()?, Clock::System)?;
            report(&verify::run(&house, &backup, &scratch, files).await?);
        }
        Action::Prune { days } => {
            archive.prune(days).await?;
            println!("every moment of the last {days} days stays restorable");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whatever goes wrong with a fetch, PostgreSQL must not take it for the end of the archive and open too early.
fn unreachable(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::from(UNREACHABLE)
}

async fn list(backup: &ops::config::Backup) -> Result<()> {
    let found = record::all(&backup::records(backup), backup).await?;
    for (base, record) in &found {
        match record {
            Some(record) => {
                let rows: i64 = record.tables.values().map(|counted| counted.after).sum();
                println!("{}  {:<6}  restorable from {}  {rows} rows", base.backup_id, base.status, record.finished_at);
            }
            None => println!("{}  {:<6}  not completed by licheng backup run", base.backup_id, base.status),
        }
    }
    println!("{} base backups", found.len());
    Ok(())
}

fn report(proof: &verify::Proof) {
    println!(
        "backup   {}, archived until {}",
        proof.backup_id,
        proof.archived_until.as_deref().unwrap_or("its own end")
    );
    println!("rows     {} in {} tables, as many as there were", proof.rows, proof.tables);
    println!("audit    {} rows of {} schools, whole", proof.audit_rows, proof.schools);
    println!("files    {} read back and hashed, whole", proof.files);
    println!(
        "time     {} s: {} s for the base, {} s for the WAL",
        proof.seconds, proof.fetch_seconds, proof.replay_seconds
    );
    println!("proven");
}
