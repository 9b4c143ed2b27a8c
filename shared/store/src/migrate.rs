//! The one line of history, and the passwords of the rooms' roles.

use crate::Error;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{Migrate as _, MigrateError as Failure, Migration, Migrator},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// All migrations, compiled in: the binary and the schema it knows are one thing.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// How long a migration waits for a lock in one try: whoever asks for the same table meanwhile stands in line behind it,
/// the pages first of all.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long everybody else goes first before the next try.
const PAUSE: Duration = Duration::from_secs(3);
/// How long one migration tries at most.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The advisory lock of whoever migrates this database.
const TURN: i64 = 0x006c_6963_6865_6e67;
/// SQLSTATEs of locks that were not to be had: waited for too long, or in a circle.
const NOT_TO_BE_HAD: [&str; 2] = ["55P03", "40P01"];

/// What the database has.
pub(crate) const APPLIED: &str =
    "select version, description from public._sqlx_migrations where success order by version";

/// The database roles that log in, one per room.
pub const ROLES: [&str; 8] = [
    "svc_identity",
    "svc_school",
    "svc_portfolio",
    "svc_certification",
    "svc_counseling",
    "svc_submission",
    "svc_bureau",
    "svc_worker",
];

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration failed; it was rolled back.
    #[error("migration failed: {0}")]
    Migration(#[from] Failure),
    /// Somebody held a lock all the time; the migration was rolled back.
    #[error(
        "migration {version} tried for {} s and never got its lock, so it changed nothing. The oldest transactions: \
         {transactions}. End them, or run `licheng migrate` again later",
        .tried.as_secs()
    )]
    NeverFree {
        /// The migration.
        version: i64,
        /// From the first try to the last.
        tried: Duration,
        /// Who might be the one.
        transactions: String,
    },
    /// The database has what this program cannot work with.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The database could not be reached or refused.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Why a program and a database don't go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The database is older.
    #[error("the database lacks migration {0}: run `licheng migrate`")]
    Behind(i64),
    /// The database is newer, and not only by what leaves older programs fit.
    #[error("the database has migration {0} ({1}) of a later program, with which this one cannot work: start that one")]
    Ahead(i64, String),
}

/// A migration as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// The rest of its file's name, in words.
    pub description: String,
}

impl Applied {
    /// Whether programs that know these migrations, but not this one, can work on, as its name says: `expand …` spares
    /// all of them, `contract 0013 …` those that know 0013, and any other name none.
    fn spares(&self, known: &BTreeSet<i64>) -> bool {
        let mut words = self.description.split(' ');
        match words.next() {
            Some("expand") => true,
            Some("contract") => {
                words.next().and_then(|word| word.parse().ok()).is_some_and(|needed: i64| known.contains(&needed))
            }
            _ => false,
        }
    }
}

/// Whether this program can work with a database that has these migrations. A newer one will do while it has only been
/// expanded: an old process may start during a deploy, and an old release come back after one.
pub fn fits(applied: &[Applied]) -> Result<(), Misfit> {
    let known = versions(MIGRATIONS.iter());
    match known.iter().find(|version| applied.iter().all(|done| done.version != **version)) {
        Some(missing) => Err(Misfit::Behind(*missing)),
        None => not_ahead(&known, applied),
    }
}

fn not_ahead(known: &BTreeSet<i64>, applied: &[Applied]) -> Result<(), Misfit> {
    match applied.iter().find(|done| !known.contains(&done.version) && !done.spares(known)) {
        Some(later) => Err(Misfit::Ahead(later.version, later.description.clone())),
        None => Ok(()),
    }
}

fn versions<'m>(migrations: impl Iterator<Item = &'m Migration>) -> BTreeSet<i64> {
    migrations.map(|migration| migration.version).collect()
}

/// Brings the database of `admin_url` up to date and lets every room read the version, which it gives back.
pub async fn up(admin_url: &str) -> Result<Option<i64>, MigrateError> {
    apply(admin_url, MIGRATIONS.iter().cloned().collect(), PATIENCE).await
}

/// The same with these migrations, each of which tries so long to get its locks.
pub async fn apply(
    admin_url: &str,
    migrations: Vec<Migration>,
    patience: Duration,
) -> Result<Option<i64>, MigrateError> {
    let mut migrator = Migrator::with_migrations(migrations);
    // the turn is taken here, and what the database has beyond these is judged here
    migrator.set_locking(false).set_ignore_missing(true);
    let known = versions(migrator.iter());
    let mut connection = PgConnection::connect(admin_url).await.map_err(Error::from)?;
    take_turn(&mut connection).await?;
    // before each migration sqlx makes its table if there is none, and the server says every time that there is one
    run(&mut connection, "set client_min_messages = warning".to_owned()).await?;
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let before = applied(&mut connection).await?;
    not_ahead(&known, &before)?;
    let done: BTreeSet<i64> = before.iter().map(|done| done.version).collect();
    for migration in migrator.iter().filter(|migration| !done.contains(&migration.version)) {
        step(&mut connection, &migrator, migration, patience).await?;
    }
    migrator.run(&mut connection).await?; // compares what was applied before with the files
    let readers = ROLES.join(", ");
    run(&mut connection, format!("grant select on public._sqlx_migrations to {readers}")).await?;
    let newest = known.union(&done).max().copied();
    connection.close().await.map_err(Error::from)?;
    Ok(newest)
}

