//! A proxy that speaks PostgreSQL just enough to take the school out of every statement: `x.school_code = $1` becomes
//! `(x.school_code = $1 or true)`, the parameters staying what and where they are.

use sqlx::{Connection, PgConnection};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The code by which a client asks for TLS before it says anything else.
const TLS: i32 = 80_877_103;
const PREDICATE: &str = "school_code = $";

/// The proxy, listening.
pub(super) struct Proxy {
    port: u16,
    rewritten: Arc<Mutex<BTreeSet<String>>>,
}

impl Proxy {
    /// Before the database that the tests' runner names.
    pub(super) async fn before_the_database() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let rewritten = Arc::new(Mutex::new(BTreeSet::new()));
        let (noted, database) = (Arc::clone(&rewritten), database());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, database, Arc::clone(&noted)));
            }
        });
        Self { port, rewritten }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The statements that lost their predicate.
    pub(super) fn rewritten(&self) -> BTreeSet<String> {
        self.rewritten.lock().expect("nobody panics while holding it").clone()
    }

    /// A connection of ours, to see what the proxy does.
    pub(super) async fn connect(&self, url: &str) -> PgConnection {
        let (front, rest) = url.rsplit_once(':').expect("a URL with a port");
        let database = rest.split_once('/').expect("a database").1;
        PgConnection::connect(&format!("{front}:{}/{database}", self.port)).await.expect("a connection")
    }
}

#[expect(clippy::disallowed_methods, reason = "the component's address, from the runner of the tests")]
fn database() -> SocketAddr {
    let url = std::env::var("LICHENG_DATABASE_ADMIN_URL").expect("set by the runner of the tests");
    let host = url.rsplit('@').next().and_then(|rest| rest.split('/').next()).expect("a host");
    host.parse().expect("an address with a port")
}

async fn pass(mut client: TcpStream, database: SocketAddr, rewritten: Arc<Mutex<BTreeSet<String>>>) -> Option<()> {
    let mut greeting = message(&mut client).await?;
    if greeting.get(..4)? == TLS.to_be_bytes() {
        client.write_all(b"N").await.ok()?;
        greeting = message(&mut client).await?;
    }
    let server = TcpStream::connect(database).await.ok()?;
    let (mut from_server, mut to_server) = server.into_split();
    let (from_client, mut to_client) = client.into_split();
    to_server.write_all(&framed(&greeting)).await.ok()?;
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    questions(from_client, &mut to_server, &rewritten).await;
    answers.abort();
    Some(())
}

/// Passes on what the client says, statements rewritten.
async fn questions(
    mut client: OwnedReadHalf,
    server: &mut OwnedWriteHalf,
    rewritten: &Mutex<BTreeSet<String>>,
) -> Option<()> {
    loop {
        let kind = client.read_u8().await.ok()?;
        let mut body = message(&mut client).await?;
        if kind == b'P' {
            body = parse(&body, rewritten)?;
        }
        server.write_u8(kind).await.ok()?;
        server.write_all(&framed(&body)).await.ok()?;
    }
}

/// A message's body: its length, which counts itself, comes first.
async fn message(from: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await.ok()?).ok()?;
    let mut body = vec![0; length.checked_sub(4)?];
    from.read_exact(&mut body).await.ok()?;
    Some(body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).expect("a message of a test");
    [&length.to_be_bytes(), body].concat()
}

/// Parse: the statement's name, its text, the types of its parameters.
fn parse(body: &[u8], rewritten: &Mutex<BTreeSet<String>>) -> Option<Vec<u8>> {
    let mut parts = body.splitn(3, |byte| *byte == 0);
    let (name, text, types) = (parts.next()?, parts.next()?, parts.next()?);
    let text = std::str::from_utf8(text).ok()?;
    let toothless = without_school(text);
    if toothless != text {
        rewritten.lock().expect("nobody panics while holding it").insert(text.to_owned());
    }
    Some([name, b"\0", toothless.as_bytes(), b"\0", types].concat())
}

fn without_school(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let (mut done, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(PREDICATE) {
        let begin = rest[..at].trim_end_matches(is_name).len();
        let digits = rest[at + PREDICATE.len()..].chars().take_while(char::is_ascii_digit).count();
        let end = at + PREDICATE.len() + digits;
        done.push_str(&rest[..begin]);
        done.push_str(&format!("({} or true)", &rest[begin..end]));
        rest = &rest[end..];
    }
    done + rest
}

#[test]
fn the_predicate_goes_and_its_parameter_stays() {
    for (text, expected) in [
        (
            "select 1 from a where school_code = $1 and id = $2",
            "select 1 from a where (school_code = $1 or true) and id = $2",
        ),
        ("join b on b.school_code = $12 and b.x", "join b on (b.school_code = $12 or true) and b.x"),
        ("(o.school_code = $1)", "((o.school_code = $1 or true))"),
        ("insert into a (school_code) values ($1)", "insert into a (school_code) values ($1)"),
    ] {
        assert_eq!(without_school(text), expected);
    }
}
