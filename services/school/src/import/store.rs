//! The SQL of imports, but for the writing of rosters itself.

use super::{
    Counts, Finding, Import, NewImport,
    kind::Kind,
    reading::{ClassRow, Known, StaffRow, StudentRow},
};
use kernel::ids::ImportId;
use sqlx::types::Json;
use store::{Error, TenantTx};
use time::OffsetDateTime;

/// An import reads and writes a whole school: it may take longer than a page.
pub(super) async fn patience(tx: &mut TenantTx) -> Result<(), Error> {
    sqlx::query("set local statement_timeout = '60s'").execute(tx.conn()).await?;
    // the file is parsed while the transaction waits: it holds the lock that keeps a second import out
    sqlx::query("set local idle_in_transaction_session_timeout = '120s'").execute(tx.conn()).await?;
    Ok(())
}

/// Keeps every other import of the school waiting until this transaction ends.
pub(super) async fn lock(tx: &mut TenantTx) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!("select pg_advisory_xact_lock(hashtext('school.import'), hashtext($1))", school.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The domain in front of the school's student numbers.
pub(super) async fn account_prefix(tx: &mut TenantTx) -> Result<String, Error> {
    let school = tx.school();
    Ok(sqlx::query_scalar!("select account_prefix from school.school where school_code = $1", school.as_str())
        .fetch_one(tx.conn())
        .await?)
}

/// Everything by which a file may name a row of the school.
pub(super) async fn known(tx: &mut TenantTx, year: i16) -> Result<Known, Error> {
    let school = tx.school();
    let students = sqlx::query!(
        "select id, student_no, national_id_index, birth_date, grade from school.student where school_code = $1",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    let students = students.into_iter().map(|row| StudentRow {
        id: row.id,
        student_no: row.student_no,
        index: row.national_id_index.try_into().unwrap_or_default(),
        birth_date: row.birth_date,
        grade: row.grade,
    });
    let staff = sqlx::query_as!(
        StaffRow,
        "select id, account, name from school.staff where school_code = $1 and left_at is null",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    let classes = sqlx::query_as!(
        ClassRow,
        "select id, code, name from school.class where school_code = $1 and academic_year = $2",
        school.as_str(),
        year
    )
    .fetch_all(tx.conn())
    .await?;
    let codes = sqlx::query!(
        "select course_code, subject_name, credits from school.course_code where school_code = $1",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    let mut known = Known::new(students.collect(), staff, classes);
    known.course_codes = codes.into_iter().map(|row| (row.course_code, (row.subject_name, row.credits))).collect();
    Ok(known)
}

/// Keeps a dry run.
pub(super) async fn insert(tx: &mut TenantTx, import: &NewImport<'_>) -> Result<ImportId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let by = tx.ctx().actor.person.map_or(0, kernel::ids::PersonId::get);
    let id = sqlx::query_scalar!(
        "insert into school.import (school_code, kind, academic_year, term, file_name, file_sha256, sealed_sha256, file_size,
                                    fingerprint, counts, findings, held_reason, uploaded_by, uploaded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id",
        school.as_str(),
        import.kind.code(),
        import.academic_year,
        import.term,
        import.file_name,
        import.file_sha256.as_slice(),
        import.sealed_sha256.as_slice(),
        i64::try_from(import.file_size).unwrap_or(i64::MAX),
        import.fingerprint.as_slice(),
        Json(import.counts) as _,
        Json(&import.findings) as _,
        import.held_reason,
        by,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// A row of `school.import`.
struct Row {
    id: i64,
    kind: String,
    academic_year: i16,
    term: i16,
    file_name: String,
    file_sha256: Vec<u8>,
    sealed_sha256: Vec<u8>,
    fingerprint: Vec<u8>,
    counts: Json<Counts>,
    held_reason: Option<String>,
    uploaded_at: OffsetDateTime,
    applied_at: Option<OffsetDateTime>,
    reverted_at: Option<OffsetDateTime>,
}

impl Row {
    /// A kind that this version doesn't know any more is not shown.
    fn import(self) -> Option<Import> {
        Some(Import {
            id: self.id.into(),
            kind: Kind::from_code(&self.kind)?,
            academic_year: self.academic_year,
            term: self.term,
            file_name: self.file_name,
            file_sha256: self.file_sha256.try_into().ok()?,
            sealed_sha256: self.sealed_sha256.try_into().ok()?,
            counts: self.counts.0,
            held_reason: self.held_reason,
            fingerprint: self.fingerprint,
            uploaded_at: self.uploaded_at,
            applied_at: self.applied_at,
            reverted_at: self.reverted_at,
        })
    }
}

/// The school's imports, the youngest first.
pub(super) async fn list(tx: &mut TenantTx, limit: i64) -> Result<Vec<Import>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Row,
        r#"select id, kind, academic_year, term, file_name, file_sha256, sealed_sha256, fingerprint,
                  counts as "counts: Json<Counts>", held_reason, uploaded_at, applied_at, reverted_at
           from school.import where school_code = $1 order by id desc limit $2"#,
        school.as_str(),
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().filter_map(Row::import).collect())
}

/// One import.
pub(super) async fn find(tx: &mut TenantTx, id: ImportId) -> Result<Option<Import>, Error> {
    let school = tx.school();
    let row = sqlx::query_as!(
        Row,
        r#"select id, kind, academic_year, term, file_name, file_sha256, sealed_sha256, fingerprint,
                  counts as "counts: Json<Counts>", held_reason, uploaded_at, applied_at, reverted_at
           from school.import where school_code = $1 and id = $2"#,
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.and_then(Row::import))
}

/// The findings of one import.
pub(super) async fn findings(tx: &mut TenantTx, id: ImportId) -> Result<Vec<Finding>, Error> {
    let school = tx.school();
    let findings = sqlx::query_scalar!(
        r#"select findings as "findings: Json<Vec<Finding>>" from school.import where school_code = $1 and id = $2"#,
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(findings.map(|findings| findings.0).unwrap_or_default())
}

/// The import that may be taken back: the one that was applied last and not taken back, as long as its undo is kept.
pub(super) async fn last_applied(tx: &mut TenantTx) -> Result<Option<ImportId>, Error> {
    let school = tx.school();
    let id = sqlx::query_scalar!(
        "select id from (select id, undo_until from school.import
                         where school_code = $1 and applied_at is not null and reverted_at is null
                         order by applied_at desc, id desc limit 1) last
         where undo_until > $2",
        school.as_str(),
        tx.now()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(id.map(ImportId::from))
}

/// Marks an import that was checked as applied; [`Error::Stale`] if it is more than that already.
pub(super) async fn mark_applied(tx: &mut TenantTx, id: ImportId) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let by = tx.ctx().actor.person.map(kernel::ids::PersonId::get);
    let changed = sqlx::query!(
        "update school.import set applied_at = $3, applied_by = $4, undo_until = $5
         where school_code = $1 and id = $2 and applied_at is null",
        school.as_str(),
        id.get(),
        now,
        by,
        now + time::Duration::days(super::UNDO_DAYS)
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(changed.rows_affected())
}

/// Marks an applied import as taken back.
pub(super) async fn mark_reverted(tx: &mut TenantTx, id: ImportId) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let by = tx.ctx().actor.person.map(kernel::ids::PersonId::get);
    let changed = sqlx::query!(
        "update school.import set reverted_at = $3, reverted_by = $4
         where school_code = $1 and id = $2 and applied_at is not null and reverted_at is null",
        school.as_str(),
        id.get(),
        now,
        by
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(changed.rows_affected())
}

/// Whether anybody may administer the school.
pub(super) async fn has_administrator(tx: &mut TenantTx) -> Result<bool, Error> {
    let school = tx.school();
    let found = sqlx::query_scalar!(
        r#"select exists (select from school.staff_role r
                          join school.staff s on s.school_code = r.school_code and s.id = r.staff_id
                          where r.school_code = $1 and r.role = 'school_admin' and s.left_at is null) as "found!""#,
        school.as_str()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Takes the certifying off teachers whom an import added to a course that has a certifier already: the office's
/// appointment stands (F-094), a file only proposes one where there is none.
pub(super) async fn keep_certifiers(tx: &mut TenantTx, import: ImportId) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "with added as (
           select entity_id as id from school.import_undo
            where school_code = $1 and import_id = $2 and entity = 'section_teacher' and before is null)
         update school.section_teacher t set certifies = false
          where t.school_code = $1 and t.certifies and t.id in (select id from added)
            and exists (select from school.section_teacher o
                         where o.school_code = $1 and o.section_id = t.section_id and o.certifies
                           and o.id not in (select id from added))",
        school.as_str(),
        import.get()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes the undo of imports that may not be taken back any more.
pub(super) async fn drop_old_undo(tx: &mut TenantTx, now: OffsetDateTime) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!(
        "delete from school.import_undo where school_code = $1
         and import_id in (select id from school.import where school_code = $1 and undo_until <= $2)",
        school.as_str(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
