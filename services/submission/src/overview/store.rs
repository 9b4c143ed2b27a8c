//! The SQL of the overview: counts by class, items by student.

use super::{ClassRow, spread};
use kernel::{
    calendar::AcademicYear,
    ids::{ClassId, StaffId},
};
use store::{Error, TenantTx};

/// Every class of the school, or those of one homeroom teacher, with how much its students selected.
pub(crate) async fn classes(
    tx: &mut TenantTx,
    year: AcademicYear,
    homeroom: Option<StaffId>,
) -> Result<Vec<ClassRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"with counted as (
             select s.class_id,
                    (select count(*) from portfolio.outcome_selection o
                      where o.school_code = $1 and o.student_id = s.id and o.academic_year = $2) as outcomes,
                    (select count(*) from portfolio.activity_selection a
                      where a.school_code = $1 and a.student_id = s.id and a.academic_year = $2) as activities
             from school.student s where s.school_code = $1 and s.left_at is null)
           select c.id as "id?", coalesce(c.name, '未編班') as "name!", coalesce(c.grade, 0::smallint) as "grade!",
                  array_agg(k.outcomes) as "outcomes!", array_agg(k.activities) as "activities!"
           from counted k left join school.class c on c.school_code = $1 and c.id = k.class_id
           where $3::bigint is null or c.homeroom_staff_id = $3
           group by c.id, c.name, c.grade, c.code order by c.grade, c.code"#,
        school.as_str(),
        year.get(),
        homeroom.map(StaffId::get)
    )
    .fetch_all(tx.conn())
    .await?;
    let class = rows.into_iter().map(|row| ClassRow {
        id: row.id.map(Into::into),
        name: row.name,
        grade: row.grade,
        students: row.outcomes.len(),
        outcomes: spread(&row.outcomes),
        activities: spread(&row.activities),
    });
    Ok(class.collect())
}

/// A class and whose it is.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) homeroom_staff_id: Option<i64>,
}

pub(crate) async fn class(tx: &mut TenantTx, id: ClassId) -> Result<Option<Class>, Error> {
    let school = tx.school();
    let class = sqlx::query_as!(
        Class,
        "select name, homeroom_staff_id from school.class where school_code = $1 and id = $2",
        school.as_str(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(class)
}

/// A student of a class with what is selected.
#[derive(Debug)]
pub(crate) struct StudentRow {
    pub(crate) id: i64,
    pub(crate) student_no: String,
    pub(crate) name: String,
    pub(crate) seat_no: Option<i16>,
    /// Subjects of the selected outcomes.
    pub(crate) outcomes: Vec<String>,
    /// Titles of the selected activities.
    pub(crate) activities: Vec<String>,
}

pub(crate) async fn students(tx: &mut TenantTx, class: ClassId, year: AcademicYear) -> Result<Vec<StudentRow>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        StudentRow,
        r#"select s.id, s.student_no, s.name, s.seat_no,
                  array(select r.subject_name from portfolio.outcome_selection x
                        join portfolio.outcome o on o.school_code = x.school_code and o.id = x.outcome_id
                        join school.course_record r on r.school_code = o.school_code and r.id = o.course_record_id
                        where x.school_code = $1 and x.student_id = s.id and x.academic_year = $3
                        order by x.term, x.slot) as "outcomes!",
                  array(select a.title from portfolio.activity_selection x
                        join portfolio.activity a on a.school_code = x.school_code and a.id = x.activity_id
                        where x.school_code = $1 and x.student_id = s.id and x.academic_year = $3
                        order by x.slot) as "activities!"
           from school.student s where s.school_code = $1 and s.class_id = $2 and s.left_at is null
           order by s.seat_no, s.student_no"#,
        school.as_str(),
        class.get(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
