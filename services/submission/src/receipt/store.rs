//! The SQL of receipts.

mod said;

use super::{
    archive::Part,
    import::{Ready, ReadyPart},
};
use crate::{
    batch::{self, Batch},
    roster::{self, RosterCode, template::Template},
};
use kernel::{calendar::AcademicYear, ids::ReceiptBatchId};
use std::collections::BTreeMap;
use store::{Error, TenantTx};
use time::OffsetDateTime;

pub(crate) use said::{
    ClassCount, Dispute, HeldRow, KindRow, NewDispute, answer, class_counts, confirm, disputes, error_codes,
    file_dispute, grade, held, kinds, newest_year, replace_error_codes, unconfirm, year_of_dispute,
};

/// What keeps imports and confirmations of a school apart: an import must not end a confirmation that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    Import,
    Confirm,
}

/// Waits for the school's imports (and, for an import, confirmations) to be over, until this transaction ends.
pub(crate) async fn lock(tx: &mut TenantTx, hold: Hold) -> Result<(), Error> {
    let school = tx.school();
    let sql = match hold {
        Hold::Import => "select pg_advisory_xact_lock(hashtext('receipt'), hashtext($1))",
        Hold::Confirm => "select pg_advisory_xact_lock_shared(hashtext('receipt'), hashtext($1))",
    };
    sqlx::query(sql).bind(school.as_str()).execute(tx.conn()).await?;
    Ok(())
}

/// A row as it was sent.
#[derive(Debug)]
pub(crate) struct SentRow {
    pub(crate) sheet_no: i16,
    pub(crate) student_id: i64,
    pub(crate) cells_sealed: Vec<u8>,
}

/// The batch that a part answers: the one it names, or the newest that the central database took.
pub(crate) async fn sent(
    tx: &mut TenantTx,
    code: RosterCode,
    part: &Part,
) -> Result<Option<(Batch, Template, Vec<SentRow>)>, Error> {
    let school = tx.school();
    let id = sqlx::query_scalar!(
        "select id from submission.batch
         where school_code = $1 and academic_year = $2 and term = $3 and roster_code = $4
           and state in ('notified', 'accepted', 'receipt_ready')
         order by (id = $5) desc nulls last, attempt desc limit 1",
        school.as_str(),
        part.year.get(),
        part.term.get(),
        code.get(),
        part.batch
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(id) = id else { return Ok(None) };
    let Some(batch) = batch::store::get(tx, id.into()).await? else { return Ok(None) };
    let template = roster::store::of_version(tx, code.roster, batch.template_version).await?;
    let rows = sqlx::query_as!(
        SentRow,
        "select sheet_no, student_id, cells_sealed from submission.roster_row where school_code = $1 and batch_id = $2",
        school.as_str(),
        id
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Some((batch, template, rows)))
}

/// The students of some blind indexes.
pub(crate) async fn known(tx: &mut TenantTx, indexes: &[Vec<u8>]) -> Result<BTreeMap<Vec<u8>, i64>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        "select id, national_id_index from school.student where school_code = $1 and national_id_index = any($2)",
        school.as_str(),
        indexes
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.national_id_index, row.id)).collect())
}

/// The next import of the year.
pub(crate) async fn create(tx: &mut TenantTx, ready: &Ready) -> Result<(ReceiptBatchId, i32), Error> {
    let (school, now) = (tx.school(), tx.now());
    let by = tx.ctx().staff().map(kernel::ids::StaffId::get);
    let row = sqlx::query!(
        r#"insert into submission.receipt_batch (school_code, academic_year, import_serial, file_sha256, imported_by, imported_at)
           select $1, $2, coalesce(max(import_serial), 0) + 1, $3, $4, $5
           from submission.receipt_batch where school_code = $1 and academic_year = $2
           returning id, import_serial"#,
        school.as_str(),
        ready.year.get(),
        &ready.file_sha256,
        by,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.id.into(), row.import_serial))
}

