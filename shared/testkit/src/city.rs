//! The city of one test.

use crate::{
    browser::Visitor,
    people,
    template::{self, with_database},
};
use kernel::{
    actor::Context,
    clock::Clock,
    ids::{StaffId, StudentId},
    role::Role,
    school::SchoolCode,
};
use licheng::{
    House,
    commands::serve::own_rounds,
    targets::{Assembled, assemble},
};
use ops::{
    config::Config,
    lifecycle::{self, Grace, Lifecycle},
};
use sqlx::PgConnection;
use std::{
    net::SocketAddr,
    sync::{LazyLock, Mutex, OnceLock},
    time::Duration,
};
use store::{Db, worker::Worker};
use time::OffsetDateTime;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, SemaphorePermit},
};
use web::RouteInfo;

/// Redis databases that tests share out among themselves: a Redis has sixteen, the first is the components' own.
const REDIS_DATABASES: usize = 15;
static REDIS: Semaphore = Semaphore::const_new(REDIS_DATABASES);
static REDIS_FREE: LazyLock<Mutex<Vec<usize>>> = LazyLock::new(|| Mutex::new((1..=REDIS_DATABASES).collect()));
static PROVIDER: OnceLock<()> = OnceLock::new();

/// All rooms behind one port, with a database, a Redis and a clock of their own.
pub struct City {
    /// What the rooms share.
    pub house: House,
    /// The clock that all of them read; it moves only when told to.
    pub clock: Clock,
    /// Every route of the house.
    pub routes: Vec<RouteInfo>,
    /// Reconcilers, to be run by hand: `city.round("bureau.progress")`.
    periodic: Vec<store::jobs::Periodic>,
    worker: Worker,
    address: SocketAddr,
    admin_url: String,
    lifecycle: Lifecycle,
    _redis: RedisDatabase,
}

impl City {
    /// A city as seeded: six schools with forty students each, windows open now.
    pub async fn up() -> Self {
        Self::with(&[]).await
    }

