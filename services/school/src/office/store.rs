//! What the school has, counted.

use ::store::{Error, TenantTx};
use time::OffsetDateTime;

/// How much of everything the school has in a year and term.
pub(super) struct Totals {
    pub(super) students: i64,
    pub(super) staff: i64,
    pub(super) classes: i64,
    pub(super) sections: i64,
    pub(super) records: i64,
    pub(super) sections_without_certifier: i64,
    pub(super) classes_without_homeroom: i64,
}

/// Counts.
pub(super) async fn totals(tx: &mut TenantTx, year: i16, term: i16) -> Result<Totals, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Totals,
        r#"select
             (select count(*) from school.student where school_code = $1 and left_at is null) as "students!",
             (select count(*) from school.staff where school_code = $1 and left_at is null) as "staff!",
             (select count(*) from school.class where school_code = $1 and academic_year = $2) as "classes!",
             (select count(*) from school.section
               where school_code = $1 and academic_year = $2 and term = $3) as "sections!",
             (select count(*) from school.course_record
               where school_code = $1 and academic_year = $2 and term = $3 and withdrawn_at is null) as "records!",
             (select count(*) from school.section s
               where s.school_code = $1 and s.academic_year = $2 and s.term = $3
                 and not exists (select from school.section_teacher t
                                 join school.staff p on p.school_code = t.school_code and p.id = t.staff_id
                                 where t.school_code = $1 and t.section_id = s.id and t.certifies
                                   and p.left_at is null)) as "sections_without_certifier!",
             (select count(*) from school.class
               where school_code = $1 and academic_year = $2 and homeroom_staff_id is null) as "classes_without_homeroom!""#,
        school.as_str(),
        year,
        term
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The last applied import of a kind.
pub(super) struct LastImport {
    pub(super) kind: String,
    pub(super) id: i64,
    pub(super) applied_at: OffsetDateTime,
    pub(super) new: i64,
    pub(super) changed: i64,
    pub(super) errors: i64,
}

/// The last applied import of each kind.
pub(super) async fn last_imports(tx: &mut TenantTx) -> Result<Vec<LastImport>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        LastImport,
        r#"select distinct on (kind) kind, id, applied_at as "applied_at!",
                  coalesce((counts->>'new')::bigint, 0) as "new!", coalesce((counts->>'changed')::bigint, 0) as "changed!",
                  coalesce((counts->>'errors')::bigint, 0) as "errors!"
           from school.import
           where school_code = $1 and applied_at is not null and reverted_at is null
           order by kind, applied_at desc, id desc"#,
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?)
}
