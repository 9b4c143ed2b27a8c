//! Reads a recognised file into a plan and a table of findings.

mod cadres;
mod classes;
mod counsellors;
mod course_codes;
mod enrolments;
mod known;
mod scores;
mod staff;
mod students;

pub(crate) use known::{ClassRow, Known, StaffRow, StudentRow};

use super::{
    findings::{At, Findings, Severity},
    kind::{Kind, Recognised, Table},
    plan::{Group, Plan},
    source::{Source, Unreadable},
};
use kernel::{calendar::RocDate, identity_number::NationalId, school::SchoolCode, secrets::Keys, text::half_width};
use std::ops::RangeInclusive;
use time::Date;

/// The school and the moment that a file is read for.
pub(crate) struct Frame<'a> {
    pub(crate) school: SchoolCode,
    /// The academic year chosen in the form.
    pub(crate) year: i16,
    /// The term chosen in the form.
    pub(crate) term: i16,
    /// The school's domain in front of student numbers (F-009).
    pub(crate) account_prefix: &'a str,
    pub(crate) keys: &'a Keys,
    /// What the school has already.
    pub(crate) known: &'a Known,
}

/// What came of reading.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) plan: Plan,
    pub(crate) findings: Findings,
    /// Rows of the file that hold data.
    pub(crate) rows: usize,
    /// Of these, left out for an error.
    pub(crate) left_out: usize,
}

/// One row of the file.
pub(crate) struct Row<'a> {
    table: &'a Table,
    pub(crate) number: u32,
    cells: &'a [String],
}

impl<'a> Row<'a> {
    /// The text of a field; empty where there is none.
    pub(crate) fn get(&self, field: &str) -> &'a str {
        self.table.columns.get(field).and_then(|column| self.cells.get(*column)).map_or("", String::as_str)
    }

    /// Where a field stands, for a finding.
    fn at(&self, field: &str) -> At<'a> {
        let column = self.table.columns.get(field).and_then(|column| self.table.headings.get(*column));
        let column = column.map_or("", String::as_str);
        At { sheet: &self.table.sheet, row: self.number, column, value: self.get(field) }
    }
}

/// One row could not be taken; its findings are written already.
pub(crate) struct LeftOut;

/// A reader of one kind of file.
trait Reader {
    /// A sheet begins: what columns it has decides what its rows can say.
    fn begin(&mut self, table: &Table, reading: &mut Reading);
    /// Takes one row.
    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut>;
    /// The groups, in the order in which they must be written.
    fn finish(self: Box<Self>, reading: &mut Reading) -> Vec<Group>;
}

fn reader<'a>(kind: Kind, frame: &'a Frame<'a>) -> Box<dyn Reader + 'a> {
    match kind {
        Kind::Staff => Box::new(staff::Staff::new(frame)),
        Kind::Classes => Box::new(classes::Classes::new(frame)),
        Kind::Students => Box::new(students::Students::new(frame)),
        Kind::Enrolments => Box::new(enrolments::Enrolments::new(frame)),
        Kind::Scores => Box::new(scores::Scores::new(frame)),
        Kind::Cadres => Box::new(cadres::Cadres::new(frame)),
        Kind::CourseCodes => Box::new(course_codes::CourseCodes::new()),
        Kind::CounsellorAssignments => Box::new(counsellors::Counsellors::new(frame)),
    }
}

/// Reads a whole file. Takes CPU time in proportion to it: call it off the async threads.
pub(crate) fn read(source: &mut Source, file: &Recognised, frame: &Frame<'_>) -> Result<Reading, Unreadable> {
    let mut reading = Reading::default();
    for sheet in &file.ignored_sheets {
        let at = At { sheet, ..At::default() };
        reading.findings.add(
            Severity::Warning,
            &at,
            "這個工作表不匯入",
            "不需要處理；若裡面有要匯入的資料，請移到標準的工作表",
        );
    }
    let mut reader = reader(file.kind, frame);
    for table in &file.tables {
        for heading in table.ignored() {
            let at = At { sheet: &table.sheet, row: table.head_row, column: heading, value: "" };
            reading.findings.add(
                Severity::Warning,
                &at,
                "這一欄不匯入",
                "不需要處理；若應該匯入，請對照欄位說明修改欄位名稱",
            );
        }
        reader.begin(table, &mut reading);
        source.rows(&table.sheet, |number, cells| {
            if number > table.head_row && !repeats_headings(table, cells) {
                reading.rows += 1;
                let row = Row { table, number, cells };
                if reader.row(&row, &mut reading).is_err() {
                    reading.left_out += 1;
                }
            }
            true
        })?;
    }
    // an empty template says nothing, least of all that everybody has left
    if reading.rows == 0 {
        return Err(Unreadable::Empty);
    }
    let groups = reader.finish(&mut reading);
    reading.plan.groups = groups;
    Ok(reading)
}

