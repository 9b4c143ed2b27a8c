//! What every page and job of the room has at hand.

use blob::{Vault, receipt::Signer};
use kernel::{actor::Context, ids::StudentId, secrets::Keys};
use ops::mail::Mailer;
use store::Db;
use web::{HasWeb, Problem, Web};

/// The room's state.
pub(crate) struct Room {
    pub(crate) db: Db,
    pub(crate) web: Web,
    pub(crate) vault: Vault,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) signer: Signer,
    pub(crate) uploads_per_minute: u32,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

impl Room {
    pub(crate) fn keys(&self) -> &Keys {
        self.web.keys()
    }
}

/// The student that acts. The pages of this room are the student's own: to staff with a permission that reaches
/// further they don't exist (their views of a portfolio come with their own rooms).
pub(crate) fn own(ctx: &Context) -> Result<StudentId, Problem> {
    ctx.student().ok_or(Problem::NotFound)
}
