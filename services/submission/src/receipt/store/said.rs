//! What students say of a receipt, and what the office answers.

use crate::receipt::{Kind, USUAL_ERROR_CODES};
use kernel::{
    calendar::AcademicYear,
    ids::{DisputeId, StudentId},
};
use store::{Error, TenantTx};
use time::OffsetDateTime;

/// What the central database holds of a student now, by roster.
#[derive(Debug)]
pub(crate) struct HeldRow {
    pub(crate) kind: String,
    pub(crate) rows_sealed: Vec<u8>,
    pub(crate) imported_at: OffsetDateTime,
}

pub(crate) async fn held(tx: &mut TenantTx, student: StudentId, year: AcademicYear) -> Result<Vec<HeldRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        HeldRow,
        "select r.kind, r.rows_sealed, b.imported_at
         from submission.receipt_row r
         join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
         join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
         where r.school_code = $1 and r.student_id = $2 and b.academic_year = $3 and p.superseded_at is null
         order by r.roster_code, r.term",
        school.as_str(),
        student.get(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The newest year of which the central database holds something of a student.
pub(crate) async fn newest_year(tx: &mut TenantTx, student: StudentId) -> Result<Option<AcademicYear>, Error> {
    let school = tx.school();
    let year = sqlx::query_scalar!(
        "select max(b.academic_year)
         from submission.receipt_row r
         join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
         join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
         where r.school_code = $1 and r.student_id = $2 and p.superseded_at is null",
        school.as_str(),
        student.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(year.and_then(|year| AcademicYear::new(year).ok()))
}

/// Where a student stands with one kind.
#[derive(Debug)]
pub(crate) struct KindRow {
    pub(crate) kind: String,
    /// Of everything held now: what a confirmation is bound to.
    pub(crate) hash: Vec<u8>,
    pub(crate) confirmed_at: Option<OffsetDateTime>,
}

pub(crate) async fn kinds(tx: &mut TenantTx, student: StudentId, year: AcademicYear) -> Result<Vec<KindRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        KindRow,
        r#"select h.kind as "kind!", h.hash as "hash!", c.confirmed_at as "confirmed_at?"
           from (select r.kind, sha256(string_agg(r.rows_hash, ''::bytea order by r.roster_code, r.term)) as hash
                 from submission.receipt_row r
                 join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
                 join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
                 where r.school_code = $1 and r.student_id = $2 and b.academic_year = $3 and p.superseded_at is null
                 group by r.kind) h
           left join submission.receipt_confirmation c on c.school_code = $1 and c.student_id = $2
             and c.academic_year = $3 and c.kind = h.kind and c.rows_hash = h.hash"#,
        school.as_str(),
        student.get(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Writes a confirmation of what is held now.
pub(crate) async fn confirm(
    tx: &mut TenantTx,
    student: StudentId,
    year: AcademicYear,
    (kind, hash): (Kind, &[u8]),
) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "insert into submission.receipt_confirmation (school_code, student_id, academic_year, kind, rows_hash, confirmed_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        school.as_str(),
        student.get(),
        year.get(),
        kind.code(),
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// A report that ends a confirmation: who finds something wrong no longer says that all is right.
pub(crate) async fn unconfirm(
    tx: &mut TenantTx,
    student: StudentId,
    year: AcademicYear,
    kind: Kind,
) -> Result<bool, Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "delete from submission.receipt_confirmation
         where school_code = $1 and student_id = $2 and academic_year = $3 and kind = $4",
        school.as_str(),
        student.get(),
        year.get(),
        kind.code()
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a student reports.
#[derive(Debug)]
pub(crate) struct NewDispute {
    pub(crate) kind: Kind,
    pub(crate) sheet: String,
    pub(crate) error_code: String,
    pub(crate) body: String,
}

pub(crate) async fn file_dispute(
    tx: &mut TenantTx,
    student: StudentId,
    year: AcademicYear,
    dispute: &NewDispute,
) -> Result<DisputeId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        "insert into submission.receipt_dispute (school_code, student_id, academic_year, kind, sheet, error_code, body, filed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        school.as_str(),
        student.get(),
        year.get(),
        dispute.kind.code(),
        dispute.sheet,
        dispute.error_code,
        dispute.body,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// A report with what became of it.
#[derive(Debug)]
pub(crate) struct Dispute {
    pub(crate) id: i64,
    pub(crate) student_no: String,
    pub(crate) name: String,
    pub(crate) class_name: String,
    pub(crate) kind: String,
    pub(crate) sheet: String,
    pub(crate) error_code: String,
    pub(crate) body: String,
    pub(crate) filed_at: OffsetDateTime,
    pub(crate) answer: Option<String>,
    pub(crate) answered_at: Option<OffsetDateTime>,
}

/// The reports of a year, those without an answer first; of one student or of all.
pub(crate) async fn disputes(
    tx: &mut TenantTx,
    year: AcademicYear,
    student: Option<StudentId>,
) -> Result<Vec<Dispute>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Dispute,
        r#"select d.id, s.student_no, s.name, coalesce(c.name, '') as "class_name!", d.kind, d.sheet,
                  d.error_code, d.body, d.filed_at, d.answer, d.answered_at
           from submission.receipt_dispute d
           join school.student s on s.school_code = d.school_code and s.id = d.student_id
           left join school.class c on c.school_code = s.school_code and c.id = s.class_id
           where d.school_code = $1 and d.academic_year = $2 and ($3::bigint is null or d.student_id = $3)
           order by (d.answered_at is not null), d.filed_at"#,
        school.as_str(),
        year.get(),
        student.map(StudentId::get)
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The year of a report of the school.
pub(crate) async fn year_of_dispute(tx: &mut TenantTx, id: DisputeId) -> Result<Option<AcademicYear>, Error> {
    let school = tx.school();
    let year = sqlx::query_scalar!(
        "select academic_year from submission.receipt_dispute where school_code = $1 and id = $2",
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(year.and_then(|year| AcademicYear::new(year).ok()))
}

/// Answers a report once; says whose it was.
pub(crate) async fn answer(tx: &mut TenantTx, id: DisputeId, text: &str) -> Result<i64, Error> {
    let (school, now) = (tx.school(), tx.now());
    let by = tx.ctx().staff().map(kernel::ids::StaffId::get);
    let student = sqlx::query_scalar!(
        "update submission.receipt_dispute set answer = $3, answered_by = $4, answered_at = $5
         where school_code = $1 and id = $2 and answered_at is null returning student_id",
        school.as_str(),
        id.get(),
        text,
        by,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    student.ok_or(Error::Stale)
}

/// The school's error codes, or the usual ones while it has none.
pub(crate) async fn error_codes(tx: &mut TenantTx) -> Result<Vec<(String, String)>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        "select code, label from submission.receipt_error_code where school_code = $1 order by code",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    if rows.is_empty() {
        return Ok(USUAL_ERROR_CODES.map(|(code, label)| (code.to_owned(), label.to_owned())).to_vec());
    }
    Ok(rows.into_iter().map(|row| (row.code, row.label)).collect())
}

/// Replaces the school's list.
pub(crate) async fn replace_error_codes(tx: &mut TenantTx, codes: &[(String, String)]) -> Result<(), Error> {
    let school = tx.school();
    sqlx::query!("delete from submission.receipt_error_code where school_code = $1", school.as_str())
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into submission.receipt_error_code (school_code, code, label) select $1, * from unnest($2::text[], $3::text[])",
        school.as_str(),
        &codes.iter().map(|(code, _)| code.clone()).collect::<Vec<_>>(),
        &codes.iter().map(|(_, label)| label.clone()).collect::<Vec<_>>()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How far a class has come: students by what they said.
#[derive(Debug)]
pub(crate) struct ClassCount {
    pub(crate) name: String,
    pub(crate) students: i64,
    pub(crate) confirmed: i64,
    pub(crate) disputed: i64,
}

impl ClassCount {
    pub(crate) fn open(&self) -> i64 {
        self.students - self.confirmed - self.disputed
    }
}

/// Students with a receipt, by class. Disputed: a kind was reported and not confirmed since; confirmed: all kinds are.
pub(crate) async fn class_counts(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<ClassCount>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        ClassCount,
        r#"with held as (
             select r.student_id, r.kind, sha256(string_agg(r.rows_hash, ''::bytea order by r.roster_code, r.term)) as hash
             from submission.receipt_row r
             join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
             join submission.receipt_batch b on b.school_code = r.school_code and b.id = r.receipt_batch_id
             where r.school_code = $1 and b.academic_year = $2 and p.superseded_at is null
             group by r.student_id, r.kind),
           said as (
             select h.student_id, bool_and(c.kind is not null) as confirmed,
                    bool_or(c.kind is null and exists (
                      select from submission.receipt_dispute d where d.school_code = $1 and d.student_id = h.student_id
                        and d.academic_year = $2 and d.kind = h.kind)) as disputed
             from held h
             left join submission.receipt_confirmation c on c.school_code = $1 and c.student_id = h.student_id
               and c.academic_year = $2 and c.kind = h.kind and c.rows_hash = h.hash
             group by h.student_id)
           select coalesce(c.name, '未編班') as "name!", count(*) as "students!",
                  count(*) filter (where said.confirmed) as "confirmed!",
                  count(*) filter (where said.disputed) as "disputed!"
           from said
           join school.student s on s.school_code = $1 and s.id = said.student_id
           left join school.class c on c.school_code = $1 and c.id = s.class_id
           group by c.id, c.name, c.grade, c.code order by c.grade, c.code"#,
        school.as_str(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The grade that the student was in that year, for its window: today's grade is that of the class's year.
pub(crate) async fn grade(tx: &mut TenantTx, student: StudentId, year: AcademicYear) -> Result<i16, Error> {
    let school = tx.school();
    let grade = sqlx::query_scalar!(
        r#"select greatest(s.grade - (coalesce(k.academic_year, s.entry_year + s.grade - 1) - $3::smallint), 1)::smallint as "grade!"
           from school.student s
           left join school.class k on k.school_code = s.school_code and k.id = s.class_id
           where s.school_code = $1 and s.id = $2"#,
        school.as_str(),
        student.get(),
        year.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    grade.ok_or(Error::Stale)
}
