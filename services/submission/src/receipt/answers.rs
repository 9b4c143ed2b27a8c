//! What the office does with reports: answers them, and keeps the list of errors that may be named.

use super::{
    notice,
    pages::{Typed, draw},
    store,
};
use crate::{Room, overview::pages::OfYear};
use ::store::Audit;
use axum::extract::{Path, State};
use kernel::{ids::DisputeId, text};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use web::{Answer, FieldErrors, Flash, Form, May, Problem, Routes, need::ReceiptImport};

/// Characters of an answer.
const ANSWER_MAX: usize = 500;
/// Codes in a school's list.
const MOST_CODES: usize = 50;

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .post("/s/{school}/receipts/disputes/{dispute}/answer", answer)
        .post("/s/{school}/receipts/error-codes", error_codes)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answered {
    answer: String,
}

async fn answer(
    may: May<ReceiptImport>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, DisputeId)>,
    Form(Answered { answer }): Form<Answered>,
) -> Answer {
    let length = text::count(answer.trim());
    if length == 0 || length > ANSWER_MAX {
        let message =
            if length == 0 { "請寫下回覆".to_owned() } else { format!("回覆最多 {ANSWER_MAX} 個字") };
        let errors = FieldErrors::one(format!("answer-{id}"), message);
        let typed = Typed { answer: (id.get(), answer), ..Typed::default() };
        let mut tx = room.db.read(&may, "submission.dispute.year").await?;
        let year = store::year_of_dispute(&mut tx, id).await?.ok_or(Problem::NotFound)?;
        drop(tx);
        return draw(&room, &may, year, typed, errors).await;
    }
    let mut tx = room.db.write(&may, "submission.dispute.answer").await?;
    let year = store::year_of_dispute(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let student = store::answer(&mut tx, id, answer.trim()).await?;
    notice::answered(&mut tx, id, student.into(), year);
    tx.audit(Audit::new("dispute.answer", "receipt_dispute", id.get()).after(json!({ "student": student })));
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/receipts?year={}", year.get())), &Flash::good("已回覆")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    /// Of the page that the form stands on.
    year: Option<String>,
    codes: String,
}

async fn error_codes(
    may: May<ReceiptImport>,
    State(room): State<Arc<Room>>,
    Form(Listed { year, codes }): Form<Listed>,
) -> Answer {
    let year = OfYear::from(year).get(may.now);
    let read = match read_codes(&codes) {
        Ok(read) => read,
        Err(message) => {
            let typed = Typed { codes: Some(codes), ..Typed::default() };
            return draw(&room, &may, year, typed, FieldErrors::one("codes", message)).await;
        }
    };
    let mut tx = room.db.write(&may, "submission.error_codes").await?;
    let before = store::error_codes(&mut tx).await?;
    store::replace_error_codes(&mut tx, &read).await?;
    tx.audit(Audit::general("error_codes.replace", "receipt_error_code").before(before).after(read));
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/receipts?year={}", year.get())), &Flash::good("錯誤代碼已更新")))
}

/// One code a line: `01 少了一筆`.
fn read_codes(text: &str) -> Result<Vec<(String, String)>, String> {
    let (mut codes, mut seen) = (Vec::new(), BTreeSet::new());
    for (line, written) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let Some((code, label)) = written.trim().split_once(char::is_whitespace) else {
            return Err(format!("第 {line} 行請寫成「代碼 說明」，例如「01 少了一筆」"));
        };
        let label = label.trim();
        if code.chars().count() > 10 || text::count(label) > 50 {
            return Err(format!("第 {line} 行太長：代碼最多 10 個字，說明最多 50 個字"));
        }
        if !seen.insert(code.to_owned()) {
            return Err(format!("第 {line} 行的代碼 {code} 已經用過"));
        }
        codes.push((code.to_owned(), label.to_owned()));
    }
    match codes.len() {
        0 => Err("至少要有一個代碼".to_owned()),
        1..=MOST_CODES => Ok(codes),
        _ => Err(format!("最多 {MOST_CODES} 個代碼")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §5.10: "Table of error codes is school-defined".
    #[test]
    fn codes_are_written_one_a_line() {
        let read = read_codes("01 少了一筆\n\n 99\t其他 原因 \n").unwrap();
        assert_eq!(read, [("01".to_owned(), "少了一筆".to_owned()), ("99".to_owned(), "其他 原因".to_owned())]);
        assert!(read_codes("01").unwrap_err().contains("第 1 行"));
        assert!(read_codes("01 a\n01 b").unwrap_err().contains("已經用過"));
        assert!(read_codes(" \n").is_err());
    }
}
