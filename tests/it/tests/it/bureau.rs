//! The bureau's page (issue 2 §3.12).

use kernel::calendar::{AcademicYear, taipei_date};
use kernel::role::Role;
use sqlx::PgConnection;
use testkit::City;
use time::Duration;

const CITY: &str = "000000";
const SCHOOL: &str = "343303";

async fn number(admin: &mut PgConnection, sql: &str) -> i64 {
    let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(admin).await;
    found.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn digits(text: &str) -> i64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// The cells of one school's row.
async fn row(city: &City, school: &str) -> Vec<String> {
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let page = bureau.get("/bureau").await.expect(200);
    let names = page.texts(".table tbody th");
    let at = names.iter().position(|name| name.contains(school)).unwrap_or_else(|| panic!("{school} in {names:?}"));
    page.texts(".table tbody td").chunks(8).nth(at).expect("eight cells").to_vec()
}

#[tokio::test]
async fn the_page_shows_what_the_rooms_counted() {
    let city = City::up().await;
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let empty = bureau.get("/bureau").await.expect(200);
    assert!(empty.text().contains("還沒有統計過") && !empty.has(".table"));

    city.round("bureau.progress").await;
    let page = bureau.get("/bureau").await.expect(200);
    assert_eq!(page.texts(".table tbody th").len(), 6);
    assert!(page.text().contains("統計於 0 秒前"));
    let cells = row(&city, SCHOOL).await;
    let mut admin = city.admin().await;
    let live = [
        "select count(*) from school.student where school_code = '343303' and left_at is null",
        "select count(*) from portfolio.outcome o where school_code = '343303' and academic_year =
           (select max(academic_year) from school.window_period)",
        "select count(*) from certification.decision where school_code = '343303' and passed and revoked_at is null
           and academic_year = (select max(academic_year) from school.window_period)",
        "select count(*) from portfolio.outcome_selection where school_code = '343303'
           and academic_year = (select max(academic_year) from school.window_period)",
    ];
    for (cell, sql) in cells.iter().zip(live) {
        assert_eq!(digits(cell), number(&mut admin, sql).await, "{sql}");
    }
    assert!(digits(&cells[0]) >= 40 && digits(&cells[1]) > 0 && digits(&cells[2]) > 0, "{cells:?}");
}

/// One picture a school, which says in words what it shows.
#[tokio::test]
async fn the_chart_can_be_read_without_eyes() {
    let city = City::up().await;
    city.round("bureau.progress").await;
    let page = city.login_as(Role::Bureau, CITY).await.get("/bureau").await.expect(200);
    let said = page.attributes(".bars svg[role=img]", "aria-label");
    assert_eq!(said.len(), 6);
    assert!(said.iter().all(|said| said.contains("已勾選") && said.contains('%')), "{said:?}");
    assert_eq!(page.attributes("[style]", "style"), Vec::<String>::new(), "the CSP allows no inline style");
    assert_eq!(page.attributes(".table thead th[aria-sort]", "aria-sort"), ["ascending"]);
}

#[tokio::test]
async fn a_school_that_let_the_selection_pass_is_overdue_until_it_submits() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    sqlx::query("delete from submission.roster_row").execute(&mut admin).await.expect("the administrator may");
    sqlx::query("delete from submission.batch").execute(&mut admin).await.expect("the administrator may");
    city.round("bureau.progress").await;
    assert_eq!(row(&city, SCHOOL).await[7], "未提交");

    sqlx::query("update school.window_period set closes_at = $1 where kind in ('outcome_select', 'activity_select')")
        .bind(city.now() + Duration::hours(1))
        .execute(&mut admin)
        .await
        .expect("the windows");
    city.pass(Duration::hours(2));
    city.round("bureau.progress").await;
    assert_eq!(row(&city, SCHOOL).await[7], "逾期");
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let late = bureau.get("/bureau?overdue=1").await.expect(200);
    assert_eq!(late.texts(".table tbody th").len(), 6);

    // two attempts: the last one counts, and one that was only built does not
    for (attempt, state, rows) in [(1, "rejected", 5), (2, "notified", 7), (3, "built", 9)] {
        sqlx::query(
            "insert into submission.batch (school_code, academic_year, term, roster_code, template_version, attempt,
               adapter, row_count, state, links_expire_at, created_by, created_at, changed_at)
             select $1, max(academic_year), 0, 26, 1, $2, 'api', $3, $4, $5, 1, $5, $5 from school.window_period",
        )
        .bind(SCHOOL)
        .bind(attempt as i16)
        .bind(rows)
        .bind(state)
        .bind(city.now())
        .execute(&mut admin)
        .await
        .expect("a batch");
    }
    city.round("bureau.progress").await;
    let cells = row(&city, SCHOOL).await;
    assert_eq!((cells[4].as_str(), cells[7].as_str()), ("7", "已提交"));
    assert_eq!(bureau.get("/bureau?overdue=1").await.expect(200).texts(".table tbody th").len(), 5);
}

