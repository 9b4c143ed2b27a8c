//! Starts and stops the simulator.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};

use crate::{api, faults::Faults, jobs::Jobs, library::Library, receipt::Passwords, runner};

/// Jobs that work at the same time; each downloads its files one by one.
const JOBS_AT_ONCE: usize = 4;

/// What a simulator is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of its state; a simulator started on it again resumes its jobs.
    pub data: PathBuf,
    /// Bearer key of the callers; none = open.
    pub key: Option<String>,
    /// Fault: wait before each download.
    pub slow: Duration,
    /// Fault: every Nth download attempt and every Nth API request fails; 0 = none.
    pub fail_every: u32,
    /// Pause before the first retry of a download; doubled for each next one.
    pub backoff: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: PathBuf::from("central-data"),
            key: None,
            slow: Duration::ZERO,
            fail_every: 0,
            backoff: Duration::from_millis(250),
        }
    }
}

/// Everything a request or a job of one simulator works with.
pub(crate) struct Central {
    pub(crate) key: Option<String>,
    pub(crate) jobs: Jobs,
    pub(crate) library: Library,
    pub(crate) passwords: Passwords,
    pub(crate) faults: Faults,
    pub(crate) http: reqwest::Client,
    pub(crate) backoff: Duration,
    pub(crate) slots: Semaphore,
    pub(crate) queue: mpsc::UnboundedSender<String>,
}

/// A simulator at work; dropping it stops it at once, as a kill would.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Makes *ring* the provider of TLS for this process; calling it again does nothing.
pub fn install_crypto() {
    // an error says that a provider is installed already, which is all we want
    let _already = rustls::crypto::ring::default_provider().install_default();
}

/// Starts a simulator and resumes the jobs found in its data folder.
///
/// # Errors
/// When the data folder can't be read or written, or the address can't be bound.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let data = &config.data;
    std::fs::create_dir_all(data).with_context(|| format!("creating the data folder {}", data.display()))?;
    let (queue, waiting) = mpsc::unbounded_channel();
    let central = Arc::new(Central {
        key: config.key,
        jobs: Jobs::open(&data.join("jobs")).context("reading the jobs")?,
        library: Library::open(data).context("opening the files")?,
        passwords: Passwords::open(&data.join("secret")).context("reading the secret")?,
        faults: Faults::new(config.slow, config.fail_every),
        http: reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()?,
        backoff: config.backoff,
        slots: Semaphore::new(JOBS_AT_ONCE),
        queue,
    });
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr()?;
    for id in central.jobs.unfinished() {
        central.enqueue(id);
    }
    let dispatcher = tokio::spawn(dispatch(central.clone(), waiting));
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, api::router(central)).await {
            eprintln!("central: the server stopped: {error}");
        }
    });
    Ok(Running { address, tasks: [dispatcher, server] })
}

/// Runs each waiting job in a task of its own; aborting the dispatcher aborts them all.
async fn dispatch(central: Arc<Central>, mut waiting: mpsc::UnboundedReceiver<String>) {
    let mut at_work = JoinSet::new();
    loop {
        tokio::select! {
            Some(id) = waiting.recv() => { at_work.spawn(runner::run(central.clone(), id)); }
            Some(_) = at_work.join_next() => {}
            else => return,
        }
    }
}

impl Central {
    /// Has a job worked on as soon as there is room.
    pub(crate) fn enqueue(&self, id: String) {
        // fails only when the dispatcher is gone, i.e. while stopping; the next start resumes the job
        let _stopping = self.queue.send(id);
    }
}

/// Milliseconds since 1970, the only clock of the simulator.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
