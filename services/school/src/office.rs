//! The office's first page: is the school's data up to date, and what is open now (F-023).

mod pages;
mod store;

use crate::OfficeRoutes;
use kernel::calendar::{AcademicYear, Term, taipei_date};
use serde::Deserialize;
use time::OffsetDateTime;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new().get("/s/{school}/office", pages::show)
}

/// The year and term that a page is about, from its query; the current ones where it doesn't say.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct When {
    year: Option<String>,
    term: Option<String>,
}

impl When {
    /// The year.
    pub(crate) fn year(&self, now: OffsetDateTime) -> AcademicYear {
        let chosen = self.year.as_deref().and_then(|year| year.parse().ok());
        chosen.unwrap_or_else(|| AcademicYear::of_date(taipei_date(now)))
    }

    /// The term.
    pub(crate) fn term(&self, now: OffsetDateTime) -> Term {
        let chosen = self.term.as_deref().and_then(|term| term.parse().ok());
        chosen.unwrap_or_else(|| Term::of_date(taipei_date(now)))
    }
}
