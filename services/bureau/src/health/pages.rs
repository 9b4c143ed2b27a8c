//! `/bureau/health`.

use super::{Health, Sign, store, volume};
use crate::Room;
use askama::Template;
use axum::extract::State;
use std::sync::Arc;
use web::{Answer, May, Page, need};

#[derive(Template)]
#[template(path = "health/index.html")]
struct Index {
    page: Page,
    health: Option<Health>,
}

pub(crate) async fn index(may: May<need::ProgressView>, State(room): State<Arc<Room>>) -> Answer {
    let health = store::find(&room.db).await?;
    web::html(&Index { page: may.page("系統健康"), health })
}

impl Index {
    fn signs(&self, health: &Health) -> Vec<Sign> {
        health.signs(self.page.now)
    }

    fn alarms(&self, health: &Health) -> usize {
        health.alarms(self.page.now)
    }

    fn volume(&self, health: &Health) -> String {
        volume(health.bytes)
    }

    fn is_stale(&self, health: &Health) -> bool {
        health.is_stale(self.page.now)
    }
}
