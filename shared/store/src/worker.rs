//! The worker: relays due jobs into a Redis stream, works what it reads there.
//!
//! Redis only wakes and spreads; the record is `app.job`. A row that was relayed and not
//! finished within [`Worker::redeliver_after`] is relayed again, so an emptied Redis, a killed
//! worker and a lost message are the same harmless case.

use crate::{
    Db, Error,
    jobs::{JobError, JobHandler, JobRun},
};
use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use kernel::{actor::Context, clock::Clock, ids::JobId, school::SchoolCode};
use redis::{AsyncCommands, aio::ConnectionManager, streams};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const STREAM: &str = "licheng:jobs";
const GROUP: &str = "workers";
/// Rows relayed at a time at most.
const BATCH: usize = 64;
/// Messages kept at most: those of killed workers are delivered anew from the database, not from here.
const MAX_STREAM: usize = 100_000;
/// Jobs that one worker runs at the same time.
const CONCURRENCY: usize = 8;
/// After so many tries a job is a dead letter that a person looks at.
const MAX_ATTEMPTS: i16 = 12;
/// A handler that takes longer is counted as away and tried again.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);
/// Longer than any job may take: what is still unfinished then was in the hands of a worker that is no more.
const REDELIVER_AFTER: Duration = Duration::from_secs(75);
/// How long an idle worker waits before it looks again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the queue's age is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// What a worker needs.
pub struct Worker {
    db: Db,
    redis: ConnectionManager,
    clock: Clock,
    handlers: HashMap<&'static str, JobHandler>,
    consumer: String,
    redeliver_after: Duration,
}

/// A row that is due.
struct Due {
    school_code: String,
    id: JobId,
    kind: String,
    payload: serde_json::Value,
    request_id: String,
    attempts: i16,
}