/// A second row of headings, in the other language: identifiers above, Chinese below.
fn repeats_headings(table: &Table, cells: &[String]) -> bool {
    let known = |field: &super::kind::Field| {
        let cell = table.columns.get(field.id).and_then(|column| cells.get(*column));
        cell.is_some_and(|cell| cell == field.id || field.names.contains(&cell.as_str()))
    };
    table.layout.fields.iter().filter(|field| known(field)).count() * 2 > table.columns.len()
}

impl Reading {
    /// The row is left out for this.
    fn error<T>(
        &mut self,
        row: &Row<'_>,
        field: &str,
        what: impl Into<String>,
        mend: &'static str,
    ) -> Result<T, LeftOut> {
        self.findings.add(Severity::Error, &row.at(field), what, mend);
        Err(LeftOut)
    }

    /// As [`Self::error`], where the error hides whose row it is: nothing may be taken for vanished.
    fn unknown_owner<T>(
        &mut self,
        row: &Row<'_>,
        field: &str,
        what: impl Into<String>,
        mend: &'static str,
    ) -> Result<T, LeftOut> {
        self.plan.uncertain = true;
        self.error(row, field, what, mend)
    }

    /// The row is taken all the same.
    fn warn(&mut self, row: &Row<'_>, field: &str, what: impl Into<String>, mend: &'static str) {
        self.findings.add(Severity::Warning, &row.at(field), what, mend);
    }

    /// A text that must be there.
    fn required<'a>(&mut self, row: &Row<'a>, field: &str, name: &str) -> Result<&'a str, LeftOut> {
        match row.get(field) {
            "" => self.error(row, field, format!("缺少{name}"), "補上這一格"),
            text => Ok(text),
        }
    }

    /// A whole number within a range; nothing where the cell is empty.
    fn number(&mut self, row: &Row<'_>, field: &str, range: RangeInclusive<i16>) -> Result<Option<i16>, LeftOut> {
        let text = half_width(row.get(field));
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse().ok().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let what = format!("應為 {} 到 {} 的整數", range.start(), range.end());
                self.error(row, field, what, "改為範圍內的數字")
            }
        }
    }

    /// As [`Self::number`], and must be there.
    fn needed_number(
        &mut self,
        row: &Row<'_>,
        field: &str,
        name: &str,
        range: RangeInclusive<i16>,
    ) -> Result<i16, LeftOut> {
        self.required(row, field, name)?;
        Ok(self.number(row, field, range)?.unwrap_or_default())
    }

    /// A date in any of the usual forms; nothing where the cell is empty.
    fn date(&mut self, row: &Row<'_>, field: &str) -> Result<Option<Date>, LeftOut> {
        match row.get(field) {
            "" => Ok(None),
            text => match text.parse::<RocDate>() {
                Ok(date) => Ok(Some(date.date())),
                // a birth date in the message would be one more place that holds it
                Err(_) => self.error(row, field, "不是日期", "以民國年 7 碼填寫，例如 0981107"),
            },
        }
    }

    /// The national id of a row that must be somebody's.
    fn national_id(&mut self, row: &Row<'_>) -> Result<NationalId, LeftOut> {
        match row.get("national_id").parse::<NationalId>() {
            Ok(id) => Ok(id),
            Err(error) => self.unknown_owner(row, "national_id", error.to_string(), "核對身分證號或居留證號後更正"),
        }
    }

    /// The student of a row, by national id where the file has it, otherwise by number.
    fn student<'k>(&mut self, row: &Row<'_>, frame: &Frame<'k>) -> Result<&'k StudentRow, LeftOut> {
        let by_number = || frame.known.student_by_no(row.get("student_no"));
        let found = if row.get("national_id").is_empty() {
            if row.get("student_no").is_empty() {
                return self.unknown_owner(row, "student_no", "缺少學號", "補上學號或身分證號");
            }
            by_number()
        } else {
            let id = self.national_id(row)?;
            frame.known.student_by_index(&frame.keys.blind_index(id.expose()))
        };
        let Some(student) = found else {
            let field = if row.get("national_id").is_empty() { "student_no" } else { "national_id" };
            return self.unknown_owner(row, field, "學籍中沒有這位學生", "先匯入學生資料，或更正身分證號與學號");
        };
        let number = row.get("student_no");
        if !number.is_empty() && number != student.student_no {
            self.warn(
                row,
                "student_no",
                "學號與學籍不同，依身分證號認定學生",
                "核對學號；若學號有更正，請先匯入學生資料",
            );
        }
        Ok(student)
    }

    /// Adds a row to a group; the same key twice is an error of the later row.
    fn push(
        &mut self,
        group: &mut Group,
        row: &Row<'_>,
        id: Option<i64>,
        cells: Vec<super::plan::Cell>,
    ) -> Result<i64, LeftOut> {
        match group.push(&self.plan.pool, row.number, id, cells) {
            Ok(reference) => Ok(reference),
            Err(earlier) => self.error(row, "", format!("與第 {earlier} 列重複"), "刪除重複的列，或更正其中一列"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
