//! What goes wrong, and for how long.

use crate::{
    dice::Dice,
    stage::{ALL, Stage, rooms},
};
use anyhow::{Context as _, Result};
use local::{FALSE_CLOCK, Launch, Stop};
use std::{
    fmt,
    fs::File,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// The components that are killed and frozen.
const COMPONENTS: [&str; 6] = ["postgres", "redis", "s3", "s3-replica", "central", "clamd"];
const WIRES: [&str; 6] = ["database", "redis", "first copy", "second copy", "uploads", "scanner"];

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// SIGKILL, and started again after a while.
    Kill(&'static str),
    /// SIGSTOP, and SIGCONT after a while.
    Freeze(&'static str),
    /// Requests cut in mid-body, on the way in or back.
    CutRequests,
    /// Every connection of a wire cut where it is.
    CutWire(&'static str),
    /// Redis loses everything it knows.
    EmptyRedis,
    /// No byte is left on the disk under all components.
    FillDisk,
    /// A worker whose clock is minutes before or behind.
    FalseClock,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(name) => write!(f, "kill -9 {name}"),
            Self::Freeze(name) => write!(f, "freeze {name}"),
            Self::CutRequests => f.write_str("cut requests in mid-body"),
            Self::CutWire(name) => write!(f, "cut the wire to {name}"),
            Self::EmptyRedis => f.write_str("empty Redis"),
            Self::FillDisk => f.write_str("fill the disk"),
            Self::FalseClock => f.write_str("worker with a false clock"),
        }
    }
}

impl Fault {
    /// What it is called in the table, whatever it hits.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Kill(name) if rooms().any(|room| room == *name) => "kill -9 a room or the worker",
            Self::Kill(_) => "kill -9 a component",
            Self::Freeze(_) => "freeze",
            Self::CutRequests => "cut requests in mid-body",
            Self::CutWire(_) => "cut a wire",
            Self::EmptyRedis => "empty Redis",
            Self::FillDisk => "fill the disk",
            Self::FalseClock => "false clock",
        }
    }

    /// Two faults at once hit different things.
    fn may_meet(&self, other: &Self) -> bool {
        let starts_storage = |fault: &Self| matches!(fault, Self::FillDisk);
        let is_of_storage = |fault: &Self| STORAGES.contains(&fault.target());
        let both_end_storage =
            starts_storage(self) && is_of_storage(other) || is_of_storage(self) && starts_storage(other);
        self.target() != other.target() && !both_end_storage
    }

    /// What it keeps busy.
    fn target(&self) -> &'static str {
        match self {
            Self::Kill(name) | Self::Freeze(name) | Self::CutWire(name) => name,
            Self::CutRequests => ALL,
            Self::EmptyRedis => "redis",
            Self::FillDisk => "postgres",
            Self::FalseClock => "worker",
        }
    }
}

/// Every fault there is, those that matter most more than once.
fn deck(has_disk: bool) -> Vec<Fault> {
    let mut deck = Vec::new();
    for room in rooms() {
        deck.extend([Fault::Kill(room), Fault::Freeze(room)]);
    }
    for component in COMPONENTS {
        deck.extend([Fault::Kill(component), Fault::Freeze(component)]);
    }
    deck.extend(["postgres", "s3", "portfolio", "worker"].map(Fault::Kill));
    deck.extend(WIRES.map(Fault::CutWire));
    deck.extend([Fault::CutRequests, Fault::CutRequests, Fault::CutRequests, Fault::EmptyRedis, Fault::EmptyRedis]);
    deck.push(Fault::FalseClock);
    if has_disk {
        deck.extend([Fault::FillDisk, Fault::FillDisk]);
    }
    deck
}

/// So many faults: the deck, shuffled anew each time it is through.
pub(crate) fn draw(count: usize, has_disk: bool, dice: &Dice) -> Vec<Fault> {
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let mut rest = deck(has_disk);
        while !rest.is_empty() && drawn.len() < count {
            drawn.push(rest.swap_remove(dice.below(rest.len())));
        }
    }
    drawn
}

/// The object storages of the first copy and of the second.
const STORAGES: [&str; 2] = ["s3", "s3-replica"];

/// How long a fault lasts at most, and the pause between two.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) longest: Duration,
    pub(crate) pause: Duration,
}

/// Makes one fault after the other, sometimes two at once.
pub(crate) async fn rain(
    stage: &Arc<Stage>,
    faults: &[Fault],
    pace: Pace,
    dice: &Dice,
    say: impl Fn(String),
) -> Result<()> {
    let mut n = 0;
    while n < faults.len() {
        let first = &faults[n];
        let second = faults.get(n + 1).filter(|second| dice.below(4) == 0 && second.may_meet(first));
        match second {
            Some(second) => {
                say(format!("{:>3} {first}, and at once {:>3} {second}", n + 1, n + 2));
                let (one, other) = (hold(first, pace, dice), hold(second, pace, dice));
                let (one, other) = tokio::join!(strike(stage, first, one, dice), strike(stage, second, other, dice));
                one.and(other)?;
                n += 2;
            }
            None => {
                say(format!("{:>3} {first}", n + 1));
                strike(stage, first, hold(first, pace, dice), dice).await?;
                n += 1;
            }
        }
        tokio::time::sleep(dice.between(pace.pause / 10, pace.pause)).await;
    }
    Ok(())
}

