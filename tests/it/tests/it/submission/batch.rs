//! A roster on its way: built, handed over, checked by the other side, sent back or taken.

use super::{LOOKS, SCHOOL, begin, build, close_selection, count, hand_over, state, submitter, year};
use kernel::role::Role;
use std::io::Cursor;
use testkit::City;
use time::Duration;
use zip::ZipArchive;

const EVENING: &str = "351C01";

/// Issue 2 §3.9: rosters "exactly as the field tables say": the simulator, written from the same tables by another hand,
/// takes each of them.
#[tokio::test]
async fn every_roster_passes_the_central_databases_checks() {
    let city = City::up().await;
    close_selection(&city).await;
    for (school, roster) in [(SCHOOL, 25), (SCHOOL, 24), (EVENING, 28)] {
        let officer = submitter(&city, roster, school).await;
        let batch = build(&city, &officer, roster, "api").await;
        assert_eq!(state(&officer, &batch).await, "built", "roster {roster}: {}", officer.get(&batch).await.summary());
        let end = hand_over(&city, &officer, &batch).await;
        assert_eq!(end, "receipt_ready", "roster {roster}: {}", officer.get(&batch).await.summary());
    }
}

/// Issue 2 §3.9: "per-row results". Our table is made to be behind theirs: it lets a grade pass that they refuse.
#[tokio::test]
async fn a_row_that_is_sent_back_is_shown_by_row() {
    let city = City::up().await;
    close_selection(&city).await;
    let student: i64 = sqlx::query_scalar(
        "update school.course_record r set grade = 5 from portfolio.outcome o
         where r.school_code = $1 and o.school_code = r.school_code and o.course_record_id = r.id
           and o.id = (select min(outcome_id) from portfolio.outcome_selection where school_code = $1)
         returning r.student_id",
    )
    .bind(SCHOOL)
    .fetch_one(&mut city.admin().await)
    .await
    .unwrap();
    sqlx::query(
        r#"update submission.roster_template set columns = replace(columns::text, '"type": "grade"', '"type": "text"')::jsonb"#,
    )
    .execute(&mut city.admin().await)
    .await
    .unwrap();
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "api").await;
    assert_eq!(hand_over(&city, &officer, &batch).await, "rejected");
    let page = officer.get(&batch).await.expect(200);
    let number: String = sqlx::query_scalar("select student_no from school.student where school_code = $1 and id = $2")
        .bind(SCHOOL)
        .bind(student)
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    let lines = page.texts("tbody tr").join("\n");
    assert!(lines.contains(&number) && lines.contains("開課年級"), "{}", page.summary());
    let refused = count(&city, "select count(*) from submission.roster_row where not accepted").await;
    assert_eq!(refused, 1, "the other rows are good by themselves");
    // a new attempt is a new batch, the old one stays as it was sent
    begin(&city, &officer, 26, "api").await.expect(303);
    assert_eq!(count(&city, "select count(*) from submission.batch").await, 2);
}

/// Issue 2 §3.9: resumable. Killed after the central database was told and before that was noted: it is told again, and
/// has one job all the same.
#[tokio::test]
async fn a_notice_told_twice_makes_one_job_at_the_central_database() {
    let city = City::up().await;
    close_selection(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "api").await;
    officer.post_form(&format!("{batch}/notice"), &[]).await.expect(303);
    city.drain_jobs().await;
    let told = central_job(&city).await;
    let mut admin = city.admin().await;
    sqlx::query("update submission.batch set central_job_id = null, state = 'notified', progress = '{}'")
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query(
        "insert into app.job (school_code, kind, payload, request_id, created_at, run_at)
         select school_code, 'submission.notify', jsonb_build_object('batch_id', id), 'again', $1, $1 from submission.batch",
    )
    .bind(city.now())
    .execute(&mut admin)
    .await
    .unwrap();
    for _ in 0..LOOKS {
        city.drain_jobs().await;
        if state(&officer, &batch).await == "receipt_ready" {
            break;
        }
        city.pass(Duration::seconds(20));
    }
    assert_eq!(state(&officer, &batch).await, "receipt_ready");
    assert_eq!(central_job(&city).await, told, "one job for one batch");
    assert_eq!(count(&city, "select count(*) from app.job where kind = 'submission.notify'").await, 0);
}

async fn central_job(city: &City) -> Option<String> {
    sqlx::query_scalar("select central_job_id from submission.batch").fetch_one(&mut city.admin().await).await.unwrap()
}

