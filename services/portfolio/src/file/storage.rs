//! The bytes that a student's files take, and the row that is the queue of all that one student changes.

use kernel::{
    ids::StudentId,
    rules::{Refusal, Ruleset},
};
use store::{Error, TenantTx};

/// Takes the student's turn and says how many bytes are in use. Whatever this transaction reads afterwards stays
/// so until it ends: every change of a student's items begins here.
pub(crate) async fn take_turn(tx: &mut TenantTx, student: StudentId) -> Result<i64, Error> {
    let school = tx.school();
    let used = sqlx::query_scalar!(
        "insert into portfolio.student_storage as s (school_code, student_id) values ($1, $2)
         on conflict (school_code, student_id) do update set bytes_used = s.bytes_used
         returning bytes_used",
        school.as_str(),
        student.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(used)
}

/// Sets bytes aside. `replaced` are those of the file that this one is to replace: it goes once this one is saved,
/// so the quota is asked without it.
pub(crate) async fn set_aside(
    tx: &mut TenantTx,
    student: StudentId,
    bytes: i64,
    replaced: i64,
    rules: &Ruleset,
) -> Result<Result<(), Refusal>, Error> {
    let (school, limit) = (tx.school(), rules.quota_bytes);
    let done = sqlx::query!(
        "update portfolio.student_storage set bytes_used = bytes_used + $3
          where school_code = $1 and student_id = $2 and bytes_used + $3 - $4 <= $5",
        school.as_str(),
        student.get(),
        bytes,
        replaced,
        limit
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    let used = take_turn(tx, student).await? - replaced;
    Ok(Err(Refusal::QuotaExceeded { limit, used, adding: bytes }))
}

/// Gives bytes back.
pub(crate) async fn give_back(tx: &mut TenantTx, student: StudentId, bytes: i64) -> Result<(), Error> {
    if bytes == 0 {
        return Ok(());
    }
    let school = tx.school();
    let done = sqlx::query!(
        "update portfolio.student_storage set bytes_used = bytes_used - $3 where school_code = $1 and student_id = $2",
        school.as_str(),
        student.get(),
        bytes
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}
