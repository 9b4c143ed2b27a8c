//! Several decisions in one go: looked over first, made in one transaction, taken back in one go.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::rules::{Refusal, Ruleset, Windows};
use time::OffsetDateTime;

use crate::{
    decision::{Ruling, refusal},
    request::{Status, store::Item},
};

/// Why one request of several can't be decided with the others; `None`: it can.
///
/// A request that was decided already is never swept along, even where it could be decided anew by itself.
pub(crate) fn obstacle(
    ruling: &Ruling,
    item: &Item,
    (rules, windows): (&Ruleset, &Windows),
    now: OffsetDateTime,
) -> Option<Refusal> {
    let standing = &item.standing;
    match standing.status(now) {
        Status::Waiting | Status::Opened => refusal(ruling, standing, (rules, windows), now),
        _ => Some(Refusal::NotDecidable { state: standing.state(now) }),
    }
}
