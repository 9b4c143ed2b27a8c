//! The SQL of batches.

use super::{
    Adapter, Batch, Progress, State,
    make::{Built, Kept},
};
use crate::{
    central::{RowError, RowResult},
    roster::{RosterCode, store::Scope},
};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    ids::BatchId,
};
use store::{Error, TenantTx};
use time::OffsetDateTime;

struct Record {
    id: i64,
    academic_year: i16,
    term: i16,
    roster_code: i16,
    template_version: i16,
    attempt: i16,
    adapter: String,
    links_expire_at: OffsetDateTime,
    row_count: i32,
    workbook_sha256: Option<Vec<u8>>,
    workbook_size: Option<i64>,
    central_job_id: Option<String>,
    state: String,
    progress: serde_json::Value,
    errors: serde_json::Value,
    created_by: String,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl TryFrom<Record> for Batch {
    type Error = Error;

    /// The schema's checks keep other values out; one that is there all the same is a fault of ours.
    fn try_from(row: Record) -> Result<Self, Error> {
        let unknown = || Error::Database(sqlx::Error::Decode("a batch of unknown kind".into()));
        Ok(Self {
            id: row.id.into(),
            code: RosterCode::new(row.roster_code).ok_or_else(unknown)?,
            year: AcademicYear::new(row.academic_year).map_err(|_| unknown())?,
            term: RosterTerm::new(row.term).map_err(|_| unknown())?,
            template_version: row.template_version,
            attempt: row.attempt,
            adapter: Adapter::of(&row.adapter).ok_or_else(unknown)?,
            links_expire_at: row.links_expire_at,
            row_count: row.row_count,
            workbook_sha256: row.workbook_sha256,
            workbook_size: row.workbook_size,
            central_job_id: row.central_job_id,
            state: State::of(&row.state).ok_or_else(unknown)?,
            progress: serde_json::from_value(row.progress).unwrap_or_default(),
            errors: serde_json::from_value(row.errors).unwrap_or_default(),
            created_by: row.created_by,
            created_at: row.created_at,
            changed_at: row.changed_at,
        })
    }
}

/// Makes the next attempt of a roster; a unique constraint lets only one officer at a time begin it.
pub(crate) async fn create(
    tx: &mut TenantTx,
    scope: &Scope,
    adapter: Adapter,
    template_version: i16,
    by: i64,
) -> Result<BatchId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        r#"insert into submission.batch (school_code, academic_year, term, roster_code, template_version, attempt, adapter,
                                         links_expire_at, row_count, state, created_by, created_at, changed_at)
           select $1, $2, $3, $4, $5, coalesce(max(attempt), 0) + 1, $6, $7, 0, 'building', $8, $9, $9
           from submission.batch where school_code = $1 and academic_year = $2 and term = $3 and roster_code = $4
           returning id"#,
        school.as_str(),
        scope.year.get(),
        scope.term.get(),
        scope.code.get(),
        template_version,
        adapter.code(),
        now + super::LINKS_LAST,
        by,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// One batch of the school.
pub(crate) async fn get(tx: &mut TenantTx, id: BatchId) -> Result<Option<Batch>, Error> {
    let school = tx.school();
    let row = sqlx::query_as!(
        Record,
        r#"select b.id, academic_year, term, roster_code, template_version, attempt, adapter, links_expire_at, row_count,
                  workbook_sha256, workbook_size, central_job_id, state, progress, errors,
                  coalesce(s.name, '') as "created_by!", created_at, changed_at
           from submission.batch b left join school.staff s on s.school_code = b.school_code and s.id = b.created_by
           where b.school_code = $1 and b.id = $2"#,
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Batch::try_from).transpose()
}

