//! Two hosts, two worlds: pages with cookies here, students' files without cookies there.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{problem::Problem, state::Web};

/// What orchestrators ask for by whatever address they know.
const FOR_ANY_HOST: [&str; 3] = ["/livez", "/readyz", "/metrics"];

pub(super) async fn keep_apart(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let file = path.starts_with("/f/");
    let allowed = if is_files_host(&request, &web) {
        file
    } else {
        (is_host(&request, &web.settings().origin) && !file) || FOR_ANY_HOST.contains(&path)
    };
    if allowed { next.run(request).await } else { Problem::NotFound.into_response() }
}

pub(super) fn is_files_host(request: &Request, web: &Web) -> bool {
    is_host(request, &web.settings().files_origin)
}

/// Whether the request was sent to the host (and port) of an origin.
fn is_host(request: &Request, origin: &str) -> bool {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 names the host in the URI.
    let host = named.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    let wanted = origin.split_once("://").map_or(origin, |(_, host)| host);
    host.is_some_and(|host| host.eq_ignore_ascii_case(wanted))
}
