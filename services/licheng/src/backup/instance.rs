//! A private PostgreSQL: reachable over a socket that only its account and root can open, archiving nothing.

use super::{
    archive::Archive,
    programs::{self, Account, give, major_of, output, run_as, tail},
    record::Record,
};
use anyhow::{Context as _, Result, bail};
use sqlx::{Connection, PgConnection};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use tokio::process::{Child, Command};
use url::Url;

/// Only names the socket's file: no network port is opened.
const PORT: u16 = 5432;
/// A role that every database of ours has and that may log in.
const ROLE: &str = "svc_worker";
/// How often a starting server is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// A folder for a restored copy. It holds national ids: closed to everybody else, and gone when this value is.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    account: Option<Account>,
}

impl Scratch {
    /// A new folder in `parent`, which must have room for the whole database.
    pub fn make(parent: &Path) -> Result<Self> {
        let account = Account::for_postgres()?;
        // short, because a socket's path may have 107 bytes
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = parent.join(format!("licheng-{}", &name[..12]));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        let scratch = Self { path, account };
        fs::set_permissions(&scratch.path, fs::Permissions::from_mode(0o700))?;
        give(&scratch.path, scratch.account.as_ref())?;
        Ok(scratch)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account that it was given to.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} could not be removed: {error}; it holds a copy of the database", self.path.display());
        }
    }
}

/// How far a copy is brought.
#[derive(Clone, Debug)]
pub enum Until {
    /// The backup's own restore point; the server stays read-only there.
    RestorePoint(String),
    /// The last transaction that was committed at this moment.
    Moment(OffsetDateTime),
    /// As far as the archive goes.
    End,
}

/// A base backup that was fetched, to be started.
#[derive(Debug)]
pub struct Restored<'a> {
    scratch: Scratch,
    archive: Archive<'a>,
    major: u32,
}

impl<'a> Restored<'a> {
    /// Fetches the base of a backup.
    pub async fn fetch(archive: Archive<'a>, record: &Record, parent: &Path) -> Result<Self> {
        let scratch = Scratch::make(parent)?;
        archive.fetch_base(&record.backup_id, &scratch.data(), scratch.account()).await.context("fetching the base")?;
        let major = major_of(&scratch.data())?;
        // settings of the server that was backed up, which PostgreSQL would read on top of ours
        fs::write(scratch.data().join("postgresql.auto.conf"), "")?;
        for (name, text) in [("postgresql.conf", ""), ("pg_hba.conf", "local all all trust\n"), ("pg_ident.conf", "")] {
            let file = scratch.path().join(name);
            fs::write(&file, text)?;
            give(&file, scratch.account())?;
        }
        let copy = Self { scratch, archive, major };
        copy.signal()?;
        Ok(copy)
    }

    fn signal(&self) -> Result<()> {
        let signal = self.scratch.data().join("recovery.signal");
        fs::write(&signal, "")?;
        give(&signal, self.scratch.account())
    }

    /// Starts it and returns when it has been brought that far.
    pub async fn start(&self, until: &Until) -> Result<Server<'_>> {
        let mut settings = self.settings().await?;
        settings.push(format!("restore_command={}", self.archive.restore_command()));
        settings.extend(target(until)?);
        let log = self.scratch.path().join("log");
        let written = fs::File::create(&log)?;
        let mut command = Command::new(programs::postgres("postgres", Some(self.major)));
        command.arg("-D").arg(self.scratch.data()).current_dir(self.scratch.path());
        for setting in settings {
            command.args(["-c", &setting]);
        }
        command.envs(self.archive.env()).stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written);
        run_as(&mut command, self.scratch.account());
        let child = command.kill_on_drop(true).spawn().context("starting the private PostgreSQL")?;
        let mut server = Server { copy: self, child, log };
        server.ready(matches!(until, Until::RestorePoint(_))).await?;
        Ok(server)
    }

    /// Own files instead of those of the server that was backed up: its archive must never hear of this copy. A
    /// standby refuses to run with less of some things than its origin had.
    async fn settings(&self) -> Result<Vec<String>> {
        let mut control = Command::new(programs::postgres("pg_controldata", Some(self.major)));
        control.arg(self.scratch.data()).env("LC_ALL", "C");
        run_as(&mut control, self.scratch.account());
        let control = String::from_utf8(output(control).await?.stdout)?;
        let path = |name: &str| self.scratch.path().join(name).display().to_string();
        let mut settings = vec![
            format!("config_file={}", path("postgresql.conf")),
            format!("hba_file={}", path("pg_hba.conf")),
            format!("ident_file={}", path("pg_ident.conf")),
            format!("unix_socket_directories={}", path("")),
            format!("port={PORT}"),
            "unix_socket_permissions=0700".to_owned(),
            "listen_addresses=".to_owned(),
            "archive_mode=off".to_owned(),
            "shared_preload_libraries=".to_owned(),
            "logging_collector=off".to_owned(),
            "log_statement=none".to_owned(),
            // it lives for minutes, and a crash means to begin again
            "fsync=off".to_owned(),
            "hot_standby=on".to_owned(),
            "timezone=UTC".to_owned(),
            "lc_messages=C".to_owned(),
        ];
        settings.extend(at_least(&control));
        Ok(settings)
    }

    /// Its URL for one role; a restored copy trusts whoever reaches its socket.
    fn url(&self, role: &str, database: &str) -> Result<String> {
        let mut url = Url::parse(&format!("postgres://{role}@localhost"))?;
        url.set_path(database);
        let socket = self.scratch.path().display().to_string();
        url.query_pairs_mut().append_pair("host", &socket).append_pair("port", &PORT.to_string());
        Ok(url.into())
    }
}