/// "At most 60 s old": unchanged rows are not rewritten at every round, and never older than the promise.
#[tokio::test]
async fn the_recount_writes_what_changed_and_keeps_the_age_small() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    city.round("bureau.progress").await;
    let written = "select coalesce(sum(xmin::text::bigint), 0)::bigint from bureau.school_progress";
    let first = number(&mut admin, written).await;
    city.pass(Duration::seconds(20));
    city.round("bureau.progress").await;
    assert_eq!(number(&mut admin, written).await, first, "nothing changed, nothing written");
    city.pass(Duration::seconds(20));
    city.round("bureau.progress").await;
    let oldest: time::OffsetDateTime = sqlx::query_scalar("select min(updated_at) from bureau.school_progress")
        .fetch_one(&mut admin)
        .await
        .expect("the summary");
    assert!(city.now() - oldest < Duration::seconds(1), "{oldest}");

    city.pass(Duration::seconds(61));
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let stale = bureau.get("/bureau").await.expect(200);
    assert_eq!(stale.texts(".notice--bad").len(), 1, "a worker that doesn't count is noticed");
}

#[tokio::test]
async fn the_numbers_can_be_sorted_filtered_and_taken_along() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    sqlx::query("update school.student set left_at = now() where school_code = $1 and id % 2 = 0")
        .bind(SCHOOL)
        .execute(&mut admin)
        .await
        .expect("the students");
    city.round("bureau.progress").await;
    let bureau = city.login_as(Role::Operator, CITY).await;
    let page = bureau.get("/bureau?sort=students&order=asc").await.expect(200);
    assert!(page.texts(".table tbody th")[0].contains(SCHOOL), "the smallest first");
    assert_eq!(page.texts("[aria-sort=ascending]").len(), 1);
    let vocational = bureau.get("/bureau?kind=vocational").await.expect(200);
    let shown = vocational.texts(".table tbody th");
    assert!(!shown.is_empty() && shown.iter().all(|school| school.contains("技術型")), "{shown:?}");

    let link = vocational.attributes("a[href^='/bureau/progress.csv']", "href").remove(0);
    let file = bureau.get(&link).await.expect(200);
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(file.text().lines().count(), shown.len() + 1);
    let nonsense = bureau.get("/bureau?sort=%F0%9F%A4%B7&order=sideways&kind=nowhere").await.expect(200);
    assert!(nonsense.has(".empty"));
}

/// A school that plans ahead does not turn the page for the whole city; both years can be looked at.
#[tokio::test]
async fn the_year_is_the_citys_and_the_other_one_a_link_away() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let year = AcademicYear::of_date(taipei_date(city.now()));
    let [this_year, last_year] = [year, year.previous()].map(|year| year.to_string());
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let title = async || bureau.get("/bureau").await.expect(200).texts("h1").concat();
    // a window of next year, open by mistake, counts nothing
    sqlx::query(
        "insert into school.window_period (school_code, kind, academic_year, term, opens_at, closes_at)
         values ($1, 'outcome_select', $2, 0, $3, $4)",
    )
    .bind(SCHOOL)
    .bind(year.next().get())
    .bind(city.now() - Duration::days(1))
    .bind(city.now() + Duration::days(1))
    .execute(&mut admin)
    .await
    .expect("a window");
    city.round("bureau.progress").await;
    assert!(title().await.contains(&this_year));

    // before most schools have begun to select, the city is busy with last year's
    sqlx::query("delete from school.window_period where school_code <> $1 and academic_year = $2")
        .bind(SCHOOL)
        .bind(year.get())
        .execute(&mut admin)
        .await
        .expect("the windows");
    city.round("bureau.progress").await;
    assert!(title().await.contains(&last_year));
    let page = bureau.get(&format!("/bureau?year={this_year}")).await.expect(200);
    assert!(page.texts("h1").concat().contains(&this_year) && page.texts(".table tbody th").len() == 6);
    assert_eq!(page.texts("[aria-label=學年度] [aria-current]"), [year.label()]);
    let link = page.attributes("a[href^='/bureau/progress.csv']", "href").remove(0);
    let file = bureau.get(&link).await.expect(200);
    assert!(file.text().lines().skip(1).all(|line| line.starts_with(&format!("{this_year},"))), "{}", file.text());
    let other = page.attributes("[aria-label=學年度] a:not([aria-current])", "href").remove(0);
    assert!(bureau.get(&other).await.expect(200).texts("h1").concat().contains(&last_year));
}