/// The batches of a year, newest first; without their errors.
pub(crate) async fn list(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<Batch>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Record,
        r#"select b.id, academic_year, term, roster_code, template_version, attempt, adapter, links_expire_at, row_count,
                  workbook_sha256, workbook_size, central_job_id, state, progress, '[]'::jsonb as "errors!",
                  coalesce(s.name, '') as "created_by!", created_at, changed_at
           from submission.batch b left join school.staff s on s.school_code = b.school_code and s.id = b.created_by
           where b.school_code = $1 and academic_year = $2 order by b.id desc"#,
        school.as_str(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Batch::try_from).collect()
}

/// Whether an attempt of the same roster is still under way.
pub(crate) async fn under_way(tx: &mut TenantTx, scope: &Scope) -> Result<bool, Error> {
    let school = tx.school();
    let found = sqlx::query_scalar!(
        r#"select exists (select from submission.batch where school_code = $1 and academic_year = $2 and term = $3
             and roster_code = $4 and state in ('building', 'notified')) as "found!""#,
        school.as_str(),
        scope.year.get(),
        scope.term.get(),
        scope.code.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Waits for whoever begins or hands over a batch of the school, until this transaction ends: each looks at the others'
/// batches before it changes its own.
pub(crate) async fn take_turn(tx: &mut TenantTx) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query("select pg_advisory_xact_lock(hashtext('batch'), hashtext($1))")
        .bind(school.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether a batch must not go any more: a newer attempt of its roster was begun, one is with the central database, or
/// a batch of the same roster under another 名冊別 took some of its items there after it was built.
pub(crate) async fn is_superseded(tx: &mut TenantTx, batch: &Batch) -> Result<bool, Error> {
    let (school, scope) = (tx.school(), batch.scope());
    let found = sqlx::query_scalar!(
        r#"select exists (
             select from submission.batch b
             where b.school_code = $1 and b.academic_year = $3 and b.term = $4 and b.roster_code = $5 and b.id <> $2
               and (b.attempt > $6 or b.state = 'notified')
           ) or exists (
             select from submission.batch b
             join submission.roster_row theirs on theirs.school_code = b.school_code and theirs.batch_id = b.id
             join submission.roster_row ours on ours.school_code = b.school_code and ours.batch_id = $2
               and ours.student_id = theirs.student_id and ours.item = theirs.item
             where b.school_code = $1 and b.academic_year = $3 and b.term = $4 and b.roster_code = any($7)
               and b.state in ('notified', 'accepted', 'receipt_ready')) as "found!""#,
        school.as_str(),
        batch.id.get(),
        scope.year.get(),
        scope.term.get(),
        scope.code.get(),
        batch.attempt,
        &scope.code.siblings()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Keeps what was built: all rows in one statement.
pub(crate) async fn keep(tx: &mut TenantTx, id: BatchId, built: Built) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let rows = &built.rows;
    sqlx::query!(
        "insert into submission.roster_row (school_code, batch_id, sheet_no, row_no, student_id, item, cells_sealed,
                                            row_hash, document_sha256, media_sha256)
         select $1, $2, * from unnest($3::smallint[], $4::integer[], $5::bigint[], $6::text[], $7::bytea[],
                                      $8::bytea[], $9::bytea[], $10::bytea[])",
        school.as_str(),
        id.get(),
        &rows.iter().map(|kept| kept.row.sheet_no).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.row.row_no).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.row.student.get()).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.row.item.to_string()).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.cells.clone()).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.row.hash.to_vec()).collect::<Vec<_>>(),
        &rows.iter().map(|kept| kept.row.document_sha256.clone()).collect::<Vec<_>>() as &[Option<Vec<u8>>],
        &rows.iter().map(|kept| kept.row.media_sha256.clone()).collect::<Vec<_>>() as &[Option<Vec<u8>>]
    )
    .execute(tx.conn())
    .await?;
    let updated = sqlx::query!(
        "update submission.batch set state = 'built', row_count = $3, workbook_sha256 = $4, workbook_size = $5, changed_at = $6
         where school_code = $1 and id = $2 and state = 'building'",
        school.as_str(),
        id.get(),
        i32::try_from(rows.len()).unwrap_or(i32::MAX),
        built.workbook.sha256.as_slice(),
        i64::try_from(built.workbook.bytes.len()).unwrap_or(i64::MAX),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(updated.rows_affected())
}

