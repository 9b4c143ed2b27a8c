//! The steps that are cargo's.

use anyhow::Result;
use local::cargo;

use crate::runner::run;
use crate::stage::{Outcome, Stage};

pub(crate) fn format(_: &mut Stage) -> Result<Outcome> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

pub(crate) fn clippy(_: &mut Stage) -> Result<Outcome> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

pub(crate) fn build(_: &mut Stage) -> Result<Outcome> {
    run(cargo().args(["build", "--workspace", "--all-targets", "--locked"]))
}

pub(crate) fn test(stage: &mut Stage) -> Result<Outcome> {
    run(cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]).envs(stage.env()?))
}
