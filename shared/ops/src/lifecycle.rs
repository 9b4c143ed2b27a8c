//! An orderly life: serve until told to stop, then readiness off, notice, drain, end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header::CONNECTION};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Beyond this many connections new ones wait in the backlog of the kernel.
const MAX_CONNECTIONS: usize = 4096;
/// How long a connection may be idle or a request's head incomplete. Longer than the 60 s for which common proxies
/// keep idle connections, so that it is the proxy that closes.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

type NamedTask = (&'static str, JoinHandle<()>);

/// The state of the process that everything long-lived shares. Clones are the same lifecycle.
#[derive(Clone, Default)]
pub struct Lifecycle {
    /// Asked to stop: readiness off, background tasks finish.
    stopping: CancellationToken,
    /// The notice is over: no new connections, open ones finish their request.
    closing: CancellationToken,
    /// Asked twice: no more patience.
    cutting: CancellationToken,
    tasks: Arc<Mutex<Vec<NamedTask>>>,
    ended_early: Arc<AtomicBool>,
}

/// How long the two steps of a stop may take.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// Requests are still accepted, with readiness off, until load balancers have noticed.
    pub notice: Duration,
    /// Requests and tasks under way may finish; then they are cut.
    pub drain: Duration,
}

/// A stop that was not orderly.
#[derive(Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("unclean stop: {connections} connections and {tasks:?} cut, a background task ended by itself: {ended_early}")]
pub struct Unclean {
    /// Connections that were cut with a request under way.
    pub connections: usize,
    /// Background tasks that were cut.
    pub tasks: Vec<&'static str>,
    /// A background task ended, or panicked, without being told to stop.
    pub ended_early: bool,
}

impl Lifecycle {
    /// A process that has just begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a load balancer should send requests here.
    pub fn accepts_requests(&self) -> bool {
        !self.stopping.is_cancelled()
    }

    /// Fires when the process has been asked to stop; long answers such as event streams end on it.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Asks the process to stop.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Stops on SIGTERM and SIGINT; a second one cuts what is still under way.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub fn stop_on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let lifecycle = self.clone();
        tokio::spawn(async move {
            for token in [&lifecycle.stopping, &lifecycle.cutting] {
                tokio::select! {
                    _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
                    _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
                }
                token.cancel();
            }
        });
        Ok(())
    }

    /// Runs a background task, such as a worker loop, that ends after [`Lifecycle::stopping`] fires. A task that ends
    /// or panics before takes the process down: half a process is worse than a restart.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let end = TaskEnd { name, lifecycle: self.clone() };
        let handle = tokio::spawn(async move {
            let _end = end;
            task.await;
        });
        self.tasks().push((name, handle));
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<NamedTask>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notices the end of a task, also by panic.
struct TaskEnd {
    name: &'static str,
    lifecycle: Lifecycle,
}

impl Drop for TaskEnd {
    fn drop(&mut self) {
        if self.lifecycle.accepts_requests() {
            tracing::error!(task = self.name, "background task ended by itself, stopping");
            self.lifecycle.ended_early.store(true, Ordering::Relaxed);
            self.lifecycle.stop();
        }
    }
}

/// Serves until the lifecycle stops, then takes leave: readiness off, notice, drain, and at last cut.
///
/// Handlers see the peer as `ConnectInfo<SocketAddr>`.
///
/// # Errors
/// [`Unclean`] names what was cut or had ended early; the process should exit with a failure.
pub async fn serve(listener: TcpListener, router: Router, lifecycle: &Lifecycle, grace: Grace) -> Result<(), Unclean> {
    let close_after_notice = async {
        lifecycle.stopping.cancelled().await;
        let _ = tokio::time::timeout(grace.notice, lifecycle.cutting.cancelled()).await;
        lifecycle.closing.cancel();
    };
    let accept = accept(listener, router, lifecycle);
    let (mut connections, ()) = tokio::join!(accept, close_after_notice);

    let mut tasks = std::mem::take(&mut *lifecycle.tasks());
    let drained = async {
        while connections.join_next().await.is_some() {}
        for (_, task) in &mut tasks {
            let _ = task.await;
        }
    };
    tokio::select! {
        biased; // without a drain time, what is done already still counts as done
        () = drained => {}
        () = tokio::time::sleep(grace.drain) => {}
        () = lifecycle.cutting.cancelled() => {}
    }

    tasks.retain(|(_, task)| !task.is_finished());
    tasks.iter().for_each(|(_, task)| task.abort());
    let outcome = Unclean {
        connections: connections.len(),
        tasks: tasks.iter().map(|(name, _)| *name).collect(),
        ended_early: lifecycle.ended_early.load(Ordering::Relaxed),
    };
    match outcome == Unclean::default() {
        true => Ok(()),
        false => Err(outcome),
    }
}

/// Accepts until the lifecycle closes; gives back the connections that are still open.
async fn accept(listener: TcpListener, router: Router, lifecycle: &Lifecycle) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = lifecycle.closing.cancelled() => return connections,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), lifecycle.clone()));
                }
                Err(error) => {
                    // out of file descriptors, mostly: hammering accept() would not help
                    tracing::error!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
}

/// Serves one connection; unlike `axum::serve`, with a time limit for idle connections and slow heads.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, lifecycle: Lifecycle) {
    let _ = stream.set_nodelay(true);
    let Lifecycle { stopping, closing, .. } = lifecycle;
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    // the notice is for this: whoever keeps a connection learns with an answer that it ends, and not when the next
    // request meets a closed one
    let service = service.map_response(move |mut response: Response| {
        if stopping.is_cancelled() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    });
    // HTTP/1.1 only: browsers speak HTTP/2 over TLS, which ends at the proxy; and the detection of the version would
    // wait for ever for the first byte
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    // an error here is the peer's: a reset, a timeout, bytes that are no HTTP
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests;
