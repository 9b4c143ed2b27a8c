//! What leaves the house of a batch: the workbook for the central database's fetch, workbook and package for the officer.

use super::{
    Batch,
    make::{self, NotBuilt},
    package, store,
};
use crate::{
    Room,
    roster::{self, workbook::Made},
};
use ::store::Audit;
use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use kernel::{actor::Context, ids::BatchId, school::SchoolCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use time::OffsetDateTime;
use web::{
    Answer, May, Problem, Routes, Visitor,
    need::{Either, SubmissionActivity, SubmissionOutcome},
};

/// Any of the two submitters.
pub(crate) type Submitter = May<Either<SubmissionOutcome, SubmissionActivity>>;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Fetches of one workbook in a minute; the central database retries a few times.
const FETCHES: u32 = 20;
/// Sets the tokens of workbooks apart from every other signed thing.
const PURPOSE: &[u8] = b"roster\0";

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/submission/batches/{batch}/workbook", workbook)
        .get("/s/{school}/submission/batches/{batch}/package", whole)
        .get("/roster/{token}/{file}", announced)
}

/// Who holds a workbook's link may read that workbook until then. The workbook holds national ids, so it lies nowhere
/// in the open: it is made from the sealed rows while it is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    #[serde(rename = "s")]
    school: SchoolCode,
    #[serde(rename = "b")]
    batch: BatchId,
    /// Unix seconds.
    #[serde(rename = "e")]
    expires: i64,
}

impl Token {
    fn write(self, keys: &kernel::secrets::Keys) -> String {
        let body = serde_json::to_vec(&self).expect("plain fields are JSON");
        let tag = keys.sign_link(&[PURPOSE, &body].concat());
        format!("{}.{}", hex::encode(&body), hex::encode(tag))
    }

    fn read(text: &str, keys: &kernel::secrets::Keys, now: OffsetDateTime) -> Option<Self> {
        let (body, tag) = text.split_once('.')?;
        let (body, tag) = (hex::decode(body).ok()?, hex::decode(tag).ok()?);
        if !keys.link_is_ours(&[PURPOSE, &body].concat(), &tag) {
            return None;
        }
        serde_json::from_slice::<Self>(&body).ok().filter(|token| now.unix_timestamp() <= token.expires)
    }
}

/// Where the central database fetches a batch's workbook.
pub(crate) fn workbook_url(room: &Room, school: SchoolCode, batch: &Batch) -> String {
    let token = Token { school, batch: batch.id, expires: batch.links_expire_at.unix_timestamp() };
    let sha256 = hex::encode(batch.workbook_sha256.as_deref().unwrap_or_default());
    format!("{}/roster/{}/{sha256}.xlsx", room.web.settings().origin, token.write(&room.keys))
}

/// The central database's fetch: no session, a token instead.
async fn announced(
    who: Visitor,
    State(room): State<Arc<Room>>,
    Path((token, _file)): Path<(String, String)>,
) -> Answer {
    let token = Token::read(&token, &room.keys, who.now()).ok_or(Problem::NotFound)?;
    room.web.limit("roster", &format!("{} {}", token.school, token.batch), FETCHES).await?;
    let ctx = Context::system(token.school, who.request_id().to_owned(), who.now());
    let (batch, made) = again(&room, &ctx, token.batch).await?;
    if batch.workbook_sha256.as_deref() != Some(made.sha256.as_slice()) {
        // a release between notice and fetch may pack otherwise; the central database would refuse the file anyway
        return Err(Problem::internal("the workbook is not the one that was announced"));
    }
    Ok(([(header::CONTENT_TYPE, XLSX)], made.bytes).into_response())
}

async fn workbook(may: Submitter, State(room): State<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    let (batch, made) = again(&room, &may, id).await?;
    record(&room, &may, &batch, "batch.download_workbook").await?;
    let name = roster::workbook::file_name(&batch.cover(may.school()));
    Ok((attachment(XLSX, &name), made.bytes).into_response())
}

