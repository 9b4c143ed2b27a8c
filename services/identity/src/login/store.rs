//! The directory of people: who a login name is, and which hats they have.

use std::cmp::Reverse;

use kernel::{actor::Subject, ids::PersonId, role::Role, school::SchoolCode};
use store::{Error, TenantTx};
use time::OffsetDateTime;
use web::Hat;

use super::LoginName;

/// How the city's own roles name their house.
const CITY_NAME: &str = "臺北市政府教育局";

/// The person that a login name of the city belongs to.
pub(crate) async fn person_of(tx: &mut TenantTx, login: &LoginName) -> Result<Option<PersonId>, Error> {
    let person = sqlx::query_scalar!("select person_id from identity.account where login = $1", login.as_str())
        .fetch_optional(tx.conn())
        .await?;
    Ok(person.map(PersonId::from))
}

struct Row {
    school_code: String,
    school_name: Option<String>,
    role: String,
    subject_id: Option<i64>,
    name: String,
    last_worn_at: Option<OffsetDateTime>,
}

/// The hats of a person: the one worn last first, then those with pages of their own, certification before all.
pub(crate) async fn hats_of(tx: &mut TenantTx, person: PersonId) -> Result<Vec<Hat>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select m.school_code, s.short_name as "school_name?", m.role, m.subject_id, m.name, m.last_worn_at
           from identity.membership m left join school.school s on s.school_code = m.school_code
           where m.person_id = $1"#,
        person.get()
    )
    .fetch_all(tx.conn())
    .await?;
    let mut hats: Vec<(Option<OffsetDateTime>, Hat)> =
        rows.into_iter().filter_map(|row| Some((row.last_worn_at, hat(row)?))).collect();
    hats.sort_by_key(|(worn, hat)| {
        (Reverse(*worn), web::home_path(hat) == "/", hat.role != Role::CourseTeacher, hat.role, hat.school)
    });
    Ok(hats.into_iter().map(|(_, hat)| hat).collect())
}

/// `None` for what this version doesn't know: a school or role that is gone gives no access.
fn hat(row: Row) -> Option<Hat> {
    let school: SchoolCode = row.school_code.parse().ok()?;
    let role: Role = row.role.parse().ok()?;
    let subject = match row.subject_id {
        Some(id) if role == Role::Student => Subject::Student(id.into()),
        Some(id) if !role.is_family() && !role.is_city() => Subject::Staff(id.into()),
        Some(_) => return None,
        // the city's own people, and the first administrator of a school that has no roster yet
        None if role.is_city() || role == Role::SchoolAdmin => Subject::City,
        None => return None,
    };
    let school_name = if school == SchoolCode::CITY { CITY_NAME.to_owned() } else { row.school_name? };
    (role.is_city() == (school == SchoolCode::CITY)).then_some(Hat {
        school,
        school_name,
        role,
        subject,
        name: row.name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(school: &str, role: &str, subject_id: Option<i64>) -> Row {
        Row {
            school_code: school.to_owned(),
            school_name: Some("華江高中".to_owned()),
            role: role.to_owned(),
            subject_id,
            name: "林小明".to_owned(),
            last_worn_at: None,
        }
    }

    /// design §2: the bureau reads counts; a school never gives the city's roles, the city's code never a school's.
    #[test]
    fn a_hat_needs_a_role_that_fits_its_house() {
        assert_eq!(hat(row("373302", "student", Some(7))).unwrap().subject, Subject::Student(7.into()));
        assert_eq!(hat(row("373302", "school_admin", Some(7))).unwrap().subject, Subject::Staff(7.into()));
        assert_eq!(hat(row("373302", "school_admin", None)).unwrap().subject, Subject::City);
        assert_eq!(hat(row("000000", "bureau", None)).unwrap().school_name, CITY_NAME);
        for (school, role, subject) in [
            ("373302", "bureau", None),
            ("000000", "school_admin", None),
            ("373302", "student", None),
            ("373302", "course_teacher", None),
            ("373302", "emperor", Some(1)),
        ] {
            assert!(hat(row(school, role, subject)).is_none(), "{role} at {school}");
        }
    }
}
