//! Finishing an upload: both copies are proven, then one transaction says "saved", with audit and receipt.

use blob::{BlobError, NotStored, Refusal as ContentRefusal, Stored, receipt::Saved};
use kernel::{
    actor::Context,
    ids::{FileId, StudentId},
};
use serde_json::json;
use store::{Audit, TenantTx};
use web::Problem;

use super::{
    storage,
    store::{self as rows, Row},
    upload::{Item, forget, refused, storage_away},
};
use crate::room::Room;

/// What storage keeps when it, the second copy or the scanner is away in the middle.
const KEPT: &str = "檔案已經完整送達並保留著，只是還沒有完成檢查與備份。請稍後再試一次，不必重新傳送。";

/// Completes the upload of a file. Asked again it answers the same.
pub(crate) async fn complete(room: &Room, ctx: &Context, student: StudentId, id: FileId) -> Result<(), Problem> {
    let mut tx = room.db.read(ctx, "portfolio.file.complete").await?;
    let row = rows::find(&mut tx, student, id).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    if !row.is_coming() {
        return known(&row);
    }
    let (school, size) = (ctx.school(), u64::try_from(row.declared_size).unwrap_or(0));
    let accept = row.place.accept();
    match room.vault.finalise(&school, &row.upload_key, &row.upload_id, size, accept).await {
        Ok(stored) => {
            let mut tx = room.db.write(ctx, "portfolio.file.save").await?;
            let saved = save(room, &mut tx, student, &row, &stored).await;
            finish(room, ctx, tx, (student, &row), saved).await
        }
        Err(NotStored::Refused(why)) => refuse(room, ctx, student, &row, &why).await,
        Err(NotStored::Incomplete { .. }) => {
            Err(Problem::unprocessable("檔案有一部分沒有送達，請再選一次同一個檔案重新上傳。"))
        }
        Err(NotStored::Failed(BlobError::UnknownUpload)) => again(room, ctx, student, id).await,
        Err(NotStored::Failed(error)) => Err(storage_away(&error, KEPT)),
    }
}

/// The answer for a file of which the end is known.
fn known(row: &Row) -> Result<(), Problem> {
    match &row.refusal {
        Some(why) => Err(Problem::unprocessable(why.clone())),
        // replaced or removed later, perhaps; it was saved
        None if row.saved_at.is_some() => Ok(()),
        None => Err(Problem::NotFound),
    }
}

/// Storage knows the upload no more: another call finished it, or it is over.
async fn again(room: &Room, ctx: &Context, student: StudentId, id: FileId) -> Result<(), Problem> {
    let mut tx = room.db.read(ctx, "portfolio.file.complete").await?;
    let row = rows::find(&mut tx, student, id).await?.ok_or(Problem::NotFound)?;
    known(&row)
}

/// Writes that the file is saved: its predecessor goes, the receipt is signed and kept.
pub(crate) async fn save(
    room: &Room,
    tx: &mut TenantTx,
    student: StudentId,
    row: &Row,
    stored: &Stored,
) -> Result<(), Problem> {
    storage::take_turn(tx, student).await?;
    let item = Item::load(tx, student, row.owner).await?;
    item.may_keep(row.created_at, tx.now()).map_err(refused)?;
    let at = rows::at_place(tx, row.owner, row.place).await?;
    if let Some((old, bytes)) = at.saved {
        rows::remove(tx, old).await?;
        storage::give_back(tx, student, bytes).await?;
        tx.audit(Audit::new("file.replace", "file", old.get()).after(json!({ "by": row.id })));
    }
    rows::save(tx, row.id, stored).await?;
    let saved_at = tx.now().replace_nanosecond(0).expect("zero is a nanosecond");
    let receipt = room.signer.sign(Saved {
        school: tx.school(),
        student: rows::student_no(tx, student).await?,
        item: row.owner.item(row.place),
        file_name: row.name.clone(),
        size: stored.size,
        sha256: stored.sha256,
        saved_at,
    });
    let receipt = serde_json::to_value(receipt).map_err(Problem::internal)?;
    rows::keep_receipt(tx, row.id, &receipt).await?;
    let after = json!({ "sha256": hex::encode(stored.sha256), "size": stored.size,
                        "media_type": stored.media_type.mime(), "copies": stored.copies });
    tx.audit(Audit::new("file.save", "file", row.id.get()).after(after));
    Ok(())
}

/// Commits what `save` wrote; where a rule said no meanwhile, the file is refused for that.
async fn finish(
    room: &Room,
    ctx: &Context,
    tx: TenantTx,
    (student, row): (StudentId, &Row),
    saved: Result<(), Problem>,
) -> Result<(), Problem> {
    match saved {
        Ok(()) => {
            tx.commit().await?;
            forget(room, ctx, &row.upload_key, &row.upload_id).await;
            Ok(())
        }
        Err(Problem::Stale) => {
            drop(tx);
            again(room, ctx, student, row.id).await
        }
        Err(Problem::Unprocessable { detail, .. }) => {
            drop(tx);
            release(room, ctx, student, row, &detail).await?;
            Err(Problem::unprocessable(detail))
        }
        Err(problem) => Err(problem),
    }
}

/// The content is not what it should be: the row says why, the bytes are given back.
async fn refuse(
    room: &Room,
    ctx: &Context,
    student: StudentId,
    row: &Row,
    why: &ContentRefusal,
) -> Result<(), Problem> {
    let why = why.to_string();
    release(room, ctx, student, row, &why).await?;
    Err(Problem::unprocessable(why))
}

async fn release(room: &Room, ctx: &Context, student: StudentId, row: &Row, why: &str) -> Result<(), Problem> {
    let mut tx = room.db.write(ctx, "portfolio.file.refuse").await?;
    storage::take_turn(&mut tx, student).await?;
    match rows::refuse(&mut tx, row.id, why).await {
        // asked twice at once, the other call has written it
        Err(store::Error::Stale) => return Ok(()),
        written => written?,
    }
    storage::give_back(&mut tx, student, row.bytes()).await?;
    tx.audit(Audit::new("file.refuse", "file", row.id.get()).after(json!({ "why": why })));
    tx.commit().await?;
    forget(room, ctx, &row.upload_key, &row.upload_id).await;
    Ok(())
}
