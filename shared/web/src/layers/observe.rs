//! Request id, span, log line, metrics.

use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::{request::Facts, state::Web};

pub(super) async fn request(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let facts = Facts::of_request(&mut request, &web);
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = method_name(&request);
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
        request_id = facts.request_id(),
    );

    let mut response = next.run(request).instrument(span.clone()).await;

    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    if let Ok(id) = HeaderValue::from_str(facts.request_id()) {
        response.headers_mut().insert("x-request-id", id);
    }
    let elapsed = started.elapsed();
    let labels = [("route", route.clone()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::histogram!("licheng_http_request_seconds", &labels).record(elapsed.as_secs_f64());
    let hat = facts.session().map(|session| session.hat());
    span.in_scope(|| {
        tracing::info!(
            target: "web::request",
            method,
            route,
            status,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            bytes = response.body().size_hint().exact(),
            school = hat.map(|hat| hat.school.to_string()),
            role = hat.map(|hat| hat.role.code()),
            request_id = facts.request_id(),
            "{method} {route} {status}"
        );
    });
    response
}

/// A name from outside could be anything, and a label of a metric must not.
fn method_name(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
