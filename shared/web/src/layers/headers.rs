//! Headers that tell browsers what our pages and files may do.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::{answer::Flash, layers::hosts, request::Facts, state::Web};

pub(super) async fn secure(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let facts = Facts::of_request(&mut request, &web);
    let file = hosts::is_files_host(&request, &web);
    let mut response = next.run(request).await;
    let flash_shown = facts.flash().is_some() && is_page(&response);
    let headers = response.headers_mut();
    if file {
        of_file(headers, &web);
    } else {
        of_page(headers, &web, facts.nonce());
    }
    of_both(headers, &web);
    if flash_shown {
        headers.append(header::SET_COOKIE, Flash::clear_cookie());
    }
    response
}

/// A redirect on the way passes the sentence on; the page that is drawn uses it up.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    !response.status().is_redirection() && kind.starts_with("text/html")
}

/// Scripts only with this answer's nonce (modules they import inherit it), nothing inline, nothing from strangers.
fn of_page(headers: &mut HeaderMap, web: &Web, nonce: &str) {
    let settings = web.settings();
    let (files, storage) = (&settings.files_origin, &settings.storage_origin);
    let form_targets = settings.form_targets.join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' {files}; \
         media-src {files}; frame-src {files}; connect-src 'self' {storage}; font-src 'self'; \
         form-action 'self' {form_targets}; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    );
    set(headers, header::CONTENT_SECURITY_POLICY, &policy);
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
}

/// Files are shown in our pages and nowhere else; the browser's own viewer may style itself, nothing may run.
fn of_file(headers: &mut HeaderMap, web: &Web) {
    let policy = format!(
        "default-src 'none'; img-src 'self'; media-src 'self'; object-src 'self'; style-src 'unsafe-inline'; \
         form-action 'none'; base-uri 'none'; frame-ancestors {}",
        web.settings().origin
    );
    set(headers, header::CONTENT_SECURITY_POLICY, &policy);
    set(headers, header::CACHE_CONTROL, "private, max-age=300");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
}

fn of_both(headers: &mut HeaderMap, web: &Web) {
    if web.settings().origin.starts_with("https://") {
        set(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not "no-referrer": with it browsers send `Origin: null` with forms, and the origin check would refuse them.
    set(headers, header::REFERRER_POLICY, "same-origin");
    let permissions = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()";
    set(headers, HeaderName::from_static("permissions-policy"), permissions);
}

/// A handler that knows better has set it already.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if !headers.contains_key(&name)
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(name, value);
    }
}
