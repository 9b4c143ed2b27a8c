//! The counsellor's list of records, one record, and taking one away.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{calendar::RocDate, ids::CounsellingRecordId, permission::Scope, text};
use serde::Deserialize;
use store::Audit;
use time::Date;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, need};

use super::{
    Method, Record, TOPIC_MAX,
    roster::{Class, by_class},
    store::{self as rows, Row, Search},
};
use crate::{
    file::{FileView, Links},
    paging::{Pager, page_number},
    room::{Room, reach, writer},
};

#[derive(Template)]
#[template(path = "record/index.html")]
struct Index {
    page: Page,
    filter: Filter,
    errors: FieldErrors,
    records: Vec<Row>,
    pager: Pager,
    /// Whether records of several counsellors stand in the list.
    of_school: bool,
    /// An administrator who is nobody of the staff reads, but has no name to write under.
    may_add: bool,
}

/// The filters as typed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Filter {
    from: String,
    to: String,
    method: String,
    q: String,
    page: String,
}

impl Filter {
    fn search(&self) -> Result<Search, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut day = |field: &str, typed: &str| -> Option<Date> {
            let typed = Some(typed).filter(|typed| !typed.trim().is_empty())?;
            typed.parse().map(RocDate::date).map_err(|error| errors.add(field, error.to_string())).ok()
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        let topic = text::line(&self.q, TOPIC_MAX).map_err(|error| errors.add("q", error.to_string()));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            errors.add("to", "結束日期早於開始日期");
        }
        let method = Method::from_code(&self.method);
        match topic {
            Ok(topic) if errors.is_empty() => Ok(Search { from, to, method, topic }),
            _ => Err(errors),
        }
    }

    fn is_narrow(&self) -> bool {
        [&self.from, &self.to, &self.method, &self.q].iter().any(|typed| !typed.trim().is_empty())
    }

    fn pager(&self, url: &str, total: i64) -> Pager {
        let kept = [("from", &*self.from), ("to", &*self.to), ("method", &*self.method), ("q", &*self.q)];
        Pager::new(url, &kept, page_number(&self.page), total)
    }
}

pub(crate) async fn index(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Query(filter): Query<Filter>,
) -> Answer {
    let (status, errors, records) = match filter.search() {
        Ok(search) => {
            let mut tx = room.db.read(&may, "counseling.record.list").await?;
            let records = rows::list(&mut tx, reach(&may)?, &search, page_number(&filter.page)).await?;
            (StatusCode::OK, FieldErrors::new(), records)
        }
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Vec::new()),
    };
    let total = records.first().map_or(0, |row| row.total);
    let pager = filter.pager(&may.url("/counselling-records"), total);
    let (of_school, may_add) = (may.scope() == Scope::School, writer(&may).is_ok());
    let page = may.page("課程諮詢紀錄");
    web::html_with(status, &Index { page, filter, errors, records, pager, of_school, may_add })
}

#[derive(Template)]
#[template(path = "record/show.html")]
struct Show {
    page: Page,
    record: Record,
    file: Option<FileView>,
}

impl Show {
    fn classes(&self) -> Vec<Class<'_>> {
        by_class(&self.record.pupils)
    }
}

pub(crate) async fn show(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CounsellingRecordId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "counseling.record.show").await?;
    let record = rows::find(&mut tx, reach(&may)?, id).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    let links = Links::new(&room, may.school(), may.now);
    let file = record.file.as_ref().and_then(|file| links.view(file));
    web::html(&Show { page: may.page(record.content.topic.clone()), record, file })
}

/// The version that the person saw.
#[derive(Deserialize)]
pub(crate) struct Seen {
    #[serde(default)]
    version: String,
}

pub(crate) async fn remove(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CounsellingRecordId)>,
    Form(seen): Form<Seen>,
) -> Answer {
    let mut tx = room.db.write(&may, "counseling.record.remove").await?;
    let record = rows::find(&mut tx, reach(&may)?, id).await?.ok_or(Problem::NotFound)?;
    let version = seen.version.parse().map_err(|_| Problem::Stale)?;
    rows::remove(&mut tx, id, version).await?;
    let before = record.content.snapshot(record.file.as_ref());
    tx.audit(Audit::new("counselling.remove", "counselling_record", id.get()).before(before));
    tx.commit().await?;
    Ok(web::redirect_with(may.url("/counselling-records"), &Flash::good("已刪除這筆諮詢紀錄。")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    /// F-106: "date-range and title search"; dates in ROC or ISO form.
    #[test]
    fn a_range_is_read_in_both_calendars() {
        let filter =
            Filter { from: "115/09/01".into(), to: "2026-11-22".into(), q: " 選課 ".into(), ..Filter::default() };
        let search = filter.search().ok().unwrap();
        assert_eq!((search.from, search.to), (Some(date!(2026 - 09 - 01)), Some(date!(2026 - 11 - 22))));
        assert_eq!(search.topic, "選課");
        let fields = |filter: Filter| -> Vec<String> {
            filter.search().err().unwrap().iter().map(|(field, _)| field.to_owned()).collect()
        };
        assert_eq!(fields(Filter { from: "昨天".into(), to: "115/13/01".into(), ..Filter::default() }), ["from", "to"]);
        assert_eq!(fields(Filter { from: "115/11/02".into(), to: "115/11/01".into(), ..Filter::default() }), ["to"]);
        assert_eq!(fields(Filter { q: "\0".into(), ..Filter::default() }), ["q"], "PostgreSQL knows no such character");
    }
}
