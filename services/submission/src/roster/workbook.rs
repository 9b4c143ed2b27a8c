//! The roster as a workbook: the cover first, then every sheet of the template, every cell as text.

use super::{RosterCode, template::Template};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    school::SchoolCode,
};
use ring::digest::{SHA256, digest};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use time::OffsetDateTime;

/// What stands on the cover (封面, domain §5.0).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    pub(crate) school: SchoolCode,
    pub(crate) year: AcademicYear,
    /// 0 for yearly rosters.
    pub(crate) term: RosterTerm,
    pub(crate) code: RosterCode,
}

/// A workbook and its hash.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: [u8; 32],
}

/// Writes the workbook. The same rows, cover and `made_at` always give the same bytes, so that a workbook needs not be
/// kept: it is made again from the sealed rows, and the hash tells that it is the one that was announced.
pub(crate) fn write<'r>(
    cover: &Cover,
    template: &Template,
    rows: impl Iterator<Item = (i16, i32, &'r [String])>,
    made_at: OffsetDateTime,
) -> Result<Made, XlsxError> {
    // 49 is the built-in format @: text
    let text = Format::new().set_num_format_index(49);
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(made_at.unix_timestamp())?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    write_cover(workbook.add_worksheet().set_name("封面")?, cover, &text)?;
    for sheet in &template.sheets {
        let worksheet = workbook.add_worksheet().set_name(&sheet.name)?;
        for (place, column) in (0..).zip(&sheet.columns) {
            worksheet.write_string_with_format(0, place, &column.title, &text)?;
        }
    }
    for (sheet_no, row_no, cells) in rows {
        let Some(place) = template.sheets.iter().position(|sheet| sheet.no == sheet_no) else { continue };
        let worksheet = workbook.worksheet_from_index(place + 1)?;
        let row = u32::try_from(row_no - 1).unwrap_or_default();
        for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            worksheet.write_string_with_format(row, column, cell, &text)?;
        }
    }
    let bytes = workbook.save_to_buffer()?;
    let sha256 = digest(&SHA256, &bytes).as_ref().try_into().expect("SHA-256 gives 32 bytes");
    Ok(Made { bytes, sha256 })
}

fn write_cover(sheet: &mut Worksheet, cover: &Cover, text: &Format) -> Result<(), XlsxError> {
    let cells = [
        ("學校代碼", cover.school.to_string()),
        ("學年度", cover.year.get().to_string()),
        ("學期", cover.term.get().to_string()),
        ("名冊別", cover.code.get().to_string()),
    ];
    for (column, (title, value)) in (0..).zip(&cells) {
        sheet.write_string_with_format(0, column, *title, text)?;
        sheet.write_string_with_format(1, column, value, text)?;
    }
    Ok(())
}

/// The name to save it under, e.g. `403303_115_0_26_學生課程學習成果名冊.xlsx`.
pub(crate) fn file_name(cover: &Cover) -> String {
    let Cover { school, year, term, code } = cover;
    format!("{school}_{year}_{term}_{}_{}.xlsx", code.get(), code.roster.label(), term = term.get(), year = year.get())
}

#[cfg(test)]
mod tests {
    use super::{super::template::tests::shipped, *};
    use std::io::{Cursor, Read as _};
    use time::macros::datetime;

    fn cover(code: i16) -> Cover {
        Cover {
            school: "351C01".parse().unwrap(),
            year: AcademicYear::new(115).unwrap(),
            term: RosterTerm::YEAR,
            code: RosterCode::new(code).unwrap(),
        }
    }

    fn made(code: i16, rows: &[(i16, i32, Vec<String>)]) -> Made {
        let rows = rows.iter().map(|(sheet, row, cells)| (*sheet, *row, cells.as_slice()));
        write(&cover(code), &shipped(code), rows, datetime!(2026-11-22 6:00 UTC)).unwrap()
    }

    fn part(bytes: &[u8], name: &str) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Domain §5: "First sheet 封面 (cover)"; §5.7.2: all ten sheets in order, filled or not.
    #[test]
    fn every_sheet_is_there_even_when_empty() {
        let names = part(&made(25, &[]).bytes, "xl/workbook.xml");
        let order: Vec<&str> =
            names.split("<sheet name=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(order.len(), 11);
        assert_eq!(order[..3], ["封面", "幹部經歷暨事蹟紀錄", "競賽參與紀錄"]);
    }

    /// Domain A-39: school codes are text; §5.0: 學期 0 for yearly rosters. Text cells carry the format `@`.
    #[test]
    fn cells_are_text() {
        let row = vec!["A123456789".to_owned(), "0990305".to_owned(), "1".to_owned()];
        let made = made(26, &[(1, 2, row)]);
        let strings = part(&made.bytes, "xl/sharedStrings.xml");
        for text in ["351C01", "115", "0990305", "名冊別"] {
            assert!(strings.contains(&format!("<t>{text}</t>")), "{text} is a text cell");
        }
        assert!(part(&made.bytes, "xl/styles.xml").contains("numFmtId=\"49\""), "49 is Excel's @");
        assert!(!part(&made.bytes, "xl/worksheets/sheet2.xml").contains("<v>990305</v>"));
    }

    #[test]
    fn the_same_rows_make_the_same_bytes() {
        let rows = [(1, 2, vec!["x".to_owned()])];
        assert_eq!(made(26, &rows).sha256, made(26, &rows).sha256);
        assert_ne!(made(26, &rows).sha256, made(26, &[]).sha256);
    }
}
