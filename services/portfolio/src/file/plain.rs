//! Upload by a plain form, for browsers without scripts: the bytes come through the server.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Multipart, Path, State},
};
use kernel::{actor::Context, ids::StudentId};
use store::Audit;
use web::{Answer, Flash, LoggedIn, May, Problem, need};

use super::{
    Place, clean_name, completion, storage,
    store::{self as rows, NewFile, Owner},
    upload::{Item, count, forget, not_stored, refused, reserve},
};
use crate::room::{Room, own};

/// The largest body: one media file of the rules, and the form around it.
pub(crate) const MOST_BYTES: usize = 11 * 1024 * 1024;

/// For an outcome.
pub(crate) async fn to_outcome(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
    form: Multipart,
) -> Answer {
    let student = own(&may)?;
    receive(&room, &may, student, Owner::Outcome(id), form).await
}

/// For an activity.
pub(crate) async fn to_activity(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
    form: Multipart,
) -> Answer {
    let student = own(&may)?;
    receive(&room, &may, student, Owner::Activity(id), form).await
}

async fn receive(room: &Room, who: &LoggedIn, student: StudentId, owner: Owner, form: Multipart) -> Answer {
    count(room, who, student).await?;
    let back = who.url(format_args!("{}#files", owner.path()));
    let note = match read(form).await? {
        Some(sent) => match take(room, who, student, (owner, sent)).await {
            Ok(()) => Flash::good("檔案已儲存，並寫入備份。"),
            Err(Problem::Unprocessable { detail, .. }) => Flash::bad(detail),
            Err(problem) => return Err(problem),
        },
        None => Flash::bad("請先選擇檔案。"),
    };
    Ok(web::redirect_with(back, &note))
}

/// One file as the form sent it.
struct Sent {
    place: Place,
    name: String,
    bytes: Bytes,
}

/// The form has one file field, named by its place.
async fn read(mut form: Multipart) -> Result<Option<Sent>, Problem> {
    while let Some(field) = form.next_field().await.map_err(|_| Problem::TooLarge)? {
        let place = field.name().and_then(Place::from_word);
        let name = field.file_name().and_then(clean_name);
        let bytes = field.bytes().await.map_err(|_| Problem::TooLarge)?;
        if let (Some(place), Some(name), false) = (place, name, bytes.is_empty()) {
            return Ok(Some(Sent { place, name, bytes }));
        }
    }
    Ok(None)
}

/// The same steps as an upload in parts; the row is written when both copies are there.
async fn take(room: &Room, ctx: &Context, student: StudentId, (owner, sent): (Owner, Sent)) -> Result<(), Problem> {
    let size = i64::try_from(sent.bytes.len()).unwrap_or(i64::MAX);
    let mut tx = room.db.write(ctx, "portfolio.file.plan").await?;
    let used = storage::take_turn(&mut tx, student).await?;
    let item = Item::load(&mut tx, student, owner).await?;
    let at = rows::at_place(&mut tx, owner, sent.place).await?;
    let free = at.saved.map_or(0, |(_, bytes)| bytes) + at.coming.map_or(0, |coming| coming.bytes);
    item.may_take(sent.place.adding(size, used - free), ctx.now).map_err(refused)?;
    let id = rows::next_id(&mut tx).await?;
    drop(tx);

    let stored = room.vault.ingest(&ctx.school(), sent.bytes, sent.place.accept()).await.map_err(not_stored)?;
    let (upload_key, upload_id) = (String::new(), String::new());
    let file = NewFile { id, owner, place: sent.place, name: sent.name, size, upload_key, upload_id };
    let mut tx = room.db.write(ctx, "portfolio.file.save").await?;
    let superseded = reserve(&mut tx, student, &file).await?;
    let row = rows::find(&mut tx, student, id).await?.ok_or(Problem::Stale)?;
    completion::save(room, &mut tx, student, &row, &stored).await?;
    tx.audit(Audit::new("file.create", "file", id.get()));
    tx.commit().await?;
    if let Some(old) = superseded {
        forget(room, ctx, &old.upload_key, &old.upload_id).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_multipart() {
        let fields = [("document", Some("報告.pdf"), "%PDF-1.4"), ("media", Some("影片.mp4"), "ftyp")];
        fuzz::run_forms("multipart-upload", &fields, |form| async {
            let Ok(form) = form else { return };
            let Ok(Some(sent)) = read(form).await else { return };
            assert!(!sent.bytes.is_empty() && !sent.name.is_empty());
            assert!(!sent.name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()), "{:?}", sent.name);
        });
    }
}
