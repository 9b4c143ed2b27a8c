//! Who acts, where, and when: carried in the hand, never ambient.

use crate::{
    ids::{PersonId, StaffId, StudentId},
    role::Role,
    school::SchoolCode,
};
use time::OffsetDateTime;

/// The row of the school that a person stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An enrolled student.
    Student(StudentId),
    /// A member of the school's staff.
    Staff(StaffId),
    /// Somebody of the city.
    City,
    /// The system itself, working a job.
    System,
}

/// A person in the one role that they use now.
#[derive(Clone)]
pub struct Actor {
    /// The person of the city; `None` for the system.
    pub person: Option<PersonId>,
    /// The name to show to that person.
    pub name: String,
    /// The school they act at; `SchoolCode::CITY` for the city's own roles.
    pub school: SchoolCode,
    /// The role in use; `None` for the system.
    pub role: Option<Role>,
    /// The row they stand for.
    pub subject: Subject,
}

impl std::fmt::Debug for Actor {
    /// Leaves the name out: an actor may end up in a log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor")
            .field("person", &self.person)
            .field("school", &self.school)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What every transaction needs to know about the request or job that opened it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who acts.
    pub actor: Actor,
    /// The id that joins log lines, audit rows and the page a person complains about.
    pub request_id: String,
    /// The moment the request began; every rule of one request sees the same time.
    pub now: OffsetDateTime,
}

impl Context {
    /// The system acting for a school, e.g. in a job.
    #[must_use]
    pub fn system(school: SchoolCode, request_id: String, now: OffsetDateTime) -> Self {
        let actor = Actor { person: None, name: "系統".to_owned(), school, role: None, subject: Subject::System };
        Self { actor, request_id, now }
    }

    /// The school acted at.
    #[must_use]
    pub fn school(&self) -> SchoolCode {
        self.actor.school
    }

    /// The student that the actor is, if they are one.
    #[must_use]
    pub fn student(&self) -> Option<StudentId> {
        match self.actor.subject {
            Subject::Student(id) => Some(id),
            _ => None,
        }
    }

    /// The member of staff that the actor is, if they are one.
    #[must_use]
    pub fn staff(&self) -> Option<StaffId> {
        match self.actor.subject {
            Subject::Staff(id) => Some(id),
            _ => None,
        }
    }
}
