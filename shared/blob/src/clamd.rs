//! The virus scanner, asked over TCP (`clamd`, command INSTREAM).

use crate::error::{BlobError, Part};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const CHUNK: usize = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(30);
/// No answer of clamd is longer.
const LONGEST_ANSWER: u64 = 4096;

/// What the scanner says of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Clean,
    /// With the name of the signature.
    Infected(String),
}

/// Has the bytes scanned; anything but a clear verdict is "away".
pub(crate) async fn scan(address: &str, bytes: &[u8]) -> Result<Verdict, BlobError> {
    let answer = ask(address, b"zINSTREAM\0", Some(bytes)).await?;
    match answer.strip_prefix("stream: ") {
        Some("OK") => Ok(Verdict::Clean),
        Some(found) if found.ends_with(" FOUND") => Ok(Verdict::Infected(found.trim_end_matches(" FOUND").to_owned())),
        _ => Err(BlobError::away(Part::Scanner, format!("unexpected answer {answer:?}"))),
    }
}

/// Whether the scanner answers.
pub(crate) async fn ping(address: &str) -> Result<(), BlobError> {
    match ask(address, b"zPING\0", None).await?.as_str() {
        "PONG" => Ok(()),
        answer => Err(BlobError::away(Part::Scanner, format!("unexpected answer {answer:?}"))),
    }
}

async fn ask(address: &str, command: &[u8], stream: Option<&[u8]>) -> Result<String, BlobError> {
    let failed = |error: io::Error| BlobError::away(Part::Scanner, error.to_string());
    let late = |_| BlobError::away(Part::Scanner, "no answer in time");
    let mut connection = timeout(CONNECT, TcpStream::connect(address)).await.map_err(late)?.map_err(failed)?;
    timeout(ANSWER, talk(&mut connection, command, stream)).await.map_err(late)?.map_err(failed)
}

async fn talk(connection: &mut TcpStream, command: &[u8], stream: Option<&[u8]>) -> io::Result<String> {
    connection.write_all(command).await?;
    if let Some(bytes) = stream {
        // a scanner that has heard enough answers and hangs up; its answer tells more than our error
        let _ = send(connection, bytes).await;
    }
    let mut answer = Vec::new();
    connection.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).trim_end_matches('\0').to_owned())
}

/// Chunks with their length in front, and a length of zero at the end.
async fn send(connection: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.chunks(CHUNK) {
        let length = u32::try_from(chunk.len()).expect("a chunk is 64 KiB at most");
        connection.write_all(&length.to_be_bytes()).await?;
        connection.write_all(chunk).await?;
    }
    connection.write_all(&[0; 4]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A scanner that hears one file of a few bytes, says one thing and hangs up.
    async fn scanner_saying(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut heard = [0; 21];
            connection.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"zINSTREAM\0\0\0\0\x03abc\0\0\0\0");
            connection.write_all(answer).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn only_a_clear_verdict_counts() {
        assert_eq!(scan(&scanner_saying(b"stream: OK\0").await, b"abc").await.unwrap(), Verdict::Clean);
        let infected = scan(&scanner_saying(b"stream: Win.Test FOUND\0").await, b"abc").await.unwrap();
        assert_eq!(infected, Verdict::Infected("Win.Test".to_owned()));
        for unclear in [b"INSTREAM size limit exceeded. ERROR\0".as_slice(), b"", b"stream: OK then\0"] {
            let away = scan(&scanner_saying(unclear).await, b"abc").await;
            assert!(matches!(away, Err(BlobError::Unavailable { part: Part::Scanner, .. })), "{away:?}");
        }
    }
}
