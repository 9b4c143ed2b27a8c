//! Rows of the rosters of learning outcomes, 26 and 28 (§5.6).

use crate::{
    book::{Book, COURSE, outcome, student},
    school::{mp4, pdf},
    stage::{Stage, assert_accepted, assert_rejected},
};

const SHEET: &str = "學期課程學習成果";

fn at(column: &str, code: &str) -> String {
    format!("{SHEET}:2:{column}:{code}")
}

/// Submits one good outcome with one cell changed and expects one finding in that cell.
async fn refused(column: &str, values: &[&str], code: &str) {
    let stage = Stage::open().await;
    for value in values {
        assert_rejected(&stage.submit_outcome_with(column, value).await, &[&at(column, code)]);
    }
}

async fn taken(column: &str, values: &[&str]) {
    let stage = Stage::open().await;
    for value in values {
        assert_accepted(&stage.submit_outcome_with(column, value).await);
    }
}

#[tokio::test]
async fn all_six_sheets_of_roster_26_are_taken() {
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(1), "pdf");
    let media = stage.school.file(&mp4(), "mp4");
    let [a, b, c] = [student(1), student(2), student(3)];
    let (birth, summary) = ("0970703", "說明");
    let mut book = Book::new(26);
    book.add(SHEET, &outcome(&a, "國語文", &document));
    book.add(
        "補修課程學習成果",
        &[&a, birth, "113", "2", "1", COURSE, "數學", "1", "4", "1", &document, &media, summary],
    );
    book.add("重修課程學習成果", &[&b, birth, "113", "1", "2", COURSE, "歷史", "1", "2", "2", &document, "", summary]);
    book.add("重讀課程學習成果", &[&b, birth, "1", COURSE, "物理", "2", "2", "", &media, ""]);
    book.add(
        "轉學轉科課程學習成果",
        &[&c, birth, "343302", "113", "1", COURSE, "化學", "1", "2", &document, "", summary],
    );
    book.add(
        "借讀課程學習成果",
        &[&c, birth, "351C01", "114", "2", COURSE, "生物", "2", "1.5", &document, "", summary],
    );
    let job = stage.submit(&book).await;
    assert_accepted(&job);
    assert_eq!(job["results"].as_array().unwrap().len(), 6);
    assert!(job["results"].as_array().unwrap().iter().all(|result| result["accepted"] == true));
    assert_eq!(job["progress"], serde_json::json!({"files_done": 2, "files_total": 2}));
}

#[tokio::test]
async fn the_evening_division_counts_periods() {
    // §5.6: roster 28 has 學期, 轉學轉科, 借讀 with 節數
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(1), "pdf");
    let mut book = Book::new(28);
    book.add(SHEET, &outcome(&student(1), "國語文", &document));
    assert_accepted(&stage.submit(&book).await);
    book.rows(SHEET)[0][6] = "修課學分".into();
    assert_rejected(&stage.submit(&book).await, &[&format!("{SHEET}:1:-:column_order")]);
}

#[tokio::test]
async fn identity_numbers_have_a_form_and_a_check_digit() {
    refused("身分證號", &["A123456788", "A12345678", "a123456789", "AE01234567", "A800000015"], "national_id").await;
}

#[tokio::test]
async fn citizens_and_residents_of_both_forms_are_students() {
    taken("身分證號", &["A123456789", "A800000014", "AC01234567"]).await;
}

#[tokio::test]
async fn dates_are_roc_of_seven_digits_and_valid() {
    refused("出生日期", &["2008/07/03", "970703", "0970230", "0971301"], "date").await;
}

#[tokio::test]
async fn cells_that_must_be_filled_are() {
    for column in ["身分證號", "出生日期", "實際修課學期", "課程代碼", "科目名稱", "開課年級", "修課學分"]
    {
        refused(column, &[""], "required").await;
    }
    taken("成果簡述", &[""]).await;
}

