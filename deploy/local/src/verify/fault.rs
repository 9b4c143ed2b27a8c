//! The fault campaign in its short form, on components of its own: it kills them.

use anyhow::Result;
use std::process::Command;

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// Twenty faults, the same ones in every verification, a full disk among them; `target/debug/fault` alone makes two
/// hundred of its own choice.
pub(crate) fn campaign(stage: &mut Stage) -> Result<Outcome> {
    let mut fault = Command::new(stage.options.programs.join("fault"));
    let pace = ["--faults", "20", "--longest", "2", "--pause", "0.8", "--hurry", "--seed", "381887"];
    run(fault.args(["--data", "verify-fault"]).args(pace))
}
