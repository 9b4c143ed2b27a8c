//! The rows of temporary accounts.

use kernel::{ids::PersonId, role::Role};
use store::{Error, TenantTx};
use time::{Duration, OffsetDateTime};

use crate::login::LoginName;

/// An account whose attempt was counted.
pub(super) struct Counted {
    pub(super) person: PersonId,
    pub(super) password_hash: String,
    pub(super) must_change: bool,
    pub(super) expires_at: Option<OffsetDateTime>,
    /// Attempts since the last success, this one included.
    pub(super) failures: i16,
}

/// Counts an attempt, unless the account is locked or over; the last one allowed locks it until it succeeds. One
/// statement: attempts at the same time wait for each other here.
pub(super) async fn count_attempt(
    tx: &mut TenantTx,
    login: &LoginName,
    max: i32,
    lock: Duration,
) -> Result<Option<Counted>, Error> {
    let now = tx.now();
    let counted = sqlx::query_as!(
        Counted,
        r#"update identity.temporary_account
           set failures = case when locked_until is null then failures + 1 else 1 end,
               locked_until = case when locked_until is null and failures + 1 >= $3 then $4::timestamptz end
           where login = $1 and (locked_until is null or locked_until <= $2) and (expires_at is null or expires_at > $2)
           returning person_id as "person!", password_hash, must_change, expires_at, failures"#,
        login.as_str(),
        now,
        max,
        now + lock
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(counted)
}

/// The attempt succeeded.
pub(super) async fn forget_failures(tx: &mut TenantTx, login: &LoginName) -> Result<(), Error> {
    let done = sqlx::query!(
        "update identity.temporary_account set failures = 0, locked_until = null where login = $1",
        login.as_str()
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Replaces the hash that was judged by another; stale if somebody else replaced it meanwhile.
pub(super) async fn replace_hash(tx: &mut TenantTx, login: &LoginName, hash: &str) -> Result<(), Error> {
    let done = sqlx::query!(
        "update identity.temporary_account set password_hash = $2, must_change = false where login = $1",
        login.as_str(),
        hash
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Whether the transaction's school is there.
pub(super) async fn school_exists(tx: &mut TenantTx) -> Result<bool, Error> {
    let school = tx.school();
    let found = sqlx::query_scalar!(
        r#"select exists (select from school.school where school_code = $1) as "found!""#,
        school.as_str()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// The person and the row that the school's rosters mean by an account.
pub(super) async fn in_roster(
    tx: &mut TenantTx,
    account: &str,
    kind: &str,
) -> Result<Option<(PersonId, Option<i64>)>, Error> {
    let school = tx.school();
    let row = sqlx::query!(
        r#"select person_id, subject_id as "subject_id!" from identity.roster_person
           where school_code = $1 and login = $2 and kind = $3"#,
        school.as_str(),
        account,
        kind
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.and_then(|row| Some((row.person_id?.into(), Some(row.subject_id)))))
}

/// A person whom no roster names.
pub(super) async fn new_person(tx: &mut TenantTx) -> Result<PersonId, Error> {
    let person = sqlx::query_scalar!("insert into identity.person default values returning id");
    Ok(person.fetch_one(tx.conn()).await?.into())
}

/// A hat that no roster takes back; one that a roster gave stays the roster's.
pub(super) async fn grant(
    tx: &mut TenantTx,
    person: PersonId,
    role: Role,
    subject_id: Option<i64>,
    name: &str,
) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "insert into identity.membership (person_id, school_code, role, subject_id, name, source)
         values ($1, $2, $3, $4, $5, 'grant') on conflict do nothing",
        person.get(),
        school.as_str(),
        role.code(),
        subject_id,
        name
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The account itself.
pub(super) async fn insert(
    tx: &mut TenantTx,
    login: &LoginName,
    person: PersonId,
    hash: &str,
    expires_at: Option<OffsetDateTime>,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into identity.temporary_account (login, person_id, password_hash, expires_at) values ($1, $2, $3, $4)",
        login.as_str(),
        person.get(),
        hash,
        expires_at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A new password from an administrator.
pub(super) async fn reset(tx: &mut TenantTx, login: &LoginName, hash: &str) -> Result<Option<PersonId>, Error> {
    let person = sqlx::query_scalar!(
        "update identity.temporary_account
         set password_hash = $2, must_change = true, failures = 0, locked_until = null where login = $1 returning person_id",
        login.as_str(),
        hash
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(person.map(PersonId::from))
}
