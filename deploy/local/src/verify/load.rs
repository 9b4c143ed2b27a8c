//! Deadline day in short: a small city under an open-loop load, with everything acknowledged looked up afterwards.

use std::process::Command;

use anyhow::Result;

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// A load that an unoptimized build carries on a busy machine; what is judged is that nothing fails and nothing that was
/// acknowledged is missing. Figures are for `tests/load` by itself.
const SHORT: [&str; 14] = [
    "--schools",
    "3",
    "--students",
    "600",
    "--rate",
    "8",
    "--seconds",
    "12",
    "--max-p99",
    "5000",
    "--max-upload-p99",
    "20000",
    "--max-errors",
    "0",
];

pub(crate) fn deadline(stage: &mut Stage) -> Result<Outcome> {
    let env = stage.env()?;
    run(Command::new(stage.options.programs.join("deadline")).args(SHORT).envs(env))
}
