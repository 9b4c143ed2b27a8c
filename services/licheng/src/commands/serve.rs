//! `licheng serve --target …`: the processes of the house.

use crate::{
    House, scrub,
    targets::{TARGETS, assemble},
};
use anyhow::{Context as _, Result, ensure};
use blob::{Part, Vault};
use kernel::clock::Clock;
use ops::{
    config::Config,
    health::{self, Check},
    lifecycle::{self, Grace, Lifecycle},
    telemetry::Telemetry,
};
use redis::aio::ConnectionManager;
use std::{sync::Arc, time::Duration};
use store::{
    Db, chain,
    jobs::{JobError, Periodic},
    worker::Worker,
};
use tokio::{net::TcpListener, sync::watch};

/// How long a dependency may take to answer `/readyz`.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pace at which the process's clock is compared with the database's.
const CLOCK_EVERY: Duration = Duration::from_secs(10);
/// The pace at which new audit rows are sealed.
const SEAL_EVERY: Duration = Duration::from_secs(10);
/// The pace at which coming audit partitions are made.
const PARTITION_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What to serve.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// identity, school, portfolio, certification, counseling, submission, bureau, worker, or all.
    #[arg(long, default_value = "all")]
    target: String,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(options: Options) -> Result<()> {
    let config = Config::from_env()?;
    let telemetry = Telemetry::start(&config.telemetry, &options.target)?;
    let lifecycle = Lifecycle::new();
    lifecycle.stop_on_signals()?;
    let served = serve(config, &options.target, &lifecycle, &telemetry).await;
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    served
}

async fn serve(config: Config, target: &str, lifecycle: &Lifecycle, telemetry: &Telemetry) -> Result<()> {
    let known = ["all", "worker"].contains(&target) || TARGETS.iter().any(|room| room.name == target);
    ensure!(known, "there is no target {target:?}");
    let house = House::build(config, Clock::common())?;
    let gate = gatekeeper(&house, target)?;
    refuse_unknown_schema(&gate).await?;
    keep_time(&gate, &house.clock, lifecycle).await?;
    let is_worker = matches!(target, "all" | "worker");
    // a worker alone answers no pages, but works the jobs of every room
    let assembled = assemble(&house, |room| is_worker || room == target)?;
    if is_worker {
        work(&house, lifecycle, assembled.jobs, assembled.periodic).await?;
    }
    let pages = if target == "worker" { assemble(&house, |_| false)?.router } else { assembled.router };
    let router = health::router(lifecycle, checks(&house, gate), telemetry.prometheus()).merge(pages);
    let http = &house.config.http;
    let listener = TcpListener::bind(http.listen).await.with_context(|| format!("listening on {}", http.listen))?;
    tracing::info!(target, address = %http.listen, "serving");
    lifecycle::serve(listener, router, lifecycle, Grace { notice: http.notice, drain: http.drain }).await?;
    Ok(())
}

/// The pool by which this process asks for the schema's version and its database's health.
fn gatekeeper(house: &House, target: &str) -> Result<Db> {
    house.db(if target == "all" { "worker" } else { target })
}

/// A process that meets another schema than its own would write what others can't read. One that was only expanded will
/// do: during a deploy an old process may start too, and a release can be taken back without its migrations.
async fn refuse_unknown_schema(db: &Db) -> Result<()> {
    let found = db.migrations().await.context("asking the database for its migrations")?;
    Ok(store::migrate::fits(&found)?)
}

/// The first comparison comes before anything is done, so that nothing bears a false time.
async fn keep_time(db: &Db, clock: &Clock, lifecycle: &Lifecycle) -> Result<()> {
    db.put_right(clock).await.context("asking the database for the time")?;
    let clocks = Arc::new((db.clone(), clock.clone()));
    let round = Periodic::new("clock.put_right", CLOCK_EVERY, &clocks, |clocks: Arc<(Db, Clock)>| async move {
        clocks.0.put_right(&clocks.1).await.map_err(JobError::from)
    });
    let stop = stop_signal(lifecycle);
    lifecycle.spawn(round.name, async move { round.run(stop).await });
    Ok(())
}

async fn work(
    house: &House,
    lifecycle: &Lifecycle,
    jobs: Vec<store::jobs::JobHandler>,
    mut periodic: Vec<Periodic>,
) -> Result<()> {
    let db = house.db("worker")?;
    let stop = stop_signal(lifecycle);
    let redis = redis_connection(house)?;
    let consumer = format!("worker-{}", uuid::Uuid::new_v4());
    let worker = Worker::new(db.clone(), redis, house.clock.clone(), jobs, consumer);
    let worker_stop = stop.clone();
    lifecycle.spawn("worker", async move { worker.run(worker_stop).await });
    periodic.extend(own_rounds(db, house.vault.clone(), house.clock.clone()));
    for round in periodic {
        let stop = stop.clone();
        lifecycle.spawn(round.name, async move { round.run(stop).await });
    }
    Ok(())
}

fn redis_connection(house: &House) -> Result<ConnectionManager> {
    let client = redis::Client::open(house.config.redis.url.expose()).context("LICHENG_REDIS_URL")?;
    Ok(ConnectionManager::new_lazy_with_config(client, redis::aio::ConnectionManagerConfig::new())?)
}

/// What the worker does for the house as a whole.
pub fn own_rounds(db: Db, vault: Vault, clock: Clock) -> Vec<Periodic> {
    let sealer = Arc::new((db.clone(), clock.clone()));
    let [scrub, measure] = scrub::rounds(db.clone(), vault, clock.clone());
    vec![
        scrub,
        measure,
        bureau::recount(db.clone(), clock.clone()),
        bureau::deadlines(db.clone(), clock.clone()),
        bureau::dispatch(db, clock),
        Periodic::new("audit.seal", SEAL_EVERY, &sealer, |house: Arc<(Db, Clock)>| async move {
            chain::seal(&house.0, &house.1).await.map(|_| ()).map_err(JobError::from)
        }),
        Periodic::new("audit.partitions", PARTITION_EVERY, &sealer, |house: Arc<(Db, Clock)>| async move {
            store::audit::ensure_partitions(&house.0).await.map_err(JobError::from)
        }),
    ]
}

/// The lifecycle's token as the loops of `store` understand it.
fn stop_signal(lifecycle: &Lifecycle) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let stopping = lifecycle.stopping();
    tokio::spawn(async move {
        stopping.cancelled().await;
        let _ = sender.send(true);
    });
    receiver
}

fn checks(house: &House, db: Db) -> Vec<Check> {
    let web = house.web.clone();
    let storage = |name, part: Part| {
        let vault = house.vault.clone();
        Check::new(name, PATIENCE, move || {
            let vault = vault.clone();
            async move { Ok(vault.check(part).await?) }
        })
    };
    vec![
        Check::new("database", PATIENCE, move || {
            let db = db.clone();
            async move { Ok(db.ping().await?) }
        }),
        Check::new("redis", PATIENCE, move || {
            let mut redis = web.redis();
            async move { Ok(redis::cmd("PING").query_async::<()>(&mut redis).await?) }
        }),
        storage("storage", Part::Primary),
        storage("replica", Part::Replica),
        storage("scanner", Part::Scanner),
    ]
}
