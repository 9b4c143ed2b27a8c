//! Changing hats, and leaving.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use serde::Deserialize;
use serde_json::json;
use store::{Audit, Error, TenantTx};
use web::{Answer, Flash, Form, Hat, LoggedIn, Session, Visitor, session::Token};

use crate::{
    Room,
    login::{self, Provider},
    trail,
};

/// The hat wanted, by [`Hat::value`]: its place may be another's by now, when the page is an old one.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    hat: String,
}

/// `POST /session/hat`: another role or school without logging in again. The hats are read anew: what a roster took
/// back since the log-in is gone.
pub(crate) async fn wear(who: LoggedIn, State(room): State<Arc<Room>>, Form(wanted): Form<Wanted>) -> Answer {
    if who.session().must_change_password {
        return Ok(web::redirect(web::PASSWORD_PATH));
    }
    let Some(chosen) = who.session().hats.iter().find(|hat| hat.is(&wanted.hat)).cloned() else {
        return Ok(gone(&who));
    };
    let mut session = who.session().clone();
    let mut context = (*who).clone();
    context.actor.school = chosen.school;
    let mut tx = room.db.write(&context, "identity.session.wear").await?;
    session.hats = login::hats_of(&mut tx, session.person).await?;
    let Some(active) = place_of(&session.hats, &chosen) else {
        return Ok(gone(&who));
    };
    session.active = active;
    context.actor = session.actor();
    worn(&mut tx, &session).await?;
    tx.audit(Audit::general("session.wear", "session").before(named(who.hat())).after(named(&chosen)));
    tx.commit().await?;
    room.web.sessions().save(who.token(), &session).await?;
    Ok(web::redirect_with(web::home_path(session.hat()), &Flash::good(format!("已切換為{}", chosen.label()))))
}

/// The hat of an old page that the person has no more.
fn gone(who: &LoggedIn) -> axum::response::Response {
    web::redirect_with(web::home_path(who.hat()), &Flash::bad("這個身分已經不在名冊上，沒有切換"))
}

fn place_of(hats: &[Hat], chosen: &Hat) -> Option<usize> {
    hats.iter().position(|hat| (hat.school, hat.role) == (chosen.school, chosen.role))
}

fn named(hat: &Hat) -> serde_json::Value {
    json!({ "school": hat.school, "role": hat.role.code() })
}

/// It is on again after the next log-in.
async fn worn(tx: &mut TenantTx, session: &Session) -> Result<(), Error> {
    let (hat, now) = (session.hat(), tx.now());
    sqlx::query!(
        "update identity.membership set last_worn_at = $4 where person_id = $1 and school_code = $2 and role = $3",
        session.person.get(),
        hat.school.as_str(),
        hat.role.code(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// `POST /logout`: ends the session here, and with the provider that vouched for it.
pub(crate) async fn end(visitor: Visitor, State(room): State<Arc<Room>>) -> Answer {
    let mut response = match (visitor.token(), visitor.session()) {
        (Some(token), Some(session)) => {
            room.web.sessions().destroy(token).await?;
            trail::ended(&room.db, &trail::wearer(&visitor, session), "wearer", 1).await?;
            farewell(&room, &visitor, session).await
        }
        _ => web::redirect("/"),
    };
    response.headers_mut().append(header::SET_COOKIE, Token::clear_cookie());
    Ok(response)
}

/// To the provider's own log-out where there is one: otherwise the next person at this machine is let in unasked.
async fn farewell(room: &Room, visitor: &Visitor, session: &Session) -> axum::response::Response {
    let said = Flash::good("您已經登出");
    if session.provider != Provider::Oidc.code() {
        return web::redirect_with("/", &said);
    }
    let place = match &room.sso {
        Some(sso) => sso.farewell(session.id_token.as_deref(), visitor.now()).await,
        None => None,
    };
    web::redirect_with(place.unwrap_or_else(|| "/".to_owned()), &said)
}
