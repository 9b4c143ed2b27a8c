//! A student's own receipt: differences first, then what is held; confirmed kind by kind, or reported.

use super::{
    Kind,
    compare::{Difference, Row, shown},
    pages::{kind_label, open},
    store::{self, Dispute, HeldRow, Hold, NewDispute},
};
use crate::{Room, overview::pages::OfYear};
use ::store::{Audit, TenantTx};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use kernel::{
    calendar::{AcademicYear, RosterTerm, taipei_date},
    ids::StudentId,
    rules::{Action, Refusal, Ruleset, Slot, WindowKind, WindowState, Windows, may as allowed},
    text,
};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use time::OffsetDateTime;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, Routes, need::ReceiptConfirm};

/// Characters of a report.
const BODY_MAX: usize = 500;

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/receipt", show)
        .post("/s/{school}/receipt/confirmations", confirm)
        .post("/s/{school}/receipt/disputes", dispute)
}

/// One kind as the page shows it.
struct KindPart {
    kind: Kind,
    hash: String,
    confirmed_at: Option<OffsetDateTime>,
    imported_at: Option<OffsetDateTime>,
    differences: Vec<Difference>,
    /// Rows by sheet.
    sheets: Vec<(String, Vec<Row>)>,
}

impl KindPart {
    fn rows(&self) -> usize {
        self.sheets.iter().map(|(_, rows)| rows.len()).sum()
    }
}

/// The rules' own facts about one student and year.
struct Facts {
    student: StudentId,
    year: AcademicYear,
    rules: Ruleset,
    windows: Windows,
    slot: Slot,
}

impl Facts {
    async fn read(tx: &mut TenantTx, student: StudentId, year: AcademicYear) -> Result<Self, Problem> {
        let (rules, windows) = ::store::rules::load(tx, year).await?;
        let grade = store::grade(tx, student, year).await?;
        Ok(Self { student, year, rules, windows, slot: Slot { year, term: RosterTerm::YEAR, grade } })
    }

    fn confirm(&self, already_confirmed: bool, now: OffsetDateTime) -> Result<(), Refusal> {
        allowed(&Action::ConfirmReceipt { slot: self.slot, already_confirmed }, &self.rules, &self.windows, now)
    }

    fn dispute(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        allowed(&Action::DisputeReceipt { slot: self.slot }, &self.rules, &self.windows, now)
    }
}

#[derive(Template)]
#[template(path = "receipt/mine.html")]
struct Mine {
    page: Page,
    year: AcademicYear,
    parts: Vec<KindPart>,
    disputes: Vec<Dispute>,
    codes: Vec<(String, String)>,
    closes_at: Option<OffsetDateTime>,
    /// Why nothing can be said now.
    closed: Option<String>,
    typed: Reported,
    errors: FieldErrors,
}

async fn show(may: May<ReceiptConfirm>, State(room): State<Arc<Room>>, Query(of): Query<OfYear>) -> Answer {
    draw(&room, &may, of.asked(), Reported::default(), FieldErrors::new()).await
}

/// The page of a year; where none is asked for, of the newest that holds something of the student. The clock would say
/// 116 on 1 August 2027, when the receipt of 115 is still to come.
async fn draw(
    room: &Room,
    may: &May<ReceiptConfirm>,
    asked: Option<AcademicYear>,
    typed: Reported,
    errors: FieldErrors,
) -> Answer {
    let student = may.student().ok_or(Problem::Forbidden)?;
    let mut tx = room.db.read(may, "submission.receipt.mine").await?;
    let year = match asked {
        Some(year) => Some(year),
        None => store::newest_year(&mut tx, student).await?,
    };
    let year = year.unwrap_or_else(|| AcademicYear::of_date(taipei_date(may.now)));
    let facts = Facts::read(&mut tx, student, year).await?;
    let kinds = store::kinds(&mut tx, student, year).await?;
    let held = store::held(&mut tx, student, year).await?;
    let disputes = store::disputes(&mut tx, year, Some(student)).await?;
    let codes = store::error_codes(&mut tx).await?;
    drop(tx);
    let closes_at = match facts.windows.state(WindowKind::ReceiptConfirm, &facts.slot, may.now) {
        WindowState::Open { closes_at } => Some(closes_at),
        _ => None,
    };
    let mine = Mine {
        page: may.page("收訖明細"),
        year,
        parts: parts(room, may, kinds, &held)?,
        disputes,
        codes,
        closes_at,
        closed: facts.dispute(may.now).err().map(|refusal| refusal.to_string()),
        typed,
        errors,
    };
    let status = if mine.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &mine)
}

