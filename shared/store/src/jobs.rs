//! Work that happens after the transaction that caused it: at least once, exactly once in effect.
//!
//! A job is a row of `app.job`. Its handler claims it, which deletes the row in the very
//! transaction that makes the effect; a second delivery finds no row and does nothing.

use crate::{Db, Error, TenantTx};
use kernel::{actor::Context, ids::JobId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{future::Future, pin::Pin, sync::Arc};
use time::OffsetDateTime;

/// Work to be queued.
#[derive(Debug, Clone)]
pub struct Job {
    pub(crate) kind: &'static str,
    pub(crate) payload: Value,
    pub(crate) run_at: Option<OffsetDateTime>,
}

impl Job {
    /// A job of a kind that some service handles. The payload holds ids, never personal data.
    #[must_use]
    pub fn new(kind: &'static str, payload: impl Serialize) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload of ids and numbers is JSON");
        Self { kind, payload, run_at: None }
    }

    /// Not before this moment.
    #[must_use]
    pub fn at(mut self, moment: OffsetDateTime) -> Self {
        self.run_at = Some(moment);
        self
    }
}

/// Why a job did not succeed, and what that means.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Something was away; try again later.
    #[error("to be tried again: {0}")]
    Retry(String),
    /// Trying again can't help; a person has to look.
    #[error("failed: {0}")]
    Fail(String),
}

impl JobError {
    /// Something was away.
    pub fn retry(why: impl std::fmt::Display) -> Self {
        Self::Retry(why.to_string())
    }

    /// Trying again can't help.
    pub fn fail(why: impl std::fmt::Display) -> Self {
        Self::Fail(why.to_string())
    }
}

impl From<Error> for JobError {
    /// A database that is away comes back; a row in an unexpected state is looked at again.
    fn from(error: Error) -> Self {
        match error {
            // one in doubt finds its row gone if it was done
            Error::Unavailable(_) | Error::InDoubt(_) | Error::Stale => Self::retry(error),
            other => Self::fail(format!("{other}: {:?}", std::error::Error::source(&other).map(ToString::to_string))),
        }
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

/// One delivery of a job.
#[derive(Debug, Clone)]
pub struct JobRun {
    /// The system, acting at the job's school under the id of the request that caused it.
    pub ctx: Context,
    /// The row.
    pub id: JobId,
    /// How often it was tried before.
    pub attempts: i16,
    pub(crate) payload: Value,
}

impl JobRun {
    /// What the job is about.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_value(self.payload.clone()).map_err(|error| JobError::fail(format!("payload: {error}")))
    }

    /// Opens the transaction of the effect and removes the job in it; `None`: its effect is there already.
    pub async fn claim(&self, db: &Db, name: &'static str) -> Result<Option<TenantTx>, JobError> {
        let mut tx = db.write(&self.ctx, name).await?;
        let school = tx.school();
        let removed =
            sqlx::query!("delete from app.job where school_code = $1 and id = $2", school.as_str(), self.id.get())
                .execute(tx.conn())
                .await?;
        Ok((removed.rows_affected() == 1).then_some(tx))
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;

/// What a service does with one kind of job.
#[derive(Clone)]
pub struct JobHandler {
    /// The kind it handles.
    pub kind: &'static str,
    pub(crate) run: Arc<dyn Fn(JobRun) -> Running + Send + Sync>,
}

impl JobHandler {
    /// Ties a kind to an `async fn(Arc<Room>, JobRun)`.
    pub fn new<R, F, Fut>(kind: &'static str, room: &Arc<R>, run: F) -> Self
    where
        R: Send + Sync + 'static,
        F: Fn(Arc<R>, JobRun) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let room = Arc::clone(room);
        Self { kind, run: Arc::new(move |job| Box::pin(run(Arc::clone(&room), job))) }
    }
}

impl std::fmt::Debug for JobHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JobHandler").field(&self.kind).finish()
    }
}

/// A reconciler without input that the worker runs again and again: it looks at what is and makes it
/// what it should be, so that a missed round costs nothing.
#[derive(Clone)]
pub struct Periodic {
    /// Its name in logs and metrics.
    pub name: &'static str,
    /// How long the worker waits between two rounds.
    pub every: std::time::Duration,
    pub(crate) run: Arc<dyn Fn() -> Running + Send + Sync>,
}

impl Periodic {
    /// Ties an `async fn(Arc<Room>)` to a pace.
    pub fn new<R, F, Fut>(name: &'static str, every: std::time::Duration, room: &Arc<R>, run: F) -> Self
    where
        R: Send + Sync + 'static,
        F: Fn(Arc<R>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let room = Arc::clone(room);
        Self { name, every, run: Arc::new(move || Box::pin(run(Arc::clone(&room)))) }
    }

    /// One round now.
    pub async fn once(&self) -> Result<(), JobError> {
        (self.run)().await
    }

    /// Round after round until told to stop.
    pub async fn run(&self, mut stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.once().await {
                tracing::warn!(task = self.name, %error, "a periodic task did not succeed, it runs again");
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

impl std::fmt::Debug for Periodic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Periodic").field("name", &self.name).field("every", &self.every).finish_non_exhaustive()
    }
}
