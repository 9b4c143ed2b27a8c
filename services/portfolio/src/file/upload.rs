//! Beginning an upload: limits, quota and window first, then the plan that the browser follows.
//!
//! No transaction is open while storage is asked: the rules are asked before, and again when the row is written.

use blob::{NotStored, UploadPlan};
use kernel::{
    actor::Context,
    ids::StudentId,
    rules::{Action, NewFiles, Refusal},
};
use serde_json::json;
use store::{Audit, TenantTx};
use time::{Duration, OffsetDateTime};
use web::Problem;

use super::{
    Place, storage,
    store::{self as rows, AtPlace, Coming, NewFile, Owner},
};
use crate::{activity, outcome, room::Room, student::Ground};

/// An upload that began while a window was open may arrive as long as its links live.
const GRACE: Duration = Duration::HOUR;

/// What a student wants to send.
pub(crate) struct Wish {
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) size: i64,
}

/// The item that a file belongs to, with the ground on which it may be changed or not.
pub(crate) struct Item {
    pub(crate) ground: Ground,
    target: Target,
}

enum Target {
    Outcome(Box<outcome::Outcome>),
    Activity(Box<activity::Activity>),
}

impl Item {
    /// The student's own item.
    pub(crate) async fn load(tx: &mut TenantTx, student: StudentId, owner: Owner) -> Result<Self, Problem> {
        let (year, target) = match owner {
            Owner::Outcome(id) => {
                let found = outcome::store::find_one(tx, student, id.into()).await?.ok_or(Problem::NotFound)?;
                (found.course.year, Target::Outcome(Box::new(found)))
            }
            Owner::Activity(id) => {
                let found = activity::store::find_one(tx, student, id.into()).await?.ok_or(Problem::NotFound)?;
                (found.year, Target::Activity(Box::new(found)))
            }
        };
        let ground = Ground::load(tx, student, year).await?.ok_or(Problem::NotFound)?;
        Ok(Self { ground, target })
    }

    /// May its files be changed so?
    pub(crate) fn may_take(&self, files: NewFiles, now: OffsetDateTime) -> Result<(), Refusal> {
        let student = &self.ground.student;
        let action: Action = match &self.target {
            Target::Outcome(outcome) => outcome.edit(student, files, now),
            Target::Activity(activity) => activity.edit(student, false, files),
        };
        self.ground.may(&action, now)
    }

    /// May a file that was announced at `begun` be saved now? Its state counts as it is now, the window as it was
    /// when the upload began, for an hour.
    pub(crate) fn may_keep(&self, begun: OffsetDateTime, now: OffsetDateTime) -> Result<(), Refusal> {
        let answer = self.may_take(NewFiles::default(), now);
        match answer {
            Err(Refusal::Closed { .. }) if now - begun <= GRACE => self.may_take(NewFiles::default(), begun),
            answer => answer,
        }
    }

    /// The external link of an activity lives beside a media file only (F-079).
    pub(crate) fn has_link(&self) -> bool {
        matches!(&self.target, Target::Activity(activity) if activity.external_url.is_some())
    }
}

impl Wish {
    /// May it be sent? `used` are the student's bytes; those of the file it replaces, and of the upload that it
    /// supersedes, count as free.
    fn ask(&self, item: &Item, used: i64, at: &AtPlace, now: OffsetDateTime) -> Result<(), Refusal> {
        let replaced = at.saved.map_or(0, |(_, bytes)| bytes) + at.coming.as_ref().map_or(0, |coming| coming.bytes);
        item.may_take(self.place.adding(self.size, used - replaced), now)
    }
}

/// Counts an upload that begins, on whichever way it comes; too many in a minute are refused before a byte is read.
pub(crate) async fn count(room: &Room, ctx: &Context, student: StudentId) -> Result<(), Problem> {
    room.web.limit("upload", &format!("{}/{student}", ctx.school()), room.uploads_per_minute).await
}

/// What the browser is to do, and the row's number.
pub(crate) struct Begun {
    pub(crate) id: kernel::ids::FileId,
    pub(crate) plan: UploadPlan,
}

