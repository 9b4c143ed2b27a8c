//! `licheng job …`: what waits, and what needs a person.

use anyhow::{Context as _, Result, ensure};
use kernel::{clock::Clock, school::SchoolCode};
use ops::config::Config;
use store::{Db, worker};

/// What to do with the queue.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// List waiting jobs by kind, and every dead letter.
    List,
    /// Put a dead letter back into the queue.
    Retry {
        /// The school of the job.
        school: SchoolCode,
        /// Its number.
        id: i64,
    },
}

/// Runs the action as the worker's role.
pub async fn run(action: Action) -> Result<()> {
    let config = Config::from_env()?;
    let db = Db::lazy(config.database.url("worker")?.expose(), 1)?;
    match action {
        Action::List => list(&db).await,
        Action::Retry { school, id } => {
            let revived = worker::revive(&db, &Clock::System, school, id).await?;
            ensure!(revived, "there is no dead job {id} at {school}");
            println!("job {id} of {school} will be tried again");
            Ok(())
        }
    }
}

async fn list(db: &Db) -> Result<()> {
    let queue = worker::queue(db).await.context("reading the queue")?;
    for waiting in &queue.waiting {
        println!("{:>6} waiting  {}  oldest since {}", waiting.count, waiting.kind, waiting.oldest);
    }
    for dead in &queue.dead {
        println!(
            "  dead  {} {} {}  after {} tries: {}",
            dead.school_code, dead.id, dead.kind, dead.attempts, dead.error
        );
    }
    println!("{} kinds waiting, {} dead letters", queue.waiting.len(), queue.dead.len());
    Ok(())
}
