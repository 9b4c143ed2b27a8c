//! The steps about the schema: it can be laid down, laid down again over data, and the committed
//! descriptions of the queries fit it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use local::{City, cargo};

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// `licheng migrate` on the application's database: empty the first time, seeded the second.
pub(crate) fn migrate(stage: &mut Stage) -> Result<Outcome> {
    let city = City::new(&stage.options.programs, &stage.progress)?;
    let (runtime, components) = stage.components()?;
    runtime.block_on(city.migrate(components))?;
    Ok(Outcome::done())
}

/// The demo city's data.
pub(crate) fn seed(stage: &mut Stage) -> Result<Outcome> {
    let city = City::new(&stage.options.programs, &stage.progress)?;
    let (runtime, components) = stage.components()?;
    runtime.block_on(city.seed(components))?;
    Ok(Outcome::done())
}

/// Describes every query anew against a database that was just laid down, and compares with what is
/// committed in `.sqlx`.
pub(crate) fn query_data(stage: &mut Stage) -> Result<Outcome> {
    let admin = stage.env()?.remove("LICHENG_DATABASE_ADMIN_URL").context("the components name no database")?;
    let (server, _) = admin.rsplit_once('/').context("a database's URL ends with its name")?;
    let url = format!("{server}/query_data");
    lay_down(&stage.workspace.join("migrations"), &admin, &url)?;
    let _expanded_anew = Touched::sources(&stage.workspace)?;
    let fresh = stage.options.data.join("sqlx");
    fs::create_dir_all(&fresh)?;
    let checked = run(cargo()
        .args(["check", "--workspace", "--all-targets", "--locked"])
        .env_remove("SQLX_OFFLINE")
        .env("SQLX_OFFLINE_DIR", &fresh)
        .env("DATABASE_URL", url))?;
    if checked.problem.is_some() {
        return Ok(checked);
    }
    let problems = differences(&descriptions(&stage.workspace.join(".sqlx"))?, &descriptions(&fresh)?);
    if problems.is_empty() { Ok(Outcome::done()) } else { Ok(Outcome::failure(problems.join("; "))) }
}

/// A database with the schema and nothing in it.
fn lay_down(migrations: &Path, admin: &str, url: &str) -> Result<()> {
    let psql = |database: &str, arguments: &[&str]| -> Result<()> {
        let status = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database])
            .args(arguments)
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .status()?;
        if !status.success() {
            bail!("psql {} ended with {status}", arguments.join(" "));
        }
        Ok(())
    };
    psql(admin, &["-c", "drop database if exists query_data with (force)", "-c", "create database query_data"])?;
    let mut files: Vec<PathBuf> = sources(migrations, "sql")?;
    files.sort();
    for file in files {
        let file = file.to_str().context("a migration's name is no text")?;
        psql(url, &["-1", "-f", file])?;
    }
    Ok(())
}

/// Sources that hold a query, which look changed to cargo while this value lives: a macro that is
/// not expanded describes nothing. Their times are given back, or the next build would be a long one.
struct Touched {
    times: Vec<(PathBuf, SystemTime)>,
}

impl Touched {
    fn sources(workspace: &Path) -> Result<Self> {
        let mut times = Vec::new();
        for folder in ["services", "shared", "tests"] {
            for file in sources(&workspace.join(folder), "rs")? {
                if fs::read_to_string(&file)?.contains("query") {
                    let time = fs::metadata(&file)?.modified()?;
                    times.push((file, time));
                }
            }
        }
        let touched = Self { times };
        let mut touch = Command::new("touch");
        let status = touch.arg("-c").args(touched.times.iter().map(|(file, _)| file)).status()?;
        if !status.success() {
            bail!("touch ended with {status}");
        }
        Ok(touched)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (file, time) in &self.times {
            let given_back = File::options().append(true).open(file).and_then(|file| file.set_modified(*time));
            if let Err(error) = given_back {
                eprintln!("{} keeps its new time: {error}", file.display());
            }
        }
    }
}

fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            files.extend(sources(&path, extension)?);
        } else if path.extension().is_some_and(|end| end == extension) {
            files.push(path);
        }
    }
    Ok(files)
}

/// The descriptions of a folder, by file name.
fn descriptions(folder: &Path) -> Result<BTreeMap<String, serde_json::Value>> {
    let mut found = BTreeMap::new();
    for file in sources(folder, "json")? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.insert(name, serde_json::from_str(&fs::read_to_string(&file)?)?);
    }
    Ok(found)
}

fn differences(
    committed: &BTreeMap<String, serde_json::Value>,
    fresh: &BTreeMap<String, serde_json::Value>,
) -> Vec<String> {
    let of = |what: &str, names: Vec<&String>| {
        let list: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        (!list.is_empty()).then(|| format!("{} {what}: {}", list.len(), list.join(" ")))
    };
    let gone = committed.keys().filter(|name| !fresh.contains_key(*name)).collect();
    let missing = fresh.keys().filter(|name| !committed.contains_key(*name)).collect();
    let other = fresh
        .iter()
        .filter(|(name, description)| committed.get(*name).is_some_and(|known| known != *description))
        .map(|(name, _)| name)
        .collect();
    [of("no longer used in .sqlx", gone), of("missing in .sqlx", missing), of("outdated in .sqlx", other)]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn touched_sources_get_their_times_back() {
        let workspace = std::env::temp_dir().join(format!("local-touched-{}", std::process::id()));
        let file = workspace.join("services/query.rs");
        for folder in ["services", "shared", "tests"] {
            fs::create_dir_all(workspace.join(folder)).unwrap();
        }
        fs::write(&file, "query!").unwrap();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::options().append(true).open(&file).unwrap().set_modified(time).unwrap();
        let modified = || fs::metadata(&file).unwrap().modified().unwrap();

        let touched = Touched::sources(&workspace).unwrap();
        assert_ne!(modified(), time);
        drop(touched);
        assert_eq!(modified(), time);
        fs::remove_dir_all(workspace).unwrap();
    }

    #[test]
    fn descriptions_that_are_gone_missing_or_outdated_are_named() {
        let of = |entries: &[(&str, i32)]| {
            entries.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<BTreeMap<_, _>>()
        };
        let committed = of(&[("a", 1), ("b", 1), ("c", 1)]);
        let fresh = of(&[("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(
            differences(&committed, &fresh),
            ["1 no longer used in .sqlx: c", "1 missing in .sqlx: d", "1 outdated in .sqlx: b"]
        );
        assert_eq!(differences(&committed, &committed), [""; 0]);
    }
}