/// What recovery is told about its end.
fn target(until: &Until) -> Result<Vec<String>> {
    Ok(match until {
        Until::RestorePoint(name) => {
            vec![format!("recovery_target_name={name}"), "recovery_target_action=pause".to_owned()]
        }
        Until::Moment(at) => moment(*at)?.into(),
        Until::End => Vec::new(),
    })
}

/// The settings that end recovery at a moment. They are read before the server knows any name of a time zone, so not
/// even `Z` is understood.
pub(crate) fn moment(at: OffsetDateTime) -> Result<[String; 2]> {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]+00");
    let at = at.to_offset(UtcOffset::UTC).format(form)?;
    Ok([format!("recovery_target_time={at}"), "recovery_target_action=promote".to_owned()])
}

/// `max_connections setting:  200` of `pg_controldata` as a setting, and its like.
fn at_least(control: &str) -> Vec<String> {
    const SETTINGS: [(&str, &str); 5] = [
        ("max_connections setting:", "max_connections"),
        ("max_worker_processes setting:", "max_worker_processes"),
        ("max_wal_senders setting:", "max_wal_senders"),
        ("max_prepared_xacts setting:", "max_prepared_transactions"),
        ("max_locks_per_xact setting:", "max_locks_per_transaction"),
    ];
    let value = |label: &str| control.lines().find_map(|line| line.strip_prefix(label)).map(str::trim);
    SETTINGS.iter().filter_map(|(label, setting)| Some(format!("{setting}={}", value(label)?))).collect()
}

/// A running copy; killed when dropped.
#[derive(Debug)]
pub struct Server<'a> {
    copy: &'a Restored<'a>,
    child: Child,
    log: PathBuf,
}

impl Server<'_> {
    /// Waits until recovery is over, or paused at its restore point. Replaying a day of a city takes its time, so the
    /// only limit is the server's own end.
    async fn ready(&mut self, paused: bool) -> Result<()> {
        let url = self.url(ROLE, "template1")?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read(&self.log).unwrap_or_default();
                bail!("the private PostgreSQL ended with {status}{}\n{}", hint(&log), tail(&log));
            }
            if let Ok(mut connection) = PgConnection::connect(&url).await {
                let state = "select case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else 'over' end";
                let state: Option<String> = sqlx::query_scalar(state).fetch_one(&mut connection).await.ok();
                if state.as_deref() == Some(if paused { "paused" } else { "over" }) {
                    return Ok(());
                }
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Its URL for one role: it trusts whoever reaches its socket.
    pub fn url(&self, role: &str, database: &str) -> Result<String> {
        self.copy.url(role, database)
    }

    /// Its superuser, connected to a database: in a copy there is nothing to be kept from us.
    pub async fn superuser(&self, database: &str) -> Result<PgConnection> {
        let mut connection = PgConnection::connect(&self.url(ROLE, database)?).await?;
        let role: String = sqlx::query_scalar("select rolname::text from pg_roles where rolsuper order by oid limit 1")
            .fetch_one(&mut connection)
            .await?;
        PgConnection::connect(&self.url(&role, database)?).await.context("connecting to the restored copy")
    }

    /// When the last commit that was replayed had been made, as the server's log says it.
    #[must_use]
    pub fn last_commit(&self) -> Option<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let line = log.lines().rev().find_map(|line| line.split_once("last completed transaction was at log time "));
        line.map(|(_, at)| at.trim().to_owned())
    }

    /// Stops it in order, so that it can be started again.
    pub async fn stop(mut self) -> Result<()> {
        let mut stop = Command::new(programs::postgres("pg_ctl", Some(self.copy.major)));
        stop.arg("-D").arg(self.copy.scratch.data()).args(["stop", "-m", "fast", "-w"]);
        run_as(&mut stop, self.copy.scratch.account());
        // a postmaster is asked by its file; it ends before pg_ctl looks away or after we have waited
        let asked = output(stop).await;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        asked.and(ended.context("the private PostgreSQL does not end")?.map(drop).map_err(Into::into))
    }
}

/// What a person can do about a failed recovery.
fn hint(log: &[u8]) -> &'static str {
    let log = String::from_utf8_lossy(log);
    if log.contains("before configured recovery target was reached") {
        return ": the archive does not reach that moment (it ends earlier, or pieces of WAL are missing)";
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_standby_gets_what_its_origin_had() {
        let control = "pg_control version number:            1300\nmax_connections setting:              200\n\
                       max_prepared_xacts setting:           3\n";
        assert_eq!(at_least(control), ["max_connections=200", "max_prepared_transactions=3"]);
    }

    #[test]
    fn a_moment_is_the_same_in_utc() {
        let [time, action] = moment(datetime!(2026-11-22 16:04:00.5 +8)).unwrap();
        assert_eq!(time, "recovery_target_time=2026-11-22 08:04:00.500000+00");
        assert_eq!(action, "recovery_target_action=promote");
    }
}
