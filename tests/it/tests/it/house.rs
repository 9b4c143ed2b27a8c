//! What holds for the whole house, whatever the room.

pub(crate) mod access;
mod asvs;
mod audit;
pub(crate) mod catalog;
mod citus;
mod deploy;
mod grants;
mod hostile;
mod jobs;
mod limits;
mod migration;
mod pooler;
pub(crate) mod process;
mod redis_cluster;
mod rooms;
mod rules;
mod stolen_role;
pub(crate) mod storage;
mod targets;

use std::path::{Path, PathBuf};

/// The root of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace that was compiled")
}

/// Compares a text with the committed one, `tests/it/tests/it/<name>`; `UPDATE_EXPECT=1` writes it instead.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests, not configuration")]
fn expect_file(name: &str, found: &str) {
    let path = workspace().join("tests/it/tests/it").join(name);
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(&path, found).expect("a writable workspace");
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let missing: Vec<&str> = committed.lines().filter(|line| !found.lines().any(|other| other == *line)).collect();
    let new: Vec<&str> = found.lines().filter(|line| !committed.lines().any(|other| other == *line)).collect();
    assert!(
        committed == found,
        "{name} is not what is true now; if that is intended, run this test with UPDATE_EXPECT=1\n\
         no longer true:\n{}\nnot yet written:\n{}",
        missing.join("\n"),
        new.join("\n")
    );
}
