//! Runs a command with the private components up, as tests are run during development:
//!
//! ```text
//! cargo run -p local --bin components -- cargo test -p store
//! ```
//!
//! Without a command the components stay until Ctrl-C, and tests started elsewhere find them.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use local::{Components, Options, Progress, until_interrupted};
use tokio::process::Command;

/// Brings the components up, runs a command with their environment, and stops them.
#[derive(Parser)]
struct Arguments {
    /// The name of the data folder under the target folder
    #[arg(long, default_value = "test-components")]
    data: String,
    /// Begin with an empty data folder
    #[arg(long)]
    fresh: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut options = Options::in_target(&arguments.data)?;
    options.fresh = arguments.fresh;
    let progress = Progress::to_terminal();
    let components = tokio::select! {
        up = Components::up(&options, &progress) => up?,
        interrupted = until_interrupted() => return interrupted.map(|()| ExitCode::from(130)),
    };
    let code = match arguments.command.split_first() {
        Some((program, rest)) => run(program, rest, &components).await,
        None => {
            progress.say("ready; Ctrl-C stops all");
            until_interrupted().await.map(|()| ExitCode::SUCCESS)
        }
    };
    components.stop().await;
    code
}

/// Ctrl-C reaches the command too, so we only wait for it to end.
async fn run(program: &OsString, rest: &[OsString], components: &Components) -> Result<ExitCode> {
    let mut child = Command::new(program)
        .args(rest)
        .envs(components.env())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        interrupted = until_interrupted() => {
            interrupted?;
            let grace = std::time::Duration::from_secs(10);
            tokio::time::timeout(grace, child.wait()).await.context("the command does not end")??
        }
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
