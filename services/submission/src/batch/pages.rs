//! Batches as pages: making one, looking at it, handing it over, entering what came of it.

use super::{
    Adapter, Batch, NotNow, State,
    downloads::Submitter,
    jobs::Payload,
    store::{self, Named},
};
use crate::{
    Room,
    central::RowError,
    overview::pages::{Typed, adapter, draw},
    precheck::{self, Trouble, pages::Report},
    roster::{self, RosterCode, store::Scope},
};
use ::store::{Audit, Job, TenantTx};
use askama::Template;
use axum::{
    Json,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::{
    calendar::{AcademicYear, RosterTerm, Term},
    ids::BatchId,
    permission::{Permission, Scope as Reach},
    role::Role,
    text,
};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use web::{Answer, FieldErrors, Flash, Form, Page, Problem, Routes};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .post("/s/{school}/submission/batches", create)
        .get("/s/{school}/submission/batches/{batch}", show)
        .get("/s/{school}/submission/batches/{batch}/status", status)
        .post("/s/{school}/submission/batches/{batch}/notice", hand_over)
        .post("/s/{school}/submission/batches/{batch}/inquiry", ask_again)
        .post("/s/{school}/submission/batches/{batch}/result", enter_result)
        .post("/s/{school}/submission/batches/{batch}/receipt", fetch_receipt)
}

/// The role whose work a roster is (domain §2.4).
pub(crate) fn submitter(code: RosterCode) -> Role {
    match code.roster.permission() {
        Permission::SubmissionActivity => Role::ActivitySubmitter,
        _ => Role::OutcomeSubmitter,
    }
}

/// Begins an attempt: the precheck must be clean, an open selection confirmed.
async fn create(may: Submitter, Shared(room): Shared<Arc<Room>>, Form(typed): Form<Typed>) -> Answer {
    let scope = match read(&typed) {
        Ok(scope) => scope,
        Err(errors) => return redraw(&room, &may, typed, errors).await,
    };
    if may.reach(scope.code.roster.permission()).is_none() {
        return Err(Problem::Forbidden);
    }
    let report = Report::of(&room, &may, scope).await?.ok_or(Problem::NotFound)?;
    if let Some(errors) = objections(&report, &typed) {
        return redraw(&room, &may, typed, errors).await;
    }
    match write(&room, &may, &scope, adapter(&room, &typed)).await? {
        Some(id) => Ok(web::redirect(may.url(format_args!("/submission/batches/{id}")))),
        None => {
            let errors = FieldErrors::one("roster", "這份名冊的上一次提交還在進行，請等它完成");
            redraw(&room, &may, typed, errors).await
        }
    }
}

/// Writes the batch and has it built; `None`: an earlier attempt is still under way.
async fn write(room: &Room, may: &Submitter, scope: &Scope, adapter: Adapter) -> Result<Option<BatchId>, Problem> {
    let mut tx = room.db.write(may, "submission.batch.create").await?;
    store::take_turn(&mut tx).await?;
    if store::under_way(&mut tx, scope).await? {
        return Ok(None);
    }
    let template = roster::store::template(&mut tx, scope.code.roster, scope.year).await?.ok_or(Problem::NotFound)?;
    let by = may.staff().ok_or(Problem::Forbidden)?;
    let id = store::create(&mut tx, scope, adapter, template.version, by.get()).await.map_err(one_at_a_time)?;
    let after = json!({
        "roster": scope.code.get(),
        "year": scope.year.get(),
        "term": scope.term.get(),
        "adapter": adapter.code(),
    });
    tx.audit(Audit::new("batch.create", "batch", id.get()).after(after));
    tx.enqueue(Job::new("submission.build", Payload { batch_id: id }));
    tx.commit().await?;
    Ok(Some(id))
}

/// Two officers who begin the same attempt at the same moment: the second one sees the first one's.
fn one_at_a_time(error: ::store::Error) -> Problem {
    match error {
        ::store::Error::Constraint(_) => Problem::Stale,
        other => other.into(),
    }
}

