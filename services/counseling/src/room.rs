//! What every page of the room has at hand.

use blob::Vault;
use kernel::{ids::StaffId, permission::Scope};
use store::Db;
use web::{Answer, HasWeb, May, Problem, Web, need};

/// The room's state.
pub(crate) struct Room {
    pub(crate) db: Db,
    pub(crate) web: Web,
    pub(crate) vault: Vault,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

/// The member of staff who writes.
pub(crate) fn writer(may: &May<need::CounsellingWrite>) -> Answer<StaffId> {
    may.staff().ok_or(Problem::Forbidden)
}

/// Whose records and students are within reach: a counsellor's own, or (`None`) the whole school's (domain §2.4).
pub(crate) fn reach(may: &May<need::CounsellingWrite>) -> Answer<Option<StaffId>> {
    match may.scope() {
        Scope::School => Ok(None),
        _ => writer(may).map(Some),
    }
}
