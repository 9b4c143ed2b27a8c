//! What is known of the request under way; shared by layers, extractors and error pages.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderMap, Uri, request::Parts};
use base64::{Engine, prelude::BASE64_STANDARD};
use time::OffsetDateTime;

use crate::{answer::Flash, session::Session, state::Web};

/// Facts of one request. The session joins them as soon as an extractor has read it.
#[derive(Clone)]
pub(crate) struct Facts(Arc<Inner>);

struct Inner {
    request_id: String,
    nonce: String,
    now: OffsetDateTime,
    /// Path and query, to come back to.
    path: String,
    flash: Option<Flash>,
    demo: bool,
    session: OnceLock<Session>,
}

impl Facts {
    /// Always made here: a request id from outside could be anybody's.
    pub(crate) fn new(web: &Web, uri: &Uri, headers: &HeaderMap) -> Self {
        Self(Arc::new(Inner {
            request_id: hex::encode(web.keys().random::<10>()),
            nonce: BASE64_STANDARD.encode(web.keys().random::<16>()),
            now: web.clock().now(),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            flash: Flash::of(headers),
            demo: web.settings().demo,
            session: OnceLock::new(),
        }))
    }

    /// The facts that the outermost layer noted; a router without layers (in a test) notes them here.
    pub(crate) fn of(parts: &mut Parts, web: &Web) -> Self {
        let Parts { extensions, uri, headers, .. } = parts;
        extensions.get_or_insert_with(|| Self::new(web, uri, headers)).clone()
    }

    /// The same for a layer, which has the request in one piece.
    pub(crate) fn of_request(request: &mut Request, web: &Web) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| {
            let facts = Self::new(web, request.uri(), request.headers());
            request.extensions_mut().insert(facts.clone());
            facts
        })
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }

    pub(crate) fn nonce(&self) -> &str {
        &self.0.nonce
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.now
    }

    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }

    pub(crate) fn flash(&self) -> Option<&Flash> {
        self.0.flash.as_ref()
    }

    pub(crate) fn demo(&self) -> bool {
        self.0.demo
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.0.session.get()
    }

    pub(crate) fn note(&self, session: &Session) {
        // A second extractor of the same request reads the same session: the first note stands.
        let _ = self.0.session.set(session.clone());
    }
}
