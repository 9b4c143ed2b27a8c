//! What is played with: the components, the rooms as processes of their own, the wires between them, and somebody who
//! starts again whatever has died, as a container's supervisor does.

use crate::dice::Dice;
use crate::wire::{Front, Map, Wire};
use anyhow::{Context as _, Result, ensure};
use kernel::clock::Clock;
use licheng::{
    House,
    targets::{TARGETS, assemble},
};
use local::{City, Components, Launch, Options, Progress, Running, Stop, accepts_connections};
use ops::config::Config;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long after a fault a request that began before its end may still fail for it.
const AFTERMATH: Duration = Duration::from_secs(1);
/// Between two looks of the supervisor.
const GLANCE: Duration = Duration::from_millis(150);
/// How large the disk of the campaign is: enough for hours, and small enough to be filled at once.
const DISK: &str = "2g";
/// The part of the house that a cut at the front concerns.
pub(crate) const ALL: &str = "all";

/// When an answer may be missing: while the process that gives it was killed or frozen, or the connection cut.
#[derive(Default)]
pub(crate) struct Weather {
    storms: Mutex<Vec<Storm>>,
    map: Option<Arc<Map>>,
}

struct Storm {
    room: String,
    until: Option<Instant>,
}

impl Weather {
    /// Something begins that people may notice at this room; gives its number.
    pub(crate) fn begin(&self, room: &str) -> usize {
        let mut storms = self.storms.lock().expect("nobody panics while holding it");
        storms.push(Storm { room: room.to_owned(), until: None });
        storms.len() - 1
    }

    /// It is over.
    pub(crate) fn end(&self, storm: usize) {
        let mut storms = self.storms.lock().expect("nobody panics while holding it");
        storms[storm].until = Some(Instant::now() + AFTERMATH);
    }

    /// Whether a request to this path that began then may have been lost.
    pub(crate) fn excuses(&self, path: &str, begun: Instant) -> bool {
        let room = self.map.as_ref().and_then(|map| map.room(path)).map(|(room, _)| room);
        let storms = self.storms.lock().expect("nobody panics while holding it");
        let concerns = |storm: &&Storm| storm.room == ALL || Some(storm.room.as_str()) == room;
        storms.iter().filter(concerns).any(|storm| storm.until.is_none_or(|until| until >= begun))
    }
}

/// Everything that runs.
pub(crate) struct Stage {
    inner: tokio::sync::Mutex<Inner>,
    ports: Vec<(&'static str, SocketAddr)>,
    /// Rooms that ended without being killed.
    pub(crate) fallen: AtomicU64,
    pub(crate) weather: Arc<Weather>,
    pub(crate) front: Front,
    pub(crate) wires: BTreeMap<&'static str, Wire>,
    /// The variables that the components gave, without any wire: for the reader.
    pub(crate) env: BTreeMap<String, String>,
    /// Those of the worker, with the wires.
    pub(crate) worker_env: BTreeMap<String, String>,
    pub(crate) data: PathBuf,
    pub(crate) programs: PathBuf,
    /// Whether the data folder is a small disk of its own.
    pub(crate) has_disk: bool,
}

struct Inner {
    components: Components,
    rooms: Vec<Running>,
    /// Deliberately down.
    down: BTreeSet<String>,
}

impl Inner {
    fn all(&mut self) -> impl Iterator<Item = &mut Running> {
        self.components.running().iter_mut().chain(&mut self.rooms)
    }

    fn find(&mut self, name: &str) -> Result<&mut Running> {
        self.all().find(|running| running.name() == name).with_context(|| format!("there is no {name}"))
    }
}

/// The rooms' names: with the worker as many processes.
pub(crate) fn rooms() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|target| target.name).chain(["worker"])
}

impl Stage {
    /// Brings up components, city, rooms and wires in a new data folder.
    pub(crate) async fn build(options: &Options, progress: &Progress) -> Result<Arc<Self>> {
        let has_disk = mount(&options.data);
        if !has_disk {
            progress.say("no small disk can be mounted here (that takes root), so none is filled");
        }
        let mut components = Components::up(options, progress).await?;
        let city = City::new(&options.programs, progress)?;
        city.migrate(&components).await?;
        city.seed(&mut components).await?;
        let env = components.env();
        let wires = wires(&env).await?;
        let own = with_wires(&env, &wires)?;
        let ports = addresses().await?;
        let map = Arc::new(map(&env, &ports)?);
        let weather = Arc::new(Weather { map: Some(Arc::clone(&map)), ..Weather::default() });
        let listen: SocketAddr = env.get("LICHENG_LISTEN").context("no address for the front")?.parse()?;
        let front = Front::open(listen, map, Arc::new(Dice::new(1))).await?;
        let data = components.data().to_owned();
        let mut rooms = Vec::new();
        for (name, address) in &ports {
            rooms.push(launch(&options.programs, name, *address, &own)?.start(&data)?);
        }
        let inner = tokio::sync::Mutex::new(Inner { components, rooms, down: BTreeSet::new() });
        let worker = *ports.iter().find(|(name, _)| *name == "worker").map(|(_, address)| address).expect("a worker");
        let mut worker_env = own;
        worker_env.insert("LICHENG_LISTEN".to_owned(), worker.to_string());
        let stage = Self {
            inner,
            ports,
            fallen: AtomicU64::new(0),
            weather,
            front,
            wires,
            env,
            worker_env,
            data,
            programs: options.programs.clone(),
            has_disk,
        };
        for (name, address) in &stage.ports {
            stage.serving(name, *address).await?;
        }
        Ok(Arc::new(stage))
    }

