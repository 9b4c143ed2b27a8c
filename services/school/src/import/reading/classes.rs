//! Classes with their homeroom and guidance teachers (F-022, F-024).

use super::{Frame, LeftOut, Reader, Reading, Row};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish},
};

pub(super) struct Classes<'a> {
    frame: &'a Frame<'a>,
    fields: Vec<(&'static str, &'static str)>,
    classes: Group,
}

/// Optional fields and their columns.
const OPTIONAL: [(&str, &str); 3] =
    [("department_code", "department_code"), ("homeroom", "homeroom_staff_id"), ("guidance", "guidance_staff_id")];

impl<'a> Classes<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let none = Group::new(&entity::CLASS, &[], Scope::Year(frame.year), Vanish::Keep);
        Self { frame, fields: Vec::new(), classes: none }
    }

    fn teacher(&self, row: &Row<'_>, field: &'static str, reading: &mut Reading) -> Cell {
        let text = row.get(field);
        if text.is_empty() {
            return Cell::NULL;
        }
        let known = self.frame.known;
        match known.staff_by_account(text).or_else(|| known.staff_by_name(text)) {
            Some(staff) => reading.plan.pool.number(staff.id),
            None => {
                reading.warn(row, field, "教職員中沒有這個帳號", "先匯入教職員，或更正帳號；這一格先留空");
                Cell::NULL
            }
        }
    }
}

impl Reader for Classes<'_> {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        let mut columns: Vec<_> = ["academic_year", "code", "name", "grade"].map(|name| (name, Use::Compare)).into();
        self.fields = OPTIONAL.into_iter().filter(|(field, _)| table.has(field)).collect();
        columns.extend(self.fields.iter().map(|(_, column)| (*column, Use::Compare)));
        // a class that is over stays: students, sections and counselling of the year refer to it
        self.classes = Group::new(&entity::CLASS, &columns, Scope::Year(self.frame.year), Vanish::Keep);
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let year = reading.number(row, "year", 90..=299)?.unwrap_or(self.frame.year);
        if year != self.frame.year {
            let what = format!("學年度與上傳時選的 {} 不同", self.frame.year);
            return reading.error(row, "year", what, "更正學年度，或另存為該學年度的檔案再上傳");
        }
        let code = reading.required(row, "code", "班級代碼")?;
        let name = reading.required(row, "class_name", "班級名稱")?;
        let grade = reading.needed_number(row, "grade", "年級", 1..=6)?;
        let mut cells = vec![
            reading.plan.pool.number(year),
            reading.plan.pool.text(code),
            reading.plan.pool.text(name),
            reading.plan.pool.number(grade),
        ];
        for (field, column) in self.fields.clone() {
            cells.push(match column {
                "department_code" => reading.plan.pool.text(row.get(field)),
                _ => self.teacher(row, field, reading),
            });
        }
        reading.push(&mut self.classes, row, None, cells).map(drop)
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        vec![self.classes]
    }
}
