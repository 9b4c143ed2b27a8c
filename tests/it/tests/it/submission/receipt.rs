//! The receipt: fetched, imported, confirmed or disputed by the students.

use super::{
    SCHOOL, build, close_selection, count, first_student, hand_over, open_confirmation, state, submitter, year,
};
use kernel::role::Role;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
};
use testkit::{Answer, City, Visitor};
use time::Duration;
use zip::{AesMode, ZipArchive, ZipWriter, write::SimpleFileOptions};

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
