//! `licheng seed`: a city to look at (`--demo`) or to load (`--schools 100 --students 180000`).
//!
//! Everybody in it is invented. Windows are open on the day of seeding, and the outcomes stand in
//! every state of the yearly loop.

mod cabinet;
mod copy;
mod curriculum;
mod files;
mod last_year;
mod names;
mod plan;
mod roster;
mod world;

use crate::house;
use anyhow::{Context as _, Result, ensure};
use kernel::{
    calendar::{AcademicYear, TAIPEI, Term, taipei_date},
    clock::Clock,
    role::Role,
    rules::WindowKind,
    school::SchoolCode,
    secrets::Keys,
};
use ops::config::{Admin, Config};
use plan::School;
use sqlx::{Connection, PgConnection};
use std::{fmt::Write as _, path::PathBuf, time::Instant};
use time::{Duration, OffsetDateTime, Time};
use world::{Ids, Tables, next};

/// What everybody in the demo city logs in with; it opens nothing but the demo.
pub use identity::DEMO_PASSWORD;

/// How large a city is wanted.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The demo city: six real schools, 320 students each.
    #[arg(long, conflicts_with_all = ["schools", "students"])]
    demo: bool,
    /// Schools of a city for load work.
    #[arg(long, default_value_t = 100)]
    schools: usize,
    /// Students of that city, all schools together.
    #[arg(long, default_value_t = 180_000)]
    students: usize,
    /// Submit the demo city's last year at one school, over its pages: after it is served.
    #[arg(long, conflicts_with_all = ["demo", "schools", "students"])]
    last_year: bool,
    /// Students of each school of the demo city.
    #[arg(long, default_value_t = 320)]
    demo_students: usize,
    /// Where to write the people as LDIF, for the directory that the demo starts.
    #[arg(long)]
    ldif: Option<PathBuf>,
}

/// What is the same for all schools of the city being made.
pub(crate) struct City {
    ids: Ids,
    keys: Keys,
    now: OffsetDateTime,
    year: AcademicYear,
    term: Term,
    ldif: Option<String>,
    people_dn: String,
}

impl City {
    fn new(config: &Config, with_ldif: bool) -> Result<Self> {
        let now = Clock::System.now();
        let today = taipei_date(now);
        Ok(Self {
            ids: Ids::default(),
            keys: Keys::derive(config.keys.master.expose())?,
            now,
            year: AcademicYear::of_date(today),
            term: Term::of_date(today),
            ldif: with_ldif.then(String::new),
            people_dn: config.ldap.as_ref().map(|ldap| ldap.base_dn.clone()).unwrap_or_default(),
        })
    }

    fn account(&mut self, rows: &mut Tables, login: &str, person: i64, name: &str) {
        rows.account.row(|row| {
            row.plain(login).plain(person);
        });
        let Some(ldif) = &mut self.ldif else { return };
        let name = house::base64(name.as_bytes());
        write!(
            ldif,
            "dn: uid={login},{base}\nobjectClass: inetOrgPerson\nuid: {login}\ncn:: {name}\nsn:: {name}\n\
             displayName:: {name}\nmail: {login}@school.example\nuserPassword: {DEMO_PASSWORD}\n\n",
            base = self.people_dn,
        )
        .expect("a string takes any text");
    }
}

/// Seeds an empty database; a city that is there already stays as it is.
pub async fn run(options: Options) -> Result<()> {
    if options.last_year {
        return last_year::walk().await;
    }
    let (config, admin) = (Config::from_env()?, Admin::from_env()?);
    let mut connection =
        PgConnection::connect(admin.database_url.expose()).await.context("connecting as the administrator")?;
    let seeded: i64 = sqlx::query_scalar("select count(*) from school.school").fetch_one(&mut connection).await?;
    if seeded > 0 {
        println!("{seeded} schools are there already, nothing was seeded");
        return Ok(());
    }
    let schools =
        if options.demo { plan::demo(options.demo_students) } else { plan::load(options.schools, options.students) };
    ensure!(!schools.is_empty(), "no school to seed");
    let mut city = City::new(&config, options.ldif.is_some())?;
    let made = make(&mut city, &config, &schools, (&mut connection, ForeignKeys::Trusted)).await?;
    if let (Some(path), Some(ldif)) = (&options.ldif, &city.ldif) {
        std::fs::write(path, ldif).with_context(|| format!("writing {}", path.display()))?;
    }
    let (students, rate) = (city.ids.student, made.per_second());
    println!("{} schools, {students} students, {} rows at {rate} rows/s", schools.len(), made.count);
    Ok(())
}

