//! Child processes: each in a process group of its own, with a log, a record of its start, and a
//! bounded end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::requirements::Account;

/// How often a condition outside this process is looked at while waiting for it.
const GLANCE: Duration = Duration::from_millis(25);
/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(90);
/// How long what was killed may take to be gone: a process in the middle of a write to a disk waits for it.
const DYING: Duration = Duration::from_secs(30);
/// Lines of a log that an error quotes.
const TAIL: usize = 20;

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM: what most servers take as "finish and go".
    Terminate,
    /// SIGINT: PostgreSQL's "fast" shutdown, which does not wait for its clients.
    Interrupt,
}

impl Stop {
    fn signal(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
        }
    }
}

/// A program to start.
#[derive(Debug)]
pub struct Launch {
    name: String,
    command: Command,
    stop: Stop,
    grace: Duration,
}

impl Launch {
    /// A program under a name for its log and its messages.
    pub fn new(name: &str, program: impl AsRef<std::ffi::OsStr>) -> Self {
        Self {
            name: name.to_owned(),
            command: Command::new(program),
            stop: Stop::Terminate,
            grace: Duration::from_secs(5),
        }
    }

    /// Arguments, environment and working folder, as on a [`Command`].
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// The signal that ends it, and how long it may take before it is killed.
    pub fn stopped_by(mut self, stop: Stop, grace: Duration) -> Self {
        self.stop = stop;
        self.grace = grace;
        self
    }

    /// Drops the privileges of root.
    pub(crate) fn run_as(mut self, user: Option<&Account>) -> Self {
        if let Some(user) = user {
            self.command.uid(user.uid).gid(user.gid);
        }
        self
    }

    /// Starts it: output goes to `data/logs/NAME.log`, the record of it to `data/run/NAME.json`.
    ///
    /// # Errors
    /// The program cannot be started, or the folders cannot be written.
    pub fn start(mut self, data: &Path) -> Result<Running> {
        let log_file = data.join("logs").join(format!("{}.log", self.name));
        let record_file = data.join("run").join(format!("{}.json", self.name));
        let log = File::create(&log_file).with_context(|| format!("cannot write {}", log_file.display()))?;
        let (child, record) = self.spawn(log, &record_file)?;
        Ok(Running { launch: self, child, record, record_file, log_file })
    }

    fn spawn(&mut self, log: File, record_file: &Path) -> Result<(Child, Record)> {
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0) // Ctrl-C at the terminal must reach us alone: we end them in order
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        let pid = child.id().context("a child just started has an id")?;
        let record = Record {
            pid,
            started: start_time(pid).unwrap_or_default(),
            stop: self.stop,
            grace_ms: self.grace.as_millis().try_into().unwrap_or(u64::MAX),
        };
        fs::write(record_file, serde_json::to_string(&record)?)?;
        Ok((child, record))
    }
}

/// What is kept on disk about a running child, so that the next start can end it if we could not.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    pid: u32,
    /// Clock ticks since boot at which it started: tells it from a later process of the same id.
    started: u64,
    stop: Stop,
    grace_ms: u64,
}

/// A started program. Dropping it kills its process group; [`Running::stop`] ends it properly.
#[derive(Debug)]
pub struct Running {
    launch: Launch,
    child: Child,
    record: Record,
    record_file: PathBuf,
    log_file: PathBuf,
}

