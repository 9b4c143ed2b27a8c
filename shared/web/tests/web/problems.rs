//! Every error as a page for people and as a document for programs (design §9).

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::Value;

use crate::house::{House, student};

const PROBLEMS: [(&str, u16); 8] = [
    ("log-in", 401),
    ("forbidden", 403),
    ("gone", 404),
    ("stale", 409),
    ("unprocessable", 422),
    ("too-many", 429),
    ("unavailable", 503),
    ("constraint", 500),
];

#[tokio::test]
async fn people_get_a_page_with_a_way_out() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    for (name, status) in PROBLEMS {
        let seen = browser.get(&format!("/problem/{name}")).await;
        assert_eq!(seen.status.as_u16(), status, "{name}");
        assert!(seen.text("h1").is_some_and(|title| !title.is_empty()));
        assert!(seen.all("main a.button", "href").contains(&"/s/413301/home".to_owned()), "{name}");
        let id = seen.header("x-request-id");
        assert_eq!(seen.text(".problem__id code").as_deref(), Some(id));
        assert!(!seen.body.contains("secret"), "{name} shows internal text");
        assert_eq!(seen.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn programs_get_problem_json() {
    let house = House::up();
    for (name, status) in PROBLEMS {
        let request = house.stranger().request("GET", &format!("/problem/{name}"));
        let seen = house.send(request.header("accept", "application/json").body(Body::empty()).unwrap()).await;
        assert_eq!(seen.header("content-type"), "application/problem+json");
        let document: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(document["status"], status);
        assert!(document["type"].as_str().unwrap().starts_with("urn:licheng:problem:"));
        assert_eq!(document["request_id"].as_str().unwrap(), seen.header("x-request-id"));
        assert!(!seen.body.contains("secret"), "{name} shows internal text");
        let title = (name == "unprocessable").then_some("請填名稱");
        assert_eq!(document["fields"]["title"].as_str(), title);
        let wait = [("too-many", "7"), ("unavailable", "10")].iter().find(|(limited, _)| *limited == name);
        assert_eq!(seen.header("retry-after"), wait.map_or("", |(_, seconds)| seconds), "{name}");
    }
}

/// Under /api everybody is a program, whatever they accept.
#[tokio::test]
async fn the_api_never_answers_with_a_page() {
    let house = House::up();
    let seen = house.stranger().get("/api/v1/nothing").await;
    assert_eq!((seen.status, seen.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
}

/// A panic costs one request; its text stays in the log.
#[tokio::test]
async fn a_panic_is_a_500_without_its_text() {
    let house = House::up();
    let seen = house.stranger().get("/panic").await;
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!seen.body.contains("secret"));
    assert_eq!(house.stranger().get("/styleguide").await.status, StatusCode::OK);
}

/// The framework's own English refusals become ours.
#[tokio::test]
async fn refusals_of_the_framework_are_worded_too() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    assert_eq!(browser.get("/s/413301/nowhere").await.text("h1").as_deref(), Some("找不到這個頁面"));
    let seen = browser.post("/me", "").await;
    assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(seen.text("h1").as_deref(), Some("這個網址不接受這種動作"));
    assert_eq!(browser.post("/s/413301/outcomes", "other=1").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let huge = format!("title={}", "a".repeat(1024 * 1024));
    assert_eq!(browser.post("/s/413301/outcomes", &huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// Somebody logged in keeps their header on a page that does not exist.
#[tokio::test]
async fn a_missing_page_still_knows_the_person() {
    let house = House::up();
    let seen = house.log_in(&student()).await.get("/nowhere").await;
    assert_eq!(seen.text(".identity__role").as_deref(), Some("學生"));
    assert!(house.stranger().get("/nowhere").await.all("main a.button", "href").contains(&"/login".to_owned()));
}
