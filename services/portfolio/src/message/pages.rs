//! The list of messages; reading one leads to what it is about.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use kernel::{ids::MessageId, permission::Scope, role::Role};
use store::Audit;
use web::{Answer, Flash, May, Page, Problem, need::Need};

use super::store::{self as rows, Message, Reader};
use crate::room::Room;

/// Messages as many as one page shows.
const SHOWN: i64 = 100;

/// Everybody of a school reads the messages to themselves; no permission of the matrix is about that.
pub(crate) struct OwnMessages;

impl Need for OwnMessages {
    fn reach(role: Role) -> Option<Scope> {
        (!role.is_city()).then_some(Scope::Own)
    }
}

#[derive(Template)]
#[template(path = "message/index.html")]
pub(crate) struct Index {
    page: Page,
    messages: Vec<Message>,
    unread: usize,
}

pub(crate) async fn index(may: May<OwnMessages>, State(room): State<Arc<Room>>) -> Answer {
    let reader = Reader::of(may.actor.subject).ok_or(Problem::NotFound)?;
    let mut tx = room.db.read(&may, "portfolio.message.list").await?;
    let messages = rows::list(&mut tx, reader, SHOWN).await?;
    drop(tx);
    let unread = messages.iter().filter(|message| !message.is_read).count();
    web::html(&Index { page: may.page("訊息"), messages, unread })
}

/// Marks one as read and goes where it leads.
pub(crate) async fn read(
    may: May<OwnMessages>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, MessageId)>,
) -> Answer {
    let reader = Reader::of(may.actor.subject).ok_or(Problem::NotFound)?;
    let mut tx = room.db.write(&may, "portfolio.message.read").await?;
    let link = rows::link(&mut tx, reader, id).await?.ok_or(Problem::NotFound)?;
    if rows::mark_read(&mut tx, reader, Some(id)).await? > 0 {
        tx.audit(Audit::new("message.read", "message", id.get()));
        tx.commit().await?;
    }
    // rooms write paths of ours; whatever else stands there leads to the list
    let ours = web::next_path(Some(&link)).is_some();
    Ok(web::redirect(if ours { link } else { may.url("/messages") }))
}

/// Marks all as read.
pub(crate) async fn read_all(may: May<OwnMessages>, State(room): State<Arc<Room>>) -> Answer {
    let reader = Reader::of(may.actor.subject).ok_or(Problem::NotFound)?;
    let mut tx = room.db.write(&may, "portfolio.message.read_all").await?;
    let count = rows::mark_read(&mut tx, reader, None).await?;
    if count > 0 {
        tx.audit(Audit::general("message.read_all", "message").after(count));
        tx.commit().await?;
    }
    Ok(web::redirect_with(may.url("/messages"), &Flash::good("訊息都已標為已讀。")))
}

/// Puts one away on the cabinet, staying there.
pub(crate) async fn dismiss(
    may: May<OwnMessages>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, MessageId)>,
) -> Answer {
    let reader = Reader::of(may.actor.subject).ok_or(Problem::NotFound)?;
    let mut tx = room.db.write(&may, "portfolio.message.read").await?;
    if rows::mark_read(&mut tx, reader, Some(id)).await? > 0 {
        tx.audit(Audit::new("message.read", "message", id.get()));
        tx.commit().await?;
    }
    let home = if may.student().is_some() { "/home" } else { "/messages" };
    Ok(web::redirect(may.url(home)))
}