fn read(typed: &Typed) -> Result<Scope, FieldErrors> {
    let mut errors = FieldErrors::new();
    let code = typed.roster.parse().ok().and_then(RosterCode::new);
    if code.is_none() {
        errors.add("roster", "請選擇名冊");
    }
    let year = typed.year.parse::<AcademicYear>();
    if let Err(error) = &year {
        errors.add("year", error.to_string());
    }
    let term = typed.term.parse::<Term>();
    let term = match (code, term) {
        (Some(code), _) if code.roster.is_yearly() => RosterTerm::YEAR,
        (_, Ok(term)) => term.into(),
        (_, Err(error)) => {
            errors.add("term", error.to_string());
            RosterTerm::YEAR
        }
    };
    match (code, year) {
        (Some(code), Ok(year)) if errors.is_empty() => Ok(Scope { code, year, term }),
        _ => Err(errors),
    }
}

/// Why a batch can't be begun, next to its field.
fn objections(report: &Report, typed: &Typed) -> Option<FieldErrors> {
    if report.errors() > 0 {
        let message = format!("預檢還有 {} 個問題，請先處理（見「預檢」）", report.errors());
        return Some(FieldErrors::one("roster", message));
    }
    if report.rows == 0 {
        return Some(FieldErrors::one("roster", "目前沒有任何一列可以提交"));
    }
    let mut troubles = report.findings.iter().map(|finding| finding.trouble);
    let open =
        troubles.find(|trouble| matches!(trouble, Trouble::SelectionOpen { .. } | Trouble::SelectionAhead { .. }));
    open.filter(|_| typed.open_selection.is_empty())
        .map(|trouble| FieldErrors::one("open_selection", format!("{}；確定現在提交，請勾選", trouble.message())))
}

async fn redraw(room: &Arc<Room>, may: &Submitter, typed: Typed, errors: FieldErrors) -> Answer {
    let year = typed.year.parse().unwrap_or_else(|_| AcademicYear::of_date(kernel::calendar::taipei_date(may.now)));
    draw(room, may, Reach::School, year, typed, errors).await
}

/// An error of a batch as the page shows it.
struct Line {
    student: String,
    link: String,
    place: String,
    message: String,
    remedy: &'static str,
}

#[derive(Template)]
#[template(path = "batch/show.html")]
struct Show {
    page: Page,
    batch: Batch,
    is_mine: bool,
    may_hand_over: Result<(), NotNow>,
    lines: Vec<Line>,
    note: String,
    errors: FieldErrors,
}

async fn show(may: Submitter, Shared(room): Shared<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    draw_batch(&room, &may, id, (String::new(), FieldErrors::new())).await
}

