//! Our own TCP proxies: in front of the rooms, and between the rooms and what they stand on. A cut ends every
//! connection where it is, in the middle of a body or not.

use crate::dice::Dice;
use anyhow::{Context as _, Result};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The longest head of a request that the front reads.
const LONGEST_HEAD: usize = 64 * 1024;

/// A proxy that passes bytes on until it is told to cut.
#[derive(Clone)]
pub(crate) struct Wire {
    port: u16,
    cut: watch::Sender<u64>,
}

impl Wire {
    /// Begins to listen on a free port, for one upstream.
    pub(crate) async fn to(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let cut = watch::Sender::new(0);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cuts = cuts.subscribe();
                tokio::spawn(pass(client, upstream, cuts));
            }
        });
        Ok(Self { port, cut })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection that is open now.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }
}

async fn pass(mut client: TcpStream, upstream: SocketAddr, mut cuts: watch::Receiver<u64>) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = cuts.changed() => {}
    }
}

/// Where a request goes: templates of paths with the address of the room that answers them.
pub(crate) struct Map(pub(crate) Vec<(String, &'static str, SocketAddr)>);

impl Map {
    /// The room of a path: the template with the most words of its own.
    pub(crate) fn room(&self, path: &str) -> Option<(&'static str, SocketAddr)> {
        let path = path.split('?').next().unwrap_or_default();
        let fitting =
            self.0.iter().filter_map(|(template, room, address)| Some((fit(template, path)?, *room, *address)));
        fitting.max_by_key(|(words, ..)| *words).map(|(_, room, address)| (room, address))
    }
}

/// How many words of a template stand in the path; none: it is another one's path.
fn fit(template: &str, path: &str) -> Option<usize> {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let is_hole = |part: &str| part.starts_with('{');
    let fits = template.len() == path.len()
        && template.iter().zip(&path).all(|(part, word)| if is_hole(part) { !word.is_empty() } else { part == word });
    fits.then(|| template.iter().filter(|part| !is_hole(part)).count())
}

/// What stands before the rooms: one request for each connection, passed on to the room of its path. Like a load
/// balancer without mercy: where the room does not answer, the connection just ends.
#[derive(Clone)]
pub(crate) struct Front {
    cuts: Arc<AtomicUsize>,
    dice: Arc<Dice>,
    map: Arc<Map>,
}

impl Front {
    /// Begins to listen on the application's own address.
    pub(crate) async fn open(address: SocketAddr, map: Arc<Map>, dice: Arc<Dice>) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        let front = Self { cuts: Arc::default(), dice, map };
        let serving = front.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let front = serving.clone();
                tokio::spawn(async move { front.pass(client).await });
            }
        });
        Ok(front)
    }

    /// The next so many requests are cut in the middle, half of them on the way in, half on the way back.
    pub(crate) fn cut_next(&self, requests: usize) {
        self.cuts.fetch_add(requests, Ordering::SeqCst);
    }

    /// Those of the next requests that have not come yet are spared.
    pub(crate) fn cut_no_more(&self) {
        self.cuts.store(0, Ordering::SeqCst);
    }

    async fn pass(&self, mut client: TcpStream) -> Option<()> {
        let (head, rest) = read_head(&mut client).await?;
        let line = head.split("\r\n").next()?;
        let (_, address) = self.map.room(line.split(' ').nth(1)?)?;
        let mut server = TcpStream::connect(address).await.ok()?;
        // one request for each connection: the next one may belong to another room
        let (line, fields) = head.split_once("\r\n")?;
        server.write_all(format!("{line}\r\nConnection: close\r\n{fields}").as_bytes()).await.ok()?;
        let is_cut = self.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let (on_the_way_in, after) = (self.dice.below(2) == 0, self.dice.below(2_000));
        let (upward, downward) = match is_cut {
            false => (usize::MAX, usize::MAX),
            true if on_the_way_in => (after.min(length(fields).saturating_sub(rest.len()) / 2), usize::MAX),
            true => (usize::MAX, after),
        };
        server.write_all(if upward == 0 { &[] } else { &rest }).await.ok()?;
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            _ = some(&mut from_client, &mut to_server, upward) => {}
            _ = some(&mut from_server, &mut to_client, downward) => {}
        }
        Some(())
    }
}

/// Passes on so many bytes and returns then, or when the answer is whole. A client that has no more to say still waits.
async fn some(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), mut most: usize) {
    let mut buffer = vec![0; 16 * 1024];
    while most > 0 {
        let room = most.min(buffer.len());
        let read = match from.read(&mut buffer[..room]).await {
            Ok(read) if read > 0 => read,
            _ if most > usize::MAX / 2 => {
                // the client closed its half only after the answer, or is gone: either way the other half decides
                tokio::time::sleep(Duration::from_millis(50)).await;
                return;
            }
            _ => return,
        };
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        most -= read;
    }
}

/// The declared length of a body.
fn length(fields: &str) -> usize {
    let named = fields.split("\r\n").filter_map(|field| field.split_once(':'));
    let found = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// The head of a request with its empty line, and what came with it.
async fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        let read = client.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        if bytes.len() > LONGEST_HEAD {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_to_the_room_whose_template_says_most() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let map = Map(vec![
            ("/s/{school}/certification/{request}".to_owned(), "certification", address(1)),
            ("/s/{school}/certification/batches".to_owned(), "batches", address(2)),
            ("/s/{school}/home".to_owned(), "portfolio", address(3)),
        ]);
        let room = |path| map.room(path).map(|(room, _)| room);
        assert_eq!(room("/s/343303/certification/7?done=1"), Some("certification"));
        assert_eq!(room("/s/343303/certification/batches"), Some("batches"));
        assert_eq!(room("/s/343303/home"), Some("portfolio"));
        assert_eq!(room("/s//home"), None);
        assert_eq!(room("/elsewhere"), None);
    }

    #[test]
    fn the_length_of_a_body_is_read() {
        assert_eq!(length("host: x\r\nContent-Length: 12\r\n\r\n"), 12);
        assert_eq!(length("host: x\r\n\r\n"), 0);
    }

    #[tokio::test]
    async fn a_cut_ends_what_is_open_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        let wire = Wire::to(upstream).await.unwrap();
        let echo = async |socket: &mut TcpStream| {
            socket.write_all(b"x").await.ok()?;
            socket.read_u8().await.ok()
        };
        let mut first = TcpStream::connect(("127.0.0.1", wire.port())).await.unwrap();
        assert_eq!(echo(&mut first).await, Some(b'x'));
        wire.cut();
        assert_eq!(first.read_u8().await.ok(), None, "what was open is cut");
        let mut second = TcpStream::connect(("127.0.0.1", wire.port())).await.unwrap();
        assert_eq!(echo(&mut second).await, Some(b'x'));
    }
}
