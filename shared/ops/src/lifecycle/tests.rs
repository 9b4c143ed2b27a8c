use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::*;

/// A served router with one slow page; `entered` fires when a request is inside, `release` lets it go on.
struct Served {
    address: SocketAddr,
    lifecycle: Lifecycle,
    entered: Arc<Notify>,
    release: Arc<Notify>,
    server: JoinHandle<Result<(), Unclean>>,
}

async fn served(grace: Grace) -> Served {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (entered.clone(), release.clone());
    let slow = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
        signals.0.notify_one();
        signals.1.notified().await;
        format!("done for {}", peer.ip())
    };
    let router = Router::new().route("/slow", get(slow)).route("/quick", get(|| async { "quick" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lifecycle = Lifecycle::new();
    let own = lifecycle.clone();
    let server = tokio::spawn(async move { serve(listener, router, &own, grace).await });
    Served { address, lifecycle, entered, release, server }
}

async fn request(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn grace(notice_seconds: u64, drain_seconds: u64) -> Grace {
    Grace { notice: Duration::from_secs(notice_seconds), drain: Duration::from_secs(drain_seconds) }
}

#[tokio::test]
async fn a_request_under_way_is_finished() {
    let served = served(grace(0, 60)).await;
    let under_way = tokio::spawn(request(served.address, "/slow"));
    served.entered.notified().await;
    served.lifecycle.stop();
    served.lifecycle.closing.cancelled().await;
    assert!(!served.lifecycle.accepts_requests());
    served.release.notify_one();
    let answer = under_way.await.unwrap().unwrap();
    assert!(answer.ends_with("done for 127.0.0.1"), "{answer}");
    assert_eq!(served.server.await.unwrap(), Ok(()));
    assert!(request(served.address, "/quick").await.is_err());
}

#[tokio::test]
async fn during_the_notice_requests_are_still_accepted() {
    let served = served(grace(600, 60)).await;
    served.lifecycle.stop();
    let answer = request(served.address, "/quick").await.unwrap();
    assert!(answer.ends_with("quick"), "{answer}");
    served.lifecycle.cutting.cancel();
    assert_eq!(served.server.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_is_cut_and_counted() {
    let served = served(grace(0, 0)).await;
    let under_way = tokio::spawn(request(served.address, "/slow"));
    served.entered.notified().await;
    served.lifecycle.stop();
    let outcome = served.server.await.unwrap().unwrap_err();
    assert_eq!(outcome.connections, 1);
    let answer = under_way.await.unwrap();
    assert!(!answer.is_ok_and(|text| text.contains("done")));
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let served = served(grace(0, 600)).await;
    let _idle = TcpStream::connect(served.address).await.unwrap();
    served.lifecycle.stop();
    assert_eq!(served.server.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn background_tasks_are_told_and_awaited() {
    let served = served(grace(0, 60)).await;
    let (stopping, finished) = (served.lifecycle.stopping(), Arc::new(AtomicBool::new(false)));
    let flag = finished.clone();
    served.lifecycle.spawn("jobs", async move {
        stopping.cancelled().await;
        tokio::task::yield_now().await;
        flag.store(true, Ordering::Relaxed);
    });
    served.lifecycle.stop();
    assert_eq!(served.server.await.unwrap(), Ok(()));
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_task_that_does_not_listen_is_cut_and_named() {
    let served = served(grace(0, 0)).await;
    served.lifecycle.spawn("deaf", std::future::pending());
    served.lifecycle.stop();
    let outcome = served.server.await.unwrap().unwrap_err();
    assert_eq!(outcome.tasks, ["deaf"]);
}

#[tokio::test]
async fn a_task_that_panics_takes_the_process_down() {
    let served = served(grace(0, 60)).await;
    served.lifecycle.spawn("jobs", async { panic!("as a bug would") });
    let outcome = served.server.await.unwrap().unwrap_err();
    assert!(outcome.ended_early);
}
