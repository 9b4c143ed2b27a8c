//! What surrounds every route, from the outside in:
//! gzip → request id, log, metrics → headers → hosts → rendering of problems → CSRF → one's turn → time and panics → size.

mod admit;
mod headers;
mod hosts;
mod observe;
mod origin_check;
mod render;
mod survive;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::middleware::from_fn_with_state;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::{guard::Visitor, problem::Problem, state::Web};

/// The size of a body that a route takes unless it says otherwise (`Routes::post_up_to`).
const BODY_LIMIT: usize = 1024 * 1024;

/// Puts the layers around the routes of all services. Called once, by the binary.
pub fn layers(router: Router, web: &Web) -> Router {
    router
        .fallback_service(nothing_here.with_state(web.clone()))
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::from_fn(survive::time_and_panics))
        .layer(from_fn_with_state(web.clone(), admit::in_turn))
        .layer(from_fn_with_state(web.clone(), origin_check::same_origin_only))
        .layer(from_fn_with_state(web.clone(), render::problems))
        .layer(from_fn_with_state(web.clone(), hosts::keep_apart))
        .layer(from_fn_with_state(web.clone(), headers::secure))
        .layer(from_fn_with_state(web.clone(), observe::request))
        // a page is packed for one reader, once: its time counts for more than its last bytes
        .layer(CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest).compress_when(is_text))
}

/// Reads the session, so that the page which says so has the person's own header and ways out.
async fn nothing_here(_: Visitor) -> Problem {
    Problem::NotFound
}

/// Files of students are served in ranges and are packed already; only text gains.
fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = ["text/", "application/json", "application/problem+json", "image/svg+xml"];
    text.iter().any(|text| kind.starts_with(text)) && !headers.contains_key(header::CONTENT_RANGE)
}
