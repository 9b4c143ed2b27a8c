//! One activity: its fields, files, link, and what may be done with it now.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use kernel::{
    ids::{ActivityId, StudentId},
    rules::{NewFiles, WindowKind},
};
use store::TenantTx;
use web::{Answer, May, Page, Problem, Tone, need};

use super::{Activity, kinds::Kind, lines, store as rows, tone};
use crate::{
    file::{Links, store::Owner, view::PlaceView},
    room::{Room, own},
    student::Ground,
    window::WindowView,
};

#[derive(Template)]
#[template(path = "activity/show.html")]
pub(crate) struct Show {
    page: Page,
    id: ActivityId,
    path: String,
    kind: &'static str,
    year: String,
    tone: Tone,
    state: &'static str,
    next_step: String,
    from_school: bool,
    windows: Vec<WindowView>,
    lines: Vec<(&'static str, String)>,
    summary: String,
    external_url: Option<String>,
    places: Vec<PlaceView>,
    /// Why it can't be changed; `None`: it can.
    locked: Option<String>,
    can_delete: bool,
}

/// An activity with the ground on which its questions are answered.
pub(crate) struct Standing {
    pub(crate) activity: Activity,
    pub(crate) ground: Ground,
}

impl Standing {
    pub(crate) async fn load(tx: &mut TenantTx, student: StudentId, id: ActivityId) -> Answer<Self> {
        let activity = rows::find_one(tx, student, id).await?.ok_or(Problem::NotFound)?;
        let ground = Ground::load(tx, student, activity.year).await?.ok_or(Problem::NotFound)?;
        Ok(Self { activity, ground })
    }
}

pub(crate) async fn show(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ActivityId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.activity.show").await?;
    let Standing { activity, ground } = Standing::load(&mut tx, own(&may)?, id).await?;
    drop(tx);
    let (now, state) = (may.now, activity.state());
    let slot = activity.slot(&ground.student);
    let locked = ground.may(&activity.edit(&ground.student, false, NewFiles::default()), now).err();
    let links = Links::new(&room, may.school(), now);
    let owner = Owner::Activity(id.get());
    web::html(&Show {
        page: may.page(activity.title.clone()),
        id,
        path: owner.path(),
        kind: activity.kind.label(),
        year: activity.year.label(),
        tone: tone(state),
        state: state.label(),
        next_step: next_step(&activity),
        from_school: activity.is_from_school(),
        windows: [WindowKind::ActivityUpload, WindowKind::ActivitySelect]
            .map(|kind| WindowView::of(&ground, kind, &slot, now))
            .into(),
        lines: lines(Kind::of(activity.kind), &activity.fields),
        summary: activity.summary.clone(),
        external_url: activity.external_url.clone(),
        places: PlaceView::all(owner, &activity.files, &links, locked.is_none().then_some(&ground.rules)),
        locked: locked.map(|refusal| refusal.to_string()),
        can_delete: ground.may(&activity.delete(), now).is_ok(),
    })
}

/// What to do next, in plain words.
fn next_step(activity: &Activity) -> String {
    use kernel::rules::ActivityState as State;
    if let (State::Saved, Some(field)) = (activity.state(), activity.missing()) {
        return format!("請補上「{field}」，之後才能勾選。");
    }
    let text = match activity.state() {
        State::Saved if !activity.has_file() => "請上傳證明文件或影音檔（至少一個），之後才能勾選。",
        State::Saved if activity.summary.is_empty() => "檔案已經好了。建議補上簡述，再到「勾選」頁選用。",
        State::Saved => "可以到「勾選」頁選為這學年要提交的多元表現。",
        State::Selected => "已勾選。勾選截止之前都可以更換；要修改內容，請先取消勾選。",
        State::Submitted => "學校已提交到中央資料庫，請留意收訖明細。",
        State::Confirmed => "你已確認中央資料庫收訖，這一件完成了。",
        State::Disputed => "你已回報收訖明細有問題，等學校處理。",
    };
    text.to_owned()
}
