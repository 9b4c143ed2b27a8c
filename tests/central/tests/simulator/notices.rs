//! The two calls of §5.11: 通知檔案取得位置 and 查詢狀態.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_accepted};

#[tokio::test]
async fn without_the_key_nothing_is_answered() {
    let stage = Stage::open().await;
    let response = stage.desk.stranger("/api/jobs/any").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn the_same_notice_again_is_the_same_job() {
    let stage = Stage::open().await;
    let notice = stage.notice(&stage.one_outcome(), "一");
    let first = stage.desk.notify(&notice).await;
    let second = stage.desk.notify(&notice).await;
    assert_eq!(first, second);
    assert_accepted(&stage.desk.finish(&first).await);
    assert_eq!(stage.desk.notify(&notice).await, first);
    assert_eq!(stage.school.hits(notice["url"].as_str().unwrap()), 1);

    let mut other_batch = notice.clone();
    other_batch["batch"] = json!("二");
    assert_ne!(stage.desk.notify(&other_batch).await, first);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let stage = Stage::open().await;
    let good = stage.notice(&stage.one_outcome(), "一");
    let wrong = [
        ("school_code", json!("35330")),
        ("academic_year", json!(107)),
        ("term", json!(3)),
        ("roster_code", json!(27)),
        ("batch", json!("")),
        ("url", json!("ftp://school/roster.xlsx")),
        ("sha256", json!("ABCD")),
        ("size", json!(0)),
        ("expires_at", json!("2019-01-01T00:00:00+08:00")),
    ];
    for (field, value) in &wrong {
        let mut notice = good.clone();
        notice[*field] = value.clone();
        let (status, body) = stage.desk.try_notify(&notice).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
        assert_eq!(body["errors"][0]["field"], *field);
    }
    let (status, body) = stage.desk.try_notify(&json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["errors"].as_array().unwrap().len(), wrong.len());
}

#[tokio::test]
async fn yearly_rosters_have_term_0_and_term_rosters_do_not() {
    let stage = Stage::open().await;
    let mut yearly = stage.notice(&stage.one_outcome(), "一");
    yearly["term"] = json!(1);
    let mut termly = yearly.clone();
    termly["roster_code"] = json!(24);
    termly["term"] = json!(0);
    for notice in [yearly, termly] {
        let (status, body) = stage.desk.try_notify(&notice).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["errors"][0]["field"], "term");
    }
}

#[tokio::test]
async fn what_is_no_json_or_no_job_is_said_so() {
    let stage = Stage::open().await;
    let response = stage.desk.post("/api/notices").body("{").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    for path in ["/api/jobs/none", "/api/jobs/none/receipt", "/api/nowhere"] {
        assert_eq!(stage.desk.get(path).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_nth_request_fails_when_told_so() {
    let stage = Stage::failing_every(2).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = stage.desk.get("/api/jobs/none").send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [404, 503, 404, 503]);
}

#[tokio::test]
async fn the_page_lists_the_jobs_without_personal_data() {
    let stage = Stage::open().await;
    let empty = stage.desk.stranger("/").send().await.unwrap().text().await.unwrap();
    assert!(empty.contains("尚未收到任何通知"));
    let job: Value = stage.submit(&stage.one_outcome()).await;
    assert_accepted(&job);
    let response = stage.desk.stranger("/").send().await.unwrap();
    assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    let page = response.text().await.unwrap();
    for text in ["353302", "學生課程學習成果名冊", "收訖明細已產生", "1/1"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains(&crate::book::student(1)));
}
