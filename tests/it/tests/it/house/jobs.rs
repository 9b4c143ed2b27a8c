//! Jobs: at least once, exactly once in effect, whatever happens to Redis (issue 2 §1.4).

use kernel::clock::Clock;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;
use store::{
    Audit, Db, Job,
    jobs::{JobError, JobHandler, JobRun},
    worker::{self, Worker},
};
use testkit::City;

const SCHOOL: &str = "343303";
const JOBS: usize = 200;

/// A room whose jobs leave one message each, and another one if they are ever worked twice.
struct Room {
    db: Db,
    redis: redis::aio::ConnectionManager,
    deliveries: AtomicUsize,
    effects: AtomicUsize,
}

impl Room {
    fn of(city: &City) -> Arc<Self> {
        let (deliveries, effects) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { db: city.db("portfolio"), redis: city.house.web.redis(), deliveries, effects })
    }

    async fn empty_redis(&self) {
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.redis.clone()).await.expect("Redis");
    }
}

/// Loses everything in Redis at every fiftieth delivery, in the middle of the others.
async fn leave_message(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    if room.deliveries.fetch_add(1, Ordering::SeqCst) % 50 == 49 {
        room.empty_redis().await;
    }
    let Some(mut tx) = job.claim(&room.db, "test.message").await? else { return Ok(()) };
    let effect = room.effects.fetch_add(1, Ordering::SeqCst);
    sqlx::query(
        "insert into portfolio.message (school_code, staff_id, body, link, dedupe, created_at) values ($1, 1, $2, '/', $3, $4)",
    )
    .bind(tx.school().as_str())
    .bind(job.payload::<usize>()?.to_string())
    .bind(format!("effect {effect}"))
    .bind(tx.now())
    .execute(tx.conn())
    .await?;
    tx.audit(Audit::general("test.message", "message"));
    Ok(tx.commit().await?)
}

async fn enqueue(city: &City, kind: &'static str, count: usize) {
    let mut tx = city.db("portfolio").write(&city.system(SCHOOL), "test.enqueue").await.expect("a transaction");
    for n in 0..count {
        tx.enqueue(Job::new(kind, n));
    }
    tx.audit(Audit::general("test.enqueue", "job"));
    tx.commit().await.expect("the jobs");
}

fn worker(city: &City, handlers: Vec<JobHandler>, name: &str) -> Worker {
    let (db, redis) = (city.db("worker"), city.house.web.redis());
    Worker::new(db, redis, city.clock.clone(), handlers, name.to_owned()).redeliver_after(Duration::from_secs(1))
}

async fn waiting(city: &City) -> i64 {
    let queue = worker::queue(&city.db("worker")).await.expect("the queue");
    queue.waiting.iter().map(|kind| kind.count).sum()
}

#[tokio::test]
async fn an_emptied_redis_loses_no_job_and_doubles_none() {
    let city = City::up().await;
    let room = Room::of(&city);
    enqueue(&city, "test.message", JOBS).await;
    let handler = || vec![JobHandler::new("test.message", &room, leave_message)];
    let (one, two) = (worker(&city, handler(), "one"), worker(&city, handler(), "two"));
    // the first round only makes the consumer group: what it relayed lies in Redis and is lost with it
    one.round().await.expect("a round");
    room.empty_redis().await;
    for _ in 0..20 {
        let (first, second) = tokio::join!(one.drain(), two.drain());
        first.and(second).expect("the queue");
        if waiting(&city).await == 0 {
            break;
        }
        city.pass(time::Duration::seconds(2));
    }
    assert_eq!(waiting(&city).await, 0);
    let done: Vec<String> =
        sqlx::query_scalar("select body from portfolio.message where dedupe like 'effect %' order by body::int")
            .fetch_all(&mut city.admin().await)
            .await
            .expect("the messages");
    let wanted: Vec<String> = (0..JOBS).map(|n| n.to_string()).collect();
    assert_eq!(done, wanted, "each exactly once");
    assert!(room.deliveries.load(Ordering::SeqCst) >= JOBS);
}

/// A message that comes twice (a worker was killed before it said "done") finds no row the second time.
#[tokio::test]
async fn a_second_delivery_has_no_effect() {
    let city = City::up().await;
    let room = Room::of(&city);
    enqueue(&city, "test.message", 1).await;
    let worker = worker(&city, vec![JobHandler::new("test.message", &room, leave_message)], "one");
    let id: i64 =
        sqlx::query_scalar("select id from app.job").fetch_one(&mut city.admin().await).await.expect("the job");
    let mut message = redis::cmd("XADD");
    message.arg("licheng:jobs").arg("*").arg("school").arg(SCHOOL).arg("id").arg(id).arg("kind").arg("test.message");
    message.arg("payload").arg("0").arg("request").arg("test").arg("attempts").arg(0);
    message.query_async::<()>(&mut room.redis.clone()).await.expect("the message of the worker that was killed");
    assert_eq!(worker.round().await.expect("a round"), 2);
    assert_eq!(room.deliveries.load(Ordering::SeqCst), 2);
    assert_eq!(room.effects.load(Ordering::SeqCst), 1);
}

/// Fails as often as it is told to.
struct Flaky {
    db: Db,
    failures: AtomicUsize,
}

async fn stumble(room: Arc<Flaky>, job: JobRun) -> Result<(), JobError> {
    let left = room.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        return Err(JobError::retry("the other side is away"));
    }
    let Some(mut tx) = job.claim(&room.db, "test.stumble").await? else { return Ok(()) };
    tx.audit(Audit::general("test.stumble", "job"));
    Ok(tx.commit().await?)
}

async fn give_up(_: Arc<()>, _: JobRun) -> Result<(), JobError> {
    Err(JobError::fail("the row is not what it should be"))
}

