//! A new generation of processes takes over while people work (issue 3 §6.2).
//!
//! The order of a deploy: `licheng migrate` of the new program while the old one serves (`house::migration`); the new
//! generation starts and becomes ready; the old one gets SIGTERM, takes requests for `LICHENG_NOTICE_SECONDS` more, with
//! readiness off and `connection: close` on every answer, and drains.

use super::process::Process;
use crate::portfolio::Pupil;
use blob::samples;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::City;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Four who read pages, and two who upload.
const PEOPLE: [Work; 6] = [Work::Home, Work::Home, Work::Home, Work::Home, Work::Upload, Work::Upload];
/// How often the proxy asks its backends whether they are ready.
const PROBE: Duration = Duration::from_millis(100);

/// A load balancer in small: new connections go to backends that say they are ready.
struct Proxy {
    address: SocketAddr,
    backends: Arc<Mutex<Vec<SocketAddr>>>,
    ready: Arc<Mutex<Vec<SocketAddr>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let (backends, ready) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(probe(Arc::clone(&backends), Arc::clone(&ready)));
        tasks.spawn(balance(listener, Arc::clone(&ready)));
        Self { address, backends, ready, _tasks: tasks }
    }

    async fn add(&self, backend: SocketAddr) {
        self.backends.lock().expect("nobody panics while holding it").push(backend);
        while !self.ready.lock().expect("nobody panics while holding it").contains(&backend) {
            tokio::time::sleep(PROBE).await;
        }
    }
}

