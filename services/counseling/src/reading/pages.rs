//! The list of records and one of them, to read.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use kernel::{ids::CounsellingRecordId, permission::Permission};
use serde::Deserialize;
use web::{Answer, May, Page, Problem, Query, need};

use super::{
    Reader, Reading,
    store::{self as rows, Which},
};
use crate::{
    file::{FileView, Links},
    paging::{Pager, page_number},
    room::Room,
};

#[derive(Template)]
#[template(path = "reading/index.html")]
struct Index {
    page: Page,
    reader: Reader,
    readings: Vec<Reading>,
    pager: Pager,
}

#[derive(Deserialize)]
pub(crate) struct Leaf {
    #[serde(default)]
    page: String,
}

/// Who writes records has a list of their own, with more in it.
fn writes(may: &May<need::CounsellingView>) -> bool {
    may.reach(Permission::CounsellingWrite).is_some()
}

pub(crate) async fn index(
    may: May<need::CounsellingView>,
    State(room): State<Arc<Room>>,
    Query(leaf): Query<Leaf>,
) -> Answer {
    if writes(&may) {
        return Ok(web::redirect(may.url("/counselling-records")));
    }
    let (reader, page) = (Reader::of(&may)?, page_number(&leaf.page));
    let mut tx = room.db.read(&may, "counseling.reading.list").await?;
    let readings = rows::find(&mut tx, reader, Which::Page(page)).await?;
    drop(tx);
    let total = readings.first().map_or(0, |reading| reading.total);
    let pager = Pager::new(&may.url("/counselling"), &[], page, total);
    web::html(&Index { page: may.page("課程諮詢紀錄"), reader, readings, pager })
}

#[derive(Template)]
#[template(path = "reading/show.html")]
struct Show {
    page: Page,
    reading: Reading,
    file: Option<FileView>,
}

pub(crate) async fn show(
    may: May<need::CounsellingView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CounsellingRecordId)>,
) -> Answer {
    if writes(&may) {
        return Ok(web::redirect(may.url(format_args!("/counselling-records/{id}"))));
    }
    let reader = Reader::of(&may)?;
    let mut tx = room.db.read(&may, "counseling.reading.show").await?;
    let reading = rows::find(&mut tx, reader, Which::One(id)).await?.pop().ok_or(Problem::NotFound)?;
    drop(tx);
    let links = Links::new(&room, may.school(), may.now);
    let file = reading.file.as_ref().and_then(|file| links.view(file));
    web::html(&Show { page: may.page(reading.topic.clone()), reading, file })
}
