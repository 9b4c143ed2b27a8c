//! Tables change while people work (issue 3 §6.2): expand, fill, contract, as the README's "Changing a table" has it.
//!
//! The migrations here are those of later releases, given to the migrator of `licheng migrate`; the processes are the
//! program as it is, which knows none of them.

use super::{
    catalog::{CITY_TABLES, tenant_tables},
    citus::queries,
    deploy::{Crowd, Person, Work},
    process::Process,
};
use crate::portfolio::Pupil;
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, Statement as _,
    TypeInfo as _,
    migrate::{Migration, MigrationType},
};
use std::time::{Duration, Instant};
use store::{
    Audit,
    migrate::{MIGRATIONS, MigrateError},
};
use testkit::City;

/// Longer than any migration here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What nobody may have to wait for a page because of a migration.
const STANDSTILL: Duration = Duration::from_secs(3);

const COLUMN: &str = "set local role licheng_owner;
    alter table portfolio.outcome add column note text;
    alter table portfolio.outcome add constraint outcome_note_length check (char_length(note) <= 200) not valid;
    reset role;";

/// Some rows in each transaction, and as the owner: row-level security asks for one school after the other.
const FILL: &str = "-- no-transaction
    do $$
    declare
      code text;
    begin
      for code in select school_code from school.school loop
        loop
          set local role licheng_owner;
          perform set_config('app.school_code', code, true);
          update portfolio.outcome set note = left(summary, 200) where school_code = code and id in (
            select id from portfolio.outcome where school_code = code and note is null order by id limit 20);
          exit when not found;
          commit;
        end loop;
      end loop;
    end
    $$";

const CHECK: &str = "set local role licheng_owner;
    alter table portfolio.outcome validate constraint outcome_note_length;
    reset role;";

const INDEX: &str = "-- no-transaction
    create index concurrently if not exists outcome_by_note on portfolio.outcome (school_code, note)";

const CONTRACT: &str = "set local role licheng_owner;
    alter table portfolio.outcome drop column note;
    reset role;";

/// A migration as its file would be.
fn file(version: i64, name: String, sql: &'static str) -> Migration {
    let without_transaction = sql.starts_with("-- no-transaction");
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), without_transaction)
}

fn expanding() -> Vec<Migration> {
    let files = [(9001, "column", COLUMN), (9002, "fill", FILL), (9003, "check", CHECK), (9004, "index", INDEX)];
    files.into_iter().map(|(version, name, sql)| file(version, format!("expand outcome note {name}"), sql)).collect()
}

/// Removes what only programs before this one's newest migration would use.
fn contracting() -> Migration {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max().expect("migrations");
    file(9005, format!("contract {newest:04} outcome note"), CONTRACT)
}

/// What `licheng migrate` of a program with these migrations as well does.
async fn migrate(admin_url: &str, later: Vec<Migration>, patience: Duration) -> Result<Option<i64>, MigrateError> {
    store::migrate::apply(admin_url, MIGRATIONS.iter().cloned().chain(later).collect(), patience).await
}

async fn serving(city: &City) -> Process {
    // nobody reads the log of each request: a full pipe would stop the program
    Process::start(city, "all", &[("LICHENG_LOG", "warn,licheng=info")]).await.serving().await
}

async fn run(admin: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(admin).await.map(drop)
}

async fn holds(admin: &mut PgConnection, condition: &str) -> bool {
    let holds = sqlx::query_scalar(AssertSqlSafe(format!("select {condition}"))).fetch_one(admin).await;
    holds.unwrap_or_else(|error| panic!("{condition}: {error}"))
}

/// Whether somebody waits for a lock of the outcomes' table; tables of other databases on the server have the same id.
async fn stands_in_line(watcher: &mut PgConnection) -> bool {
    let waits = "exists (select from pg_locks where not granted and relation = 'portfolio.outcome'::regclass
                    and database = (select oid from pg_database where datname = current_database()))";
    holds(watcher, waits).await
}

/// A statement of a program that runs: prepared the first time and kept.
async fn kept(running: &mut PgConnection, sql: &'static str) -> Result<(), String> {
    sqlx::query(sql).fetch_one(running).await.map(drop).map_err(|error| error.to_string())
}

