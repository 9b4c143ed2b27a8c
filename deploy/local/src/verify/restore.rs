//! Backups made, proven and restored, as the operator does it.

use std::process::Command;

use anyhow::Result;

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// `tests/restore` with a small city; its head tells about the longer form.
pub(crate) fn test(stage: &mut Stage) -> Result<Outcome> {
    run(Command::new(stage.options.programs.join("restore")).envs(stage.env()?))
}
