//! Programs of the operating system: found where Debian puts them, installed when we may.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

use crate::Progress;

/// A program and the Debian package that brings it.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// The program's file name, or the absolute path of any other file.
    pub program: &'static str,
    /// The package to install where it is missing.
    pub package: &'static str,
}

/// What the private components are made of.
pub const PROGRAMS: &[Requirement] = &[
    needs("postgres", "postgresql"),
    needs("initdb", "postgresql"),
    needs("psql", "postgresql-client"),
    needs("redis-server", "redis-server"),
    needs("slapd", "slapd"),
    needs("slapadd", "slapd"),
    needs("slappasswd", "slapd"),
    needs("ldapadd", "ldap-utils"),
    needs("openssl", "openssl"),
    needs("clamd", "clamav-daemon"),
    needs("python3", "python3"),
    needs("pip3", "python3-pip"),
    needs("qpdf", "qpdf"),
    needs("barman-cloud-backup", "barman-cli-cloud"),
    // which barman-cli-cloud only suggests
    needs("/usr/lib/python3/dist-packages/boto3/__init__.py", "python3-boto3"),
];

/// What the checks of `cargo verify` need besides.
pub const VERIFICATION: &[Requirement] = &[
    needs("chromium", "chromium"),
    needs("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "fonts-noto-cjk"),
    needs("pdftoppm", "poppler-utils"),
    needs("pgbouncer", "pgbouncer"),
];

/// What the fault campaign needs besides: a clock that goes wrong.
pub const FAULTS: &[Requirement] = &[needs(FALSE_CLOCK, "libfaketime")];

/// The library that shows a program another time.
#[cfg(target_arch = "x86_64")]
pub const FALSE_CLOCK: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
/// The library that shows a program another time.
#[cfg(not(target_arch = "x86_64"))]
pub const FALSE_CLOCK: &str = "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1";

const fn needs(program: &'static str, package: &'static str) -> Requirement {
    Requirement { program, package }
}

/// The program's path: in `PATH`, in the folders that an ordinary user's `PATH` leaves out, or in
/// PostgreSQL's own folder (the newest version).
#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not configuration of ours")]
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let postgres = newest_postgres().map(|folder| folder.join("bin"));
    let folders = postgres
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The program's path, or an error that names it.
pub(crate) fn path_of(program: &str) -> Result<PathBuf> {
    find(program).with_context(|| format!("{program} is not installed"))
}

fn newest_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
            path.join("bin/postgres").is_file().then_some((version, path))
        })
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

/// Installs with apt-get what is missing, when we are root on Debian or Ubuntu. No service is
/// started by that: the components are private instances.
///
/// # Errors
/// Something is missing and cannot be installed; the message holds the command to run.
pub fn install_missing(required: &[Requirement], progress: &Progress) -> Result<()> {
    let packages = missing_packages(required, |program| find(program).is_some());
    if packages.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get update && apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !is_root() || find("apt-get").is_none() {
        bail!("missing on this machine: install it with\n  sudo sh -c '{command}'");
    }
    progress.say(format_args!("apt-get: installing {}", packages.join(", ")));
    install(&packages, progress)?;
    let still = missing_packages(required, |program| find(program).is_some());
    if !still.is_empty() {
        bail!("apt-get brought no usable {}", still.join(", "));
    }
    Ok(())
}

fn missing_packages(required: &[Requirement], is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> = required
        .iter()
        .filter(|requirement| !is_there(requirement.program))
        .map(|requirement| requirement.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn install(packages: &[&str], progress: &Progress) -> Result<()> {
    let _no_services = NoServices::begin()?;
    // a list of packages made long ago names versions that are gone; a failed update may still do
    if let Err(error) = apt_get(&["update", "--quiet"]) {
        progress.say(format_args!("{error:#}; going on with the lists there are"));
    }
    let mut arguments = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(std::process::Stdio::null())
        // our standard output belongs to the command that was asked for
        .stdout(std::io::stderr())
        .status()?;
    if !status.success() {
        bail!("apt-get {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Debian asks `policy-rc.d` before it starts a service that a package brings: 101 means no. A
/// policy that is already there is left as it is.
struct NoServices {
    made: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let made = !Path::new(Self::POLICY).exists();
        if made {
            fs::write(Self::POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(Self::POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { made })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.made {
            let _gone = fs::remove_file(Self::POLICY);
        }
    }
}

pub(crate) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// An unprivileged account to run PostgreSQL as, which refuses to be root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account that Debian's package made, or else `nobody`; none when we are not root anyway.
    pub(crate) fn for_database() -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }));
            }
        }
        bail!("PostgreSQL refuses to run as root, and there is no other account")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_once_and_only_when_missing() {
        let missing = missing_packages(PROGRAMS, |program| !["slapd", "slapadd", "clamd"].contains(&program));
        assert_eq!(missing, ["clamav-daemon", "slapd"]);
    }
}
