//! One outcome: its files, where it stands, what may be done with it now; changing and deleting it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{
    ids::{OutcomeId, StudentId},
    rules::{Action, NewFiles, WindowKind},
    text::Summary,
};
use serde::Deserialize;
use serde_json::json;
use store::{Audit, TenantTx};
use web::{Answer, FieldErrors, Flash, Form, LoggedIn, May, Page, Problem, Tone, need};

use super::{Outcome, store as rows, tone};
use crate::{
    file::{Links, storage, store::Owner, view::PlaceView},
    room::{Room, own},
    student::Ground,
    window::WindowView,
};

#[derive(Template)]
#[template(path = "outcome/show.html")]
pub(crate) struct Show {
    page: Page,
    id: OutcomeId,
    path: String,
    when: String,
    units: String,
    study_mode: &'static str,
    tone: Tone,
    state: &'static str,
    reason: String,
    next_step: String,
    windows: Vec<WindowView>,
    places: Vec<PlaceView>,
    summary: String,
    summary_max: i64,
    version: i32,
    /// Why it can't be changed; `None`: it can.
    locked: Option<String>,
    /// Why it can't be sent; `None`: it can.
    unsendable: Option<String>,
    can_withdraw: bool,
    can_delete: bool,
    is_waiting: bool,
    history: Vec<rows::Sending>,
    errors: FieldErrors,
}

/// An outcome with the ground on which its questions are answered.
pub(crate) struct Standing {
    pub(crate) outcome: Outcome,
    pub(crate) ground: Ground,
}

impl Standing {
    pub(crate) async fn load(tx: &mut TenantTx, student: StudentId, id: OutcomeId) -> Answer<Self> {
        let outcome = rows::find_one(tx, student, id).await?.ok_or(Problem::NotFound)?;
        let ground = Ground::load(tx, student, outcome.course.year).await?.ok_or(Problem::NotFound)?;
        Ok(Self { outcome, ground })
    }
}

pub(crate) async fn show(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, OutcomeId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.outcome.show").await?;
    let standing = Standing::load(&mut tx, own(&may)?, id).await?;
    let history = rows::history(&mut tx, id).await?;
    drop(tx);
    web::html(&page(&room, &may, standing, history))
}

fn page(room: &Room, who: &LoggedIn, standing: Standing, history: Vec<rows::Sending>) -> Show {
    let Standing { outcome, ground } = standing;
    let (now, state) = (who.now, outcome.state(who.now));
    let slot = outcome.course.slot(&ground.student);
    let locked = ground.may(&outcome.edit(&ground.student, NewFiles::default(), now), now).err();
    let unsendable = ground.may(&outcome.send(&ground.student, now), now).err();
    let can_delete = ground.may(&Action::DeleteOutcome { state }, now).is_ok();
    let links = Links::new(room, who.school(), now);
    let owner = Owner::Outcome(outcome.id.get());
    let places = PlaceView::all(owner, &outcome.files, &links, locked.is_none().then_some(&ground.rules));
    Show {
        page: who.page(outcome.course.subject.clone()),
        id: outcome.id,
        path: owner.path(),
        when: outcome.course.when(),
        units: outcome.course.units(&ground.student),
        study_mode: outcome.course.study_mode(),
        tone: tone(state),
        state: state.seen_by_student().label(),
        reason: outcome.published(now).map(|decision| decision.reason.clone()).unwrap_or_default(),
        next_step: next_step(&outcome, unsendable.is_none(), now).to_owned(),
        windows: [WindowKind::OutcomeUpload, WindowKind::OutcomeCertify, WindowKind::OutcomeSelect]
            .map(|kind| WindowView::of(&ground, kind, &slot, now))
            .into(),
        places,
        summary: outcome.summary.clone(),
        summary_max: ground.rules.summary_max_chars,
        version: outcome.version,
        locked: locked.map(|refusal| refusal.to_string()),
        unsendable: unsendable.map(|refusal| refusal.to_string()),
        can_withdraw: ground.may(&outcome.withdraw(now), now).is_ok(),
        can_delete,
        is_waiting: state.seen_by_student() == kernel::rules::OutcomeState::Sent,
        history,
        errors: FieldErrors::new(),
    }
}

