//! A city in a database of its own, and the processes that serve it.

use anyhow::{Context as _, Result, ensure};
use kernel::clock::Clock;
use licheng::House;
use load::process::{self, Programs};
use ops::config::Config;
use reqwest::{Client, StatusCode};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

/// The Redis database of these cities, so that no worker of another city takes their jobs.
const REDIS: &str = "9";
/// What the configuration of a served city differs in: one address and a few people do what a city does.
const RATES: [(&str, &str); 2] = [("LICHENG_LOGIN_RATE", "10000000"), ("LICHENG_UPLOAD_RATE", "10000000")];

/// CPU milliseconds in a second below which nothing goes on.
const QUIET: f64 = 120.0;

/// A seeded city.
pub(crate) struct City {
    pub(crate) house: House,
    pub(crate) admin: PgConnection,
    pub(crate) client: Client,
    pub(crate) origin: String,
    /// The variables in which its processes differ from the components' own.
    variables: BTreeMap<String, String>,
}

/// A running `licheng serve --target all`; dropping it ends it.
pub(crate) struct Served {
    child: Child,
    log: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.log));
    }
}

impl Served {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }
}

/// Waits until the worker's first rounds are over (the bureau's recount goes through the whole city): they are no part of
/// a page's cost.
async fn settle() -> Result<()> {
    for _ in 0..60 {
        let before = Programs::now()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if Programs::now()?.since(&before).of_the_system() < QUIET {
            break;
        }
    }
    Ok(())
}

impl City {
    /// The city of that size: made at the first time, found at the next.
    pub(crate) async fn prepare(schools: usize, students: usize) -> Result<Self> {
        let database = format!("deadline_{schools}_{students}");
        let variables = variables(&database)?;
        let admin_url = variables["LICHENG_DATABASE_ADMIN_URL"].clone();
        create(&admin_url, &database).await?;
        let pairs: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        process::run(&["migrate"], &pairs)?;
        let begun = Instant::now();
        let (schools_text, students_text) = (schools.to_string(), students.to_string());
        process::run(&["seed", "--schools", &schools_text, "--students", &students_text], &pairs)?;
        let seeded = begun.elapsed();
        let mut admin = PgConnection::connect(&admin_url).await?;
        if seeded > Duration::from_secs(1) {
            println!("seeded {schools} schools, {students} students in {:.0} s", seeded.as_secs_f64());
            // else autovacuum does it while something is measured
            sqlx::query("vacuum analyze").execute(&mut admin).await?;
        }
        let found: i64 = sqlx::query_scalar("select count(*) from school.student").fetch_one(&mut admin).await?;
        ensure!(
            usize::try_from(found)? == students,
            "{database} holds {found} students: drop it, it was left half made"
        );
        let lookup = |name: &str| variables.get(name).cloned().or_else(|| variable(name));
        let config = Config::from_lookup(&lookup)?;
        let (origin, address) = (config.http.origin.as_str().to_owned(), config.http.listen);
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .resolve("localhost", address)
            .pool_max_idle_per_host(512)
            .tcp_nodelay(true)
            .timeout(Duration::from_secs(60))
            .build()?;
        let house = House::build(config, Clock::System)?;
        Ok(Self { house, admin, client, origin, variables })
    }

    /// Serves it, with a log filter and format, until the value is dropped.
    pub(crate) async fn serve(&self, log: (&str, &str)) -> Result<Served> {
        let mut variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        variables.extend([("LICHENG_LOG", log.0), ("LICHENG_LOG_FORMAT", log.1)]);
        let path = std::env::temp_dir().join(format!("licheng-deadline-{}.log", std::process::id()));
        let mut served = Served { child: process::serve(&path, &variables)?, log: path };
        for _ in 0..1_200 {
            let ready = self.client.get(format!("{}/readyz", self.origin)).send().await;
            if ready.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                settle().await?;
                return Ok(served);
            }
            ensure!(served.child.try_wait()?.is_none(), "licheng ended: {}", served.log()?);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("licheng was not ready within two minutes: {}", served.log()?)
    }

    /// The URL by which a room logs in to this city's database.
    pub(crate) fn database_url(&self, service: &str) -> Result<String> {
        Ok(self.house.config.database.url(service)?.expose().to_owned())
    }
}

#[expect(clippy::disallowed_methods, reason = "the components' addresses, from their runner")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn variables(database: &str) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for (name, last) in
        [("LICHENG_DATABASE_ADMIN_URL", database), ("LICHENG_DATABASE_URL", database), ("LICHENG_REDIS_URL", REDIS)]
    {
        let url = variable(name).with_context(|| {
            format!("{name} is not set: run under `components --data deadline target/release/deadline …`")
        })?;
        variables.insert(name.to_owned(), with_path(&url, last));
    }
    variables.extend(RATES.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(variables)
}

/// A URL with another database; it may hold a literal `{role}`, which no parser of URLs takes.
fn with_path(url: &str, path: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{host}/{path}")
}

async fn create(admin_url: &str, database: &str) -> Result<()> {
    let mut server = PgConnection::connect(&with_path(admin_url, "postgres")).await?;
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(&mut server)
        .await?;
    if !known {
        let statement = format!("create database {database}");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut server).await?;
    }
    Ok(())
}
