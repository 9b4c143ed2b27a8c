//! Deadline day in the bureau's hands (issue 3 §5.5): the map of deadlines, proposals to move them, outages.

use kernel::{
    calendar::{TAIPEI, roc_date_time},
    role::Role,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{City, Visitor};
use time::{Duration, OffsetDateTime};

const CITY: &str = "000000";
const SCHOOL: &str = "343303";
const OTHER: &str = "353302";

struct Bureau {
    city: City,
    desk: Visitor,
    clerk: Visitor,
    admin: PgConnection,
}

/// An audit row: action, entity's number, before, after.
type Entry = (String, Option<i64>, Option<Value>, Option<Value>);

impl Bureau {
    async fn up() -> Self {
        let city = City::up().await;
        let desk = city.login_as(Role::Bureau, CITY).await;
        let clerk = city.login_as(Role::SchoolAdmin, SCHOOL).await;
        let admin = city.admin().await;
        Self { city, desk, clerk, admin }
    }

    async fn number(&mut self, sql: &str) -> i64 {
        let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.admin).await;
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Now, to the minute, `hours` later.
    fn at(&self, hours: i64) -> OffsetDateTime {
        let now = self.city.now().to_offset(TAIPEI).replace_nanosecond(0).expect("zero");
        now.replace_second(0).expect("zero") + Duration::hours(hours)
    }

    /// The window of this year of a kind and the time it is open, set anew.
    async fn window(&mut self, school: &str, kind: &str, (opens, closes): (OffsetDateTime, OffsetDateTime)) -> i64 {
        sqlx::query_scalar(
            "update school.window_period set opens_at = $3, closes_at = $4
              where school_code = $1 and kind = $2
                and academic_year = (select max(academic_year) from school.window_period) returning id",
        )
        .bind(school)
        .bind(kind)
        .bind(opens)
        .bind(closes)
        .fetch_one(&mut self.admin)
        .await
        .expect("one seeded window of the kind and year")
    }

    async fn closes_at(&mut self, school: &str, window: i64) -> OffsetDateTime {
        sqlx::query_scalar("select closes_at from school.window_period where school_code = $1 and id = $2")
            .bind(school)
            .bind(window)
            .fetch_one(&mut self.admin)
            .await
            .expect("the window")
    }

    /// Everything that closes at the schools, by school and number.
    async fn all_closings(&mut self) -> Vec<(String, i64, OffsetDateTime)> {
        sqlx::query_as("select school_code, id, closes_at from school.window_period order by 1, 2")
            .fetch_all(&mut self.admin)
            .await
            .expect("the windows")
    }

    /// To the schools and back.
    async fn carry(&self) {
        self.city.round("bureau.dispatch").await;
        self.city.drain_jobs().await;
        self.city.round("bureau.dispatch").await;
    }

    async fn audit(&mut self, school: &str, action: &str) -> Vec<Entry> {
        sqlx::query_as(
            "select action, entity_id, before, after from app.audit where school_code = $1 and action = $2 order by id",
        )
        .bind(school)
        .bind(action)
        .fetch_all(&mut self.admin)
        .await
        .expect("the audit")
    }

    async fn propose(&self, windows: &[String], closes: OffsetDateTime, reason: &str) -> testkit::Answer {
        let closes = roc_date_time(closes);
        let mut form = vec![("closes", closes.as_str()), ("reason", reason)];
        form.extend(windows.iter().map(|window| ("window", window.as_str())));
        form.extend(windows.first().map(|only| ("only", only.as_str())));
        self.desk.post_form("/bureau/proposals", &form).await
    }

    async fn record(&self, (from, until): (OffsetDateTime, Option<OffsetDateTime>), schools: &[&str]) {
        let (starts, ends) = (roc_date_time(from), until.map_or(String::new(), roc_date_time));
        let scope = if schools.is_empty() { "all" } else { "some" };
        let mut form = vec![("starts", starts.as_str()), ("ends", ends.as_str()), ("scope", scope)];
        form.push(("reason", "機房斷電"));
        form.extend(schools.iter().map(|school| ("school", *school)));
        self.desk.post_form("/bureau/outages", &form).await.expect(303);
    }
}

/// The rows of the table: what closes, and for how many students.
async fn listed(desk: &Visitor, path: &str, school: &str) -> Vec<(String, i64)> {
    let page = desk.get(path).await.expect(200);
    let schools = page.texts("section:last-of-type .table tbody th");
    let cells = page.texts("section:last-of-type .table tbody td");
    let rows = schools.iter().zip(cells.chunks(4)).filter(|(name, _)| name.contains(school));
    rows.map(|(_, cells)| (cells[0].clone(), cells[2].replace(',', "").parse().expect("a count"))).collect()
}

/// The counts that the page shows are those of the portfolios themselves, not of the counters it was made from.
#[tokio::test]
async fn the_map_counts_who_still_has_something_to_do() {
    let mut bureau = Bureau::up().await;
    let (opened, hour) = (bureau.at(-24), bureau.at(50));
    for kind in ["outcome_upload", "outcome_certify", "outcome_select", "activity_select", "receipt_confirm"] {
        bureau.window(SCHOOL, kind, (opened, hour)).await;
    }
    bureau.city.round("bureau.deadlines").await;
    let of_year = "academic_year = (select max(academic_year) from school.window_period)";
    let here = format!("school_code = '{SCHOOL}' and {of_year}");
    let term = format!(
        "term = (select term from school.window_period where school_code = '{SCHOOL}' and kind = 'outcome_upload' and {of_year})"
    );
    let students = format!("select count(*) from school.student s where school_code = '{SCHOOL}' and left_at is null");
    let uploaded = format!("(select count(*) from portfolio.outcome where {here} and {term} and student_id = s.id)");
    let passed = |more: &str| {
        format!(
            "(select count(*) from certification.decision
               where {here} {more} and student_id = s.id and passed and revoked_at is null)"
        )
    };
    let (in_term, in_year) = (passed(&format!("and {term}")), passed(""));
    let none_of = |table: &str| format!("not exists (select from {table} where {here} and student_id = s.id)");
    let live = [
        ("課程學習成果上傳", format!("{students} and ({uploaded} = 0 or {uploaded} > {in_term})")),
        ("課程學習成果認證", format!("{students} and {uploaded} > {in_term}")),
        ("課程學習成果勾選", format!("{students} and {in_year} > 0 and {}", none_of("portfolio.outcome_selection"))),
        ("多元表現勾選", format!("{students} and {}", none_of("portfolio.activity_selection"))),
        ("收訖明細確認", format!("{students} and {}", none_of("submission.receipt_confirmation"))),
    ];
    let path = format!("/bureau/deadlines?hour={}", hour_code(hour));
    let shown = listed(&bureau.desk, &path, SCHOOL).await;
    assert_eq!(shown.len(), live.len(), "{shown:?}");
    let (mut sum, mut distinct) = (0, std::collections::BTreeSet::new());
    for (kind, sql) in live {
        let counted = bureau.number(&sql).await;
        let row =
            shown.iter().find(|(label, _)| label.starts_with(kind)).unwrap_or_else(|| panic!("{kind}: {shown:?}"));
        assert_eq!(row.1, counted, "{kind}");
        sum += counted;
        distinct.insert(counted);
    }
    assert!(distinct.len() >= 3 && sum > 40, "the seed tells the kinds apart: {shown:?}");

    let page = bureau.desk.get(&path).await.expect(200);
    let selected = page.texts(".heat__cell a[aria-current]");
    assert_eq!(selected.len(), 1);
    assert!(selected[0].contains("5 項截止") && selected[0].contains(&format!("{sum} 人")), "{selected:?}");
    assert_eq!((page.texts(".heat tbody tr").len(), page.texts(".heat__cell").len() >= 14 * 24), (14, true));
    assert_eq!(page.attributes("[style]", "style"), Vec::<String>::new(), "the CSP allows no inline style");
    assert_eq!(page.texts(".site-nav [aria-current]"), ["截止時間"]);
}

