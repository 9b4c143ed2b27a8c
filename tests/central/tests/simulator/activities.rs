//! Rows of the rosters that are not academic, 24 and 25 (§5.7).

use crate::{
    book::{Book, student},
    school::{mp4, pdf},
    stage::{Stage, assert_accepted, assert_rejected},
};

const BIRTH: &str = "0970703";

/// A good row of every sheet of roster 25, without its student and its files.
const GOOD: [(&str, &[&str]); 10] = [
    ("幹部經歷暨事蹟紀錄", &["高一 1 班", "1140901", "1150120", "班長", "帶領班級完成校慶展演。", "2"]),
    ("競賽參與紀錄", &["全國高級中等學校小論文競賽", "", "3", "甲等", "1141115", "比較三種節能方案。", "2"]),
    ("檢定證照紀錄", &["0101", "1", "785", "聽力 400；閱讀 385", "1140830", "", "", "準備過程。"]),
    ("服務學習紀錄", &["社區圖書館志工", "大安分館", "1140701", "1140731", "16.5", "整理館藏。"]),
    ("彈性學習時間紀錄", &["1", "河川水質監測", "教務處", "114", "1", "2", "18", "自主學習計畫。"]),
    ("團體活動時間紀錄", &["2", "學務處", "天文社", "114", "1", "12", "社團觀測。"]),
    ("職場學習紀錄", &["1", "自來水園區", "參訪學員", "1141003", "1141003", "4", "淨水流程。"]),
    ("作品成果紀錄", &["校園植物圖鑑", "1141220", "手繪與攝影。"]),
    ("大學及技專校院先修課程紀錄", &["大學預修", "數學系", "微積分", "1140901", "1150115", "3", "54", "修課心得。"]),
    ("其他多元表現紀錄", &["讀書會", "圖書館", "1140901", "1141231", "10", "每週共讀。"]),
];

fn row<'r>(student: &'r str, own: &[&'r str], files: [&'r str; 3]) -> Vec<&'r str> {
    [student, BIRTH].into_iter().chain(own.iter().copied()).chain(files).collect()
}

/// Submits one good row of a sheet with one cell changed.
async fn submit_with(stage: &Stage, sheet: &str, column: &str, value: &str) -> serde_json::Value {
    let document = stage.school.file(&pdf(0), "pdf");
    let own = GOOD.iter().find(|(name, _)| *name == sheet).unwrap().1;
    let mut book = Book::new(25);
    book.add(sheet, &row(&student(1), own, [&document, "", ""]));
    book.set(sheet, 2, column, value);
    stage.submit(&book).await
}

async fn refused(sheet: &str, column: &str, values: &[&str], code: &str) {
    let stage = Stage::open().await;
    for value in values {
        let job = submit_with(&stage, sheet, column, value).await;
        assert_rejected(&job, &[&format!("{sheet}:2:{column}:{code}")]);
    }
}

