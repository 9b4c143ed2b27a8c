//! Telling students: a receipt is there to be looked at, a report was answered. Portfolio shows and mails it.

use ::store::{Job, TenantTx};
use kernel::{
    calendar::AcademicYear,
    ids::{DisputeId, ReceiptBatchId, StudentId},
    message::{MESSAGE, Message},
};

/// A receipt waits for these students' word. All jobs are written in the one statement of the commit.
pub(super) fn imported(tx: &mut TenantTx, id: ReceiptBatchId, year: AcademicYear, students: &[i64]) {
    let body = format!("{}的收訖明細已取回，請核對中央資料庫收到的資料，正確就確認，不對就回報。", year.label());
    for student in students {
        message(tx, (*student).into(), year, body.clone(), format!("receipt.{id}.{student}"));
    }
}

/// The office answered what the student reported.
pub(super) fn answered(tx: &mut TenantTx, id: DisputeId, student: StudentId, year: AcademicYear) {
    let body = format!("學校已回覆你回報的{}收訖明細問題。", year.label());
    message(tx, student, year, body, format!("dispute.{id}"));
}

fn message(tx: &mut TenantTx, student: StudentId, year: AcademicYear, body: String, dedupe: String) {
    let link = format!("/s/{}/receipt?year={}", tx.school(), year.get());
    tx.enqueue(Job::new(MESSAGE, Message::to_student(student, link, body, dedupe)));
}
