//! Deciding, taking back, publishing.

use std::sync::Arc;

use axum::extract::{Path, State};
use kernel::{
    ids::{CertificationRequestId, DecisionId, StaffId},
    rules::{Action, Refusal, Windows, may as rule},
};
use serde_json::json;
use store::{Audit, TenantTx};
use web::{Answer, FieldErrors, Flash, Form, May, Problem, Query, Routes, need};

use super::{Publication, Typed, field_of, refusal, store as decisions, store::Revoked, store::Verdict, undo};
use crate::{
    Room,
    notice::{self, About},
    request::{
        Filter, Status,
        pages::{DESK, Redrawn, found, page},
        store::{self as desk, Item},
    },
    teacher,
};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .post("/s/{school}/certification/{request}/decision", decide)
        .post("/s/{school}/certification/decisions/{decision}/revocation", revoke)
        .post("/s/{school}/certification/decisions/{decision}/publication", publish)
        .post("/s/{school}/certification/publications", publish_several)
}

/// Decides, and leads on to the next request that waits.
async fn decide(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CertificationRequestId)>,
    Query(filter): Query<Filter>,
    Form(typed): Form<Typed>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.decision.create").await?;
    let item = found(&mut tx, staff, id).await?;
    let (rules, windows) = store::rules::load(&mut tx, item.standing.slot.year).await?;
    let wrong = |errors| Redrawn { item: item.clone(), filter: filter.clone(), typed: typed.clone(), errors };
    let ruling = match typed.ruling(&rules) {
        Ok(ruling) => ruling,
        Err(errors) => return page(&room, &may, tx, wrong(errors)).await,
    };
    match refusal(&ruling, &item.standing, (&rules, &windows), may.now) {
        // decided and published meanwhile, in another window or by a colleague
        Some(Refusal::NotDecidable { .. }) => return Err(Problem::Stale),
        Some(no) => {
            let errors = FieldErrors::one(field_of(&no), no.to_string());
            return page(&room, &may, tx, wrong(errors)).await;
        }
        None => {}
    }
    let publication = if typed.is_later() { Publication::Later } else { Publication::Now };
    let publish_at = publication.moment(may.now, &rules);
    let verdict = Verdict { requests: vec![id], ruling: &ruling, publish_at, batch: None };
    let made = replace(&mut tx, staff, &item, &verdict).await?;
    let next = desk::neighbours(&mut tx, staff, &item, &filter).await?;
    tx.commit().await?;
    let to = next.next.or(next.previous).map_or_else(String::new, |id| format!("/{id}"));
    let kept = filter.query(Some(Status::Waiting), &[("done", made.get())]);
    Ok(web::redirect(format!("{}{to}{kept}", may.url(DESK))))
}

/// Writes the decision in place of an unpublished one, if there is one.
async fn replace(tx: &mut TenantTx, staff: StaffId, item: &Item, verdict: &Verdict<'_>) -> Result<DecisionId, Problem> {
    let before = item.standing.decided;
    if let Some(before) = before
        && decisions::revoke(tx, &[before.id]).await?.is_empty()
    {
        return Err(Problem::Stale);
    }
    let made = decisions::decide(tx, staff, verdict).await?.pop().ok_or(Problem::Stale)?.id;
    let mut audit = Audit::new("decision.create", "decision", made.get()).after(json!({
        "request": item.standing.id, "outcome": item.standing.outcome, "passed": verdict.ruling.pass,
        "reason": verdict.ruling.reason, "published": verdict.publish_at.is_some(),
    }));
    if let Some(before) = before {
        audit = audit.before(json!({ "decision": before.id, "passed": before.passed, "reason": item.reason }));
    }
    tx.audit(audit);
    notice::announce(tx, [made], verdict.publish_at);
    Ok(made)
}

