//! News for a person, told by the room where it happens and shown by the one that keeps everybody's messages.

use crate::ids::{StaffId, StudentId};
use serde::{Deserialize, Serialize};

/// The kind of the job that carries a [`Message`]; its reader shows it and sends it by mail.
pub const MESSAGE: &str = "portfolio.message";

/// Who is told what, and on which page more is to be seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The student who is told; none when it is a member of staff.
    pub student_id: Option<StudentId>,
    /// The member of staff who is told; none when it is a student.
    pub staff_id: Option<StaffId>,
    /// One or two sentences.
    pub body: String,
    /// The page, below the origin: `/s/{school}/…`.
    pub link: String,
    /// The cause: the same one makes no second message.
    pub dedupe: String,
}

impl Message {
    /// News for a student.
    #[must_use]
    pub fn to_student(student: StudentId, link: String, body: String, dedupe: String) -> Self {
        Self { student_id: Some(student), staff_id: None, body, link, dedupe }
    }
}
