//! What the school has already, as far as readers must know it.

use std::collections::HashMap;

/// An enrolled or former student.
#[derive(Clone, Debug)]
pub(crate) struct StudentRow {
    pub(crate) id: i64,
    pub(crate) student_no: String,
    pub(crate) index: [u8; 32],
    pub(crate) birth_date: time::Date,
    pub(crate) grade: i16,
}

/// A member of staff who has not left.
#[derive(Clone, Debug)]
pub(crate) struct StaffRow {
    pub(crate) id: i64,
    pub(crate) account: String,
    pub(crate) name: String,
}

/// A class of the year.
#[derive(Clone, Debug)]
pub(crate) struct ClassRow {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
}

/// The school's rows by everything that files name them with.
#[derive(Debug, Default)]
pub(crate) struct Known {
    students: Vec<StudentRow>,
    by_index: HashMap<[u8; 32], usize>,
    by_no: HashMap<String, usize>,
    staff: Vec<StaffRow>,
    classes: Vec<ClassRow>,
    /// Course code → subject and credits as the course plan platform files them.
    pub(crate) course_codes: HashMap<String, (String, String)>,
}

impl Known {
    /// Arranges the rows.
    pub(crate) fn new(students: Vec<StudentRow>, staff: Vec<StaffRow>, classes: Vec<ClassRow>) -> Self {
        let by_index = students.iter().enumerate().map(|(place, student)| (student.index, place)).collect();
        let by_no = students.iter().enumerate().map(|(place, student)| (student.student_no.clone(), place)).collect();
        Self { students, by_index, by_no, staff, classes, course_codes: HashMap::new() }
    }

    /// The student with this blind index.
    pub(crate) fn student_by_index(&self, index: &[u8; 32]) -> Option<&StudentRow> {
        self.by_index.get(index).map(|place| &self.students[*place])
    }

    /// The student with this number.
    pub(crate) fn student_by_no(&self, number: &str) -> Option<&StudentRow> {
        self.by_no.get(number).map(|place| &self.students[*place])
    }

    /// The member of staff with this account, in whatever case.
    pub(crate) fn staff_by_account(&self, account: &str) -> Option<&StaffRow> {
        self.staff.iter().find(|staff| staff.account.eq_ignore_ascii_case(account))
    }

    /// The one member of staff with this name; none if there are two.
    pub(crate) fn staff_by_name(&self, name: &str) -> Option<&StaffRow> {
        let mut named = self.staff.iter().filter(|staff| staff.name == name);
        named.next().filter(|_| named.next().is_none())
    }

    /// The class of the year with this code or, failing that, this name.
    pub(crate) fn class(&self, code: &str, name: &str) -> Option<&ClassRow> {
        let by_code = self.classes.iter().find(|class| !code.is_empty() && class.code == code);
        by_code.or_else(|| self.classes.iter().find(|class| !name.is_empty() && class.name == name))
    }
}
