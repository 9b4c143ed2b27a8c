//! The page of appointments.

use super::{Section, store};
use crate::{Room, office::When};
use askama::Template;
use axum::extract::{Path, State};
use kernel::{
    calendar::{AcademicYear, Term},
    ids::{SectionId, StaffId},
};
use serde::Deserialize;
use std::sync::Arc;
use web::{Answer, Flash, Form, May, Page, Problem, Query, need};

#[derive(Template)]
#[template(path = "certifier/index.html")]
struct Index {
    page: Page,
    year: AcademicYear,
    term: Term,
    sections: Vec<Section>,
}

/// The sections that several teachers teach.
pub(super) async fn index(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
) -> Answer {
    let (year, term) = (when.year(may.now), when.term(may.now));
    let mut tx = room.db.read(&may, "school.certifier.list").await?;
    let sections = store::sections(&mut tx, year.get(), term.get()).await?;
    drop(tx);
    web::html(&Index { page: may.page("合開課程認證教師"), year, term, sections })
}

/// The teacher chosen.
#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    staff: String,
}

/// Appoints the certifier of a section.
pub(super) async fn appoint(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, section)): Path<(String, SectionId)>,
    Query(when): Query<When>,
    Form(chosen): Form<Chosen>,
) -> Answer {
    let staff: StaffId = chosen.staff.parse().map_err(|_| Problem::unprocessable("請選一位授課教師"))?;
    let mut tx = room.db.write(&may, "school.certifier.appoint").await?;
    store::appoint(&mut tx, section, staff).await?;
    tx.commit().await?;
    let (year, term) = (when.year(may.now), when.term(may.now));
    let list = may.url(format_args!("/office/certifiers?year={year}&term={term}"));
    Ok(web::redirect_with(list, &Flash::good("已指定認證教師")))
}
