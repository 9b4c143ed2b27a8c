//! From the selection to the confirmed receipt, with the simulator of the central database as the other side.

use kernel::{calendar::AcademicYear, ids::StudentId, role::Role};
use serde_json::{Value, json};
use sqlx::Row as _;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
};
use testkit::{Answer, City, Visitor};
use time::Duration;
use zip::{AesMode, ZipArchive, ZipWriter, write::SimpleFileOptions};

const SCHOOL: &str = "353302";
const EVENING: &str = "351C01";
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

/// Issue 2 §3.9–3.11 in one go: submit → accepted → receipt → confirmed.
#[tokio::test]
async fn a_year_is_submitted_received_and_confirmed() {
    let city = City::up().await;
    close_selection(&city).await;
    open_confirmation(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let overview = officer.get("submission").await.expect(200);
    assert!(overview.has("table"), "the classes are listed");

    let batch = build(&city, &officer, 26, "api").await;
    assert_eq!(state(&officer, &batch).await, "built", "{}", officer.get(&batch).await.summary());
    assert_eq!(hand_over(&city, &officer, &batch).await, "receipt_ready", "{}", officer.get(&batch).await.summary());
    let open = count(&city, "select count(*) from submission.roster_row where accepted is not true").await;
    assert_eq!(open, 0, "every row has the central database's word");

    officer.post_form(&format!("{batch}/receipt"), &[]).await.expect(303);
    city.drain_jobs().await;
    let receipts = officer.get("receipts").await.expect(200);
    let differences = count(&city, "select sum(difference_count) from submission.receipt_part").await;
    assert_eq!(differences, 0, "what was received is what was sent: {}", receipts.summary());

    let student = first_student(&city).await;
    let visitor = city.login_student(SCHOOL, student).await;
    confirm(&city, &visitor).await;
    assert!(visitor.get("receipt").await.text().contains("已確認"));
    // a report ends the confirmation, the next confirmation ends the report
    let year = year(&city).to_string();
    let report = [("year", year.as_str()), ("place", "outcome/"), ("error_code", "01"), ("body", "少了一筆")];
    visitor.post_form("receipt/disputes", &report).await.expect(303);
    let outcomes = format!("outcomes?year={year}");
    assert!(visitor.get(&outcomes).await.expect(200).text().contains("已回報問題"));
    confirm(&city, &visitor).await;
    let list = visitor.get(&outcomes).await.expect(200);
    assert!(list.text().contains("已確認收訖") && !list.text().contains("已回報問題"), "{}", list.summary());
    // a second import with the same rows leaves the confirmation alone
    officer.post_form(&format!("{batch}/receipt"), &[]).await.expect(303);
    city.drain_jobs().await;
    assert_eq!(count(&city, "select max(import_serial)::bigint from submission.receipt_batch").await, 2);
    assert_eq!(count(&city, "select count(*) from submission.receipt_confirmation").await, 1);
}

async fn first_student(city: &City) -> StudentId {
    let id: i64 = sqlx::query_scalar("select min(student_id) from submission.receipt_row")
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    id.into()
}

async fn confirm(city: &City, visitor: &Visitor) {
    let page = visitor.get("receipt").await.expect(200);
    let hash = page.attributes("input[name=hash]", "value").remove(0);
    let kind = page.attributes("input[name=kind]", "value").remove(0);
    let year = year(city).to_string();
    let form = [("year", year.as_str()), ("kind", &kind), ("hash", &hash)];
    visitor.post_form("receipt/confirmations", &form).await.expect(303);
}

/// Domain §5.10: a confirmation survives a re-import "only if that student's rows are unchanged"; differences are told.
#[tokio::test]
async fn a_changed_row_ends_that_students_confirmation_alone() {
    let city = City::up().await;
    close_selection(&city).await;
    open_confirmation(&city).await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let batch = build(&city, &officer, 26, "api").await;
    assert_eq!(hand_over(&city, &officer, &batch).await, "receipt_ready");
    let files = receipt_of(&city).await;
    upload(&officer, &files, "eins").await.expect(303);

    let rows = sqlx::query("select student_id from submission.receipt_row order by student_id limit 2")
        .fetch_all(&mut city.admin().await)
        .await
        .unwrap();
    for row in &rows {
        confirm(&city, &city.login_student(SCHOOL, row.get::<i64, _>(0).into()).await).await;
    }
    let number = national_id(&city, rows[0].get(0)).await;
    let (name, text) = files.iter().next().unwrap();
    let mut part: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    let students = part["課程學習成果"].as_array_mut().unwrap();
    let changed = students.iter_mut().find(|student| student["身分證號"] == number.as_str()).unwrap();
    let sheet = changed["學期課程學習成果"].as_array_mut().unwrap();
    sheet[0]["成果簡述"] = json!("被改過的簡述");
    let files = BTreeMap::from([(name.clone(), part.to_string())]);
    let import = upload(&officer, &files, "zwei").await.expect(303).location().to_owned();

    let left: Vec<i64> = sqlx::query_scalar("select student_id from submission.receipt_confirmation")
        .fetch_all(&mut city.admin().await)
        .await
        .unwrap();
    assert_eq!(left, [rows[1].get::<i64, _>(0)]);
    let page = officer.get(&import).await.expect(200);
    assert!(page.text().contains("被改過的簡述"), "the difference is shown: {}", page.summary());
    let mine = city.login_student(SCHOOL, rows[0].get::<i64, _>(0).into()).await.get("receipt").await.expect(200);
    assert!(mine.texts(".notice--bad").join(" ").contains("成果簡述"), "{}", mine.summary());
    assert!(!mine.text().contains(&number), "no national id on a page");
}

/// Domain §5.10: "import verifies each SHA-256": one wrong and nothing changes.
#[tokio::test]
async fn a_tampered_receipt_changes_nothing() {
    let city = City::up().await;
    let officer = submitter(&city, 26, SCHOOL).await;
    let body = "\u{feff}{\"名冊資訊\":{\"學校代碼\":\"353302\",\"學年度\":115},\"課程學習成果\":[]}";
    let zip =
        zipped(&[("課程學習成果.json", body), ("SHA.txt", &format!("課程學習成果.json,{}", "0".repeat(64)))], "x");
    let answer = send_zip(&officer, zip, "x").await.expect(422);
    assert!(answer.text().contains("SHA-256"), "{}", answer.summary());
    assert_eq!(count(&city, "select count(*) from submission.receipt_batch").await, 0);
    let foreign = body.replace("353302", "343303");
    let files = BTreeMap::from([("課程學習成果.json".to_owned(), foreign)]);
    assert!(upload(&officer, &files, "y").await.expect(422).text().contains("不是本校"));
}

/// Domain A-33: the receipt as the central database gives it, opened with its password.
async fn receipt_of(city: &City) -> BTreeMap<String, String> {
    let central = city.house.config.central.as_ref().expect("the simulator is up");
    let job: String = sqlx::query_scalar("select central_job_id from submission.batch order by id desc limit 1")
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap();
    let url = format!("{}/api/jobs/{job}/receipt", central.url.as_str().trim_end_matches('/'));
    let get = |url: String| reqwest::Client::new().get(url).bearer_auth(central.key.expose()).send();
    let zip = get(url.clone()).await.unwrap().bytes().await.unwrap();
    let password: Value = get(format!("{url}/password")).await.unwrap().json().await.unwrap();
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let password = password["password"].as_str().unwrap();
        let mut file = archive.by_index_decrypt(index, password.as_bytes()).unwrap();
        let (name, mut text) = (file.name().unwrap().into_owned(), String::new());
        file.read_to_string(&mut text).unwrap();
        if name != "SHA.txt" {
            files.insert(name, text);
        }
    }
    files
}

