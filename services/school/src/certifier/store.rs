//! The SQL of appointments.

use super::{Section, Teacher};
use ::store::{Audit, Error, TenantTx};
use kernel::ids::{SectionId, StaffId};

/// The sections of a term with several teachers, or with none who certifies.
pub(super) async fn sections(tx: &mut TenantTx, year: i16, term: i16) -> Result<Vec<Section>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        "select s.id, s.name, s.subject_name, p.id as staff_id, p.name as staff_name, t.certifies
         from school.section s
         join school.section_teacher t on t.school_code = s.school_code and t.section_id = s.id
         join school.staff p on p.school_code = t.school_code and p.id = t.staff_id
         where s.school_code = $1 and s.academic_year = $2 and s.term = $3 and p.left_at is null
         order by s.name, s.subject_name, s.id, t.id",
        school.as_str(),
        year,
        term
    )
    .fetch_all(tx.conn())
    .await?;
    let mut sections: Vec<Section> = Vec::new();
    for row in rows {
        let teacher = Teacher { id: row.staff_id, name: row.staff_name, certifies: row.certifies };
        match sections.last_mut().filter(|section| section.id == row.id) {
            Some(section) => section.teachers.push(teacher),
            None => {
                let (name, subject_name) = (row.name, row.subject_name);
                sections.push(Section { id: row.id, name, subject_name, teachers: vec![teacher] });
            }
        }
    }
    sections.retain(|section| section.teachers.len() > 1 || section.is_undecided());
    Ok(sections)
}

/// Appoints one of a section's teachers; [`Error::Stale`] if that teacher doesn't teach it any more.
pub(super) async fn appoint(tx: &mut TenantTx, section: SectionId, staff: StaffId) -> Result<(), Error> {
    let school = tx.school();
    let before = sqlx::query_scalar!(
        "select staff_id from school.section_teacher where school_code = $1 and section_id = $2 and certifies",
        school.as_str(),
        section.get()
    )
    .fetch_all(tx.conn())
    .await?;
    sqlx::query!(
        "update school.section_teacher set certifies = (staff_id = $3)
         where school_code = $1 and section_id = $2 and certifies <> (staff_id = $3)",
        school.as_str(),
        section.get(),
        staff.get()
    )
    .execute(tx.conn())
    .await?;
    let appointed = sqlx::query_scalar!(
        r#"select count(*) as "count!" from school.section_teacher
           where school_code = $1 and section_id = $2 and staff_id = $3 and certifies"#,
        school.as_str(),
        section.get(),
        staff.get()
    )
    .fetch_one(tx.conn())
    .await?;
    tx.expect_one(appointed.unsigned_abs())?;
    tx.audit(Audit::new("section.appoint_certifier", "section", section.get()).before(before).after([staff.get()]));
    Ok(())
}
