//! Submission: what the school's year sends to the central database, and the receipt that comes back.
//!
//! The way of a year (issue 2 §3.9–3.11): the officer sees what is selected ([`overview`]), lets every problem be named
//! ([`precheck`]), has a roster built as an immutable batch ([`batch`], [`roster`]), hands it to the central database
//! ([`central`]), and brings its receipt back ([`receipt`]), which the students confirm.

mod batch;
mod central;
mod overview;
mod precheck;
mod receipt;
mod roster;

use kernel::secrets::Keys;
use std::sync::Arc;
use store::jobs::JobHandler;
use web::{HasWeb, Routes, Web};

/// What the service needs from the house.
pub struct Needs {
    /// Its pool, as `svc_submission`.
    pub db: store::Db,
    /// Sessions, pages, origins.
    pub web: Web,
    /// The students' files.
    pub vault: blob::Vault,
    /// Opens national ids, seals rows, signs links.
    pub keys: Keys,
    /// The central database's interface; without it submission is by hand.
    pub central: Option<ops::config::Central>,
}

/// What handlers and jobs share.
pub(crate) struct Room {
    pub(crate) db: store::Db,
    pub(crate) web: Web,
    pub(crate) vault: blob::Vault,
    pub(crate) keys: Keys,
    pub(crate) central: central::CentralDatabase,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Room(submission)")
    }
}

/// The routes and jobs of submission and receipts.
#[must_use]
pub fn service(needs: Needs) -> web::Service {
    let Needs { db, web, vault, keys, central } = needs;
    let room = Arc::new(Room { db, web, vault, keys, central: central::CentralDatabase::new(central.as_ref()) });
    let jobs = vec![
        JobHandler::new("submission.build", &room, batch::jobs::build),
        JobHandler::new("submission.notify", &room, batch::jobs::notify),
        JobHandler::new("submission.poll", &room, batch::jobs::poll),
        JobHandler::new("submission.receipt", &room, receipt::jobs::fetch),
    ];
    let routes = Routes::new()
        .merge(overview::pages::routes())
        .merge(precheck::pages::routes())
        .merge(batch::pages::routes())
        .merge(batch::downloads::routes())
        .merge(receipt::pages::routes())
        .merge(receipt::answers::routes())
        .merge(receipt::mine::routes());
    let (routes, list) = routes.with_state(room);
    web::Service { name: "submission", routes, list, jobs, periodic: Vec::new() }
}