/// The next release uses the new column.
async fn next_release(city: &City, school: &str, outcome: i64) -> String {
    let mut tx = city.db("portfolio").write(&city.system(school), "test.note").await.expect("a transaction");
    let note = sqlx::query_scalar(
        "update portfolio.outcome set note = 'of the next release' where school_code = $1 and id = $2 returning note",
    );
    let note = note.bind(school).bind(outcome).fetch_one(tx.conn()).await.expect("the outcome");
    tx.audit(Audit::general("test", "test"));
    tx.commit().await.expect("a commit");
    note
}

/// Processes that were there before go on with the statements they have prepared; new ones of the same program may start.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_comes_and_goes_without_a_failed_request() {
    let pupil = Pupil::up().await;
    let (city, mut admin, mut running) = (&pupil.city, pupil.admin().await, pupil.admin().await);
    let outcomes = [pupil.outcome(0).await, pupil.outcome(1).await, pupil.outcome(2).await];
    let people = |outcome| [Work::Home, Work::Outcome(outcomes[0]), Work::Summary(outcome)];
    let first = serving(city).await;
    let before = Crowd::gather(&Person::of(&pupil, first.address), &people(outcomes[0]));
    before.works(20, 5).await;
    let (named, starred) =
        ("select id, summary from portfolio.outcome limit 1", "select * from portfolio.outcome limit 1");
    assert_eq!((kept(&mut running, named).await, kept(&mut running, starred).await), (Ok(()), Ok(())));
    let broken_off = "create unique index concurrently outcome_by_note on portfolio.outcome (school_code)";
    run(&mut admin, broken_off).await.expect_err("a school has several: the index stays behind, unfinished");

    assert_eq!(migrate(city.admin_url(), expanding(), PATIENCE).await.expect("expanded"), Some(9004));
    assert!(holds(&mut admin, "not exists (select from portfolio.outcome where note is null)").await);
    assert!(holds(&mut admin, "(select convalidated from pg_constraint where conname = 'outcome_note_length')").await);
    let index = "(select indisvalid and not indisunique from pg_index
                   where indexrelid = 'portfolio.outcome_by_note'::regclass)";
    assert!(holds(&mut admin, index).await, "built anew");
    assert_eq!(kept(&mut running, named).await, Ok(()));
    let lost = kept(&mut running, starred).await.expect_err("the statement returned less when it was prepared");
    assert!(lost.contains("cached plan must not change result type"), "{lost}");

    let second = serving(city).await;
    let again = store::migrate::up(city.admin_url()).await.expect("nothing to do");
    assert_eq!(again, Some(9004), "the old release, deployed once more, leaves everything as it is");
    let after = Crowd::gather(&Person::of(&pupil, second.address), &people(outcomes[1]));
    before.works(20, 5).await;
    after.works(20, 5).await;
    assert_eq!(next_release(city, &pupil.school, outcomes[2]).await, "of the next release");

    let later = [expanding(), vec![contracting()]].concat();
    assert_eq!(migrate(city.admin_url(), later, PATIENCE).await.expect("contracted"), Some(9005));
    assert_eq!(kept(&mut running, named).await, Ok(()));
    before.works(20, 5).await;
    after.works(20, 5).await;
    drop(serving(city).await);

    let ((pages, changes, mut failures), rest) = (before.go_home().await, after.go_home().await);
    failures.extend(rest.2);
    println!("{} pages, {} changes, {} failures", pages + rest.0, changes + rest.1, failures.len());
    assert_eq!(failures, Vec::<String>::new());
}

/// Design §10, the other way round: a program that still used what is gone must not start.
#[tokio::test]
async fn a_program_that_a_contraction_does_not_spare_is_refused() {
    let city = City::up().await;
    let later =
        vec![file(9001, "expand nothing".to_owned(), "select 1"), file(9002, "contract 9001".to_owned(), "select 1")];
    migrate(city.admin_url(), later, PATIENCE).await.expect("migrated");
    let mut process = Process::start(&city, "bureau", &[]).await;
    assert!(!process.ended().await.success());
    let complaint = process.complaint().await;
    assert!(complaint.contains("migration 9002 (contract 9001) of a later program"), "{complaint}");
    let refused = migrate(city.admin_url(), Vec::new(), PATIENCE).await;
    assert!(matches!(refused, Err(MigrateError::Misfit(_))), "{refused:?}");
}