fn hour_code(moment: OffsetDateTime) -> String {
    let local = moment.to_offset(TAIPEI);
    format!("{}T{:02}", local.date(), local.hour())
}

/// A grade with a window of its own is not counted for the one of all grades; what is over or far away is not shown.
#[tokio::test]
async fn every_student_counts_for_one_window_of_a_kind() {
    let mut bureau = Bureau::up().await;
    let (opened, hour) = (bureau.at(-24), bureau.at(50));
    bureau.window(SCHOOL, "outcome_upload", (opened, bureau.at(24 * 15))).await;
    sqlx::query("update school.student set grade = case when id % 4 = 0 then 3 else 2 end where school_code = $1")
        .bind(SCHOOL)
        .execute(&mut bureau.admin)
        .await
        .expect("students of two grades");
    for (grade, stage, closes) in [(0, 1, hour), (3, 1, hour), (3, 2, bureau.at(-1))] {
        sqlx::query(
            "insert into school.window_period (school_code, kind, academic_year, grade, stage, opens_at, closes_at)
             values ($1, 'self_study_plan', (select max(academic_year) from school.window_period), $2, $3, $4, $5)",
        )
        .bind(SCHOOL)
        .bind(grade as i16)
        .bind(stage as i16)
        .bind(opened)
        .bind(closes)
        .execute(&mut bureau.admin)
        .await
        .expect("a window");
    }
    bureau.city.round("bureau.deadlines").await;
    let here = format!("select count(*) from school.student where school_code = '{SCHOOL}' and left_at is null");
    let (all, third) = (bureau.number(&here).await, bureau.number(&format!("{here} and grade = 3")).await);
    assert!(0 < third && third < all);
    let shown = listed(&bureau.desk, "/bureau/deadlines", SCHOOL).await;
    let counts: Vec<i64> = shown.iter().map(|(_, students)| *students).collect();
    assert_eq!(counts, [all - third, third], "{shown:?}");
    assert!(shown[0].0.contains("全部年級") && shown[1].0.contains("3 年級"), "{shown:?}");

    // a window that moved out of sight leaves the map at the next round
    sqlx::query("update school.window_period set closes_at = $1 where kind = 'self_study_plan'")
        .bind(bureau.at(24 * 20))
        .execute(&mut bureau.admin)
        .await
        .expect("the windows");
    bureau.city.round("bureau.deadlines").await;
    assert_eq!(listed(&bureau.desk, "/bureau/deadlines", SCHOOL).await, []);
}