fn zipped(files: &[(&str, &str)], password: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, password);
    for (name, text) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

async fn upload(officer: &Visitor, files: &BTreeMap<String, String>, password: &str) -> Answer {
    let hash = |text: &str| hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
    let hashes: String = files.iter().map(|(name, text)| format!("{name},{}\r\n", hash(text))).collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    all.push(("SHA.txt", &hashes));
    send_zip(officer, zipped(&all, password), password).await
}

async fn send_zip(officer: &Visitor, zip: Vec<u8>, password: &str) -> Answer {
    let file = reqwest::multipart::Part::bytes(zip).file_name("receipt.zip");
    let form = reqwest::multipart::Form::new().part("file", file).text("password", password.to_owned());
    officer.post_multipart("receipts", form).await
}

async fn national_id(city: &City, student: i64) -> String {
    let sealed: Vec<u8> =
        sqlx::query_scalar("select national_id_sealed from school.student where school_code = $1 and id = $2")
            .bind(SCHOOL)
            .bind(student)
            .fetch_one(&mut city.admin().await)
            .await
            .unwrap();
    city.house.keys.open(SCHOOL.parse().unwrap(), &sealed).unwrap()
}

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

/// Domain §5.10: "wrong: file a dispute → school checks"; only inside the window.
#[tokio::test]
async fn a_student_reports_a_problem_and_is_answered() {
    let city = City::up().await;
    open_confirmation(&city).await;
    let student = city.login_as(Role::Student, SCHOOL).await;
    let number = national_id(&city, student.subject()).await;
    let part = json!({
        "名冊資訊": { "學校代碼": SCHOOL, "學年度": year(&city), "學期": 1 },
        "修課紀錄": [{ "身分證號": number, "出生日期": "0990305", "學期成績": [{ "科目名稱": "國語文" }] }],
    });
    let officer = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let files = BTreeMap::from([("修課紀錄.json".to_owned(), part.to_string())]);
    upload(&officer, &files, "x").await.expect(303);
    confirm(&city, &student).await;

    let year = year(&city).to_string();
    let report = |body: &'static str| {
        [
            ("year", year.clone()),
            ("place", "course_record/學期成績".to_owned()),
            ("error_code", "01".to_owned()),
            ("body", body.to_owned()),
        ]
    };
    let send = async |body| {
        let form = report(body);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, text)| (*name, text.as_str())).collect();
        student.post_form("receipt/disputes", &form).await
    };
    let answer = send("").await.expect(422);
    assert!(answer.has("#body-error"), "{}", answer.summary());
    send("少了數學").await.expect(303);
    let confirmed = count(&city, "select count(*) from submission.receipt_confirmation").await;
    assert_eq!(confirmed, 0, "who reports a problem no longer says that all is right");

    let dispute = count(&city, "select max(id) from submission.receipt_dispute").await;
    let path = format!("receipts/disputes/{dispute}/answer");
    officer.post_form(&path, &[("answer", "")]).await.expect(422);
    officer.post_form(&path, &[("answer", "數學在第二學期")]).await.expect(303);
    officer.post_form(&path, &[("answer", "再一次")]).await.expect(409);
    assert!(student.get("receipt").await.text().contains("數學在第二學期"));

    // the window is over, and so is the session
    city.pass(Duration::days(6));
    let student = city.login_student(SCHOOL, student.subject().into()).await;
    let form = report("又少了");
    let form: Vec<(&str, &str)> = form.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let late = student.post_form("receipt/disputes", &form).await.expect(422);
    assert!(late.text().contains("少了數學") && !late.has("#place"), "{}", late.summary());
    assert_eq!(count(&city, "select count(*) from submission.receipt_dispute").await, 1);
}

