//! The chooser, and the two ways in that are forms of ours.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use web::{Answer, ClientAddress, FieldErrors, Form, Page, Problem, Query, Tone, Visitor};

use super::{Entrance, LoginName, Password, Provider, enter, landing};
use crate::{DEMO_PASSWORD, Room, directory, temporary, trail};

/// Attempts per minute for one login name, whatever the address: guessing from many machines stays slow.
const PER_NAME: u32 = 20;

/// A sentence above the ways in.
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    pub(crate) text: &'static str,
}

impl Notice {
    pub(crate) const fn bad(text: &'static str) -> Self {
        Self { tone: Tone::Bad, text }
    }

    pub(crate) const fn wait(text: &'static str) -> Self {
        Self { tone: Tone::Wait, text }
    }
}

/// The ways in that are configured, and what was typed so far (passwords excepted).
#[derive(Template)]
#[template(path = "login/index.html")]
struct Chooser {
    page: Page,
    /// Where to go afterwards; empty: home.
    next: String,
    /// `?next=…` with the same, or nothing.
    next_query: String,
    sso: bool,
    directory: bool,
    login: String,
    password: &'static str,
    temporary_login: String,
    temporary_open: bool,
    errors: FieldErrors,
    notice: Option<Notice>,
}

/// What a page of the chooser differs in.
#[derive(Default)]
pub(crate) struct Choice<'a> {
    pub(crate) next: Option<&'a str>,
    pub(crate) login: String,
    pub(crate) temporary_login: String,
    pub(crate) errors: FieldErrors,
    pub(crate) notice: Option<Notice>,
}

impl Chooser {
    fn new(room: &Room, visitor: &Visitor, choice: Choice<'_>) -> Self {
        let next = web::next_path(choice.next).unwrap_or_default().to_owned();
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let nothing_else = room.sso.is_none() && room.directory.is_none();
        Self {
            page: visitor.page("登入"),
            next_query: if next.is_empty() { String::new() } else { format!("?next={encoded}") },
            next,
            sso: room.sso.is_some(),
            directory: room.directory.is_some(),
            password: "",
            temporary_open: nothing_else || !choice.temporary_login.is_empty(),
            login: choice.login,
            temporary_login: choice.temporary_login,
            errors: choice.errors,
            notice: choice.notice,
        }
    }
}

/// Draws the chooser, e.g. when the single sign-on is away and the other ways remain.
pub(crate) fn chooser(room: &Room, visitor: &Visitor, status: StatusCode, choice: Choice<'_>) -> Answer {
    web::html_with(status, &Chooser::new(room, visitor, choice))
}

/// The query of the chooser.
#[derive(Deserialize)]
pub(crate) struct Asked {
    next: Option<String>,
    /// Demo only: whose name stands in the form already.
    r#as: Option<String>,
}

/// Who is logged in already goes on at once.
pub(crate) async fn show(visitor: Visitor, State(room): State<Arc<Room>>, Query(asked): Query<Asked>) -> Answer {
    let next = asked.next.as_deref();
    let demo = room.web.settings().demo;
    let name = asked.r#as.filter(|_| demo);
    if let (Some(session), None) = (visitor.session(), &name) {
        return Ok(web::redirect(landing(session, next)));
    }
    let prefilled = name.is_some();
    let choice = Choice { next, login: name.unwrap_or_default(), ..Choice::default() };
    let mut page = Chooser::new(&room, &visitor, choice);
    if prefilled {
        page.password = DEMO_PASSWORD;
    }
    web::html(&page)
}

/// The form of the directory.
#[derive(Deserialize)]
pub(crate) struct DirectoryForm {
    login: String,
    #[serde(default)]
    password: Password,
    next: Option<String>,
}