#[tokio::test]
async fn a_proposal_that_the_school_adopts_moves_the_window() {
    let mut bureau = Bureau::up().await;
    let (closed, proposed) = (bureau.at(50), bureau.at(74));
    let window = bureau.window(SCHOOL, "outcome_select", (bureau.at(-24), closed)).await;
    let others = bureau.window(OTHER, "outcome_select", (bureau.at(-24), closed)).await;
    bureau.city.round("bureau.deadlines").await;
    let form = bureau.desk.get(&format!("/bureau/proposals/new?hour={}", hour_code(closed))).await.expect(200);
    let ticked = form.attributes("input[name=window][checked]", "value");
    let key = format!("{SCHOOL}.{window}");
    assert_eq!(ticked, [key.clone(), format!("{OTHER}.{others}")], "everything that closes in the hour");
    bureau.propose(&[key], proposed, "與其他學校錯開").await.expect(303);
    assert!(bureau.desk.get("/bureau/proposals").await.expect(200).text().contains("傳送中"));
    bureau.carry().await;
    assert!(bureau.desk.get("/bureau/proposals").await.expect(200).text().contains("等學校回覆"));
    assert_eq!(bureau.closes_at(SCHOOL, window).await, closed, "a proposal changes nothing");

    let page = bureau.clerk.get("office/windows").await.expect(200);
    let row = page.texts("#proposals + .rows .row").concat();
    assert!(row.contains("課程學習成果勾選") && row.contains("與其他學校錯開"), "{row}");
    assert!(row.contains(&roc_date_time(closed)) && row.contains(&roc_date_time(proposed)), "{row}");
    let action = page.attributes("form[action$='/adoption']", "action").remove(0);
    let stranger = bureau.city.login_as(Role::SchoolAdmin, OTHER).await;
    assert!(!stranger.get("office/windows").await.expect(200).has("#proposals"));
    stranger.post_form(&action, &[]).await.expect(404);
    stranger.post_form(&action.replace(SCHOOL, OTHER), &[]).await.expect(404);

    bureau.clerk.post_form(&action, &[]).await.expect(303);
    assert_eq!(bureau.closes_at(SCHOOL, window).await, proposed);
    assert_eq!(bureau.closes_at(OTHER, others).await, closed);
    bureau.clerk.post_form(&action, &[]).await.expect(409);
    assert!(!bureau.clerk.get("office/windows").await.expect(200).has("#proposals"));
    bureau.carry().await;
    assert!(bureau.desk.get("/bureau/proposals").await.expect(200).text().contains("已採用"));

    assert_eq!(bureau.audit(CITY, "window_proposal.make").await.len(), 1);
    assert_eq!(bureau.audit(SCHOOL, "window_proposal.receive").await.len(), 1);
    assert_eq!(bureau.audit(SCHOOL, "window_proposal.adopt").await.len(), 1);
    let changes = bureau.audit(SCHOOL, "window.change").await;
    let [(_, Some(id), Some(before), Some(after))] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((*id, before["closes_at"] == after["closes_at"]), (window, false));
    assert_eq!(bureau.audit(OTHER, "window.change").await, []);
}