impl Running {
    /// Its name, as in its log's.
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.record.pid
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Errors
    /// The program ended, or the condition did not come about in time; the message quotes the log.
    pub async fn ready(mut self, mut is_ready: impl AsyncFnMut() -> bool) -> Result<Self> {
        let deadline = Instant::now() + START;
        loop {
            if is_ready().await {
                return Ok(self);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}{}", self.launch.name, self.log_tail());
            }
            if Instant::now() > deadline {
                let seconds = START.as_secs();
                bail!("{} is not ready after {seconds} s{}", self.launch.name, self.log_tail());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until it ends by itself, and says how.
    ///
    /// # Errors
    /// The operating system cannot tell.
    pub async fn ended(&mut self) -> Result<std::process::ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// The end of its log, ready to be appended to a message.
    pub fn log_tail(&self) -> String {
        let log = fs::read(&self.log_file).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n  ");
        format!("; the end of {}:\n  {tail}", self.log_file.display())
    }

    /// Whether it has not ended.
    pub fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it and everything it has started, without a warning: what a crash of the machine does to it, but for
    /// what the operating system has already taken over to write.
    ///
    /// # Errors
    /// One of them is still there half a minute later, or the operating system cannot tell that it ended.
    pub async fn kill(&mut self) -> Result<()> {
        let family = self.signal("KILL");
        self.child.wait().await?;
        // the signal is sent to all at once, but each dies in its own time
        let all_gone = until(DYING, || family.iter().all(|id| has_ended(*id))).await;
        if !all_gone {
            bail!("{} is killed, and something it has started is still there", self.launch.name);
        }
        Ok(())
    }

    /// Stops it and everything it has started where they are, until [`Running::thaw`]. Each stands still as soon as
    /// the operating system comes to it.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Starts it once more as it was started, its log going on. Whether it is ready is for the caller to find out.
    ///
    /// # Errors
    /// It has not ended, or cannot be started.
    pub fn start_again(&mut self) -> Result<()> {
        if self.is_up() {
            bail!("{} runs already", self.launch.name);
        }
        let log = File::options().append(true).open(&self.log_file)?;
        (self.child, self.record) = self.launch.spawn(log, &self.record_file)?;
        Ok(())
    }

    /// To all of them in one go: PostgreSQL's processes lead groups of their own, and those left would hold its
    /// memory against the next start. Says whom it reached.
    fn signal(&self, signal: &str) -> Vec<u32> {
        let family = with_descendants(self.record.pid);
        let ids: Vec<String> = family.iter().map(u32::to_string).collect();
        signal_process(signal, &ids.join(" "));
        family
    }

    /// Asks it to end, waits as long as its grace allows, then kills its group.
    pub async fn stop(mut self) {
        signal_process(self.record.stop.signal(), &self.record.pid.to_string());
        let grace = Duration::from_millis(self.record.grace_ms);
        // an error of wait means that there is nothing left to wait for
        let _ended = tokio::time::timeout(grace, self.child.wait()).await;
        // Drop kills what is left of the group
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        signal_process("KILL", &format!("-{}", self.record.pid));
        let _already_gone = fs::remove_file(&self.record_file);
    }
}

/// Ends what a previous run left behind in this data folder, and says the names of it.
///
/// # Errors
/// The folder of records cannot be read.
pub(crate) async fn end_stale(data: &Path) -> Result<Vec<String>> {
    let mut ended = Vec::new();
    for entry in fs::read_dir(data.join("run"))? {
        let path = entry?.path();
        let record = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Record>(&text).ok());
        if let Some(record) = record
            && is_alive(&record)
        {
            signal_process(record.stop.signal(), &record.pid.to_string());
            let grace = Duration::from_millis(record.grace_ms);
            if !until(grace, || !is_alive(&record)).await {
                signal_process("KILL", &format!("-{}", record.pid));
                until(DYING, || !is_alive(&record)).await;
            }
            let name = path.file_stem().unwrap_or_default();
            ended.push(name.to_string_lossy().into_owned());
        }
        fs::remove_file(&path)?;
    }
    Ok(ended)
}

fn is_alive(record: &Record) -> bool {
    start_time(record.pid) == Some(record.started)
}

/// Waits until something is so, for as long as `limit`, and says whether it is.
async fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(GLANCE).await;
    }
    true
}

/// Field 22 of `/proc/PID/stat`: when the process started, in clock ticks since boot.
fn start_time(pid: u32) -> Option<u64> {
    let stat = Stat::of(pid)?;
    if stat.state() == Some('Z') {
        return None; // ended, only not yet collected by its parent
    }
    stat.field(22)?.parse().ok()
}

fn has_ended(pid: u32) -> bool {
    Stat::of(pid).is_none_or(|stat| stat.state() == Some('Z'))
}

/// `/proc/PID/stat` of a process. Its second field is the program's name in parentheses and may hold anything, so
/// counting begins after it.
struct Stat(String);

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self(stat[stat.rfind(')')? + 1..].to_owned()))
    }

    /// As numbered in the manual of `proc`, from 3 on.
    fn field(&self, number: usize) -> Option<&str> {
        self.0.split_ascii_whitespace().nth(number.checked_sub(3)?)
    }

    /// `R`, `S`, `T` for stopped, `Z` for ended but not yet collected by its parent.
    fn state(&self) -> Option<char> {
        self.field(3)?.chars().next()
    }
}

/// A process and all that it and its children have started.
fn with_descendants(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pairs: Vec<(u32, u32)> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let mut family = vec![pid];
    let mut known = 0;
    while known < family.len() {
        let of = family[known];
        family.extend(pairs.iter().filter(|(_, parent)| *parent == of).map(|(id, _)| *id));
        known += 1;
    }
    family
}

