//! The program itself, as it runs in production: telemetry, probes, stopping, refusing a foreign schema.
//!
//! Starts the binary that stands beside the test's own: `cargo verify` builds both, and so does
//! `cargo build -p licheng` before `cargo test -p it`.

use axum::{Router, body::Bytes, extract::Path, extract::State, routing::post};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::City;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr, Command},
};

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `licheng serve` on a port of its own.
pub(super) struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(super) address: SocketAddr,
}

impl Process {
    /// The program on a city's database and Redis, with some variables set otherwise; an empty one is not set at all.
    pub(super) async fn start(city: &City, target: &str, settings: &[(&str, &str)]) -> Self {
        let address = free_address().await;
        let mut command = program(city);
        command
            .args(["serve", "--target", target])
            .env("LICHENG_LISTEN", address.to_string())
            .env("LICHENG_ORIGIN", format!("http://localhost:{}", address.port()))
            .env("LICHENG_FILES_ORIGIN", format!("http://127.0.0.1:{}", address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in settings {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        let mut child = command.spawn().expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, log, address }
    }

    /// Waits for the line that says so.
    pub(super) async fn serving(mut self) -> Self {
        let waiting = async {
            while let Some(line) = self.log.next_line().await.expect("a readable log") {
                if line.contains("serving") {
                    return true;
                }
            }
            false
        };
        let serving = tokio::time::timeout(PATIENCE, waiting).await.expect("the program serves within a minute");
        assert!(serving, "the program ended: {}", self.complaint().await);
        self
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let client = reqwest::Client::builder().resolve("localhost", self.address).build().expect("a client");
        let url = format!("http://localhost:{}{path}", self.address.port());
        let answer = client.get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Waits until `/readyz` says so: the first answers of a program on a busy machine may be late.
    async fn says(&self, status: u16, what: &str) {
        let mut last = None;
        let asking = async {
            loop {
                let answer = self.get("/readyz").await;
                if answer.0 == status && answer.1.contains(what) {
                    return;
                }
                last = Some(answer);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, asking).await;
        assert!(said.is_ok(), "wanted {status} {what}, the last answer was {last:?}");
    }

    pub(super) async fn terminate(&self) {
        let id = self.child.id().expect("a running process").to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
        assert!(status.success());
    }

    pub(super) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends within a minute").expect("a status")
    }

    /// The rest of what it says, until it ends.
    pub(super) async fn complaint(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.log.next_line().await.expect("a readable log") {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

/// The program, on a city's database and Redis.
fn program(city: &City) -> Command {
    let program = std::env::current_exe().expect("a running test has a path");
    let program = program.ancestors().nth(2).expect("target/debug/deps/it").join("licheng");
    assert!(program.exists(), "{} is missing: cargo build -p licheng", program.display());
    let config = &city.house.config;
    let database = config.database.url("bureau").expect("a configured role").expose().replace("svc_bureau", "{role}");
    let mut command = Command::new(program);
    command
        .env("LICHENG_DATABASE_URL", database)
        .env("LICHENG_DATABASE_ADMIN_URL", city.admin_url())
        .env("LICHENG_REDIS_URL", config.redis.url.expose());
    command
}

/// Runs a command of administration to its good end; what it printed.
pub(crate) async fn run(city: &City, arguments: &[&str]) -> String {
    let ended = program(city).args(arguments).output().await.expect("the program starts");
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}

async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("a bound port")
}

/// Bodies by signal.
type Received = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

async fn receive(State(received): State<Received>, Path(signal): Path<String>, body: Bytes) {
    received.lock().expect("nobody panics while holding it").entry(signal).or_default().extend(body);
}

/// A collector of OTLP on loopback.
async fn collector() -> (Received, String) {
    let received = Received::default();
    let routes = Router::new().route("/v1/{signal}", post(receive)).with_state(received.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (received, endpoint)
}

/// A request of which the server waits for the rest.
async fn half_a_form(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /login/account HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 38\r\nconnection: close\r\n\r\ntemporary_login=x",
        port = address.port()
    );
    connection.write_all(head.as_bytes()).await.expect("a writable connection");
    connection
}

/// Issue 2 §1.6 and §1.3: traces, metrics and logs arrive, probes answer, SIGTERM lets requests end.
#[tokio::test]
async fn a_process_tells_what_it_does_and_leaves_in_order() {
    let city = City::up().await;
    let (received, endpoint) = collector().await;
    let settings = [("LICHENG_OTLP_ENDPOINT", endpoint.as_str()), ("LICHENG_NOTICE_SECONDS", "5")];
    let mut process = Process::start(&city, "all", &settings).await.serving().await;
    assert_eq!(process.get("/livez").await.0, 200);
    process.says(200, r#""ready":true"#).await;
    assert_eq!(process.get("/login").await.0, 200);
    let (_, metrics) = process.get("/metrics").await;
    assert!(metrics.contains("licheng_build_info{"), "{metrics}");
    assert!(metrics.contains(r#"route="/login""#), "{metrics}");

    let mut unfinished = half_a_form(process.address).await;
    process.terminate().await;
    while !process.get("/readyz").await.1.contains(r#""stopping":true"#) {}
    unfinished.write_all(b"&temporary_password=x").await.expect("still connected");
    let mut answer = String::new();
    unfinished.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(process.ended().await.success());

    let received = received.lock().expect("nobody panics while holding it");
    for (signal, expected) in
        [("traces", "/login"), ("metrics", "licheng_"), ("logs", "GET /login 200"), ("traces", "licheng-all")]
    {
        let body = received.get(signal).unwrap_or_else(|| panic!("no {signal} arrived"));
        assert!(String::from_utf8_lossy(body).contains(expected), "{expected} is not among the {signal}");
    }
}

#[tokio::test]
async fn readiness_names_what_is_away() {
    let city = City::up().await;
    let process =
        Process::start(&city, "bureau", &[("LICHENG_REDIS_URL", "redis://127.0.0.1:1/")]).await.serving().await;
    process.says(503, r#"{"ready":false,"stopping":false,"away":["redis"]}"#).await;
    assert_eq!(process.get("/livez").await.0, 200, "away is no reason to be restarted");
}

/// Design §10: "`serve` refuses a schema it doesn't know".
#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let city = City::up().await;
    let newest = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(newest).execute(&mut city.admin().await).await.expect("the administrator may");
    let mut process = Process::start(&city, "bureau", &[]).await;
    assert!(!process.ended().await.success());
    let complaint = process.complaint().await;
    assert!(complaint.contains("run `licheng migrate`"), "{complaint}");
}

/// The chart's migration job and compose's `migrate` hold the owner's login and nothing else.
#[tokio::test]
async fn the_schema_is_migrated_with_the_owners_login_alone() {
    let city = City::up().await;
    let mut migrate = program(&city);
    migrate.arg("migrate").env_clear().env("LICHENG_DATABASE_ADMIN_URL", city.admin_url());
    let done = migrate.output().await.expect("the program runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("the schema is at version"));
}

/// The chart gives a pod the login of its own service only: each room has to start with that.
#[tokio::test]
async fn each_room_starts_with_its_own_login_alone() {
    let city = City::up().await;
    for target in licheng::targets::TARGETS {
        let url = city.house.config.database.url(target.name).expect("a configured role");
        let variable = format!("LICHENG_DATABASE_URL_{}", target.name.to_uppercase());
        let settings = [("LICHENG_DATABASE_URL", ""), (variable.as_str(), url.expose())];
        let process = Process::start(&city, target.name, &settings).await.serving().await;
        process.says(200, r#""ready":true"#).await;
    }
}

/// Issue 2 §1.3: every change of state leaves an audit row; the first one of a school is its making.
#[tokio::test]
async fn a_school_that_is_taken_in_is_audited() {
    let city = City::up().await;
    let said = run(&city, &["tenant", "create", "999901", "測試高中", "--account-prefix", "Test"]).await;
    assert!(said.contains("999901"), "{said}");
    let (subject, name): (String, String) = sqlx::query_as(
        "select a.actor_subject, a.after->>'name' from app.audit a join school.school s using (school_code)
          where a.school_code = '999901' and a.action = 'tenant.create'",
    )
    .fetch_one(&mut city.admin().await)
    .await
    .expect("the school and one audit row");
    assert_eq!((subject.as_str(), name.as_str()), ("system", "測試高中"));
}