#[tokio::test]
async fn a_school_may_decline_and_a_newer_proposal_takes_an_olders_place() {
    let mut bureau = Bureau::up().await;
    let closed = bureau.at(50);
    let window = bureau.window(SCHOOL, "outcome_select", (bureau.at(-24), closed)).await;
    bureau.city.round("bureau.deadlines").await;
    let key = [format!("{SCHOOL}.{window}")];
    for hours in [74, 98] {
        bureau.propose(&key, bureau.at(hours), "錯開").await.expect(303);
        bureau.carry().await;
    }
    let page = bureau.clerk.get("office/windows").await.expect(200);
    let actions = page.attributes("form[action$='/refusal']", "action");
    assert_eq!(actions.len(), 1, "only the newer one waits");
    bureau.clerk.post_form(&actions[0], &[]).await.expect(303);
    bureau.clerk.post_form(&actions[0], &[]).await.expect(409);
    assert_eq!(bureau.closes_at(SCHOOL, window).await, closed);
    bureau.carry().await;
    let states = bureau.desk.get("/bureau/proposals").await.expect(200).texts(".table .badge");
    assert_eq!(states, ["不採用", "已由新的建議取代"]);
    assert_eq!(bureau.audit(SCHOOL, "window_proposal.decline").await.len(), 1);
    assert_eq!(bureau.audit(SCHOOL, "window.change").await, []);
}

/// Adopting goes through the check of the office's own form: what is no longer lawful is refused where it stands.
#[tokio::test]
async fn a_proposal_that_became_unlawful_is_refused() {
    let mut bureau = Bureau::up().await;
    let window = bureau.window(SCHOOL, "receipt_confirm", (bureau.at(-24), bureau.at(72))).await;
    bureau.city.round("bureau.deadlines").await;
    bureau.propose(&[format!("{SCHOOL}.{window}")], bureau.at(60), "錯開").await.expect(303);
    bureau.carry().await;
    // meanwhile the office opens it later: less than three days would be left
    let later = (bureau.at(-2), bureau.at(96));
    bureau.window(SCHOOL, "receipt_confirm", later).await;
    let page = bureau.clerk.get("office/windows").await.expect(200);
    let action = page.attributes("form[action$='/adoption']", "action").remove(0);
    let refused = bureau.clerk.post_form(&action, &[]).await.expect(422);
    assert!(refused.texts("#proposals + .rows .field__error").concat().contains("3 天"), "{}", refused.summary());
    assert_eq!(bureau.closes_at(SCHOOL, window).await, later.1);
    bureau.city.pass(Duration::hours(61));
    let clerk = bureau.city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let refused = clerk.post_form(&action, &[]).await.expect(422);
    assert!(refused.text().contains("已經過了"));
    assert_eq!(bureau.audit(SCHOOL, "window_proposal.adopt").await, []);
}