impl Worker {
    /// A worker that handles the given kinds, as consumer `consumer` of the stream.
    #[must_use]
    pub fn new(db: Db, redis: ConnectionManager, clock: Clock, handlers: Vec<JobHandler>, consumer: String) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind, handler)).collect();
        Self { db, redis, clock, handlers, consumer, redeliver_after: REDELIVER_AFTER }
    }

    /// How long a relayed job may stay unfinished before it is relayed again.
    #[must_use]
    pub fn redeliver_after(mut self, patience: Duration) -> Self {
        self.redeliver_after = patience;
        self
    }

    /// Relays and works until told to stop; what is in hand is finished first. A job that takes long takes one place
    /// and keeps none of the others waiting.
    pub async fn run(&self, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut in_hand = FuturesUnordered::new();
        let mut measured: Option<Instant> = None;
        while !*stop.borrow() {
            if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
                measured = Some(Instant::now());
                if let Err(error) = self.measure().await {
                    tracing::warn!(%error, "the worker could not measure its queue");
                }
            }
            let pause = match self.take(CONCURRENCY - in_hand.len()).await {
                Ok(messages) => {
                    in_hand.extend(messages.into_iter().map(|message| self.work(message)));
                    PAUSE
                }
                Err(error) => {
                    tracing::warn!(%error, "the worker could not reach its queue, it tries again");
                    Duration::from_secs(1)
                }
            };
            let rested = tokio::time::sleep(pause);
            tokio::pin!(rested);
            // half of the places free is worth another question
            loop {
                tokio::select! {
                    Some(()) = in_hand.next() => if in_hand.len() <= CONCURRENCY / 2 { break },
                    () = &mut rested => break,
                    _ = stop.changed() => break,
                }
            }
        }
        while in_hand.next().await.is_some() {}
    }

    /// One round: relay what is due, work what is waiting. Says how many jobs were worked.
    pub async fn round(&self) -> Result<usize, RoundError> {
        let messages = self.take(BATCH).await?;
        let work = stream::iter(messages).map(|message| self.work(message));
        Ok(work.buffer_unordered(CONCURRENCY).collect::<Vec<()>>().await.len())
    }

    /// Works until nothing is due; for tests and `licheng job drain`.
    pub async fn drain(&self) -> Result<usize, RoundError> {
        let mut done = 0;
        loop {
            match self.round().await? {
                0 => return Ok(done),
                worked => done += worked,
            }
        }
    }

    /// How long the oldest due job has waited and how many were given up: what the alerts watch.
    async fn measure(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.db.system("worker.measure").await?;
        let queue = sqlx::query!(
            r#"select (select min(run_at) from app.job where dead_at is null and run_at <= $1) as due_since,
                      (select count(*) from app.job where dead_at is not null) as "dead!""#,
            now
        )
        .fetch_one(tx.conn())
        .await?;
        let oldest = queue.due_since.map_or(0.0, |due_since| (now - due_since).as_seconds_f64());
        metrics::gauge!("licheng_jobs_oldest_seconds").set(oldest);
        metrics::gauge!("licheng_jobs_dead").set(u32::try_from(queue.dead).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Relays and reads at most so many jobs: the stream never holds more than the workers can take at once, so that
    /// none waits in it until it is relayed a second time.
    async fn take(&self, most: usize) -> Result<Vec<streams::StreamId>, RoundError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        self.relay(most).await?;
        self.read(most).await
    }

    async fn relay(&self, most: usize) -> Result<(), RoundError> {
        let now = self.clock.now();
        let stale = now - self.redeliver_after;
        let mut tx = self.db.system("worker.relay").await?;
        let due = sqlx::query_as!(
            Due,
            "update app.job set published_at = $1
             where (school_code, id) in (
               select school_code, id from app.job
               where dead_at is null and run_at <= $1
                 and (published_at is null or published_at < $2 or published_at > $4)
               order by run_at, id limit $3 for update skip locked)
             returning school_code, id, kind, payload, request_id, attempts",
            now,
            stale,
            i64::try_from(most).unwrap_or(i64::MAX),
            // by the clock of a worker that is ahead: waiting for that moment would take as long as it is ahead
            now + self.redeliver_after
        )
        .fetch_all(tx.conn())
        .await
        .map_err(Error::from)?;
        if due.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for job in &due {
            pipe.xadd_maxlen(STREAM, streams::StreamMaxlen::Approx(MAX_STREAM), "*", &job.fields()).ignore();
        }
        let mut redis = self.redis.clone();
        pipe.query_async::<()>(&mut redis).await?;
        // after the stream has them: if this commit is lost they are relayed twice, never not at all
        tx.commit().await?;
        Ok(())
    }

    async fn read(&self, most: usize) -> Result<Vec<streams::StreamId>, RoundError> {
        let mut redis = self.redis.clone();
        let options = streams::StreamReadOptions::default().group(GROUP, &self.consumer).count(most);
        let reply = loop {
            let read: Result<Option<streams::StreamReadReply>, _> =
                redis.xread_options(&[STREAM], &[">"], &options).await;
            match read {
                Ok(reply) => break reply.unwrap_or_default(),
                // a new or emptied Redis: what was just relayed is in the stream, so it is read in this very round
                Err(error) if error.code() == Some("NOGROUP") => {
                    let made: Result<(), _> = redis.xgroup_create_mkstream(STREAM, GROUP, "0").await;
                    // another worker may have been first: that is as good
                    made.or_else(|error| if error.code() == Some("BUSYGROUP") { Ok(()) } else { Err(error) })?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok(reply.keys.into_iter().flat_map(|key| key.ids).collect())
    }

    async fn work(&self, message: streams::StreamId) {
        self.deliver(Due::read(&message)).await;
        let mut pipe = redis::pipe();
        pipe.xack(STREAM, GROUP, &[&message.id]).ignore().xdel(STREAM, &[&message.id]).ignore();
        if let Err(error) = pipe.query_async::<()>(&mut self.redis.clone()).await {
            tracing::warn!(%error, "a worked message stays in the stream, its job is done all the same");
        }
    }

    async fn deliver(&self, due: Option<Due>) {
        let Some(due) = due else {
            tracing::error!("a message in the job stream is not one of ours, it is dropped");
            return;
        };
        let outcome = self.attempt(&due).await;
        let result = match &outcome {
            Ok(()) => "done",
            Err(error) if due.is_given_up(error) => "dead",
            Err(_) => "retry",
        };
        metrics::counter!("licheng_jobs_total", "kind" => due.kind.clone(), "result" => result).increment(1);
        let Err(error) = outcome else { return };
        tracing::warn!(job = due.id.get(), kind = %due.kind, request_id = %due.request_id, attempts = due.attempts + 1, %error, "a job did not succeed");
        if let Err(error) = self.put_back(&due, &error).await {
            tracing::warn!(job = due.id.get(), %error, "a failed job could not be marked, it will be delivered again");
        }
    }

    async fn attempt(&self, due: &Due) -> Result<(), JobError> {
        let handler = self
            .handlers
            .get(due.kind.as_str())
            .ok_or_else(|| JobError::fail(format!("nobody handles {}", due.kind)))?;
        let school = due.school_code.parse().map_err(JobError::fail)?;
        let ctx = Context::system(school, due.request_id.clone(), self.clock.now());
        let run = JobRun { ctx, id: due.id, attempts: due.attempts, payload: due.payload.clone() };
        tokio::time::timeout(JOB_TIMEOUT, (handler.run)(run))
            .await
            .unwrap_or_else(|_| Err(JobError::retry("took too long")))
    }

    async fn put_back(&self, due: &Due, error: &JobError) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.db.system("worker.put_back").await?;
        sqlx::query!(
            "update app.job set attempts = attempts + 1, last_error = $3, published_at = null,
                    run_at = $4, dead_at = case when $5 then $6::timestamptz end
             where school_code = $1 and id = $2",
            due.school_code,
            due.id.get(),
            error.to_string(),
            now + backoff(due.attempts),
            due.is_given_up(error),
            now
        )
        .execute(tx.conn())
        .await?;
        tx.commit().await
    }
}

/// Jobs of one kind that are not done yet.
#[derive(Debug)]
pub struct Waiting {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: i64,
    /// Since when the oldest waits.
    pub oldest: OffsetDateTime,
}

/// A job that nobody will try again unless a person says so.
#[derive(Debug)]
pub struct DeadLetter {
    /// The school it belongs to.
    pub school_code: String,
    /// Its number there.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// How often it was tried.
    pub attempts: i16,
    /// What went wrong last.
    pub error: String,
}

/// What is in the queue.
#[derive(Debug)]
pub struct Queue {
    /// By kind.
    pub waiting: Vec<Waiting>,
    /// The newest thousand, by school.
    pub dead: Vec<DeadLetter>,
}

/// Looks into the queue across all schools.
pub async fn queue(db: &Db) -> Result<Queue, Error> {
    let mut tx = db.system("job.queue").await?;
    let waiting = sqlx::query_as!(
        Waiting,
        r#"select kind, count(*) as "count!", min(created_at) as "oldest!" from app.job
           where dead_at is null group by kind order by kind"#
    )
    .fetch_all(tx.conn())
    .await?;
    let dead = sqlx::query_as!(
        DeadLetter,
        r#"select school_code, id, kind, attempts, coalesce(last_error, '') as "error!" from app.job
           where dead_at is not null order by dead_at desc, id desc limit 1000"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Queue { waiting, dead })
}

/// Puts a dead letter back into the queue; says whether there was one.
pub async fn revive(db: &Db, clock: &Clock, school: SchoolCode, id: i64) -> Result<bool, Error> {
    let now = clock.now();
    let ctx = Context::system(school, format!("job-{id}"), now);
    let mut tx = db.write(&ctx, "job.revive").await?;
    let revived = sqlx::query!(
        "update app.job set dead_at = null, attempts = 0, run_at = $3, published_at = null
         where school_code = $1 and id = $2 and dead_at is not null",
        school.as_str(),
        id,
        now
    )
    .execute(tx.conn())
    .await?;
    if revived.rows_affected() == 0 {
        return Ok(false);
    }
    tx.audit(crate::Audit::new("job.revive", "job", id));
    tx.commit().await?;
    Ok(true)
}

impl Due {
    /// Whether the job is a dead letter after this failure.
    fn is_given_up(&self, error: &JobError) -> bool {
        matches!(error, JobError::Fail(_)) || self.attempts + 1 >= MAX_ATTEMPTS
    }

    fn fields(&self) -> [(&'static str, String); 6] {
        [
            ("school", self.school_code.clone()),
            ("id", self.id.to_string()),
            ("kind", self.kind.clone()),
            ("payload", self.payload.to_string()),
            ("request", self.request_id.clone()),
            ("attempts", self.attempts.to_string()),
        ]
    }

    fn read(message: &streams::StreamId) -> Option<Self> {
        let text = |name: &str| message.get::<String>(name);
        Some(Self {
            school_code: text("school")?,
            id: text("id")?.parse().ok()?,
            kind: text("kind")?,
            payload: serde_json::from_str(&text("payload")?).ok()?,
            request_id: text("request")?,
            attempts: text("attempts")?.parse().ok()?,
        })
    }
}

/// 2 s, 4 s, 8 s … up to ten minutes.
fn backoff(attempts: i16) -> Duration {
    Duration::from_secs(2u64.saturating_pow(u32::from(attempts.unsigned_abs()) + 1).min(600))
}

/// Why a round could not be made; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
    /// Redis.
    #[error("the queue is not available: {0}")]
    Redis(#[from] redis::RedisError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_each_time_and_never_more_than_ten_minutes() {
        let waits: Vec<u64> = (0..MAX_ATTEMPTS).map(|attempts| backoff(attempts).as_secs()).collect();
        assert_eq!(waits[..4], [2, 4, 8, 16]);
        assert!(waits.is_sorted() && waits.iter().all(|wait| *wait <= 600));
    }
}