    async fn serving(&self, name: &str, address: SocketAddr) -> Result<()> {
        for _ in 0..600 {
            if accepts_connections(address.port()).await {
                return Ok(());
            }
            if !self.inner.lock().await.find(name)?.is_up() {
                break;
            }
            tokio::time::sleep(GLANCE).await;
        }
        let tail = self.inner.lock().await.find(name)?.log_tail();
        anyhow::bail!("{name} does not serve{tail}")
    }

    /// Starts again what has died, for ever.
    pub(crate) async fn supervise(self: Arc<Self>) {
        loop {
            tokio::time::sleep(GLANCE).await;
            let mut inner = self.inner.lock().await;
            let down = inner.down.clone();
            for running in inner.all() {
                if running.is_up() || down.contains(running.name()) {
                    continue;
                }
                if rooms().any(|room| room == running.name()) {
                    self.fallen.fetch_add(1, Ordering::Relaxed);
                }
                // a full disk, or memory that the old one still holds: it is tried again
                let _later = running.start_again();
            }
        }
    }

    /// Kills and keeps it down.
    pub(crate) async fn kill(&self, name: &str) -> Result<()> {
        let mut inner = self.inner.lock().await;
        inner.down.insert(name.to_owned());
        inner.find(name)?.kill().await
    }

    /// Starts it again and waits until it stands, as far as that can be seen from outside.
    pub(crate) async fn revive(&self, name: &str) -> Result<()> {
        for _ in 0..400 {
            let mut inner = self.inner.lock().await;
            let running = inner.find(name)?;
            let stood = running.is_up() || running.start_again().is_ok();
            drop(inner);
            tokio::time::sleep(Duration::from_millis(300)).await;
            // a room that starts while the database is away ends, and is started again
            let port = self.ports.iter().find(|(room, _)| *room == name).map(|(_, address)| address.port());
            let serves = match port {
                Some(port) => accepts_connections(port).await,
                None => true,
            };
            let mut inner = self.inner.lock().await;
            if stood && serves && inner.find(name)?.is_up() {
                inner.down.remove(name);
                return Ok(());
            }
        }
        anyhow::bail!("{name} does not come up again")
    }

    pub(crate) async fn freeze(&self, name: &str) -> Result<()> {
        self.inner.lock().await.find(name)?.freeze();
        Ok(())
    }

    pub(crate) async fn thaw(&self, name: &str) -> Result<()> {
        self.inner.lock().await.find(name)?.thaw();
        Ok(())
    }

    /// Ends everything, and gives the disk back.
    pub(crate) async fn end(self: Arc<Self>) -> Result<()> {
        let data = self.data.clone();
        let has_disk = self.has_disk;
        let mut inner = self.inner.lock().await;
        let everything: Vec<String> = rooms().map(str::to_owned).collect();
        inner.down.extend(everything);
        for room in &mut inner.rooms {
            room.kill().await?;
        }
        for component in inner.components.running() {
            component.kill().await?;
        }
        drop(inner);
        if has_disk {
            // the components' last records are written while they are dropped
            drop(Command::new("umount").arg("--lazy").arg(&data).status());
        }
        Ok(())
    }
}

/// A small disk over the data folder; not where we are nobody special.
fn mount(data: &Path) -> bool {
    if std::fs::create_dir_all(data).is_err() {
        return false;
    }
    // what a killed campaign has left
    while is_mounted(data) {
        if !Command::new("umount").arg("--lazy").arg(data).status().is_ok_and(|status| status.success()) {
            return false;
        }
    }
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={DISK},mode=0755"), "tmpfs"]).arg(data);
    mount.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
}

fn is_mounted(data: &Path) -> bool {
    let Ok(data) = data.canonicalize() else { return false };
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1) == data.to_str())
}

