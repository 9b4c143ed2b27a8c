//! PostgreSQL's and Barman's programs, and the account that PostgreSQL runs as.

use anyhow::{Context as _, Result, bail, ensure};
use nix::unistd::{Uid, User};
use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Output,
};
use tokio::process::Command;

/// Where Debian and the PostgreSQL project's packages put each major version.
const POSTGRES: &str = "/usr/lib/postgresql";
/// Lines of a failed program's output that an error quotes.
const TAIL: usize = 12;

/// A program of PostgreSQL's server: of the given major version where Debian's folders have it, otherwise the one in
/// `PATH`. A data folder is only read by the major version that wrote it.
#[must_use]
pub fn postgres(program: &str, major: Option<u32>) -> PathBuf {
    let version = major.or_else(newest);
    let file = version.map(|version| Path::new(POSTGRES).join(version.to_string()).join("bin").join(program));
    file.filter(|file| file.is_file()).unwrap_or_else(|| PathBuf::from(program))
}

fn newest() -> Option<u32> {
    let versions = fs::read_dir(POSTGRES).ok()?;
    versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).max()
}

/// The major version that wrote a data folder.
pub fn major_of(data: &Path) -> Result<u32> {
    let file = data.join("PG_VERSION");
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} is no data folder of PostgreSQL", data.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no version", file.display()))
}

/// An account without privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// PostgreSQL refuses to be root: then the account that its package made; otherwise none but our own.
    pub fn for_postgres() -> Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let user = User::from_name("postgres")?;
        let user = user.context("PostgreSQL refuses to run as root, and there is no account `postgres`")?;
        Ok(Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
    }
}

/// Lets a command run as that account.
pub fn run_as(command: &mut Command, account: Option<&Account>) {
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
}

/// Gives a folder or file to that account.
pub fn give(path: &Path, account: Option<&Account>) -> Result<()> {
    let Some(account) = account else { return Ok(()) };
    chown(path, Some(account.uid), Some(account.gid)).with_context(|| format!("giving away {}", path.display()))
}

/// Runs a program to its end; its output is an error's message where it failed.
pub async fn output(mut command: Command) -> Result<Output> {
    let program = command.as_std().get_program().to_owned();
    let program = Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned();
    let output = match command.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("{program} is not installed (Debian: barman-cli-cloud, python3-boto3 and postgresql)")
        }
        Err(error) => return Err(error).with_context(|| format!("running {program}")),
    };
    ensure!(output.status.success(), "{program} ended with {}\n{}", output.status, tail(&output.stderr));
    Ok(output)
}

/// The end of what a program said.
pub(super) fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_output_is_quoted() {
        let long: String = (0..20).map(|n| format!("line {n}\n")).collect();
        assert!(tail(long.as_bytes()).starts_with("line 8\n"));
    }
}
