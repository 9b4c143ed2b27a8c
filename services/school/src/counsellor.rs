//! Which classes a course counsellor advises (課程諮詢教師, F-111, F-130).

mod pages;
mod store;

use crate::OfficeRoutes;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .get("/s/{school}/office/counsellors", pages::index)
        .post("/s/{school}/office/counsellors", pages::assign)
        .post("/s/{school}/office/counsellors/{assignment}/removal", pages::remove)
}

/// A class or a single student that a counsellor advises.
struct Assignment {
    id: i64,
    counsellor: String,
    /// The class, or the student's number and name.
    whom: String,
}

/// Something to choose in the form.
struct Choice {
    id: i64,
    label: String,
}
