//! PostgreSQL: a private cluster, with fsync on as in production.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::Part;
use crate::process::{Launch, Stop};
use crate::requirements::{Account, path_of};
use crate::site::{Site, write_private};
use crate::tools::{fingerprint, run};

const OLDEST: u32 = 15;
/// The database of the application.
const DATABASE: &str = "licheng";

/// Starts the cluster, made at the first start, and the application's empty database.
pub(crate) async fn up(site: &Site) -> Result<Part> {
    let server = path_of("postgres")?;
    refuse_old(&server).await?;
    let user = Account::for_database()?;
    let home = home(&site.data, user.as_ref());
    let cluster = home.join("cluster");
    if !cluster.join("PG_VERSION").exists() {
        site.progress.say("PostgreSQL: making a cluster");
        make_cluster(site, &home, user.as_ref()).await?;
    }
    let port = site.port("postgres");
    let launch = Launch::new("postgres", server)
        .with(|command| {
            command.arg("-D").arg(&cluster).current_dir(&home);
            for setting in settings(port) {
                command.args(["-c", &setting]);
            }
        })
        .run_as(user.as_ref())
        .stopped_by(Stop::Interrupt, Duration::from_secs(10));
    let running = launch.start(&site.data)?;
    let pid = running.pid();
    let running = running.ready(async || is_ready(&cluster.join("postmaster.pid"), pid)).await?;
    make_database(site, port).await?;
    site.progress.say(format_args!("PostgreSQL on port {port}"));
    Ok(Part { running: vec![running], env: env(site, port) })
}

fn env(site: &Site, port: u16) -> Vec<(&'static str, String)> {
    let secret = site.secret("database");
    let admin = site.secret("database-admin");
    vec![
        ("LICHENG_DATABASE_URL", format!("postgres://{{role}}:{secret}@127.0.0.1:{port}/{DATABASE}")),
        ("LICHENG_DATABASE_ADMIN_URL", format!("postgres://postgres:{admin}@127.0.0.1:{port}/{DATABASE}")),
    ]
}

/// No socket file at all: its path may not be longer than 107 bytes, which a data folder easily is,
/// and everybody of the machine could find it.
fn settings(port: u16) -> [String; 8] {
    [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
        "fsync=on".to_owned(),
        // a page of a city that fits into it costs no more than that of a school
        "shared_buffers=512MB".to_owned(),
        "shared_preload_libraries=".to_owned(),
        "timezone=UTC".to_owned(),
    ]
}

async fn refuse_old(server: &Path) -> Result<()> {
    let output = Command::new(server).arg("--version").output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    match major_version(&text) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => bail!("{} is {}: {OLDEST} or newer is needed", server.display(), text.trim()),
    }
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` is 15.
fn major_version(text: &str) -> Option<u32> {
    let number = text.split(") ").nth(1)?;
    number.split(['.', ' ', 'b', 'r']).next()?.trim().parse().ok()
}

/// Where the cluster lives: in the data folder, or under `/var/tmp` when the account that runs
/// PostgreSQL cannot get there (root's home folder is closed to it).
fn home(data: &Path, user: Option<&Account>) -> PathBuf {
    let is_open = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|entry| {
            let may_pass = entry.permissions().mode() & 0o001 != 0;
            may_pass || user.is_some_and(|user| user.uid == entry.uid())
        })
    };
    if user.is_none() || data.ancestors().all(is_open) { data.join("postgres") } else { outside(data) }
}

/// The place outside the data folder; erased with it.
pub(crate) fn outside(data: &Path) -> PathBuf {
    let name = fingerprint(&data.to_string_lossy());
    PathBuf::from(format!("/var/tmp/licheng-postgres-{name:016x}"))
}

async fn make_cluster(site: &Site, home: &Path, user: Option<&Account>) -> Result<()> {
    if home.exists() {
        fs::remove_dir_all(home)?; // what an interrupted first start left
    }
    fs::create_dir_all(home)?;
    let password = home.join("password");
    write_private(&password, site.secret("database-admin"))?;
    if let Some(user) = user {
        for path in [home, &password] {
            chown(path, Some(user.uid), Some(user.gid))?;
        }
    }
    let unfinished = home.join("unfinished");
    let mut initdb = Command::new(path_of("initdb")?);
    initdb
        .arg("--pgdata")
        .arg(&unfinished)
        .arg("--pwfile")
        .arg(&password)
        .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--no-instructions"])
        .current_dir(home);
    if let Some(user) = user {
        initdb.uid(user.uid).gid(user.gid);
    }
    run(initdb).await?;
    fs::remove_file(password)?;
    Ok(fs::rename(unfinished, home.join("cluster"))?)
}

/// The server writes its state into line 8 of this file, as `pg_ctl` reads it; line 1 tells whose
/// file it is, for one of a crashed predecessor may lie there.
fn is_ready(file: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

async fn make_database(site: &Site, port: u16) -> Result<()> {
    let psql = |query: &str| -> Result<Command> {
        let mut psql = Command::new(path_of("psql")?);
        psql.args(["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-U", "postgres"])
            .args(["-d", "postgres", "-p", &port.to_string(), "-c", query])
            .env("PGPASSWORD", site.secret("database-admin"));
        Ok(psql)
    };
    let query = format!("select 1 from pg_database where datname = '{DATABASE}'");
    let output = psql(&query)?.output().await.context("cannot run psql")?;
    if output.status.success() && output.stdout.starts_with(b"1") {
        return Ok(());
    }
    run(psql(&format!("create database {DATABASE}"))?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_version_is_read() {
        for (text, version) in
            [("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", 15), ("postgres (PostgreSQL) 18beta1\n", 18)]
        {
            assert_eq!(major_version(text), Some(version));
        }
        assert_eq!(major_version("no database"), None);
    }

    #[test]
    fn without_root_the_cluster_lies_in_the_data_folder() {
        assert_eq!(home(Path::new("/d"), None), Path::new("/d/postgres"));
    }

    #[test]
    fn a_closed_folder_on_the_way_sends_the_cluster_elsewhere() {
        let closed = std::env::temp_dir().join(format!("local-closed-{}", std::process::id()));
        let data = closed.join("data");
        fs::create_dir_all(&data).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account { uid: u32::MAX - 1, gid: 0 };
        assert_eq!(home(&data, Some(&stranger)), outside(&data));
        fs::remove_dir_all(closed).unwrap();
    }
}
