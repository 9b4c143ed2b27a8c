//! Another closing time that the bureau proposes: the office adopts it or not.

pub(crate) mod pages;
pub(crate) mod store;

use crate::{OfficeRoutes, Room, window};
use ::store::{
    Audit,
    jobs::{JobError, JobRun},
};
use kernel::rules::Window;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use time::{OffsetDateTime, serde::rfc3339};

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .post("/s/{school}/office/proposals/{proposal}/adoption", pages::adopt)
        .post("/s/{school}/office/proposals/{proposal}/refusal", pages::decline)
}

/// The job that the worker queues for each proposal of the bureau's.
pub(crate) const KIND: &str = "school.window_proposal";

#[derive(Deserialize)]
struct Payload {
    id: i64,
    window_id: i64,
    #[serde(with = "rfc3339")]
    closes_at: OffsetDateTime,
    reason: String,
}

/// The job: the proposal lies before the office. A newer one for the same window takes the place of an older.
pub(crate) async fn receive(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let Payload { id, window_id, closes_at, reason } = job.payload()?;
    let Some(mut tx) = job.claim(&room.db, "school.window_proposal.receive").await? else { return Ok(()) };
    let superseded = store::supersede(&mut tx, id, window_id).await?;
    let is_newest = !store::is_superseded(&mut tx, id, window_id).await?;
    store::insert(&mut tx, store::Received { id, window_id, closes_at, reason: &reason, is_newest }).await?;
    let after = json!({ "window_id": window_id, "closes_at": closes_at.to_string(), "superseded": superseded });
    tx.audit(Audit::new("window_proposal.receive", "window_proposal", id).after(after));
    Ok(tx.commit().await?)
}

/// The window as the proposal wants it, if it may be so now: by the same check as the office's own form.
fn adopted(window: &Window, closes_at: OffsetDateTime, now: OffsetDateTime) -> Result<Window, String> {
    if closes_at <= now {
        return Err("建議的截止時間已經過了，不能採用；需要時請自行修改作業時間".to_owned());
    }
    let adopted = Window { closes_at, ..window.clone() };
    window::lawful(&adopted).map(|()| adopted).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{
        calendar::{AcademicYear, RosterTerm},
        rules::WindowKind,
    };
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);

    fn window(kind: WindowKind) -> Window {
        let (opens_at, closes_at) = (NOW - Duration::DAY, NOW + Duration::days(5));
        Window { kind, academic_year: AcademicYear::FIRST, term: RosterTerm::YEAR, grade: None, opens_at, closes_at }
    }

    #[test]
    fn only_the_closing_time_changes() {
        let before = window(WindowKind::OutcomeSelect);
        let closes_at = NOW + Duration::days(6);
        assert_eq!(adopted(&before, closes_at, NOW), Ok(Window { closes_at, ..before }));
    }

    /// Domain §4.9: "Receipt confirmation period ≥ 3 days", for proposals too.
    #[test]
    fn the_forms_own_check_holds() {
        let receipt = window(WindowKind::ReceiptConfirm);
        assert!(adopted(&receipt, NOW + Duration::DAY, NOW).unwrap_err().contains("3 天"));
        let later = Window { opens_at: NOW + Duration::days(2), ..window(WindowKind::OutcomeSelect) };
        assert!(adopted(&later, NOW + Duration::DAY, NOW).is_err(), "it would close before it opens");
        assert!(adopted(&window(WindowKind::OutcomeSelect), NOW, NOW).unwrap_err().contains("已經過了"));
    }
}
