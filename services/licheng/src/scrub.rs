//! The scrubber (design §5): reads every byte of both copies again and again, compares storage with the database both
//! ways, mends the bad copy from the good one, and writes down what it found.
//!
//! It walks school by school in the order of the keys, through three lists at once: what the rooms say they keep
//! (`app.kept_object`) and what each bucket lists. A key that is known is read in both copies; one that is only listed
//! is an orphan, which is written down and otherwise left alone: nothing here ever deletes a byte. The worker takes a
//! slice each minute and remembers where it was; `licheng audit storage` makes a whole pass at once.

pub(crate) mod cases;
mod health;
mod known;
mod pace;
mod position;
mod walk;

use anyhow::Result;
use blob::{BlobError, Copy, Part, Seen, Vault};
use kernel::{clock::Clock, school::SchoolCode};
use std::{sync::Arc, time::Duration};
use store::{
    Db,
    jobs::{JobError, Periodic},
};

use cases::{Finding, FoundBy};
pub use pace::Pace;
use position::Position;
use walk::Walk;

/// How long one slice may read: shorter than a worker that is told to stop has time for.
const SLICE: Duration = Duration::from_secs(10);
/// The pause between two slices.
const PAUSE: Duration = Duration::from_secs(10);
/// The pace of measuring.
const MEASURE_EVERY: Duration = Duration::from_secs(60);
/// Cases that a round tries to heal again.
const RETRIES: i64 = 20;

/// Walks, mends and measures, as the worker's role.
#[derive(Clone, Debug)]
pub struct Scrubber {
    db: Db,
    vault: Vault,
    clock: Clock,
    holder: Arc<str>,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Contents looked at.
    pub objects: u64,
    /// Copies of them that are whole, mended ones included.
    pub copies: u64,
    /// Bytes read from storage.
    pub bytes: u64,
    /// Copies found bad.
    pub bad: u64,
    /// Of these, mended.
    pub healed: u64,
    /// Objects that nobody knows.
    pub orphans: u64,
}

impl Tally {
    /// Adds what another stretch counted.
    pub fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.copies += other.copies;
        self.bytes += other.bytes;
        self.bad += other.bad;
        self.healed += other.healed;
        self.orphans += other.orphans;
    }

    /// What it cost in the coin of the estimate: a small object costs a round trip all the same.
    fn cost(self) -> u64 {
        self.bytes + 2 * self.objects * known::OBJECT_COST
    }
}

/// The worker's slices and measurements.
pub fn rounds(db: Db, vault: Vault, clock: Clock) -> [Periodic; 2] {
    let scrubber = Arc::new(Scrubber::new(db, vault, clock));
    cases::announce();
    [
        Periodic::new("storage.scrub", PAUSE, &scrubber, |scrubber: Arc<Scrubber>| async move {
            scrubber.slice().await.map_err(|error| JobError::retry(format!("{error:#}")))
        }),
        // by itself: the health is measured whether or not storage answers
        Periodic::new("storage.measure", MEASURE_EVERY, &scrubber, |scrubber: Arc<Scrubber>| async move {
            scrubber.measure().await.map_err(JobError::from)
        }),
    ]
}

impl Scrubber {
    /// `db` logs in as `svc_worker`.
    #[must_use]
    pub fn new(db: Db, vault: Vault, clock: Clock) -> Self {
        let holder = format!("scrubber-{}", uuid::Uuid::new_v4()).into();
        Self { db, vault, clock, holder }
    }

    /// One slice of the pass under way, if no other worker is at it: what is unhealed first, then on from where the
    /// last slice stopped.
    pub async fn slice(&self) -> Result<()> {
        self.heal_open().await?;
        let Some(mut position) = Position::take(&self.db, &self.holder, self.clock.now()).await? else { return Ok(()) };
        // half of the time is pause
        let mut pace = Pace::new(Some(2 * position.rate(self.clock.now()))).for_at_most(SLICE);
        let walked = self.walk_on(&mut position, &mut pace).await;
        position.release(&self.db).await?;
        walked
    }

