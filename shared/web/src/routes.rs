//! Routes that can be listed: the access matrix is checked against them.

use std::convert::Infallible;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

/// One route of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteInfo {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The template, e.g. `/s/{school}/outcomes/{outcome}`.
    pub path: &'static str,
}

/// A router that remembers what is in it.
pub struct Routes<S = ()> {
    router: Router<S>,
    list: Vec<RouteInfo>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("GET", path, on(MethodFilter::GET, handler))
    }

    /// Makes a new thing, or does the work of a form.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("POST", path, on(MethodFilter::POST, handler))
    }

    /// Like `post`, for bodies up to `bytes` instead of the 1 MiB that the layers allow.
    #[must_use]
    pub fn post_up_to<H: Handler<T, S>, T: 'static>(self, bytes: usize, path: &'static str, handler: H) -> Self {
        let route = on(MethodFilter::POST, handler).layer(DefaultBodyLimit::max(bytes));
        self.add("POST", path, route)
    }

    /// Replaces a thing.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("PUT", path, on(MethodFilter::PUT, handler))
    }

    /// Removes a thing.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("DELETE", path, on(MethodFilter::DELETE, handler))
    }

    /// Takes in the routes of another noun.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }

    /// What is in it.
    pub fn list(&self) -> &[RouteInfo] {
        &self.list
    }

    /// The router with its state, and what is in it.
    pub fn with_state(self, state: S) -> (Router, Vec<RouteInfo>) {
        (self.router.with_state(state), self.list)
    }

    fn add(mut self, method: &'static str, path: &'static str, route: MethodRouter<S, Infallible>) -> Self {
        self.router = self.router.route(path, route);
        self.list.push(RouteInfo { method, path });
        self
    }
}

/// What a service hands to the binary.
pub struct Service {
    /// The target's name, e.g. `portfolio`.
    pub name: &'static str,
    /// Its pages, ready to be merged.
    pub routes: Router,
    /// What is in them.
    pub list: Vec<RouteInfo>,
    /// The jobs it works.
    pub jobs: Vec<store::jobs::JobHandler>,
    /// What it does from time to time.
    pub periodic: Vec<store::jobs::Periodic>,
}
