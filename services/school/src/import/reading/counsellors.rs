//! Which students a course counsellor advises, by class or one by one (F-111).

use super::{Frame, LeftOut, Reader, Reading, Row};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish},
};

pub(super) struct Counsellors<'a> {
    frame: &'a Frame<'a>,
    assignments: Group,
}

impl<'a> Counsellors<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let columns = ["staff_id", "class_id", "student_id"].map(|name| (name, Use::Compare));
        let assignments = Group::new(&entity::COUNSELLOR_ASSIGNMENT, &columns, Scope::Whole, Vanish::Remove);
        Self { frame, assignments }
    }
}

impl Reader for Counsellors<'_> {
    fn begin(&mut self, _: &Table, _: &mut Reading) {}

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let known = self.frame.known;
        let account = row.get("counsellor");
        let Some(staff) = known.staff_by_account(account).or_else(|| known.staff_by_name(account)) else {
            return reading.unknown_owner(row, "counsellor", "教職員中沒有這個帳號", "先匯入教職員，或更正帳號");
        };
        let (code, name, number) = (row.get("class_code"), row.get("class_name"), row.get("student_no"));
        let (class, student) = match (code.is_empty() && name.is_empty(), number.is_empty()) {
            (false, true) => match known.class(code, name) {
                Some(class) => (reading.plan.pool.number(class.id), Cell::NULL),
                None => {
                    return reading.unknown_owner(
                        row,
                        "class_code",
                        "這個學年度沒有這個班級",
                        "先匯入班級，或更正班級代碼",
                    );
                }
            },
            (_, false) => match known.student_by_no(number) {
                Some(student) => (Cell::NULL, reading.plan.pool.number(student.id)),
                None => {
                    return reading.unknown_owner(
                        row,
                        "student_no",
                        "學籍中沒有這個學號",
                        "先匯入學生資料，或更正學號",
                    );
                }
            },
            (true, true) => return reading.unknown_owner(row, "class_code", "班級與學號都空白", "填寫班級代碼或學號"),
        };
        let cells = vec![reading.plan.pool.number(staff.id), class, student];
        reading.push(&mut self.assignments, row, None, cells).map(drop)
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        vec![self.assignments]
    }
}
