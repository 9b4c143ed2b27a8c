//! Records as those read them who don't write them (F-112, domain §2.4 `counselling.view`).
//!
//! One record, many students; each student sees only their own row (domain §4.6): a student's page is made from a
//! query that knows no other student, not even how many there were.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    ids::{CounsellingRecordId, StaffId, StudentId},
    role::Role,
};
use time::Date;
use web::{LoggedIn, Problem};

use crate::{file::File, record::Method};

/// Through whose eyes.
#[derive(Clone, Copy)]
pub(crate) enum Reader {
    /// A student: their own.
    Student(StudentId),
    /// A homeroom teacher: of the students of their class, and of a group only those.
    Homeroom(StaffId),
    /// A guidance counsellor: of the students of the classes given to them.
    Guidance(StaffId),
}

impl Reader {
    /// A guardian reads nothing yet: children are bound to guardians in a later issue.
    pub(crate) fn of(who: &LoggedIn) -> Result<Self, Problem> {
        match (who.role(), who.student(), who.staff()) {
            (Role::Student, Some(student), _) => Ok(Self::Student(student)),
            (Role::HomeroomTeacher, _, Some(staff)) => Ok(Self::Homeroom(staff)),
            (Role::GuidanceCounsellor, _, Some(staff)) => Ok(Self::Guidance(staff)),
            _ => Err(Problem::Forbidden),
        }
    }

    pub(crate) fn is_student(self) -> bool {
        matches!(self, Self::Student(_))
    }
}

/// A record as far as the reader may see it.
pub(crate) struct Reading {
    pub(crate) id: CounsellingRecordId,
    pub(crate) held_on: Date,
    pub(crate) place: String,
    pub(crate) method: Method,
    pub(crate) topic: String,
    pub(crate) text: String,
    pub(crate) counsellor: String,
    pub(crate) file: Option<File>,
    /// The reader's students in it; empty for a student.
    pub(crate) pupils: Vec<String>,
    /// Of all pages.
    pub(crate) total: i64,
}
