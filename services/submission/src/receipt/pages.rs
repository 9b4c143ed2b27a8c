//! Receipts for the office: imports, differences, how far the classes have come.

use super::{
    archive::Refused,
    compare::{Difference, Held, shown},
    import::{self, NotImported},
    mine::code_label,
    store::{self, ClassCount, Dispute, ImportRow},
};
use crate::{
    Room,
    batch::{self, store::Named},
    overview::pages::OfYear,
    roster::RosterCode,
};
use askama::Template;
use axum::{
    extract::{Multipart, Path, State},
    http::StatusCode,
};
use bytes::Bytes;
use kernel::{calendar::AcademicYear, ids::ReceiptBatchId};
use std::{collections::BTreeMap, sync::Arc};
use web::{Answer, FieldErrors, Flash, May, Page, Problem, Query, Routes, need::ReceiptImport};

/// Students with differences that a page lists.
const LISTED: i64 = 200;

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/receipts", index)
        .post_up_to(crate::central::LARGEST_RECEIPT + 64 * 1024, "/s/{school}/receipts", upload)
        .get("/s/{school}/receipts/{receipt}", show)
}

#[derive(Template)]
#[template(path = "receipt/index.html")]
struct Index {
    page: Page,
    year: AcademicYear,
    imports: Vec<ImportRow>,
    classes: Vec<ClassCount>,
    disputes: Vec<Dispute>,
    codes: Vec<(String, String)>,
    /// The list of error codes as it was typed.
    typed_codes: String,
    /// The answer as it was typed, and to what.
    typed_answer: (i64, String),
    errors: FieldErrors,
}

/// What was typed into one of the page's forms, to be shown again.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) codes: Option<String>,
    pub(super) answer: (i64, String),
}

async fn index(may: May<ReceiptImport>, State(room): State<Arc<Room>>, Query(of): Query<OfYear>) -> Answer {
    draw(&room, &may, of.get(may.now), Typed::default(), FieldErrors::new()).await
}

/// The page; with errors it is one of its forms redrawn.
pub(super) async fn draw(
    room: &Room,
    may: &May<ReceiptImport>,
    year: AcademicYear,
    typed: Typed,
    errors: FieldErrors,
) -> Answer {
    let mut tx = room.db.read(may, "submission.receipts").await?;
    let codes = store::error_codes(&mut tx).await?;
    let listed = || codes.iter().map(|(code, label)| format!("{code} {label}")).collect::<Vec<_>>().join("\n");
    let index = Index {
        page: may.page("收訖明細"),
        year,
        imports: store::imports(&mut tx, year).await?,
        classes: store::class_counts(&mut tx, year).await?,
        disputes: store::disputes(&mut tx, year, None).await?,
        typed_codes: typed.codes.unwrap_or_else(listed),
        typed_answer: typed.answer,
        codes,
        errors,
    };
    drop(tx);
    let status = if index.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &index)
}

impl ImportRow {
    fn roster(&self) -> String {
        let roster =
            RosterCode::new(self.roster_code).map_or_else(|| kind_label(&self.kind).to_owned(), RosterCode::label);
        if self.term == 0 { roster } else { format!("{roster} 第{}學期", self.term) }
    }
}

/// The name of a kind in a row.
pub(super) fn kind_label(code: &str) -> &'static str {
    super::Kind::of(code).map_or("", super::Kind::label)
}

/// Imports the zip that the central database's pages give, with the password that comes on another way.
async fn upload(may: May<ReceiptImport>, State(room): State<Arc<Room>>, form: Multipart) -> Answer {
    let Sent { year, zip, password } = read(form).await?;
    let year = year.get(may.now);
    let errors = missing(&zip, &password);
    if !errors.is_empty() {
        return draw(&room, &may, year, Typed::default(), errors).await;
    }
    let ready = match import::prepare(&room, &may, zip, password).await {
        Ok(ready) => ready,
        Err(NotImported::Refused(refused)) => {
            let field = if refused == Refused::Password { "password" } else { "file" };
            let message = format!("{refused}。沒有匯入任何資料。");
            return draw(&room, &may, year, Typed::default(), FieldErrors::one(field, message)).await;
        }
        Err(NotImported::Store(error)) => return Err(error.into()),
        Err(error) => return Err(Problem::internal(error)),
    };
    let mut tx = room.db.write(&may, "submission.receipt.import").await?;
    let id = import::keep(&mut tx, ready).await?;
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/receipts/{id}")), &Flash::good("收訖明細已匯入")))
}

/// What the form brings; the year is that of the page it stands on, not that of the receipt.
#[derive(Default)]
struct Sent {
    year: OfYear,
    zip: Bytes,
    password: String,
}

async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(|_| Problem::TooLarge)? {
        match field.name() {
            Some("year") => sent.year = Some(field.text().await.map_err(|_| Problem::TooLarge)?).into(),
            Some("file") => sent.zip = field.bytes().await.map_err(|_| Problem::TooLarge)?,
            Some("password") => sent.password = field.text().await.map_err(|_| Problem::TooLarge)?,
            _ => {}
        }
    }
    Ok(sent)
}

fn missing(zip: &Bytes, password: &str) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if zip.is_empty() {
        errors.add("file", "請選擇收訖明細的 zip 檔");
    }
    if password.is_empty() {
        errors.add("password", "請輸入 zip 檔的密碼");
    }
    errors
}

/// A student of an import with what differs.
struct Differing {
    student: String,
    roster: String,
    held: Held,
}

#[derive(Template)]
#[template(path = "receipt/show.html")]
struct Show {
    page: Page,
    parts: Vec<ImportRow>,
    differing: Vec<Differing>,
    listed: i64,
}

async fn show(
    may: May<ReceiptImport>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ReceiptBatchId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "submission.receipt.show").await?;
    let year = store::year_of(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let parts = store::imports(&mut tx, year).await?;
    let parts: Vec<ImportRow> = parts.into_iter().filter(|part| part.receipt_batch_id == id.get()).collect();
    let rows = store::differing(&mut tx, id, LISTED).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.student_id).collect();
    let named = batch::store::named(&mut tx, &ids).await?;
    drop(tx);
    let named: BTreeMap<i64, Named> = named.into_iter().map(|student| (student.id, student)).collect();
    let differing = rows.into_iter().map(|row| {
        let held = open(&room, &may, &row.rows_sealed)?;
        let student = named.get(&row.student_id).map(Named::label).unwrap_or_default();
        let roster = RosterCode::new(row.roster_code).map(RosterCode::label).unwrap_or_default();
        Ok(Differing { student, roster, held })
    });
    let differing = differing.collect::<Result<Vec<_>, Problem>>()?;
    let serial = parts.first().map_or(0, |part| part.import_serial);
    let page = may.page(format!("{} 收訖明細 第 {serial} 次匯入", year.label()));
    web::html(&Show { page, parts, differing, listed: LISTED })
}

/// Opens what is held of a student.
pub(super) fn open(room: &Room, ctx: &kernel::actor::Context, sealed: &[u8]) -> Result<Held, Problem> {
    let json = room.keys.open(ctx.school(), sealed).map_err(Problem::internal)?;
    serde_json::from_str(&json).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_multipart() {
        let fields = [("year", None, "115"), ("password", None, "12345678"), ("file", Some("收訖明細.zip"), "PK")];
        fuzz::run_forms("multipart-receipts", &fields, |form| async {
            let Ok(form) = form else { return };
            let Ok(sent) = read(form).await else { return };
            let _shown = missing(&sent.zip, &sent.password);
        });
    }
}