#[tokio::test]
async fn wrong_input_is_told_beside_its_field_and_kept() {
    let mut bureau = Bureau::up().await;
    let window = bureau.window(SCHOOL, "outcome_select", (bureau.at(-24), bureau.at(50))).await;
    bureau.city.round("bureau.deadlines").await;
    let only = format!("{SCHOOL}.{window}");
    let form = [("only", only.as_str()), ("closes", "昨天"), ("reason", "錯開"), ("window", only.as_str())];
    let page = bureau.desk.post_form("/bureau/proposals", &form).await.expect(422);
    assert!(page.has("#closes-error") && !page.has("#reason-error"));
    assert_eq!(
        (page.attributes("#closes", "value"), page.texts("#reason")),
        (vec!["昨天".into()], vec!["錯開".into()])
    );
    assert_eq!(page.attributes("input[name=window][checked]", "value"), [only]);

    let form = [("starts", "115/02/30 08:00"), ("ends", "明天"), ("scope", "some"), ("reason", " ")];
    let page = bureau.desk.post_form("/bureau/outages", &form).await.expect(422);
    for field in ["starts", "ends", "school", "reason"] {
        assert!(page.has(&format!("#{field}-error")), "{field}");
    }
    assert_eq!(page.attributes("#starts", "value"), ["115/02/30 08:00"]);
    assert_eq!(page.attributes("input[name=scope][checked]", "value"), ["some"]);
    assert_eq!(bureau.number("select count(*) from bureau.outage").await, 0);
    assert_eq!(bureau.number("select count(*) from bureau.window_proposal").await, 0);
}

/// Every window that was open gets the outage's length, once, however often the job comes.
#[tokio::test]
async fn an_outage_extends_what_it_hit_exactly_once() {
    let mut bureau = Bureau::up().await;
    let (from, until) = (bureau.at(-5), bureau.at(-2));
    let hit = bureau.window(SCHOOL, "outcome_upload", (bureau.at(-24), bureau.at(1))).await;
    let closed_within = bureau.window(SCHOOL, "outcome_certify", (bureau.at(-24), bureau.at(-3))).await;
    bureau.window(SCHOOL, "outcome_select", (bureau.at(-24), from)).await;
    bureau.window(SCHOOL, "activity_select", (until, bureau.at(24))).await;
    let before = bureau.all_closings().await;
    bureau.record((from, Some(until)), &[SCHOOL]).await;
    bureau.city.round("bureau.dispatch").await;
    bureau.city.round("bureau.dispatch").await;
    assert_eq!(bureau.number("select count(*) from app.job where kind = 'school.outage'").await, 1, "queued once");
    // the same job a second time, as a row of its own: the school knows the outage already
    sqlx::query(
        "insert into app.job (school_code, kind, payload, request_id, created_at, run_at)
         select school_code, kind, payload, request_id, created_at, run_at from app.job where kind = 'school.outage'",
    )
    .execute(&mut bureau.admin)
    .await
    .expect("a second job");
    deliver_twice(&mut bureau).await;
    bureau.city.drain_jobs().await;
    bureau.city.round("bureau.dispatch").await;

    let three_hours = Duration::hours(3);
    let mut extended = Vec::new();
    for (old, new) in before.iter().zip(bureau.all_closings().await) {
        if old.2 != new.2 {
            assert_eq!((new.0.as_str(), new.2), (SCHOOL, old.2 + three_hours));
            extended.push(new.1);
        }
    }
    // activity_upload and last year's receipts are open for weeks
    assert!(extended.contains(&hit) && extended.contains(&closed_within), "{extended:?}");
    let open = format!(
        "select count(*) from school.window_extension e join school.window_period w using (school_code)
          where w.id = e.window_id and e.school_code = '{SCHOOL}' and w.kind in ('outcome_select', 'activity_select')
            and w.academic_year = (select max(academic_year) from school.window_period)"
    );
    assert_eq!(bureau.number(&open).await, 0, "what was closed stays as it is");
    assert_eq!(bureau.closes_at(SCHOOL, hit).await, bureau.at(4));

    let entries = bureau.audit(SCHOOL, "window.extend").await;
    let mut audited: Vec<i64> = entries.iter().filter_map(|(_, id, ..)| *id).collect();
    audited.sort_unstable();
    assert_eq!(audited, extended, "one row a window");
    assert!(entries.iter().all(|(_, _, before, after)| before.is_some() && before != after));
    assert_eq!(bureau.audit(SCHOOL, "outage.apply").await.len(), 1);
    assert_eq!(bureau.audit(CITY, "outage.record").await.len(), 1);
    assert_eq!(bureau.audit(OTHER, "window.extend").await, []);

    let page = bureau.clerk.get("office/windows").await.expect(200);
    assert_eq!(page.texts("#extended + .table-wrap tbody th").len(), extended.len());
    assert!(page.text().contains("機房斷電") && page.text().contains(&roc_date_time(bureau.at(4))));
    let state = bureau.desk.get("/bureau/outages").await.expect(200).texts(".table .badge");
    assert_eq!(state, [format!("已延長 {} 項", extended.len())]);
    let student = bureau.city.login_as(Role::Student, SCHOOL).await;
    let home = student.get("home").await.expect(200);
    assert!(home.text().contains(&roc_date_time(bureau.at(4))), "the student's deadline is the new one");
}

