//! `/bureau/proposals`: propose another closing time, and see what the schools answered.

use super::{Origin, REASON_MAX, Typed, store};
use crate::{
    Room,
    deadline::{self, Deadline},
    progress::pages::grouped,
};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use std::sync::Arc;
use store::Proposal;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Query, Tone, need};

#[derive(Template)]
#[template(path = "proposal/index.html")]
struct Index {
    page: Page,
    proposals: Vec<Proposal>,
}

impl Index {
    fn badge(&self, proposal: &Proposal) -> (Tone, &'static str) {
        match proposal.answer.as_deref() {
            Some("adopted") => (Tone::Good, "已採用"),
            Some("declined") => (Tone::Bad, "不採用"),
            Some(_) => (Tone::Quiet, "已由新的建議取代"),
            None if proposal.queued_at.is_some() => (Tone::Wait, "等學校回覆"),
            None => (Tone::Note, "傳送中"),
        }
    }
}

#[derive(Template)]
#[template(path = "proposal/new.html")]
struct New {
    page: Page,
    origin: Origin,
    offered: Vec<Deadline>,
    typed: Typed,
    errors: FieldErrors,
}

impl New {
    fn reason_max(&self) -> usize {
        REASON_MAX
    }

    fn is_ticked(&self, deadline: &Deadline) -> bool {
        self.typed.window.contains(&deadline.key())
    }

    fn text(&self, deadline: &Deadline) -> String {
        let closes = self.page.date_time(deadline.closes_at);
        format!("{}・{}・{closes} 截止・{} 人", deadline.school_name, deadline.label(), grouped(deadline.students))
    }
}

/// The proposals with their answers.
pub(crate) async fn index(may: May<need::DeadlinePropose>, State(room): State<Arc<Room>>) -> Answer {
    let proposals = store::list(&room.db).await?;
    web::html(&Index { page: may.page("改期建議"), proposals })
}

/// The form, for one hour of the map or one window.
pub(crate) async fn new(
    may: May<need::DeadlinePropose>,
    State(room): State<Arc<Room>>,
    Query(origin): Query<Origin>,
) -> Answer {
    let offered = origin.of(deadline::store::list(&room.db, may.now).await?);
    let typed = Typed::all(&offered);
    draw_new(&may, (origin, offered), (typed, FieldErrors::new()))
}

fn draw_new(
    may: &May<need::DeadlinePropose>,
    (origin, offered): (Origin, Vec<Deadline>),
    (typed, errors): (Typed, FieldErrors),
) -> Answer {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &New { page: may.page("建議改期"), origin, offered, typed, errors })
}

/// The form with the windows that it offered.
#[derive(serde::Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    hour: String,
    #[serde(default)]
    only: String,
    #[serde(default)]
    window: Vec<String>,
    #[serde(default)]
    closes: String,
    #[serde(default)]
    reason: String,
}

/// Proposes.
pub(crate) async fn create(
    may: May<need::DeadlinePropose>,
    State(room): State<Arc<Room>>,
    Form(sent): Form<Sent>,
) -> Answer {
    let Sent { hour, only, window, closes, reason } = sent;
    let (origin, typed) = (Origin { hour, only }, Typed { window, closes, reason });
    let offered = origin.of(deadline::store::list(&room.db, may.now).await?);
    let wanted = match typed.read(&offered, may.now) {
        Ok(wanted) => wanted,
        Err(errors) => return draw_new(&may, (origin, offered), (typed, errors)),
    };
    let mut tx = room.db.write(&may, "bureau.proposal.create").await?;
    store::insert(&mut tx, &wanted).await?;
    tx.commit().await?;
    let made = Flash::good(format!("已向學校送出 {} 項改期建議", wanted.windows.len()));
    Ok(web::redirect_with("/bureau/proposals", &made))
}
