//! The directory of people follows the schools' rosters.

use super::{PASSWORD, SCHOOL, by_directory, in_directory, is_in, login_of};
use kernel::role::Role;
use serde_json::Value;
use store::{Audit, jobs::Job};
use testkit::City;

/// What an import ends with.
async fn sync(city: &City) -> Value {
    let db = city.db("school");
    let mut tx = db.write(&city.system(SCHOOL), "test.import").await.unwrap();
    tx.enqueue(Job::new("identity.sync_school", serde_json::json!({})));
    tx.audit(Audit::general("test.import", "import"));
    tx.commit().await.unwrap();
    assert!(city.drain_jobs().await >= 1);
    sqlx::query_scalar("select after from app.audit where action = 'roster.sync' order by at desc, id desc limit 1")
        .fetch_one(&mut city.admin().await)
        .await
        .expect("the counts")
}

async fn run(city: &City, sql: &'static str) {
    sqlx::query(sql).execute(&mut city.admin().await).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn roles(city: &City, login: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select m.role from identity.account a join identity.membership m using (person_id)
         where a.login = $1 and m.school_code = $2 order by 1",
    )
    .bind(login)
    .bind(SCHOOL)
    .fetch_all(&mut city.admin().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn doing_it_again_changes_nothing() {
    let city = City::up().await;
    sync(&city).await;
    let again = sync(&city).await;
    let changed = again.as_object().unwrap().values().any(|count| count != 0);
    assert!(!changed, "{again}");
}

#[tokio::test]
async fn who_comes_gets_a_hat_and_who_leaves_loses_it() {
    let city = City::up().await;
    sync(&city).await;
    let leaver = login_of(&city, Role::Student).await;
    in_directory(&leaver).await;
    let browser = city.visitor();
    by_directory(&browser, &leaver, PASSWORD, "").await.expect(303);
    run(
        &city,
        "update school.student set left_at = now() where school_code = '343303'
           and id = (select min(id) from school.student where school_code = '343303')",
    )
    .await;
    run(
        &city,
        "insert into school.student (school_code, student_no, account, name, national_id_sealed, national_id_index,
           national_id_masked, birth_date, entry_year)
         values ('343303', 'new1', 'NewStudent1', '新生', '', '\\x01', 'A1*****789', '2010-01-01', 115)",
    )
    .await;
    // a teacher without a national id is known by the account
    run(
        &city,
        "with teacher as (insert into school.staff (school_code, account, name) values ('343303', 'newteacher', '新老師')
                          returning id)
         insert into school.staff_role (school_code, staff_id, role)
         select '343303', id, unnest(array['course_counsellor', 'working_group', 'bureau']) from teacher",
    )
    .await;
    sync(&city).await;
    assert!(!is_in(&browser).await, "the session of somebody who left is over");
    by_directory(&browser, &leaver, PASSWORD, "").await.expect(403);
    assert_eq!(roles(&city, "newstudent1").await, ["student"]);
    // the city's own roles are not a school's to give
    assert_eq!(roles(&city, "newteacher").await, ["course_counsellor", "working_group"]);

    // another spelling of the account, a corrected national id and a new name: the person stays
    let before: i64 = sqlx::query_scalar("select person_id from identity.account where login = 'newstudent1'")
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    run(
        &city,
        "update school.student set account = 'renamed1', national_id_index = '\\x02', name = '改名'
         where school_code = '343303' and student_no = 'new1'",
    )
    .await;
    sync(&city).await;
    let after: (i64, String) = sqlx::query_as(
        "select a.person_id, m.name from identity.account a join identity.membership m using (person_id)
         where a.login = 'renamed1'",
    )
    .fetch_one(&mut city.admin().await)
    .await
    .unwrap();
    assert_eq!(after, (before, "改名".to_owned()));
    assert_eq!(roles(&city, "newstudent1").await, [""; 0], "the old name opens nothing any more");
}

/// a person is city-wide, an enrolment belongs to a school.
#[tokio::test]
async fn a_student_of_two_schools_is_one_person() {
    let city = City::up().await;
    run(
        &city,
        "insert into school.student (school_code, student_no, account, name, national_id_sealed, national_id_index,
           national_id_masked, birth_date, entry_year)
         select '343303', 'guest1', account, name, national_id_sealed, national_id_index, national_id_masked, birth_date,
           entry_year
         from school.student where school_code = '353302' order by id limit 1",
    )
    .await;
    sync(&city).await;
    let schools: Vec<String> = sqlx::query_scalar(
        "select m.school_code from identity.membership m where m.role = 'student' and m.person_id =
           (select person_id from identity.membership n join school.student s
              on s.school_code = n.school_code and s.id = n.subject_id
            where s.student_no = 'guest1' and n.school_code = '343303' and n.role = 'student') order by 1",
    )
    .fetch_all(&mut city.admin().await)
    .await
    .unwrap();
    assert_eq!(schools, ["343303", "353302"]);
}
