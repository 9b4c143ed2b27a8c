//! What the clients were told: a file of lines, written before a request is sent and after its answer.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// What somebody wanted done.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// A new outcome; the key is its summary.
    Create,
    /// A file of an outcome; the key is its SHA-256.
    Save,
    /// An outcome sent for certification; the key is its id.
    Send,
    /// A decision on a request; the key is its reason.
    Decide,
    /// A student's selection of the year; the key is the ids of its outcomes, sorted.
    Select,
    /// A batch of a roster; nothing tells one from another but the answer.
    Submit,
    /// A batch handed over to the central database; the key is its id.
    HandOver,
}

/// How it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// Done, and the id of what was made.
    Done(i64),
    /// Not done, and why is told: a rule, or a part of the house that is away.
    NotDone,
    /// The answer says that nobody knows, or there was none.
    Doubt,
}

#[derive(Serialize, Deserialize)]
enum Line {
    Begun { n: u64, act: Act, school: String, whose: i64, key: String },
    Answered { n: u64, said: Said },
}

/// One attempt with what became of it in its client's eyes.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) act: Act,
    pub(crate) school: String,
    /// The student whose it is; of a decision, the request.
    pub(crate) whose: i64,
    pub(crate) key: String,
    pub(crate) said: Said,
}

/// The file.
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    next: AtomicU64,
}

impl Journal {
    pub(crate) fn begin(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { path, file: Mutex::new(file), next: AtomicU64::new(1) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes what is about to be asked; gives the number of the attempt.
    pub(crate) fn begun(&self, act: Act, school: &str, whose: i64, key: &str) -> u64 {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(&Line::Begun { n, act, school: school.to_owned(), whose, key: key.to_owned() });
        n
    }

    /// Notes the answer.
    pub(crate) fn answered(&self, n: u64, said: Said) {
        self.write(&Line::Answered { n, said });
    }

    fn write(&self, line: &Line) {
        let text = serde_json::to_string(line).expect("plain data");
        let mut file = self.file.lock().expect("nobody panics while holding it");
        writeln!(file, "{text}").expect("the journal lies on a disk that no fault fills");
    }
}

/// Reads a journal back; an attempt without an answer is in doubt.
pub(crate) fn read(path: &Path) -> Result<Vec<Attempt>> {
    let mut attempts = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines() {
        match serde_json::from_str(line)? {
            Line::Begun { n, act, school, whose, key } => {
                attempts.insert(n, Attempt { act, school, whose, key, said: Said::Doubt });
            }
            Line::Answered { n, said } => {
                let attempt = attempts.get_mut(&n).context("an answer to what was never asked")?;
                attempt.said = said;
            }
        }
    }
    Ok(attempts.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_answered_is_in_doubt() {
        let path = std::env::temp_dir().join(format!("fault-journal-{}", std::process::id()));
        let journal = Journal::begin(path.clone()).unwrap();
        let first = journal.begun(Act::Create, "343303", 7, "a");
        let second = journal.begun(Act::Create, "343303", 7, "b");
        journal.begun(Act::Save, "343303", 7, "c");
        journal.answered(second, Said::NotDone);
        journal.answered(first, Said::Done(12));
        let said: Vec<Said> = read(&path).unwrap().into_iter().map(|attempt| attempt.said).collect();
        assert_eq!(said, [Said::Done(12), Said::NotDone, Said::Doubt]);
        fs::remove_file(path).unwrap();
    }
}
