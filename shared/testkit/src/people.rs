//! Seeded people, logged in without the log-in page.

use kernel::{actor::Subject, ids::PersonId, role::Role, school::SchoolCode};
use sqlx::PgConnection;
use web::{Hat, Session, Web};

/// The n-th person (from 0) with a role at a school, in the order of the school's rows.
pub async fn nth(admin: &mut PgConnection, role: Role, school: &str, nth: i64) -> i64 {
    sqlx::query_scalar(
        "select person_id from identity.membership where role = $1 and school_code = $2
         order by subject_id, person_id offset $3 limit 1",
    )
    .bind(role.code())
    .bind(school)
    .bind(nth)
    .fetch_one(admin)
    .await
    .unwrap_or_else(|error| panic!("no {} number {nth} at {school}: {error}", role.code()))
}

/// Begins a session of a person wearing one of their hats; gives the hat and the cookie.
pub async fn log_in(
    web: &Web,
    admin: &mut PgConnection,
    (person, role, school): (i64, Role, SchoolCode),
) -> (Hat, String) {
    let hats = hats(admin, person).await;
    let active = hats.iter().position(|hat| hat.role == role && hat.school == school).expect("the hat asked for");
    let hat = hats[active].clone();
    let session = Session {
        person: PersonId::from(person),
        login: format!("person{person}"),
        hats,
        active,
        provider: "test".to_owned(),
        id_token: None,
        oidc_sid: None,
        device: String::new(),
        must_change_password: false,
        created_at: web.clock().now(),
        expires_at: None,
    };
    let token = web.sessions().create(&session).await.expect("a session in Redis");
    let cookie = token.set_cookie().to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
    (hat, cookie)
}

/// School, role, the row stood for, the person's name, the school's.
type Membership = (String, String, Option<i64>, String, Option<String>);

async fn hats(admin: &mut PgConnection, person: i64) -> Vec<Hat> {
    let rows: Vec<Membership> = sqlx::query_as(
        "select m.school_code, m.role, m.subject_id, m.name, s.short_name from identity.membership m
         left join school.school s using (school_code) where person_id = $1 order by 1, 2",
    )
    .bind(person)
    .fetch_all(admin)
    .await
    .expect("the memberships");
    rows.into_iter().map(hat).collect()
}

fn hat((school, role, subject, name, school_name): Membership) -> Hat {
    let role: Role = role.parse().expect("a known role");
    let subject = match (role, subject) {
        (Role::Student, Some(id)) => Subject::Student(id.into()),
        (_, Some(id)) => Subject::Staff(id.into()),
        (_, None) => Subject::City,
    };
    let school = school.parse().expect("a school code");
    Hat { school, school_name: school_name.unwrap_or_default(), role, subject, name }
}