/// `POST /login/ldap`: the directory judges name and password.
pub(crate) async fn by_directory(
    visitor: Visitor,
    address: ClientAddress,
    State(room): State<Arc<Room>>,
    Form(form): Form<DirectoryForm>,
) -> Answer {
    let directory = room.directory.as_ref().ok_or(Problem::NotFound)?;
    limit(&room, address, &form.login).await?;
    let next = form.next.as_deref();
    let judged = match LoginName::parse(&form.login) {
        Some(login) => directory.authenticate(&login, &form.password).await,
        None => Err(directory::Refusal::Wrong),
    };
    let refusal = match judged {
        Ok(login) => return enter(&room, &visitor, Entrance::new(Provider::Ldap, login), next).await,
        Err(refusal) => refusal,
    };
    trail::refused(&room, &visitor, Provider::Ldap, &form.login, refusal.code()).await?;
    let (status, text) = tell(&refusal);
    let mut choice = Choice { next, login: form.login.clone(), ..Choice::default() };
    match refusal {
        directory::Refusal::Wrong => choice.errors = FieldErrors::one("password", text),
        _ => choice.notice = Some(Notice::bad(text)),
    }
    chooser(&room, &visitor, status, choice)
}

/// What the directory said, for people.
fn tell(refusal: &directory::Refusal) -> (StatusCode, &'static str) {
    match refusal {
        directory::Refusal::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, "帳號或密碼不正確，請再試一次。"),
        directory::Refusal::Locked => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "這個帳號因為連續輸入錯誤，被單一身分驗證服務暫時鎖定。請稍後再試，或在該服務重設密碼。",
        ),
        directory::Refusal::Expired => {
            (StatusCode::UNPROCESSABLE_ENTITY, "這個帳號的密碼已經到期。請先到單一身分驗證服務更新密碼，再回來登入。")
        }
        directory::Refusal::MustChange => {
            (StatusCode::UNPROCESSABLE_ENTITY, "這個帳號必須先更改密碼。請到單一身分驗證服務更改密碼，再回來登入。")
        }
        directory::Refusal::Away(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "單一身分驗證服務（LDAP）目前沒有回應。請稍後再試，或改用其他方式登入。")
        }
    }
}

/// The form of temporary accounts.
#[derive(Deserialize)]
pub(crate) struct TemporaryForm {
    temporary_login: String,
    #[serde(default)]
    temporary_password: Password,
    next: Option<String>,
}

/// `POST /login/account`: a temporary account of ours. Unknown, wrong, locked and expired get the same answer.
pub(crate) async fn by_temporary_account(
    visitor: Visitor,
    address: ClientAddress,
    State(room): State<Arc<Room>>,
    Form(form): Form<TemporaryForm>,
) -> Answer {
    limit(&room, address, &form.temporary_login).await?;
    let next = form.next.as_deref();
    let proven = match LoginName::parse(&form.temporary_login) {
        Some(login) => temporary::attempt(&room, &trail::city(&visitor), &login, &form.temporary_password).await?,
        None => None,
    };
    if let Some(entrance) = proven {
        return enter(&room, &visitor, entrance, next).await;
    }
    trail::refused(&room, &visitor, Provider::Account, &form.temporary_login, "wrong").await?;
    let message = "帳號或密碼不正確，請再試一次。連續輸入錯誤 5 次，帳號會暫停使用 15 分鐘。";
    let errors = FieldErrors::one("temporary_password", message);
    let choice = Choice { next, temporary_login: form.temporary_login, errors, ..Choice::default() };
    chooser(&room, &visitor, StatusCode::UNPROCESSABLE_ENTITY, choice)
}

/// Limits by address and by name.
async fn limit(room: &Room, address: ClientAddress, login: &str) -> Result<(), Problem> {
    room.web.limit("login", &address.0.to_string(), room.logins_per_minute).await?;
    room.web.limit("login-name", &login.trim().to_ascii_lowercase(), PER_NAME).await
}

/// Somebody whom no roster names.
#[derive(Template)]
#[template(path = "login/without_role.html")]
struct WithoutRole {
    page: Page,
    /// A page of the single sign-on ends its session as well, so that another account can be used.
    sso: bool,
}

/// The log-in succeeded, but no school's roster names the person.
pub(crate) fn without_role(visitor: &Visitor, provider: Provider) -> Answer {
    let page = visitor.page("這個帳號還沒有身分");
    web::html_with(StatusCode::FORBIDDEN, &WithoutRole { page, sso: provider == Provider::Oidc })
}
