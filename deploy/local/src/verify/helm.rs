//! The chart, the image's recipe and the compose file: `helm/check` brings its tools and says what
//! holds.

use std::process::Command;

use anyhow::Result;

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// Runs `helm/check` with a folder for its tools.
pub(crate) fn check(stage: &mut Stage) -> Result<Outcome> {
    run(Command::new(stage.workspace.join("helm/check")).arg(stage.options.tools.join("helm-check")))
}