/// Issue 2 §3.9: the manual adapter: "download workbook and files as zip", then the result entered.
#[tokio::test]
async fn a_batch_by_hand_is_downloaded_and_its_result_entered() {
    let city = City::up().await;
    close_selection(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "manual").await;
    let package = officer.get(&format!("{batch}/package")).await.expect(200);
    let zip = ZipArchive::new(Cursor::new(package.bytes().to_vec())).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let rows = count(&city, "select count(*) from submission.roster_row").await;
    assert!(names.iter().filter(|name| name.ends_with(".xlsx")).count() == 1, "{names:?}");
    assert!(names.len() > usize::try_from(rows).unwrap(), "every row has a file: {names:?}");

    let workbook = officer.get(&format!("{batch}/workbook")).await.expect(200);
    let sha256: Vec<u8> = sqlx::query_scalar("select workbook_sha256 from submission.batch")
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, workbook.bytes());
    assert_eq!(hash.as_ref(), sha256, "made again byte for byte");

    officer.post_form(&format!("{batch}/notice"), &[]).await.expect(303);
    let answer =
        officer.post_form(&format!("{batch}/result"), &[("result", "rejected"), ("note", " ")]).await.expect(422);
    assert!(answer.has("#note-error"));
    officer.post_form(&format!("{batch}/result"), &[("result", "accepted"), ("note", "")]).await.expect(303);
    assert_eq!(state(&officer, &batch).await, "accepted");
    officer.post_form(&format!("{batch}/result"), &[("result", "accepted")]).await.expect(409);
    assert_eq!(count(&city, "select count(*) from app.audit where action like 'batch.download%'").await, 2);
}

/// Domain §2.2: submit is a separate role; §2.4: each roster has its own submitter.
#[tokio::test]
async fn only_the_submitter_of_a_roster_submits_it() {
    let city = City::up().await;
    close_selection(&city).await;
    let admin = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    admin.get("submission").await.expect(200);
    begin(&city, &admin, 26, "api").await.expect(403);
    let other = submitter(&city, 25, SCHOOL).await;
    begin(&city, &other, 26, "api").await.expect(403);
    let student = city.login_as(Role::Student, SCHOOL).await;
    student.get("submission").await.expect(403);
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "api").await;
    other.post_form(&format!("{batch}/notice"), &[]).await.expect(403);
    other.get(&format!("{batch}/workbook")).await.expect(403);
    let stranger = submitter(&city, 26, EVENING).await;
    stranger.get(&batch).await.expect(404);
}

/// Domain §4.4: at its window's close the selection is frozen; earlier needs an extra word.
#[tokio::test]
async fn an_open_selection_has_to_be_confirmed() {
    let city = City::up().await;
    sqlx::query("update school.window_period set opens_at = $1, closes_at = $2 where kind = 'outcome_select'")
        .bind(city.now() - Duration::days(1))
        .bind(city.now() + Duration::days(1))
        .execute(&mut city.admin().await)
        .await
        .unwrap();
    let officer = submitter(&city, 26, SCHOOL).await;
    let answer = begin(&city, &officer, 26, "api").await.expect(422);
    assert!(answer.has("input[name=open_selection]"), "{}", answer.summary());
    let year = year(&city).to_string();
    let form = [("roster", "26"), ("year", year.as_str()), ("adapter", "api"), ("open_selection", "1")];
    officer.post_form("submission/batches", &form).await.expect(303);
}

/// Domain §4.3: grade 3 goes ahead in batches of its own; what is older does not go after, or beside, what is newer.
#[tokio::test]
async fn an_older_batch_is_not_handed_over_after_a_newer_one() {
    let city = City::up().await;
    close_selection(&city).await;
    sqlx::query(
        "update school.student set grade = 3, entry_year = $2 - 2, class_id = null
         where school_code = $1 and id = (select min(student_id) from portfolio.outcome_selection
                                          where school_code = $1 and academic_year = $2)",
    )
    .bind(SCHOOL)
    .bind(year(&city))
    .execute(&mut city.admin().await)
    .await
    .unwrap();
    let officer = submitter(&city, 26, SCHOOL).await;
    let first = build(&city, &officer, 26, "manual").await;
    let second = build(&city, &officer, 26, "manual").await;
    assert!(officer.get(&first).await.expect(200).text().contains("較新的一次"));
    officer.post_form(&format!("{first}/notice"), &[]).await.expect(303);
    assert_eq!(state(&officer, &first).await, "built");
    let third_grade = build(&city, &officer, 36, "manual").await;
    officer.post_form(&format!("{third_grade}/notice"), &[]).await.expect(303);
    assert_eq!(state(&officer, &third_grade).await, "notified");
    officer.post_form(&format!("{second}/notice"), &[]).await.expect(303);
    assert_eq!(state(&officer, &second).await, "built", "some of its items are on their way already");
    officer.post_form(&format!("{third_grade}/result"), &[("result", "accepted")]).await.expect(303);
    let rest = build(&city, &officer, 26, "manual").await;
    officer.post_form(&format!("{rest}/notice"), &[]).await.expect(303);
    assert_eq!(state(&officer, &rest).await, "notified");
}

