//! `licheng audit verify`: is the audit of every school what was sealed?

use anyhow::{Result, bail};
use kernel::{clock::Clock, school::SchoolCode};
use ops::config::Config;
use store::{
    Db,
    chain::{self, Verdict},
};

/// What to do with the audit.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Check the hash chain of one school or of all, and name the first broken row.
    Verify {
        /// Only this school.
        #[arg(long)]
        school: Option<SchoolCode>,
    },
    /// Seal what is settled now instead of waiting for the worker.
    Seal,
}

/// Runs the action as the worker's role.
pub async fn run(action: Action) -> Result<()> {
    let config = Config::from_env()?;
    let db = Db::lazy(config.database.url("worker")?.expose(), 1)?;
    match action {
        Action::Seal => {
            let sealed = chain::seal(&db, &Clock::System).await?;
            println!("{sealed} rows sealed");
            Ok(())
        }
        Action::Verify { school } => verify(&db, school).await,
    }
}

async fn verify(db: &Db, only: Option<SchoolCode>) -> Result<()> {
    let schools = match only {
        Some(school) => vec![school],
        None => chain::sealed_schools(db).await?,
    };
    let mut broken = 0;
    for school in &schools {
        match chain::verify(db, *school).await? {
            Verdict::Whole { rows, links } => println!("whole   {school}: {rows} rows in {links} links"),
            Verdict::Broken { link, what } => {
                broken += 1;
                println!("BROKEN  {school}: link {link}: {what}");
            }
        }
    }
    if broken > 0 {
        bail!("the audit of {broken} of {} schools is not what was sealed", schools.len());
    }
    println!("{} schools checked", schools.len());
    Ok(())
}
