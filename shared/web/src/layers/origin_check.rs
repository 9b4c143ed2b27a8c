//! Cross-site request forgery: a request that changes something must come from a page of ours.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{problem::Problem, state::Web};

pub(super) async fn same_origin_only(State(web): State<Web>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(request.headers(), &web.settings().origin) {
        return next.run(request).await;
    }
    Problem::CrossSite.into_response()
}

/// `Sec-Fetch-Site` where the browser sends it, `Origin` otherwise (every browser sends it with a POST).
///
/// A request with neither and without a cookie is a program's (the identity provider's back-channel log-out,
/// another system with a token): it carries no authority that a browser could be tricked into lending.
fn is_ours(headers: &HeaderMap, own_origin: &str) -> bool {
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or("unreadable"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == own_origin,
        (None, None) => !headers.contains_key(header::COOKIE),
    }
}