/// Issue 3 §1.3: the health page "shows the age of the newest proven restore (alarm at 26 h), scrub age, copies, oldest
/// unsent job".
#[tokio::test]
async fn the_health_page_raises_each_alarm_and_lowers_it() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let bureau = city.login_as(Role::Bureau, CITY).await;
    let page = bureau.get("/bureau/health").await.expect(200);
    assert!(page.has(".empty") && !page.has(".facts"), "{}", page.summary());

    city.round("storage.measure").await;
    let page = bureau.get("/bureau/health").await.expect(200);
    let lines = page.texts(".facts--wide dd").join("\n");
    assert!(lines.contains("異常 還沒有證明過") && lines.contains("異常 還沒有開始"), "{lines}");
    assert_eq!(page.texts(".nav [aria-current=page], nav [aria-current=page]"), ["系統健康"], "one entry is current");

    let now = city.now();
    let arranged: [(&str, &str); 3] = [
        (
            "insert into app.proof (kind, proven_at) values ('restore', $1 - interval '25 hours'), ('other', $1)",
            "正常 25 小時前",
        ),
        (
            "update app.scrub set last_began_at = $1 - interval '29 days', last_finished_at = $1, last_objects = 7, last_copies = 14",
            "正常 7 個檔案，14 份完好",
        ),
        (
            "insert into app.storage_case (school_code, object_key, sha256, copy, what, found_by, found_at, seen_at)
          values ('343303', 'x', sha256('x'), 'primary', 'flipped', 'scrub', $1, $1)",
            "異常 1 份",
        ),
    ];
    for (sql, wanted) in arranged {
        sqlx::query(sql).bind(now).execute(&mut admin).await.expect(sql);
        city.round("storage.measure").await;
        let lines = bureau.get("/bureau/health").await.expect(200).texts(".facts--wide dd");
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted}: {lines:?}");
    }
    sqlx::query("update app.storage_case set healed_at = $1").bind(now).execute(&mut admin).await.expect("healed");
    city.round("storage.measure").await;
    let well = bureau.get("/bureau/health").await.expect(200);
    assert_eq!(well.texts(".notice--good strong"), ["沒有異常。"], "{}", well.summary());

    // the age is that of the oldest proof; what can't be proven is an alarm of its own
    let old = "insert into app.stored_object values ('343303', sha256('y'), 1, $1 - interval '31 days')";
    sqlx::query(old).bind(now).execute(&mut admin).await.expect("an old proof");
    city.round("storage.measure").await;
    let page = bureau.get("/bureau/health").await.expect(200);
    assert!(page.texts(".facts--wide dd").join("\n").contains("異常 最久的是31 天前核對的"), "{}", page.summary());
    let open = "update app.storage_case set sha256 = sha256('y'), healed_at = null where $1 > now() - interval '1 day'";
    sqlx::query(open).bind(now).execute(&mut admin).await.expect("an open case");
    city.round("storage.measure").await;
    let page = bureau.get("/bureau/health").await.expect(200);
    let lines = page.texts(".facts--wide dd").join("\n");
    assert!(lines.contains("正常 最久的是29 天前核對的") && lines.contains("異常 1 份"), "{lines}");
    for sql in ["delete from app.stored_object where verified_at < $1", "update app.storage_case set healed_at = $1"] {
        sqlx::query(sql).bind(now).execute(&mut admin).await.expect(sql);
    }

    // two hours later the restore is too old, a job waits, and nobody has measured
    sqlx::query(
        "insert into app.job (school_code, kind, payload, request_id, created_at, run_at, dead_at)
         values ('343303', 'a', '{}', 'r', $1, $1, null), ('343303', 'b', '{}', 'r', $1, $1, $1)",
    )
    .bind(now)
    .execute(&mut admin)
    .await
    .expect("jobs");
    city.pass(Duration::hours(2));
    assert!(bureau.get("/bureau/health").await.expect(200).text().contains("量測已經停止"));
    city.round("storage.measure").await;
    let ill = bureau.get("/bureau/health").await.expect(200);
    let lines = ill.texts(".facts--wide dd").join("\n");
    for wanted in ["異常 27 小時前", "異常 已等待 2 小時", "異常 1 件", "正常 0 份"] {
        assert!(lines.contains(wanted), "{wanted}: {lines}");
    }
    assert!(ill.text().contains("有 3 項異常"), "{}", ill.summary());
}

#[tokio::test]
async fn schools_do_not_watch_each_other() {
    let city = City::up().await;
    for role in [Role::Student, Role::CourseTeacher, Role::SchoolAdmin, Role::OutcomeSubmitter] {
        let visitor = city.login_as(role, SCHOOL).await;
        for path in ["/bureau", "/bureau/progress.csv", "/bureau/health"] {
            assert_eq!(visitor.get(path).await.status(), 403, "{} {path}", role.code());
        }
    }
    let stranger = city.visitor().get("/bureau").await.expect(303);
    assert!(stranger.location().starts_with("/login?next="));
}