fn parts(
    room: &Room,
    may: &May<ReceiptConfirm>,
    kinds: Vec<store::KindRow>,
    held: &[HeldRow],
) -> Result<Vec<KindPart>, Problem> {
    let mut parts = Vec::new();
    for row in kinds {
        let Some(kind) = Kind::of(&row.kind) else { continue };
        let mut part = KindPart {
            kind,
            hash: hex::encode(&row.hash),
            confirmed_at: row.confirmed_at,
            imported_at: None,
            differences: Vec::new(),
            sheets: Vec::new(),
        };
        for held in held.iter().filter(|held| held.kind == row.kind) {
            let opened = open(room, may, &held.rows_sealed)?;
            part.imported_at = part.imported_at.max(Some(held.imported_at));
            part.differences.extend(opened.differences);
            for row in opened.rows {
                match part.sheets.iter_mut().find(|(sheet, _)| *sheet == row.sheet) {
                    Some((_, rows)) => rows.push(row),
                    None => part.sheets.push((row.sheet.clone(), vec![row])),
                }
            }
        }
        parts.push(part);
    }
    // what needs the student's eyes stands first
    parts.sort_by_key(|part| (part.differences.is_empty(), part.confirmed_at.is_some(), part.kind));
    Ok(parts)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmed {
    year: String,
    kind: String,
    /// Of what the student saw: newer rows have to be seen first.
    hash: String,
}

async fn confirm(may: May<ReceiptConfirm>, State(room): State<Arc<Room>>, Form(form): Form<Confirmed>) -> Answer {
    let student = may.student().ok_or(Problem::Forbidden)?;
    let year: AcademicYear = form.year.parse().map_err(|_| Problem::NotFound)?;
    let kind = Kind::of(&form.kind).ok_or(Problem::NotFound)?;
    let mut tx = room.db.write(&may, "submission.receipt.confirm").await?;
    store::lock(&mut tx, Hold::Confirm).await?;
    let facts = Facts::read(&mut tx, student, year).await?;
    let kinds = store::kinds(&mut tx, student, year).await?;
    let held = kinds.into_iter().find(|row| row.kind == kind.code()).ok_or(Problem::NotFound)?;
    if hex::encode(&held.hash) != form.hash {
        return Err(Problem::Stale);
    }
    if let Err(refusal) = facts.confirm(held.confirmed_at.is_some(), may.now) {
        drop(tx);
        let errors = FieldErrors::one(format!("confirm-{}", kind.code()), refusal.to_string());
        return draw(&room, &may, Some(year), Reported::default(), errors).await;
    }
    store::confirm(&mut tx, facts.student, facts.year, (kind, &held.hash)).await?;
    let after = json!({ "year": year.get(), "kind": kind.code(), "rows_hash": form.hash });
    tx.audit(Audit::new("receipt.confirm", "student", student.get()).after(after));
    tx.commit().await?;
    let flash = Flash::good(format!("已確認「{}」的收訖明細", kind.label()));
    Ok(web::redirect_with(may.url(format_args!("/receipt?year={}", year.get())), &flash))
}

/// A report as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reported {
    year: String,
    /// `outcome/學期課程學習成果`: kind and sheet in one choice.
    place: String,
    error_code: String,
    body: String,
}

async fn dispute(may: May<ReceiptConfirm>, State(room): State<Arc<Room>>, Form(form): Form<Reported>) -> Answer {
    let student = may.student().ok_or(Problem::Forbidden)?;
    let year: AcademicYear = form.year.parse().map_err(|_| Problem::NotFound)?;
    let mut tx = room.db.write(&may, "submission.receipt.dispute").await?;
    store::lock(&mut tx, Hold::Confirm).await?;
    let facts = Facts::read(&mut tx, student, year).await?;
    let codes = store::error_codes(&mut tx).await?;
    let kinds = store::kinds(&mut tx, student, year).await?;
    let read = match facts.dispute(may.now) {
        Ok(()) => read(&form, &codes, &kinds),
        Err(refusal) => Err(FieldErrors::one("", refusal.to_string())),
    };
    let new = match read {
        Ok(new) => new,
        Err(errors) => {
            drop(tx);
            return draw(&room, &may, Some(year), form, errors).await;
        }
    };
    let id = store::file_dispute(&mut tx, student, year, &new).await?;
    let ended = store::unconfirm(&mut tx, student, year, new.kind).await?;
    let after = json!({ "year": year.get(), "kind": new.kind.code(), "error_code": new.error_code, "ended_confirmation": ended });
    tx.audit(Audit::new("receipt.dispute", "receipt_dispute", id.get()).after(after));
    tx.commit().await?;
    let flash = Flash::good("已送出問題回報，學校回覆後會顯示在這裡");
    Ok(web::redirect_with(may.url(format_args!("/receipt?year={}", year.get())), &flash))
}

fn read(form: &Reported, codes: &[(String, String)], kinds: &[store::KindRow]) -> Result<NewDispute, FieldErrors> {
    let mut errors = FieldErrors::new();
    let place = form.place.split_once('/').and_then(|(kind, sheet)| {
        let kind = Kind::of(kind).filter(|kind| kinds.iter().any(|held| held.kind == kind.code()))?;
        (text::count(sheet) <= 50).then(|| (kind, sheet.to_owned()))
    });
    if place.is_none() {
        errors.add("place", "請選擇有問題的部分");
    }
    if !codes.iter().any(|(code, _)| *code == form.error_code) {
        errors.add("error_code", "請選擇問題的種類");
    }
    let body = form.body.trim();
    match text::count(body) {
        0 => errors.add("body", "請說明哪裡不對"),
        1..=BODY_MAX => {}
        _ => errors.add("body", format!("說明最多 {BODY_MAX} 個字")),
    }
    match place {
        Some((kind, sheet)) if errors.is_empty() => {
            Ok(NewDispute { kind, sheet, error_code: form.error_code.clone(), body: body.to_owned() })
        }
        _ => Err(errors),
    }
}

/// The sheets that a report may name, kind by kind.
fn places(parts: &[KindPart]) -> Vec<(String, String)> {
    let whole = |part: &KindPart| (format!("{}/", part.kind.code()), part.kind.label().to_owned());
    let sheet = |part: &KindPart, name: &str| {
        (format!("{}/{name}", part.kind.code()), format!("{}：{name}", part.kind.label()))
    };
    parts
        .iter()
        .flat_map(|part| std::iter::once(whole(part)).chain(part.sheets.iter().map(move |(name, _)| sheet(part, name))))
        .collect()
}

/// The words of a report's error code.
pub(super) fn code_label<'c>(codes: &'c [(String, String)], code: &'c str) -> &'c str {
    codes.iter().find(|(known, _)| known == code).map_or(code, |(_, label)| label)
}