/// Workbook and all files as one zip, written while it is sent.
async fn whole(may: Submitter, State(room): State<Arc<Room>>, Path((_, id)): Path<(String, BatchId)>) -> Answer {
    let (batch, made) = again(&room, &may, id).await?;
    let mut tx = room.db.read(&may, "submission.batch.files").await?;
    let template = roster::store::of_version(&mut tx, batch.code.roster, batch.template_version).await?;
    let files = store::files(&mut tx, id).await?;
    drop(tx);
    record(&room, &may, &batch, "batch.download_package").await?;
    let name = roster::workbook::file_name(&batch.cover(may.school()));
    let entries = package::entries(&template, files);
    let zip = package::stream(room.vault.clone(), may.school(), (name.clone(), made.bytes), entries);
    Ok((attachment("application/zip", &name.replace(".xlsx", ".zip")), Body::from_stream(zip)).into_response())
}

/// The workbook leaves with everybody's national id: who took it is kept.
async fn record(room: &Room, may: &Submitter, batch: &Batch, action: &'static str) -> Result<(), Problem> {
    if may.reach(batch.code.roster.permission()).is_none() {
        return Err(Problem::Forbidden);
    }
    let mut tx = room.db.write(may, "submission.batch.download").await?;
    tx.audit(Audit::new(action, "batch", batch.id.get()));
    Ok(tx.commit().await?)
}

async fn again(room: &Arc<Room>, ctx: &Context, id: BatchId) -> Result<(Batch, Made), Problem> {
    let mut tx = room.db.read(ctx, "submission.batch.rows").await?;
    let batch =
        store::get(&mut tx, id).await?.filter(|batch| batch.workbook_sha256.is_some()).ok_or(Problem::NotFound)?;
    let template = roster::store::of_version(&mut tx, batch.code.roster, batch.template_version).await?;
    let kept = store::rows(&mut tx, id).await?;
    drop(tx);
    let (room, school, batch_) = (Arc::clone(room), ctx.school(), batch.clone());
    let made = tokio::task::spawn_blocking(move || make::again(&batch_, &template, &kept, (&room.keys, school)));
    let made: Result<Made, NotBuilt> = made.await.map_err(Problem::internal)?;
    Ok((batch, made.map_err(Problem::internal)?))
}

fn attachment(kind: &'static str, name: &str) -> [(header::HeaderName, String); 2] {
    // RFC 6266: the name in UTF-8, percent-encoded
    let name: String = name
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::secrets::Keys;
    use time::macros::datetime;

    #[test]
    fn a_token_opens_one_workbook_until_it_expires() {
        let keys = Keys::derive(&[7; 32]).unwrap();
        let expires = datetime!(2026-11-29 0:00 UTC);
        let token = Token { school: "403303".parse().unwrap(), batch: 7.into(), expires: expires.unix_timestamp() };
        let text = token.write(&keys);
        assert_eq!(Token::read(&text, &keys, expires), Some(token));
        assert_eq!(Token::read(&text, &keys, expires + time::Duration::SECOND), None);
        let other = Token { batch: 8.into(), ..token }.write(&keys);
        let mixed = format!("{}.{}", other.split('.').next().unwrap(), text.split('.').nth(1).unwrap());
        assert_eq!(Token::read(&mixed, &keys, expires), None, "a tag of another batch");
    }

    /// A link to a student's file is signed with the same key and must not open a roster.
    #[test]
    fn a_file_link_is_no_workbook_token() {
        let keys = Keys::derive(&[7; 32]).unwrap();
        let body = serde_json::to_vec(&Token { school: "403303".parse().unwrap(), batch: 7.into(), expires: i64::MAX })
            .unwrap();
        let forged = format!("{}.{}", hex::encode(&body), hex::encode(keys.sign_link(&body)));
        assert_eq!(Token::read(&forged, &keys, datetime!(2026-11-29 0:00 UTC)), None);
    }
}