/// A receipt part of one student.
fn part_of(kind: &str, about: (i16, i16), number: &str, rows: Value) -> BTreeMap<String, String> {
    let (year, roster) = about;
    let part = json!({
        "名冊資訊": { "學校代碼": SCHOOL, "學年度": year, "學期": 1, "名冊別": roster },
        kind: [{ "身分證號": number, "出生日期": "0990305", "紀錄": rows }],
    });
    BTreeMap::from([(format!("{kind}.json"), part.to_string())])
}

async fn messages(city: &City, student: i64, dedupe: &str) -> i64 {
    sqlx::query_scalar("select count(*) from portfolio.message where student_id = $1 and dedupe like $2 and link like '%/receipt?year=%'")
        .bind(student)
        .bind(dedupe)
        .fetch_one(&mut city.admin().await)
        .await
        .unwrap()
}

/// Domain A-42: the year comes "never from the clock"; §5.10: each roster returns as a receipt of its own, and the
/// student answers kind by kind. In August the calendar says the next year.
#[tokio::test]
async fn the_receipts_of_last_year_are_found_and_answered_in_august() {
    let city = City::up().await;
    let year = year(&city);
    open_confirmation(&city).await;
    sqlx::query(
        "update school.window_period set closes_at = closes_at + interval '400 days' where kind = 'receipt_confirm'",
    )
    .execute(&mut city.admin().await)
    .await
    .unwrap();
    let id = city.login_as(Role::Student, SCHOOL).await.subject();
    let number = national_id(&city, id).await;
    city.pass(Duration::days(280));
    assert_eq!(self::year(&city), year + 1);
    let officer = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    for (kind, roster) in [("修課紀錄", 0), ("校內幹部經歷", 24)] {
        upload(&officer, &part_of(kind, (year, roster), &number, json!([{ "單位名稱": "班級" }])), "x")
            .await
            .expect(303);
    }
    city.drain_jobs().await;
    assert_eq!(messages(&city, id, "receipt.%").await, 2);
    let student = city.login_student(SCHOOL, id.into()).await;
    let home = student.get("home").await.expect(200);
    assert!(home.text().contains("有 2 類收訖明細等你確認"), "{}", home.summary());
    let mine = student.get("receipt").await.expect(200);
    assert_eq!(mine.attributes("input[name=kind]", "value").len(), 2, "{}", mine.summary());
    assert!(
        mine.attributes("a.button", "href").iter().any(|href| href.ends_with(&format!("/receipt?year={}", year - 1)))
    );
    let hash = mine.attributes("input[name=hash]", "value").remove(0);
    let kind = mine.attributes("input[name=kind]", "value").remove(0);
    let of_year = year.to_string();
    let form = [("year", of_year.as_str()), ("kind", &kind), ("hash", &hash)];
    student.post_form("receipt/confirmations", &form).await.expect(303);
    assert!(student.get("home").await.text().contains("有 1 類收訖明細等你確認"));

    let place = format!("{}/", if kind == "cadre" { "course_record" } else { "cadre" });
    let form = [("year", of_year.as_str()), ("place", &place), ("error_code", "01"), ("body", "少了一筆")];
    student.post_form("receipt/disputes", &form).await.expect(303);
    let dispute = count(&city, "select max(id) from submission.receipt_dispute").await;
    let path = format!("receipts/disputes/{dispute}/answer");
    let long = "長".repeat(501);
    let refused = officer.post_form(&path, &[("answer", &long)]).await.expect(422);
    assert!(refused.text().contains(&long), "what was typed is kept: {}", refused.summary());
    let answered = officer.post_form(&path, &[("answer", "已補上")]).await.expect(303);
    assert!(answered.location().ends_with(&format!("/receipts?year={year}")), "{}", answered.location());
    city.drain_jobs().await;
    assert_eq!(messages(&city, id, &format!("dispute.{dispute}")).await, 1);
    let codes =
        officer.post_form("receipts/error-codes", &[("year", &of_year), ("codes", "99 其他")]).await.expect(303);
    assert!(codes.location().ends_with(&format!("/receipts?year={year}")));
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
