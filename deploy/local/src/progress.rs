//! Lines that say what is going on while a person waits.

use std::time::Instant;

/// Where progress goes: lines with the seconds since the start, on standard error.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    started: Instant,
    silent: bool,
}

impl Progress {
    /// Writes every line to standard error, which keeps standard output for the command's own.
    pub fn to_terminal() -> Self {
        Self { started: Instant::now(), silent: false }
    }

    /// Says nothing; for tests.
    pub fn silent() -> Self {
        Self { started: Instant::now(), silent: true }
    }

    /// One line: what has just happened or is being waited for.
    pub fn say(&self, line: impl std::fmt::Display) {
        if !self.silent {
            eprintln!("[{:6.1} s] {line}", self.started.elapsed().as_secs_f64());
        }
    }
}
