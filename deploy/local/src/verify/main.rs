//! `cargo verify`: everything that must hold before a change lands, as an ordered list of steps.
//! A step that fails does not stop the others; nothing is left out in silence.

mod browser;
mod build;
mod database;
mod fault;
mod helm;
mod load;
mod policy;
mod restore;
mod runner;
mod stage;
mod summary;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use local::{Progress, VERIFICATION, install_missing};

use crate::stage::{Outcome, Stage};
use crate::summary::Row;

/// A step: its name in the table, and what it does. To add one is to add a line here.
struct Step {
    name: &'static str,
    run: fn(&mut Stage) -> Result<Outcome>,
}

// every call of cargo names the whole workspace: for a part of it cargo would choose other features
// of the dependencies, and build them all once more
const STEPS: &[Step] = &[
    Step { name: "format", run: build::format },
    Step { name: "dependency policy", run: policy::check },
    Step { name: "clippy", run: build::clippy },
    Step { name: "build", run: build::build },
    Step { name: "components", run: Stage::bring_components_up },
    Step { name: "query data up to date", run: database::query_data },
    Step { name: "tests", run: build::test },
    Step { name: "migrations, empty database", run: database::migrate },
    Step { name: "demo city", run: database::seed },
    Step { name: "migrations, seeded database", run: database::migrate },
    Step { name: "deadline day, short", run: load::deadline },
    Step { name: "helm chart", run: helm::check },
    Step { name: "restores", run: restore::test },
    Step { name: "browser", run: browser::test },
    Step { name: "faults, short form", run: fault::campaign },
];

/// Runs every check and every test, on private components; says at its end how many passed and failed.
#[derive(Parser)]
#[command(name = "verify")]
struct Arguments {}

fn main() -> Result<ExitCode> {
    // the alias `cargo verify` ends in `--` already
    Arguments::parse_from(
        std::env::args_os().enumerate().filter(|(at, word)| *at != 1 || word != "--").map(|(_, word)| word),
    );
    let progress = Progress::to_terminal();
    install_missing(VERIFICATION, &progress)?;
    let mut stage = Stage::new(progress)?;
    let mut rows = Vec::new();
    for step in STEPS {
        if stage.is_interrupted() {
            rows.push(Row { name: step.name, seconds: 0.0, outcome: Outcome::failure("interrupted") });
            continue;
        }
        progress.say(format_args!("=== {}", step.name));
        let started = Instant::now();
        let outcome = (step.run)(&mut stage).unwrap_or_else(|error| Outcome::failure(format!("{error:#}")));
        if let Some(problem) = &outcome.problem {
            progress.say(format_args!("{}: {problem}", step.name));
        }
        rows.push(Row { name: step.name, seconds: started.elapsed().as_secs_f64(), outcome });
    }
    stage.end();
    print!("{}", summary::table(&rows));
    println!("{}", summary::closing_line(&rows));
    Ok(if summary::is_good(&rows) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
