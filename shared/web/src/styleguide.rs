//! The routes of the web itself: assets, and in the demo city the style guide.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use time::{Duration, OffsetDateTime};

use crate::{
    answer::{Answer, html},
    asset,
    field_errors::FieldErrors,
    guard::Visitor,
    page::Page,
    problem::Problem,
    routes::{Routes, Service},
    state::Web,
    upload::UploadSlot,
};

/// Assets and the style guide; every target serves them.
pub fn service(web: &Web) -> Service {
    let routes = Routes::new().get("/assets/{file}", asset::show).get("/styleguide", show);
    let (routes, list) = routes.with_state(web.clone());
    Service { name: "web", routes, list, jobs: Vec::new(), periodic: Vec::new() }
}

/// Every piece of the macros once, so that a change of looks is judged on one page.
#[derive(Template)]
#[template(path = "styleguide.html")]
struct StyleGuide {
    page: Page,
    errors: FieldErrors,
    soon: OffsetDateTime,
    later: OffsetDateTime,
    slot: UploadSlot,
}

async fn show(visitor: Visitor, State(web): State<Web>) -> Answer {
    if !web.settings().demo {
        return Err(Problem::NotFound);
    }
    let page = visitor.page("樣式手冊");
    let (soon, later) = (page.now + Duration::minutes(95), page.now + Duration::days(12));
    let errors = FieldErrors::one("summary", "簡述最多 100 字，目前 128 字");
    html(&StyleGuide { page, errors, soon, later, slot: sample_slot() })
}

/// Leads to the pretended storage of `examples/styleguide.rs`; in the demo city it is for looking only.
fn sample_slot() -> UploadSlot {
    UploadSlot {
        item: "styleguide-document".to_owned(),
        label: "文件檔",
        max_bytes: 4 * 1024 * 1024,
        extensions: &["pdf", "jpg", "jpeg", "png"],
        create: "/sample/uploads".to_owned(),
        resume: "/sample/uploads/{file}/parts".to_owned(),
        finalise: "/sample/uploads/{file}/saved".to_owned(),
        fields: BTreeMap::from([("kind", "document".to_owned())]),
        then: None,
        input: "document_file",
    }
}