/// The requests that these decisions stand on; 409 when a decision was taken back before, 404 when it never was there.
pub(crate) async fn decided(tx: &mut TenantTx, staff: StaffId, ids: &[DecisionId]) -> Result<Vec<Item>, Problem> {
    let requests = decisions::requests(tx, staff, ids).await?;
    if requests.len() == ids.len() {
        return Ok(desk::find(tx, staff, &requests).await?);
    }
    for id in ids {
        if decisions::was_revoked(tx, staff, *id).await? {
            return Err(Problem::Stale);
        }
    }
    Err(Problem::NotFound)
}

async fn revoke(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, DecisionId)>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.decision.revoke").await?;
    let item = decided(&mut tx, staff, &[id]).await?.pop().ok_or(Problem::NotFound)?;
    let (rules, _) = store::rules::load(&mut tx, item.standing.slot.year).await?;
    undo(&item.standing, &rules, may.now).map_err(|no| Problem::unprocessable(no.to_string()))?;
    let request = item.standing.id;
    // selected in this very moment
    let revoked = decisions::revoke(&mut tx, &[id]).await?.pop().ok_or(Problem::Stale)?;
    note_revoked(&mut tx, item, &revoked);
    tx.commit().await?;
    let flash = Flash::good("已經復原，這件成果回到待認證。");
    Ok(web::redirect_with(format!("{}/{request}", may.url(DESK)), &flash))
}

/// The audit of a decision taken back, and the word to a student who had been told of it.
pub(crate) fn note_revoked(tx: &mut TenantTx, item: Item, revoked: &Revoked) {
    let before = json!({ "request": revoked.request_id, "passed": revoked.passed, "reason": item.reason });
    tx.audit(Audit::new("decision.revoke", "decision", revoked.id.get()).before(before));
    if revoked.was_announced {
        let about =
            About { student: item.standing.student, outcome: item.standing.outcome, subject: item.subject_name };
        notice::take_back(tx, revoked.id, about);
    }
}

async fn publish(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, DecisionId)>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.decision.publish").await?;
    let item = decided(&mut tx, staff, &[id]).await?.pop().ok_or(Problem::NotFound)?;
    let action = Action::Publish { state: item.standing.state(may.now) };
    let publishable = store::rules::load(&mut tx, item.standing.slot.year).await?.0;
    rule(&action, &publishable, &Windows::default(), may.now).map_err(|no| Problem::unprocessable(no.to_string()))?;
    let published = publish_all(&mut tx, &[id]).await?;
    tx.expect_one(published.try_into().unwrap_or_default())?;
    tx.commit().await?;
    let flash = Flash::good("已經發佈，學生看得到認證結果了。");
    Ok(web::redirect_with(format!("{}/{}", may.url(DESK), item.standing.id), &flash))
}

/// Publishes what is unpublished among these decisions, with audit and news; says how many.
pub(crate) async fn publish_all(tx: &mut TenantTx, ids: &[DecisionId]) -> Result<usize, Problem> {
    let published = decisions::publish(tx, ids).await?;
    for id in &published {
        tx.audit(Audit::new("decision.publish", "decision", id.get()));
    }
    let now = tx.now();
    notice::announce(tx, published.iter().copied(), Some(now));
    Ok(published.len())
}

/// The rows ticked in the queue.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Ticked {
    decision: Vec<DecisionId>,
}

/// The most that are published or decided in one go; a page of the queue holds fewer.
pub(crate) const MOST: usize = 100;

async fn publish_several(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Form(ticked): Form<Ticked>,
) -> Answer {
    let staff = teacher(&may)?;
    let back = format!("{}?status={}", may.url(DESK), Status::Unpublished.code());
    let mut ids = ticked.decision;
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > MOST {
        let flash = Flash::note("請先勾選要發佈的認證結果。");
        return Ok(web::redirect_with(back, &flash));
    }
    let mut tx = room.db.write(&may, "certification.decision.publish_several").await?;
    decided(&mut tx, staff, &ids).await?;
    // what was published meanwhile stays as it is
    let count = publish_all(&mut tx, &ids).await?;
    if count > 0 {
        tx.commit().await?;
    }
    Ok(web::redirect_with(back, &Flash::good(format!("已經發佈 {count} 件認證結果。"))))
}
