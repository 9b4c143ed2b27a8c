//! Where one is logged in, and ending what was left open: school machines are shared.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use time::OffsetDateTime;
use web::{
    Answer, Flash, Form, LoggedIn, Page,
    session::{IDLE, Open},
};

use crate::{Room, login::Provider, trail};

/// Where the list is.
pub(crate) const PATH: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Sessions {
    page: Page,
    /// This one, then the others.
    rows: Vec<Row>,
    others: usize,
    /// After so many minutes without a request a session ends by itself.
    idle_minutes: i64,
    /// The account has a password of ours.
    ours: bool,
    /// Some other device came in by the single sign-on, which keeps a session of its own there.
    single_sign_on: bool,
}

struct Row {
    mark: String,
    device: String,
    provider: &'static str,
    begun_at: OffsetDateTime,
    used_at: OffsetDateTime,
    is_this: bool,
}

impl Row {
    fn of(open: Open, this: &str) -> Self {
        let Open { mark, used_at, session } = open;
        let device = if session.device.is_empty() { "不明的裝置".to_owned() } else { session.device };
        let is_this = mark == this;
        let provider = Provider::of_code(&session.provider).map_or("其他方式", Provider::label);
        Self { mark, device, provider, begun_at: session.created_at, used_at, is_this }
    }
}

/// `GET /account/sessions`.
pub(crate) async fn show(who: LoggedIn, State(room): State<Arc<Room>>) -> Answer {
    if who.session().must_change_password {
        return Ok(web::redirect(web::PASSWORD_PATH));
    }
    let this = who.token().mark();
    let open = room.web.sessions().of_person(who.session().person).await?;
    let single_sign_on = open.iter().any(|open| open.mark != this && open.session.provider == Provider::Oidc.code());
    let mut rows: Vec<Row> = open.into_iter().map(|open| Row::of(open, &this)).collect();
    rows.sort_by_key(|row| !row.is_this);
    web::html(&Sessions {
        page: who.page("登入中的裝置"),
        others: rows.iter().filter(|row| !row.is_this).count(),
        rows,
        idle_minutes: IDLE.whole_minutes(),
        ours: who.session().provider == Provider::Account.code(),
        single_sign_on,
    })
}

/// Which sessions to end: one by its mark, or `others`.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    which: String,
}

/// `POST /account/sessions/removal`: ends sessions of one's own, but for the one that asks.
pub(crate) async fn end(who: LoggedIn, State(room): State<Arc<Room>>, Form(chosen): Form<Chosen>) -> Answer {
    if who.session().must_change_password {
        return Ok(web::redirect(web::PASSWORD_PATH));
    }
    let this = who.token().mark();
    let is_chosen = |mark: &str| mark != this && (chosen.which == "others" || chosen.which == mark);
    let ended = room.web.sessions().destroy_of_person(who.session().person, is_chosen).await?;
    if ended == 0 {
        return Ok(web::redirect_with(PATH, &Flash::note("沒有需要登出的裝置，可能已經登出了")));
    }
    trail::ended(&room.db, &who, "wearer elsewhere", ended).await?;
    Ok(web::redirect_with(PATH, &Flash::good(format!("已登出 {ended} 個裝置"))))
}
