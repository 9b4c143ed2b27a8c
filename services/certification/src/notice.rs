//! Telling the student: a message and an e-mail, once, when the decision is published, and only if it stands then.

use std::sync::Arc;

use kernel::{
    ids::{DecisionId, OutcomeId, StudentId},
    message::{MESSAGE, Message},
};
use serde::{Deserialize, Serialize};
use store::{
    Audit, Error, Job, TenantTx,
    jobs::{JobError, JobRun},
};
use time::OffsetDateTime;

use crate::Room;

/// The job that runs when a decision is published.
pub(crate) const KIND: &str = "certification.published";

#[derive(Serialize, Deserialize)]
struct Payload {
    decision_id: DecisionId,
}

/// What a message is about.
pub(crate) struct About {
    pub(crate) student: StudentId,
    pub(crate) outcome: OutcomeId,
    pub(crate) subject: String,
}

/// Queues the news of decisions for the moment of their publication.
pub(crate) fn announce(
    tx: &mut TenantTx,
    decisions: impl IntoIterator<Item = DecisionId>,
    publish_at: Option<OffsetDateTime>,
) {
    let Some(moment) = publish_at else { return };
    for decision_id in decisions {
        tx.enqueue(Job::new(KIND, Payload { decision_id }).at(moment));
    }
}

/// Tells a student who had been told of a result that it is no more.
pub(crate) fn take_back(tx: &mut TenantTx, decision: DecisionId, about: About) {
    let body = format!("「{}」的課程學習成果認證結果已由教師收回，將重新認證。", about.subject);
    message(tx, about, body, format!("certification-revoked:{decision}"));
}

fn message(tx: &mut TenantTx, about: About, body: String, dedupe: String) {
    let link = format!("/s/{}/outcomes/{}", tx.school(), about.outcome);
    tx.enqueue(Job::new(MESSAGE, Message::to_student(about.student, link, body, dedupe)));
}

/// The job: a decision that stands is told; one that was taken back, or was told already, is not.
pub(crate) async fn published(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { decision_id } = job.payload()?;
    let Some(mut tx) = job.claim(&room.db, "certification.decision.announce").await? else { return Ok(()) };
    if let Some(told) = tell(&mut tx, decision_id).await? {
        let result = if told.passed { "通過" } else { "不通過" };
        let body = format!("「{}」的課程學習成果認證{result}。", told.subject);
        let about = About { student: told.student_id.into(), outcome: told.outcome_id.into(), subject: told.subject };
        message(&mut tx, about, body, format!("certification:{decision_id}"));
        tx.audit(Audit::new("decision.announce", "decision", decision_id.get()));
    } else if is_to_come(&mut tx, decision_id).await? {
        return Err(JobError::retry("the decision is not public yet"));
    } else {
        tx.audit(Audit::new("decision.announcement_drop", "decision", decision_id.get()));
    }
    Ok(tx.commit().await?)
}

struct Told {
    student_id: i64,
    outcome_id: i64,
    passed: bool,
    subject: String,
}

/// Marks the decision as told, if it is to be told now.
async fn tell(tx: &mut TenantTx, decision: DecisionId) -> Result<Option<Told>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let told = sqlx::query_as!(
        Told,
        "update certification.decision d set announced_at = $3
           from portfolio.certification_request q
           join school.course_record cr on cr.school_code = $1 and cr.id = q.course_record_id
          where d.school_code = $1 and d.id = $2 and d.revoked_at is null and d.announced_at is null
            and d.publish_at <= $3 and q.school_code = $1 and q.id = d.request_id
        returning d.student_id, d.outcome_id, d.passed, cr.subject_name as subject",
        school.as_str(),
        decision.get(),
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(told)
}

async fn is_to_come(tx: &mut TenantTx, decision: DecisionId) -> Result<bool, Error> {
    let (school, now) = (tx.school(), tx.now());
    let to_come = sqlx::query_scalar!(
        r#"select exists (select from certification.decision where school_code = $1 and id = $2 and revoked_at is null
                             and announced_at is null and publish_at > $3) as "to_come!""#,
        school.as_str(),
        decision.get(),
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(to_come)
}
