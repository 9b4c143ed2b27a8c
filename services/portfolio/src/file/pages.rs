//! The upload's endpoints, as `upload.js` speaks to them, and taking a file away.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::{
    actor::Context,
    ids::{FileId, StudentId},
    rules::NewFiles,
};
use serde::Deserialize;
use serde_json::json;
use store::Audit;
use web::{Answer, Flash, May, Problem, need};

use super::{
    Place, clean_name, completion, storage,
    store::{self as rows, Owner, Row},
    upload::{self, Item, Wish, refused, storage_away},
};
use crate::room::{Room, own};

/// What the browser announces. Numbers that it takes from attributes come as text.
#[derive(Deserialize)]
pub(crate) struct Announcement {
    owner: String,
    owner_id: String,
    slot: String,
    name: String,
    size: i64,
}

impl Announcement {
    fn wish(self) -> Option<Wish> {
        let owner = Owner::from_words(&self.owner, self.owner_id.parse().ok()?)?;
        let (place, name) = (Place::from_word(&self.slot)?, clean_name(&self.name)?);
        Some(Wish { owner, place, name, size: self.size })
    }
}

/// Begins: 201 with the parts to send.
pub(crate) async fn create(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    announcement: Result<Json<Announcement>, JsonRejection>,
) -> Answer {
    let student = own(&may)?;
    upload::count(&room, &may, student).await?;
    let wish = announcement.ok().and_then(|Json(announcement)| announcement.wish());
    let wish = wish.ok_or_else(|| Problem::unprocessable("上傳的資料格式不對，請重新載入頁面再試。"))?;
    let begun = upload::begin(&room, &may, student, wish).await?;
    let body = json!({ "file_id": begun.id, "part_size": begun.plan.part_size, "parts": begun.plan.parts });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Goes on: the parts that have not arrived, with fresh URLs.
pub(crate) async fn parts(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    let row = find(&room, &may, own(&may)?, id).await?;
    if !row.is_coming() {
        return Err(Problem::NotFound);
    }
    let size = u64::try_from(row.declared_size).unwrap_or(0);
    let plan = room.vault.resume(&may.school(), &row.upload_key, &row.upload_id, size).await;
    let plan = plan.map_err(|error| storage_away(&error, "已經送達的部分都還在，請稍後再接續上傳。"))?;
    Ok(Json(json!({ "part_size": plan.part_size, "parts": plan.parts })).into_response())
}

/// Finishes: 200 when both copies are proven and the receipt is there.
pub(crate) async fn complete(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    completion::complete(&room, &may, own(&may)?, id).await?;
    let receipt_url = may.url(format_args!("/files/{id}/receipt"));
    Ok(Json(json!({ "file_id": id, "receipt_url": receipt_url })).into_response())
}

/// Takes a file away, for scripts.
pub(crate) async fn delete(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    remove(&room, &may, own(&may)?, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes a file away, for forms.
pub(crate) async fn delete_by_form(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    let student = own(&may)?;
    let row = find(&room, &may, student, id).await?;
    let back = may.url(format_args!("{}#files", row.owner.path()));
    let note = match remove(&room, &may, student, id).await {
        Ok(()) => Flash::good("檔案已移除，儲存空間已歸還。"),
        Err(Problem::Unprocessable { detail, .. }) => Flash::bad(detail),
        Err(problem) => return Err(problem),
    };
    Ok::<Response, Problem>(web::redirect_with(back, &note))
}

async fn find(room: &Room, ctx: &Context, student: StudentId, id: FileId) -> Result<Row, Problem> {
    let mut tx = room.db.read(ctx, "portfolio.file.show").await?;
    rows::find(&mut tx, student, id).await?.ok_or(Problem::NotFound)
}

async fn remove(room: &Room, ctx: &Context, student: StudentId, id: FileId) -> Result<(), Problem> {
    let mut tx = room.db.write(ctx, "portfolio.file.remove").await?;
    storage::take_turn(&mut tx, student).await?;
    let row = rows::find(&mut tx, student, id).await?.ok_or(Problem::NotFound)?;
    if row.removed_at.is_some() || row.refusal.is_some() {
        return Ok(());
    }
    let item = Item::load(&mut tx, student, row.owner).await?;
    item.may_take(NewFiles::default(), ctx.now).map_err(refused)?;
    if row.place == Place::Media && row.saved_at.is_some() && item.has_link() {
        return Err(Problem::unprocessable("外部影音連結要和影音檔一起；請先清除外部影音連結，再移除影音檔。"));
    }
    rows::remove(&mut tx, id).await?;
    storage::give_back(&mut tx, student, row.bytes()).await?;
    let before = json!({ "name": row.name, "sha256": row.sha256.as_ref().map(hex::encode) });
    tx.audit(Audit::new("file.remove", "file", id.get()).before(before));
    tx.commit().await?;
    upload::forget(room, ctx, &row.upload_key, &row.upload_id).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 3 §4: the JSON of the upload's interface.
    #[test]
    fn fuzz_upload_announcement() {
        let body =
            json!({ "owner": "outcome", "owner_id": "12", "slot": "document", "name": "報告.pdf", "size": 4_194_304 });
        let other = json!({ "owner": "activity", "owner_id": "9223372036854775807", "slot": "media", "name": "../a.mp4", "size": -1 });
        fuzz::run("upload-announcement", &[body.to_string().into_bytes(), other.to_string().into_bytes()], |bytes| {
            let Ok(announcement) = serde_json::from_slice::<Announcement>(bytes) else { return };
            if let Some(wish) = announcement.wish() {
                assert!(wish.name.chars().count() <= 120 && !wish.name.contains(['/', '\\']), "{:?}", wish.name);
            }
        });
    }
}
