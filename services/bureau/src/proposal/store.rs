//! The SQL of proposals, on the bureau's side.

use super::Wanted;
use crate::deadline::label;
use ::store::{Audit, Db, Error, TenantTx};
use serde_json::json;
use time::OffsetDateTime;

/// Proposals that the page lists at most.
const LISTED: i64 = 300;

/// A proposal with what became of it.
pub(crate) struct Proposal {
    pub(crate) school_name: String,
    kind: String,
    academic_year: i16,
    term: i16,
    grade: i16,
    stage: i16,
    pub(crate) closed_at: OffsetDateTime,
    pub(crate) closes_at: OffsetDateTime,
    pub(crate) reason: String,
    pub(crate) proposed_at: OffsetDateTime,
    pub(crate) queued_at: Option<OffsetDateTime>,
    pub(crate) answer: Option<String>,
    pub(crate) answered_at: Option<OffsetDateTime>,
}

impl Proposal {
    /// The window, in words.
    pub(crate) fn label(&self) -> String {
        label((&self.kind, self.stage), self.academic_year, self.term, self.grade)
    }
}

/// The newest proposals.
pub(crate) async fn list(db: &Db) -> Result<Vec<Proposal>, Error> {
    let mut tx = db.bureau("bureau.proposal.list").await?;
    let proposals = sqlx::query_as!(
        Proposal,
        "select s.short_name as school_name, p.kind, p.academic_year, p.term, p.grade, p.stage, p.closed_at, p.closes_at,
                p.reason, p.proposed_at, p.queued_at, p.answer, p.answered_at
           from bureau.window_proposal p
           join school.school s on s.school_code = p.school_code
          order by p.id desc limit $1",
        LISTED
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(proposals)
}

/// Writes one proposal for each window, as the map knows it now; [`Error::Stale`] if one of them is no longer there or
/// closes at another time than was shown.
pub(crate) async fn insert(tx: &mut TenantTx, wanted: &Wanted) -> Result<(), Error> {
    let (now, request) = (tx.now(), tx.ctx().request_id.clone());
    let schools: Vec<String> = wanted.windows.iter().map(|window| window.school.clone()).collect();
    let windows: Vec<i64> = wanted.windows.iter().map(|window| window.window_id).collect();
    let closings: Vec<OffsetDateTime> = wanted.windows.iter().map(|window| window.closes_at).collect();
    let made = sqlx::query!(
        "insert into bureau.window_proposal (school_code, window_id, kind, academic_year, term, grade, stage, closed_at,
                                             closes_at, reason, proposed_at, request_id)
         select d.school_code, d.window_id, d.kind, d.academic_year, d.term, d.grade, d.stage, d.closes_at,
                $4, $5, $6, $7
           from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as chosen (school_code, window_id, closes_at)
           join bureau.deadline d using (school_code, window_id, closes_at)
         returning id, school_code, window_id, closed_at",
        &schools,
        &windows,
        &closings,
        wanted.closes_at,
        wanted.reason,
        now,
        request
    )
    .fetch_all(tx.conn())
    .await?;
    if made.len() != wanted.windows.len() {
        return Err(Error::Stale);
    }
    for row in made {
        let after = json!({
            "school": row.school_code,
            "window_id": row.window_id,
            "closed_at": row.closed_at.to_string(),
            "closes_at": wanted.closes_at.to_string(),
            "reason": wanted.reason,
        });
        tx.audit(Audit::new("window_proposal.make", "window_proposal", row.id).after(after));
    }
    Ok(())
}
