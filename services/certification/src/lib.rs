//! The teacher's desk: read what students sent, decide, publish (issue 2 §3.5, domain §4.4, F-087 to F-096).
//!
//! A decision is a row here; portfolio never flips a flag. The view `certification.desk` is the door to everything:
//! it holds the requests of the courses that a teacher certifies, so nobody finds what is not theirs.

mod batch;
mod decision;
mod notice;
mod preview;
mod request;

use std::sync::Arc;

use kernel::{actor::Context, ids::StaffId};
use store::{Db, jobs::JobHandler};
use web::{HasWeb, Problem, Routes, Service, Web};

/// What the room is given.
pub struct Needs {
    /// The database, as `svc_certification`.
    pub db: Db,
    /// Sessions, pages, keys.
    pub web: Web,
}

struct Room {
    db: Db,
    web: Web,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

/// The room's pages and jobs.
#[must_use]
pub fn service(needs: Needs) -> Service {
    let Needs { db, web } = needs;
    let room = Arc::new(Room { db, web });
    let routes = Routes::new().merge(request::pages::routes()).merge(decision::pages::routes());
    let (routes, list) = routes.merge(batch::pages::routes()).with_state(Arc::clone(&room));
    let jobs = vec![JobHandler::new(notice::KIND, &room, notice::published)];
    Service { name: "certification", routes, list, jobs, periodic: Vec::new() }
}

/// The teacher who acts. A role that certifies is always worn by a member of staff.
fn teacher(ctx: &Context) -> Result<StaffId, Problem> {
    ctx.staff().ok_or(Problem::Forbidden)
}
