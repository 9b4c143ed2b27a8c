//! `licheng audit verify`: is the audit of every school what was sealed? `licheng audit storage`: is every byte of every
//! file what was saved, twice?

use crate::{
    house,
    scrub::{Pace, Scrubber, Tally},
};
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
    /// Read both copies of every file now, mend what is bad, and name what nobody knows; fails when something bad is
    /// left. Beside the worker, which does the same over 25 days at most.
    Storage {
        /// Only this school.
        #[arg(long)]
        school: Option<SchoolCode>,
        /// Read no faster than so many bytes a second; as fast as it goes if not given.
        #[arg(long)]
        bytes_per_second: Option<u64>,
    },
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
        Action::Storage { school, bytes_per_second } => {
            let scrubber = Scrubber::new(db, house::vault(&config), Clock::System);
            storage(&scrubber, school, Pace::new(bytes_per_second)).await
        }
    }
}

async fn storage(scrubber: &Scrubber, only: Option<SchoolCode>, mut pace: Pace) -> Result<()> {
    let all = scrubber.pass(only, &mut pace, |school, tally| println!("{school}  {}", line(tally))).await?;
    let seconds = pace.elapsed().as_secs_f64();
    let rate = all.bytes as f64 / seconds / 1_000_000.0;
    println!("total   {}; {seconds:.1} s, {rate:.1} MB/s", line(all));
    match scrubber.unhealed().await? {
        0 => Ok(()),
        unhealed => bail!("{unhealed} copies are bad and could not be mended, see app.storage_case"),
    }
}

fn line(tally: Tally) -> String {
    let Tally { objects, copies, bytes, bad, healed, orphans } = tally;
    format!("{objects} files, {copies} whole copies, {bytes} bytes read, {bad} bad, {healed} mended, {orphans} orphans")
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
