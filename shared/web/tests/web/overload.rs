//! A house that is full: who is told to come back, in which order, and what they see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;
use web::admission::Limits;

use crate::house::{House, LIMITS, SCHOOL, Seen};

/// Two places; nobody but deeds waits long.
const SMALL: Limits = Limits {
    min: 2,
    max: 2,
    patience: [Duration::from_millis(30), Duration::from_millis(60), Duration::from_secs(30)],
    ..LIMITS
};

async fn page(house: &House) -> Seen {
    house.stranger().get("/slow").await
}

async fn form(house: &House) -> Seen {
    house.stranger().post("/slow", "").await
}

async fn deed(house: &House) -> Seen {
    house.stranger().post(&format!("/s/{SCHOOL}/selection"), "").await
}

/// Requests that stay inside until the gate opens.
fn occupy(house: &Arc<House>, pages: usize, forms: usize, deeds: usize) -> JoinSet<Seen> {
    let mut inside = JoinSet::new();
    for _ in 0..pages {
        let house = Arc::clone(house);
        inside.spawn(async move { page(&house).await });
    }
    for _ in 0..forms {
        let house = Arc::clone(house);
        inside.spawn(async move { form(&house).await });
    }
    for _ in 0..deeds {
        let house = Arc::clone(house);
        inside.spawn(async move { deed(&house).await });
    }
    inside
}

/// Lets the requests that were just begun take their places.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn all_done(mut inside: JoinSet<Seen>) {
    while let Some(seen) = inside.join_next().await {
        let seen = seen.expect("no panic");
        assert_eq!((seen.status, seen.body.as_str()), (StatusCode::OK, "done"));
    }
}

#[tokio::test]
async fn pages_are_shed_first_then_forms_and_what_was_let_in_is_finished() {
    let house = Arc::new(House::with_limits(SMALL));
    let pages = occupy(&house, 2, 0, 0);
    settle().await;
    assert_eq!(page(&house).await.status, StatusCode::SERVICE_UNAVAILABLE, "no place for a third page");

    let forms = occupy(&house, 0, 1, 0);
    settle().await;
    assert_eq!(form(&house).await.status, StatusCode::SERVICE_UNAVAILABLE, "nor for a second form beside them");

    // a deed has a place of its own, and one more waits for it
    let deeds = occupy(&house, 0, 0, 3);
    settle().await;

    house.gate.add_permits(100);
    for inside in [pages, forms, deeds] {
        all_done(inside).await;
    }
    let begun = Instant::now();
    assert_eq!(page(&house).await.status, StatusCode::OK, "the house has recovered");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn deeds_are_shed_last_of_all() {
    let house = Arc::new(House::with_limits(Limits { patience: [Duration::from_millis(20); 3], ..SMALL }));
    let inside = occupy(&house, 2, 1, 2);
    settle().await;
    assert_eq!(deed(&house).await.status, StatusCode::SERVICE_UNAVAILABLE, "a third deed finds no place either");
    house.gate.add_permits(100);
    all_done(inside).await;
    assert_eq!(deed(&house).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_waits_gets_the_place_that_becomes_free() {
    let house = Arc::new(House::with_limits(Limits { patience: [Duration::from_secs(30); 3], ..SMALL }));
    let inside = occupy(&house, 2, 0, 0);
    settle().await;
    let waiting = occupy(&house, 5, 2, 0);
    settle().await;
    house.gate.add_permits(100);
    all_done(inside).await;
    all_done(waiting).await;
}

#[tokio::test]
async fn people_are_told_what_was_kept_and_a_page_loads_itself_again() {
    let house = Arc::new(House::with_limits(SMALL));
    let inside = occupy(&house, 2, 1, 0);
    settle().await;

    let read = page(&house).await;
    assert_eq!(read.text("h1").as_deref(), Some("目前使用人數很多，請稍候再試"));
    assert!(read.text(".problem__detail").is_some_and(|text| text.contains("您已送出的資料都有保留")));
    let seconds: u64 = read.header("retry-after").parse().expect("seconds");
    assert!((5..=10).contains(&seconds), "{seconds}");
    assert_eq!(read.all("meta[http-equiv=refresh]", "content"), [seconds.to_string()]);

    // what was sent is not sent again by itself
    let sent = form(&house).await;
    assert!(sent.text(".problem__detail").is_some_and(|text| text.contains("還沒有生效")));
    assert!(!sent.header("retry-after").is_empty());
    assert!(sent.all("meta[http-equiv=refresh]", "content").is_empty());

    let request = house.stranger().request("GET", "/slow").header("accept", "application/json");
    let program = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    let document: Value = serde_json::from_str(&program.body).unwrap();
    assert_eq!((program.status.as_u16(), &document["type"]), (503, &Value::from("urn:licheng:problem:busy")));
    assert!(!program.header("retry-after").is_empty());

    // style sheets and scripts come also to a full house
    let sheet = read.all("link[rel=stylesheet]", "href").pop().expect("the page has a style sheet");
    assert_eq!(house.stranger().get(&sheet).await.status, StatusCode::OK);
    house.gate.add_permits(100);
    all_done(inside).await;
}
