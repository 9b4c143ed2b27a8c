//! The row that the worker measures.

use super::Health;
use ::store::{Db, Error};

/// What was measured last; `None` before the first measurement.
pub(crate) async fn find(db: &Db) -> Result<Option<Health>, Error> {
    let mut tx = db.bureau("bureau.health").await?;
    let health = sqlx::query_as!(
        Health,
        r#"select measured_at, objects, bytes, oldest_verified_at, scrub_began_at, scrub_share, scrub_last_began_at,
                  scrub_last_finished_at, scrub_last_objects, scrub_last_copies, unhealed,
                  healed_30_days as healed, orphans, oldest_job_at, dead_jobs,
                  (select max(proven_at) from app.proof where kind = 'restore') as restored_at
           from app.health"#
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(health)
}
