//! The school office: who is enrolled, who teaches, what is taken, what is open when.

mod certifier;
mod counsellor;
mod import;
mod office;
mod outage;
mod proposal;
mod setting;
mod window;

use std::sync::Arc;

use blob::Vault;
use kernel::secrets::Keys;
use store::{Db, jobs::JobHandler};
use web::{HasWeb, Routes, Service, Web};

pub use import::{Counts, File, Importer, Kind, NotImported, NotRecognised, Unreadable};

/// What the service needs.
pub struct Needs {
    /// The pool of `svc_school`.
    pub db: Db,
    /// The shared web.
    pub web: Web,
    /// Where uploaded rosters are kept until they are applied.
    pub vault: Vault,
    /// Seals national ids.
    pub keys: Keys,
}

/// The service.
#[must_use]
pub fn service(needs: Needs) -> Service {
    let Needs { db, web, vault, keys } = needs;
    let importer = Importer::new(db.clone(), keys);
    let room = Arc::new(Room { db, web, vault, importer });
    let routes = office::routes()
        .merge(import::routes())
        .merge(window::routes())
        .merge(proposal::routes())
        .merge(setting::routes())
        .merge(certifier::routes())
        .merge(counsellor::routes());
    let (routes, list) = routes.with_state(Arc::clone(&room));
    let jobs = vec![
        JobHandler::new(proposal::KIND, &room, proposal::receive),
        JobHandler::new(outage::KIND, &room, outage::apply),
    ];
    Service { name: "school", routes, list, jobs, periodic: Vec::new() }
}

struct Room {
    db: Db,
    web: Web,
    vault: Vault,
    importer: Importer,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

/// Routes of this room.
type OfficeRoutes = Routes<Arc<Room>>;
