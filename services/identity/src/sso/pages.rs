//! To the single sign-on, back from it, and its word that a session ended.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use kernel::ids::PersonId;
use serde::Deserialize;
use serde_json::json;
use web::{Answer, ClientAddress, Form, Problem, Query, Visitor};

use super::{Sso, SsoError, Vouched, flow, logout_token};
use crate::login::{self, Entrance, Provider, pages::Choice, pages::Notice};
use crate::{Room, trail};

const AWAY: Notice = Notice::bad("市府的單一登入目前沒有回應。請稍後再試，或改用下面的方式登入。");
const EXPIRED: Notice = Notice::wait("登入的程序已經逾時，或是從另一個瀏覽器開始的。請再登入一次。");
const CANCELLED: Notice = Notice::wait("單一登入沒有完成。可以再試一次，或改用下面的方式登入。");
const UNTRUE: Notice = Notice::bad("單一登入傳回的內容無法確認，所以沒有登入。請再試一次；若仍發生，請洽學校資訊組。");

/// Where to come back to.
#[derive(Deserialize)]
pub(crate) struct Start {
    next: Option<String>,
}

/// `GET /login/sso`: sends the browser to the provider.
pub(crate) async fn start(
    visitor: Visitor,
    State(room): State<Arc<Room>>,
    Query(start): Query<Start>,
    headers: HeaderMap,
) -> Answer {
    let sso = configured(&room)?;
    let next = web::next_path(start.next.as_deref());
    let departure = match sso.depart(room.web.keys(), visitor.now()).await {
        Ok(departure) => departure,
        Err(_) => return again(&room, &visitor, next, AWAY),
    };
    let binder = flow::Binder::of_or_new(&headers, &room.web);
    flow::begin(&room.web, &binder, &departure, next).await?;
    let mut response = web::redirect(&departure.url);
    response.headers_mut().append(header::SET_COOKIE, binder.set_cookie());
    Ok(response)
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub(crate) struct Callback {
    state: Option<String>,
    code: Option<String>,
}

/// `GET /sso/callback`: back from the provider.
pub(crate) async fn callback(
    visitor: Visitor,
    address: ClientAddress,
    State(room): State<Arc<Room>>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Answer {
    let sso = configured(&room)?;
    room.web.limit("login", &address.0.to_string(), room.logins_per_minute).await?;
    let state = callback.state.as_deref().unwrap_or_default();
    let Some(flow) = flow::finish(&room.web, &headers, state).await? else {
        trail::refused(&room, &visitor, Provider::Oidc, state, "unknown state").await?;
        return again(&room, &visitor, None, EXPIRED);
    };
    let next = flow.next.as_deref();
    let Some(code) = callback.code else { return again(&room, &visitor, next, CANCELLED) };
    match sso.redeem(code, &flow, visitor.now()).await {
        Ok(vouched) => enter(&room, &visitor, vouched, next).await,
        Err(SsoError::Away(error)) => {
            tracing::warn!(%error, "the single sign-on can't be asked");
            again(&room, &visitor, next, AWAY)
        }
        Err(SsoError::Untrue(error)) => {
            tracing::warn!(%error, "an answer of the single sign-on does not hold");
            trail::refused(&room, &visitor, Provider::Oidc, state, "untrue answer").await?;
            again(&room, &visitor, next, UNTRUE)
        }
    }
}

/// A session for somebody the provider vouches for, findable by the provider's names for it.
async fn enter(room: &Room, visitor: &Visitor, vouched: Vouched, next: Option<&str>) -> Answer {
    let mut entrance = Entrance::new(Provider::Oidc, vouched.login);
    entrance.oidc_sid = vouched.sid;
    entrance.id_token = Some(vouched.id_token);
    let mut tx = room.db.read(&trail::city(visitor), "identity.sso.find").await?;
    entrance.person = login::person_of(&mut tx, &entrance.login).await?;
    drop(tx);
    if let Some(person) = entrance.person {
        remember_subject(room, &vouched.subject, person).await?;
    }
    login::enter(room, visitor, entrance, next).await
}

/// Back to the chooser, with what happened.
fn again(room: &Room, visitor: &Visitor, next: Option<&str>, notice: Notice) -> Answer {
    let status = if notice.text == AWAY.text { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
    login::pages::chooser(room, visitor, status, Choice { next, notice: Some(notice), ..Choice::default() })
}

fn configured(room: &Room) -> Result<&Sso, Problem> {
    room.sso.as_ref().ok_or(Problem::NotFound)
}

/// What the provider posts when a session ended with it.
#[derive(Deserialize)]
pub(crate) struct BackChannel {
    logout_token: String,
}

/// `POST /sso/backchannel-logout`: the provider's word that a session, or all of a person's, ended.
pub(crate) async fn ended_elsewhere(
    visitor: Visitor,
    State(room): State<Arc<Room>>,
    Form(form): Form<BackChannel>,
) -> Answer {
    let sso = configured(&room)?;
    let ended = match sso.ended(&form.logout_token, visitor.now()).await {
        Ok(ended) => ended,
        Err(SsoError::Away(_)) => return Err(Problem::unavailable()),
        Err(SsoError::Untrue(error)) => {
            tracing::warn!(%error, "a logout token was refused");
            return Ok(invalid_request());
        }
    };
    if is_used(&room, &ended.id).await? {
        return Ok(invalid_request());
    }
    let sessions = room.web.sessions();
    let count = match (&ended.sid, &ended.subject) {
        (Some(sid), _) => sessions.destroy_by_sid(Provider::Oidc.code(), sid).await?,
        (None, Some(subject)) => match person_of_subject(&room, subject).await? {
            Some(person) => sessions.destroy_by_person(person).await?,
            None => 0,
        },
        (None, None) => 0,
    };
    trail::ended(&room.db, &trail::city(&visitor), "provider", count).await?;
    // last: a token that was used up before the sessions were gone could not be sent again
    use_up(&room, &ended.id).await?;
    Ok(StatusCode::OK.into_response())
}

/// Back-Channel Logout 1.0 §2.8.
fn invalid_request() -> axum::response::Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "invalid_request" }))).into_response()
}

/// Whether this token has ended its sessions.
async fn is_used(room: &Room, id: &str) -> Result<bool, redis::RedisError> {
    redis::cmd("EXISTS").arg(token_key(id)).query_async(&mut room.web.redis()).await
}

/// Remembers a token for as long as it would be taken.
async fn use_up(room: &Room, id: &str) -> Result<(), redis::RedisError> {
    let seconds = 2 * logout_token::AGE.whole_seconds();
    redis::cmd("SET").arg(token_key(id)).arg(1).arg("EX").arg(seconds).query_async(&mut room.web.redis()).await
}

fn token_key(id: &str) -> String {
    format!("sso:jti:{}", flow::hashed(id))
}

/// The provider may name the person alone, by a name that is not the login name: kept as long as a session lives.
async fn remember_subject(room: &Room, subject: &str, person: PersonId) -> Result<(), redis::RedisError> {
    let seconds = web::session::ABSOLUTE.whole_seconds();
    let mut set = redis::cmd("SET");
    set.arg(subject_key(subject)).arg(person.get()).arg("EX").arg(seconds);
    set.query_async(&mut room.web.redis()).await
}

async fn person_of_subject(room: &Room, subject: &str) -> Result<Option<PersonId>, redis::RedisError> {
    let person: Option<i64> = redis::cmd("GET").arg(subject_key(subject)).query_async(&mut room.web.redis()).await?;
    Ok(person.map(PersonId::from))
}

fn subject_key(subject: &str) -> String {
    format!("sso:sub:{}", flow::hashed(subject))
}