    /// The same with some variables of the configuration set otherwise; `{database}` in them becomes the name of the
    /// city's database.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::build(settings, None).await
    }

    /// The same with a proxy on this port of loopback between the rooms and their database. The administrator's
    /// connections go past it.
    pub async fn over_database(settings: &[(&str, &str)], proxy: u16) -> Self {
        Self::build(settings, Some(proxy)).await
    }

    async fn build(settings: &[(&str, &str)], proxy: Option<u16>) -> Self {
        PROVIDER.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let admin_url = required("LICHENG_DATABASE_ADMIN_URL");
        let database = template::copy(&admin_url).await;
        let redis = RedisDatabase::take().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let port = address.port();
        let lookup = |name: &str| {
            let set = settings.iter().find(|(key, _)| *key == name);
            match name {
                _ if set.is_some() => set.map(|(_, value)| value.replace("{database}", &database)),
                "LICHENG_DATABASE_URL" => {
                    let url = with_database(&required(name), &database);
                    Some(proxy.map_or(url.clone(), |port| template::with_port(&url, port)))
                }
                "LICHENG_REDIS_URL" => Some(redis.url()),
                "LICHENG_ORIGIN" => Some(format!("http://localhost:{port}")),
                "LICHENG_FILES_ORIGIN" => Some(format!("http://127.0.0.1:{port}")),
                "LICHENG_DEMO" => Some("true".to_owned()),
                other => variable(other),
            }
        };
        let config = Config::from_lookup(&lookup).unwrap_or_else(|error| panic!("{error}"));
        let clock = Clock::standing_at(Clock::System.now());
        let house = House::build(config, clock.clone()).expect("the house");
        let Assembled { router, routes, jobs, mut periodic } = assemble(&house, |_| true).expect("all rooms");
        let worker_db = house.db("worker").expect("the worker's role");
        periodic.extend(own_rounds(worker_db.clone(), house.vault.clone(), clock.clone()));
        let lifecycle = Lifecycle::new();
        let serving = lifecycle.clone();
        tokio::spawn(async move {
            let grace = Grace { notice: Duration::ZERO, drain: Duration::from_secs(1) };
            drop(lifecycle::serve(listener, router, &serving, grace).await);
        });
        let worker = Worker::new(worker_db, house.web.redis(), clock.clone(), jobs, "test".to_owned());
        let admin_url = with_database(&admin_url, &database);
        Self { house, clock, routes, periodic, worker, address, admin_url, lifecycle, _redis: redis }
    }

    /// Now, by the city's clock.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn pass(&self, duration: time::Duration) {
        self.clock.set(self.now() + duration);
    }

    /// The pool of a room, bound by that room's grants: what a stolen service role could do.
    pub fn db(&self, service: &str) -> Db {
        self.house.db(service).expect("a configured service")
    }

    /// The administrator's connection: to arrange a test or to look past the rooms, never to serve it.
    pub async fn admin(&self) -> PgConnection {
        template::connect(&self.admin_url).await
    }

    /// The administrator's URL of this city's database.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// The system acting at a school, to open a room's transactions by hand.
    pub fn system(&self, school: &str) -> Context {
        Context::system(code(school), "test".to_owned(), self.now())
    }

    /// Works every job that is due.
    pub async fn drain_jobs(&self) -> usize {
        self.worker.drain().await.expect("the queue")
    }

    /// The worker of this city, to run it otherwise.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// One round of a reconciler.
    pub async fn round(&self, name: &str) {
        let round = self.periodic.iter().find(|periodic| periodic.name == name);
        round.unwrap_or_else(|| panic!("no periodic task {name}")).once().await.expect("a round");
    }

    /// Somebody who is not logged in.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }

    /// The first person with a role at a school, logged in.
    pub async fn login_as(&self, role: Role, school: &str) -> Visitor {
        self.login_as_nth(role, school, 0).await
    }

    /// The n-th person (from 0) with a role at a school, logged in, wearing that hat.
    pub async fn login_as_nth(&self, role: Role, school: &str, nth: i64) -> Visitor {
        let person = people::nth(&mut self.admin().await, role, school, nth).await;
        self.login_person(person, role, code(school)).await
    }

    /// The student of a row, logged in.
    pub async fn login_student(&self, school: &str, student: StudentId) -> Visitor {
        self.login_subject(Role::Student, school, student.get()).await
    }

    /// The member of staff of a row, logged in with one of their roles.
    pub async fn login_staff(&self, role: Role, school: &str, staff: StaffId) -> Visitor {
        self.login_subject(role, school, staff.get()).await
    }

    async fn login_subject(&self, role: Role, school: &str, subject: i64) -> Visitor {
        let person: i64 = sqlx::query_scalar(
            "select person_id from identity.membership where role = $1 and school_code = $2 and subject_id = $3",
        )
        .bind(role.code())
        .bind(school)
        .bind(subject)
        .fetch_one(&mut self.admin().await)
        .await
        .unwrap_or_else(|error| panic!("no {} {subject} at {school}: {error}", role.code()));
        self.login_person(person, role, code(school)).await
    }

    async fn login_person(&self, person: i64, role: Role, school: SchoolCode) -> Visitor {
        let (hat, cookie) = people::log_in(&self.house.web, &mut self.admin().await, (person, role, school)).await;
        Visitor::new(self.address).wearing(hat, cookie)
    }
}

impl Drop for City {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

fn code(school: &str) -> SchoolCode {
    school.parse().expect("a school code")
}

#[expect(clippy::disallowed_methods, reason = "the components' addresses, from the runner of the tests")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn required(name: &str) -> String {
    variable(name).unwrap_or_else(|| {
        panic!(
            "{name} is not set: run tests by `cargo verify`, or `cargo run -p local --bin components -- cargo test …`"
        )
    })
}

/// A Redis database that one test has to itself.
struct RedisDatabase {
    number: usize,
    _permit: SemaphorePermit<'static>,
}

impl RedisDatabase {
    async fn take() -> Self {
        let permit = REDIS.acquire().await.expect("the semaphore is never closed");
        let number = {
            let mut free = REDIS_FREE.lock().expect("nobody panics while holding it");
            free.pop().expect("as many numbers as permits")
        };
        let taken = Self { number, _permit: permit };
        let client = redis::Client::open(taken.url()).expect("a Redis URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
        redis::cmd("FLUSHDB").query_async::<()>(&mut connection).await.expect("an empty Redis database");
        taken
    }

    fn url(&self) -> String {
        let base = required("LICHENG_REDIS_URL");
        let base = base.trim_end_matches('/');
        let (scheme, rest) = base.split_once("://").expect("a URL");
        let host = rest.split('/').next().expect("a host");
        format!("{scheme}://{host}/{}", self.number)
    }
}

impl Drop for RedisDatabase {
    fn drop(&mut self) {
        REDIS_FREE.lock().expect("nobody panics while holding it").push(self.number);
    }
}
