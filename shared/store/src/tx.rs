//! Transactions that know whose data they touch.

use crate::{
    Audit, Conn, Error, Job,
    connection::Statements,
    migrate::{self, Applied},
};
use kernel::{
    actor::{Context, Subject},
    clock::Clock,
    school::SchoolCode,
};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, QueryBuilder,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// How long a request waits for a connection before it is told to come back (503).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps; more than a room has queries.
const STATEMENTS: usize = 256;

/// A pool of connections that all log in as one room's database role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    statements: Statements,
}

impl Db {
    /// A pool of at most `max` connections; the first is opened when first needed, so that a
    /// process starts while its database is away and says so on `/readyz`.
    ///
    /// A URL that ends in `?statement-cache-capacity=0` leads to a pooler in transaction mode that knows no prepared
    /// statements (PgBouncer before 1.21): none is kept, and nothing outlives its transaction.
    pub fn lazy(url: &str, max: u32) -> Result<Self, Error> {
        let options: PgConnectOptions = url.parse()?;
        let statements = Statements::of(url);
        let kept = if statements == Statements::Kept { STATEMENTS } else { 0 };
        let options = options.statement_cache_capacity(kept);
        let pool = PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self { pool, statements })
    }

    /// A read-only transaction at the context's school. Drop it when done.
    pub async fn read(&self, ctx: &Context, name: &'static str) -> Result<TenantTx, Error> {
        self.tenant(ctx, name, "BEGIN READ ONLY").await
    }

    /// A transaction that changes something at the context's school; it needs an audit entry to commit.
    pub async fn write(&self, ctx: &Context, name: &'static str) -> Result<TenantTx, Error> {
        self.tenant(ctx, name, "BEGIN").await
    }

    async fn tenant(&self, ctx: &Context, name: &'static str, begin: &str) -> Result<TenantTx, Error> {
        let school = ctx.school();
        // SET takes no parameters; the code can only hold [0-9A-Z]. One round trip with BEGIN, and the
        // form that Citus forwards to its workers (set_config() is not).
        let begin = format!(
            "/* {name} */ {begin}; SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL app.school_code = '{school}'"
        );
        let tx = self.begin(begin).await?;
        Ok(TenantTx { tx, ctx: ctx.clone(), name, audits: Vec::new(), jobs: Vec::new(), begun: Instant::now() })
    }

    /// The worker's view over all schools, as far as the policies for its role reach.
    pub async fn system(&self, name: &'static str) -> Result<SystemTx, Error> {
        Ok(SystemTx { tx: self.begin(format!("/* {name} */ BEGIN")).await? })
    }

    /// The bureau's read-only view: whatever its role may see is counts.
    pub async fn bureau(&self, name: &'static str) -> Result<BureauTx, Error> {
        Ok(BureauTx { tx: self.begin(format!("/* {name} */ BEGIN READ ONLY")).await? })
    }

    async fn begin(&self, statement: String) -> Result<Conn, Error> {
        Ok(Conn::new(self.pool.begin_with(AssertSqlSafe(statement)).await?, self.statements))
    }

    /// Whether the database answers; for `/readyz` and `doctor`.
    pub async fn ping(&self) -> Result<(), Error> {
        // without arguments and without a statement: one message, so that a pooler has no chance to come between two
        sqlx::raw_sql("select 1").execute(&self.pool).await?;
        Ok(())
    }

    /// The migrations that the database has; `serve` compares them with its own.
    pub async fn migrations(&self) -> Result<Vec<Applied>, Error> {
        let mut tx = self.system("schema.migrations").await?;
        Ok(sqlx::query_as(migrate::APPLIED).fetch_all(tx.conn()).await?)
    }

    /// Puts a process's clock right by the database's, which all processes share: a window closes and a job is due at
    /// the same moment for each of them, whatever its own machine believes.
    pub async fn put_right(&self, clock: &Clock) -> Result<(), Error> {
        let mut tx = self.system("clock.put_right").await?;
        let asked = Instant::now();
        let shared: OffsetDateTime = sqlx::query_scalar("select clock_timestamp()").fetch_one(tx.conn()).await?;
        let behind = clock.put_right(shared, asked.elapsed());
        metrics::gauge!("licheng_clock_behind_seconds").set(behind.as_seconds_f64());
        Ok(())
    }

    /// Closes the pool after the requests in flight.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// One school's data, for the length of one transaction.
