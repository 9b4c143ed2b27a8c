//! The whole server at a moment: a data folder that PostgreSQL brings there by itself when it is started.

use crate::backup::{
    self,
    archive::Archive,
    instance::moment,
    programs::{Account, give, major_of, postgres},
    record::{self, Record},
};
use anyhow::{Context as _, Result, ensure};
use ops::config::Backup;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// What PostgreSQL is to run for each piece of WAL: this program, with the same variables as the archive's.
const RESTORE_COMMAND: &str = "licheng backup fetch %f %p";

/// A data folder ready to be started.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What it was made from.
    pub record: Record,
    /// The server's program of the right version.
    pub server: PathBuf,
}

/// Puts the newest base backup from before `at` into `folder`, which must not be there, and tells PostgreSQL how far
/// to go; without a moment, as far as the archive does. It is owned by PostgreSQL's account where we are root.
pub async fn prepare(backup: &Backup, folder: &Path, at: Option<OffsetDateTime>) -> Result<Prepared> {
    ensure!(!folder.exists(), "{} is there already: a server is never restored over another", folder.display());
    let account = Account::for_postgres()?;
    let record = record::newest(&backup::records(backup), backup, at).await?;
    Archive::new(backup).fetch_base(&record.backup_id, folder, account.as_ref()).await.context("fetching the base")?;
    let mut settings = vec![format!("restore_command={RESTORE_COMMAND}")];
    if let Some(at) = at {
        settings.extend(moment(at)?);
    }
    // read after postgresql.conf, wherever that lies
    let file = folder.join("postgresql.auto.conf");
    let mut conf = OpenOptions::new().create(true).append(true).open(&file)?;
    for setting in settings {
        let (name, value) = setting.split_once('=').context("a setting has a value")?;
        writeln!(conf, "{name} = '{value}'")?;
    }
    let signal = folder.join("recovery.signal");
    fs::write(&signal, "")?;
    for file in [file, signal] {
        give(&file, account.as_ref())?;
    }
    Ok(Prepared { record, server: postgres("postgres", Some(major_of(folder)?)) })
}
