//! Sending an outcome to its teacher, and taking it back until the teacher has opened it.

use std::sync::Arc;

use axum::extract::{Path, State};
use kernel::ids::{CertificationRequestId, OutcomeId, StudentId};
use serde_json::json;
use store::{Audit, Error, TenantTx};
use web::{Answer, Flash, May, Problem, need};

use super::{Outcome, show::Standing};
use crate::{
    file::{Place, storage},
    room::{Room, own},
};

/// Sends.
pub(crate) async fn send(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, OutcomeId)>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.certification_request.create").await?;
    storage::take_turn(&mut tx, student).await?;
    let Standing { outcome, ground } = Standing::load(&mut tx, student, id).await?;
    let back = may.url(format_args!("/outcomes/{id}"));
    if let Err(refusal) = ground.may(&outcome.send(&ground.student, may.now), may.now) {
        return Ok(web::redirect_with(back, &Flash::bad(refusal.to_string())));
    }
    let request = insert(&mut tx, student, &outcome).await?;
    let after = json!({ "outcome_id": id, "document_sha256": hash(&outcome, Place::Document),
                        "media_sha256": hash(&outcome, Place::Media) });
    tx.audit(Audit::new("certification_request.create", "certification_request", request.get()).after(after));
    tx.commit().await?;
    let note = Flash::good("已送出認證。教師開啟檔案之前，你可以撤回。");
    Ok(web::redirect_with(back, &note))
}

/// Takes back.
pub(crate) async fn withdraw(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, OutcomeId)>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.certification_request.withdraw").await?;
    storage::take_turn(&mut tx, student).await?;
    let request = lock_latest(&mut tx, student, id).await?;
    let Standing { outcome, ground } = Standing::load(&mut tx, student, id).await?;
    let back = may.url(format_args!("/outcomes/{id}"));
    if let Err(refusal) = ground.may(&outcome.withdraw(may.now), may.now) {
        return Ok(web::redirect_with(back, &Flash::bad(refusal.to_string())));
    }
    let request = request.ok_or(Problem::Stale)?;
    mark_withdrawn(&mut tx, request).await?;
    let after = json!({ "outcome_id": id });
    tx.audit(Audit::new("certification_request.withdraw", "certification_request", request.get()).after(after));
    tx.commit().await?;
    Ok(web::redirect_with(back, &Flash::good("已撤回，可以修改後再送出。")))
}

fn hash(outcome: &Outcome, place: Place) -> Option<&str> {
    outcome.saved_at(place)?.sha256.as_deref()
}

/// Writes the request, bound to the files as they are now. A second one at once meets the attempt's unique key.
async fn insert(tx: &mut TenantTx, student: StudentId, outcome: &Outcome) -> Result<CertificationRequestId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let bytes = |place| hash(outcome, place).and_then(|text| hex::decode(text).ok());
    let section = outcome.course.section.map(kernel::ids::SectionId::get);
    let id = sqlx::query_scalar!(
        "insert into portfolio.certification_request
            (school_code, outcome_id, attempt, student_id, course_record_id, section_id, academic_year, term,
             document_sha256, media_sha256, sent_at)
         select $1, $2, coalesce(max(r.attempt), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10
           from portfolio.certification_request r where r.school_code = $1 and r.outcome_id = $2
         returning id",
        school.as_str(),
        outcome.id.get(),
        student.get(),
        outcome.course.id.get(),
        section,
        outcome.course.year.get(),
        outcome.course.term.get(),
        bytes(Place::Document),
        bytes(Place::Media),
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// Locks the request that waits, against the teacher who opens it this very moment: the opening's foreign key needs
/// the row, so either it is there when the state is read next, or it comes after the withdrawal.
async fn lock_latest(
    tx: &mut TenantTx,
    student: StudentId,
    id: OutcomeId,
) -> Result<Option<CertificationRequestId>, Error> {
    let school = tx.school();
    let request = sqlx::query_scalar!(
        "select id from portfolio.certification_request
          where school_code = $1 and outcome_id = $2 and student_id = $3 and withdrawn_at is null
          order by attempt desc limit 1 for update",
        school.as_str(),
        id.get(),
        student.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(request.map(Into::into))
}

async fn mark_withdrawn(tx: &mut TenantTx, request: CertificationRequestId) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.certification_request set withdrawn_at = $3
          where school_code = $1 and id = $2 and withdrawn_at is null",
        school.as_str(),
        request.get(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}