///
/// Audit entries and jobs are collected and written together by [`TenantTx::commit`].
#[derive(Debug)]
pub struct TenantTx {
    tx: Conn,
    ctx: Context,
    name: &'static str,
    audits: Vec<Audit>,
    jobs: Vec<Job>,
    begun: Instant,
}

impl TenantTx {
    /// The connection, for `sqlx::query!(…).fetch_…(tx.conn())`.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.tx
    }

    /// The school, to be bound in every query: the policy holds without it, the planner is faster with it,
    /// and Citus needs it to route.
    #[must_use]
    pub fn school(&self) -> SchoolCode {
        self.ctx.school()
    }

    /// Who acts, and when.
    #[must_use]
    pub fn ctx(&self) -> &Context {
        &self.ctx
    }

    /// The moment of the request.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.ctx.now
    }

    /// Records a change that this transaction makes.
    pub fn audit(&mut self, entry: Audit) {
        self.audits.push(entry);
    }

    /// Queues work that happens if and only if this transaction commits.
    pub fn enqueue(&mut self, job: Job) {
        self.jobs.push(job);
    }

    /// An update says how many rows it expects; anything but one means that the row
    /// changed since it was read.
    pub fn expect_one(&self, rows_affected: u64) -> Result<(), Error> {
        (rows_affected == 1).then_some(()).ok_or(Error::Stale)
    }

    /// Writes the audit and the jobs, and commits.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.audits.is_empty() {
            return Err(Error::Unaudited(self.name));
        }
        self.write_entries().await?;
        self.tx.commit().await.map_err(Error::of_commit)?;
        metrics::histogram!("licheng_transaction_seconds", "name" => self.name)
            .record(self.begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// One statement for all entries: a round trip costs more than the rows.
    async fn write_entries(&mut self) -> Result<(), Error> {
        let school = self.ctx.school();
        let mut sql = QueryBuilder::<Postgres>::new("");
        if !self.jobs.is_empty() {
            sql.push(
                "with queued as (insert into app.job (school_code, kind, payload, request_id, created_at, run_at) ",
            );
            sql.push_values(&self.jobs, |mut row, job| {
                row.push_bind(school.as_str())
                    .push_bind(job.kind)
                    .push_bind(&job.payload)
                    .push_bind(&self.ctx.request_id)
                    .push_bind(self.ctx.now);
                // what is due at once is due for every worker, also when this process's clock is ahead of theirs
                match job.run_at {
                    Some(moment) => row.push_bind(moment),
                    None => row.push("least(").push_bind_unseparated(self.ctx.now).push_unseparated(", now())"),
                };
            });
            sql.push(") ");
        }
        sql.push("insert into app.audit (school_code, at, actor_person, actor_role, actor_subject, transaction, action, entity, entity_id, before, after, request_id) ");
        let actor = &self.ctx.actor;
        let subject = subject_text(actor.subject);
        sql.push_values(&self.audits, |mut row, entry| {
            row.push_bind(school.as_str())
                .push_bind(self.ctx.now)
                .push_bind(actor.person.map(kernel::ids::PersonId::get))
                .push_bind(actor.role.map(kernel::role::Role::code))
                .push_bind(&subject)
                .push_bind(self.name)
                .push_bind(entry.action)
                .push_bind(entry.entity)
                .push_bind(entry.entity_id)
                .push_bind(&entry.before)
                .push_bind(&entry.after)
                .push_bind(&self.ctx.request_id);
        });
        sql.build().execute(&mut self.tx).await?;
        Ok(())
    }
}

/// `student:12`, `staff:3`, `city`, `system`.
fn subject_text(subject: Subject) -> String {
    match subject {
        Subject::Student(id) => format!("student:{id}"),
        Subject::Staff(id) => format!("staff:{id}"),
        Subject::City => "city".to_owned(),
        Subject::System => "system".to_owned(),
    }
}

/// The worker across schools: relaying, sealing, counting. It bears no actor, so it changes no
/// portfolio; what a job changes, it changes in a [`TenantTx`].
#[derive(Debug)]
pub struct SystemTx {
    tx: Conn,
}

impl SystemTx {
    /// The connection.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.tx
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await.map_err(Error::of_commit)
    }
}

/// The bureau's read-only look at the summary tables.
#[derive(Debug)]
pub struct BureauTx {
    tx: Conn,
}

impl BureauTx {
    /// The connection.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.tx
    }
}