/// Moves a batch from one state to the next, with what is wrong.
pub(crate) async fn change(
    tx: &mut TenantTx,
    id: BatchId,
    (from, to): (State, State),
    errors: &[RowError],
) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let updated = sqlx::query!(
        "update submission.batch set state = $4, errors = $5, changed_at = $6
         where school_code = $1 and id = $2 and state = $3",
        school.as_str(),
        id.get(),
        from.code(),
        to.code(),
        serde_json::to_value(errors).unwrap_or_default(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(updated.rows_affected())
}

/// Forgets the central database's name of the job, before it is told again.
pub(crate) async fn forget_job(tx: &mut TenantTx, id: BatchId) -> Result<(), Error> {
    let school = tx.school();
    let updated = sqlx::query!(
        "update submission.batch set central_job_id = null, progress = '{}' where school_code = $1 and id = $2",
        school.as_str(),
        id.get()
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(updated.rows_affected())
}

/// Keeps the central database's name of the job; false where another notice has brought one already.
pub(crate) async fn keep_job(tx: &mut TenantTx, id: BatchId, central_job: &str) -> Result<bool, Error> {
    let school = tx.school();
    let updated = sqlx::query!(
        "update submission.batch set central_job_id = $3, progress = '{}'
         where school_code = $1 and id = $2 and central_job_id is null",
        school.as_str(),
        id.get(),
        central_job
    )
    .execute(tx.conn())
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Has the job that asks after a batch run now; false where there is none. A job that was just being worked is waited
/// for, and its successor is seen by the second look only: a statement knows what was there when it began.
pub(crate) async fn hurry(tx: &mut TenantTx, id: BatchId) -> Result<bool, Error> {
    let (school, now) = (tx.school(), tx.now());
    for _ in 0..2 {
        let updated = sqlx::query!(
            "update app.job set run_at = $3, published_at = null
             where school_code = $1 and kind in ('submission.notify', 'submission.poll')
               and (payload ->> 'batch_id')::bigint = $2 and dead_at is null",
            school.as_str(),
            id.get(),
            now
        )
        .execute(tx.conn())
        .await?;
        if updated.rows_affected() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps how far the central database has come.
pub(crate) async fn keep_progress(tx: &mut TenantTx, id: BatchId, progress: &Progress) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let updated = sqlx::query!(
        "update submission.batch set progress = $3, changed_at = $4 where school_code = $1 and id = $2",
        school.as_str(),
        id.get(),
        serde_json::to_value(progress).unwrap_or_default(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(updated.rows_affected())
}

/// Marks every row with what the central database says of it.
pub(crate) async fn keep_results(
    tx: &mut TenantTx,
    id: BatchId,
    (results, sheets): (&[RowResult], &[(i16, String)]),
    errors: &[RowError],
) -> Result<(), Error> {
    let school = tx.school();
    let number = |name: &str| sheets.iter().find(|(_, sheet)| sheet == name).map(|(no, _)| *no);
    let marks = results.iter().filter_map(|result| {
        let sheet = number(&result.sheet)?;
        let of_row = |error: &&RowError| error.sheet.as_deref() == Some(&result.sheet) && error.row == Some(result.row);
        let words = errors.iter().filter(of_row).map(|error| error.message.as_str()).collect::<Vec<_>>();
        Some((sheet, result.row, result.accepted, (!words.is_empty()).then(|| words.join("；"))))
    });
    let marks: Vec<(i16, i32, bool, Option<String>)> = marks.collect();
    sqlx::query!(
        "update submission.roster_row r set accepted = m.accepted, error = m.error
         from unnest($3::smallint[], $4::integer[], $5::boolean[], $6::text[]) as m (sheet_no, row_no, accepted, error)
         where r.school_code = $1 and r.batch_id = $2 and r.sheet_no = m.sheet_no and r.row_no = m.row_no",
        school.as_str(),
        id.get(),
        &marks.iter().map(|mark| mark.0).collect::<Vec<_>>(),
        &marks.iter().map(|mark| mark.1).collect::<Vec<_>>(),
        &marks.iter().map(|mark| mark.2).collect::<Vec<_>>(),
        &marks.iter().map(|mark| mark.3.clone()).collect::<Vec<_>>() as &[Option<String>]
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// By hand the central database's answer covers all rows at once.
pub(crate) async fn keep_result_of_all(tx: &mut TenantTx, id: BatchId, accepted: bool) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "update submission.roster_row set accepted = $3 where school_code = $1 and batch_id = $2",
        school.as_str(),
        id.get(),
        accepted
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The sealed rows in order.
pub(crate) async fn rows(tx: &mut TenantTx, id: BatchId) -> Result<Vec<Kept>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Kept,
        "select sheet_no, row_no, cells_sealed from submission.roster_row
         where school_code = $1 and batch_id = $2 order by sheet_no, row_no",
        school.as_str(),
        id.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Whose a row is.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) sheet_no: i16,
    pub(crate) row_no: i32,
    pub(crate) student_id: i64,
    pub(crate) item: String,
}

/// The origins of the rows at some places.
pub(crate) async fn origins(tx: &mut TenantTx, id: BatchId, places: &[(i16, i32)]) -> Result<Vec<Origin>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Origin,
        "select r.sheet_no, r.row_no, r.student_id, r.item
         from submission.roster_row r
         join unnest($3::smallint[], $4::integer[]) as p (sheet_no, row_no) using (sheet_no, row_no)
         where r.school_code = $1 and r.batch_id = $2",
        school.as_str(),
        id.get(),
        &places.iter().map(|place| place.0).collect::<Vec<_>>(),
        &places.iter().map(|place| place.1).collect::<Vec<_>>()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// A student as the staff know them.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) student_no: String,
    pub(crate) name: String,
    pub(crate) class_id: Option<i64>,
    pub(crate) class_name: String,
    pub(crate) seat_no: Option<i16>,
}

/// The students of some ids.
pub(crate) async fn named(tx: &mut TenantTx, ids: &[i64]) -> Result<Vec<Named>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Named,
        r#"select s.id, s.student_no, s.name, s.class_id, coalesce(c.name, '') as "class_name!", s.seat_no
           from school.student s left join school.class c on c.school_code = s.school_code and c.id = s.class_id
           where s.school_code = $1 and s.id = any($2)
           order by c.code, s.seat_no, s.student_no"#,
        school.as_str(),
        ids
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Files of a batch with whose they are, for the package by hand.
#[derive(Debug)]
pub(crate) struct PackedFile {
    pub(crate) student_no: String,
    pub(crate) name: String,
    pub(crate) sheet_no: i16,
    pub(crate) row_no: i32,
    pub(crate) sha256: Vec<u8>,
    pub(crate) media_type: String,
}

/// The files in the order of the rows; the type is what the checked content said.
pub(crate) async fn files(tx: &mut TenantTx, id: BatchId) -> Result<Vec<PackedFile>, Error> {
    let school = tx.school();
    let files = sqlx::query_as!(
        PackedFile,
        r#"select s.student_no, s.name, r.sheet_no, r.row_no, h.sha256 as "sha256!",
                  coalesce((select f.media_type from portfolio.file f
                            where f.school_code = r.school_code and f.student_id = r.student_id and f.sha256 = h.sha256
                            limit 1), '') as "media_type!"
           from submission.roster_row r
           join school.student s on s.school_code = r.school_code and s.id = r.student_id
           cross join lateral (values (1, r.document_sha256), (2, r.media_sha256)) as h (slot, sha256)
           where r.school_code = $1 and r.batch_id = $2 and h.sha256 is not null
           order by r.sheet_no, r.row_no, h.slot"#,
        school.as_str(),
        id.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(files)
}
