//! The report as a page and as a file.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use kernel::calendar::{AcademicYear, taipei_date};
use serde::Deserialize;
use web::{Answer, May, Page, Problem, Query, need};

use super::{Line, Sums, store as rows};
use crate::room::{Room, reach};

#[derive(Template)]
#[template(path = "report/show.html")]
struct Show {
    page: Page,
    year: AcademicYear,
    years: Vec<AcademicYear>,
    lines: Vec<Line>,
    sums: Sums,
}

#[derive(Deserialize)]
pub(crate) struct Of {
    #[serde(default)]
    year: String,
}

impl Of {
    /// The year asked for, else the one that it is.
    fn year(&self, may: &May<need::CounsellingWrite>) -> AcademicYear {
        self.year.parse().unwrap_or_else(|_| this_year(may))
    }
}

fn this_year(may: &May<need::CounsellingWrite>) -> AcademicYear {
    AcademicYear::of_date(taipei_date(may.now))
}

pub(crate) async fn show(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Query(of): Query<Of>,
) -> Answer {
    let (whose, year, this) = (reach(&may)?, of.year(&may), this_year(&may));
    let mut tx = room.db.read(&may, "counseling.report.show").await?;
    let lines = rows::lines(&mut tx, whose, year).await?;
    let first = rows::first_year(&mut tx, whose).await?.unwrap_or(this);
    drop(tx);
    let mut years: Vec<_> =
        std::iter::successors(Some(this), |year| Some(year.previous())).take_while(|year| *year >= first).collect();
    if !years.contains(&year) {
        years.push(year);
    }
    let sums = Sums::of(&lines);
    web::html(&Show { page: may.page("課程諮詢報表"), year, years, lines, sums })
}

pub(crate) async fn csv(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Query(of): Query<Of>,
) -> Answer {
    let year = of.year(&may);
    let mut tx = room.db.read(&may, "counseling.report.csv").await?;
    let lines = rows::lines(&mut tx, reach(&may)?, year).await?;
    drop(tx);
    let body = super::csv(&lines).map_err(Problem::internal)?;
    let name = format!("attachment; filename=\"counselling-report-{}.csv\"", year.get());
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok::<Response, Problem>((headers, body).into_response())
}
