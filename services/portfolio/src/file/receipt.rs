//! Receipts of uploads: the printable page, the file to keep, and the public page that checks one.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Multipart, Path, State, multipart::Field},
    http::{StatusCode, header},
    response::IntoResponse,
};
use blob::receipt::{Check, UploadReceipt, key_id};
use kernel::{calendar::roc_date_time, ids::FileId};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use web::{Answer, ClientAddress, FieldErrors, May, Page, Problem, Visitor, need};

use super::store as rows;
use crate::room::{Room, own};

/// Receipts that one address may have checked in a minute; a class may sit behind one.
const CHECKS_PER_MINUTE: u32 = 60;
/// A receipt has less than 2 KiB; pasted, it may have come with white space.
const MOST_RECEIPT_BYTES: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "file/receipt.html")]
pub(crate) struct Show {
    page: Page,
    id: FileId,
    receipt: UploadReceipt,
    size: i64,
    saved_at: String,
    text: String,
    back: String,
}

pub(crate) async fn show(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.receipt.show").await?;
    let student = own(&may)?;
    let row = rows::find(&mut tx, student, id).await?.ok_or(Problem::NotFound)?;
    let body = rows::receipt(&mut tx, student, id).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    let receipt: UploadReceipt = serde_json::from_value(body).map_err(Problem::internal)?;
    web::html(&Show {
        page: may.page("上傳收據"),
        id,
        size: i64::try_from(receipt.size).unwrap_or(i64::MAX),
        saved_at: moment(&receipt.saved_at),
        text: pretty(&receipt)?,
        receipt,
        back: row.owner.path(),
    })
}

/// The receipt as a file to keep.
pub(crate) async fn json(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, FileId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.receipt.show").await?;
    let body = rows::receipt(&mut tx, own(&may)?, id).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    let receipt: UploadReceipt = serde_json::from_value(body).map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"receipt-{id}.json\"")),
    ];
    Ok((headers, pretty(&receipt)?).into_response())
}

fn pretty(receipt: &UploadReceipt) -> Result<String, Problem> {
    serde_json::to_string_pretty(receipt).map_err(Problem::internal)
}

/// `115/11/22 14:00`, or the text as it stands.
fn moment(text: &str) -> String {
    OffsetDateTime::parse(text, &Rfc3339).map_or_else(|_| text.to_owned(), roc_date_time)
}

#[derive(Template)]
#[template(path = "file/check.html")]
pub(crate) struct CheckPage {
    page: Page,
    public_key: String,
    key_id: String,
    typed: String,
    result: Option<Verdict>,
    errors: FieldErrors,
}

/// What was found.
struct Verdict {
    receipt: UploadReceipt,
    saved_at: String,
    checks: Vec<Check>,
    with_file: bool,
}

impl Verdict {
    fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

fn check_page(room: &Room, visitor: &Visitor) -> CheckPage {
    let key = room.signer.public_key();
    CheckPage {
        page: visitor.page("查驗上傳收據"),
        public_key: hex::encode(key),
        key_id: key_id(&key),
        typed: String::new(),
        result: None,
        errors: FieldErrors::new(),
    }
}

/// The form; everybody may check a receipt.
pub(crate) async fn check_form(visitor: Visitor, State(room): State<Arc<Room>>) -> Answer {
    web::html(&check_page(&room, &visitor))
}

/// The checks, one by one. Anybody may send a file along that is as large as an upload, so that addresses are counted.
pub(crate) async fn check(
    visitor: Visitor,
    address: ClientAddress,
    State(room): State<Arc<Room>>,
    form: Multipart,
) -> Answer {
    room.web.limit("receipt-check", &address.0.to_string(), CHECKS_PER_MINUTE).await?;
    let Sent { text, file } = read(form).await?;
    let page = check_page(&room, &visitor);
    let Ok(receipt) = serde_json::from_str::<UploadReceipt>(text.trim()) else {
        let errors = FieldErrors::one("receipt", "這不是本系統的上傳收據：請貼上收據的完整 JSON，或選擇下載的收據檔。");
        return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &CheckPage { typed: text, errors, ..page });
    };
    let mut checks = receipt.verify(&room.signer.public_key());
    if let Some(content) = &file {
        checks.extend(receipt.verify_file(content));
    }
    let saved_at = moment(&receipt.saved_at);
    let result = Some(Verdict { receipt, saved_at, checks, with_file: file.is_some() });
    web::html(&CheckPage { typed: text, result, ..page })
}

struct Sent {
    text: String,
    file: Option<Bytes>,
}

/// Text pasted or a receipt's file, and perhaps the file that it is about. Nothing of it is kept, and of what is no
/// receipt or file nothing is read into memory.
async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut sent = Sent { text: String::new(), file: None };
    while let Some(field) = form.next_field().await.map_err(|_| Problem::TooLarge)? {
        match field.name().unwrap_or_default() {
            "receipt" | "receipt_file" => {
                let text = small(field).await?;
                if !text.is_empty() {
                    sent.text = String::from_utf8_lossy(&text).into_owned();
                }
            }
            "file" => {
                let bytes = field.bytes().await.map_err(|_| Problem::TooLarge)?;
                sent.file = Some(bytes).filter(|bytes| !bytes.is_empty());
            }
            _ => {}
        }
    }
    Ok(sent)
}

/// A receipt, which is small.
async fn small(mut field: Field<'_>) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| Problem::TooLarge)? {
        if bytes.len() + chunk.len() > MOST_RECEIPT_BYTES {
            return Err(Problem::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_multipart() {
        let fields = [
            ("receipt", None, "{\"version\":1}"),
            ("receipt_file", Some("a.json"), ""),
            ("file", Some("a.pdf"), "%PDF-"),
        ];
        fuzz::run_forms("multipart-receipt", &fields, |form| async {
            let Ok(form) = form else { return };
            let Ok(sent) = read(form).await else { return };
            assert!(sent.text.chars().count() <= MOST_RECEIPT_BYTES && sent.file.is_none_or(|file| !file.is_empty()));
        });
    }
}
