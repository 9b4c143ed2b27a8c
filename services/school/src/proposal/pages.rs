//! The office's answer to a proposal. They are shown among the windows.

use super::{
    adopted,
    store::{self, Answer as Reply, Proposal},
};
use crate::{
    Room,
    window::{
        pages::{Refused, redraw},
        store as windows,
    },
};
use ::store::TenantTx;
use axum::extract::{Path, State};
use std::sync::Arc;
use web::{Answer, Flash, May, Problem, need};

/// Adopts: the window closes as proposed from now on.
pub(super) async fn adopt(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
) -> Answer {
    let mut tx = room.db.write(&may, "school.window_proposal.adopt").await?;
    let proposal = find(&mut tx, id).await?;
    let before = windows::find(&mut tx, proposal.window_id).await?.ok_or(Problem::NotFound)?;
    let year = before.window.academic_year;
    let after = match adopted(&before.window, proposal.closes_at, may.now) {
        Ok(after) => after,
        Err(message) => {
            drop(tx);
            return redraw(&may, &room, year, Refused { proposal: id, message }).await;
        }
    };
    store::answer(&mut tx, &proposal, Reply::Adopted).await?;
    windows::change(&mut tx, "window.change", &before, (&after, before.stage)).await?;
    tx.commit().await?;
    Ok(back(&may, year.get(), "已採用建議，作業時間已經改期"))
}

/// Declines: nothing changes.
pub(super) async fn decline(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
) -> Answer {
    let mut tx = room.db.write(&may, "school.window_proposal.decline").await?;
    let proposal = find(&mut tx, id).await?;
    store::answer(&mut tx, &proposal, Reply::Declined).await?;
    tx.commit().await?;
    Ok(back(&may, proposal.academic_year, "已回覆不採用，作業時間沒有改變"))
}

/// A proposal that still waits; 409 for one that was answered, 404 for one that the school never had.
async fn find(tx: &mut TenantTx, id: i64) -> Result<Proposal, Problem> {
    if let Some(proposal) = store::waiting(tx, Some(id)).await?.pop() {
        return Ok(proposal);
    }
    Err(if store::exists(tx, id).await? { Problem::Stale } else { Problem::NotFound })
}

fn back(may: &May<need::SettingsWrite>, year: i16, text: &str) -> axum::response::Response {
    web::redirect_with(may.url(format_args!("/office/windows?year={year}")), &Flash::good(text))
}