#[tokio::test]
async fn course_codes_are_23_digits_or_capital_letters() {
    // §5.8.3: "Exactly 23 characters, all in [0-9A-Z]"
    refused(
        "課程代碼",
        &["108353302H11101A101010", "108353302H11101A10101011", "108353302h11101A1010101"],
        "course_code",
    )
    .await;
    taken("課程代碼", &["1090603xxH11101A1010101".to_uppercase().as_str()]).await;
}

#[tokio::test]
async fn terms_grades_and_credits_are_numbers_of_their_range() {
    refused("實際修課學期", &["0", "3"], "number").await;
    refused("開課年級", &["0", "4", "一"], "number").await;
    refused("修課學分", &["四", "4.", "12345"], "number").await;
}

#[tokio::test]
async fn names_and_summaries_have_their_lengths() {
    refused("科目名稱", &["學".repeat(31).as_str()], "too_long").await;
    taken("科目名稱", &["學".repeat(30).as_str()]).await;
    // §4.2: "100 Unicode scalar values"
    refused("成果簡述", &["字".repeat(101).as_str()], "summary_length").await;
    taken("成果簡述", &["字".repeat(100).as_str()]).await;
}

#[tokio::test]
async fn an_original_year_is_not_after_the_year_of_the_roster() {
    // §5.6: "原修課學年度 ≤ upload year"
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(1), "pdf");
    let sheet = "轉學轉科課程學習成果";
    let student = student(1);
    for (year, fits) in [("114", true), ("115", false), ("107", false)] {
        let mut book = Book::new(26);
        book.add(sheet, &[&student, "0970703", "343302", year, "1", COURSE, "化學", "1", "2", &document, "", ""]);
        let job = stage.submit(&book).await;
        if fits {
            assert_accepted(&job);
        } else {
            assert_rejected(&job, &[&format!("{sheet}:2:原修課學年度:number")]);
        }
    }
}

#[tokio::test]
async fn every_row_has_at_least_one_file_which_may_be_media_only() {
    // §5.7.2 "at least one file"; §7 A-36 "Outcome without document but with media only: allowed"
    let stage = Stage::open().await;
    let job = stage.submit_outcome_with("文件檔連結", "").await;
    assert_rejected(&job, &[&at("-", "file_missing")]);

    let mut book = stage.one_outcome();
    book.set(SHEET, 2, "文件檔連結", "");
    book.set(SHEET, 2, "影音檔連結", &stage.school.file(&mp4(), "mp4"));
    assert_accepted(&stage.submit(&book).await);
}

#[tokio::test]
async fn a_student_has_at_most_six_outcomes_over_all_sheets() {
    // §4.1: "6 per year, hard"
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(1), "pdf");
    let student = student(1);
    let mut book = Book::new(26);
    for subject in ["國語文", "英語文", "數學", "歷史", "地理", "物理"] {
        book.add(SHEET, &outcome(&student, subject, &document));
    }
    assert_accepted(&stage.submit(&book).await);
    book.add("重讀課程學習成果", &[&student, "0970703", "1", COURSE, "化學", "2", "2", &document, "", ""]);
    assert_rejected(&stage.submit(&book).await, &["重讀課程學習成果:2:-:too_many_outcomes"]);
}

#[tokio::test]
async fn a_row_does_not_stand_twice() {
    let stage = Stage::open().await;
    let mut book = stage.one_outcome();
    let again = book.rows(SHEET)[1].clone();
    book.rows(SHEET).push(again);
    // the same file under another token is the same file
    let other_token = book.rows(SHEET)[1][7].replace("/token/", "/other/");
    stage.school.put(&other_token[other_token.find("/f/").unwrap()..], &pdf(0));
    book.set(SHEET, 3, "文件檔連結", &other_token);
    assert_rejected(&stage.submit(&book).await, &[&format!("{SHEET}:3:-:duplicate_row")]);

    // another file for the same course is another outcome
    book.set(SHEET, 3, "文件檔連結", &stage.school.file(&pdf(9), "pdf"));
    assert_accepted(&stage.submit(&book).await);
}