/// The demo city with few students, in the database of `admin_url`, migrated first; the rest of the
/// configuration comes from the environment.
pub async fn for_tests(admin_url: &str, students: usize) -> Result<()> {
    let config = Config::from_env()?;
    crate::commands::migrate::prepare(admin_url, Some(&config.database)).await?;
    let mut connection = PgConnection::connect(admin_url).await?;
    let mut city = City::new(&config, false)?;
    make(&mut city, &config, &plan::demo(students), (&mut connection, ForeignKeys::Checked)).await?;
    connection.close().await?;
    Ok(())
}

struct Made {
    count: usize,
    seconds: f64,
}

impl Made {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    fn per_second(&self) -> u64 {
        (self.count as f64 / self.seconds.max(0.001)) as u64
    }
}

/// Whether PostgreSQL looks up every key that the rows refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ForeignKeys {
    /// As always: the tests' city proves that the seed's rows fit together.
    Checked,
    /// The same rows by construction; looking them up again takes two thirds of the time.
    Trusted,
}

async fn make(
    city: &mut City,
    config: &Config,
    schools: &[School],
    (connection, keys): (&mut PgConnection, ForeignKeys),
) -> Result<Made> {
    let vault = house::vault(config);
    vault.prepare(config.http.origin.as_str()).await.context("preparing the storage")?;
    let mut made = Made { count: 0, seconds: 0.0 };
    let mut rows = Tables::new();
    officials(city, &mut rows);
    for (n, school) in schools.iter().enumerate() {
        let samples = files::store(&vault, school.code).await?;
        let begun = Instant::now();
        windows(city, school.code, &mut rows);
        let roster = roster::make(city, school, &mut rows);
        cabinet::fill(city, school, &roster, &samples, &mut rows);
        let mut tx = connection.begin().await?;
        if keys == ForeignKeys::Trusted {
            sqlx::query("set local session_replication_role = replica").execute(&mut *tx).await?;
        }
        made.count += rows.send(&mut tx).await.with_context(|| format!("seeding {}", school.code))?;
        tx.commit().await?;
        made.seconds += begun.elapsed().as_secs_f64();
        if (n + 1) % 10 == 0 || n + 1 == schools.len() {
            println!("{} of {} schools, {} rows", n + 1, schools.len(), made.count);
        }
    }
    city.ids.settle(connection).await?;
    sqlx::query("analyze").execute(connection).await?;
    Ok(made)
}

/// One person each for the bureau and for operation.
fn officials(city: &mut City, rows: &mut Tables) {
    for (login, role, name) in
        [("bureau01", Role::Bureau, "教育局承辦人"), ("operator01", Role::Operator, "平臺維運人員")]
    {
        let person = next(&mut city.ids.person);
        rows.person.row(|row| {
            row.plain(person).null();
        });
        city.account(rows, login, person, name);
        rows.membership.row(|row| {
            row.plain(person).plain(SchoolCode::CITY).plain(role.code()).null().text(name);
        });
    }
}

/// Everything is open today: upload closes in nine days, selection in three weeks.
fn windows(city: &City, school: SchoolCode, rows: &mut Tables) {
    let (year, term) = (city.year, city.term.get());
    let last = year.previous();
    let periods = [
        (WindowKind::OutcomeUpload, year, term, -30, 9),
        (WindowKind::OutcomeCertify, year, term, -30, 16),
        (WindowKind::OutcomeSelect, year, 0, -7, 23),
        (WindowKind::ActivityUpload, year, 0, -60, 30),
        (WindowKind::ActivitySelect, year, 0, -7, 23),
        (WindowKind::ReceiptConfirm, year, 0, -1, 45),
        (WindowKind::OutcomeUpload, last, 2, -200, -150),
        (WindowKind::OutcomeCertify, last, 2, -200, -140),
        (WindowKind::OutcomeSelect, last, 0, -145, -100),
        (WindowKind::ActivitySelect, last, 0, -145, -100),
        (WindowKind::ReceiptConfirm, last, 0, -20, 25),
    ];
    for (kind, year, term, opens, closes) in periods {
        let midnight = |days: i64| {
            OffsetDateTime::new_in_offset(taipei_date(city.now) + Duration::days(days), Time::MIDNIGHT, TAIPEI)
        };
        rows.window.row(|row| {
            row.plain(school)
                .plain(kind.code())
                .plain(year.get())
                .plain(term)
                .plain(midnight(opens))
                .plain(midnight(closes));
        });
    }
}
