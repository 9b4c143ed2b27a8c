//! A small room behind the real layers, with a real Redis.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, response::Response};
use kernel::{
    actor::Subject,
    clock::Clock,
    ids::{PersonId, StaffId, StudentId},
    role::Role,
    school::SchoolCode,
    secrets::Keys,
};
use scraper::{Html, Selector};
use time::{OffsetDateTime, macros::datetime};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use web::{
    Answer, FieldErrors, Flash, Form, HasWeb, Hat, LoggedIn, May, Page, Problem, Routes, Session, Settings, Visitor,
    Web, admission::Limits, need, session::Token,
};

pub(crate) const APP: &str = "licheng.test";
pub(crate) const FILES: &str = "files.test";
pub(crate) const SCHOOL: &str = "413301";
/// Sunday 115/11/22, 14:00 in Taiwan.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 06:00 UTC);

pub(crate) struct House {
    pub(crate) app: Router,
    pub(crate) web: Web,
    pub(crate) clock: Clock,
    /// What slow handlers wait for.
    pub(crate) gate: Arc<Semaphore>,
}

/// As the configuration's defaults.
pub(crate) const LIMITS: Limits = Limits {
    min: 4,
    max: 64,
    checks: 8,
    target: Duration::from_millis(100),
    patience: [Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(2500)],
    retry: Duration::from_secs(5),
};

struct Room {
    web: Web,
    gate: Arc<Semaphore>,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where its Redis is")]
pub(crate) fn redis_url() -> String {
    std::env::var("LICHENG_REDIS_URL")
        .expect("LICHENG_REDIS_URL: run through `cargo run -p local --bin components -- cargo test`")
}

impl House {
    pub(crate) fn up() -> Self {
        Self::with_redis(&redis_url())
    }

    pub(crate) fn with_redis(redis_url: &str) -> Self {
        Self::with(redis_url, LIMITS)
    }

    /// A house in which so many are worked at once and others wait so long.
    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::with(&redis_url(), limits)
    }

    fn with(redis_url: &str, limits: Limits) -> Self {
        let clock = Clock::standing_at(NOW);
        let settings = Settings {
            origin: format!("https://{APP}"),
            files_origin: format!("https://{FILES}"),
            storage_origin: "https://storage.test".to_owned(),
            form_targets: vec!["https://sso.test".to_owned()],
            trusted_proxy: Arc::new(|_| false),
            demo: true,
            limits,
        };
        let keys = Keys::derive(&[3; 32]).unwrap();
        let web = Web::new(settings, redis_url, keys, clock.clone()).unwrap();
        let gate = Arc::new(Semaphore::new(0));
        let room = Arc::new(Room { web: web.clone(), gate: Arc::clone(&gate) });
        let (routes, _) = Routes::new()
            .get("/s/{school}/outcomes", index)
            .post("/s/{school}/outcomes", create)
            .get("/s/{school}/certification", certification)
            .get("/me", me)
            .get("/problem/{name}", problem)
            .get("/panic", panic)
            .get("/slow", slow)
            .post("/slow", slow)
            .post("/s/{school}/selection", slow)
            .get("/f/{token}/{name}", file)
            .with_state(room);
        let app = web::layers(routes.merge(web::service(&web).routes), &web);
        Self { app, web, clock, gate }
    }

