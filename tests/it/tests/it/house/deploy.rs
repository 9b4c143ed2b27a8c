//! A new generation of processes takes over while people work (issue 3 §6.2).
//!
//! The order of a deploy: `licheng migrate` of the new program while the old one serves (it only adds: the old program
//! knows nothing of it); the new generation starts and becomes ready; the old one
//! gets SIGTERM, takes requests for `LICHENG_NOTICE_SECONDS` more, with readiness off and `connection: close` on every
//! answer, and drains. What a later release removes, it removes when no process of the release before runs any more. An
//! old process that is started anew in between refuses the schema and waits for its successor: that is why the migration
//! comes right before the new generation, not days before.

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
    time::Duration,
};
use testkit::City;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Clients that read pages, and that upload.
const READERS: usize = 4;
const UPLOADERS: usize = 2;
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
        *ready.lock().expect("nobody panics while holding it") = answering;
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

/// People at work through the proxy, who note every answer that was not the right one.
struct Crowd {
    stop: Arc<AtomicBool>,
    pages: Arc<AtomicUsize>,
    uploads: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    tasks: JoinSet<()>,
}

/// One of them.
#[derive(Clone)]
struct Person {
    client: Client,
    origin: String,
    school: String,
    cookie: String,
}

impl Person {
    fn of(pupil: &Pupil, proxy: SocketAddr) -> Self {
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

    async fn home(&self) -> Result<(), String> {
        let answer = self.request(Method::GET, "home").send().await.map_err(|error| format!("home: {error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("home, body: {error:?}"))?;
        (status == 200 && text.ends_with("</html>")).then_some(()).ok_or(format!("home: {status}"))
    }

    /// An activity with a document of its own: five requests.
    async fn upload(&self, n: usize) -> Result<(), String> {
        let told = |error: reqwest::Error| format!("upload: {error:?}");
        let form = "of_kind=competition&name=deploy&summary=x&event=e&level=3&award=a&announced_on=2026-10-01\
                    &participation=2";
        let begun = self
            .request(Method::POST, "activities")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(told)?;
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
    fn gather(person: &Person) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (pages, uploads) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for n in 0..READERS + UPLOADERS {
            let (person, stop, failures) = (person.clone(), Arc::clone(&stop), Arc::clone(&failures));
            let (pages, uploads) = (Arc::clone(&pages), Arc::clone(&uploads));
            tasks.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let (done, counter) = match n < READERS {
                        true => (person.home().await, &pages),
                        false => (person.upload(n).await, &uploads),
                    };
                    match done {
                        Ok(()) => drop(counter.fetch_add(1, Ordering::SeqCst)),
                        Err(failure) => failures.lock().expect("nobody panics while holding it").push(failure),
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        Self { stop, pages, uploads, failures, tasks }
    }

    /// Waits until everybody has been answered so many times more.
    async fn works(&self, pages: usize, uploads: usize) {
        let wanted = (self.pages.load(Ordering::SeqCst) + pages, self.uploads.load(Ordering::SeqCst) + uploads);
        let enough = async {
            while self.pages.load(Ordering::SeqCst) < wanted.0 || self.uploads.load(Ordering::SeqCst) < wanted.1 {
                tokio::time::sleep(PROBE).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), enough).await.is_ok();
        let failures = self.failures.lock().expect("nobody panics while holding it");
        assert!(in_time, "the crowd got no further: {failures:?}");
    }

    /// Sends everybody home: pages answered, uploads acknowledged, failures.
    async fn go_home(mut self) -> (usize, usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
        let failures = std::mem::take(&mut *self.failures.lock().expect("nobody panics while holding it"));
        (self.pages.load(Ordering::SeqCst), self.uploads.load(Ordering::SeqCst), failures)
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
        ("LICHENG_NOTICE_SECONDS", "2"),
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
    let crowd = Crowd::gather(&Person::of(&pupil, proxy.address));
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