fn flaky(city: &City, failures: usize) -> (Arc<Flaky>, Worker) {
    let room = Arc::new(Flaky { db: city.db("portfolio"), failures: AtomicUsize::new(failures) });
    let worker = worker(city, vec![JobHandler::new("test.stumble", &room, stumble)], "one");
    (room, worker)
}

/// Two rounds: one may only make the consumer group, or only relay.
async fn work(worker: &Worker) -> usize {
    worker.round().await.expect("a round") + worker.round().await.expect("a round")
}

#[tokio::test]
async fn a_job_that_must_wait_is_tried_again_later_each_time() {
    let city = City::up().await;
    let (_, worker) = flaky(&city, 3);
    enqueue(&city, "test.stumble", 1).await;
    for seconds in [2, 4, 8] {
        assert_eq!(work(&worker).await, 1, "tried");
        city.pass(time::Duration::milliseconds(seconds * 1000 - 1));
        assert_eq!(work(&worker).await, 0, "not before {seconds} s are over");
        city.pass(time::Duration::milliseconds(1));
    }
    assert_eq!(work(&worker).await, 1);
    assert_eq!(waiting(&city).await, 0);
}

#[tokio::test]
async fn a_job_without_hope_is_listed_and_can_be_revived() {
    let city = City::up().await;
    let db = city.db("worker");
    enqueue(&city, "test.stumble", 1).await;
    let hopeless = worker(&city, vec![JobHandler::new("test.stumble", &Arc::new(()), give_up)], "one");
    assert_eq!(work(&hopeless).await, 1);
    city.pass(time::Duration::days(1));
    assert_eq!(work(&hopeless).await, 0, "nobody tries a dead letter");
    let dead = worker::queue(&db).await.expect("the queue").dead;
    let [letter] = dead.as_slice() else { panic!("{dead:?}") };
    assert_eq!((letter.school_code.as_str(), letter.kind.as_str(), letter.attempts), (SCHOOL, "test.stumble", 1));
    assert!(letter.error.contains("not what it should be"), "{}", letter.error);

    let school = SCHOOL.parse().expect("a school code");
    assert!(worker::revive(&db, &city.clock, school, letter.id).await.expect("the queue"));
    assert!(!worker::revive(&db, &city.clock, school, letter.id).await.expect("the queue"), "it is alive already");
    let (_, mended) = flaky(&city, 0);
    assert_eq!(work(&mended).await, 1);
    let queue = worker::queue(&db).await.expect("the queue");
    assert!(queue.dead.is_empty() && queue.waiting.is_empty(), "{queue:?}");
}

#[tokio::test]
async fn a_job_is_given_up_after_twelve_tries_and_one_that_nobody_knows_at_once() {
    let city = City::up().await;
    let (_, worker) = flaky(&city, usize::MAX);
    enqueue(&city, "test.stumble", 1).await;
    enqueue(&city, "test.unknown", 1).await;
    for _ in 0..14 {
        work(&worker).await;
        city.pass(time::Duration::minutes(11));
    }
    let dead = worker::queue(&city.db("worker")).await.expect("the queue").dead;
    let mut dead: Vec<(String, i16)> = dead.into_iter().map(|letter| (letter.kind, letter.attempts)).collect();
    dead.sort();
    assert_eq!(dead, [("test.stumble".to_owned(), 12), ("test.unknown".to_owned(), 1)]);
}

/// Design §6: a job exists only if what caused it does.
#[tokio::test]
async fn a_job_of_an_abandoned_transaction_never_was() {
    let city = City::up().await;
    let mut tx = city.db("portfolio").write(&city.system(SCHOOL), "test.enqueue").await.expect("a transaction");
    tx.enqueue(Job::new("test.message", 1));
    tx.audit(Audit::general("test.enqueue", "job"));
    drop(tx);
    assert_eq!(waiting(&city).await, 0);
}

/// Issue 3 §2: what a worker with a clock ahead has taken and left, or queued, does not wait until that time has come.
#[tokio::test]
async fn a_clock_that_is_ahead_keeps_no_job_waiting() {
    let city = City::up().await;
    let room = Room::of(&city);
    let mut ahead = city.system(SCHOOL);
    ahead.now += time::Duration::minutes(9);
    let mut tx = city.db("portfolio").write(&ahead, "test.enqueue").await.expect("a transaction");
    tx.enqueue(Job::new("test.message", 0));
    tx.audit(Audit::general("test.enqueue", "job"));
    tx.commit().await.expect("the job");
    sqlx::query("update app.job set published_at = $1")
        .bind(ahead.now)
        .execute(&mut city.admin().await)
        .await
        .expect("as the worker that was killed left it");
    city.pass(time::Duration::minutes(1)); // the database's clock went on meanwhile; still far from the nine
    let worker = worker(&city, vec![JobHandler::new("test.message", &room, leave_message)], "one");
    worker.drain().await.expect("the queue");
    assert_eq!(room.effects.load(Ordering::SeqCst), 1);
    assert_eq!(waiting(&city).await, 0);
}

/// Issue 3 §2: "skew the clock of a worker". A process compares its clock with the database's before it does anything.
#[tokio::test]
async fn a_false_clock_is_put_right_by_the_databases() {
    let city = City::up().await;
    for minutes in [9, -9] {
        let clock = Clock::common();
        clock.put_right(Clock::System.now() + time::Duration::minutes(minutes), Duration::ZERO);
        assert!((clock.now() - Clock::System.now()).abs() > time::Duration::minutes(8), "false");
        city.db("worker").put_right(&clock).await.expect("the database's time");
        assert!(
            (clock.now() - Clock::System.now()).abs() < time::Duration::seconds(30),
            "right, but for a slow answer"
        );
    }
}