/// Whoever reads a table stands in line behind a migration that stands in line behind a long transaction.
#[tokio::test(flavor = "multi_thread")]
async fn pages_do_not_stand_in_line_behind_a_migration() {
    let pupil = Pupil::up().await;
    let (mut admin, mut reporter, mut watcher) = (pupil.admin().await, pupil.admin().await, pupil.admin().await);
    let outcomes = [pupil.outcome(0).await, pupil.outcome(1).await];
    let process = serving(&pupil.city).await;
    let person = Person::of(&pupil, process.address);
    let page = format!("outcomes/{}", outcomes[0]);
    person.page(&page).await.expect("a page");
    let mut report = reporter.begin().await.expect("a transaction");
    run(&mut report, "select count(*) from portfolio.outcome").await.expect("a long report");

    // what would be without it
    let stubborn = run(&mut admin, "set lock_timeout = '20s'; alter table portfolio.outcome add column note text");
    let reading = async {
        while !stands_in_line(&mut watcher).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::timeout(STANDSTILL, person.page(&page)).await.expect_err("nobody can read an outcome");
    };
    let (stubborn, ()) = tokio::join!(stubborn, reading);
    stubborn.expect_err("the report goes on");

    let gave_up = migrate(pupil.city.admin_url(), expanding(), Duration::ZERO).await.expect_err("the report goes on");
    let gave_up = gave_up.to_string();
    assert!(gave_up.contains("migration 9001") && gave_up.contains("oldest transactions: pid "), "{gave_up}");

    let crowd = Crowd::gather(&person, &[Work::Home, Work::Outcome(outcomes[0]), Work::Summary(outcomes[1])]);
    crowd.works(10, 2).await;
    crowd.slowest();
    let migrating = async {
        let migrated = migrate(pupil.city.admin_url(), expanding(), PATIENCE).await;
        (migrated, Instant::now())
    };
    let reporting = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        crowd.works(10, 2).await;
        report.rollback().await.expect("the end of the report");
        Instant::now()
    };
    let ((migrated, then), reported) = tokio::join!(migrating, reporting);
    assert_eq!(migrated.expect("migrated"), Some(9004));
    assert!(then > reported, "the report was in the way until it ended");
    crowd.works(10, 2).await;
    let slowest = crowd.slowest();
    let (pages, changes, failures) = crowd.go_home().await;
    println!("{pages} pages, {changes} changes, the slowest took {slowest:?}");
    assert_eq!(failures, Vec::<String>::new());
    assert!(slowest < STANDSTILL, "{slowest:?}");
}

/// `migrate` is safe to run by several at once, also while an index is built that waits for every other session.
#[tokio::test(flavor = "multi_thread")]
async fn several_migrate_at_once() {
    let city = City::up().await;
    let migrations = (0..3).map(|_| migrate(city.admin_url(), expanding(), PATIENCE));
    for migrated in futures_util::future::join_all(migrations).await {
        assert_eq!(migrated.expect("migrated"), Some(9004));
    }
}

/// Name and type of every column that each query returns.
async fn returned(city: &City, queries: &[String]) -> Vec<Vec<String>> {
    let mut connection = city.admin().await;
    let mut returned = Vec::new();
    for query in queries {
        let prepared = connection.prepare(AssertSqlSafe(query.clone()).into_sql_str()).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{error}: {query}"));
        let columns = prepared.columns().iter();
        returned.push(columns.map(|column| format!("{} {}", column.name(), column.type_info().name())).collect());
    }
    returned
}

/// A prepared statement whose result would change is lost to the process that holds it: every query names its columns.
#[tokio::test]
async fn whatever_column_comes_the_queries_return_the_same() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let mut queries = queries();
    let before = returned(&city, &queries).await;
    let mut tables = tenant_tables(&mut admin).await;
    tables.extend(CITY_TABLES.iter().map(|(table, _)| (*table).to_owned()));
    queries.push("select * from school.student".to_owned());
    let starred = returned(&city, &queries).await.pop();
    for table in tables {
        run(&mut admin, &format!("alter table {table} add column comes_later text")).await.expect("a new column");
    }
    let mut after = returned(&city, &queries).await;
    assert_ne!(after.pop(), starred, "a star is seen");
    for (n, query) in queries.iter().enumerate().take(before.len()) {
        assert_eq!(before[n], after[n], "{query}");
    }
}
