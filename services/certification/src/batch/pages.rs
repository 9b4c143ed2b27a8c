//! The look over several requests before they are decided, and the batch that comes of it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use kernel::{
    calendar::AcademicYear,
    ids::{CertificationRequestId, DecisionBatchId, DecisionId, StaffId},
    rules::{Ruleset, Windows},
};
use serde_json::json;
use store::{Audit, TenantTx};
use time::OffsetDateTime;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, Routes, need};

use super::{
    obstacle,
    store::{self as batches, Member},
};
use crate::{
    Room,
    decision::{
        Publication, Ruling, Typed,
        pages::{MOST, decided, note_revoked, publish_all},
        store as decisions, undo, undo_until,
    },
    notice,
    request::{
        pages::DESK,
        store::{self as desk, Item},
    },
    teacher,
};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/certification/batches/new", new)
        .post("/s/{school}/certification/batches", create)
        .get("/s/{school}/certification/batches/{batch}", show)
        .post("/s/{school}/certification/batches/{batch}/revocation", revoke)
        .post("/s/{school}/certification/batches/{batch}/publication", publish)
}

/// What the rules of each academic year say; usually there is one.
type Years = BTreeMap<AcademicYear, (Ruleset, Windows)>;

#[derive(Template)]
#[template(path = "batch/new.html")]
struct New {
    page: Page,
    able: Vec<Item>,
    unable: Vec<Unable>,
    reason_max: i64,
    undo_minutes: i64,
    typed: Typed,
    errors: FieldErrors,
}

/// A request that can't be decided with the others, and why.
struct Unable {
    item: Item,
    why: String,
}

async fn new(may: May<need::OutcomeCertify>, State(room): State<Arc<Room>>, Query(typed): Query<Typed>) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.read(&may, "certification.batch.new").await?;
    let Some(items) = ticked(&mut tx, staff, &typed).await? else { return Ok(nothing_ticked(&may)) };
    let years = years(&mut tx, &items).await?;
    drop(tx);
    look_over(&may, items, &years, typed, FieldErrors::new())
}

fn nothing_ticked(may: &May<need::OutcomeCertify>) -> axum::response::Response {
    let flash = Flash::note("請先勾選要一起認證的成果；開啟過檔案的成果才能勾選。");
    web::redirect_with(may.url(DESK), &flash)
}

/// The requests that were ticked; `None`: none at all, or more than a page holds.
async fn ticked(tx: &mut TenantTx, staff: StaffId, typed: &Typed) -> Result<Option<Vec<Item>>, Problem> {
    let mut ids: Vec<_> = typed.request.iter().copied().map(CertificationRequestId::from).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > MOST {
        return Ok(None);
    }
    let items = desk::find(tx, staff, &ids).await?;
    match items.len() == ids.len() {
        true => Ok(Some(items)),
        false if desk::was_withdrawn(tx, staff, &ids).await? => Err(Problem::Stale),
        false => Err(Problem::NotFound),
    }
}

async fn years(tx: &mut TenantTx, items: &[Item]) -> Result<Years, Problem> {
    let mut years = Years::new();
    for year in items.iter().map(|item| item.standing.slot.year) {
        if let Entry::Vacant(unread) = years.entry(year) {
            unread.insert(store::rules::load(tx, year).await?);
        }
    }
    Ok(years)
}

fn of_year<'y>(years: &'y Years, item: &Item) -> (&'y Ruleset, &'y Windows) {
    let (rules, windows) = &years[&item.standing.slot.year];
    (rules, windows)
}

/// Draws the look over, with those that can be decided together and those that can't; 422 when something was wrong.
fn look_over(
    may: &May<need::OutcomeCertify>,
    items: Vec<Item>,
    years: &Years,
    typed: Typed,
    errors: FieldErrors,
) -> Answer {
    // a pass needs no reason, so that what is told here is about the request alone
    let pass = Ruling { pass: true, reason: String::new() };
    let (mut able, mut unable) = (Vec::new(), Vec::new());
    for item in items {
        match obstacle(&pass, &item, of_year(years, &item), may.now) {
            None => able.push(item),
            Some(refusal) => unable.push(Unable { item, why: refusal.to_string() }),
        }
    }
    let rules = years.values().next().map(|(rules, _)| rules).ok_or(Problem::NotFound)?;
    let (reason_max, undo_minutes) = (rules.reason_max_chars, rules.decision_undo_minutes);
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = may.page("一起認證");
    web::html_with(status, &New { page, able, unable, reason_max, undo_minutes, typed, errors })
}

impl New {
    fn base(&self) -> String {
        self.page.url(DESK)
    }
}

/// Decides all in one transaction, or none.
async fn create(may: May<need::OutcomeCertify>, State(room): State<Arc<Room>>, Form(typed): Form<Typed>) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.batch.create").await?;
    let Some(items) = ticked(&mut tx, staff, &typed).await? else { return Ok(nothing_ticked(&may)) };
    let years = years(&mut tx, &items).await?;
    let (rules, _) = years.values().next().ok_or(Problem::NotFound)?;
    let ruling = match typed.ruling(rules) {
        Ok(ruling) => ruling,
        Err(errors) => return look_over(&may, items, &years, typed, errors),
    };
    let refused = |item: &Item| obstacle(&ruling, item, of_year(&years, item), may.now);
    if let Some(no) = items.iter().find_map(refused) {
        let errors = FieldErrors::one(crate::decision::field_of(&no), no.to_string());
        return look_over(&may, items, &years, typed, errors);
    }
    let publication = if typed.is_later() { Publication::Later } else { Publication::AfterUndo };
    let publish_at = publication.moment(may.now, rules);
    let batch = decide(&mut tx, staff, &items, (&ruling, publish_at)).await?;
    tx.commit().await?;
    let flash = Flash::good(format!("已經認證 {} 件成果。", items.len()));
    Ok(web::redirect_with(format!("{}/batches/{batch}", may.url(DESK)), &flash))
}

