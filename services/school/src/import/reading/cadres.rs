//! Officer posts that the school records (roster 24, domain §5.7.1).

use super::{Frame, LeftOut, Reader, Reading, Row};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish},
};
use kernel::codes::CadreLevel;

/// Characters of a unit's name and of a post (domain §5.7.1).
const MOST_CHARACTERS: usize = 20;

pub(super) struct Cadres<'a> {
    frame: &'a Frame<'a>,
    cadres: Group,
}

impl<'a> Cadres<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let columns = [
            "student_id",
            "academic_year",
            "term",
            "unit_name",
            "title",
            "started_on",
            "ended_on",
            "level",
            "withdrawn_at",
        ]
        .map(|name| (name, Use::Compare));
        let scope = Scope::Term(frame.year, frame.term);
        Self { frame, cadres: Group::new(&entity::CADRE, &columns, scope, Vanish::Mark("withdrawn_at")) }
    }
}

impl Reader for Cadres<'_> {
    fn begin(&mut self, _: &Table, _: &mut Reading) {}

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let student = reading.student(row, self.frame)?;
        let unit = reading.required(row, "unit_name", "單位名稱")?;
        let title = reading.required(row, "title", "擔任職務")?;
        let pool = &mut reading.plan.pool;
        let key = [
            pool.number(student.id),
            pool.number(self.frame.year),
            pool.number(self.frame.term),
            pool.text(unit),
            pool.text(title),
        ];
        self.cadres.spare(&reading.plan.pool, &key);
        for (field, text) in [("unit_name", unit), ("title", title)] {
            if kernel::text::count(text) > MOST_CHARACTERS {
                reading.warn(row, field, "超過 20 個字，提交時會被退回", "縮短到 20 個字以內");
            }
        }
        let (Some(start), Some(end)) = (reading.date(row, "started_on")?, reading.date(row, "ended_on")?) else {
            return reading.error(row, "started_on", "缺少開始或結束日期", "以民國年 7 碼填寫，例如 1150901");
        };
        if end < start {
            return reading.error(row, "ended_on", "結束日期早於開始日期", "更正日期");
        }
        let level = match row.get("level").parse::<CadreLevel>() {
            Ok(level) => level.code(),
            Err(error) => return reading.error(row, "level", error.to_string(), "更正幹部等級"),
        };
        let pool = &mut reading.plan.pool;
        let mut cells = key.to_vec();
        cells.extend([pool.text(&start.to_string()), pool.text(&end.to_string()), pool.number(level), Cell::NULL]);
        reading.push(&mut self.cadres, row, None, cells).map(drop)
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        vec![self.cadres]
    }
}
