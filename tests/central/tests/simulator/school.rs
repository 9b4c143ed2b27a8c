//! A school's file origin: serves workbooks and files, counts who asks, fails and hesitates on demand.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use ring::digest;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

#[derive(Default)]
struct Item {
    bytes: Vec<u8>,
    hits: usize,
    failures_left: usize,
    gate: Option<watch::Receiver<bool>>,
}

type Shelf = Arc<Mutex<HashMap<String, Item>>>;

/// The origin; stops when dropped.
pub(crate) struct School {
    address: SocketAddr,
    shelf: Shelf,
    server: JoinHandle<()>,
}

impl Drop for School {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl School {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Shelf::default();
        let router = Router::new().fallback(serve).with_state(shelf.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shelf, server }
    }

    /// Puts bytes under a path of its own; the answer is the address.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> String {
        let item = Item { bytes: bytes.to_vec(), ..Item::default() };
        self.shelf.lock().unwrap().insert(path.to_owned(), item);
        format!("http://{}{path}", self.address)
    }

    /// Puts a file under its hash, as links are made: `/f/{token}/{sha256}.{ext}`.
    pub(crate) fn file(&self, bytes: &[u8], extension: &str) -> String {
        self.put(&format!("/f/token/{}.{extension}", sha256(bytes)), bytes)
    }

    pub(crate) fn hits(&self, url: &str) -> usize {
        self.shelf.lock().unwrap().get(path(url)).map_or(0, |item| item.hits)
    }

    /// Lets the next requests for this address fail with 503.
    pub(crate) fn fail(&self, url: &str, times: usize) {
        self.shelf.lock().unwrap().get_mut(path(url)).unwrap().failures_left = times;
    }

    pub(crate) fn remove(&self, url: &str) {
        self.shelf.lock().unwrap().remove(path(url));
    }

    /// Holds answers for this address back until `true` is sent.
    pub(crate) fn hold(&self, url: &str) -> watch::Sender<bool> {
        let (open, gate) = watch::channel(false);
        self.shelf.lock().unwrap().get_mut(path(url)).unwrap().gate = Some(gate);
        open
    }
}

fn path(url: &str) -> &str {
    &url[url.find("/f/").unwrap()..]
}

async fn serve(State(shelf): State<Shelf>, uri: Uri) -> Response {
    let gate = {
        let mut shelf = shelf.lock().unwrap();
        let Some(item) = shelf.get_mut(uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
        item.hits += 1;
        if item.failures_left > 0 {
            item.failures_left -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        item.gate.clone()
    };
    if let Some(mut gate) = gate {
        gate.wait_for(|open| *open).await.unwrap();
    }
    shelf.lock().unwrap()[uri.path()].bytes.clone().into_response()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// A document of its own for each number.
pub(crate) fn pdf(number: usize) -> Vec<u8> {
    format!("%PDF-1.7\n% {number}\n%%EOF\n").into_bytes()
}

/// The beginning of an mp4.
pub(crate) fn mp4() -> Vec<u8> {
    b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec()
}
