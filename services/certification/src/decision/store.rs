//! The SQL of deciding. One path for one request and for many.

use kernel::ids::{CertificationRequestId, DecisionBatchId, DecisionId, StaffId};
use store::{Error, TenantTx};
use time::OffsetDateTime;

use super::Ruling;

/// A ruling on requests that the rules have let through.
pub(crate) struct Verdict<'a> {
    pub(crate) requests: Vec<CertificationRequestId>,
    pub(crate) ruling: &'a Ruling,
    pub(crate) publish_at: Option<OffsetDateTime>,
    pub(crate) batch: Option<DecisionBatchId>,
}

/// A decision that was written.
pub(crate) struct Made {
    pub(crate) id: DecisionId,
    pub(crate) request_id: CertificationRequestId,
}

/// Writes the decisions, bound to the files of their requests. `Stale` when a request was withdrawn, decided by
/// somebody else, or its outcome no longer holds the files that were sent.
pub(crate) async fn decide(tx: &mut TenantTx, staff: StaffId, verdict: &Verdict<'_>) -> Result<Vec<Made>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let requests: Vec<i64> = verdict.requests.iter().map(|id| id.get()).collect();
    let made = sqlx::query_as!(
        Made,
        "insert into certification.decision (school_code, request_id, outcome_id, student_id, academic_year, term, passed,
                                             reason, decided_by, decided_at, publish_at, batch_id, document_sha256,
                                             media_sha256)
         select $1, q.id, q.outcome_id, q.student_id, q.academic_year, q.term, $3, $4, $5, $6, $7, $8,
                q.document_sha256, q.media_sha256
           from portfolio.certification_request q
          where q.school_code = $1 and q.id = any($2) and q.withdrawn_at is null
          order by q.id
         returning id, request_id",
        school.as_str(),
        &requests,
        verdict.ruling.pass,
        verdict.ruling.reason,
        staff.get(),
        now,
        verdict.publish_at,
        verdict.batch.map(DecisionBatchId::get)
    )
    .fetch_all(tx.conn())
    .await;
    let made = match made.map_err(Error::from) {
        Err(error) if error.is_constraint("decision_of_request") => return Err(Error::Stale),
        made => made?,
    };
    if made.len() != requests.len() || unchanged(tx, &requests).await? != requests.len() {
        return Err(Error::Stale);
    }
    count(tx, &ids(&made)).await?;
    Ok(made)
}

fn ids(made: &[Made]) -> Vec<i64> {
    made.iter().map(|made| made.id.get()).collect()
}

