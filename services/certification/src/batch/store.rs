//! The SQL of batches.

use kernel::ids::{DecisionBatchId, StaffId};
use store::{Error, TenantTx};
use time::OffsetDateTime;

/// Begins a batch.
pub(crate) async fn create(tx: &mut TenantTx, staff: StaffId) -> Result<DecisionBatchId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        "insert into certification.decision_batch (school_code, decided_by, decided_at) values ($1, $2, $3) returning id",
        school.as_str(),
        staff.get(),
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// One decision of a batch.
pub(crate) struct Member {
    pub(crate) decision_id: i64,
    pub(crate) request_id: i64,
    pub(crate) academic_year: i16,
    pub(crate) class_name: String,
    pub(crate) seat_no: Option<i16>,
    pub(crate) student_name: String,
    pub(crate) subject_name: String,
    pub(crate) passed: bool,
    pub(crate) reason: String,
    pub(crate) decided_at: OffsetDateTime,
    pub(crate) publish_at: Option<OffsetDateTime>,
    pub(crate) revoked_at: Option<OffsetDateTime>,
}

/// The decisions of a teacher's own batch, those taken back too; empty: no such batch.
pub(crate) async fn members(tx: &mut TenantTx, staff: StaffId, batch: DecisionBatchId) -> Result<Vec<Member>, Error> {
    let school = tx.school();
    let members = sqlx::query_as!(
        Member,
        r#"select d.id as decision_id, d.request_id, d.academic_year, coalesce(c.name, '') as "class_name!", s.seat_no,
                  s.name as student_name, cr.subject_name, d.passed, d.reason, d.decided_at, d.publish_at, d.revoked_at
             from certification.decision_batch b
             join certification.decision d on d.school_code = $1 and d.batch_id = b.id
             join portfolio.certification_request q on q.school_code = $1 and q.id = d.request_id
             join school.student s on s.school_code = $1 and s.id = d.student_id
             left join school.class c on c.school_code = $1 and c.id = s.class_id
             join school.course_record cr on cr.school_code = $1 and cr.id = q.course_record_id
            where b.school_code = $1 and b.id = $2 and b.decided_by = $3
            order by c.code, s.seat_no, d.id"#,
        school.as_str(),
        batch.get(),
        staff.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(members)
}
