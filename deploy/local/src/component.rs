//! The components, one file each: how it is prepared, started, and found.

pub(crate) mod central;
pub(crate) mod clamd;
pub(crate) mod ldap;
pub(crate) mod mail;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod s3;
pub(crate) mod sso;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::Running;

/// A started component: its processes, and the variables that lead to it.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) running: Vec<Running>,
    pub(crate) env: Vec<(&'static str, String)>,
}

/// Sends a question to a loopback port and says whether the answer holds `expected`.
pub(crate) async fn answers(port: u16, question: &[u8], expected: &str) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(question).await.ok()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        while !String::from_utf8_lossy(&answer).contains(expected) {
            let read = stream.read(&mut buffer).await.ok()?;
            if read == 0 {
                return None;
            }
            answer.extend_from_slice(&buffer[..read]);
        }
        Some(())
    };
    tokio::time::timeout(Duration::from_secs(1), exchange).await.is_ok_and(|answer| answer.is_some())
}
