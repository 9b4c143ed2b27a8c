//! The bureau: the progress of every school and the health of the system as counts, and nothing about any person.
//!
//! The pages read one small table each. The worker recomputes the progress from the counters that the deciding
//! transactions keep, so that a look over all schools costs no look at a pupil's row (tenancy §7).

mod health;
mod progress;

use kernel::clock::Clock;
use std::{sync::Arc, time::Duration};
use store::jobs::{JobError, Periodic};
use web::{HasWeb, Routes, Service, Web};

/// The pace of the recount: the page promises numbers that are at most 60 s old.
const RECOUNT_EVERY: Duration = Duration::from_secs(20);

/// What the room needs.
pub struct Needs {
    /// Logs in as `svc_bureau`, which can read counts only.
    pub db: store::Db,
    /// Sessions, pages, the clock.
    pub web: Web,
}

struct Room {
    db: store::Db,
    web: Web,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

/// The room with its pages.
pub fn service(needs: Needs) -> Service {
    let Needs { db, web } = needs;
    let room = Arc::new(Room { db, web });
    let routes = Routes::new()
        .get("/bureau", progress::pages::index)
        .get("/bureau/progress.csv", progress::pages::download)
        .get("/bureau/health", health::pages::index);
    let (routes, list) = routes.with_state(room);
    Service { name: "bureau", routes, list, jobs: Vec::new(), periodic: Vec::new() }
}

/// The recount, which only the worker runs: `db` logs in as `svc_worker`, which counts across schools. The room's own
/// process never holds that login.
pub fn recount(db: store::Db, clock: Clock) -> Periodic {
    Periodic::new("bureau.progress", RECOUNT_EVERY, &Arc::new((db, clock)), recount_once)
}

async fn recount_once(worker: Arc<(store::Db, Clock)>) -> Result<(), JobError> {
    Ok(progress::store::recount(&worker.0, worker.1.now()).await?)
}
