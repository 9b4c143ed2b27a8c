//! The one line of history, and the passwords of the rooms' roles.

use crate::Error;
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};

/// All migrations, compiled in: the binary and the schema it knows are one thing.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

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
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database could not be reached or refused.
    #[error(transparent)]
    Database(#[from] Error),
}

/// The newest migration this binary knows.
#[must_use]
pub fn newest() -> Option<i64> {
    MIGRATIONS.iter().map(|migration| migration.version).max()
}

/// Brings the database of `admin_url` up to date and lets every room read the version.
pub async fn up(admin_url: &str) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(admin_url).await.map_err(Error::from)?;
    MIGRATIONS.run(&mut connection).await?;
    let readers = ROLES.join(", ");
    run(&mut connection, format!("grant select on public._sqlx_migrations to {readers}")).await?;
    connection.close().await.map_err(Error::from)?;
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