async fn decide(
    tx: &mut TenantTx,
    staff: StaffId,
    items: &[Item],
    (ruling, publish_at): (&Ruling, Option<OffsetDateTime>),
) -> Result<DecisionBatchId, Problem> {
    let batch = batches::create(tx, staff).await?;
    let requests = items.iter().map(|item| item.standing.id).collect();
    let made =
        decisions::decide(tx, staff, &decisions::Verdict { requests, ruling, publish_at, batch: Some(batch) }).await?;
    for decision in &made {
        tx.audit(Audit::new("decision.create", "decision", decision.id.get()).after(json!({
            "request": decision.request_id, "passed": ruling.pass, "reason": ruling.reason, "batch": batch,
        })));
    }
    notice::announce(tx, made.iter().map(|decision| decision.id), publish_at);
    Ok(batch)
}

#[derive(Template)]
#[template(path = "batch/show.html")]
struct Show {
    page: Page,
    batch: DecisionBatchId,
    members: Vec<Member>,
    /// Until when the whole batch can be taken back; none: no more.
    undo_until: Option<OffsetDateTime>,
}

async fn show(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, batch)): Path<(String, DecisionBatchId)>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.read(&may, "certification.batch.show").await?;
    let members = batches::members(&mut tx, staff, batch).await?;
    let first = members.first().ok_or(Problem::NotFound)?;
    let year = AcademicYear::new(first.academic_year).map_err(Problem::internal)?;
    let (rules, _) = store::rules::load(&mut tx, year).await?;
    drop(tx);
    let until = undo_until(first.decided_at, &rules);
    let undo_until = (until >= may.now && members.iter().any(|member| member.revoked_at.is_none())).then_some(until);
    web::html(&Show { page: may.page("一起認證的結果"), batch, members, undo_until })
}

impl Show {
    fn base(&self) -> String {
        self.page.url(DESK)
    }

    fn url(&self) -> String {
        format!("{}/batches/{}", self.base(), self.batch)
    }

    fn standing(&self) -> usize {
        self.members.iter().filter(|member| member.revoked_at.is_none()).count()
    }

    /// Some decision stands that the student does not see yet.
    fn has_unpublished(&self) -> bool {
        self.members.iter().any(|member| self.is_unpublished(member))
    }

    fn is_unpublished(&self, member: &Member) -> bool {
        member.revoked_at.is_none() && member.publish_at.is_none_or(|moment| moment > self.page.now)
    }
}

/// The decisions of a batch that stand, with their requests.
async fn standing(
    tx: &mut TenantTx,
    staff: StaffId,
    batch: DecisionBatchId,
) -> Result<BTreeMap<DecisionId, Item>, Problem> {
    let members = batches::members(tx, staff, batch).await?;
    if members.is_empty() {
        return Err(Problem::NotFound);
    }
    let standing = members.iter().filter(|member| member.revoked_at.is_none());
    let ids: Vec<DecisionId> = standing.map(|member| member.decision_id.into()).collect();
    let items = decided(tx, staff, &ids).await?;
    Ok(items.into_iter().filter_map(|item| Some((item.standing.decided?.id, item))).collect())
}

/// Takes back what can be taken back: all of it, but for outcomes that students have selected since.
async fn revoke(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, batch)): Path<(String, DecisionBatchId)>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.batch.revoke").await?;
    let mut items = standing(&mut tx, staff, batch).await?;
    let all = items.len();
    let Some(first) = items.values().next() else { return Err(Problem::Stale) };
    let (rules, _) = store::rules::load(&mut tx, first.standing.slot.year).await?;
    let able = items.iter().filter(|(_, item)| undo(&item.standing, &rules, may.now).is_ok());
    let able: Vec<DecisionId> = able.map(|(id, _)| *id).collect();
    if let (true, Some((_, item))) = (able.is_empty(), items.iter().next()) {
        undo(&item.standing, &rules, may.now).map_err(|no| Problem::unprocessable(no.to_string()))?;
    }
    let revoked = decisions::revoke(&mut tx, &able).await?;
    for revoked in &revoked {
        if let Some(item) = items.remove(&revoked.id) {
            note_revoked(&mut tx, item, revoked);
        }
    }
    tx.expect_one(u64::from(!revoked.is_empty()))?;
    tx.commit().await?;
    let flash = match all - revoked.len() {
        0 => Flash::good(format!("已經復原 {all} 件，全部回到待認證。")),
        kept => Flash::note(format!("已經復原 {} 件；另外 {kept} 件學生已經勾選，不能復原。", revoked.len())),
    };
    Ok(web::redirect_with(format!("{}/batches/{batch}", may.url(DESK)), &flash))
}

async fn publish(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, batch)): Path<(String, DecisionBatchId)>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.batch.publish").await?;
    let ids: Vec<DecisionId> = standing(&mut tx, staff, batch).await?.into_keys().collect();
    let count = publish_all(&mut tx, &ids).await?;
    if count > 0 {
        tx.commit().await?;
    }
    let flash = Flash::good(format!("已經發佈 {count} 件認證結果。"));
    Ok(web::redirect_with(format!("{}/batches/{batch}", may.url(DESK)), &flash))
}
