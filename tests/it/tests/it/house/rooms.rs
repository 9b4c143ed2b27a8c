//! Rooms stay rooms: read from the sources (design §2, style "The shape of a room").

use super::workspace;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The shared crates that a service may use, and what its own tests feed its readers with.
const SHARED: [&str; 6] = ["kernel", "store", "web", "blob", "ops", "fuzz"];

/// Files that speak SQL and HTTP all the same, each with its reason.
const BOTH: [(&str, &str); 3] = [
    ("identity/src/demo.rs", "one page with one query, of the demo city only"),
    ("portfolio/src/outcome/certification.rs", "sending for certification is one capability in one file"),
    ("identity/src/session.rs", "switching hats notes on one row which is worn"),
];

/// Every crate of ours, with its folder.
pub(super) fn crates() -> Vec<(String, PathBuf)> {
    let root = workspace();
    let mut crates = vec![("local".to_owned(), root.join("deploy/local"))];
    for group in ["services", "shared", "tests"] {
        for entry in fs::read_dir(root.join(group)).expect("a folder of crates") {
            let path = entry.expect("an entry").path();
            if path.join("Cargo.toml").exists() {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                crates.push((name, path));
            }
        }
    }
    crates
}

/// The names before `=` or `.workspace` in all sections of dependencies.
fn dependencies(folder: &Path) -> BTreeSet<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((name, _)) = line.split_once(['=', '.']) {
            found.insert(name.trim().to_owned());
        }
    }
    found
}

pub(super) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => {}
            }
        }
    }
    found
}

#[test]
fn no_service_knows_another() {
    let crates = crates();
    let services: Vec<&(String, PathBuf)> = crates
        .iter()
        .filter(|(name, path)| path.parent().is_some_and(|p| p.ends_with("services")) && name != "licheng")
        .collect();
    assert_eq!(services.len(), 7, "the seven rooms");
    let ours: BTreeSet<&str> = crates.iter().map(|(name, _)| name.as_str()).collect();
    for (name, folder) in services {
        let foreign: Vec<String> = dependencies(folder)
            .into_iter()
            .filter(|dependency| ours.contains(dependency.as_str()) && !SHARED.contains(&dependency.as_str()))
            .collect();
        assert_eq!(foreign, Vec::<String>::new(), "{name} may depend on {SHARED:?} only");
    }
}

/// Design §1: `blob` is "the only crate that sees aws-*"; tests/central shares nothing with the house it judges.
#[test]
fn storage_is_known_to_blob_only_and_the_simulator_knows_nobody() {
    let crates = crates();
    let ours: BTreeSet<&str> = crates.iter().map(|(name, _)| name.as_str()).collect();
    for (name, folder) in &crates {
        let dependencies = dependencies(folder);
        if name != "blob" {
            let aws: Vec<&String> = dependencies.iter().filter(|dependency| dependency.starts_with("aws-")).collect();
            assert!(aws.is_empty(), "{name} depends on {aws:?}");
        }
        if name == "central" {
            let known: Vec<&String> =
                dependencies.iter().filter(|dependency| ours.contains(dependency.as_str())).collect();
            assert!(known.is_empty(), "{name} depends on {known:?}");
        }
    }
}

/// Style, "The shape of a room": SQL in the store's files, axum and askama in the pages'.
#[test]
fn no_file_of_a_room_speaks_both_sql_and_http() {
    for (name, folder) in crates() {
        if name == "licheng" || !folder.parent().is_some_and(|parent| parent.ends_with("services")) {
            continue;
        }
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("a readable source");
            let speaks_sql = text.contains("sqlx::query");
            let speaks_http = text.contains("use axum") || text.contains("derive(Template)");
            let declared = BOTH.iter().any(|(file, _)| path.ends_with(file));
            assert_eq!(speaks_sql && speaks_http, declared, "{} speaks SQL and HTTP", path.display());
        }
    }
}

/// Style 14 and 18: time comes by argument, exceptions carry their reason.
#[test]
fn doors_stay_shut() {
    for (_, folder) in crates() {
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("a readable source");
            for (number, line) in text.lines().enumerate() {
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(!line.trim_start().starts_with("#[allow("), "{place}: expect with a reason, never allow");
                let exempt = text.contains("clippy::disallowed_methods, reason = ");
                assert!(!line.contains("::now_utc()") || exempt, "{place}: take the time from the context");
            }
        }
    }
}
