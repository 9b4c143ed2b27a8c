//! What processes cost, read from `/proc`.

use anyhow::{Context as _, Result, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    ops::Add,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Kernel ticks a second on Linux (`USER_HZ`): part of its interface, the same everywhere.
const TICKS: f64 = 100.0;
/// The programs whose CPU counts.
const COUNTED: [&str; 6] = ["licheng", "postgres", "redis-server", "weed", "clamd", "slapd"];
/// The program that measures, apart: its share is not the system's.
const OURSELVES: &str = "generator";

/// The program beside this one.
fn licheng() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name("licheng");
    ensure!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    Ok(program)
}

/// Runs a sub-command to its end, with some variables set otherwise.
///
/// # Errors
/// When it can't be run or fails.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let mut command = Command::new(licheng()?);
    let status = command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "licheng {} ended with {status}", arguments.join(" "));
    Ok(())
}

/// Starts `serve --target all` with some variables set otherwise, its log in a file.
///
/// # Errors
/// When it can't be started.
pub fn serve(log: &Path, variables: &[(&str, &str)]) -> Result<Child> {
    let log = fs::File::create(log)?;
    let mut command = Command::new(licheng()?);
    command.args(["serve", "--target", "all"]).envs(variables.iter().copied()).stdout(Stdio::null()).stderr(log);
    command.spawn().context("starting licheng")
}

/// Resident memory of a process, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    kibibytes(&status, "VmRSS:").map(|kib| kib / 1024).context("no VmRSS")
}

fn kibibytes(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

/// How long is looked at what goes on by itself.
const REST: Duration = Duration::from_secs(4);

/// One process as `/proc/<id>/stat` tells it.
struct Stat {
    id: u32,
    name: String,
    parent: u32,
    seconds: f64,
}

fn stat(folder: &Path) -> Option<Stat> {
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let (id, name) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(Stat {
        id: id.parse().ok()?,
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        seconds: ticks / TICKS,
    })
}

/// The counted processes: those that the runner of the components (our parent) has started, so that others of the same
/// name on the machine don't count; without such a runner, all of them.
fn counted() -> Result<Vec<(&'static str, Stat)>> {
    let mut all: Vec<Stat> = fs::read_dir("/proc")?.filter_map(|entry| stat(&entry.ok()?.path())).collect();
    let ourselves = std::process::id();
    let runner = all.iter().find(|stat| stat.id == ourselves).map_or(1, |stat| stat.parent);
    let mut family = BTreeSet::from([runner]);
    loop {
        let before = family.len();
        family.extend(all.iter().filter(|stat| family.contains(&stat.parent)).map(|stat| stat.id).collect::<Vec<_>>());
        if family.len() == before {
            break;
        }
    }
    let is_runner = all.iter().any(|stat| stat.name == "postgres" && family.contains(&stat.id));
    all.retain(|stat| !is_runner || family.contains(&stat.id));
    let named = all.into_iter().filter_map(|stat| {
        let known = COUNTED.into_iter().find(|name| *name == stat.name);
        let name = if stat.id == ourselves { Some(OURSELVES) } else { known };
        Some((name?, stat))
    });
    Ok(named.collect())
}

/// Memory by program in MiB: what is shared between processes counts once.
///
/// # Errors
/// When `/proc` can't be read.
pub fn memory_by_program() -> Result<BTreeMap<&'static str, u64>> {
    let mut memory = BTreeMap::new();
    for (name, stat) in counted()? {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", stat.id)).unwrap_or_default();
        *memory.entry(name).or_insert(0) += kibibytes(&rollup, "Pss:").unwrap_or(0);
    }
    Ok(memory.into_iter().map(|(name, kib)| (name, kib / 1024)).collect())
}

/// CPU seconds so far of every counted process.
pub struct Programs(BTreeMap<(&'static str, u32), f64>);

impl Programs {
    /// As of now.
    ///
    /// # Errors
    /// When `/proc` can't be read.
    pub fn now() -> Result<Self> {
        Ok(Self(counted()?.into_iter().map(|(name, stat)| ((name, stat.id), stat.seconds)).collect()))
    }

    /// What was spent since then by those that are still there.
    #[must_use]
    pub fn since(&self, before: &Self) -> Cost {
        let mut spent = BTreeMap::new();
        for (process, now) in &self.0 {
            *spent.entry(process.0).or_insert(0.0) += now - before.0.get(process).unwrap_or(&0.0);
        }
        Cost(spent)
    }

    /// What is spent in a second while nobody asks for anything.
    ///
    /// # Errors
    /// When `/proc` can't be read.
    pub async fn at_rest() -> Result<Cost> {
        let before = Self::now()?;
        tokio::time::sleep(REST).await;
        let cost = Self::now()?.since(&before);
        Ok(Cost(cost.0.into_iter().map(|(name, seconds)| (name, seconds / REST.as_secs_f64())).collect()))
    }
}

/// CPU seconds by program.
#[derive(Default)]
pub struct Cost(BTreeMap<&'static str, f64>);

impl Cost {
    /// The share of one of `count` alike.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    pub fn per(&self, count: usize) -> Self {
        Self(self.0.iter().map(|(name, seconds)| (*name, seconds / count.max(1) as f64)).collect())
    }

    /// Without what the same time costs at rest.
    #[must_use]
    pub fn above(mut self, rest: &Self, length: Duration) -> Self {
        for (name, seconds) in &mut self.0 {
            let idle = rest.0.get(name).unwrap_or(&0.0) * length.as_secs_f64();
            *seconds = (*seconds - idle).max(0.0);
        }
        self
    }

    /// All but the program that measures, in milliseconds.
    #[must_use]
    pub fn of_the_system(&self) -> f64 {
        let system = self.0.iter().filter(|(name, _)| **name != OURSELVES);
        system.map(|(_, seconds)| seconds * 1_000.0).sum()
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        for (name, seconds) in other.0 {
            *self.0.entry(name).or_insert(0.0) += seconds;
        }
        self
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} CPU-ms (", self.of_the_system())?;
        for (n, (name, seconds)) in self.0.iter().filter(|(_, seconds)| **seconds > 0.0).enumerate() {
            write!(f, "{}{name} {:.2}", if n > 0 { ", " } else { "" }, seconds * 1_000.0)?;
        }
        f.write_str(")")
    }
}