    pub(crate) async fn log_in(&self, session: &Session) -> Browser<'_> {
        Browser { house: self, token: Some(self.web.sessions().create(session).await.unwrap()) }
    }

    pub(crate) fn stranger(&self) -> Browser<'_> {
        Browser { house: self, token: None }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Seen {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Seen { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// A student who is also an officer at the same school, wearing the student's hat.
pub(crate) fn student() -> Session {
    let school: SchoolCode = SCHOOL.parse().unwrap();
    let hat =
        |role, subject| Hat {
            school, school_name: "示範高中".to_owned(), role, subject, name: "王<小>明".to_owned()
        };
    Session {
        person: PersonId::from(41),
        login: "s1".to_owned(),
        hats: vec![
            hat(Role::Student, Subject::Student(StudentId::from(42))),
            hat(Role::CourseTeacher, Subject::Staff(StaffId::from(43))),
        ],
        active: 0,
        provider: "oidc".to_owned(),
        id_token: Some("id-token".to_owned()),
        oidc_sid: None,
        device: String::new(),
        must_change_password: false,
        created_at: NOW,
        expires_at: None,
    }
}

pub(crate) struct Browser<'h> {
    house: &'h House,
    pub(crate) token: Option<Token>,
}

impl Browser<'_> {
    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.house.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// Like a form of our own page.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Seen {
        let request = self.request("POST", path).header("sec-fetch-site", "same-origin");
        let kind = "application/x-www-form-urlencoded";
        self.house.send(request.header(header::CONTENT_TYPE, kind).body(form.to_owned().into()).unwrap()).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header(header::HOST, APP);
        let cookie = self.token.as_ref().map(|token| token.set_cookie().to_str().unwrap().to_owned());
        match cookie.as_deref().and_then(|cookie| cookie.split(';').next()) {
            Some(pair) => request.header(header::COOKIE, pair),
            None => request,
        }
    }
}

/// An answer, read to its end.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first element that the selector finds.
    pub(crate) fn text(&self, selector: &str) -> Option<String> {
        let page = Html::parse_document(&self.body);
        let found = page.select(&Selector::parse(selector).unwrap()).next()?;
        Some(found.text().collect::<String>().trim().to_owned())
    }

    pub(crate) fn all(&self, selector: &str, attribute: &str) -> Vec<String> {
        let page = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).unwrap();
        page.select(&selector).map(|found| found.attr(attribute).unwrap_or_default().to_owned()).collect()
    }
}

#[derive(askama::Template)]
#[template(
    source = "{% extends \"layout.html\" %}{% block main %}<p id=\"school\">{{ school }}</p>{% endblock %}",
    ext = "html"
)]
struct Index {
    page: Page,
    school: SchoolCode,
}

async fn index(may: May<need::PortfolioView>) -> Answer {
    web::html(&Index { page: may.page("課程學習成果"), school: may.school() })
}

#[derive(serde::Deserialize)]
struct NewOutcome {
    title: String,
    #[serde(default)]
    tag: Vec<String>,
}

async fn create(may: May<need::PortfolioEdit>, Form(form): Form<NewOutcome>) -> Answer {
    if form.title.is_empty() {
        return Err(Problem::invalid(FieldErrors::one("title", "請填名稱")));
    }
    let flash = Flash::good(format!("已新增 {} 個標籤", form.tag.len()));
    Ok(web::redirect_with(may.url("/outcomes"), &flash))
}

async fn certification(_: May<need::OutcomeCertify>) -> Answer {
    Ok(StatusCode::OK.into_response())
}

async fn me(who: LoggedIn) -> Answer {
    Ok(who.hat().name.clone().into_response())
}

async fn problem(
    _: Visitor,
    axum::extract::Path(name): axum::extract::Path<String>,
    State(_): State<Arc<Room>>,
) -> Answer {
    Err(match name.as_str() {
        "log-in" => Problem::LogIn,
        "forbidden" => Problem::Forbidden,
        "stale" => store::Error::Stale.into(),
        "too-many" => Problem::TooMany { retry_after: std::time::Duration::from_secs(7) },
        "unavailable" => Problem::unavailable(),
        "unprocessable" => Problem::invalid(FieldErrors::one("title", "請填名稱")),
        "constraint" => store::Error::Constraint("secret_constraint".to_owned()).into(),
        _ => Problem::NotFound,
    })
}

/// Takes until the gate opens.
async fn slow(State(room): State<Arc<Room>>) -> Answer {
    drop(room.gate.acquire().await.expect("never closed"));
    Ok("done".into_response())
}

async fn panic() -> Response {
    panic!("secret of the handler")
}

async fn file() -> Response {
    ([(header::CONTENT_TYPE, "application/pdf")], "%PDF").into_response()
}
