//! From the selection to the confirmed receipt, with the simulator of the central database as the other side.

mod batch;
mod precheck;
mod receipt;

use kernel::{calendar::AcademicYear, ids::StudentId, role::Role};
use serde_json::Value;
use testkit::{Answer, City, Visitor};
use time::Duration;

const SCHOOL: &str = "353302";
/// Looks at the central database before a test gives up; each waits there until something changes.
const LOOKS: usize = 60;

fn year(city: &City) -> i16 {
    AcademicYear::of_date(kernel::calendar::taipei_date(city.now())).get()
}

/// The selection is over: what is submitted no longer changes.
async fn close_selection(city: &City) {
    sqlx::query("update school.window_period set opens_at = $1, closes_at = $2 where kind in ('outcome_select', 'activity_select')")
        .bind(city.now() - Duration::days(30))
        .bind(city.now() - Duration::hours(1))
        .execute(&mut city.admin().await)
        .await
        .unwrap();
}

async fn open_confirmation(city: &City) {
    let mut admin = city.admin().await;
    sqlx::query("delete from school.window_period where kind = 'receipt_confirm'").execute(&mut admin).await.unwrap();
    sqlx::query(
        "insert into school.window_period (school_code, kind, academic_year, opens_at, closes_at)
         select school_code, 'receipt_confirm', $1, $2, $3 from school.school",
    )
    .bind(year(city))
    .bind(city.now() - Duration::days(1))
    .bind(city.now() + Duration::days(5))
    .execute(&mut admin)
    .await
    .unwrap();
}

async fn submitter(city: &City, roster: i16, school: &str) -> Visitor {
    let role = if matches!(roster, 24 | 25) { Role::ActivitySubmitter } else { Role::OutcomeSubmitter };
    city.login_as(role, school).await
}

async fn begin(city: &City, officer: &Visitor, roster: i16, adapter: &str) -> Answer {
    let (roster, year) = (roster.to_string(), year(city).to_string());
    let form = [("roster", roster.as_str()), ("year", &year), ("term", "1"), ("adapter", adapter)];
    officer.post_form("submission/batches", &form).await
}

/// Begins a batch, has it built, and gives its path.
async fn build(city: &City, officer: &Visitor, roster: i16, adapter: &str) -> String {
    let path = begin(city, officer, roster, adapter).await.expect(303).location().to_owned();
    city.drain_jobs().await;
    path
}

async fn state(officer: &Visitor, batch: &str) -> String {
    let status: Value = officer.get_json(&format!("{batch}/status")).await.expect(200).json();
    status["state"].as_str().unwrap().to_owned()
}

/// Hands a batch over and follows it to its end.
async fn hand_over(city: &City, officer: &Visitor, batch: &str) -> String {
    officer.post_form(&format!("{batch}/notice"), &[]).await.expect(303);
    for _ in 0..LOOKS {
        city.drain_jobs().await;
        let state = state(officer, batch).await;
        if matches!(state.as_str(), "rejected" | "receipt_ready") {
            return state;
        }
        city.pass(Duration::seconds(20));
    }
    panic!("still under way: {}", officer.get(batch).await.summary());
}

async fn count(city: &City, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut city.admin().await).await.unwrap()
}

async fn first_student(city: &City) -> StudentId {
    let id: i64 = sqlx::query_scalar("select min(student_id) from submission.receipt_row")
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    id.into()
}
