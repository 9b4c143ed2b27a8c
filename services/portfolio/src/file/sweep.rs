//! Uploads that were never finished: after a day their bytes are given back.

use std::sync::Arc;

use kernel::{actor::Context, school::SchoolCode};
use serde_json::json;
use store::{Audit, Error, TenantTx, jobs::JobError};
use time::{Duration, OffsetDateTime};

use super::storage;
use crate::room::Room;

/// As long as `upload.js` remembers an upload.
const PATIENCE: Duration = Duration::DAY;

/// One round over all schools.
pub(crate) async fn round(room: Arc<Room>) -> Result<(), JobError> {
    let now = room.web.clock().now();
    let mut tx = room.db.system("portfolio.file.schools").await?;
    let schools =
        sqlx::query_scalar!("select school_code from school.school order by school_code").fetch_all(tx.conn()).await?;
    drop(tx);
    for school in schools.iter().filter_map(|code| code.parse::<SchoolCode>().ok()) {
        of_school(&room, school, now).await?;
    }
    Ok(())
}

async fn of_school(room: &Room, school: SchoolCode, now: OffsetDateTime) -> Result<(), JobError> {
    let ctx = Context::system(school, format!("sweep-{}", now.unix_timestamp()), now);
    let mut tx = room.db.write(&ctx, "portfolio.file.sweep").await?;
    let late = expire(&mut tx, now - PATIENCE).await?;
    for (student, id, bytes) in &late {
        storage::give_back(&mut tx, (*student).into(), *bytes).await?;
        tx.audit(Audit::new("file.expire", "file", *id).after(json!({ "bytes": bytes })));
    }
    if late.is_empty() {
        drop(tx);
    } else {
        tx.commit().await?;
    }
    // what storage holds goes as well, whether a row expired or not: refused, superseded and removed uploads leave
    // remains, too, when storage was away. It counts by itself what is old, and costs two listings an hour
    if let Err(error) = room.vault.sweep(&school, now - PATIENCE).await {
        tracing::info!(%error, "remains of uploads were left to the next round");
    }
    Ok(())
}

/// Ends every upload begun before: student, file, bytes.
async fn expire(tx: &mut TenantTx, before: OffsetDateTime) -> Result<Vec<(i64, i64, i64)>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let rows = sqlx::query!(
        "update portfolio.file set removed_at = $3
          where school_code = $1 and created_at < $2
            and saved_at is null and refused_at is null and removed_at is null
          returning student_id, id, declared_size",
        school.as_str(),
        before,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.student_id, row.id, row.declared_size)).collect())
}
