//! The seeded database that every test gets a copy of, made once for each build and day.

use ring::digest::{SHA256, digest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{sync::OnceLock, time::UNIX_EPOCH};

/// Students of each school in the copy.
const STUDENTS: usize = 40;
/// Two test processes that both find no template must not both make it.
const LOCK: i64 = 0x6c63;

/// The name of a database that a test may use alone.
pub(crate) async fn copy(admin_url: &str) -> String {
    let mut admin = connect(admin_url).await;
    // the day may change meanwhile: tests that run keep theirs
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| format!("template_{}", &fingerprint()[..12]));
    let lock = sqlx::query("select pg_advisory_lock($1)").bind(LOCK);
    lock.execute(&mut admin).await.expect("the template's lock");
    if !exists(&mut admin, template).await {
        make(admin_url, &mut admin, template).await;
    }
    let name = format!("it_{}", hex::encode(nonce()));
    run(&mut admin, &format!("create database {name} template {template}")).await;
    let unlock = sqlx::query("select pg_advisory_unlock($1)").bind(LOCK);
    unlock.execute(&mut admin).await.expect("the template's lock is ours");
    name
}

async fn make(admin_url: &str, admin: &mut PgConnection, template: &str) {
    for old in leftovers(admin).await {
        run(admin, &format!("drop database if exists {old} with (force)")).await;
    }
    let building = format!("{template}_building");
    run(admin, &format!("drop database if exists {building} with (force)")).await;
    run(admin, &format!("create database {building}")).await;
    let url = with_database(admin_url, &building);
    licheng::seed::for_tests(&url, STUDENTS).await.expect("seeding the template");
    run(admin, &format!("alter database {building} rename to {template}")).await;
}

/// Databases of earlier runs.
async fn leftovers(admin: &mut PgConnection) -> Vec<String> {
    let old = sqlx::query_scalar(
        "select datname from pg_database where datname like 'it\\_%' or datname like 'template\\__%'",
    );
    let old: Vec<String> = old.fetch_all(admin).await.expect("the list of databases");
    old.into_iter().filter(|name| name != "template0" && name != "template1").collect()
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    let found = sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name);
    found.fetch_one(admin).await.expect("the list of databases")
}

/// Changes with the program (and so with the migrations and the seed) and with the day (windows are relative to it).
#[expect(clippy::disallowed_methods, reason = "the day of the template, before any clock of a test stands")]
fn fingerprint() -> String {
    let program = std::env::current_exe().expect("a running program has a path");
    let changed = program.metadata().and_then(|found| found.modified()).expect("a running program has a file");
    let changed = changed.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let day = time::OffsetDateTime::now_utc().date();
    hex::encode(digest(&SHA256, format!("{}{changed}{day}", program.display()).as_bytes()))
}

pub(crate) fn nonce() -> [u8; 8] {
    ring::rand::generate(&ring::rand::SystemRandom::new()).expect("the system gives random bytes").expose()
}

/// The same server and login, another database.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database URL ends with the database");
    format!("{server}/{name}")
}

/// The same database by another port.
pub(crate) fn with_port(url: &str, port: u16) -> String {
    let (before, rest) = url.rsplit_once(':').expect("a database URL with a port");
    let (_, database) = rest.split_once('/').expect("a database URL ends with the database");
    format!("{before}:{port}/{database}")
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the administrator's connection")
}

async fn run(admin: &mut PgConnection, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(admin).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}
