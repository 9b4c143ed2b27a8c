//! People, accounts and hats as a school's rosters say: brought up to date after each import.

mod store;

use std::sync::Arc;

use ::store::{
    Audit,
    jobs::{JobError, JobRun},
};

use crate::Room;

/// Enqueued by the school office when an import was applied or taken back.
pub(crate) const JOB: &str = "identity.sync_school";

/// Makes the directory of people what the school's rosters say. Set by set, whatever changed: doing it again
/// changes nothing.
pub(crate) async fn sync_school(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Some(mut tx) = job.claim(&room.db, "identity.roster.sync").await? else { return Ok(()) };
    let people = store::add_people(&mut tx).await?;
    let corrected = store::correct_national_ids(&mut tx).await?;
    let gone = store::remove_hats(&mut tx).await?;
    let accounts = store::renew_accounts(&mut tx).await?;
    let hats = store::put_hats(&mut tx).await?;
    let counts = serde_json::json!({
        "people": people, "corrected": corrected, "hats_removed": gone.len(), "accounts": accounts, "hats_put": hats,
    });
    tx.audit(Audit::general("roster.sync", "membership").after(&counts));
    // before the commit: if Redis is away the whole job runs again
    for person in gone {
        room.web.sessions().destroy_by_person(person).await.map_err(JobError::retry)?;
    }
    tx.commit().await?;
    tracing::info!(school = %job.ctx.school(), %counts, "the directory of people follows the rosters");
    Ok(())
}
