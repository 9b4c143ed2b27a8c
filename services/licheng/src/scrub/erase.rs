//! Contents that nobody keeps any more leave storage, in two steps with a week between them.
//!
//! First a deletion mark hides a content in both copies. From then on whoever stores the same content writes it anew,
//! and whoever just found it there is healed by the scrubber from the version under the mark. A week later, if still
//! nobody keeps it, the bytes go: no moment can make a file that somebody was promised disappear.

use super::{Scrubber, known};
use anyhow::Result;
use kernel::{actor::Context, school::SchoolCode};
use serde_json::json;
use store::{Audit, Error, TenantTx};
use time::{Duration, OffsetDateTime};

/// Between mark and end: longer than any upload, any backup's round and any long weekend of whoever looks after it.
const GRACE: Duration = Duration::days(7);
/// Contents of a school in one round.
const MOST: i64 = 1000;

/// Contents that could not leave, until a round gives up.
const PATIENCE: usize = 5;

/// A content on its way out.
struct Leaving {
    sha256: [u8; 32],
    is_marked: bool,
    /// Some room keeps it again, or still.
    is_kept: bool,
}

impl Scrubber {
    /// One round over all schools. What a lock still holds waits, storage that is away leaves the rest to the next one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn erase(&self) -> Result<()> {
        let mut failures = 0;
        for school in known::schools(&self.db).await? {
            self.collect(school).await?;
            for leaving in self.leaving(school).await? {
                if let Err(error) = self.lead_out(school, &leaving).await {
                    tracing::info!(school_code = school.as_str(), %error, "a content could not leave storage yet");
                    failures += 1;
                }
                if failures == PATIENCE {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn lead_out(&self, school: SchoolCode, leaving: &Leaving) -> Result<()> {
        let hash = &leaving.sha256;
        if leaving.is_kept {
            return Ok(self.note(school, hash, Step::Kept).await?);
        }
        if !leaving.is_marked {
            self.vault.lay_aside(&school, hash).await?;
            return Ok(self.note(school, hash, Step::Marked).await?);
        }
        if self.vault.destroy(&school, hash, self.clock.now() - GRACE).await? {
            self.note(school, hash, Step::Erased).await?;
            metrics::counter!("licheng_storage_erased_total").increment(1);
        }
        Ok(())
    }

    /// Takes up what a room has retired since, and nobody keeps.
    async fn collect(&self, school: SchoolCode) -> Result<(), Error> {
        let mut tx = self.tenant(school, "storage.erasure.collect").await?;
        let now = tx.now();
        let asked = sqlx::query_scalar!(
            r#"insert into app.erasure as e (school_code, sha256, asked_at)
               select distinct r.school_code, r.sha256, $2::timestamptz from portfolio.retired_object r
                where r.school_code = $1
                  and not exists (select from app.kept_object k where k.school_code = $1 and k.sha256 = r.sha256)
                  and not exists (select from app.erasure e where e.school_code = $1 and e.sha256 = r.sha256
                                     and (e.erased_at is null or e.erased_at >= r.retired_at))
                limit $3
               on conflict (school_code, sha256)
                  do update set asked_at = excluded.asked_at, marked_at = null, erased_at = null
               returning encode(e.sha256, 'hex') as "sha256!""#,
            school.as_str(),
            now,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        for sha256 in &asked {
            tx.audit(Audit::general("object.retire", "object").after(json!({ "sha256": sha256 })));
        }
        if asked.is_empty() { Ok(()) } else { tx.commit().await }
    }

    /// Whose next step is due.
    async fn leaving(&self, school: SchoolCode) -> Result<Vec<Leaving>, Error> {
        let mut tx = self.db.system("storage.erasure.due").await?;
        let rows = sqlx::query!(
            r#"select sha256, marked_at is not null as "is_marked!",
                      exists (select from app.kept_object k where k.school_code = $1 and k.sha256 = e.sha256)
                        as "is_kept!"
                 from app.erasure e
                where school_code = $1 and erased_at is null and (marked_at is null or marked_at < $2)
                order by sha256 limit $3"#,
            school.as_str(),
            self.clock.now() - GRACE,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        let leaving = rows.into_iter().filter_map(|row| {
            Some(Leaving { sha256: row.sha256.try_into().ok()?, is_marked: row.is_marked, is_kept: row.is_kept })
        });
        Ok(leaving.collect())
    }

    async fn note(&self, school: SchoolCode, sha256: &[u8; 32], step: Step) -> Result<(), Error> {
        let mut tx = self.tenant(school, "storage.erasure.note").await?;
        let now = tx.now();
        match step {
            Step::Marked => mark(&mut tx, sha256, now).await?,
            Step::Erased => close(&mut tx, sha256, now).await?,
            Step::Kept => withdraw(&mut tx, sha256).await?,
        }
        tx.audit(Audit::general(step.action(), "object").after(json!({ "sha256": hex::encode(sha256) })));
        tx.commit().await
    }

    async fn tenant(&self, school: SchoolCode, name: &'static str) -> Result<TenantTx, Error> {
        let ctx = Context::system(school, format!("storage-{}", uuid::Uuid::new_v4()), self.clock.now());
        self.db.write(&ctx, name).await
    }
}

/// What became of a content that was to leave.
#[derive(Clone, Copy)]
enum Step {
    Marked,
    Erased,
    /// Somebody keeps it: it stays.
    Kept,
}

impl Step {
    const fn action(self) -> &'static str {
        match self {
            Self::Marked => "object.mark",
            Self::Erased => "object.erase",
            Self::Kept => "object.keep",
        }
    }
}

async fn mark(tx: &mut TenantTx, sha256: &[u8; 32], now: OffsetDateTime) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "update app.erasure set marked_at = $3 where school_code = $1 and sha256 = $2 and marked_at is null",
        school.as_str(),
        sha256,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn close(tx: &mut TenantTx, sha256: &[u8; 32], now: OffsetDateTime) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "update app.erasure set erased_at = $3 where school_code = $1 and sha256 = $2 and erased_at is null",
        school.as_str(),
        sha256,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn withdraw(tx: &mut TenantTx, sha256: &[u8; 32]) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!("delete from app.erasure where school_code = $1 and sha256 = $2", school.as_str(), sha256)
        .execute(tx.conn())
        .await?;
    Ok(())
}
