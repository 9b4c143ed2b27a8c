//! The receipt zip (§5.10): password, SHA.txt, JSON with BOM per kind.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::{
    book::{Book, COURSE, outcome, student},
    school::{pdf, sha256},
    stage::{Stage, assert_accepted},
};

/// Fetches a receipt and opens it with its password.
async fn fetch(stage: &Stage, path: &str, query: &str) -> (Vec<u8>, String) {
    let response = stage.desk.get(&format!("{path}{query}")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let zip = response.bytes().await.unwrap().to_vec();
    let answer = stage.desk.get(&format!("{path}/password{query}")).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    (zip, answer["password"].as_str().unwrap().to_owned())
}

/// The files of a zip.
fn open(zip: Vec<u8>, password: &str) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index_decrypt(index, password.as_bytes()).unwrap();
        assert!(file.encrypted());
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.insert(file.name().unwrap().into_owned(), bytes);
    }
    files
}

/// Asserts that SHA.txt has a line `file,sha256` for each other file, and that it is right.
fn assert_hashes(files: &BTreeMap<String, Vec<u8>>) {
    let listed = String::from_utf8(files["SHA.txt"].clone()).unwrap();
    let listed: BTreeMap<_, _> = listed.lines().map(|line| line.split_once(',').unwrap()).collect();
    assert_eq!(listed.len(), files.len() - 1);
    for (name, hash) in listed {
        assert_eq!(hash, sha256(&files[name]), "{name}");
    }
}

fn json_of(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    let text = files[name].strip_prefix(b"\xEF\xBB\xBF").expect("UTF-8 with BOM");
    serde_json::from_slice(text).unwrap()
}

#[tokio::test]
async fn an_accepted_roster_has_a_receipt_of_what_was_received() {
    let stage = Stage::open().await;
    let link = stage.school.file(&pdf(0), "pdf");
    let (first, second) = (student(1), student(2));
    let mut book = Book::new(26);
    book.add("學期課程學習成果", &outcome(&first, "國語文", &link));
    book.add("學期課程學習成果", &outcome(&second, "國語文", &link));
    book.add("重讀課程學習成果", &[&first, "0970703", "1", COURSE, "數學", "1", "4", &link, "", "重讀"]);
    let job = stage.submit(&book).await;
    assert_accepted(&job);

    let path = format!("/api/jobs/{}/receipt", job["job_id"].as_str().unwrap());
    let (zip, password) = fetch(&stage, &path, "").await;
    let files = open(zip, &password);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["SHA.txt", "課程學習成果.json"]);
    assert_hashes(&files);
    let receipt = json_of(&files, "課程學習成果.json");
    assert_eq!(
        receipt["名冊資訊"],
        json!({
            "學校代碼": "353302", "學年度": 114, "學期": 0, "名冊別": 26, "名冊名稱": "學生課程學習成果名冊",
            "批次": "一", "名冊SHA256": sha256(&book.bytes()),
        })
    );
    let students = receipt["課程學習成果"].as_array().unwrap();
    assert_eq!(students.len(), 2);
    assert_eq!(students[0]["身分證號"], first);
    assert_eq!(students[0]["出生日期"], "0970703");
    assert_eq!(
        students[0]["重讀課程學習成果"],
        json!([{
            "實際修課學期": "1", "課程代碼": COURSE, "科目名稱": "數學", "開課年級": "1", "修課學分": "4",
            "文件檔連結": link, "影音檔連結": "", "成果簡述": "重讀",
        }])
    );
    assert_eq!(students[1]["重讀課程學習成果"], json!([]));
}

#[tokio::test]
async fn a_receipt_opens_only_with_its_password() {
    let stage = Stage::open().await;
    let job = stage.submit(&stage.one_outcome()).await;
    let path = format!("/api/jobs/{}/receipt", job["job_id"].as_str().unwrap());
    let (zip, password) = fetch(&stage, &path, "").await;
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    assert!(archive.by_index(0).is_err());
    assert!(archive.by_index_decrypt(0, b"guess").is_err());
    assert!(archive.by_index_decrypt(0, password.as_bytes()).is_ok());
    assert_eq!(stage.desk.stranger(&format!("{path}/password")).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn there_is_no_receipt_of_a_rejected_roster() {
    let stage = Stage::open().await;
    let job = stage.submit_outcome_with("課程代碼", "?").await;
    let path = format!("/api/jobs/{}/receipt", job["job_id"].as_str().unwrap());
    assert_eq!(stage.desk.get(&path).send().await.unwrap().status(), StatusCode::CONFLICT);
    let merged = stage.desk.get("/api/schools/353302/receipt?year=114").send().await.unwrap();
    assert_eq!(merged.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_school_has_one_receipt_of_its_newest_accepted_rosters() {
    let stage = Stage::open().await;
    let link = stage.school.file(&pdf(0), "pdf");
    let mut outcomes = stage.one_outcome();
    assert_accepted(&stage.submit(&outcomes).await);
    // corrected and submitted again: the newer one counts
    outcomes.set("學期課程學習成果", 2, "科目名稱", "英語文");
    assert_accepted(&stage.submit(&outcomes).await);
    // sent back: counts for nothing
    outcomes.set("學期課程學習成果", 2, "科目名稱", "");
    stage.submit(&outcomes).await;
    let mut evening = Book::new(28);
    evening.add("學期課程學習成果", &outcome(&student(2), "國語文", &link));
    assert_accepted(&stage.submit(&evening).await);
    let mut activities = Book::new(25);
    activities.add("作品成果紀錄", &[&student(1), "0970703", "圖鑑", "1141220", "", &link, "", ""]);
    assert_accepted(&stage.submit(&activities).await);
    let mut cadres = Book::new(24);
    cadres.add("幹部經歷紀錄", &[&student(1), "0970703", "高一 1 班", "1140901", "1150120", "班長", "2"]);
    assert_accepted(&stage.submit(&cadres).await);

    let path = "/api/schools/353302/receipt";
    let (zip, password) = fetch(&stage, path, "?year=114").await;
    let files = open(zip, &password);
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["SHA.txt", "多元表現.json", "校內幹部經歷_第1學期.json", "課程學習成果.json", "課程學習成果_進修部.json"]
    );
    assert_hashes(&files);
    let row = &json_of(&files, "課程學習成果.json")["課程學習成果"][0]["學期課程學習成果"][0];
    assert_eq!(row["科目名稱"], "英語文");
    let evening = &json_of(&files, "課程學習成果_進修部.json")["課程學習成果"][0];
    assert_eq!(evening["進修部學期課程學習成果"][0]["修課節數"], "4");
    assert_eq!(json_of(&files, "多元表現.json")["多元表現"][0]["作品成果紀錄"][0]["名稱"], "圖鑑");

    let (zip, password) = fetch(&stage, path, "?year=114&term=1").await;
    assert_eq!(open(zip, &password).keys().collect::<Vec<_>>(), ["SHA.txt", "校內幹部經歷_第1學期.json"]);
    let other_year = stage.desk.get(&format!("{path}?year=113")).send().await.unwrap();
    assert_eq!(other_year.status(), StatusCode::NOT_FOUND);
}
