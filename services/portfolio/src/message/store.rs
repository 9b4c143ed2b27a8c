//! The SQL of messages.

use kernel::{
    actor::Subject,
    ids::{MessageId, StaffId, StudentId},
};
use store::{Error, TenantTx};
use time::OffsetDateTime;

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A student.
    Student(StudentId),
    /// A member of staff.
    Staff(StaffId),
}

impl Reader {
    /// The person who reads now; the city's people get none.
    pub(crate) fn of(subject: Subject) -> Option<Self> {
        match subject {
            Subject::Student(id) => Some(Self::Student(id)),
            Subject::Staff(id) => Some(Self::Staff(id)),
            Subject::City | Subject::System => None,
        }
    }

    pub(crate) fn student(self) -> Option<i64> {
        if let Self::Student(id) = self { Some(id.get()) } else { None }
    }

    pub(crate) fn staff(self) -> Option<i64> {
        if let Self::Staff(id) = self { Some(id.get()) } else { None }
    }
}

/// One message.
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) body: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) is_read: bool,
}

/// The newest messages.
pub(crate) async fn list(tx: &mut TenantTx, of: Reader, limit: i64) -> Result<Vec<Message>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"select id, body, created_at, read_at is not null as "is_read!" from portfolio.message
            where school_code = $1 and (student_id = $2 or staff_id = $3)
            order by created_at desc, id desc limit $4"#,
        school.as_str(),
        of.student(),
        of.staff(),
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    let message = rows.into_iter().map(|row| Message {
        id: row.id.into(),
        body: row.body,
        created_at: row.created_at,
        is_read: row.is_read,
    });
    Ok(message.collect())
}

/// Marks one as read, or all of them; says how many were not.
pub(crate) async fn mark_read(tx: &mut TenantTx, of: Reader, one: Option<MessageId>) -> Result<u64, Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.message set read_at = $5
          where school_code = $1 and (student_id = $2 or staff_id = $3) and ($4::bigint is null or id = $4)
            and read_at is null",
        school.as_str(),
        of.student(),
        of.staff(),
        one.map(MessageId::get),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Where a message leads; `None`: not this reader's.
pub(crate) async fn link(tx: &mut TenantTx, of: Reader, id: MessageId) -> Result<Option<String>, Error> {
    let school = tx.school();
    let link = sqlx::query_scalar!(
        "select link from portfolio.message
          where school_code = $1 and id = $2 and (student_id = $3 or staff_id = $4)",
        school.as_str(),
        id.get(),
        of.student(),
        of.staff()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(link)
}

/// Writes a message once, whatever the number of tries.
pub(crate) async fn insert(
    tx: &mut TenantTx,
    to: Reader,
    body: &str,
    link: &str,
    dedupe: &str,
) -> Result<Option<MessageId>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        "insert into portfolio.message (school_code, student_id, staff_id, body, link, dedupe, created_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (school_code, dedupe) do nothing returning id",
        school.as_str(),
        to.student(),
        to.staff(),
        body,
        link,
        dedupe,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(id.map(Into::into))
}

/// The mail address of a reader, as the rosters have it.
pub(crate) async fn address(tx: &mut TenantTx, of: Reader) -> Result<Option<String>, Error> {
    let school = tx.school();
    let found = sqlx::query_scalar!(
        r#"select s.email from school.student s where s.school_code = $1 and s.id = $2 and s.left_at is null
           union all
           select t.email from school.staff t where t.school_code = $1 and t.id = $3 and t.left_at is null"#,
        school.as_str(),
        of.student(),
        of.staff()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.flatten().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()))
}

/// Whether a job is still to be done.
pub(crate) async fn job_waits(tx: &mut TenantTx, id: kernel::ids::JobId) -> Result<bool, Error> {
    let school = tx.school();
    let waits = sqlx::query_scalar!(
        r#"select exists (select from app.job where school_code = $1 and id = $2) as "waits!""#,
        school.as_str(),
        id.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(waits)
}