/// What to do next, in plain words.
fn next_step(outcome: &Outcome, sendable: bool, now: time::OffsetDateTime) -> &'static str {
    use kernel::rules::OutcomeState as State;
    match outcome.state(now).seen_by_student() {
        State::Draft if !outcome.has_file() => "先上傳文件檔或影音檔（至少一個），再送出認證。",
        State::Draft if outcome.summary.is_empty() => "檔案已經好了。建議先寫簡述，再送出認證。",
        State::Draft if sendable => "檔案已經好了，可以送出給授課教師認證。",
        State::Draft => "檔案已經好了，等認證時間開放就可以送出。",
        State::Sent => "等授課教師認證。教師開啟檔案之前，你可以撤回修改。",
        State::Decided => "等授課教師認證。",
        State::Failed => "依教師寫的原因修改後，可以再送出一次。",
        State::Passed => "可以到「勾選」頁選為這學年要提交的成果。",
        State::Selected => "已勾選。勾選截止之前都可以更換。",
        State::Submitted => "學校已提交到中央資料庫，請留意收訖明細。",
        State::Confirmed => "你已確認中央資料庫收訖，這件成果完成了。",
        State::Disputed => "你已回報收訖明細有問題，等學校處理。",
    }
}

/// The form of the summary; `version` is that of the row the student saw.
#[derive(Deserialize)]
pub(crate) struct Change {
    #[serde(default)]
    summary: String,
    version: String,
}

pub(crate) async fn update(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, OutcomeId)>,
    Form(change): Form<Change>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.outcome.update").await?;
    storage::take_turn(&mut tx, student).await?;
    let standing = Standing::load(&mut tx, student, id).await?;
    let Standing { outcome, ground } = &standing;
    let refused = ground.may(&outcome.edit(&ground.student, NewFiles::default(), may.now), may.now).err();
    let errors = match (refused, Summary::parse(&change.summary, ground.summary_max())) {
        (Some(refusal), _) => FieldErrors::one("", refusal.to_string()),
        (None, Err(error)) => FieldErrors::one("summary", error.to_string()),
        (None, Ok(summary)) => {
            let version = change.version.parse().map_err(|_| Problem::Stale)?;
            rows::update(&mut tx, id, version, summary.as_str()).await?;
            let audit = Audit::new("outcome.update", "outcome", id.get());
            tx.audit(audit.before(json!({ "summary": outcome.summary })).after(json!({ "summary": summary })));
            tx.commit().await?;
            return Ok(web::redirect_with(may.url(format_args!("/outcomes/{id}")), &Flash::good("簡述已儲存。")));
        }
    };
    let history = rows::history(&mut tx, id).await?;
    drop(tx);
    let page = Show { errors, summary: change.summary, ..page(&room, &may, standing, history) };
    web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

pub(crate) async fn delete(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, OutcomeId)>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.outcome.delete").await?;
    storage::take_turn(&mut tx, student).await?;
    let Standing { outcome, ground } = Standing::load(&mut tx, student, id).await?;
    let back = may.url(format_args!("/outcomes/{id}"));
    if let Err(refusal) = ground.may(&Action::DeleteOutcome { state: outcome.state(may.now) }, may.now) {
        return Ok(web::redirect_with(back, &Flash::bad(refusal.to_string())));
    }
    let bytes = rows::delete(&mut tx, id).await?;
    storage::give_back(&mut tx, student, bytes).await?;
    rows::count_down(&mut tx, student, &outcome.course).await?;
    let files: Vec<_> = outcome.saved().map(|file| json!({ "name": file.name, "sha256": file.sha256 })).collect();
    let before = json!({ "course_record_id": outcome.course.id, "summary": outcome.summary, "files": files });
    tx.audit(Audit::new("outcome.delete", "outcome", id.get()).before(before));
    tx.commit().await?;
    let list = may.url(format_args!("/outcomes?year={}", outcome.course.year));
    Ok(web::redirect_with(list, &Flash::good("草稿已刪除，件數與儲存空間都已歸還。")))
}
