//! One school's keys in order, through three lists at once: what is known, and what each bucket lists.

use super::{
    Pace, Scrubber, Tally,
    cases::{self, Finding, FoundBy},
    known::{self, Known},
};
use anyhow::Result;
use blob::{BlobError, Copy, Listed, Seen};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kernel::school::SchoolCode;
use std::collections::{BTreeMap, VecDeque};
use time::Duration;

/// Keys asked for at a time; a bucket lists no more.
const PAGE: usize = 1000;
/// Contents looked at between two savings.
const STEP: usize = 16;
/// Contents looked at at the same time.
const AT_ONCE: usize = 4;
/// What is younger may be on its way: a file lies in storage before its row is written.
const YOUNG: Duration = Duration::DAY;

/// A key, and who has it.
#[derive(Default)]
struct Entry {
    known: Option<Known>,
    /// By the first copy and by the second one.
    listed: [Option<Listed>; 2],
}

/// The way through one school.
pub(super) struct Walk<'a> {
    scrubber: &'a Scrubber,
    school: SchoolCode,
    after: String,
    ahead: VecDeque<(String, Entry)>,
    /// Whether more may follow what is ahead.
    more: bool,
}

/// What both copies of a content turned out to be.
struct Looked {
    known: Known,
    seen: [(Copy, Seen); 2],
}

impl<'a> Walk<'a> {
    /// From the beginning, or on after a key.
    pub(super) fn after(scrubber: &'a Scrubber, school: SchoolCode, key: Option<String>) -> Self {
        let after = key.unwrap_or_else(|| format!("{school}/"));
        Self { scrubber, school, after, ahead: VecDeque::new(), more: true }
    }

    /// The last key that is done.
    pub(super) fn after_key(&self) -> &str {
        &self.after
    }

    /// Looks at the next few keys, mends and records; `None` at the end of the school.
    pub(super) async fn step(&mut self, pace: &mut Pace) -> Result<Option<Tally>> {
        if self.ahead.is_empty() && self.more {
            self.look_ahead().await?;
        }
        let mut keys: Vec<(String, Entry)> = self.ahead.drain(..STEP.min(self.ahead.len())).collect();
        let Some(last) = keys.last().map(|(key, _)| key.clone()) else { return Ok(None) };
        let known: Vec<Known> = keys.iter().filter_map(|(_, entry)| entry.known).collect();
        keys.retain(|(_, entry)| entry.known.is_none());
        let looks = stream::iter(known).map(|known| self.look(known));
        let looked: Vec<Looked> = looks.buffer_unordered(AT_ONCE).try_collect().await?;
        let orphans = self.orphans(keys);
        let tally = self.record(looked, orphans).await?;
        self.after = last;
        pace.spend(tally.bytes).await;
        Ok(Some(tally))
    }

    /// Fetches the next page of each list and keeps it as far as all three reach.
    async fn look_ahead(&mut self) -> Result<()> {
        let (scrubber, school) = (self.scrubber, self.school);
        let prefix = format!("{school}/");
        let known = known::after(&scrubber.db, school, &self.after, PAGE).await?;
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut reach: Option<String> = None;
        let mut bounded = |last: Option<String>| {
            reach = match (reach.take(), last) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        };
        let key = |known: &Known| format!("{prefix}{}", hex::encode(known.sha256));
        bounded((known.len() == PAGE).then(|| known.last().map(key)).flatten());
        for known in known {
            entries.entry(key(&known)).or_default().known = Some(known);
        }
        for (place, copy) in Copy::BOTH.into_iter().enumerate() {
            let page = scrubber.vault.list(copy, &prefix, Some(&self.after)).await?;
            bounded(page.more.then(|| page.objects.last().map(|object| object.key.clone())).flatten());
            for object in page.objects {
                let entry = entries.entry(object.key.clone()).or_default();
                entry.listed[place] = Some(object);
            }
        }
        self.more = reach.is_some();
        if let Some(reach) = reach {
            entries.retain(|key, _| *key <= reach);
        }
        self.ahead = entries.into_iter().collect();
        Ok(())
    }

    async fn look(&self, known: Known) -> Result<Looked, BlobError> {
        let see = |copy| self.scrubber.see(copy, self.school, &known.sha256);
        let (primary, replica) = tokio::try_join!(see(Copy::Primary), see(Copy::Replica))?;
        Ok(Looked { known, seen: [(Copy::Primary, primary), (Copy::Replica, replica)] })
    }

    /// Keys that nobody knows, old enough and not of an upload under way (those are swept by the room that takes them).
    fn orphans(&self, unknown: Vec<(String, Entry)>) -> Vec<Finding> {
        let old = self.scrubber.clock.now() - YOUNG;
        let incoming = format!("{}/incoming/", self.school);
        let mut orphans = Vec::new();
        for (key, entry) in unknown {
            for (copy, listed) in Copy::BOTH.into_iter().zip(entry.listed) {
                let is_upload = copy == Copy::Primary && key.starts_with(&incoming);
                if listed.is_some_and(|listed| listed.written_at < old) && !is_upload {
                    let name = key.rsplit('/').next().and_then(|name| hex::decode(name).ok());
                    orphans.push(Finding::orphan(key.clone(), name.and_then(|name| name.try_into().ok()), copy));
                }
            }
        }
        orphans
    }

    /// Mends what is bad and writes down both what was proven and what was found.
    async fn record(&self, looked: Vec<Looked>, orphans: Vec<Finding>) -> Result<Tally> {
        let mut tally = Tally { orphans: orphans.len() as u64, ..Tally::default() };
        let unknown: Vec<Vec<u8>> = orphans.iter().filter_map(Finding::hash).collect();
        let (mut whole, mut findings) = (Vec::new(), orphans);
        for Looked { known, seen } in looked {
            let sizes =
                seen.iter().filter_map(|(_, seen)| if let Seen::Whole { size } = seen { Some(*size) } else { None });
            let size = sizes.max().or(known.size);
            let mut good = 0;
            for (copy, seen) in seen {
                tally.bytes += match seen {
                    Seen::Whole { size } => size,
                    Seen::Damaged { size } => size.unwrap_or(0),
                    Seen::Missing => 0,
                };
                let Some(harm) = seen.harm(size) else {
                    good += 1;
                    continue;
                };
                let healed = self.scrubber.heal(copy, self.school, &known.sha256).await;
                good += u64::from(healed);
                tally.bad += 1;
                tally.healed += u64::from(healed);
                findings.push(Finding::harm(self.school, known.sha256, copy, harm, healed));
            }
            tally.objects += 1;
            tally.copies += good;
            if good == 2 {
                whole.push((known.sha256, size.unwrap_or(0)));
            }
        }
        let (db, now) = (&self.scrubber.db, self.scrubber.clock.now());
        cases::record(db, self.school, &findings, FoundBy::Scrub, now).await?;
        cases::verified(db, self.school, &whole, now).await?;
        cases::forget(db, self.school, &unknown).await?;
        Ok(tally)
    }
}