/// How many of the requests stand, with the outcome still holding exactly the files that were sent; a replacement on
/// its way replaces nothing yet. A statement after the insert: the insert's foreign key has waited for a withdrawal
/// that had locked the request.
async fn unchanged(tx: &mut TenantTx, requests: &[i64]) -> Result<usize, Error> {
    let school = tx.school();
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from portfolio.certification_request q
            where q.school_code = $1 and q.id = any($2) and q.withdrawn_at is null
              and q.document_sha256 is not distinct from (
                    select f.sha256 from portfolio.file f where f.school_code = $1 and f.outcome_id = q.outcome_id
                       and f.slot = 1 and f.saved_at is not null and f.removed_at is null)
              and q.media_sha256 is not distinct from (
                    select f.sha256 from portfolio.file f where f.school_code = $1 and f.outcome_id = q.outcome_id
                       and f.slot = 2 and f.saved_at is not null and f.removed_at is null)"#,
        school.as_str(),
        requests
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Adds decisions to their students' counters, in one order, so that two batches don't wait for each other.
async fn count(tx: &mut TenantTx, decisions: &[i64]) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "insert into certification.student_counter as c (school_code, student_id, academic_year, term, passed, failed)
         select $1, student_id, academic_year, term, count(*) filter (where passed), count(*) filter (where not passed)
           from certification.decision where school_code = $1 and id = any($2)
          group by student_id, academic_year, term order by student_id, academic_year, term
         on conflict (school_code, student_id, academic_year, term)
         do update set passed = c.passed + excluded.passed, failed = c.failed + excluded.failed",
        school.as_str(),
        decisions
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A decision that was taken back.
pub(crate) struct Revoked {
    pub(crate) id: DecisionId,
    pub(crate) request_id: CertificationRequestId,
    pub(crate) passed: bool,
    /// The student was told of it.
    pub(crate) was_announced: bool,
}

/// Takes decisions back, but for those that a student has selected meanwhile: these are left out of the answer.
pub(crate) async fn revoke(tx: &mut TenantTx, decisions: &[DecisionId]) -> Result<Vec<Revoked>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let ids: Vec<i64> = decisions.iter().map(|id| id.get()).collect();
    // a statement of its own: it waits for selections under way, and the next one sees them
    sqlx::query!(
        "select id from certification.decision where school_code = $1 and id = any($2) order by id for update",
        school.as_str(),
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    let revoked = sqlx::query_as!(
        Revoked,
        r#"update certification.decision d set revoked_at = $3
            where d.school_code = $1 and d.id = any($2) and d.revoked_at is null
              and not exists (select from portfolio.outcome_selection s
                               where s.school_code = $1 and s.outcome_id = d.outcome_id and s.decision_id = d.id)
        returning id, request_id, passed, announced_at is not null as "was_announced!""#,
        school.as_str(),
        &ids,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    discount(tx, &revoked.iter().map(|revoked| revoked.id.get()).collect::<Vec<_>>()).await?;
    Ok(revoked)
}

async fn discount(tx: &mut TenantTx, decisions: &[i64]) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "update certification.student_counter c set passed = c.passed - n.passed, failed = c.failed - n.failed
           from (select student_id, academic_year, term, count(*) filter (where passed) as passed,
                        count(*) filter (where not passed) as failed
                   from certification.decision where school_code = $1 and id = any($2)
                  group by student_id, academic_year, term) as n
          where c.school_code = $1 and c.student_id = n.student_id and c.academic_year = n.academic_year
            and c.term = n.term",
        school.as_str(),
        decisions
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Publishes now what was to be published later. Gives those that it concerned.
pub(crate) async fn publish(tx: &mut TenantTx, decisions: &[DecisionId]) -> Result<Vec<DecisionId>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let ids: Vec<i64> = decisions.iter().map(|id| id.get()).collect();
    let published = sqlx::query_scalar!(
        "update certification.decision set publish_at = $3
          where school_code = $1 and id = any($2) and revoked_at is null and (publish_at is null or publish_at > $3)
        returning id",
        school.as_str(),
        &ids,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(published.into_iter().map(DecisionId::from).collect())
}

/// The requests on the teacher's desk that these decisions stand on.
pub(crate) async fn requests(
    tx: &mut TenantTx,
    staff: StaffId,
    decisions: &[DecisionId],
) -> Result<Vec<CertificationRequestId>, Error> {
    let school = tx.school();
    let ids: Vec<i64> = decisions.iter().map(|id| id.get()).collect();
    let found = sqlx::query_scalar!(
        r#"select request_id as "request_id!" from certification.desk
            where school_code = $1 and staff_id = $2 and decision_id = any($3)"#,
        school.as_str(),
        staff.get(),
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(CertificationRequestId::from).collect())
}

/// Whether the teacher made this decision and it stands no more: then it is stale, not unknown.
pub(crate) async fn was_revoked(tx: &mut TenantTx, staff: StaffId, decision: DecisionId) -> Result<bool, Error> {
    let school = tx.school();
    let revoked = sqlx::query_scalar!(
        r#"select exists (select from certification.decision where school_code = $1 and id = $2 and decided_by = $3
                             and revoked_at is not null) as "revoked!""#,
        school.as_str(),
        decision.get(),
        staff.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(revoked)
}