    async fn walk_on(&self, position: &mut Position, pace: &mut Pace) -> Result<()> {
        while let Some(school) = position.school(&self.db).await? {
            let mut walk = Walk::after(self, school, position.after_key());
            while let Some(tally) = walk.step(pace).await? {
                let ours = position.save(&self.db, school, walk.after_key(), tally, self.clock.now()).await?;
                if !ours || pace.is_over() {
                    return Ok(());
                }
            }
            position.leave(school);
        }
        let tally = Tally { orphans: self.strays().await?, ..Tally::default() };
        cases::forget_unseen(&self.db, position.began_at()).await?;
        position.finish(&self.db, tally, self.clock.now()).await
    }

    /// A whole pass now, beside the worker's: over one school, or over all of them. `report` hears of each school.
    pub async fn pass(
        &self,
        only: Option<SchoolCode>,
        pace: &mut Pace,
        mut report: impl FnMut(SchoolCode, Tally),
    ) -> Result<Tally> {
        let began_at = self.clock.now();
        let schools = match only {
            Some(school) => vec![school],
            None => known::schools(&self.db).await?,
        };
        let mut all = Tally::default();
        for school in schools {
            let mut walk = Walk::after(self, school, None);
            let mut of_school = Tally::default();
            while let Some(tally) = walk.step(pace).await? {
                of_school.add(tally);
            }
            report(school, of_school);
            all.add(of_school);
        }
        if only.is_none() {
            all.orphans += self.strays().await?;
            cases::forget_unseen(&self.db, began_at).await?;
            position::note_pass(&self.db, began_at, self.clock.now(), all).await?;
        }
        Ok(all)
    }

    /// Cases that are still open, by what is wrong with them: what a person has to look at.
    pub async fn unhealed(&self) -> Result<i64> {
        Ok(cases::unhealed(&self.db).await?)
    }

    /// Tries open cases again, as far as the time of a slice goes: storage may be back, or a reader has just found one.
    async fn heal_open(&self) -> Result<()> {
        let time = Pace::new(None).for_at_most(SLICE);
        for case in cases::open(&self.db, RETRIES).await? {
            if time.is_over() {
                return Ok(());
            }
            let (school, sha256) = (case.school, case.sha256);
            let whole = match self.see(case.copy, school, &sha256).await {
                Ok(Seen::Whole { .. }) => true,
                Ok(_) => self.heal(case.copy, school, &sha256).await,
                Err(error) => {
                    tracing::info!(%error, "an open case waits for storage");
                    return Ok(());
                }
            };
            cases::retried(&self.db, &case, whole, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Looks at one copy. An object that storage can't give while it answers otherwise is bad, not away: it must not
    /// keep the pass from going on.
    async fn see(&self, copy: Copy, school: SchoolCode, sha256: &[u8; 32]) -> Result<Seen, BlobError> {
        let part = match copy {
            Copy::Primary => Part::Primary,
            Copy::Replica => Part::Replica,
        };
        match self.vault.probe(copy, &school, sha256).await {
            Err(error) => match self.vault.check(part).await {
                Ok(()) => Ok(Seen::Damaged { size: None }),
                Err(_) => Err(error),
            },
            seen => seen,
        }
    }

    /// Mends one copy; `false` when nothing whole is left or storage is away.
    async fn heal(&self, copy: Copy, school: SchoolCode, sha256: &[u8; 32]) -> bool {
        match self.vault.heal(copy, &school, sha256).await {
            Ok(()) => true,
            Err(error) => {
                let sha256 = hex::encode(sha256);
                tracing::error!(school_code = school.as_str(), sha256, copy = copy.name(), %error, "a bad copy could not be mended");
                false
            }
        }
    }

    /// What lies in a bucket outside of every school's folder.
    async fn strays(&self) -> Result<u64> {
        let schools = known::schools(&self.db).await?;
        let mut strays = Vec::new();
        for copy in Copy::BOTH {
            let found = self.vault.prefixes(copy).await?;
            let is_stray = |prefix: &String| !schools.iter().any(|school| school.as_str() == prefix);
            strays.extend(found.into_iter().filter(is_stray).map(|key| Finding::orphan(key, None, copy)));
        }
        cases::record(&self.db, SchoolCode::CITY, &strays, FoundBy::Scrub, self.clock.now()).await?;
        Ok(strays.len() as u64)
    }
}
