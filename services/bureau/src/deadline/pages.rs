//! `/bureau/deadlines`: the map, and the same as a table.

use super::{Cell, DAYS, Deadline, HeatMap, Hour, store};
use crate::{Room, progress::pages::grouped};
use askama::Template;
use axum::extract::State;
use kernel::permission::Permission;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use web::{Answer, May, Page, Query, need};

/// The map is counted every minute; beyond this age the worker is not counting.
const FRESH: Duration = Duration::minutes(3);

/// The query of the URL as it came.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    hour: String,
}

#[derive(Template)]
#[template(path = "deadline/index.html")]
struct Index {
    page: Page,
    map: HeatMap,
    /// When the oldest of the counts was made.
    counted_at: Option<OffsetDateTime>,
    /// The hour that the table is limited to.
    hour: Option<Hour>,
    deadlines: Vec<Deadline>,
    may_propose: bool,
}

impl Index {
    /// What the map shows, in one sentence.
    fn summary(&self) -> String {
        let Some(peak) = self.map.peak() else {
            return format!("接下來 {DAYS} 天沒有任何作業時間截止。");
        };
        let windows: usize = self.map.days.iter().flat_map(|day| &day.cells).map(|cell| cell.windows).sum();
        let windows = grouped(count(windows));
        format!("接下來 {DAYS} 天有 {windows} 項作業時間截止，最集中的一小時是 {}。", self.cell_text(peak))
    }

    fn cell_text(&self, cell: &Cell) -> String {
        let (windows, students) = (grouped(count(cell.windows)), grouped(cell.students));
        format!("{}：{windows} 項截止，{students} 人還有事要做", cell.hour.label())
    }

    fn is_stale(&self) -> bool {
        self.counted_at.is_some_and(|counted_at| self.page.now - counted_at > FRESH)
    }

    fn shows(&self, cell: &Cell) -> bool {
        self.hour == Some(cell.hour)
    }

    /// Templates pass fields by reference.
    fn grouped(&self, number: &(impl Copy + Into<i64>)) -> String {
        grouped(*number)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The map and the table, of all hours or of one.
pub(crate) async fn index(
    may: May<need::ProgressView>,
    State(room): State<Arc<Room>>,
    Query(wish): Query<Wish>,
) -> Answer {
    let mut deadlines = store::list(&room.db, may.now).await?;
    let map = HeatMap::of(&deadlines, may.now);
    let counted_at = deadlines.iter().map(|deadline| deadline.updated_at).min();
    let hour = Hour::parse(&wish.hour);
    deadlines.retain(|deadline| hour.is_none_or(|hour| deadline.hour() == hour));
    let may_propose = may.reach(Permission::DeadlinePropose).is_some();
    web::html(&Index { page: may.page("截止時間熱度圖"), map, counted_at, hour, deadlines, may_propose })
}
