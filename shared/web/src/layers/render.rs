//! Problems become pages for people and RFC 9457 documents for programs.

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::{
    field_errors::FieldErrors,
    layers::hosts,
    page::Page,
    problem::{Problem, wants_json},
    request::Facts,
    state::Web,
};

pub(super) async fn problems(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let facts = Facts::of_request(&mut request, &web);
    let on_files_host = hosts::is_files_host(&request, &web);
    let (method, json) = (request.method().clone(), wants_json(request.headers(), request.uri().path()));
    let mut response = next.run(request).await;
    let Some(problem) = problem_of(&mut response, &method) else { return response };
    if let Problem::Internal(source) = &problem {
        tracing::error!(request_id = facts.request_id(), error = %chain(&**source), "a request failed through our fault");
    }
    let retry = Ask { method, facts };
    let mut rendered = match (json, on_files_host) {
        (true, _) => document(&problem, &retry.facts),
        (false, true) => file_page(&problem, &web),
        (false, false) => page(&problem, &retry),
    };
    let kept: HeaderMap = response.headers().clone();
    for name in [header::RETRY_AFTER, header::ALLOW, header::SET_COOKIE] {
        if let Some(value) = kept.get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// What was asked, for the ways out.
struct Ask {
    method: Method,
    facts: Facts,
}

/// The problem a handler returned, or the one behind a refusal of the framework, whose English text people never see.
fn problem_of(response: &mut Response, method: &Method) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| !kind.starts_with("text/plain")) {
        return None;
    }
    match response.status() {
        // A path parameter that is no number names nothing.
        StatusCode::BAD_REQUEST if method.is_safe() => Some(Problem::NotFound),
        StatusCode::NOT_FOUND => Some(Problem::NotFound),
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            Some(Problem::unprocessable("送出的內容格式不對。"))
        }
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::TooLarge),
        StatusCode::INTERNAL_SERVER_ERROR => Some(Problem::internal("a bare 500 from the framework")),
        _ => None,
    }
}

/// The source and what caused it, for the log.
fn chain(source: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(source), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[derive(Serialize)]
struct Document<'p> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'p str,
    request_id: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'p FieldErrors>,
}

fn document(problem: &Problem, facts: &Facts) -> Response {
    let fields = match problem {
        Problem::Unprocessable { fields, .. } if !fields.is_empty() => Some(fields),
        _ => None,
    };
    let document = Document {
        r#type: format!("urn:licheng:problem:{}", problem.kind()),
        title: problem.title(),
        status: problem.status().as_u16(),
        detail: &problem.detail(),
        request_id: facts.request_id(),
        fields,
    };
    let body = serde_json::to_vec(&document).expect("plain fields serialise");
    let kind = HeaderValue::from_static("application/problem+json");
    (problem.status(), [(header::CONTENT_TYPE, kind)], Body::from(body)).into_response()
}

/// The page of a problem.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    page: Page,
    status: u16,
    detail: String,
    ways_out: Vec<WayOut>,
    /// A page that could not be read loads itself again, after so many seconds.
    again_in: Option<u64>,
}

/// A link that leads on.
struct WayOut {
    label: &'static str,
    url: String,
}

fn page(problem: &Problem, ask: &Ask) -> Response {
    let page = ErrorPage {
        page: Page::new(&ask.facts, problem.title()),
        status: problem.status().as_u16(),
        detail: detail(problem, &ask.method),
        ways_out: ways_out(problem, ask),
        again_in: again_in(problem, &ask.method),
    };
    match page.render() {
        Ok(html) => (problem.status(), axum::response::Html(html)).into_response(),
        Err(_) => problem.status().into_response(),
    }
}

/// Only what was read is loaded again: what was sent is the person's to send again.
fn again_in(problem: &Problem, method: &Method) -> Option<u64> {
    match problem {
        Problem::Busy { retry_after } if method.is_safe() => Some(retry_after.as_secs().max(1)),
        _ => None,
    }
}

/// What people do who find the house full depends on whether they read or sent.
fn detail(problem: &Problem, method: &Method) -> String {
    match (problem, again_in(problem, method)) {
        (_, Some(seconds)) => {
            format!("您已送出的資料都有保留。這個頁面會在 {seconds} 秒後自動重新載入，不必一直按重新整理。")
        }
        (Problem::Busy { retry_after }, None) => format!(
            "您先前送出的資料都有保留；剛才這一次還沒有生效。請等 {} 秒，再按瀏覽器的「重新整理」並選擇重新送出，填寫的內容不會遺失。",
            retry_after.as_secs().max(1)
        ),
        _ => problem.detail().into_owned(),
    }
}

/// The page of a problem on the files' host, where no style sheet, no session and no navigation is: mostly a link that
/// is too old, shown where the file was to be.
#[derive(Template)]
#[template(path = "file_error.html")]
struct FileErrorPage<'a> {
    title: &'static str,
    detail: String,
    origin: &'a str,
}

fn file_page(problem: &Problem, web: &Web) -> Response {
    let (title, detail) = match problem {
        Problem::NotFound => {
            ("檔案連結已失效", "連結只在一段時間內有效。請回到原來的頁面重新整理，再開啟一次。".to_owned())
        }
        other => (other.title(), other.detail().into_owned()),
    };
    match (FileErrorPage { title, detail, origin: &web.settings().origin }).render() {
        Ok(html) => (problem.status(), axum::response::Html(html)).into_response(),
        Err(_) => problem.status().into_response(),
    }
}

fn ways_out(problem: &Problem, ask: &Ask) -> Vec<WayOut> {
    let home = ask.facts.session().map(|session| crate::nav::home_path(session.hat()));
    let login = || WayOut { label: "登入", url: "/login".to_owned() };
    let again = |label| WayOut { label, url: ask.facts.path().to_owned() };
    let mut ways = match problem {
        Problem::LogIn => vec![login()],
        Problem::Stale => vec![again("重新載入")],
        Problem::TooMany { .. } | Problem::Unavailable { .. } | Problem::Busy { .. } | Problem::Internal(_)
            if ask.method.is_safe() =>
        {
            vec![again("再試一次")]
        }
        Problem::NotFound | Problem::Forbidden if home.is_none() => vec![login()],
        _ => Vec::new(),
    };
    ways.push(WayOut { label: "回到首頁", url: home.unwrap_or_else(|| "/".to_owned()) });
    ways
}
