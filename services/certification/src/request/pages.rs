//! The queue, a request with its files, and the note that these were opened.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{
    ids::{CertificationRequestId, DecisionId, StaffId},
    rules::{Action, Ruleset, Windows, may as rule},
};
use store::{Audit, TenantTx};
use time::OffsetDateTime;
use web::{Answer, FieldErrors, Flash, May, Page, Problem, Query, Routes, need};

use super::{
    Filter, Status, Years,
    store::{self as desk, Choice, Item, Listed, Neighbours, Overview, PAGE, Row},
};
use crate::{
    Room,
    decision::{self, Typed},
    preview::{Preview, Viewer},
    teacher,
};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/certification", index)
        .get("/s/{school}/certification/{request}", show)
        .post("/s/{school}/certification/{request}/opening", open)
}

/// The path of the desk under a school.
pub(crate) const DESK: &str = "/certification";

#[derive(Template)]
#[template(path = "request/index.html")]
struct Index {
    page: Page,
    overview: Overview,
    rows: Vec<(Listed, Row)>,
    filter: Filter,
    done: Option<Done>,
}

/// Four statements however many rows: BEGIN, counts with the page's requests, its rows, ROLLBACK (two more after a decision, to offer its undo).
async fn index(may: May<need::OutcomeCertify>, State(room): State<Arc<Room>>, Query(filter): Query<Filter>) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.read(&may, "certification.request.list").await?;
    let mut overview = desk::overview(&mut tx, staff, &filter).await?;
    let rows = desk::list(&mut tx, std::mem::take(&mut overview.page)).await?;
    let done = done(&mut tx, staff, &filter).await?;
    drop(tx);
    web::html(&Index { page: may.page("成果認證"), overview, rows, filter, done })
}

impl Index {
    fn base(&self) -> String {
        self.page.url(DESK)
    }

    /// Counts as links, each keeping year, class and course.
    fn tabs(&self) -> Vec<Tab> {
        let overview = &self.overview;
        let tab = |status: Option<Status>, label, count| Tab {
            label,
            count,
            url: format!("{}{}", self.base(), self.filter.query(status, &[])),
            current: self.filter.status() == status,
        };
        let decided = overview.unpublished + overview.passed + overview.failed;
        vec![
            tab(Some(Status::Waiting), Status::Waiting.label(), overview.waiting),
            tab(Some(Status::Opened), Status::Opened.label(), overview.opened),
            tab(Some(Status::Unpublished), Status::Unpublished.label(), overview.unpublished),
            tab(Some(Status::Passed), Status::Passed.label(), overview.passed),
            tab(Some(Status::Failed), Status::Failed.label(), overview.failed),
            tab(None, "全部", overview.waiting + decided),
        ]
    }

    /// The query of a link to a request that begins with a result.
    fn with_result(&self, result: &str) -> String {
        let kept = self.filter.kept();
        let sign = if kept.is_empty() { '?' } else { '&' };
        format!("{kept}{sign}result={result}")
    }

    fn chosen(&self, choice: &Choice, field: &str) -> bool {
        let chosen = if field == "class" { self.filter.class() } else { self.filter.section() };
        chosen == Some(choice.id)
    }

    fn chose_year(&self, year: &i16) -> bool {
        matches!(self.filter.years(), Years::One(chosen) if chosen.get() == *year)
    }

    fn total(&self) -> i64 {
        self.overview.total
    }

    fn summary(&self) -> String {
        let first = (self.filter.page() - 1) * PAGE + 1;
        let last = first + i64::try_from(self.rows.len()).unwrap_or_default() - 1;
        format!("第 {first}–{last} 件，共 {} 件", self.total())
    }

    fn page_url(&self, step: i64) -> String {
        let page = self.filter.page() + step;
        let exists = page >= 1 && (page - 1) * PAGE < self.total();
        if !exists {
            return String::new();
        }
        format!("{}{}", self.base(), self.filter.query(self.filter.status(), &[("page", page)]))
    }

    /// Some rows of this page can be decided or published together.
    fn has_choices(&self) -> bool {
        self.rows.iter().any(|(listed, _)| matches!(listed.status, Status::Opened | Status::Unpublished))
    }
}

/// A count that leads to what it counts.
struct Tab {
    label: &'static str,
    count: i64,
    url: String,
    current: bool,
}

/// The decision just made, offered for taking back.
pub(crate) struct Done {
    item: Item,
    url: String,
    until: OffsetDateTime,
    is_public: bool,
}

async fn done(tx: &mut TenantTx, staff: StaffId, filter: &Filter) -> Result<Option<Done>, Problem> {
    let Ok(decision) = filter.done.parse::<DecisionId>() else { return Ok(None) };
    let requests = decision::store::requests(tx, staff, &[decision]).await?;
    let Some(item) = desk::find(tx, staff, &requests).await?.pop() else { return Ok(None) };
    let (rules, _) = store::rules::load(tx, item.standing.slot.year).await?;
    let Some(decided) = item.standing.decided.filter(|_| decision::undo(&item.standing, &rules, tx.now()).is_ok())
    else {
        return Ok(None);
    };
    let url = format!("/s/{}{DESK}/decisions/{decision}/revocation", tx.school());
    let until = decision::undo_until(decided.at, &rules);
    Ok(Some(Done { item, url, until, is_public: decided.is_public(tx.now()) }))
}

