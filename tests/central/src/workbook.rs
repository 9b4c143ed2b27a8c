//! Reads a workbook into texts; knows nothing of rosters.

use std::{fs::File, io::BufReader, path::Path};

use calamine::{Data, Range, Reader, Xlsx};

/// A sheet as it lies in the file.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    /// Row 1, without empty cells at its end.
    pub(crate) header: Vec<String>,
    /// The rows below that are not empty.
    pub(crate) rows: Vec<Row>,
}

/// A row as it lies in the file.
#[derive(Debug)]
pub(crate) struct Row {
    /// Number as Excel counts it.
    pub(crate) number: u32,
    /// Cells from column A on, trimmed; missing ones at the end are left out.
    pub(crate) cells: Vec<String>,
}

impl Row {
    /// The text of a cell, empty where there is none.
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads all sheets in order.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Sheet>> {
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(File::open(path)?))?;
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let range = workbook.worksheet_range(&name)?;
        sheets.push(sheet(name, &range));
    }
    Ok(sheets)
}

fn sheet(name: String, range: &Range<Data>) -> Sheet {
    let (first_row, first_column) = range.start().unwrap_or_default();
    let mut sheet = Sheet { name, header: Vec::new(), rows: Vec::new() };
    for (number, cells) in (first_row + 1..).zip(range.rows()) {
        let mut texts = vec![String::new(); first_column as usize];
        texts.extend(cells.iter().map(text));
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        if number == 1 {
            sheet.header = texts;
        } else if !texts.is_empty() {
            sheet.rows.push(Row { number, cells: texts });
        }
    }
    sheet
}

fn text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.trim().to_owned(),
        other => other.to_string().trim().to_owned(),
    }
}
