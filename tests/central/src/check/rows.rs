//! A row by itself, and a row among the others of its student.

use std::collections::{BTreeMap, BTreeSet};

use super::cell;
use crate::{
    finding::{Finding, Findings, Flaw},
    identity::roc_date,
    layout::{Kind, Rule},
    notice::Notice,
    roster::{Link, RosterSheet},
    workbook::Row,
};

/// Each cell against the rule of its column.
pub(super) fn cells(sheet: &RosterSheet, row: &Row, notice: &Notice, findings: &mut Findings) {
    for (index, column) in sheet.columns.iter().enumerate() {
        let text = row.cell(index);
        let wrong = if text.is_empty() {
            column.required.then(|| (Flaw::Required, "必填".to_owned()))
        } else {
            cell::wrong(column.rule, text, notice.academic_year)
        };
        if let Some((code, message)) = wrong {
            findings.add(finding(sheet, row, code, message).in_column(column.name));
        }
    }
}

/// Cells of one row against each other.
pub(super) fn whole(sheet: &RosterSheet, row: &Row, findings: &mut Findings) {
    let start = roc_date(sheet.find(row, |rule| matches!(rule, Rule::Start)));
    let end = roc_date(sheet.find(row, |rule| matches!(rule, Rule::End)));
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        findings.add(finding(sheet, row, Flaw::DateOrder, "結束日期不得早於開始日期"));
    }
    if !sheet.layout.has_files() {
        return;
    }
    let document = sheet.find(row, |rule| matches!(rule, Rule::Document));
    let media = sheet.find(row, |rule| matches!(rule, Rule::Media));
    let external = sheet.find(row, |rule| matches!(rule, Rule::External));
    if document.is_empty() && media.is_empty() {
        findings.add(finding(sheet, row, Flaw::FileMissing, "至少須有一個檔案"));
    }
    if media.is_empty() && !external.is_empty() {
        findings.add(finding(sheet, row, Flaw::ExternalWithoutMedia, "有影音檔案才能填外部影音連結"));
    }
}

/// What the rows so far have used up.
#[derive(Default)]
pub(super) struct SoFar {
    rows_of: BTreeMap<String, usize>,
    seen: BTreeSet<(&'static str, Vec<String>)>,
}

impl SoFar {
    /// Counts the row for its student, over all sheets, and looks for the same row before it.
    pub(super) fn limits(&mut self, kind: Kind, sheet: &RosterSheet, row: &Row, findings: &mut Findings) {
        let student = row.cell(0);
        let count = self.rows_of.entry(student.to_owned()).or_default();
        *count += 1;
        if let Some(most) = kind.most_rows_of_a_student()
            && *count > most
            && !student.is_empty()
        {
            let code = if kind == Kind::Outcomes { Flaw::TooManyOutcomes } else { Flaw::TooManyActivities };
            let message = format!("同一學生全年最多 {most} 件，這是第 {count} 件");
            findings.add(finding(sheet, row, code, message));
        }
        if !self.seen.insert((sheet.layout.name, identity(sheet, row))) {
            findings.add(finding(sheet, row, Flaw::DuplicateRow, "與前面的列重複"));
        }
    }
}

/// What makes a row the same as another: its cells, and its files by content rather than by link.
fn identity(sheet: &RosterSheet, row: &Row) -> Vec<String> {
    let cells = sheet.columns.iter().enumerate().map(|(index, column)| {
        let text = row.cell(index);
        let content = match column.rule {
            Rule::Document | Rule::Media => Link::parse(text, true).map(|link| link.sha256),
            _ => None,
        };
        content.unwrap_or_else(|| text.to_owned())
    });
    cells.collect()
}

/// A finding about a row.
pub(super) fn finding(sheet: &RosterSheet, row: &Row, code: Flaw, message: impl Into<String>) -> Finding {
    Finding::sheet(sheet.layout.name, code, message).at_row(row.number)
}
