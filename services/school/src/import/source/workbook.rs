//! Workbooks. An xlsx sheet is streamed cell by cell: held whole, a school's scores take several hundred MiB.

use super::{MOST_COLUMNS, Unreadable};
use bytes::Bytes;
use calamine::{Data, DataRef, ExcelDateTime, Reader};
use std::{collections::HashSet, io::Cursor, ops::ControlFlow};

pub(crate) type Xlsx = calamine::Xlsx<Cursor<Bytes>>;
pub(crate) type Xls = calamine::Xls<Cursor<Bytes>>;

pub(super) fn open_xlsx(bytes: Bytes) -> Result<Xlsx, Unreadable> {
    Xlsx::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)
}

/// Sheets of one name are one sheet to the reader, which would be copied again for each.
pub(super) fn open_xls(bytes: Bytes) -> Result<Xls, Unreadable> {
    let book = Xls::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    let names = book.sheet_names();
    let distinct: HashSet<&String> = names.iter().collect();
    if distinct.len() == names.len() { Ok(book) } else { Err(Unreadable::Damaged) }
}

pub(super) fn sheet_names<B: Reader<Cursor<Bytes>>>(book: &B) -> Vec<String> {
    book.sheet_names()
}

/// Gathers the cells that come one by one into rows; the same buffers serve every row.
#[derive(Default)]
struct Gather {
    cells: Vec<String>,
    used: usize,
    row: Option<u32>,
}

impl Gather {
    /// Room for the cell of a column in the current row.
    fn cell(&mut self, column: usize) -> Option<&mut String> {
        if column >= MOST_COLUMNS {
            return None;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        for skipped in self.used..=column {
            self.cells[skipped].clear();
        }
        self.used = self.used.max(column + 1);
        Some(&mut self.cells[column])
    }

    fn hand_over(&mut self, each: &mut dyn FnMut(u32, &[String]) -> bool) -> ControlFlow<()> {
        let Some(row) = self.row.take() else { return ControlFlow::Continue(()) };
        let go_on = each(row + 1, &self.cells[..self.used]);
        self.used = 0;
        if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Reads the rows; see [`super::Source::rows`].
pub(super) fn xlsx_rows(
    book: &mut Xlsx,
    sheet: &str,
    each: &mut dyn FnMut(u32, &[String]) -> bool,
) -> Result<(), Unreadable> {
    let mut reader = book.worksheet_cells_reader(sheet).map_err(|_| Unreadable::Damaged)?;
    let mut gather = Gather::default();
    while let Some(cell) = reader.next_cell().map_err(|_| Unreadable::Damaged)? {
        let (row, column) = cell.get_position();
        if gather.row != Some(row) {
            if gather.hand_over(each).is_break() {
                return Ok(());
            }
            gather.row = Some(row);
        }
        if let Some(into) = gather.cell(column as usize) {
            write_cell(into, cell.get_value());
        }
    }
    let _ = gather.hand_over(each);
    Ok(())
}

/// Reads the rows; see [`super::Source::rows`].
pub(super) fn xls_rows(
    book: &mut Xls,
    sheet: &str,
    each: &mut dyn FnMut(u32, &[String]) -> bool,
) -> Result<(), Unreadable> {
    let range = book.worksheet_range(sheet).map_err(|_| Unreadable::Damaged)?;
    let Some((first_row, first_column)) = range.start() else { return Ok(()) };
    let mut gather = Gather::default();
    for (row, cells) in (first_row..).zip(range.rows()) {
        gather.row = Some(row);
        for (column, cell) in (first_column as usize..).zip(cells) {
            if let Some(into) = gather.cell(column) {
                write_cell(into, &borrowed(cell));
            }
        }
        if gather.hand_over(each).is_break() {
            break;
        }
    }
    Ok(())
}

fn borrowed(cell: &Data) -> DataRef<'_> {
    match cell {
        Data::Int(number) => DataRef::Int(*number),
        Data::Float(number) => DataRef::Float(*number),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(truth) => DataRef::Bool(*truth),
        Data::DateTime(moment) => DataRef::DateTime(*moment),
        Data::DateTimeIso(text) | Data::DurationIso(text) => DataRef::SharedString(text),
        Data::Error(error) => DataRef::Error(error.clone()),
        _ => DataRef::Empty,
    }
}

/// A cell as the office reads it on the screen: whole numbers without a fraction, dates in the ISO form,
/// ticked boxes as 1 and 0 like the rosters' flags, broken formulas as nothing.
fn write_cell(into: &mut String, value: &DataRef<'_>) {
    match value {
        DataRef::Int(number) => into.push_str(&number.to_string()),
        DataRef::Float(number) => into.push_str(&number.to_string()),
        DataRef::String(text) => into.push_str(text.trim()),
        DataRef::SharedString(text) => into.push_str(text.trim()),
        DataRef::Bool(truth) => into.push(if *truth { '1' } else { '0' }),
        DataRef::DateTime(moment) => into.push_str(&iso_date(moment)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => into.push_str(text),
        _ => {}
    }
}

fn iso_date(moment: &ExcelDateTime) -> String {
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}")
}
