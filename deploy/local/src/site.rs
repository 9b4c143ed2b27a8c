//! One data folder: its lock, its ports, its secrets.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::component::postgres;
use crate::{Options, Progress, Tools, ports, process, random};

/// How often a folder's lock is asked for, and the pause between.
const LOCK_TRIES: usize = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Every port that a site may use, by name.
const PORTS: &[&str] = &[
    "app",
    "postgres",
    "redis",
    "s3",
    "s3-grpc",
    "s3-master",
    "s3-master-grpc",
    "s3-volume",
    "s3-volume-grpc",
    "s3-filer",
    "s3-filer-grpc",
    "s3-admin",
    "s3-admin-grpc",
    "s3-replica",
    "s3-replica-grpc",
    "s3-replica-master",
    "s3-replica-master-grpc",
    "s3-replica-volume",
    "s3-replica-volume-grpc",
    "s3-replica-filer",
    "s3-replica-filer-grpc",
    "s3-replica-admin",
    "s3-replica-admin-grpc",
    "ldap",
    "ldaps",
    "sso",
    "smtp",
    "mail",
    "clamd",
    "central",
];

/// Every secret of a site, by name.
const SECRETS: &[&str] = &[
    "database",
    "database-admin",
    "redis",
    "s3-admin",
    "s3",
    "s3-replica",
    "s3-backup",
    "ldap-admin",
    "ldap-search",
    "sso-client",
    "sso-cookies",
    "central",
];

/// What a data folder keeps between starts.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    ports: BTreeMap<String, u16>,
    secrets: BTreeMap<String, String>,
    /// The application's master secret, base64 of 32 bytes.
    #[serde(default)]
    master_secret: String,
}

/// A data folder that is ours alone while this value lives.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) data: PathBuf,
    pub(crate) tools: Tools,
    pub(crate) progress: Progress,
    state: State,
    _lock: File,
}

/// Takes the lock, with some patience: whoever let go of it a moment ago may just be starting a program, which holds a
/// copy of the open file until it is itself.
async fn taken(lock: &File) -> Result<bool> {
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    Ok(false)
}

impl Site {
    /// Locks the folder, ends what a previous run left, and settles ports and secrets.
    pub(crate) async fn open(options: &Options, tools: Tools, progress: Progress) -> Result<Self> {
        let data = &options.data;
        make_folders(data)?;
        let data = data.canonicalize()?;
        let lock = File::create(data.join("lock"))?;
        if !taken(&lock).await? {
            bail!("{} is in use by another process", data.display());
        }
        let ended = process::end_stale(&data).await?;
        if !ended.is_empty() {
            progress.say(format_args!("ended from a previous run: {}", ended.join(", ")));
        }
        if options.fresh {
            progress.say(format_args!("starting over in {}", data.display()));
            erase(&data)?;
            make_folders(&data)?;
        }
        let state = settle(&data.join("state.json"), options.port)?;
        Ok(Self { data, tools, progress, state, _lock: lock })
    }

    /// The port of this name.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.state.ports[name]
    }

    /// The secret of this name.
    pub(crate) fn secret(&self, name: &str) -> &str {
        &self.state.secrets[name]
    }

    /// The application's master secret.
    pub(crate) fn master_secret(&self) -> &str {
        &self.state.master_secret
    }

    /// A component's own folder, created.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.data.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

fn make_folders(data: &Path) -> Result<()> {
    for folder in ["run", "logs"] {
        fs::create_dir_all(data.join(folder)).with_context(|| format!("cannot create {}", data.display()))?;
    }
    Ok(())
}

/// Removes everything but the lock, which is held.
fn erase(data: &Path) -> Result<()> {
    let outside = postgres::outside(data);
    if outside.exists() {
        fs::remove_dir_all(outside)?;
    }
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != "lock" {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn settle(file: &Path, app_port: Option<u16>) -> Result<State> {
    let mut state: State = match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} cannot be read", file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
        Err(error) => return Err(error.into()),
    };
    if let Some(port) = app_port {
        if !ports::is_free(port) {
            bail!("port {port} is in use; name another one with --port");
        }
        state.ports.insert("app".to_owned(), port);
    }
    let start = u16::from_le_bytes(random::bytes()?);
    state.ports = ports::assign(PORTS, &state.ports, start, ports::is_free)?;
    for name in SECRETS {
        if !state.secrets.contains_key(*name) {
            state.secrets.insert((*name).to_owned(), random::secret()?);
        }
    }
    if state.master_secret.is_empty() {
        state.master_secret = random::base64(&random::bytes::<32>()?);
    }
    write_private(file, &serde_json::to_string_pretty(&state)?)?;
    Ok(state)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<()> {
    let unfinished = file.with_extension("part");
    let mut out = File::create(&unfinished)?;
    out.set_permissions(Permissions::from_mode(0o600))?;
    out.write_all(text.as_bytes())?;
    Ok(fs::rename(unfinished, file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_used_by_one_keeps_its_secrets_and_starts_over_when_told() {
        let data = std::env::temp_dir().join(format!("local-site-{}", std::process::id()));
        let mut options = Options {
            data: data.clone(),
            tools: data.join("tools"),
            programs: data.clone(),
            port: None,
            fresh: false,
            storage_apart: false,
            environment: BTreeMap::new(),
        };
        let open = async |options: &Options| {
            let tools = Tools::new(&options.tools, Progress::silent()).unwrap();
            Site::open(options, tools, Progress::silent()).await
        };
        let first = open(&options).await.unwrap();
        let mode = fs::metadata(data.join("state.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = open(&options).await.unwrap_err().to_string();
        assert!(refused.contains("in use by another process"), "{refused}");

        let (port, secret) = (first.port("redis"), first.secret("redis").to_owned());
        let master_secret = first.master_secret().to_owned();
        assert_eq!(master_secret.len(), 44);
        drop(first);
        let second = open(&options).await.unwrap();
        assert_eq!(second.port("redis"), port);
        assert_eq!(second.secret("redis"), secret);
        assert_eq!(second.master_secret(), master_secret);

        drop(second);
        options.fresh = true;
        let third = open(&options).await.unwrap();
        assert_ne!(third.secret("redis"), secret);
        fs::remove_dir_all(data).unwrap();
    }
}
