//! The bureau: the progress of every school and the health of the system as counts, and nothing about any person.
//!
//! The pages read small tables. The worker recomputes them from the counters that the deciding
//! transactions keep, so that a look over all schools costs no look at a pupil's row (tenancy §7).
//!
//! | noun | where |
//! |---|---|
//! | how far each school is | `progress` |
//! | whether the promise is kept | `health` |
//! | what closes when, and for how many | `deadline` |
//! | another closing time, proposed to schools | `proposal` |
//! | times without the system, which extend windows | `outage` |
//! | carrying both to the schools, and the answers back | `dispatch` |

mod deadline;
mod dispatch;
mod health;
mod outage;
mod progress;
mod proposal;

use kernel::clock::Clock;
use std::{sync::Arc, time::Duration};
use store::jobs::{JobError, Periodic};
use web::{HasWeb, Routes, Service, Web};

/// The pace of the recount: the page promises numbers that are at most 60 s old, and counting a city of 180,000 students
/// takes some three seconds of a processor.
const RECOUNT_EVERY: Duration = Duration::from_secs(50);

/// The pace of the deadlines' recount. It looks at every student of the schools where something closes soon.
const DEADLINES_EVERY: Duration = Duration::from_secs(60);

/// The pace at which proposals and outages are sent on to the schools.
const DISPATCH_EVERY: Duration = Duration::from_secs(5);

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
        .get("/bureau/health", health::pages::index)
        .get("/bureau/deadlines", deadline::pages::index)
        .get("/bureau/proposals", proposal::pages::index)
        .post("/bureau/proposals", proposal::pages::create)
        .get("/bureau/proposals/new", proposal::pages::new)
        .get("/bureau/outages", outage::pages::index)
        .post("/bureau/outages", outage::pages::create)
        .post("/bureau/outages/{outage}/recovery", outage::pages::recover);
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

/// The recount of the coming deadlines, under the same login.
pub fn deadlines(db: store::Db, clock: Clock) -> Periodic {
    Periodic::new("bureau.deadlines", DEADLINES_EVERY, &Arc::new((db, clock)), count_deadlines)
}

async fn count_deadlines(worker: Arc<(store::Db, Clock)>) -> Result<(), JobError> {
    Ok(deadline::store::recount(&worker.0, worker.1.now()).await?)
}

/// Carries proposals and outages to the schools as jobs, and their answers back, under the same login: the bureau's
/// own role can't write at a school.
pub fn dispatch(db: store::Db, clock: Clock) -> Periodic {
    Periodic::new("bureau.dispatch", DISPATCH_EVERY, &Arc::new((db, clock)), dispatch_once)
}

async fn dispatch_once(worker: Arc<(store::Db, Clock)>) -> Result<(), JobError> {
    Ok(dispatch::round(&worker.0, worker.1.now()).await?)
}
