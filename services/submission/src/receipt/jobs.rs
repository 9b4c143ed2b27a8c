//! Fetching a receipt over the interface.

use super::import::{self, NotImported};
use crate::{
    Room,
    batch::{
        self, RECEIPT_REFUSED,
        jobs::{Payload, told},
    },
};
use ::store::{
    Audit,
    jobs::{JobError, JobRun},
};
use serde_json::json;
use std::sync::Arc;

/// `submission.receipt`: fetches, verifies and imports. Anything wrong with it changes nothing; a second delivery finds
/// the job gone.
pub(crate) async fn fetch(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { batch_id } = job.payload()?;
    let mut tx = room.db.read(&job.ctx, "submission.batch.read").await?;
    let batch = batch::store::get(&mut tx, batch_id).await?.ok_or_else(|| JobError::fail("no such batch"))?;
    drop(tx);
    let (Some(api), Some(central_job)) = (room.central.api(), &batch.central_job_id) else {
        return Err(JobError::fail("the batch was not handed over by the interface"));
    };
    let receipt = api.receipt(central_job).await?;
    let ready = match import::prepare(&room, &job.ctx, receipt.zip, receipt.password).await {
        Err(NotImported::Refused(refused)) => Err(refused),
        ready => Ok(ready?),
    };
    let Some(mut tx) = job.claim(&room.db, "submission.receipt").await? else { return Ok(()) };
    match ready {
        Ok(ready) => {
            import::keep(&mut tx, ready).await?;
        }
        Err(refused) => {
            let error = told(RECEIPT_REFUSED, format!("收訖明細沒有匯入：{refused}"));
            tx.audit(Audit::new("receipt.refuse", "batch", batch_id.get()).after(json!({ "why": error.message })));
            batch::store::change(&mut tx, batch_id, (batch.state, batch.state), &[error]).await?;
        }
    }
    Ok(tx.commit().await?)
}

impl From<NotImported> for JobError {
    fn from(error: NotImported) -> Self {
        match error {
            NotImported::Store(error) => error.into(),
            other => Self::fail(other),
        }
    }
}