#[tokio::test]
async fn all_ten_sheets_of_roster_25_are_taken() {
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(0), "pdf");
    let media = stage.school.file(&mp4(), "mp4");
    let mut book = Book::new(25);
    for (sheet, own) in GOOD {
        book.add(sheet, &row(&student(1), own, [&document, &media, "https://video.example/1"]));
    }
    let job = stage.submit(&book).await;
    assert_accepted(&job);
    assert_eq!(job["results"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn the_spellings_of_the_domain_tables_name_the_same_column() {
    // the table of §5.7.2 abbreviates (簡述, 開始), §5.9 writes out (競賽獎項, 幹部等級代碼)
    let stage = Stage::open().await;
    let mut book = Book::new(25);
    book.rows("幹部經歷暨事蹟紀錄")[0][6..8].clone_from_slice(&["簡述".into(), "幹部等級代碼".into()]);
    book.rows("競賽參與紀錄")[0][5] = "競賽獎項".into();
    book.rows("彈性學習時間紀錄")[0][2] = "彈性學習時間類別（種類）代碼".into();
    assert_accepted(&stage.submit(&book).await);
}

#[tokio::test]
async fn codes_are_those_of_the_tables() {
    // §5.7.3
    refused("幹部經歷暨事蹟紀錄", "幹部等級", &["0", "6"], "code_table").await;
    refused("競賽參與紀錄", "競賽等級代碼", &["5", "校級"], "code_table").await;
    refused("競賽參與紀錄", "團體參與代碼", &["3"], "code_table").await;
    refused("檢定證照紀錄", "註1", &["5"], "code_table").await;
    refused("檢定證照紀錄", "證照代碼", &["101", "010A"], "code_table").await;
    refused("彈性學習時間紀錄", "彈性學習時間類別(種類)代碼", &["6"], "code_table").await;
    refused("團體活動時間紀錄", "團體活動時間類別代碼", &["7"], "code_table").await;
    refused("職場學習紀錄", "職場學習類別代碼", &["5"], "code_table").await;
}

#[tokio::test]
async fn texts_have_the_lengths_of_the_field_tables() {
    let cases = [
        ("幹部經歷暨事蹟紀錄", "單位名稱", 20),
        ("幹部經歷暨事蹟紀錄", "擔任職務", 20),
        ("競賽參與紀錄", "競賽名稱", 40),
        ("競賽參與紀錄", "獎項", 20),
        ("檢定證照紀錄", "分項結果", 50),
        ("服務學習紀錄", "服務名稱", 20),
        // "Where a length is not given, use 40 characters for names and 20 for units/titles"
        ("彈性學習時間紀錄", "內容(開設名稱)", 40),
        ("職場學習紀錄", "職稱", 20),
        ("其他多元表現紀錄", "名稱", 20),
    ];
    let stage = Stage::open().await;
    for (sheet, column, most) in cases {
        assert_accepted(&submit_with(&stage, sheet, column, &"字".repeat(most)).await);
        let job = submit_with(&stage, sheet, column, &"字".repeat(most + 1)).await;
        assert_rejected(&job, &[&format!("{sheet}:2:{column}:too_long")]);
    }
    refused("競賽參與紀錄", "內容簡述", &["字".repeat(101).as_str()], "summary_length").await;
}

#[tokio::test]
async fn hours_are_decimals_and_weeks_are_1_to_18() {
    refused("服務學習紀錄", "時數", &["十", "-1", "1000.5"], "number").await;
    refused("彈性學習時間紀錄", "開設週數", &["0", "19", "2.5"], "number").await;
}

#[tokio::test]
async fn an_activity_does_not_end_before_it_begins_but_may_end_the_same_day() {
    // §7 A-06: "accept end ≥ start"
    let stage = Stage::open().await;
    let sheet = "服務學習紀錄";
    assert_accepted(&submit_with(&stage, sheet, "結束日期", "1140701").await);
    let job = submit_with(&stage, sheet, "結束日期", "1140630").await;
    assert_rejected(&job, &[&format!("{sheet}:2:-:date_order")]);
    refused(sheet, "開始日期", &["1140732", "114/7/1"], "date").await;
}

#[tokio::test]
async fn an_external_link_comes_only_with_media() {
    // §5.7.2: "external link only with media"
    let stage = Stage::open().await;
    let sheet = "作品成果紀錄";
    let job = submit_with(&stage, sheet, "外部影音連結", "https://video.example/1").await;
    assert_rejected(&job, &[&format!("{sheet}:2:-:external_without_media")]);
}

#[tokio::test]
async fn links_are_addresses_of_at_most_500_characters() {
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(0), "pdf");
    let media = stage.school.file(&mp4(), "mp4");
    let sheet = "作品成果紀錄";
    let longest = format!("https://video.example/{}", "v".repeat(500 - 22));
    let cases =
        [(longest.clone(), None), (format!("{longest}v"), Some("too_long")), ("影片".into(), Some("external_link"))];
    for (external, code) in cases {
        let mut book = Book::new(25);
        book.add(sheet, &row(&student(1), GOOD[7].1, [&document, &media, &external]));
        let job = stage.submit(&book).await;
        match code {
            None => assert_accepted(&job),
            Some(code) => assert_rejected(&job, &[&format!("{sheet}:2:外部影音連結:{code}")]),
        }
    }
}

#[tokio::test]
async fn every_activity_has_at_least_one_file() {
    let stage = Stage::open().await;
    let job = submit_with(&stage, "作品成果紀錄", "證明文件連結", "").await;
    assert_rejected(&job, &["作品成果紀錄:2:-:file_missing"]);
}

#[tokio::test]
async fn a_student_has_at_most_ten_activities_over_all_sheets() {
    // §4.5: "Selection limit 10/year over all ten kinds together"
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(0), "pdf");
    let student = student(1);
    let mut book = Book::new(25);
    for (sheet, own) in GOOD {
        book.add(sheet, &row(&student, own, [&document, "", ""]));
    }
    assert_accepted(&stage.submit(&book).await);
    book.add("作品成果紀錄", &row(&student, &["校園地圖", "1141221", ""], [&document, "", ""]));
    // rows are counted in the order of the sheets: the eleventh is the last row of the last sheet
    assert_rejected(&stage.submit(&book).await, &["其他多元表現紀錄:2:-:too_many_activities"]);
}

#[tokio::test]
async fn the_cadre_roster_belongs_to_a_term_and_carries_no_files() {
    // §5.7.1
    let stage = Stage::open().await;
    let sheet = "幹部經歷紀錄";
    let mut book = Book::new(24);
    book.add(sheet, &[&student(1), BIRTH, "高一 1 班", "1140901", "1150120", "風紀股長", "2"]);
    let job = stage.submit(&book).await;
    assert_accepted(&job);
    assert_eq!(job["progress"]["files_total"], 0);
    book.set(sheet, 2, "幹部等級", "8");
    assert_rejected(&stage.submit(&book).await, &[&format!("{sheet}:2:幹部等級:code_table")]);
}