fn parent(pid: u32) -> Option<u32> {
    Stat::of(pid)?.field(4)?.parse().ok()
}

/// The shell's own `kill`: sending a signal from Rust would take `unsafe` or one more crate. Several targets are
/// separated by spaces.
fn signal_process(signal: &str, targets: &str) {
    let _already_gone =
        std::process::Command::new("sh").args(["-c", r#"kill -s "$0" -- $1 2>/dev/null"#, signal, targets]).status();
}

/// Waits for Ctrl-C, or for SIGTERM or SIGHUP from whoever started us.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn until_interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// Whether somebody accepts connections on a loopback port.
pub async fn accepts_connections(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("local-{name}-{}", std::process::id()));
        for inner in ["logs", "run"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
        }
        folder
    }

    fn shell(name: &str, script: &str, grace: Duration) -> Launch {
        Launch::new(name, "sh")
            .with(|command| {
                command.args(["-c", script]);
            })
            .stopped_by(Stop::Terminate, grace)
    }

    /// Issue 3 §2: what the fault campaign does to every component.
    #[tokio::test]
    async fn a_family_is_frozen_thawed_killed_and_started_again() {
        let data = folder("family");
        let log = data.join("logs/family.log");
        let said = |times: usize| {
            fs::read_to_string(&log)
                .is_ok_and(|text| text.lines().filter(|line| line.starts_with("child")).count() >= times)
        };
        // the child leads a group of its own, as PostgreSQL's do
        let script = "setsid sh -c 'echo child $$; while :; do sleep 0.1; done' & wait";
        let running = shell("family", script, Duration::from_millis(50)).start(&data).unwrap();
        let mut running = running.ready(async || said(1)).await.unwrap();
        let is_stopped = |pid: u32| Stat::of(pid).and_then(|stat| stat.state()) == Some('T');
        let soon = DYING;
        let child: u32 = fs::read_to_string(&log).unwrap()["child ".len()..].trim().parse().unwrap();
        running.freeze();
        assert!(until(soon, || is_stopped(child)).await, "children are frozen as well");
        assert!(running.start_again().is_err(), "what is frozen runs");
        running.thaw();
        assert!(until(soon, || !is_stopped(child)).await, "and thawed");
        running.kill().await.unwrap();
        assert!(!running.is_up());
        assert!(has_ended(child), "no child survives");
        running.start_again().unwrap();
        let mut running = running.ready(async || said(2)).await.unwrap();
        assert!(running.is_up());
        running.kill().await.unwrap();
        fs::remove_dir_all(data).unwrap();
    }

    #[tokio::test]
    async fn what_ignores_the_signal_is_killed_after_its_grace() {
        let data = folder("grace");
        let stubborn = shell("stubborn", "trap '' TERM; echo up; while :; do sleep 1; done", Duration::from_millis(50));
        let log = data.join("logs/stubborn.log");
        let running = stubborn
            .start(&data)
            .unwrap()
            .ready(async || fs::read_to_string(&log).is_ok_and(|text| text.contains("up")))
            .await
            .unwrap();
        let record = running.record.clone();
        assert!(is_alive(&record));
        running.stop().await;
        assert!(until(DYING, || !is_alive(&record)).await);
        fs::remove_dir_all(data).unwrap();
    }

    #[tokio::test]
    async fn a_program_that_ends_before_it_is_ready_is_reported_with_its_log() {
        let data = folder("tail");
        let failing = shell("failing", "echo no disk; exit 3", Duration::from_secs(1));
        let error = failing.start(&data).unwrap().ready(async || false).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("no disk"), "{error}");
        fs::remove_dir_all(data).unwrap();
    }

    #[tokio::test]
    async fn a_leftover_of_a_previous_run_is_ended() {
        let data = folder("stale");
        let running = shell("left", "exec sleep 600", Duration::from_secs(5)).start(&data).unwrap();
        // the process with this id has another start time, so it is somebody else's
        let foreign = Record { pid: std::process::id(), started: 1, ..running.record.clone() };
        let foreign = serde_json::to_string(&foreign).unwrap();
        fs::write(data.join("run/foreign.json"), foreign).unwrap();

        assert_eq!(end_stale(&data).await.unwrap(), ["left"]);
        assert!(!is_alive(&running.record));
        assert_eq!(fs::read_dir(data.join("run")).unwrap().count(), 0);
        drop(running);
        fs::remove_dir_all(data).unwrap();
    }
}
