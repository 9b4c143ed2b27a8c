//! Course counselling (課程諮詢): who was advised, when, how and about what (F-106–F-112).
//!
//! | noun | where |
//! |---|---|
//! | the counsellor's records: list, form, page | `record` |
//! | the same records as a student, a homeroom teacher or a guidance counsellor reads them | `reading` |
//! | counts by counsellor, month and method | `report` |
//!
//! Records stay in the school (F-112): no job sends them anywhere, and no other room reads them but for a count on
//! the student's first page.

mod file;
mod paging;
mod reading;
mod record;
mod report;
mod room;

use std::sync::Arc;

use blob::Vault;
use room::Room;
use store::Db;
use web::{Routes, Service, Web};

/// What the room stands on.
pub struct Needs {
    /// Logs in as `svc_counseling`.
    pub db: Db,
    /// Sessions, keys, origins.
    pub web: Web,
    /// Files attached to records.
    pub vault: Vault,
}

/// The room: its pages. It has no jobs.
#[must_use]
pub fn service(needs: Needs) -> Service {
    let Needs { db, web, vault } = needs;
    let (routes, list) = routes().with_state(Arc::new(Room { db, web, vault }));
    Service { name: "counseling", routes, list, jobs: Vec::new(), periodic: Vec::new() }
}

fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/counselling-records", record::pages::index)
        .get("/s/{school}/counselling-records/new", record::form::new)
        .post_up_to(record::form::MOST_BYTES, "/s/{school}/counselling-records", record::form::create)
        .get("/s/{school}/counselling-records/{record}", record::pages::show)
        .get("/s/{school}/counselling-records/{record}/edit", record::form::edit)
        .post_up_to(record::form::MOST_BYTES, "/s/{school}/counselling-records/{record}", record::form::update)
        .post("/s/{school}/counselling-records/{record}/removal", record::pages::remove)
        .get("/s/{school}/counselling-report", report::pages::show)
        .get("/s/{school}/counselling-report.csv", report::pages::csv)
        .get("/s/{school}/counselling", reading::pages::index)
        .get("/s/{school}/counselling/{record}", reading::pages::show)
}