/// Begins an upload.
pub(crate) async fn begin(room: &Room, ctx: &Context, student: StudentId, wish: Wish) -> Result<Begun, Problem> {
    let mut tx = room.db.write(ctx, "portfolio.file.plan").await?;
    let used = storage::take_turn(&mut tx, student).await?;
    let item = Item::load(&mut tx, student, wish.owner).await?;
    let at = rows::at_place(&mut tx, wish.owner, wish.place).await?;
    wish.ask(&item, used, &at, ctx.now).map_err(refused)?;
    let id = rows::next_id(&mut tx).await?;
    drop(tx);

    let size = u64::try_from(wish.size).unwrap_or(0);
    let plan = room.vault.begin_upload(&ctx.school(), id, size).await.map_err(not_stored)?;
    let (upload_key, upload_id) = (plan.key.clone(), plan.upload_id.clone());
    let Wish { owner, place, name, size } = wish;
    let file = NewFile { id, owner, place, name, size, upload_key, upload_id };
    match announce(room, ctx, student, &file).await {
        Ok(superseded) => {
            if let Some(old) = superseded {
                forget(room, ctx, &old.upload_key, &old.upload_id).await;
            }
            Ok(Begun { id, plan })
        }
        Err(problem) => {
            forget(room, ctx, &file.upload_key, &file.upload_id).await;
            Err(problem)
        }
    }
}

/// Writes the row and sets its bytes aside. An upload that was under way to the same place is superseded.
async fn announce(room: &Room, ctx: &Context, student: StudentId, file: &NewFile) -> Result<Option<Coming>, Problem> {
    let mut tx = room.db.write(ctx, "portfolio.file.create").await?;
    let superseded = reserve(&mut tx, student, file).await?;
    let after = json!({ "owner": file.owner.word(), "owner_id": file.owner.id(), "slot": file.place.word(),
                        "name": file.name, "size": file.size });
    tx.audit(Audit::new("file.create", "file", file.id.get()).after(after));
    tx.commit().await?;
    Ok(superseded)
}

/// The row and its bytes, under the student's turn.
pub(crate) async fn reserve(tx: &mut TenantTx, student: StudentId, file: &NewFile) -> Result<Option<Coming>, Problem> {
    let used = storage::take_turn(tx, student).await?;
    let item = Item::load(tx, student, file.owner).await?;
    let at = rows::at_place(tx, file.owner, file.place).await?;
    let (owner, place, name, size) = (file.owner, file.place, file.name.clone(), file.size);
    Wish { owner, place, name, size }.ask(&item, used, &at, tx.now()).map_err(refused)?;
    if let Some(old) = &at.coming {
        rows::remove(tx, old.id).await?;
        storage::give_back(tx, student, old.bytes).await?;
        tx.audit(Audit::new("file.supersede", "file", old.id.get()));
    }
    let replaced = at.saved.map_or(0, |(_, bytes)| bytes);
    storage::set_aside(tx, student, size, replaced, &item.ground.rules).await?.map_err(refused)?;
    rows::insert(tx, student, file).await?;
    Ok(at.coming)
}

/// What storage keeps of an upload that is over goes; if that fails, it is swept later.
pub(crate) async fn forget(room: &Room, ctx: &Context, key: &str, upload_id: &str) {
    if key.is_empty() {
        return;
    }
    if let Err(error) = room.vault.abandon(&ctx.school(), key, upload_id).await {
        tracing::info!(%error, "an upload's remains were left to the sweep");
    }
}

/// A rule says no: 422 with its sentence.
pub(crate) fn refused(refusal: Refusal) -> Problem {
    Problem::unprocessable(refusal.to_string())
}

/// Storage says no, before any byte was sent.
pub(crate) fn not_stored(error: NotStored) -> Problem {
    match error {
        NotStored::Refused(refusal) => Problem::unprocessable(refusal.to_string()),
        NotStored::Incomplete { .. } => Problem::unprocessable("檔案有一部分沒有送達，請再選一次同一個檔案重新上傳。"),
        NotStored::Failed(error) => storage_away(&error, "檔案還沒有開始上傳，原本的檔案都還在；請稍後再試一次。"),
    }
}

/// 503 that says what was kept; or 404 when the upload is over.
pub(crate) fn storage_away(error: &blob::BlobError, kept: &'static str) -> Problem {
    match error {
        blob::BlobError::UnknownUpload | blob::BlobError::ForeignKey => Problem::NotFound,
        _ => {
            tracing::warn!(%error, "file storage did not answer");
            Problem::Unavailable { kept: kept.into() }
        }
    }
}
