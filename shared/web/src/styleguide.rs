//! The routes of the web itself: assets, and in the demo city the style guide.

use axum::extract::State;

use crate::{
    answer::{Answer, html},
    asset,
    field_errors::FieldErrors,
    guard::Visitor,
    page::Page,
    problem::Problem,
    routes::{Routes, Service},
    state::Web,
};
use askama::Template;

/// Assets and the style guide; every target serves them.
pub fn service(web: &Web) -> Service {
    let routes = Routes::new().get("/assets/{file}", asset::show).get("/styleguide", show);
    let (routes, list) = routes.with_state(web.clone());
    Service { name: "web", routes, list, jobs: Vec::new(), periodic: Vec::new() }
}

#[derive(Template)]
#[template(path = "styleguide.html")]
struct StyleGuide {
    page: Page,
    errors: FieldErrors,
}

async fn show(visitor: Visitor, State(web): State<Web>) -> Answer {
    if !web.settings().demo {
        return Err(Problem::NotFound);
    }
    let errors = FieldErrors::one("summary", "簡述最多 100 字，目前 128 字");
    html(&StyleGuide { page: visitor.page("樣式手冊"), errors })
}
