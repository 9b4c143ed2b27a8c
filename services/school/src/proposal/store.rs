//! The SQL of proposals, on the school's side.

use ::store::{Audit, Error, TenantTx};
use kernel::{ids::StaffId, rules::WindowKind};
use serde_json::json;
use time::OffsetDateTime;

/// A proposal as it arrives.
pub(crate) struct Received<'a> {
    pub(crate) id: i64,
    pub(crate) window_id: i64,
    pub(crate) closes_at: OffsetDateTime,
    pub(crate) reason: &'a str,
    /// False when a newer one for the same window was there first.
    pub(crate) is_newest: bool,
}

/// Marks older proposals for the window that still wait; gives their numbers.
pub(crate) async fn supersede(tx: &mut TenantTx, id: i64, window: i64) -> Result<Vec<i64>, Error> {
    let (school, now) = (tx.school(), tx.now());
    Ok(sqlx::query_scalar!(
        "update school.window_proposal set answer = 'superseded', answered_at = $4
          where school_code = $1 and window_id = $2 and id < $3 and answer is null returning id",
        school.as_str(),
        window,
        id,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Whether a newer proposal for the window has arrived before.
pub(crate) async fn is_superseded(tx: &mut TenantTx, id: i64, window: i64) -> Result<bool, Error> {
    let school = tx.school();
    Ok(sqlx::query_scalar!(
        r#"select exists (select from school.window_proposal
                           where school_code = $1 and window_id = $2 and id > $3) as "newer!""#,
        school.as_str(),
        window,
        id
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Writes a proposal down; one that is there already stays as it is.
pub(crate) async fn insert(tx: &mut TenantTx, received: Received<'_>) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    sqlx::query!(
        "insert into school.window_proposal (school_code, id, window_id, closes_at, reason, received_at, answer, answered_at)
         values ($1, $2, $3, $4, $5, $6::timestamptz, case when not $7 then 'superseded' end,
                 case when not $7 then $6::timestamptz end)
         on conflict (school_code, id) do nothing",
        school.as_str(),
        received.id,
        received.window_id,
        received.closes_at,
        received.reason,
        now,
        received.is_newest
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A proposal that waits for the office.
pub(crate) struct Proposal {
    pub(crate) id: i64,
    pub(crate) window_id: i64,
    kind: String,
    pub(crate) academic_year: i16,
    pub(crate) term: i16,
    pub(crate) grade: i16,
    /// When the window closes now.
    pub(crate) closed_at: OffsetDateTime,
    /// When it is to close.
    pub(crate) closes_at: OffsetDateTime,
    pub(crate) reason: String,
}

impl Proposal {
    /// What the window is for.
    pub(crate) fn label(&self) -> &str {
        self.kind.parse::<WindowKind>().map_or(self.kind.as_str(), |kind| kind.label())
    }
}

/// The proposals that wait, by when they would close; with an id only that one.
pub(crate) async fn waiting(tx: &mut TenantTx, id: Option<i64>) -> Result<Vec<Proposal>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Proposal,
        "select p.id, p.window_id, w.kind, w.academic_year, w.term, w.grade, w.closes_at as closed_at, p.closes_at, p.reason
           from school.window_proposal p
           join school.window_period w on w.school_code = $1 and w.id = p.window_id
          where p.school_code = $1 and p.answer is null and ($2::bigint is null or p.id = $2)
          order by p.closes_at, p.id",
        school.as_str(),
        id
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Whether a proposal is there, answered or not.
pub(crate) async fn exists(tx: &mut TenantTx, id: i64) -> Result<bool, Error> {
    let school = tx.school();
    Ok(sqlx::query_scalar!(
        r#"select exists (select from school.window_proposal where school_code = $1 and id = $2) as "there!""#,
        school.as_str(),
        id
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Answers a proposal that still waits, and audits it as the `action` says; [`Error::Stale`] if it was answered.
pub(crate) async fn answer(tx: &mut TenantTx, proposal: &Proposal, answer: Answer) -> Result<(), Error> {
    let (school, now, staff) = (tx.school(), tx.now(), tx.ctx().staff().map(StaffId::get));
    let answered = sqlx::query!(
        "update school.window_proposal set answer = $3, answered_at = $4, answered_by = $5
          where school_code = $1 and id = $2 and answer is null",
        school.as_str(),
        proposal.id,
        answer.code(),
        now,
        staff
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(answered.rows_affected())?;
    let after = json!({ "window_id": proposal.window_id, "closes_at": proposal.closes_at.to_string() });
    tx.audit(Audit::new(answer.action(), "window_proposal", proposal.id).after(after));
    Ok(())
}

/// What the office said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Adopted,
    Declined,
}

impl Answer {
    const fn code(self) -> &'static str {
        match self {
            Self::Adopted => "adopted",
            Self::Declined => "declined",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Adopted => "window_proposal.adopt",
            Self::Declined => "window_proposal.decline",
        }
    }
}
