//! Changing the password of a temporary account.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use kernel::{actor::Context, school::SchoolCode};
use serde::Deserialize;
use serde_json::json;
use store::Audit;
use web::{Answer, FieldErrors, Flash, Form, LoggedIn, Page, Problem, Query};

use super::{attempt, check, store as rows};
use crate::{
    Room,
    login::{self, LoginName, Password, Provider},
};

#[derive(Template)]
#[template(path = "account/password.html")]
struct ChangePassword {
    page: Page,
    /// The account has a password of ours; others are changed where they are kept.
    ours: bool,
    first_time: bool,
    next: String,
    errors: FieldErrors,
}

impl ChangePassword {
    fn new(who: &LoggedIn, next: Option<&str>, errors: FieldErrors) -> Self {
        let session = who.session();
        Self {
            page: who.page("更改密碼"),
            ours: session.provider == Provider::Account.code(),
            first_time: session.must_change_password,
            next: web::next_path(next).unwrap_or_default().to_owned(),
            errors,
        }
    }
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Asked {
    next: Option<String>,
}

/// `GET /account/password`.
pub(crate) async fn show(who: LoggedIn, Query(asked): Query<Asked>) -> Answer {
    web::html(&ChangePassword::new(&who, asked.next.as_deref(), FieldErrors::new()))
}

/// What was typed.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    current: Password,
    #[serde(default)]
    new: Password,
    #[serde(default)]
    again: Password,
    next: Option<String>,
}

/// `POST /account/password`: the change ends the person's other sessions, and this one gets a new token.
pub(crate) async fn change(who: LoggedIn, State(room): State<Arc<Room>>, Form(typed): Form<Typed>) -> Answer {
    let session = who.session();
    if session.provider != Provider::Account.code() {
        return Err(Problem::NotFound);
    }
    let login = LoginName::parse(&session.login).ok_or(Problem::NotFound)?;
    let next = typed.next.as_deref();
    let asker = Context::system(SchoolCode::CITY, who.request_id.clone(), who.now);
    let mut errors = rules(&typed, login.as_str());
    if errors.is_empty() && attempt(&room, &asker, &login, &typed.current).await?.is_none() {
        errors.add("current", "目前的密碼不正確。連續輸入錯誤 5 次，帳號會暫停使用 15 分鐘。");
    }
    if !errors.is_empty() {
        let page = ChangePassword::new(&who, next, errors);
        return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let hash = room.hasher.hash(typed.new).await.map_err(Problem::internal)?;
    let mut tx = room.db.write(&who, "identity.temporary.change_password").await?;
    rows::replace_hash(&mut tx, &login, &hash).await?;
    tx.audit(Audit::general("account.change_password", "temporary_account").after(json!({ "person": session.person })));
    tx.commit().await?;
    renew(&room, &who, next).await
}

/// What can be said without asking the hash.
fn rules(typed: &Typed, login: &str) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if !typed.current.is_plausible() {
        errors.add("current", "請輸入目前的密碼");
    }
    if let Err(weak) = check(typed.new.expose(), login, Some(typed.current.expose())) {
        errors.add("new", weak.to_string());
    } else if typed.new.expose() != typed.again.expose() {
        errors.add("again", "兩次輸入的新密碼不一樣");
    }
    errors
}

/// A new session instead of all the old ones.
async fn renew(room: &Room, who: &LoggedIn, next: Option<&str>) -> Answer {
    let mut session = who.session().clone();
    session.must_change_password = false;
    room.web.sessions().destroy_by_person(session.person).await?;
    let token = room.web.sessions().create(&session).await?;
    let mut response = web::redirect_with(login::landing(&session, next), &Flash::good("密碼已經更改"));
    response.headers_mut().append(header::SET_COOKIE, token.set_cookie());
    Ok(response)
}