async fn draw_batch(room: &Room, may: &Submitter, id: BatchId, (note, errors): (String, FieldErrors)) -> Answer {
    let mut tx = room.db.read(may, "submission.batch.show").await?;
    let batch = store::get(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let ids: Vec<i64> = batch.errors.iter().filter_map(|error| error.student).collect();
    let named = if ids.is_empty() { Vec::new() } else { store::named(&mut tx, &ids).await? };
    let may_hand_over = may_hand_over(&mut tx, &batch).await?;
    drop(tx);
    let named: BTreeMap<i64, Named> = named.into_iter().map(|student| (student.id, student)).collect();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let lines =
        batch.errors.iter().map(|error| line(error, &batch, named.get(&error.student.unwrap_or_default()), may));
    let show = Show {
        page: may.page(batch.label()),
        is_mine: may.reach(batch.code.roster.permission()).is_some(),
        may_hand_over,
        lines: lines.collect(),
        batch,
        note,
        errors,
    };
    web::html_with(status, &show)
}

/// Whether a batch may be handed over, by itself and among the others.
async fn may_hand_over(tx: &mut TenantTx, batch: &Batch) -> Result<Result<(), NotNow>, Problem> {
    if let Err(not_now) = batch.may_be_handed_over(tx.now()) {
        return Ok(Err(not_now));
    }
    let superseded = store::is_superseded(tx, batch).await?;
    Ok(if superseded { Err(NotNow::Superseded) } else { Ok(()) })
}

fn line(error: &RowError, batch: &Batch, student: Option<&Named>, may: &Submitter) -> Line {
    let row = error.row.map(|row| format!("第 {row} 列"));
    let place = [error.sheet.clone(), row, error.column.clone()];
    let year = batch.year.get();
    Line {
        student: student.map(Named::label).unwrap_or_default(),
        link: student
            .and_then(|student| {
                Some(
                    may.url(format_args!(
                        "/submission/classes/{}?year={year}#student-{}",
                        student.class_id?, student.id
                    )),
                )
            })
            .unwrap_or_default(),
        place: place.into_iter().flatten().collect::<Vec<_>>().join("　"),
        message: error.message.clone(),
        remedy: precheck::remedy(&error.code),
    }
}

impl Named {
    /// `101 3 號 1150001 林小安`
    pub(crate) fn label(&self) -> String {
        let seat = self.seat_no.map(|seat| format!(" {seat} 號")).unwrap_or_default();
        format!("{}{seat} {} {}", self.class_name, self.student_no, self.name)
    }
}

/// For `progress.js`: what to show, and whether to load the page anew.
async fn status(may: Submitter, Shared(room): Shared<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    let mut tx = room.db.read(&may, "submission.batch.status").await?;
    let batch = store::get(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let progress = batch.progress;
    let body = json!({
        "state": batch.state.code(),
        "label": batch.doing(),
        "done": progress.files_done,
        "total": progress.files_total,
        "moving": batch.state.is_under_way() || batch.state == State::Accepted,
    });
    Ok(Json(body).into_response())
}

impl Batch {
    /// What is happening, in a few words.
    pub(crate) fn doing(&self) -> String {
        match (self.state, self.progress.central) {
            (State::Notified, Some(central)) => central.label().to_owned(),
            (State::Notified, None) if self.adapter == Adapter::Api => "正在通知中央資料庫".to_owned(),
            (state, _) => state.label().to_owned(),
        }
    }
}

/// Hands the batch over: by the interface the central database is told, by hand it is marked as uploaded.
async fn hand_over(may: Submitter, Shared(room): Shared<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    let mut tx = room.db.write(&may, "submission.batch.hand_over").await?;
    store::take_turn(&mut tx).await?;
    let batch = mine(&may, store::get(&mut tx, id).await?)?;
    if let Err(not_now) = may_hand_over(&mut tx, &batch).await? {
        return Ok(back(&may, id, &Flash::bad(not_now.to_string())));
    }
    store::change(&mut tx, id, (batch.state, State::Notified), &[]).await?;
    let audit = Audit::new("batch.hand_over", "batch", id.get()).before(json!({ "state": batch.state.code() }));
    tx.audit(audit.after(json!({ "state": "notified", "adapter": batch.adapter.code() })));
    let flash = match batch.adapter {
        Adapter::Api => {
            store::forget_job(&mut tx, id).await?;
            tx.enqueue(Job::new("submission.notify", Payload { batch_id: id }));
            "已交給中央資料庫，處理進度會顯示在這裡"
        }
        Adapter::Manual => "已記下人工上傳，收到中央資料庫的結果後請在這裡登記",
    };
    tx.commit().await?;
    Ok(back(&may, id, &Flash::good(flash)))
}

/// Asks the central database now: the job that would ask later is brought forward; where it gave up while the central
/// database was away, there is a new one. Never a second one beside it.
async fn ask_again(may: Submitter, Shared(room): Shared<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    let mut tx = room.db.write(&may, "submission.batch.ask_again").await?;
    store::take_turn(&mut tx).await?;
    let batch = mine(&may, store::get(&mut tx, id).await?)?;
    if batch.adapter != Adapter::Api || !matches!(batch.state, State::Notified | State::Accepted) {
        return Err(Problem::Stale);
    }
    let hurried = store::hurry(&mut tx, id).await?;
    tx.audit(Audit::new("batch.ask_again", "batch", id.get()).after(json!({ "hurried": hurried })));
    if !hurried {
        let kind = if batch.central_job_id.is_some() { "submission.poll" } else { "submission.notify" };
        tx.enqueue(Job::new(kind, Payload { batch_id: id }));
    }
    tx.commit().await?;
    Ok(back(&may, id, &Flash::note("正在重新查詢")))
}

/// What the officer enters after uploading by hand.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entered {
    result: String,
    note: String,
}

async fn enter_result(
    may: Submitter,
    Shared(room): Shared<Arc<Room>>,
    Path((_, id)): Path<(String, BatchId)>,
    Form(entered): Form<Entered>,
) -> Answer {
    let mut tx = room.db.write(&may, "submission.batch.result").await?;
    let batch = mine(&may, store::get(&mut tx, id).await?)?;
    if batch.adapter != Adapter::Manual || batch.state != State::Notified {
        return Err(Problem::Stale);
    }
    let (to, said) = match read_result(&entered) {
        Ok(result) => result,
        Err(errors) => {
            drop(tx);
            return draw_batch(&room, &may, id, (entered.note, errors)).await;
        }
    };
    store::change(&mut tx, id, (State::Notified, to), &said).await?;
    store::keep_result_of_all(&mut tx, id, to == State::Accepted).await?;
    let audit = Audit::new("batch.result", "batch", id.get()).before(json!({ "state": "notified" }));
    tx.audit(audit.after(json!({ "state": to.code() })));
    tx.commit().await?;
    Ok(back(&may, id, &Flash::good("已登記中央資料庫的結果")))
}

fn read_result(entered: &Entered) -> Result<(State, Vec<RowError>), FieldErrors> {
    let note = entered.note.trim();
    if text::count(note) > 500 {
        return Err(FieldErrors::one("note", "說明最多 500 個字"));
    }
    match entered.result.as_str() {
        "accepted" => Ok((State::Accepted, Vec::new())),
        "rejected" if note.is_empty() => Err(FieldErrors::one("note", "請寫下中央資料庫退回的原因")),
        "rejected" => {
            let said = RowError { code: "by_hand".to_owned(), message: note.to_owned(), ..RowError::default() };
            Ok((State::Rejected, vec![said]))
        }
        _ => Err(FieldErrors::one("result", "請選擇中央資料庫的結果")),
    }
}

/// Has the receipt fetched in the background.
async fn fetch_receipt(
    may: Submitter,
    Shared(room): Shared<Arc<Room>>,
    Path((_, id)): Path<(String, BatchId)>,
) -> Answer {
    let mut tx = room.db.write(&may, "submission.batch.receipt").await?;
    let batch = mine(&may, store::get(&mut tx, id).await?)?;
    if batch.state != State::ReceiptReady || batch.adapter != Adapter::Api {
        return Err(Problem::Stale);
    }
    tx.audit(Audit::new("receipt.fetch", "batch", id.get()));
    tx.enqueue(Job::new("submission.receipt", Payload { batch_id: id }));
    tx.commit().await?;
    Ok(web::redirect_with(may.url("/receipts"), &Flash::note("正在取回收訖明細，完成後會出現在這裡")))
}

/// Only the roster's own submitter changes a batch; the other one may look.
fn mine(may: &Submitter, batch: Option<Batch>) -> Result<Batch, Problem> {
    let batch = batch.ok_or(Problem::NotFound)?;
    may.reach(batch.code.roster.permission()).ok_or(Problem::Forbidden)?;
    Ok(batch)
}

fn back(may: &Submitter, id: BatchId, flash: &Flash) -> Response {
    web::redirect_with(may.url(format_args!("/submission/batches/{id}")), flash)
}
