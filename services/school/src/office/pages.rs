//! The overview.

use super::{
    When,
    store::{self, LastImport, Totals},
};
use crate::{Room, import::Kind};
use askama::Template;
use axum::extract::State;
use kernel::calendar::{AcademicYear, Term};
use std::sync::Arc;
use web::{Answer, May, Page, Query, Tone, need};

/// Days after which a roster is shown as old: a school's data changes every week of a term.
const OLD_DAYS: i64 = 14;

#[derive(Template)]
#[template(path = "office/show.html")]
struct Show {
    page: Page,
    year: AcademicYear,
    term: Term,
    totals: Totals,
    imports: Vec<LastImport>,
}

impl Show {
    /// Every kind of file with its last import.
    fn kinds(&self) -> Vec<(Kind, Option<&LastImport>)> {
        let last = |kind: Kind| self.imports.iter().find(|import| import.kind == kind.code());
        Kind::ALL.into_iter().map(|kind| (kind, last(kind))).collect()
    }

    fn age(&self, import: &LastImport) -> (Tone, String) {
        let days = (self.page.now - import.applied_at).whole_days();
        let tone = if days > OLD_DAYS { Tone::Wait } else { Tone::Good };
        let age = if days == 0 { "今天".to_owned() } else { format!("{days} 天前") };
        (tone, age)
    }
}

/// Is the data there, and how old is it (F-023).
pub(super) async fn show(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
) -> Answer {
    let (year, term) = (when.year(may.now), when.term(may.now));
    let mut tx = room.db.read(&may, "school.office.show").await?;
    let totals = store::totals(&mut tx, year.get(), term.get()).await?;
    let imports = store::last_imports(&mut tx).await?;
    drop(tx);
    web::html(&Show { page: may.page("學校行政"), year, term, totals, imports })
}
