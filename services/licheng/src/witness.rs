//! What readers find: a bad copy is written down as the scrubber would, in the name of the room that read it.

use crate::scrub::cases::{self, Finding, FoundBy};
use blob::Sighting;
use kernel::clock::Clock;
use store::Db;

/// Writes every sighting into a case, beside the request that made it: nobody waits for it, and what is not written
/// down now the scrubber finds by itself.
pub(crate) fn of(db: Db, clock: Clock) -> impl Fn(Sighting) + Send + Sync + 'static {
    cases::announce();
    move |sighting| {
        let (db, now) = (db.clone(), clock.now());
        tokio::spawn(async move {
            let Sighting { school, sha256, copy, harm, mended } = sighting;
            let finding = Finding::harm(school, sha256, copy, harm, mended);
            if let Err(error) = cases::record(&db, school, &[finding], FoundBy::Reading, now).await {
                tracing::warn!(school_code = school.as_str(), copy = copy.name(), what = harm.name(), %error, "a bad copy was not written down");
            }
        });
    }
}
