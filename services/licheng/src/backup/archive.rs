//! The archive: Barman's cloud tools with our bucket and keys. Keys travel in the environment, never in arguments,
//! which everybody on the machine can read.

use super::programs::{Account, output, run_as};
use anyhow::{Context as _, Result, ensure};
use ops::config::Backup;
use serde::Deserialize;
use std::{path::Path, process::ExitStatus};
use tokio::process::Command;

/// What tells PostgreSQL that a piece of WAL is not in the archive (any code from 1 to 125 does).
const NOT_THERE: u8 = 1;
/// What tells PostgreSQL that the archive could not be asked: recovery stops instead of taking it for the end.
pub const UNREACHABLE: u8 = 200;

/// A base backup as Barman lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Base {
    /// Barman's name for it: the local time at which it began.
    pub backup_id: String,
    /// Our name for it, where we made it.
    #[serde(default)]
    pub backup_name: Option<String>,
    /// `DONE`, `FAILED`, …
    pub status: String,
}

#[derive(Deserialize)]
struct Listing {
    backups_list: Vec<Base>,
}

/// One database's folder in the bucket.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    backup: &'a Backup,
}

impl<'a> Archive<'a> {
    /// Of the configured database.
    #[must_use]
    pub fn new(backup: &'a Backup) -> Self {
        Self { backup }
    }

    /// The variables that Barman's S3 library reads; whatever else the machine says about AWS is shut out.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", self.backup.access_key.expose().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.backup.secret_key.expose().to_owned()),
            ("AWS_DEFAULT_REGION", self.backup.region.clone()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// `program OPTIONS --endpoint-url … s3://bucket name …`: for an own endpoint the library uses path style.
    fn command(&self, program: &str, options: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(options).args(["--endpoint-url", self.backup.endpoint.as_str()]).args([self.url(), self.name()]);
        command.envs(self.env());
        for foreign in ["AWS_SESSION_TOKEN", "AWS_PROFILE"] {
            command.env_remove(foreign);
        }
        command
    }

    fn url(&self) -> String {
        format!("s3://{}", self.backup.bucket)
    }

    fn name(&self) -> String {
        self.backup.name.clone()
    }

    /// Copies the whole server that `libpq` leads to; it must run on this machine. Returns when the WAL that the
    /// backup needs is archived too.
    pub async fn back_up(&self, libpq: &[(&'static str, String)], name: &str) -> Result<()> {
        let mut command = self.command("barman-cloud-backup", &["--gzip", "--immediate-checkpoint", "--name", name]);
        command.envs(libpq.iter().cloned());
        output(command).await.map(drop)
    }

    /// Every base backup, the oldest first.
    pub async fn list(&self) -> Result<Vec<Base>> {
        let listed = output(self.command("barman-cloud-backup-list", &["--format", "json"])).await?;
        let mut listing: Listing = serde_json::from_slice(&listed.stdout).context("Barman's list can't be read")?;
        listing.backups_list.sort_by(|a, b| a.backup_id.cmp(&b.backup_id));
        Ok(listing.backups_list)
    }

    /// Unpacks a base backup into a folder that is not there yet, as the account that PostgreSQL will run as.
    pub async fn fetch_base(&self, id: &str, folder: &Path, account: Option<&Account>) -> Result<()> {
        let mut command = self.command("barman-cloud-restore", &[]);
        command.arg(id).arg(folder);
        run_as(&mut command, account);
        output(command).await.map(drop)
    }

    /// Archives one piece of WAL. Safe to repeat.
    pub async fn archive(&self, path: &Path) -> Result<()> {
        let mut command = self.command("barman-cloud-wal-archive", &["--gzip"]);
        command.arg(path);
        output(command).await.map(drop)
    }

    /// Fetches one piece of WAL and says with which code PostgreSQL's `restore_command` shall end.
    pub async fn fetch(&self, name: &str, path: &Path) -> Result<u8> {
        let mut command = self.command("barman-cloud-wal-restore", &[]);
        command.arg(name).arg(path);
        let status = command.status().await.context("running barman-cloud-wal-restore")?;
        Ok(code(status))
    }

    /// The same as a `restore_command` of its own, for a server that has [`Archive::env`] in its environment.
    #[must_use]
    pub fn restore_command(&self) -> String {
        let endpoint = quoted(self.backup.endpoint.as_str()).replace('%', "%%");
        let (url, name) = (quoted(&self.url()), quoted(&self.name()));
        format!(
            "barman-cloud-wal-restore --endpoint-url {endpoint} {url} {name} '%f' '%p'; code=$?; \
             if [ $code -le {NOT_THERE} ]; then exit $code; else exit {UNREACHABLE}; fi"
        )
    }

    /// Removes base backups that no moment of the last `days` days needs, and the WAL before them.
    pub async fn prune(&self, days: u16) -> Result<()> {
        ensure!(days > 0, "at least one day is kept");
        let window = format!("RECOVERY WINDOW OF {days} DAYS");
        output(self.command("barman-cloud-backup-delete", &["--retention-policy", &window])).await.map(drop)
    }
}

fn code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(0) => 0,
        Some(1) => NOT_THERE,
        _ => UNREACHABLE,
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_archive_is_never_its_end() {
        use std::os::unix::process::ExitStatusExt;
        let ended = |code: i32| super::code(ExitStatus::from_raw(code << 8));
        assert_eq!((ended(0), ended(1)), (0, NOT_THERE));
        // Barman: 2 for the network, 3 for the command line, 4 for anything else; 127: not installed
        for failed in [2, 3, 4, 127] {
            assert_eq!(ended(failed), UNREACHABLE);
        }
        assert_eq!(super::code(ExitStatus::from_raw(9)), UNREACHABLE, "killed");
    }

    #[test]
    fn a_listing_is_read_with_and_without_our_names() {
        let text = r#"{"backups_list": [{"backup_id": "20261122T160408", "status": "DONE", "backup_name": "a", "size": 1},
                      {"backup_id": "20261121T160408", "status": "FAILED"}]}"#;
        let listing: Listing = serde_json::from_str(text).unwrap();
        assert_eq!(listing.backups_list[0].backup_name.as_deref(), Some("a"));
        assert_eq!(listing.backups_list[1].status, "FAILED");
    }

    #[test]
    fn a_word_stays_a_word() {
        assert_eq!(quoted("http://a'b"), r"'http://a'\''b'");
    }
}
