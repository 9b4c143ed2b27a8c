//! The end of retention: a deleted file's content is kept until its student has left for as long as the rule says.

use std::sync::Arc;

use kernel::{
    actor::Context,
    calendar::{AcademicYear, taipei_date},
    school::SchoolCode,
};
use store::{Audit, Error, TenantTx, jobs::JobError, rules};

use super::sweep::schools;
use crate::room::Room;

/// Files of a school in one round.
const MOST: i64 = 1000;

/// One round over all schools.
pub(crate) async fn round(room: Arc<Room>) -> Result<(), JobError> {
    for school in schools(&room).await? {
        of_school(&room, school).await?;
    }
    Ok(())
}

async fn of_school(room: &Room, school: SchoolCode) -> Result<(), JobError> {
    let now = room.web.clock().now();
    let ctx = Context::system(school, format!("retire-{}", now.unix_timestamp()), now);
    let mut tx = room.db.write(&ctx, "portfolio.file.retire").await?;
    let (rules, _) = rules::load(&mut tx, AcademicYear::of_date(taipei_date(now))).await?;
    let retired = retire(&mut tx, rules.retention_years).await?;
    for id in &retired {
        tx.audit(Audit::new("file.retire", "file", *id));
    }
    if !retired.is_empty() {
        tx.commit().await?;
    }
    Ok(())
}

/// Domain A-31: "until graduation + 5 years". Only what was deleted: what a student still has stays theirs.
async fn retire(tx: &mut TenantTx, years: i64) -> Result<Vec<i64>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let retired = sqlx::query_scalar!(
        "update portfolio.file set retired_at = $2
          where school_code = $1 and id in (
                select f.id from portfolio.file f
                  join school.student s on s.school_code = $1 and s.id = f.student_id
                 where f.school_code = $1 and f.removed_at is not null and f.retired_at is null and f.sha256 is not null
                   and s.left_at + make_interval(years => $3) < $2
                 order by f.id limit $4)
         returning id",
        school.as_str(),
        now,
        i32::try_from(years).unwrap_or(i32::MAX),
        MOST
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(retired)
}
