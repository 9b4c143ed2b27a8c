//! What a browser meets: sessions, permissions, pages, errors, forms, layers, assets.
//!
//! A room's handler reads like this, and needs no more of the web than it says:
//!
//! ```text
//! async fn index(may: May<need::PortfolioView>, State(room): State<Arc<Room>>) -> web::Answer {
//!     let mut tx = room.db.read(&may, "portfolio.outcome.list").await?;
//!     let outcomes = outcome::store::list(&mut tx, may.student()).await?;
//!     drop(tx);
//!     web::html(&Index { page: may.page("課程學習成果"), outcomes })
//! }
//! ```
//!
//! # State
//! Every room's state says where its [`Web`] is: `impl HasWeb for Room { fn web(&self) -> &Web { &self.web } }`.
//! That is the only bound of the extractors, and `Arc<Room>` has it too.
//!
//! # Templates
//! A room that renders pages has an `askama.toml` beside its `Cargo.toml`:
//!
//! ```toml
//! [general]
//! dirs = ["templates", "../../shared/web/templates"]
//! ```
//!
//! so that `{% extends "layout.html" %}` and `{% import "macros.html" as ui %}` are found. A page struct has a
//! field `page: Page`; the layout needs nothing else. Blocks: `main` (below the `h1` that carries `page.title`),
//! `lead` (a sentence under the title), `actions` (buttons beside the title), `scripts`
//! (`{{ page.script("upload.js") }}`).
//!
//! # The request log
//! One line for each request, target `web::request`, message `GET /s/{school}/outcomes 200`:
//!
//! | field | meaning |
//! |---|---|
//! | `method` | HTTP method |
//! | `route` | the template of the route, never the path: ids of people stand in paths |
//! | `status` | status code of the answer |
//! | `duration_ms` | until the head of the answer was ready |
//! | `bytes` | length of the body before compression; absent for streams |
//! | `school` | school of the hat in use; absent without a session |
//! | `role` | code of the role in use; absent without a session |
//! | `request_id` | also in the header `x-request-id`, on error pages and in audit rows |
//!
//! Query strings, addresses, names and ids of people are never in it.
//!
//! # Upload
//! `upload.js` speaks to endpoints that the page names; the contract stands at its head.

pub mod admission;
mod answer;
mod asset;
mod client;
mod device;
mod field_errors;
mod form;
mod guard;
mod layers;
mod nav;
pub mod need;
mod page;
mod problem;
mod request;
mod routes;
pub mod session;
mod state;
mod styleguide;
mod upload;

pub use answer::{Answer, Flash, html, html_with, redirect, redirect_with};
pub use client::ClientAddress;
pub use field_errors::FieldErrors;
pub use form::{Form, Query};
pub use guard::{LoggedIn, May, PASSWORD_PATH, Visitor, next_path};
pub use layers::layers;
pub use nav::home_path;
pub use page::{Page, Tone, Value};
pub use problem::Problem;
pub use routes::{RouteInfo, Routes, Service};
pub use session::{Hat, Session, Sessions};
pub use state::{HasWeb, Settings, Web};
pub use styleguide::service;
pub use upload::UploadSlot;
