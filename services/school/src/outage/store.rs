//! The SQL of outages, on the school's side.

use super::{Extension, Outage};
use crate::window::store::{self as windows, Numbered};
use ::store::{Error, TenantTx};
use kernel::rules::{Window, WindowKind};
use time::{Duration, OffsetDateTime};

/// How long the office sees what an outage did.
const SHOWN: Duration = Duration::days(30);

/// Outages of one school are worked one after the other: each must see what the one before counted.
pub(crate) async fn queue_up(tx: &mut TenantTx) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!("select pg_advisory_xact_lock(hashtext('school.outage'), hashtext($1))", school.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Every outage that has hit the school.
pub(crate) async fn known(tx: &mut TenantTx) -> Result<Vec<Outage>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Outage,
        "select id, starts_at, ends_at from school.outage where school_code = $1 order by starts_at, id",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The outages that extended a window.
pub(crate) async fn counted(tx: &mut TenantTx, window: i64) -> Result<Vec<Outage>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Outage,
        "select o.id, o.starts_at, o.ends_at
           from school.window_extension e
           join school.outage o on o.school_code = $1 and o.id = e.outage_id
          where e.school_code = $1 and e.window_id = $2",
        school.as_str(),
        window
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Notes an outage and how many windows it extends.
pub(crate) async fn insert(tx: &mut TenantTx, outage: Outage, reason: &str, windows: usize) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    sqlx::query!(
        "insert into school.outage (school_code, id, starts_at, ends_at, reason, windows, applied_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        school.as_str(),
        outage.id,
        outage.starts_at,
        outage.ends_at,
        reason,
        i32::try_from(windows).unwrap_or(i32::MAX),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Extends a window, and notes which outage gave how much.
pub(crate) async fn extend(tx: &mut TenantTx, before: &Numbered, extensions: &[Extension]) -> Result<(), Error> {
    let school = tx.school();
    for extension in extensions {
        sqlx::query!(
            "insert into school.window_extension (school_code, window_id, outage_id, closed_at, closes_at)
             values ($1, $2, $3, $4, $5)",
            school.as_str(),
            before.id,
            extension.outage,
            extension.closed_at,
            extension.closes_at
        )
        .execute(tx.conn())
        .await?;
    }
    let Some(last) = extensions.last() else { return Ok(()) };
    let after = Window { closes_at: last.closes_at, ..before.window.clone() };
    windows::change(tx, "window.extend", before, (&after, before.stage)).await
}

/// One window as an outage left it.
pub(crate) struct Extended {
    kind: String,
    pub(crate) term: i16,
    pub(crate) grade: i16,
    pub(crate) closed_at: OffsetDateTime,
    pub(crate) closes_at: OffsetDateTime,
    pub(crate) starts_at: OffsetDateTime,
    pub(crate) ends_at: OffsetDateTime,
    pub(crate) reason: String,
}

impl Extended {
    /// What was extended.
    pub(crate) fn label(&self) -> &str {
        self.kind.parse::<WindowKind>().map_or(self.kind.as_str(), |kind| kind.label())
    }
}

/// What outages did to the school's windows lately, the newest first.
pub(crate) async fn recent(tx: &mut TenantTx) -> Result<Vec<Extended>, Error> {
    let (school, since) = (tx.school(), tx.now() - SHOWN);
    Ok(sqlx::query_as!(
        Extended,
        "select w.kind, w.term, w.grade, e.closed_at, e.closes_at, o.starts_at, o.ends_at, o.reason
           from school.outage o
           join school.window_extension e on e.school_code = $1 and e.outage_id = o.id
           join school.window_period w on w.school_code = $1 and w.id = e.window_id
          where o.school_code = $1 and o.applied_at > $2
          order by o.starts_at desc, o.id desc, w.kind, w.term, w.grade",
        school.as_str(),
        since
    )
    .fetch_all(tx.conn())
    .await?)
}