async fn probe(backends: Arc<Mutex<Vec<SocketAddr>>>, ready: Arc<Mutex<Vec<SocketAddr>>>) {
    let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    loop {
        let known = backends.lock().expect("nobody panics while holding it").clone();
        let mut answering = Vec::new();
        for backend in known {
            let answer = client.get(format!("http://{backend}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                answering.push(backend);
            }
        }
        // where all seem to be down, balancers go on as before
        if !answering.is_empty() {
            *ready.lock().expect("nobody panics while holding it") = answering;
        }
        tokio::time::sleep(PROBE).await;
    }
}

async fn balance(listener: TcpListener, ready: Arc<Mutex<Vec<SocketAddr>>>) {
    let mut next = 0;
    loop {
        let (mut client, _) = listener.accept().await.expect("a connection");
        let ready = ready.lock().expect("nobody panics while holding it").clone();
        next += 1;
        let Some(backend) = ready.get(next % ready.len().max(1)).copied() else { continue };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(backend).await {
                // an error is the end of either side: the other one sees it
                let _ended = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// What somebody does again and again.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Reads the first page.
    Home,
    /// Makes an activity with a document.
    Upload,
    /// Reads an outcome.
    Outcome(i64),
    /// Reads an outcome and changes its summary.
    Summary(i64),
}

/// People at work, who note every answer that was not the right one.
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    seen: Seen,
    tasks: JoinSet<()>,
}

/// What they noted.
#[derive(Clone, Default)]
struct Seen {
    pages: Arc<AtomicUsize>,
    changes: Arc<AtomicUsize>,
    slowest: Arc<Mutex<Duration>>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    fn note(&self, work: Work, done: Result<(), String>, took: Duration) {
        let mut slowest = self.slowest.lock().expect("nobody panics while holding it");
        *slowest = took.max(*slowest);
        match (done, work) {
            (Err(failure), _) => self.failures.lock().expect("nobody panics while holding it").push(failure),
            (Ok(()), Work::Home | Work::Outcome(_)) => drop(self.pages.fetch_add(1, Ordering::SeqCst)),
            (Ok(()), Work::Upload | Work::Summary(_)) => drop(self.changes.fetch_add(1, Ordering::SeqCst)),
        }
    }
}

/// One of them.
#[derive(Clone)]
pub(super) struct Person {
    client: Client,
    origin: String,
    school: String,
    cookie: String,
}

impl Person {
    pub(super) fn of(pupil: &Pupil, proxy: SocketAddr) -> Self {
        // a connection that was idle longer is not used again: a notice has to be longer than that
        let client = Client::builder().resolve("localhost", proxy).pool_idle_timeout(Duration::from_secs(1));
        let client = client.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let token = pupil.me.cookie("__Host-licheng").expect("a session");
        Self {
            client,
            origin: format!("http://localhost:{}", proxy.port()),
            school: pupil.school.clone(),
            cookie: format!("__Host-licheng={token}"),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/s/{}/{path}", self.origin, self.school);
        self.client.request(method, url).header("cookie", &self.cookie).header("origin", &self.origin)
    }

    async fn does(&self, work: Work, n: usize) -> Result<(), String> {
        match work {
            Work::Home => self.page("home").await.map(drop),
            Work::Upload => self.upload(n).await,
            Work::Outcome(id) => self.page(&format!("outcomes/{id}")).await.map(drop),
            Work::Summary(id) => self.summary(id).await,
        }
    }

    pub(super) async fn page(&self, path: &str) -> Result<String, String> {
        let answer = self.request(Method::GET, path).send().await.map_err(|error| format!("{path}: {error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{path}, body: {error:?}"))?;
        if status != 200 || !text.ends_with("</html>") {
            return Err(format!("{path}: {status}"));
        }
        Ok(text)
    }

    async fn summary(&self, id: i64) -> Result<(), String> {
        let path = format!("outcomes/{id}");
        let page = self.page(&path).await?;
        let (_, rest) = page.split_once(r#"name="version" value=""#).ok_or(format!("{path}: no form"))?;
        let version = rest.split('"').next().unwrap_or_default();
        let changed = self.form(&path, format!("summary=of+version+{version}&version={version}")).await?;
        (changed.status() == 303).then_some(()).ok_or(format!("{path}, summary: {}", changed.status()))
    }

    async fn form(&self, path: &str, body: String) -> Result<reqwest::Response, String> {
        let request = self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.map_err(|error| format!("{path}, form: {error:?}"))
    }

    /// An activity with a document of its own: five requests.
    async fn upload(&self, n: usize) -> Result<(), String> {
        let told = |error: reqwest::Error| format!("upload: {error:?}");
        let form = "of_kind=competition&name=deploy&summary=x&event=e&level=3&award=a&announced_on=2026-10-01\
                    &participation=2";
        let begun = self.form("activities", form.to_owned()).await?;
        let location = begun.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        let activity =
            location.split(['#', '?']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
        if begun.status() != 303 {
            return Err(format!("activity: {}", begun.status()));
        }
        let pdf = samples::pdf(&[&format!("第 {n} 份")]);
        let body = json!({ "owner": "activity", "owner_id": activity, "slot": "document", "name": "a.pdf", "size": pdf.len() });
        let plan = self.request(Method::POST, "files").json(&body).send().await.map_err(told)?;
        if plan.status() != 201 {
            return Err(format!("announcement: {}", plan.status()));
        }
        let plan: Value = plan.json().await.map_err(told)?;
        let part = plan["parts"][0]["url"].as_str().unwrap_or_default();
        let put = self.client.put(part).body(pdf).send().await.map_err(told)?;
        if !put.status().is_success() {
            return Err(format!("part: {}", put.status()));
        }
        let completion = format!("files/{}/completion", plan["file_id"]);
        let saved = self.request(Method::POST, &completion).header("accept", "application/json").send().await;
        let saved = saved.map_err(told)?;
        if saved.status() != 200 {
            return Err(format!("completion: {}", saved.status()));
        }
        Ok(())
    }
}

impl Crowd {
    pub(super) fn gather(person: &Person, works: &[Work]) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Seen::default());
        let mut tasks = JoinSet::new();
        for (n, work) in works.iter().copied().enumerate() {
            let (person, stop, seen) = (person.clone(), Arc::clone(&stop), seen.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    let done = person.does(work, n).await;
                    seen.note(work, done, begun.elapsed());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        Self { stop, seen, tasks }
    }

    /// Waits until everybody has been answered so many times more.
    pub(super) async fn works(&self, pages: usize, changes: usize) {
        let Seen { pages: read, changes: changed, failures, .. } = &self.seen;
        let wanted = (read.load(Ordering::SeqCst) + pages, changed.load(Ordering::SeqCst) + changes);
        let enough = async {
            while read.load(Ordering::SeqCst) < wanted.0 || changed.load(Ordering::SeqCst) < wanted.1 {
                tokio::time::sleep(PROBE).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), enough).await.is_ok();
        let failures = failures.lock().expect("nobody panics while holding it");
        assert!(in_time, "the crowd got no further: {failures:?}");
    }

    /// What took longest since this was asked last.
    pub(super) fn slowest(&self) -> Duration {
        std::mem::take(&mut *self.seen.slowest.lock().expect("nobody panics while holding it"))
    }

    /// Sends everybody home: pages answered, changes acknowledged, failures.
    pub(super) async fn go_home(mut self) -> (usize, usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
        let failures = std::mem::take(&mut *self.seen.failures.lock().expect("nobody panics while holding it"));
        (self.seen.pages.load(Ordering::SeqCst), self.seen.changes.load(Ordering::SeqCst), failures)
    }
}

async fn generation(city: &City, proxy: &Proxy) -> Process {
    let port = proxy.address.port();
    let (origin, files) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"));
    let settings = [
        ("LICHENG_ORIGIN", origin.as_str()),
        ("LICHENG_FILES_ORIGIN", &files),
        // nobody reads the log of each request: a full pipe would stop the program
        ("LICHENG_LOG", "warn,licheng=info"),
        ("LICHENG_UPLOAD_RATE", "100000"),
        // a slow machine is no crowd
        ("LICHENG_CONCURRENCY_MIN", "64"),
        ("LICHENG_NOTICE_SECONDS", "6"),
        ("LICHENG_DRAIN_SECONDS", "20"),
    ];
    let process = Process::start(city, "all", &settings).await.serving().await;
    proxy.add(process.address).await;
    process
}

async fn saved(pupil: &Pupil) -> i64 {
    pupil
        .number(
            "select count(*) from portfolio.file where school_code = $1 and student_id = $2 and saved_at is not null
                and activity_id is not null",
        )
        .await
}

/// Three generations one after the other; whatever was asked was answered, whatever was acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn generations_change_places_without_a_failed_request() {
    let pupil = Pupil::up().await;
    let proxy = Proxy::up().await;
    let before = saved(&pupil).await;
    let mut serving = generation(&pupil.city, &proxy).await;
    let crowd = Crowd::gather(&Person::of(&pupil, proxy.address), &PEOPLE);
    crowd.works(20, 2).await;
    for _ in 0..2 {
        let next = generation(&pupil.city, &proxy).await;
        crowd.works(10, 1).await;
        serving.terminate().await;
        assert!(serving.ended().await.success(), "the old generation leaves in order");
        crowd.works(20, 2).await;
        serving = next;
    }
    let (pages, uploads, failures) = crowd.go_home().await;
    println!("{pages} pages, {uploads} uploads, {} failures over three generations", failures.len());
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(saved(&pupil).await - before, i64::try_from(uploads).expect("few"), "acknowledged and saved");
}
