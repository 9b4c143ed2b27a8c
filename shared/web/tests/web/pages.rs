//! Layout, headers, assets, log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::StatusCode;

use crate::house::{House, student};

#[tokio::test]
async fn the_layout_says_who_is_here_and_where_they_can_go() {
    let house = House::up();
    let seen = house.log_in(&student()).await.get("/s/413301/outcomes").await;
    assert_eq!(seen.text("title").as_deref(), Some("課程學習成果・示範高中・歷程"));
    assert_eq!(seen.text("h1").as_deref(), Some("課程學習成果"));
    assert!(seen.text(".identity__person").unwrap().starts_with("王<小>明"), "names are text, not markup");
    assert_eq!(seen.all("nav a[aria-current]", "href"), ["/s/413301/outcomes"]);
    assert_eq!(seen.all("nav a", "href").len(), 6);
    assert_eq!(seen.all("form[action='/session/hat'] button", "value"), ["413301.student", "413301.course_teacher"]);
    assert_eq!(seen.text("footer time").as_deref(), Some("115/11/22 14:00"));
    assert_eq!(seen.all("footer time", "datetime"), ["2026-11-22T06:00:00Z"]);
    assert_eq!(seen.all(".skip-link", "href"), ["#main"]);
}

/// The person with one hat has nothing to switch.
#[tokio::test]
async fn one_hat_has_no_switcher() {
    let house = House::up();
    let mut session = student();
    session.hats.truncate(1);
    let seen = house.log_in(&session).await.get("/s/413301/outcomes").await;
    assert!(seen.all("form[action='/session/hat']", "method").is_empty());
}

/// Strict CSP: scripts only by this answer's nonce, nothing inline, files and storage only where they belong.
#[tokio::test]
async fn scripts_run_by_nonce_only() {
    let house = House::up();
    let [first, second] = [house.stranger().get("/styleguide").await, house.stranger().get("/styleguide").await];
    let policy = first.header("content-security-policy");
    assert_ne!(policy, second.header("content-security-policy"), "a nonce is used once");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    let nonces = first.all("script", "nonce");
    assert!(nonces.len() >= 4 && nonces.iter().all(|found| found == nonce), "{nonces:?}");
    assert!(first.all("script", "src").iter().all(|src| src.starts_with("/assets/")));
    assert!(first.all("[style], style, [onclick]", "style").is_empty());
    for directive in [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' https://files.test",
        "frame-src https://files.test",
        "connect-src 'self' https://storage.test",
        "form-action 'self' https://sso.test",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    ] {
        assert!(policy.split("; ").any(|found| found == directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("unsafe"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        assert_eq!(first.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_a_name_of_their_content() {
    let house = House::up();
    let page = house.stranger().get("/styleguide").await;
    let mut urls = page.all("script", "src");
    urls.extend(page.all("link[rel=stylesheet]", "href"));
    assert!(urls.len() >= 5);
    for url in urls {
        let asset = house.stranger().get(&url).await;
        assert_eq!(asset.status, StatusCode::OK, "{url}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(house.stranger().get("/assets/app.000000000000.css").await.status, StatusCode::NOT_FOUND);
    let packed = house.stranger().request("GET", &page.all("link[rel=stylesheet]", "href")[0]);
    let packed = house.send(packed.header("accept-encoding", "gzip").body(Body::empty()).unwrap()).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
}

/// A sentence after a redirect is shown once.
#[tokio::test]
async fn a_flash_is_shown_once() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    let done = browser.post("/s/413301/outcomes", "title=a&tag=x&tag=y").await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/s/413301/outcomes"));
    let flash = done.header("set-cookie").split(';').next().unwrap().to_owned();
    let with_flash = browser.request("GET", "/s/413301/outcomes").header("cookie", flash);
    let shown = house.send(with_flash.body(Body::empty()).unwrap()).await;
    assert_eq!(shown.text("[role=status]").as_deref(), Some("已新增 2 個標籤"));
    assert!(shown.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.get("/s/413301/outcomes").await.text("[role=status]"), None);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One line for each request, searchable, without query strings, names or ids of people.
#[tokio::test]
async fn the_log_line_tells_the_route_and_no_person() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    // For all threads: callsites remember whether anybody listened when another test met them first.
    tracing::subscriber::set_global_default(subscriber).expect("no other test listens");
    let house = House::up();
    let seen = house.log_in(&student()).await.get("/s/413301/outcomes?name=王小明").await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let id = seen.header("x-request-id");
    let line: Vec<&str> =
        text.lines().filter(|line| line.contains(id) && line.contains(r#""target":"web::request""#)).collect();
    assert_eq!(line.len(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(line[0]).unwrap();
    let fields = &line["fields"];
    assert_eq!(fields["message"], "GET /s/{school}/outcomes 200");
    assert_eq!((&fields["method"], &fields["route"]), (&"GET".into(), &"/s/{school}/outcomes".into()));
    assert_eq!(
        (&fields["status"], &fields["role"], &fields["school"]),
        (&200.into(), &"student".into(), &"413301".into())
    );
    assert_eq!(fields["bytes"], seen.body.len());
    assert_eq!(fields["request_id"], id);
    for secret in ["王", "name=", "person", "41,", "s1"] {
        assert!(!line["fields"].to_string().contains(secret), "{secret} in {line}");
    }
}
