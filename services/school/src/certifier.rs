//! Who certifies a course that several teachers teach together (合開課程, F-094, F-130).

mod pages;
mod store;

use crate::OfficeRoutes;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .get("/s/{school}/office/certifiers", pages::index)
        .post("/s/{school}/office/sections/{section}/certifier", pages::appoint)
}

/// A course section that needs an appointment, with its teachers.
struct Section {
    id: i64,
    name: String,
    subject_name: String,
    teachers: Vec<Teacher>,
}

impl Section {
    /// Whether nobody, or more than one, certifies.
    fn is_undecided(&self) -> bool {
        self.teachers.iter().filter(|teacher| teacher.certifies).count() != 1
    }
}

/// One of them.
struct Teacher {
    id: i64,
    name: String,
    certifies: bool,
}
