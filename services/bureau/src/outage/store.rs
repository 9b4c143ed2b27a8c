//! The SQL of outages, on the bureau's side.

use super::{Outage, Schools};
use ::store::{Audit, Db, Error, TenantTx};
use serde_json::json;
use time::OffsetDateTime;

/// Outages that the page lists at most.
const LISTED: i64 = 100;

/// An outage with what became of it at the schools.
pub(crate) struct Recorded {
    pub(crate) id: i64,
    pub(crate) starts_at: OffsetDateTime,
    pub(crate) ends_at: Option<OffsetDateTime>,
    pub(crate) all_schools: bool,
    pub(crate) reason: String,
    /// Schools that it hit.
    pub(crate) schools: i64,
    /// Names of the first few.
    pub(crate) names: String,
    /// Schools whose windows are extended by now.
    pub(crate) applied: i64,
    /// Windows extended there.
    pub(crate) windows: i64,
}

/// A school to choose.
pub(crate) struct School {
    pub(crate) code: String,
    pub(crate) name: String,
}

/// The newest outages, and every school.
pub(crate) async fn list(db: &Db) -> Result<(Vec<Recorded>, Vec<School>), Error> {
    let mut tx = db.bureau("bureau.outage.list").await?;
    let outages = sqlx::query_as!(
        Recorded,
        r#"select o.id, o.starts_at, o.ends_at, o.all_schools, o.reason, count(*) as "schools!",
                  array_to_string((array_agg(h.short_name order by h.school_code))[1:5], '、') as "names!",
                  count(s.applied_at) as "applied!", coalesce(sum(s.windows), 0) as "windows!"
             from bureau.outage o
             join bureau.outage_school s on s.outage_id = o.id
             join school.school h on h.school_code = s.school_code
            group by o.id order by o.starts_at desc, o.id desc limit $1"#,
        LISTED
    )
    .fetch_all(tx.conn())
    .await?;
    let schools =
        sqlx::query_as!(School, "select school_code as code, short_name as name from school.school order by 1")
            .fetch_all(tx.conn())
            .await?;
    Ok((outages, schools))
}

/// Records an outage and the schools that it hit.
pub(crate) async fn insert(tx: &mut TenantTx, outage: &Outage) -> Result<(), Error> {
    let (now, request) = (tx.now(), tx.ctx().request_id.clone());
    let chosen = match &outage.schools {
        Schools::All => None,
        Schools::Some(codes) => Some(codes.as_slice()),
    };
    let id = sqlx::query_scalar!(
        "insert into bureau.outage (starts_at, ends_at, all_schools, reason, recorded_at, request_id)
         values ($1, $2, $3, $4, $5, $6) returning id",
        outage.starts_at,
        outage.ends_at,
        chosen.is_none(),
        outage.reason,
        now,
        request
    )
    .fetch_one(tx.conn())
    .await?;
    let hit = sqlx::query!(
        "insert into bureau.outage_school (outage_id, school_code)
         select $1, school_code from school.school where $2::text[] is null or school_code = any($2)",
        id,
        chosen
    )
    .execute(tx.conn())
    .await?;
    let after = json!({
        "starts_at": outage.starts_at.to_string(),
        "ends_at": outage.ends_at.map(|ends_at| ends_at.to_string()),
        "schools": chosen,
        "school_count": hit.rows_affected(),
        "reason": outage.reason,
    });
    tx.audit(Audit::new("outage.record", "outage", id).after(after));
    Ok(())
}

/// Whether there is such an outage.
pub(crate) async fn exists(tx: &mut TenantTx, id: i64) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(r#"select exists (select from bureau.outage where id = $1) as "found!""#, id);
    Ok(found.fetch_one(tx.conn()).await?)
}

/// Ends an outage that still lasts, now; [`Error::Stale`] if it does not.
pub(crate) async fn end(tx: &mut TenantTx, id: i64) -> Result<(), Error> {
    let (now, request) = (tx.now(), tx.ctx().request_id.clone());
    let ended = sqlx::query!(
        "update bureau.outage set ends_at = $2, request_id = $3 where id = $1 and ends_at is null and starts_at < $2",
        id,
        now,
        request
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(ended.rows_affected())?;
    let before = json!({ "ends_at": null });
    tx.audit(Audit::new("outage.end", "outage", id).before(before).after(json!({ "ends_at": now.to_string() })));
    Ok(())
}
