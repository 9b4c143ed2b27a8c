//! The health of the promise, measured: for `/metrics`, whose alerts wake somebody, and for the bureau's page.

use super::Scrubber;
use store::Error;
use time::{Duration, OffsetDateTime};

/// Repairs of so many days are counted.
const RECENT: Duration = Duration::days(30);

impl Scrubber {
    /// Measures, publishes as metrics, and writes the bureau's row.
    pub(super) async fn measure(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.db.system("storage.measure").await?;
        let found = sqlx::query!(
            r#"insert into app.health as h (id, measured_at, objects, bytes, oldest_verified_at, scrub_began_at,
                 scrub_share, scrub_last_began_at, scrub_last_finished_at, scrub_last_objects, scrub_last_copies,
                 unhealed, healed_30_days, orphans, oldest_job_at, dead_jobs)
               select 1, $1, o.objects, o.bytes, o.oldest, s.began_at,
                      case when s.began_at is null or s.cost = 0 then 0 else least(s.spent::float8 / s.cost, 1) end,
                      s.last_began_at, s.last_finished_at, s.last_objects, s.last_copies,
                      c.unhealed, c.healed, c.orphans, j.oldest, j.dead
               from app.scrub s,
                    (select count(*) as objects, coalesce(sum(size), 0)::bigint as bytes,
                            -- what can't be proven is counted as unhealed, not as late
                            min(verified_at) filter (where bad.sha256 is null) as oldest
                       from app.stored_object k
                       left join (select distinct school_code, sha256 from app.storage_case
                                   where healed_at is null and what <> 'orphaned') bad
                         on bad.school_code = k.school_code and bad.sha256 = k.sha256) o,
                    (select count(*) filter (where healed_at is null and what <> 'orphaned') as unhealed,
                            count(*) filter (where healed_at >= $2 and what <> 'orphaned') as healed,
                            count(*) filter (where healed_at is null and what = 'orphaned') as orphans
                       from app.storage_case) c,
                    (select min(run_at) filter (where dead_at is null and run_at <= $1) as oldest,
                            count(*) filter (where dead_at is not null) as dead from app.job) j
               on conflict (id) do update
                 set measured_at = excluded.measured_at, objects = excluded.objects, bytes = excluded.bytes,
                     oldest_verified_at = excluded.oldest_verified_at, scrub_began_at = excluded.scrub_began_at,
                     scrub_share = excluded.scrub_share, scrub_last_began_at = excluded.scrub_last_began_at,
                     scrub_last_finished_at = excluded.scrub_last_finished_at,
                     scrub_last_objects = excluded.scrub_last_objects, scrub_last_copies = excluded.scrub_last_copies,
                     unhealed = excluded.unhealed, healed_30_days = excluded.healed_30_days, orphans = excluded.orphans,
                     oldest_job_at = excluded.oldest_job_at, dead_jobs = excluded.dead_jobs
               returning objects, unhealed, orphans,
                         case when scrub_last_began_at is null then scrub_began_at
                              else coalesce(oldest_verified_at, scrub_last_began_at) end as scrubbed_at,
                         (select max(proven_at) from app.proof where kind = 'restore') as restored_at"#,
            now,
            now - RECENT
        )
        .fetch_one(tx.conn())
        .await?;
        tx.commit().await?;
        let age = |since: OffsetDateTime| (now - since).as_seconds_f64().max(0.0);
        // before the first pass has begun there is no age to tell
        if let Some(at) = found.scrubbed_at {
            metrics::gauge!("licheng_storage_scrub_age_seconds").set(age(at));
        }
        if let Some(at) = found.restored_at {
            metrics::gauge!("licheng_restore_age_seconds").set(age(at));
        }
        metrics::gauge!("licheng_storage_objects").set(found.objects as f64);
        metrics::gauge!("licheng_storage_unhealed").set(found.unhealed as f64);
        metrics::gauge!("licheng_storage_orphans").set(found.orphans as f64);
        Ok(())
    }
}