/// Keeps one roster of a receipt in place of the one before.
pub(crate) async fn keep_part(
    tx: &mut TenantTx,
    id: ReceiptBatchId,
    year: AcademicYear,
    part: &ReadyPart,
) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    sqlx::query!(
        "update submission.receipt_part p set superseded_at = $5
         from submission.receipt_batch b
         where p.school_code = $1 and p.roster_code = $3 and p.term = $4 and p.superseded_at is null
           and b.school_code = p.school_code and b.id = p.receipt_batch_id and b.academic_year = $2",
        school.as_str(),
        year.get(),
        part.roster_code,
        part.term,
        now
    )
    .execute(tx.conn())
    .await?;
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let students = &part.students;
    sqlx::query!(
        "insert into submission.receipt_part (school_code, receipt_batch_id, kind, roster_code, term, batch_id,
                                              student_count, row_count, unknown_count, difference_count)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        school.as_str(),
        id.get(),
        part.kind.code(),
        part.roster_code,
        part.term,
        part.batch,
        count(students.len()),
        count(students.iter().map(|student| student.rows).sum()),
        count(part.unknown),
        count(part.differences())
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into submission.receipt_row (school_code, receipt_batch_id, roster_code, term, kind, student_id,
                                             rows_sealed, rows_hash, row_count, difference_count)
         select $1, $2, $3, $4, $5, * from unnest($6::bigint[], $7::bytea[], $8::bytea[], $9::integer[], $10::integer[])",
        school.as_str(),
        id.get(),
        part.roster_code,
        part.term,
        part.kind.code(),
        &students.iter().map(|student| student.student_id).collect::<Vec<_>>(),
        &students.iter().map(|student| student.sealed.clone()).collect::<Vec<_>>(),
        &students.iter().map(|student| student.hash.to_vec()).collect::<Vec<_>>(),
        &students.iter().map(|student| count(student.rows)).collect::<Vec<_>>(),
        &students.iter().map(|student| count(student.differences)).collect::<Vec<_>>()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the confirmations whose rows are no longer what was confirmed (domain §5.10); says whose.
pub(crate) async fn lapse(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<(i64, String)>, Error> {
    let school = tx.school();
    let lapsed = sqlx::query!(
        r#"with held as (
             select r.student_id, r.kind, sha256(string_agg(r.rows_hash, ''::bytea order by r.roster_code, r.term)) as hash
             from submission.receipt_row r
             join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
             join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
             where r.school_code = $1 and b.academic_year = $2 and p.superseded_at is null
             group by r.student_id, r.kind)
           delete from submission.receipt_confirmation c
           where c.school_code = $1 and c.academic_year = $2 and not exists (
             select from held h where h.student_id = c.student_id and h.kind = c.kind and h.hash = c.rows_hash)
           returning student_id, kind"#,
        school.as_str(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(lapsed.into_iter().map(|row| (row.student_id, row.kind)).collect())
}

/// The students of an import who have something in it to confirm; a confirmation that outlived it asks nothing.
pub(crate) async fn to_be_asked(tx: &mut TenantTx, id: ReceiptBatchId) -> Result<Vec<i64>, Error> {
    let school = tx.school();
    let students = sqlx::query_scalar!(
        "select distinct r.student_id
         from submission.receipt_row r
         join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
         where r.school_code = $1 and r.receipt_batch_id = $2 and not exists (
           select from submission.receipt_confirmation c where c.school_code = $1 and c.student_id = r.student_id
             and c.academic_year = b.academic_year and c.kind = r.kind)",
        school.as_str(),
        id.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(students)
}

/// One part of one import, for the list.
#[derive(Debug)]
pub(crate) struct ImportRow {
    pub(crate) receipt_batch_id: i64,
    pub(crate) import_serial: i32,
    pub(crate) imported_at: OffsetDateTime,
    pub(crate) imported_by: String,
    pub(crate) kind: String,
    pub(crate) roster_code: i16,
    pub(crate) term: i16,
    pub(crate) compared: bool,
    pub(crate) student_count: i32,
    pub(crate) row_count: i32,
    pub(crate) unknown_count: i32,
    pub(crate) difference_count: i32,
    pub(crate) current: bool,
}

pub(crate) async fn imports(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<ImportRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        ImportRow,
        r#"select p.receipt_batch_id, b.import_serial, b.imported_at, coalesce(s.name, '系統') as "imported_by!", p.kind,
                  p.roster_code, p.term, p.batch_id is not null as "compared!", p.student_count, p.row_count,
                  p.unknown_count, p.difference_count, p.superseded_at is null as "current!"
           from submission.receipt_part p
           join submission.receipt_batch b on b.school_code = p.school_code and b.id = p.receipt_batch_id
           left join school.staff s on s.school_code = b.school_code and s.id = b.imported_by
           where p.school_code = $1 and b.academic_year = $2
           order by b.import_serial desc, p.roster_code, p.term"#,
        school.as_str(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The year of an import of the school.
pub(crate) async fn year_of(tx: &mut TenantTx, id: ReceiptBatchId) -> Result<Option<AcademicYear>, Error> {
    let school = tx.school();
    let year = sqlx::query_scalar!(
        "select academic_year from submission.receipt_batch where school_code = $1 and id = $2",
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(year.and_then(|year| AcademicYear::new(year).ok()))
}

/// A student of an import whose rows differ from what was sent.
#[derive(Debug)]
pub(crate) struct DifferingRow {
    pub(crate) student_id: i64,
    pub(crate) roster_code: i16,
    pub(crate) rows_sealed: Vec<u8>,
}

pub(crate) async fn differing(tx: &mut TenantTx, id: ReceiptBatchId, most: i64) -> Result<Vec<DifferingRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        DifferingRow,
        "select student_id, roster_code, rows_sealed from submission.receipt_row
         where school_code = $1 and receipt_batch_id = $2 and difference_count > 0
         order by roster_code, term, student_id limit $3",
        school.as_str(),
        id.get(),
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