#[derive(Template)]
#[template(path = "request/show.html")]
struct Show {
    page: Page,
    item: Item,
    files: Vec<Preview>,
    neighbours: Neighbours,
    rules: Ruleset,
    windows: Windows,
    filter: Filter,
    typed: Typed,
    errors: FieldErrors,
    done: Option<Done>,
}

async fn show(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CertificationRequestId)>,
    Query(filter): Query<Filter>,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.read(&may, "certification.request.show").await?;
    let item = match found(&mut tx, staff, id).await {
        Err(Problem::Stale) => {
            let flash = Flash::note("學生已經撤回這件成果，不必認證了。");
            return Ok(web::redirect_with(format!("{}{}", may.url(DESK), filter.kept()), &flash));
        }
        item => item?,
    };
    let typed = Typed { result: filter.result.clone(), ..Typed::default() };
    let shown = Redrawn { item, filter, typed, errors: FieldErrors::new() };
    page(&room, &may, tx, shown).await
}

/// A request's page with what was typed and what was wrong with it.
pub(crate) struct Redrawn {
    pub(crate) item: Item,
    pub(crate) filter: Filter,
    pub(crate) typed: Typed,
    pub(crate) errors: FieldErrors,
}

/// Draws a request; 422 when something was wrong.
pub(crate) async fn page(room: &Room, may: &May<need::OutcomeCertify>, mut tx: TenantTx, drawn: Redrawn) -> Answer {
    let Redrawn { item, filter, typed, errors } = drawn;
    let staff = teacher(may)?;
    let files = desk::files(&mut tx, staff, item.standing.id).await?;
    let neighbours = desk::neighbours(&mut tx, staff, &item, &filter).await?;
    let (rules, windows) = store::rules::load(&mut tx, item.standing.slot.year).await?;
    let done = done(&mut tx, staff, &filter).await?;
    drop(tx);
    let files = files.iter().map(|file| Preview::of(file, may.school(), &room.web, may.now)).collect();
    let page = may.page(format!("{}：{}", item.subject_name, item.student_name));
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &Show { page, item, files, neighbours, rules, windows, filter, typed, errors, done })
}

impl Show {
    fn base(&self) -> String {
        self.page.url(DESK)
    }

    fn url(&self) -> String {
        format!("{}/{}", self.base(), self.item.standing.id)
    }

    fn neighbour(&self, id: &i64) -> String {
        format!("{}/{id}{}", self.base(), self.filter.kept())
    }

    fn status(&self) -> Status {
        self.item.standing.status(self.page.now)
    }

    /// The student sees the decision.
    fn is_public(&self) -> bool {
        self.item.standing.decided.is_some_and(|decided| decided.is_public(self.page.now))
    }

    fn is_opened(&self) -> bool {
        self.item.standing.opened_at.is_some()
    }

    /// The decision can still be made, or made anew.
    fn is_open_to_decide(&self) -> bool {
        matches!(self.status(), Status::Waiting | Status::Opened | Status::Unpublished)
    }

    /// Why nothing can be decided at all now, whatever the form says: the window.
    fn closed(&self) -> Option<String> {
        let standing = &self.item.standing;
        let (slot, state) = (standing.slot, standing.state(self.page.now));
        let decide = Action::Decide { slot, state, file_opened: true, pass: true, reason_chars: 0 };
        let refusal = rule(&decide, &self.rules, &self.windows, self.page.now).err()?;
        self.is_open_to_decide().then(|| refusal.to_string())
    }

    /// Until when the decision can be taken back; none: no more.
    fn undo_until(&self) -> Option<OffsetDateTime> {
        decision::undo(&self.item.standing, &self.rules, self.page.now).ok()?;
        self.item.standing.decided.map(|decided| decision::undo_until(decided.at, &self.rules))
    }
}

/// The request on the teacher's desk; 409 when it was there and the student took it back, 404 when it never was.
pub(crate) async fn found(tx: &mut TenantTx, staff: StaffId, id: CertificationRequestId) -> Result<Item, Problem> {
    match desk::find_one(tx, staff, id).await? {
        Some(item) => Ok(item),
        None if desk::was_withdrawn(tx, staff, &[id]).await? => Err(Problem::Stale),
        None => Err(Problem::NotFound),
    }
}

/// Notes that the files were opened; from then on the student cannot withdraw (domain §4.4).
async fn open(
    may: May<need::OutcomeCertify>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CertificationRequestId)>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Answer {
    let staff = teacher(&may)?;
    let mut tx = room.db.write(&may, "certification.opening.create").await?;
    let item = found(&mut tx, staff, id).await?;
    if item.standing.opened_at.is_none() && desk::open(&mut tx, staff, id).await? {
        let outcome = item.standing.outcome;
        tx.audit(
            Audit::new("opening.create", "certification_request", id.get())
                .after(serde_json::json!({ "outcome": outcome })),
        );
        tx.commit().await?;
    }
    if is_from_script(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok::<Response, Problem>(web::redirect(format!("{}/{id}{}", may.url(DESK), filter.kept())))
}

/// `opening.js` asks for JSON; a form posts and is led back to the page.
fn is_from_script(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == b"application/json")
}