/// A-42: a roster is of its year. When everybody is a grade further, last year's third grade is what it was.
#[tokio::test]
async fn a_cohort_is_of_the_grade_of_its_year() {
    let city = City::up().await;
    close_selection(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let mut admin = city.admin().await;
    for sql in ["update school.class set grade = 3", "update school.student set grade = 3"] {
        sqlx::query(sql).execute(&mut admin).await.unwrap();
    }
    build(&city, &officer, 36, "manual").await;
    for sql in
        ["update school.class set academic_year = academic_year + 1", "update school.student set grade = grade + 1"]
    {
        sqlx::query(sql).execute(&mut admin).await.unwrap();
    }
    build(&city, &officer, 36, "manual").await;
    let students: Vec<i64> = sqlx::query_scalar(
        "select count(distinct r.student_id) from submission.batch b
         join submission.roster_row r on r.school_code = b.school_code and r.batch_id = b.id group by b.id order by b.id",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(students.len() == 2 && students[0] > 0 && students[0] == students[1], "{students:?}");
}

/// Asking now brings the waiting inquiry forward; however often it is asked, one chain of them goes on.
#[tokio::test]
async fn asking_again_starts_no_second_chain() {
    let city = City::up().await;
    close_selection(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "api").await;
    officer.post_form(&format!("{batch}/notice"), &[]).await.expect(303);
    for _ in 0..3 {
        officer.post_form(&format!("{batch}/inquiry"), &[]).await.expect(303);
    }
    let jobs = "select count(*) from app.job where kind in ('submission.notify', 'submission.poll')";
    assert_eq!(count(&city, jobs).await, 1);
    sqlx::query("delete from app.job").execute(&mut city.admin().await).await.unwrap();
    officer.post_form(&format!("{batch}/inquiry"), &[]).await.expect(303);
    assert_eq!(count(&city, jobs).await, 1, "a chain that ended begins anew");
}

/// README: students go on choosing until the window closes, also what an early submission took along.
#[tokio::test]
async fn an_early_submission_does_not_freeze_the_selection() {
    let city = City::up().await;
    sqlx::query("update school.window_period set opens_at = $1, closes_at = $2 where academic_year = $3 and kind in ('outcome_select', 'activity_select')")
        .bind(city.now() - Duration::days(1))
        .bind(city.now() + Duration::days(1))
    .bind(year(&city))
        .execute(&mut city.admin().await)
        .await
        .unwrap();
    let officer = submitter(&city, 26, SCHOOL).await;
    let of_year = year(&city).to_string();
    let form = [("roster", "26"), ("year", of_year.as_str()), ("adapter", "manual"), ("open_selection", "1")];
    let batch = officer.post_form("submission/batches", &form).await.expect(303).location().to_owned();
    city.drain_jobs().await;
    officer.post_form(&format!("{batch}/notice"), &[]).await.expect(303);
    officer.post_form(&format!("{batch}/result"), &[("result", "accepted")]).await.expect(303);

    let mut admin = city.admin().await;
    let student: i64 =
        sqlx::query_scalar("select min(student_id) from submission.roster_row").fetch_one(&mut admin).await.unwrap();
    let ids = async |table: &str, column: &str| -> Vec<i64> {
        let sql = format!(
            "select {column} from portfolio.{table} where school_code = $1 and student_id = $2 and academic_year = $3 order by 1"
        );
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(SCHOOL).bind(student).bind(year(&city));
        query.fetch_all(&mut city.admin().await).await.unwrap()
    };
    let (outcomes, activities) =
        (ids("outcome_selection", "outcome_id").await, ids("activity_selection", "activity_id").await);
    let me = city.login_student(SCHOOL, student.into()).await;
    let select = async |outcomes: &[i64]| {
        let texts = outcomes.iter().map(|id| ("outcome", id.to_string()));
        let texts: Vec<_> = texts.chain(activities.iter().map(|id| ("activity", id.to_string()))).collect();
        let form: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        me.post_form("selection", &form).await
    };
    assert!(me.get("selection").await.expect(200).text().contains("可以隨時更換"));
    select(&outcomes[1..]).await.expect(303);
    assert_eq!(ids("outcome_selection", "outcome_id").await, outcomes[1..]);
    select(&outcomes).await.expect(303);
    assert_eq!(ids("outcome_selection", "outcome_id").await, outcomes, "and what was taken back is chosen again");
}

/// Issue 2 §6, "submission of a school with 1,000 students": 6,000 rows are built; prints the time it took.
///
/// `cargo run -q -p local --bin components -- cargo test -p it bench_roster -- --nocapture`
#[tokio::test]
async fn bench_roster_of_a_thousand_students() {
    let city = City::up().await;
    close_selection(&city).await;
    enrol_a_thousand(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let path = begin(&city, &officer, 26, "manual").await.expect(303).location().to_owned();
    let begun = std::time::Instant::now();
    city.drain_jobs().await;
    let took = begun.elapsed();
    assert_eq!(state(&officer, &path).await, "built", "{}", officer.get(&path).await.summary());
    let rows = count(&city, "select max(row_count)::bigint from submission.batch").await;
    assert!(rows >= 6_000, "{rows} rows");
    println!("roster 26: {rows} rows built in {:.1} s", took.as_secs_f64());
    assert!(took.as_secs() < 60, "a thousand students are built in seconds, also without optimization: {took:?}");
}

/// A thousand more students, each with the six outcomes of one who has some, all certified and selected.
async fn enrol_a_thousand(city: &City) {
    let mut admin = city.admin().await;
    let school = SCHOOL.parse().unwrap();
    let numbers: Vec<String> =
        (0..1_000).map(|n| kernel::identity_number::NationalId::nth(9_000_000 + n).expose().to_owned()).collect();
    let sealed: Vec<Vec<u8>> = numbers.iter().map(|number| city.house.keys.seal(school, number)).collect();
    let indexes: Vec<Vec<u8>> = numbers.iter().map(|number| city.house.keys.blind_index(number).to_vec()).collect();
    sqlx::query(
        "insert into school.student (school_code, id, student_no, account, name, national_id_sealed, national_id_index,
           national_id_masked, birth_date, entry_year, class_id, grade)
         overriding system value
         select $1, 900000 + n, 'B' || lpad(n::text, 6, '0'), 'b' || n, '量測生' || n, sealed, indexed, '', '2010-03-05', $4,
           (select min(class_id) from school.student where school_code = $1), 1
         from unnest($2::bytea[], $3::bytea[]) with ordinality as t (sealed, indexed, n)",
    )
    .bind(SCHOOL)
    .bind(&sealed)
    .bind(&indexes)
    .bind(year(city))
    .execute(&mut admin)
    .await
    .unwrap();
    let model = "with one as (select f.sha256, f.md5, f.size, f.media_type from portfolio.outcome_selection s
           join portfolio.file f on f.school_code = s.school_code and f.outcome_id = s.outcome_id and f.slot = 1
           where s.school_code = $1 limit 1),
         many as (select n, 9000000 + (n - 900001) * 6 + k as id, k from generate_series(900001, 901000) n, generate_series(1, 6) k)";
    let code = "115353302H1110101010001";
    let steps = [
        format!("{model} insert into school.course_record (school_code, id, student_id, academic_year, term, kind, course_code, subject_name, grade, credits)
           overriding system value select $1, id, n, $2, 1, 1, left('{code}', 22) || k, '量測科目' || k, 1, 4 from many, one"),
        format!("{model} insert into portfolio.outcome (school_code, id, student_id, course_record_id, academic_year, term, subject_slot, summary, created_at, updated_at)
           overriding system value select $1, id, n, id, $2, 1, 1, '一百字以內的簡述', now(), now() from many, one"),
        format!("{model} insert into portfolio.file (school_code, id, student_id, outcome_id, slot, name, declared_size, upload_key, upload_id, created_at, sha256, md5, size, media_type, saved_at)
           overriding system value select $1, id, n, id, 1, 'x.pdf', size, 'k' || id, '', now(), sha256, md5, size, media_type, now() from many, one"),
        format!("{model} insert into portfolio.certification_request (school_code, id, outcome_id, attempt, student_id, course_record_id, section_id, academic_year, term, document_sha256, sent_at)
           overriding system value select $1, id, id, 1, n, id, (select min(id) from school.section where school_code = $1), $2, 1, sha256, now() from many, one"),
        format!("{model} insert into certification.decision (school_code, id, request_id, outcome_id, student_id, academic_year, term, passed, decided_by, decided_at, publish_at, document_sha256)
           overriding system value select $1, id, id, id, n, $2, 1, true, 1, now(), now() - interval '1 day', sha256 from many, one"),
        format!("{model} insert into portfolio.outcome_selection (school_code, student_id, academic_year, term, slot, outcome_id, decision_id, selected_at)
           select $1, n, $2, 0, k, id, id, now() from many, one"),
    ];
    for step in steps {
        let done = sqlx::query(sqlx::AssertSqlSafe(step)).bind(SCHOOL).bind(year(city)).execute(&mut admin).await;
        done.unwrap();
    }
}
