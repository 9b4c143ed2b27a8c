//! Rules as data (design §4): the rows become the numbers that one function judges by.

use kernel::{
    calendar::AcademicYear,
    rules::{Ruleset, SelectPeriod},
};
use testkit::City;

const SCHOOL: &str = "343303";

fn year(year: i16) -> AcademicYear {
    AcademicYear::new(year).expect("a year")
}

async fn numbers(city: &City, school: &str, of: i16) -> Ruleset {
    let mut tx = city.db("portfolio").read(&city.system(school), "test.rules").await.expect("a transaction");
    store::rules::load(&mut tx, year(of)).await.expect("the rules").0
}

/// Issue 2 §1.7: "rulesets for academic years 108 (2/5 MB, 3 per term) and 109 on (4/10 MB, 6 per year)".
#[tokio::test]
async fn the_rows_of_both_generations_are_the_rules_numbers() {
    let city = City::up().await;
    let first = numbers(&city, SCHOOL, 108).await;
    assert_eq!((first.document_max_bytes, first.media_max_bytes), (2 << 20, 5 << 20));
    assert_eq!((first.outcome_select_max, first.outcome_select_period), (3, SelectPeriod::Term));
    for of in [109, 115] {
        let numbers = numbers(&city, SCHOOL, of).await;
        assert_eq!((numbers.document_max_bytes, numbers.media_max_bytes), (4 << 20, 10 << 20));
        assert_eq!((numbers.outcome_select_max, numbers.outcome_select_period), (6, SelectPeriod::Year));
        assert_eq!(numbers, Ruleset::of(year(of)), "the migration and the code agree");
    }
    let beyond = numbers(&city, SCHOOL, 140).await;
    assert_eq!(beyond.academic_year, year(140), "a year without a row has the newest numbers");
}

#[tokio::test]
async fn a_school_overrides_what_it_may_for_itself_only() {
    let city = City::up().await;
    sqlx::query(
        "insert into school.ruleset_override (school_code, academic_year, outcome_upload_per_term, outcome_per_subject,
           certify_hours, counselling_max_bytes)
         values ($1, 115, 9, 99, 24, 99999999)
         on conflict (school_code, academic_year) do update set outcome_upload_per_term = 9, outcome_per_subject = 99,
           certify_hours = 24, counselling_max_bytes = 99999999",
    )
    .bind(SCHOOL)
    .execute(&mut city.admin().await)
    .await
    .expect("the override");
    let own = numbers(&city, SCHOOL, 115).await;
    assert_eq!((own.outcome_upload_per_term, own.certify_hours), (9, 24));
    assert_eq!(own.outcome_per_subject, own.outcome_upload_ceiling, "never above the city's ceiling");
    assert_eq!(own.counselling_max_bytes, 4 << 20, "only to be lowered");
    assert_eq!(own.outcome_select_max, 6, "not the school's to set");
    assert_eq!(numbers(&city, SCHOOL, 114).await.outcome_upload_per_term, 6, "that year only");
    assert_eq!(numbers(&city, "353302", 115).await.outcome_upload_per_term, 6, "that school only");
}

#[tokio::test]
async fn windows_are_read_with_their_year_term_and_grade() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    sqlx::query("delete from school.window_period where school_code = $1 and academic_year = 114")
        .bind(SCHOOL)
        .execute(&mut admin)
        .await
        .expect("the windows");
    sqlx::query(
        "insert into school.window_period (school_code, kind, academic_year, term, grade, opens_at, closes_at)
         values ($1, 'outcome_upload', 114, 2, 3, $2, $3), ($1, 'activity_upload', 114, 0, 0, $2, $3)",
    )
    .bind(SCHOOL)
    .bind(city.now())
    .bind(city.now() + time::Duration::hours(1))
    .execute(&mut admin)
    .await
    .expect("the windows");
    let mut tx = city.db("portfolio").read(&city.system(SCHOOL), "test.rules").await.expect("a transaction");
    let (_, windows) = store::rules::load(&mut tx, year(114)).await.expect("the rules");
    let mut found: Vec<(i16, Option<i16>, bool)> = windows
        .0
        .iter()
        .map(|window| (window.term.get(), window.grade, window.closes_at - window.opens_at == time::Duration::hours(1)))
        .collect();
    found.sort();
    assert_eq!(found, [(0, None, true), (2, Some(3), true)]);
}