fn hold(fault: &Fault, pace: Pace, dice: &Dice) -> Duration {
    let least = Duration::from_millis(200);
    match fault {
        Fault::Freeze(_) | Fault::FalseClock => dice.between(least, pace.longest),
        Fault::Kill(_) => dice.between(Duration::ZERO, pace.longest / 4),
        Fault::FillDisk => dice.between(least, pace.longest / 2),
        Fault::CutRequests | Fault::CutWire(_) | Fault::EmptyRedis => Duration::from_millis(500),
    }
}

async fn strike(stage: &Arc<Stage>, fault: &Fault, hold: Duration, dice: &Dice) -> Result<()> {
    match fault {
        Fault::Kill(name) => {
            let storm = stage.weather.begin(name);
            stage.kill(name).await?;
            tokio::time::sleep(hold).await;
            stage.revive(name).await?;
            stage.weather.end(storm);
        }
        Fault::Freeze(name) => {
            let storm = stage.weather.begin(name);
            stage.freeze(name).await?;
            tokio::time::sleep(hold).await;
            stage.thaw(name).await?;
            stage.weather.end(storm);
        }
        Fault::CutRequests => {
            let storm = stage.weather.begin(ALL);
            stage.front.cut_next(6);
            tokio::time::sleep(Duration::from_secs(2)).await;
            stage.front.cut_no_more();
            stage.weather.end(storm);
        }
        Fault::CutWire(name) => {
            for _ in 0..3 {
                stage.wires[name].cut();
                tokio::time::sleep(hold / 3).await;
            }
        }
        Fault::EmptyRedis => empty(&stage.env["LICHENG_REDIS_URL"]).await?,
        Fault::FillDisk => {
            fill(&stage.data, hold).await?;
            // once its disk was full the storage takes no write until it is started again, whatever room there is;
            // an operator does that on the alarm
            for storage in STORAGES {
                let storm = stage.weather.begin(storage);
                stage.kill(storage).await?;
                stage.revive(storage).await?;
                stage.weather.end(storm);
            }
        }
        Fault::FalseClock => false_clock(stage, hold, dice).await?,
    }
    Ok(())
}

async fn empty(url: &str) -> Result<()> {
    let client = redis::Client::open(url)?;
    let emptied = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await
    };
    // killed or frozen by the other fault of this moment: then it is that one's turn
    drop(tokio::time::timeout(Duration::from_secs(2), emptied).await);
    Ok(())
}

/// Takes every byte that is left, for a while; what others give back meanwhile as well.
async fn fill(data: &Path, hold: Duration) -> Result<()> {
    let filler = data.join("filler");
    let left = Command::new("df").args(["--output=avail", "-BM"]).arg(data).output()?;
    let left =
        String::from_utf8_lossy(&left.stdout).lines().last().unwrap_or_default().trim_matches([' ', 'M']).to_owned();
    let left: u64 = left.parse().with_context(|| format!("df says {left:?}"))?;
    // most of it at once; the rest by writing until there is no more
    let most = format!("{}M", left.saturating_sub(4).max(1));
    drop(Command::new("fallocate").args(["-l", &most]).arg(&filler).stderr(Stdio::null()).status());
    let mut file = File::options().append(true).create(true).open(&filler)?;
    let (begun, mut was_full) = (Instant::now(), false);
    while begun.elapsed() < hold {
        while file.write_all(&[0; 4096]).is_ok() {}
        was_full = true;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(file);
    std::fs::remove_file(&filler)?;
    anyhow::ensure!(was_full, "the disk could not be filled");
    Ok(())
}

/// A worker that thinks it is another time takes the place of the true one.
async fn false_clock(stage: &Arc<Stage>, hold: Duration, dice: &Dice) -> Result<()> {
    let storm = stage.weather.begin("worker");
    stage.kill("worker").await?;
    let offset = format!("{}{}s", if dice.below(2) == 0 { '+' } else { '-' }, 30 + dice.below(540));
    let launch = Launch::new("worker-false-clock", stage.programs.join("licheng")).with(|command| {
        command.args(["serve", "--target", "worker"]).env_remove("LICHENG_DATABASE_ADMIN_URL").envs(&stage.worker_env);
        command.env("LD_PRELOAD", FALSE_CLOCK).env("FAKETIME", &offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    });
    let launch = launch.stopped_by(Stop::Terminate, Duration::from_secs(5));
    if let Ok(mut running) = launch.start(&stage.data) {
        tokio::time::sleep(hold + Duration::from_secs(2)).await;
        running.kill().await?;
    }
    stage.revive("worker").await?;
    stage.weather.end(storm);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Issue 3 §2: "each service, worker, PostgreSQL, Redis, either S3, central database …".
    #[test]
    fn two_hundred_faults_hold_every_fault_there_is() {
        let drawn: BTreeSet<Fault> = draw(200, true, &Dice::new(5)).into_iter().collect();
        let all: BTreeSet<Fault> = deck(true).into_iter().collect();
        assert_eq!(drawn, all);
        assert_eq!(draw(20, true, &Dice::new(5)).len(), 20);
        assert!(!draw(200, false, &Dice::new(5)).contains(&Fault::FillDisk));
    }
}