/// A message of the stream that comes again, as after a worker was killed.
async fn deliver_twice(bureau: &mut Bureau) {
    let (id, payload): (i64, Value) =
        sqlx::query_as("select id, payload from app.job where kind = 'school.outage' order by id limit 1")
            .fetch_one(&mut bureau.admin)
            .await
            .expect("the job");
    let mut message = redis::cmd("XADD");
    message.arg("licheng:jobs").arg("*").arg("school").arg(SCHOOL).arg("id").arg(id).arg("kind").arg("school.outage");
    message.arg("payload").arg(payload.to_string()).arg("request").arg("test").arg("attempts").arg(0);
    message.query_async::<()>(&mut bureau.city.house.web.redis()).await.expect("the message of a killed worker");
}

/// Recorded while it lasts, ended by "現在恢復"; all schools; and what two outages share counts once.
#[tokio::test]
async fn a_running_outage_ends_and_overlapping_minutes_count_once() {
    let mut bureau = Bureau::up().await;
    let closed = bureau.at(40);
    let window = bureau.window(SCHOOL, "outcome_select", (bureau.at(-24), closed)).await;
    let others = bureau.window(OTHER, "outcome_select", (bureau.at(-24), closed)).await;
    let begin = bureau.at(-1);
    bureau.record((begin, None), &[]).await;
    bureau.carry().await;
    assert_eq!(bureau.closes_at(SCHOOL, window).await, closed, "it has no length yet");
    let page = bureau.desk.get("/bureau/outages").await.expect(200);
    assert!(page.texts(".table .badge") == ["停機中"] && page.text().contains("全部學校"));
    let action = page.attributes("form[action$='/recovery']", "action").remove(0);
    bureau.city.pass(Duration::hours(3));
    let operator = bureau.city.login_as(Role::Operator, CITY).await;
    operator.post_form(&action, &[]).await.expect(303);
    operator.post_form(&action, &[]).await.expect(409);
    operator.post_form("/bureau/outages/999999/recovery", &[]).await.expect(404);
    bureau.carry().await;
    let ended: OffsetDateTime = sqlx::query_scalar("select ends_at from bureau.outage")
        .fetch_one(&mut bureau.admin)
        .await
        .expect("the outage has ended");
    let length = ended - begin;
    assert!(length >= Duration::hours(4) && length < Duration::hours(4) + Duration::MINUTE, "{length}");
    assert_eq!(bureau.closes_at(SCHOOL, window).await, closed + length);
    assert_eq!(bureau.closes_at(OTHER, others).await, closed + length, "all schools");

    // an outage of one school, recorded afterwards: an hour of it was counted already
    bureau.record((begin - Duration::hours(2), Some(begin + Duration::hours(1))), &[SCHOOL]).await;
    bureau.carry().await;
    assert_eq!(bureau.closes_at(SCHOOL, window).await, closed + length + Duration::hours(2));
    assert_eq!(bureau.closes_at(OTHER, others).await, closed + length);
    assert_eq!(bureau.audit(CITY, "outage.end").await.len(), 1);
    let entries = bureau.audit(SCHOOL, "window.extend").await;
    assert_eq!(entries.iter().filter(|(_, id, ..)| *id == Some(window)).count(), 2);
}

#[tokio::test]
async fn schools_neither_propose_nor_record() {
    let city = City::up().await;
    for role in [Role::Student, Role::CourseTeacher, Role::SchoolAdmin, Role::OutcomeSubmitter] {
        let visitor = city.login_as(role, SCHOOL).await;
        for path in ["/bureau/deadlines", "/bureau/proposals", "/bureau/proposals/new", "/bureau/outages"] {
            assert_eq!(visitor.get(path).await.status(), 403, "{} {path}", role.code());
        }
        visitor.post_form("/bureau/outages", &[]).await.expect(403);
        visitor.post_form("/bureau/proposals", &[]).await.expect(403);
        visitor.post_form("/bureau/outages/1/recovery", &[]).await.expect(403);
    }
}