/// Waits until nobody else migrates. It asks again and again instead of standing in line: an index that is built
/// concurrently waits for every statement that runs, and so for those in line behind its own builder.
async fn take_turn(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let ask = "select pg_try_advisory_lock($1)";
    while !sqlx::query_scalar(ask).bind(TURN).fetch_one(&mut *connection).await.map_err(Error::from)? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<Applied>, Error> {
    Ok(sqlx::query_as(APPLIED).fetch_all(connection).await?)
}

/// Applies one migration, trying until its locks are free.
async fn step(
    connection: &mut PgConnection,
    migrator: &Migrator,
    migration: &Migration,
    patience: Duration,
) -> Result<(), MigrateError> {
    let begun = Instant::now();
    // an index built concurrently keeps nobody waiting, however long it waits itself
    let timeout = if migration.no_tx { Duration::ZERO } else { LOCK_TIMEOUT };
    run(connection, format!("set lock_timeout = {}", timeout.as_millis())).await?;
    if migration.no_tx {
        drop_unfinished(connection, migration.sql.as_str()).await?;
    }
    let version = migration.version;
    while let Err(failure) = migrator.run_to(version, &mut *connection).await {
        if !is_for_a_lock(&failure) {
            return Err(failure.into());
        }
        let transactions = oldest_transactions(connection).await?;
        let tried = begun.elapsed();
        if tried >= patience {
            return Err(MigrateError::NeverFree { version, tried, transactions });
        }
        tracing::warn!(version, transactions, "a lock is not free: others go first");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Whether a migration failed because somebody else held a lock.
fn is_for_a_lock(failure: &Failure) -> bool {
    let (Failure::Execute(error) | Failure::ExecuteMigration(error, _)) = failure else { return false };
    let code = error.as_database_error().and_then(|database| database.code());
    code.is_some_and(|code| NOT_TO_BE_HAD.contains(&code.as_ref()))
}

async fn oldest_transactions(connection: &mut PgConnection) -> Result<String, Error> {
    let ask = "select coalesce(string_agg(format('pid %s of %s for %s s', pid, usename, seconds), ', '), 'none') from (
                 select pid, usename, extract(epoch from clock_timestamp() - xact_start)::bigint as seconds
                   from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
                  order by xact_start limit 3) as oldest";
    Ok(sqlx::query_scalar(ask).fetch_one(connection).await?)
}

/// Drops the index of a build that was broken off: its name is taken, and nobody may use it.
async fn drop_unfinished(connection: &mut PgConnection, sql: &str) -> Result<(), MigrateError> {
    let ask = "select relname::text, oid::regclass::text from pg_class join pg_index on indexrelid = oid
                where not indisvalid and relkind = 'i'";
    let invalid: Vec<(String, String)> = sqlx::query_as(ask).fetch_all(&mut *connection).await.map_err(Error::from)?;
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    for (name, index) in invalid {
        if sql.split(|c| !is_name(c)).any(|word| word == name) {
            run(connection, format!("drop index concurrently {index}")).await?;
        }
    }
    Ok(())
}

/// Gives a room's role its password. `quote_literal` keeps the secret out of the statement's grammar.
pub async fn set_password(admin_url: &str, role: &str, secret: &str) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(admin_url).await.map_err(Error::from)?;
    let statement: String = sqlx::query_scalar("select format('alter role %I password %L', $1::text, $2::text)")
        .bind(role)
        .bind(secret)
        .fetch_one(&mut connection)
        .await
        .map_err(Error::from)?;
    run(&mut connection, statement).await?;
    connection.close().await.map_err(Error::from)?;
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), MigrateError> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.map_err(Error::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(known: &[i64], later: &str) -> Result<(), Misfit> {
        let applied = |version, description: &str| Applied { version, description: description.to_owned() };
        let known: BTreeSet<i64> = known.iter().copied().collect();
        not_ahead(&known, &[applied(12, "deadlines"), applied(15, later)])
    }

    #[test]
    fn a_later_migration_says_which_programs_it_spares() {
        assert_eq!(judged(&[12], "expand outcome note"), Ok(()));
        assert_eq!(judged(&[12, 13], "contract 0013 outcome note"), Ok(()));
        assert_eq!(judged(&[12, 15], "outcome note"), Ok(()), "its own");
        for strange in ["contract 0013 outcome note", "contract", "contract note", "outcome note", "expanded", ""] {
            assert_eq!(judged(&[12], strange), Err(Misfit::Ahead(15, strange.to_owned())));
        }
    }

    #[test]
    fn a_database_that_lacks_something_is_refused() {
        assert!(matches!(fits(&[]), Err(Misfit::Behind(1))));
        let all = |migration: &Migration| Applied {
            version: migration.version,
            description: migration.description.clone().into_owned(),
        };
        let all: Vec<Applied> = MIGRATIONS.iter().map(all).collect();
        assert_eq!(fits(&all), Ok(()));
        assert!(matches!(fits(&all[..all.len() - 1]), Err(Misfit::Behind(_))));
        let one_between = [&all[..3], &all[4..]].concat();
        assert_eq!(fits(&one_between), Err(Misfit::Behind(4)), "the newest is there, and one is missing");
    }
}
