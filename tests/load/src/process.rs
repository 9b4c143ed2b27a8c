//! What processes cost, read from `/proc`.

use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fmt, fs,
    ops::Add,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Kernel ticks a second on Linux (`USER_HZ`): part of its interface, the same everywhere.
const TICKS: f64 = 100.0;
/// The programs whose CPU counts.
const COUNTED: [&str; 4] = ["licheng", "postgres", "redis-server", "weed"];

/// The program beside this one.
fn licheng() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name("licheng");
    ensure!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    Ok(program)
}

/// Runs a sub-command to its end.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let status = Command::new(licheng()?).args(arguments).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "licheng {} ended with {status}", arguments.join(" "));
    Ok(())
}

/// Starts `serve --target all`, its log in a file.
pub(crate) fn serve(log: &std::path::Path) -> Result<Child> {
    let log = fs::File::create(log)?;
    let mut command = Command::new(licheng()?);
    command
        .args(["serve", "--target", "all"])
        .env("LICHENG_LOG", "warn,sqlx::query=debug")
        .stdout(Stdio::null())
        .stderr(log);
    command.spawn().context("starting licheng")
}

/// Resident memory of a process, in MiB.
pub(crate) fn memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1024)
}

/// CPU seconds so far of every counted program.
pub(crate) struct Programs(BTreeMap<&'static str, f64>);

impl Programs {
    /// As of now. Processes that end in between take their time with them; the servers don't end.
    pub(crate) fn now() -> Result<Self> {
        let mut seconds = BTreeMap::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            let Some((head, tail)) = stat.rsplit_once(')') else { continue };
            let name = head.split_once('(').map_or("", |(_, name)| name);
            let Some(counted) = COUNTED.iter().find(|counted| **counted == name) else { continue };
            let ticks: Vec<f64> =
                tail.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
            *seconds.entry(*counted).or_insert(0.0) += ticks.iter().sum::<f64>() / TICKS;
        }
        Ok(Self(seconds))
    }

    /// What was spent since then.
    pub(crate) fn since(&self, before: &Self) -> Cost {
        let spent = self.0.iter().map(|(name, now)| (*name, now - before.0.get(name).unwrap_or(&0.0)));
        Cost(spent.collect())
    }
}

/// CPU seconds by program.
#[derive(Default)]
pub(crate) struct Cost(BTreeMap<&'static str, f64>);

impl Cost {
    /// The share of one of `count` alike.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    pub(crate) fn per(&self, count: usize) -> Self {
        Self(self.0.iter().map(|(name, seconds)| (*name, seconds / count as f64)).collect())
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
        let milliseconds = |seconds: f64| seconds * 1_000.0;
        write!(f, "{:.2} CPU-ms (", milliseconds(self.0.values().sum()))?;
        for (n, (name, seconds)) in self.0.iter().enumerate() {
            write!(f, "{}{name} {:.2}", if n > 0 { ", " } else { "" }, milliseconds(*seconds))?;
        }
        f.write_str(")")
    }
}
