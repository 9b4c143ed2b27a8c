//! The course plan platform's codes of the school (domain §5.8.1, F-028).

use super::{LeftOut, Reader, Reading, Row};
use crate::import::{
    entity,
    kind::Table,
    plan::{Group, Scope, Use, Vanish},
};
use kernel::course_code::{CourseCode, Credits};
use std::collections::{BTreeSet, HashMap};

pub(super) struct CourseCodes {
    /// A file of changes names what it removes; a full file speaks for its programmes.
    changes: bool,
    programmes: BTreeSet<String>,
    removed: BTreeSet<String>,
    names: HashMap<String, String>,
    codes: Group,
}

impl CourseCodes {
    pub(super) fn new() -> Self {
        let columns = ["course_code", "subject_name", "credits"].map(|name| (name, Use::Compare));
        Self {
            changes: false,
            programmes: BTreeSet::new(),
            removed: BTreeSet::new(),
            names: HashMap::new(),
            codes: Group::new(&entity::COURSE_CODE, &columns, Scope::Whole, Vanish::Keep),
        }
    }
}

/// A well-formed code; values that the tables don't know only warn (domain §5.8.3).
pub(super) fn course_code(row: &Row<'_>, field: &str, reading: &mut Reading) -> Result<CourseCode, LeftOut> {
    match row.get(field).parse::<CourseCode>() {
        Ok(code) => {
            for warning in code.warnings() {
                reading.warn(row, field, warning.to_string(), "核對課程計畫平臺核發的課程代碼；代碼表更新時可略過");
            }
            Ok(code)
        }
        Err(error) => reading.error(row, field, error.to_string(), "改為課程計畫平臺核發的 23 碼課程代碼"),
    }
}

impl Reader for CourseCodes {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        self.changes = table.has("orig_course_code");
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let taken = self.take(row, reading);
        // which code a wrong row means can't be told, so none is taken for withdrawn
        reading.plan.uncertain |= taken.is_err();
        taken
    }

    fn finish(mut self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        if !self.changes {
            self.codes.scope = Scope::Programmes(self.programmes.into_iter().collect());
            self.codes.vanish = Vanish::Remove;
            return vec![self.codes];
        }
        let removed: Vec<_> = self.removed.into_iter().filter(|code| !self.names.contains_key(code)).collect();
        let columns = [("course_code", Use::Compare)];
        let gone = Group::new(&entity::COURSE_CODE, &columns, Scope::Codes(removed), Vanish::Remove);
        vec![gone, self.codes]
    }
}

impl CourseCodes {
    fn take(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let (code, original) = (row.get("course_code"), row.get("orig_course_code"));
        // "original only → delete; original and new → modify; no original → add" (domain §5.8.1)
        if !original.is_empty() && original != code {
            self.removed.insert(original.to_owned());
        }
        if code.is_empty() && !original.is_empty() {
            return Ok(());
        }
        let code = course_code(row, "course_code", reading)?;
        self.programmes.insert(code.programme_key().to_owned());
        let name = reading.required(row, "subject_name", "科目名稱")?;
        if let Err(error) = row.get("credits").parse::<Credits>() {
            return reading.error(row, "credits", error.to_string(), "改為六個學期的學分，例如 444440");
        }
        let known = self.names.entry(code.as_str().to_owned()).or_insert_with(|| name.to_owned());
        if known != name {
            reading.warn(row, "subject_name", "同一個課程代碼有兩個科目名稱", "核對課程計畫平臺的科目名稱");
        }
        let pool = &mut reading.plan.pool;
        let cells = vec![pool.text(code.as_str()), pool.text(name), pool.text(row.get("credits"))];
        reading.push(&mut self.codes, row, None, cells).map(drop)
    }
}
