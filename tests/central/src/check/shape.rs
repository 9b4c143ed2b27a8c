//! Sheets, columns and the cover: what must hold before a row can be read.

use crate::{
    finding::{Finding, Findings, Flaw},
    layout::{self, COVER, COVER_COLUMNS},
    notice::Notice,
    roster::Roster,
    workbook::Sheet,
};

/// Holds a workbook against the layout of the roster that was announced.
pub(crate) fn shape(mut sheets: Vec<Sheet>, notice: &Notice) -> Result<Roster, Findings> {
    let Some(layout) = layout::roster(notice.roster_code) else {
        return Err(Finding::workbook(Flaw::CoverMismatch, "不認得的名冊別").into());
    };
    sheet_order(&sheets, layout)?;
    let mut findings = Findings::default();
    cover(&sheets[0], notice, layout, &mut findings);
    for (expected, sheet) in layout.sheets.iter().zip(&sheets[1..]) {
        columns(expected, sheet, &mut findings);
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Roster::new(layout, sheets.split_off(1)))
}

fn sheet_order(sheets: &[Sheet], layout: &layout::Roster) -> Result<(), Findings> {
    let expected: Vec<&str> = std::iter::once(COVER).chain(layout.sheets.iter().map(|sheet| sheet.name)).collect();
    let found: Vec<&str> = sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    if expected == found {
        return Ok(());
    }
    let message = format!("工作表須依序為：{}", expected.join("、"));
    Err(Finding::workbook(Flaw::SheetOrder, message).into())
}

fn cover(sheet: &Sheet, notice: &Notice, layout: &layout::Roster, findings: &mut Findings) {
    if sheet.header != COVER_COLUMNS {
        let message = format!("封面欄位須依序為：{}", COVER_COLUMNS.join("、"));
        findings.add(Finding::sheet(COVER, Flaw::ColumnOrder, message).at_row(1));
        return;
    }
    let [row] = sheet.rows.as_slice() else {
        findings.add(Finding::sheet(COVER, Flaw::CoverMismatch, "封面須恰有一列資料"));
        return;
    };
    if layout.yearly && row.cell(2) != "0" {
        findings.add(
            Finding::sheet(COVER, Flaw::YearlyTerm, "年度名冊的學期須為 0")
                .at_row(row.number)
                .in_column(COVER_COLUMNS[2]),
        );
    }
    let announced = [
        notice.school_code.clone(),
        notice.academic_year.to_string(),
        notice.term.to_string(),
        notice.roster_code.to_string(),
    ];
    for (index, value) in announced.iter().enumerate() {
        if row.cell(index) != value {
            findings.add(
                Finding::sheet(COVER, Flaw::CoverMismatch, "與通知內容不符")
                    .at_row(row.number)
                    .in_column(COVER_COLUMNS[index]),
            );
        }
    }
}

fn columns(expected: &layout::Sheet, sheet: &Sheet, findings: &mut Findings) {
    let columns: Vec<_> = expected.columns().collect();
    let in_order = columns
        .iter()
        .enumerate()
        .all(|(index, column)| sheet.header.get(index).is_some_and(|header| column.is_named(header)));
    let only_remarks_after = sheet.header.iter().skip(columns.len()).all(|header| layout::is_remark(header));
    if !(in_order && only_remarks_after) {
        let names: Vec<_> = columns.iter().map(|column| column.name).collect();
        let message = format!("欄位須依序為：{}", names.join("、"));
        findings.add(Finding::sheet(expected.name, Flaw::ColumnOrder, message).at_row(1));
    }
}
