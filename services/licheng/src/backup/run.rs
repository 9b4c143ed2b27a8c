//! Making a backup: the base by Barman, then a named point in the WAL with the rows counted around it.

use super::{
    archive::Archive,
    counts::{self, Counted, Counts},
    record::{self, Record},
};
use anyhow::{Context as _, Result, bail, ensure};
use kernel::clock::Clock;
use ops::config::Backup;
use percent_encoding::percent_decode_str;
use sqlx::{Connection, PgConnection};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};
use url::Url;

/// How long PostgreSQL may take to archive a piece of WAL that is complete.
const ARCHIVING: Duration = Duration::from_secs(180);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Makes one complete backup and says what it holds.
pub async fn run(backup: &Backup, admin_url: &str, clock: &Clock) -> Result<Record> {
    let mut connection = PgConnection::connect(admin_url).await.context("connecting as the administrator")?;
    preflight(&mut connection).await?;
    let begun_at = clock.now();
    let name = format!("licheng-{}", begun_at.unix_timestamp_nanos());
    let archive = Archive::new(backup);
    archive.back_up(&libpq(admin_url)?, &name).await.context("copying the database")?;
    let made = archive.list().await?.into_iter().find(|base| base.backup_name.as_deref() == Some(name.as_str()));
    let made = made.filter(|base| base.status == "DONE").context("Barman lists no such backup as done")?;

    let schema_version: i64 = sqlx::query_scalar("select max(version) from public._sqlx_migrations where success")
        .fetch_one(&mut connection)
        .await
        .context("the database has no schema of ours: run `licheng migrate`")?;
    let before = counts::count(&mut connection).await?;
    let restore_point = format!("licheng_{}", made.backup_id);
    sqlx::query("select pg_create_restore_point($1)")
        .bind(&restore_point)
        .execute(&mut connection)
        .await
        .context("setting the restore point")?;
    let after = counts::count(&mut connection).await?;
    archived(&mut connection).await?;

    let record = Record {
        backup_id: made.backup_id,
        begun_at,
        finished_at: clock.now(),
        restore_point,
        schema_version,
        transactions: after.next - before.oldest,
        tables: tables(before, &after),
    };
    record::write(&super::records(backup), backup, &record).await?;
    Ok(record)
}

fn tables(before: Counts, after: &Counts) -> BTreeMap<String, Counted> {
    let counted = before.tables.into_iter().map(|(name, rows)| {
        let later = after.tables.get(&name).copied().unwrap_or(rows);
        (name, Counted { before: rows, after: later })
    });
    counted.collect()
}

/// Everything that would make a backup worthless, before one is made.
async fn preflight(connection: &mut PgConnection) -> Result<()> {
    let (archive_mode, archive_command, data, sees_all): (String, String, String, bool) = sqlx::query_as(
        "select current_setting('archive_mode'), current_setting('archive_command'), current_setting('data_directory'),
                (select rolsuper or rolbypassrls from pg_roles where rolname = current_user)",
    )
    .fetch_one(connection)
    .await
    .context("asking for the server's settings (the administrator needs pg_read_all_settings)")?;
    ensure!(
        archive_mode != "off",
        "archive_mode is off: without the WAL a backup can't be restored; see README, Restoring"
    );
    ensure!(!archive_command.is_empty(), "archive_command is empty: set it to `licheng backup wal %p`");
    ensure!(sees_all, "the administrator's role is bound by row-level security: it needs BYPASSRLS");
    let there = Path::new(&data).join("PG_VERSION");
    ensure!(there.is_file(), "{data} is not on this machine: run this beside PostgreSQL, as root or as its account");
    Ok(())
}

/// Makes every moment up to now restorable: a commit marks the time in the WAL, and what is written so far is archived.
pub async fn flush(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_current_xact_id()").execute(&mut *connection).await?;
    archived(connection).await
}

/// Returns when the WAL that is written so far is archived. Where nothing was written since the last piece was closed,
/// the answer is that piece.
async fn archived(connection: &mut PgConnection) -> Result<()> {
    let wanted: String = sqlx::query_scalar("select pg_walfile_name(pg_switch_wal())")
        .fetch_one(&mut *connection)
        .await
        .context("closing the piece of WAL")?;
    let deadline = Instant::now() + ARCHIVING;
    loop {
        let (last, failed): (Option<String>, Option<String>) = sqlx::query_as(
            "select left(last_archived_wal, 24), case when last_failed_time > coalesce(last_archived_time, '-infinity')
                                                      then last_failed_wal end
             from pg_stat_archiver",
        )
        .fetch_one(&mut *connection)
        .await?;
        if last.is_some_and(|last| last >= wanted) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let why = failed
                .map_or_else(String::new, |wal| format!(": archive_command fails at {wal}, see the server's log"));
            bail!("the WAL is not archived after {} s{why}", ARCHIVING.as_secs());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// A database URL as libpq's variables: arguments, which everybody can read, are no place for a password.
fn libpq(url: &str) -> Result<Vec<(&'static str, String)>> {
    let url = Url::parse(url).context("the administrator's URL")?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let asked = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let host = asked("host").or_else(|| url.host_str().map(decoded));
    let port = asked("port").or_else(|| url.port().map(|port| port.to_string()));
    let known = [
        ("PGHOST", host),
        ("PGPORT", port),
        ("PGUSER", Some(decoded(url.username()))),
        ("PGPASSWORD", url.password().map(decoded)),
        ("PGDATABASE", Some(decoded(url.path().trim_start_matches('/')))),
        ("PGSSLMODE", asked("sslmode")),
        ("PGSSLROOTCERT", asked("sslrootcert")),
    ];
    let given = known.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    Ok(given.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_libpqs_variables() {
        let found = libpq("postgres://me:a%40b@db:5433/licheng?sslmode=require").unwrap();
        let expected = [
            ("PGHOST", "db"),
            ("PGPORT", "5433"),
            ("PGUSER", "me"),
            ("PGPASSWORD", "a@b"),
            ("PGDATABASE", "licheng"),
            ("PGSSLMODE", "require"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
        let socket = libpq("postgres://postgres@localhost/licheng?host=/run/postgresql").unwrap();
        assert_eq!(socket[0], ("PGHOST", "/run/postgresql".to_owned()));
    }
}
