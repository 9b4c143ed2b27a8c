//! The SQL of counsellors' assignments.

use super::{Assignment, Choice};
use ::store::{Audit, Error, TenantTx};
use serde_json::json;

/// The classes of a year, and single students, with their counsellors.
pub(super) async fn list(tx: &mut TenantTx, year: i16) -> Result<Vec<Assignment>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Assignment,
        r#"select a.id, p.name as counsellor, coalesce(c.name, s.student_no || ' ' || s.name) as "whom!"
           from school.counsellor_assignment a
           join school.staff p on p.school_code = a.school_code and p.id = a.staff_id
           left join school.class c on c.school_code = a.school_code and c.id = a.class_id
           left join school.student s on s.school_code = a.school_code and s.id = a.student_id
           where a.school_code = $1 and (c.academic_year = $2 or s.left_at is null and s.id is not null)
           order by c.grade, c.code, s.student_no, p.name"#,
        school.as_str(),
        year
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The classes of a year.
pub(super) async fn classes(tx: &mut TenantTx, year: i16) -> Result<Vec<Choice>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Choice,
        "select id, name as label from school.class where school_code = $1 and academic_year = $2 order by grade, code",
        school.as_str(),
        year
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Staff who may be counsellors: all who have not left.
pub(super) async fn staff(tx: &mut TenantTx) -> Result<Vec<Choice>, Error> {
    let school = tx.school();
    Ok(sqlx::query_as!(
        Choice,
        r#"select id, name || '（' || account || '）' as "label!" from school.staff
           where school_code = $1 and left_at is null order by name, account"#,
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Assigns classes to a counsellor; those assigned already stay.
pub(super) async fn assign(tx: &mut TenantTx, staff: i64, classes: &[i64]) -> Result<(), Error> {
    let school = tx.school();
    let assigned = sqlx::query_scalar!(
        r#"select class_id as "class!" from school.counsellor_assignment
           where school_code = $1 and staff_id = $2 and class_id is not null"#,
        school.as_str(),
        staff
    )
    .fetch_all(tx.conn())
    .await?;
    for class in classes.iter().filter(|class| !assigned.contains(class)) {
        sqlx::query!(
            "insert into school.counsellor_assignment (school_code, staff_id, class_id) values ($1, $2, $3)",
            school.as_str(),
            staff,
            *class
        )
        .execute(tx.conn())
        .await?;
    }
    tx.audit(Audit::new("counsellor.assign", "staff", staff).after(json!({ "classes": classes })));
    Ok(())
}

/// Takes an assignment away.
pub(super) async fn remove(tx: &mut TenantTx, id: i64) -> Result<(), Error> {
    let school = tx.school();
    let removed = sqlx::query!(
        "delete from school.counsellor_assignment where school_code = $1 and id = $2
         returning staff_id, class_id, student_id",
        school.as_str(),
        id
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::Stale)?;
    let before = json!({ "staff": removed.staff_id, "class": removed.class_id, "student": removed.student_id });
    tx.audit(Audit::new("counsellor.remove", "counsellor_assignment", id).before(before));
    Ok(())
}
