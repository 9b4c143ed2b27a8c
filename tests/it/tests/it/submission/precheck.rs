//! What is found before a roster is built.

use super::{SCHOOL, begin, build, close_selection, submitter, year};
use sqlx::Row as _;
use testkit::City;

/// Issue 2 §3.9: the precheck "lists every problem with a link".
#[tokio::test]
async fn the_precheck_names_a_file_that_the_storage_does_not_hold() {
    let city = City::up().await;
    close_selection(&city).await;
    let mut admin = city.admin().await;
    let row = sqlx::query(
        "select f.id, f.student_id, s.decision_id from portfolio.outcome_selection s
         join portfolio.file f on f.school_code = s.school_code and f.outcome_id = s.outcome_id and f.slot = 1
         where s.school_code = $1 order by f.id limit 1",
    )
    .bind(SCHOOL)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    let (file, student, decision): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let precheck = |of: &'static str| format!("submission/precheck?roster=26&year={}{of}", year(&city));
    let officer = submitter(&city, 26, SCHOOL).await;
    let clean = officer.get(&precheck("")).await.expect(200);
    assert!(!clean.has("#errors"), "the seed is clean: {}", clean.summary());

    let change = |sql: &'static str, id: i64| sqlx::query(sql).bind(SCHOOL).bind(id).bind(vec![9u8; 32]);
    change("update portfolio.file set sha256 = $3 where school_code = $1 and id = $2", file)
        .execute(&mut admin)
        .await
        .unwrap();
    let changed = officer.get(&precheck("")).await.expect(200);
    assert!(changed.text().contains("和老師認證時看到的不同"), "{}", changed.summary());
    let link = changed.attributes("tbody a", "href").remove(0);
    assert!(link.ends_with(&format!("#student-{student}")), "{link}");
    officer.get(link.split('#').next().unwrap()).await.expect(200);

    change("update certification.decision set document_sha256 = $3 where school_code = $1 and id = $2", decision)
        .execute(&mut admin)
        .await
        .unwrap();
    let lost = officer.get(&precheck("")).await.expect(200);
    assert!(lost.text().contains("儲存空間裡找不到這個檔案"), "{}", lost.summary());

    change("update certification.decision set revoked_at = now() where school_code = $1 and id = $2 and $3::bytea is not null", decision)
        .execute(&mut admin)
        .await
        .unwrap();
    assert!(officer.get(&precheck("")).await.expect(200).text().contains("認證已被撤回"));
    begin(&city, &officer, 26, "api").await.expect(422);
}

/// Domain §6.3: who is suspended within the year is deferred; the rest goes.
#[tokio::test]
async fn a_suspended_student_is_left_out_with_a_reminder() {
    let city = City::up().await;
    close_selection(&city).await;
    let student: i64 = sqlx::query_scalar(
        "update school.student set status_code = '341', status_date = $2
         where school_code = $1 and id = (select min(student_id) from portfolio.outcome_selection where school_code = $1)
         returning id",
    )
    .bind(SCHOOL)
    .bind(city.now().date())
    .fetch_one(&mut city.admin().await)
    .await
    .unwrap();
    let officer = submitter(&city, 26, SCHOOL).await;
    let page = officer.get(&format!("submission/precheck?roster=26&year={}", year(&city))).await.expect(200);
    assert!(page.has("#warnings") && page.text().contains("休學"), "{}", page.summary());
    build(&city, &officer, 26, "manual").await;
    let sent: i64 = sqlx::query_scalar("select count(*) from submission.roster_row where student_id = $1")
        .bind(student)
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    assert_eq!(sent, 0);
}

/// Domain §4.4: "Only courses with credit in the student's course record may carry outcomes": one that was taken away is
/// named, and the student finds its outcome to unselect it.
#[tokio::test]
async fn an_outcome_of_a_course_that_was_taken_away_is_named_and_found() {
    let city = City::up().await;
    close_selection(&city).await;
    let row = sqlx::query(
        "update school.course_record r set withdrawn_at = now() from portfolio.outcome o
         where r.school_code = $1 and o.school_code = r.school_code and o.course_record_id = r.id
           and o.id = (select min(outcome_id) from portfolio.outcome_selection where school_code = $1 and academic_year = $2)
         returning o.id, o.student_id, o.academic_year",
    )
    .bind(SCHOOL)
    .bind(year(&city))
    .fetch_one(&mut city.admin().await)
    .await
    .unwrap();
    let (outcome, student, of): (i64, i64, i16) = (row.get(0), row.get(1), row.get(2));
    let officer = submitter(&city, 26, SCHOOL).await;
    let page = officer.get(&format!("submission/precheck?roster=26&year={}", year(&city))).await.expect(200);
    assert!(page.text().contains("已移除這門課的修課紀錄"), "{}", page.summary());
    let list = city.login_student(SCHOOL, student.into()).await.get(&format!("outcomes?year={of}")).await.expect(200);
    assert!(list.text().contains("學校已移除"), "{}", list.summary());
    assert!(list.attributes("main a", "href").iter().any(|href| href.ends_with(&format!("/outcomes/{outcome}"))));
}
