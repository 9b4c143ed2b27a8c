//! What happens to a batch in the background. Every job looks first, talks to the outside without a transaction, and
//! claims itself in the transaction that makes its effect: killed anywhere, it is done again and happens once.

use super::{
    Batch, Progress, State,
    downloads::workbook_url,
    make::{self, NotBuilt},
    store,
};
use crate::{
    Room,
    central::{CentralError, JobState, Notice, RowError, Status},
    precheck::Finding,
    roster::{self, build::Links, template::Template},
};
use ::store::{
    Audit, Job, TenantTx,
    jobs::{JobError, JobRun},
};
use kernel::ids::BatchId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use time::Duration;

/// Between two looks while something moves.
const SOON: Duration = Duration::seconds(2);
/// Between two looks while nothing does.
const LATER: Duration = Duration::seconds(15);

/// What every job of a batch is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) batch_id: BatchId,
}

/// `submission.build`: makes the rows and the workbook.
pub(crate) async fn build(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { batch_id } = job.payload()?;
    let mut tx = room.db.read(&job.ctx, "submission.build.read").await?;
    let batch = store::get(&mut tx, batch_id).await?.ok_or_else(|| JobError::fail("no such batch"))?;
    let template = roster::store::of_version(&mut tx, batch.code.roster, batch.template_version).await?;
    let facts = roster::store::facts(&mut tx, &room.keys, &batch.scope()).await?;
    drop(tx);
    let (room_, batch_, school) = (Arc::clone(&room), batch.clone(), job.ctx.school());
    let made = tokio::task::spawn_blocking(move || {
        let origin = room_.web.settings().files_origin.as_str();
        let links = Links { keys: &room_.keys, school, origin, expires_at: batch_.links_expire_at };
        make::build(&batch_, &template, facts, &links)
    });
    let made = made.await.map_err(JobError::fail)?;

    let Some(mut tx) = job.claim(&room.db, "submission.build").await? else { return Ok(()) };
    let audit = Audit::new("batch.build", "batch", batch_id.get());
    match made {
        _ if batch.state != State::Building => {
            tx.audit(audit.after(json!({ "state": batch.state.code(), "again": true })))
        }
        Ok(built) => {
            let sha256 = hex::encode(built.workbook.sha256);
            tx.audit(audit.after(json!({ "state": "built", "rows": built.rows.len(), "workbook_sha256": sha256 })));
            store::keep(&mut tx, batch_id, built).await?;
        }
        Err(NotBuilt::Findings(findings)) => {
            tx.audit(audit.after(json!({ "state": "rejected", "findings": findings.len() })));
            let errors: Vec<RowError> = findings.iter().map(Finding::as_error).collect();
            store::change(&mut tx, batch_id, (State::Building, State::Rejected), &errors).await?;
        }
        // a batch that stayed in building for ever would keep every later attempt away
        Err(error) => {
            tracing::error!(batch = batch_id.get(), %error, "a roster could not be built");
            tx.audit(audit.after(json!({ "state": "rejected", "failed": error.to_string() })));
            let error = told(super::BUILD_FAILED, "名冊無法建立");
            store::change(&mut tx, batch_id, (State::Building, State::Rejected), &[error]).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// An error of a batch as a whole.
pub(crate) fn told(code: &str, message: impl Into<String>) -> RowError {
    RowError { code: code.to_owned(), message: message.into(), ..RowError::default() }
}

/// `submission.notify`: tells the central database where the roster lies. The notice is the same each time it is told,
/// so telling it again after a kill gives the same job there.
pub(crate) async fn notify(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { batch_id } = job.payload()?;
    let batch = read(&room, &job, batch_id).await?;
    let waits = batch.state == State::Notified && batch.central_job_id.is_none();
    let answer = match room.central.api() {
        Some(api) if waits => Some(api.notify(&notice(&room, &job, &batch)?).await),
        _ => None,
    };
    let refused = match answer {
        Some(Err(error @ CentralError::Away(_))) => return Err(error.into()),
        Some(Err(error)) => Some(error),
        Some(Ok(central_job)) => return handed_over(&room, &job, batch_id, &central_job).await,
        None => None,
    };
    let Some(mut tx) = job.claim(&room.db, "submission.notify").await? else { return Ok(()) };
    let audit = Audit::new("batch.notify", "batch", batch_id.get());
    if let Some(error) = refused {
        let error = told(super::NOTICE_REFUSED, refusal(&error));
        tx.audit(audit.after(json!({ "state": "rejected", "refused": error.message })));
        store::change(&mut tx, batch_id, (State::Notified, State::Rejected), &[error]).await?;
    } else {
        tx.audit(audit.after(json!({ "state": batch.state.code(), "again": true })));
    }
    Ok(tx.commit().await?)
}

async fn handed_over(room: &Room, job: &JobRun, batch_id: BatchId, central_job: &str) -> Result<(), JobError> {
    let Some(mut tx) = job.claim(&room.db, "submission.notify").await? else { return Ok(()) };
    let is_first = store::keep_job(&mut tx, batch_id, central_job).await?;
    let after = json!({ "central_job": central_job, "again": !is_first });
    tx.audit(Audit::new("batch.notify", "batch", batch_id.get()).after(after));
    // another notice was quicker: its inquiries go on, a second chain of them would never end beside it
    if is_first {
        tx.enqueue(Job::new("submission.poll", Payload { batch_id }));
    }
    Ok(tx.commit().await?)
}

fn notice<'b>(room: &Room, job: &'b JobRun, batch: &Batch) -> Result<Notice<'b>, JobError> {
    let sha256 = batch.workbook_sha256.as_deref().ok_or_else(|| JobError::fail("the batch has no workbook"))?;
    Ok(Notice {
        school_code: job.ctx.actor.school.as_str(),
        academic_year: batch.year.get(),
        term: batch.term.get(),
        roster_code: batch.code.get(),
        batch: batch.id.to_string(),
        url: workbook_url(room, job.ctx.school(), batch),
        sha256: hex::encode(sha256),
        size: batch.workbook_size.unwrap_or_default(),
        expires_at: batch.links_expire_at,
    })
}

/// `submission.poll`: asks how far the central database has come, and comes back until it is done.
pub(crate) async fn poll(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { batch_id } = job.payload()?;
    let batch = read(&room, &job, batch_id).await?;
    let asked = match (room.central.api(), &batch.central_job_id) {
        (Some(api), Some(central_job)) if matches!(batch.state, State::Notified | State::Accepted) => {
            match api.status(central_job, batch.progress.version).await {
                Err(error @ CentralError::Away(_)) => return Err(error.into()),
                answer => Some(answer),
            }
        }
        _ => None,
    };
    let Some(mut tx) = job.claim(&room.db, "submission.poll").await? else { return Ok(()) };
    match asked {
        Some(Ok(status)) => heard(&mut tx, &batch, status).await?,
        Some(Err(error)) => {
            let error = told(super::INQUIRY_REFUSED, refusal(&error));
            tx.audit(Audit::new("batch.poll", "batch", batch_id.get()).after(json!({ "refused": error.message })));
            store::change(&mut tx, batch_id, (batch.state, State::Rejected), &[error]).await?;
        }
        None => {
            tx.audit(Audit::new("batch.poll", "batch", batch_id.get()).after(json!({ "state": batch.state.code() })))
        }
    }
    Ok(tx.commit().await?)
}

/// What the officer is told of it: the status, not the other side's words, which may be anything.
fn refusal(error: &CentralError) -> String {
    match error {
        CentralError::Refused { status, .. } => format!("中央資料庫拒絕了呼叫（HTTP {status}）"),
        CentralError::Away(_) | CentralError::Unreadable(_) => "中央資料庫的回應無法解讀".to_owned(),
    }
}

/// Keeps an answer: progress, and at the end the results by row.
async fn heard(tx: &mut TenantTx, batch: &Batch, status: Status) -> Result<(), JobError> {
    let progress = Progress {
        files_done: status.progress.files_done,
        files_total: status.progress.files_total,
        version: status.version,
        central: Some(status.state),
    };
    let moved = progress != batch.progress;
    store::keep_progress(tx, batch.id, &progress).await?;
    let to = match status.state {
        JobState::Queued | JobState::Downloading | JobState::Checking => State::Notified,
        JobState::Accepted => State::Accepted,
        JobState::Rejected => State::Rejected,
        JobState::ReceiptReady => State::ReceiptReady,
    };
    if to != batch.state {
        let template = roster::store::of_version(tx, batch.code.roster, batch.template_version).await?;
        let sheets: Vec<(i16, String)> = template.sheets.iter().map(|sheet| (sheet.no, sheet.name.clone())).collect();
        let errors = whose(tx, batch.id, &template, status.errors).await?;
        store::keep_results(tx, batch.id, (&status.results, &sheets), &errors).await?;
        store::change(tx, batch.id, (batch.state, to), &errors).await?;
    }
    let seen = json!({ "state": to.code(), "files_done": progress.files_done, "files_total": progress.files_total });
    tx.audit(
        Audit::new("batch.poll", "batch", batch.id.get()).before(json!({ "state": batch.state.code() })).after(seen),
    );
    // accepted, but the receipt is still being made
    if matches!(to, State::Notified | State::Accepted) {
        let next = tx.now() + if moved { SOON } else { LATER };
        tx.enqueue(Job::new("submission.poll", Payload { batch_id: batch.id }).at(next));
    }
    Ok(())
}

/// Ties the central database's errors to our rows.
async fn whose(
    tx: &mut TenantTx,
    id: BatchId,
    template: &Template,
    errors: Vec<RowError>,
) -> Result<Vec<RowError>, JobError> {
    let number = |name: &str| template.sheets.iter().find(|sheet| sheet.name == name).map(|sheet| sheet.no);
    let place = |error: &RowError| Some((number(error.sheet.as_deref()?)?, error.row?));
    let places: Vec<(i16, i32)> = errors.iter().filter_map(place).collect();
    let origins = store::origins(tx, id, &places).await?;
    let origins: BTreeMap<(i16, i32), store::Origin> =
        origins.into_iter().map(|origin| ((origin.sheet_no, origin.row_no), origin)).collect();
    let tied = errors.into_iter().map(|error| {
        let origin = place(&error).and_then(|place| origins.get(&place));
        let (student, item) = origin.map(|origin| (origin.student_id, origin.item.clone())).unzip();
        RowError { student, item, ..error }
    });
    Ok(tied.collect())
}

async fn read(room: &Room, job: &JobRun, batch_id: BatchId) -> Result<Batch, JobError> {
    let mut tx = room.db.read(&job.ctx, "submission.batch.read").await?;
    store::get(&mut tx, batch_id).await?.ok_or_else(|| JobError::fail("no such batch"))
}
