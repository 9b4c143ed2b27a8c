//! From the bureau to the schools and back: what the bureau decided becomes a job of each school it concerns, and what
//! became of it there is noted beside it.

use ::store::{Db, Error, SystemTx};
use time::OffsetDateTime;

/// One round. A row is marked as queued by the very statement that queues its job, so that each is sent on once.
pub(crate) async fn round(db: &Db, now: OffsetDateTime) -> Result<(), Error> {
    let mut tx = db.system("bureau.dispatch").await?;
    send_proposals(&mut tx, now).await?;
    send_outages(&mut tx, now).await?;
    fetch_answers(&mut tx).await?;
    fetch_extensions(&mut tx).await?;
    tx.commit().await
}

/// Handled by the school room: `school.window_proposal`.
async fn send_proposals(tx: &mut SystemTx, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "with due as (
           update bureau.window_proposal set queued_at = $1 where queued_at is null
           returning id, school_code, window_id, closes_at, reason, request_id)
         insert into app.job (school_code, kind, payload, request_id, created_at, run_at)
         select school_code, 'school.window_proposal',
                jsonb_build_object('id', id, 'window_id', window_id, 'closes_at', closes_at, 'reason', reason),
                request_id, $1, $1
           from due order by id",
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Handled by the school room: `school.outage`. An outage that still lasts has no length yet.
async fn send_outages(tx: &mut SystemTx, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "with due as (
           update bureau.outage_school s set queued_at = $1 from bureau.outage o
            where o.id = s.outage_id and s.queued_at is null and o.ends_at is not null
           returning o.id, s.school_code, o.starts_at, o.ends_at, o.reason, o.request_id)
         insert into app.job (school_code, kind, payload, request_id, created_at, run_at)
         select school_code, 'school.outage',
                jsonb_build_object('id', id, 'starts_at', starts_at, 'ends_at', ends_at, 'reason', reason),
                request_id, $1, $1
           from due order by id",
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn fetch_answers(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!(
        "update bureau.window_proposal p set answer = s.answer, answered_at = s.answered_at
           from school.window_proposal s
          where p.answer is null and s.school_code = p.school_code and s.id = p.id and s.answer is not null"
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn fetch_extensions(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!(
        "update bureau.outage_school b set applied_at = s.applied_at, windows = s.windows
           from school.outage s
          where b.applied_at is null and s.school_code = b.school_code and s.id = b.outage_id"
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