async fn wires(env: &BTreeMap<String, String>) -> Result<BTreeMap<&'static str, Wire>> {
    let mut wires = BTreeMap::new();
    for (name, variable) in [
        ("database", "LICHENG_DATABASE_URL"),
        ("redis", "LICHENG_REDIS_URL"),
        ("first copy", "LICHENG_S3_ENDPOINT"),
        ("second copy", "LICHENG_S3_REPLICA_ENDPOINT"),
        ("uploads", "LICHENG_S3_ENDPOINT"),
        ("scanner", "LICHENG_CLAMD_ADDRESS"),
    ] {
        let value = env.get(variable).with_context(|| format!("no {variable}"))?;
        let upstream = SocketAddr::from(([127, 0, 0, 1], port_of(value).context("an address without a port")?));
        wires.insert(name, Wire::to(upstream).await?);
    }
    Ok(wires)
}

/// The number between the last colon that is followed by digits and what comes then.
pub(crate) fn port_of(url: &str) -> Option<u16> {
    let digits = url.rsplit(':').next()?.split('/').next()?;
    digits.parse().ok()
}

/// The rooms' variables: every way to a component leads over its wire, and nobody holds the owner's login.
fn with_wires(
    env: &BTreeMap<String, String>,
    wires: &BTreeMap<&'static str, Wire>,
) -> Result<BTreeMap<String, String>> {
    let mut own = env.clone();
    own.remove("LICHENG_DATABASE_ADMIN_URL");
    own.insert("LICHENG_S3_PUBLIC_ENDPOINT".to_owned(), env["LICHENG_S3_ENDPOINT"].clone());
    for (variable, wire) in [
        ("LICHENG_DATABASE_URL", "database"),
        ("LICHENG_REDIS_URL", "redis"),
        ("LICHENG_S3_ENDPOINT", "first copy"),
        ("LICHENG_S3_REPLICA_ENDPOINT", "second copy"),
        ("LICHENG_S3_PUBLIC_ENDPOINT", "uploads"),
        ("LICHENG_CLAMD_ADDRESS", "scanner"),
    ] {
        let value = own.get_mut(variable).with_context(|| format!("no {variable}"))?;
        let port = port_of(value).context("a port")?;
        *value = value.replace(&format!(":{port}"), &format!(":{}", wires[wire].port()));
    }
    for (variable, value) in [
        ("LICHENG_DEMO", "true"),
        ("LICHENG_DATABASE_POOL", "6"),
        // everybody comes from one address, and a student does in a minute what others do in a year
        ("LICHENG_LOGIN_RATE", "100000"),
        ("LICHENG_UPLOAD_RATE", "100000"),
    ] {
        own.insert(variable.to_owned(), value.to_owned());
    }
    Ok(own)
}

async fn addresses() -> Result<Vec<(&'static str, SocketAddr)>> {
    let mut held = Vec::new();
    for name in rooms() {
        held.push((name, tokio::net::TcpListener::bind("127.0.0.1:0").await?));
    }
    held.iter().map(|(name, listener)| Ok((*name, listener.local_addr()?))).collect()
}

/// Which room answers which path, as the program itself says.
fn map(env: &BTreeMap<String, String>, ports: &[(&'static str, SocketAddr)]) -> Result<Map> {
    let config = Config::from_lookup(&|name: &str| env.get(name).cloned())?;
    let house = House::build(config, Clock::System)?;
    let mut map = Vec::new();
    for (name, address) in ports.iter().filter(|(name, _)| *name != "worker") {
        for route in assemble(&house, |room| room == *name)?.routes {
            map.push((route.path.to_owned(), *name, *address));
        }
    }
    ensure!(map.len() > 50, "the rooms have routes");
    Ok(Map(map))
}

fn launch(programs: &Path, room: &str, address: SocketAddr, env: &BTreeMap<String, String>) -> Result<Launch> {
    let program = programs.join("licheng");
    ensure!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    let launch = Launch::new(room, program).with(|command| {
        command.args(["serve", "--target", room]).env_remove("LICHENG_DATABASE_ADMIN_URL").envs(env);
        command.env("LICHENG_LISTEN", address.to_string());
    });
    Ok(launch.stopped_by(Stop::Terminate, Duration::from_secs(25)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_addresses() {
        assert_eq!(port_of("postgres://{role}:secret@127.0.0.1:5432/licheng"), Some(5432));
        assert_eq!(port_of("redis://:secret@127.0.0.1:6379/0"), Some(6379));
        assert_eq!(port_of("127.0.0.1:3310"), Some(3310));
        assert_eq!(port_of("https://s3.example"), None);
    }

    #[test]
    fn only_a_storm_at_the_right_room_excuses() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let map = Map(vec![("/a".to_owned(), "a", address), ("/b".to_owned(), "b", address)]);
        let weather = Weather { map: Some(Arc::new(map)), ..Weather::default() };
        let begun = Instant::now();
        assert!(!weather.excuses("/a", begun));
        let storm = weather.begin("a");
        assert!(weather.excuses("/a", begun) && !weather.excuses("/b", begun));
        weather.end(storm);
        assert!(weather.excuses("/a", begun), "it began before the end");
        assert!(!weather.excuses("/a", Instant::now() + 2 * AFTERMATH));
    }
}
