//! Workbook, sheets, columns and cover (§5.0).

use serde_json::json;

use crate::{
    book::{Book, outcome, student},
    school::pdf,
    stage::{Stage, assert_accepted, assert_rejected, findings},
};

#[tokio::test]
async fn the_cover_says_what_the_notice_says() {
    let stage = Stage::open().await;
    let changes = [("學校代碼", "353303"), ("學年度", "113"), ("名冊別", "36")];
    for (column, value) in changes {
        let good = stage.one_outcome();
        let mut book = good.clone();
        book.set("封面", 2, column, value);
        let notice = stage.notice_of_bytes(&book.bytes(), &good.sheets[0].1[1], "一");
        let job = stage.desk.notify(&notice).await;
        assert_rejected(&stage.desk.finish(&job).await, &[&format!("封面:2:{column}:cover_mismatch")]);
    }
}

#[tokio::test]
async fn yearly_rosters_have_term_0_on_the_cover() {
    // §5.0: "1/2 for term rosters; 0 for yearly rosters"
    let stage = Stage::open().await;
    let good = stage.one_outcome();
    let mut book = good.clone();
    book.set("封面", 2, "學期", "1");
    let notice = stage.notice_of_bytes(&book.bytes(), &good.sheets[0].1[1], "一");
    let job = stage.desk.notify(&notice).await;
    assert_rejected(&stage.desk.finish(&job).await, &["封面:2:學期:yearly_term", "封面:2:學期:cover_mismatch"]);
}

#[tokio::test]
async fn the_cover_has_its_four_columns_in_order_and_one_row() {
    let stage = Stage::open().await;
    let mut book = stage.one_outcome();
    book.rows("封面")[0].swap(0, 1);
    assert_rejected(&stage.submit(&book).await, &["封面:1:-:column_order"]);

    let mut book = stage.one_outcome();
    book.add("封面", &["353302", "114", "0", "26"]);
    assert_rejected(&stage.submit(&book).await, &["封面:-:-:cover_mismatch"]);
}

#[tokio::test]
async fn sheets_stand_in_their_order_under_their_names() {
    let stage = Stage::open().await;
    let mut swapped = stage.one_outcome();
    swapped.sheets.swap(2, 3);
    let mut missing = stage.one_outcome();
    missing.sheets.pop();
    let mut renamed = stage.one_outcome();
    renamed.sheets[6].0 = "借讀".into();
    let mut more = stage.one_outcome();
    more.sheets.push(("備註".into(), Vec::new()));
    for book in [swapped, missing, renamed, more] {
        assert_rejected(&stage.submit(&book).await, &["-:-:-:sheet_order"]);
    }
}

#[tokio::test]
async fn columns_stand_in_their_order_under_their_names() {
    let stage = Stage::open().await;
    let sheet = "重修課程學習成果";
    let mut swapped = stage.one_outcome();
    swapped.rows(sheet)[0].swap(2, 3);
    let mut renamed = stage.one_outcome();
    renamed.rows(sheet)[0][5] = "課程代碼".into();
    let mut missing = stage.one_outcome();
    missing.rows(sheet)[0].pop();
    let mut more = stage.one_outcome();
    more.rows(sheet)[0].push("DataKey".into());
    for book in [swapped, renamed, missing, more] {
        assert_rejected(&stage.submit(&book).await, &[&format!("{sheet}:1:-:column_order")]);
    }
}

#[tokio::test]
async fn remark_columns_after_the_data_are_ignored() {
    // §5: "Rosters carry optional remark columns after the data (備註 學生姓名, 當學期班級/座號/學號, …); MOE ignores them"
    let stage = Stage::open().await;
    let mut book = stage.one_outcome();
    let rows = book.rows("學期課程學習成果");
    rows[0].extend(["備註 學生姓名".into(), "當學期班級".into(), "當學期座號".into()]);
    rows[1].extend(["某生".into(), "101".into(), "7".into()]);
    assert_accepted(&stage.submit(&book).await);
}

#[tokio::test]
async fn what_is_no_workbook_is_said_so() {
    let stage = Stage::open().await;
    let cover = stage.one_outcome().sheets[0].1[1].clone();
    let notice = stage.notice_of_bytes(b"not a workbook", &cover, "one");
    let job = stage.desk.notify(&notice).await;
    assert_rejected(&stage.desk.finish(&job).await, &["-:-:-:workbook_unreadable"]);
}

#[tokio::test]
async fn the_workbook_has_the_hash_and_the_size_of_the_notice() {
    let stage = Stage::open().await;
    let good = stage.notice(&stage.one_outcome(), "一");
    let size = good["size"].as_u64().unwrap();
    let changes = [
        ("sha256", json!("0".repeat(64)), "workbook_hash"),
        ("size", json!(size + 1), "workbook_size"),
        ("size", json!(size - 1), "workbook_size"),
    ];
    for (number, (field, value, code)) in changes.into_iter().enumerate() {
        let mut notice = good.clone();
        notice[field] = value;
        notice["batch"] = json!(number.to_string());
        let job = stage.desk.notify(&notice).await;
        assert_rejected(&stage.desk.finish(&job).await, &[&format!("-:-:-:{code}")]);
    }
}

#[tokio::test]
async fn a_notice_repeated_after_a_failed_download_starts_the_job_again() {
    let stage = Stage::open().await;
    let notice = stage.notice(&stage.one_outcome(), "一");
    let mut gone = notice.clone();
    gone["url"] = json!(notice["url"].as_str().unwrap().replace("/roster/", "/expired/"));
    let job = stage.desk.notify(&gone).await;
    assert_rejected(&stage.desk.finish(&job).await, &["-:-:-:workbook_download"]);
    assert_eq!(stage.desk.notify(&notice).await, job);
    assert_accepted(&stage.desk.follow(&job, |status| status["state"] == "receipt_ready").await);
}

#[tokio::test]
async fn errors_are_listed_up_to_a_thousand_and_counted_beyond() {
    let stage = Stage::open().await;
    let document = stage.school.file(&pdf(0), "pdf");
    let mut book = Book::new(26);
    for number in 0..1100 {
        let mut row = outcome("", "國語文", &document);
        let subject = number.to_string();
        row[4] = &subject;
        book.add("學期課程學習成果", &row);
    }
    book.add("學期課程學習成果", &outcome(&student(1), "國語文", &document));
    let job = stage.submit(&book).await;
    assert_eq!(findings(&job).len(), 1000);
    assert_eq!(job["errors_total"], 1100);
    let results = job["results"].as_array().unwrap();
    assert_eq!(results.len(), 1101);
    assert_eq!(results[1099]["accepted"], false);
    assert_eq!(results[1100], json!({"sheet": "學期課程學習成果", "row": 1102, "accepted": true}));
}
