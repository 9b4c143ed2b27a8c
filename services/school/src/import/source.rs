//! What the office hands in, read row by row: xlsx, xls or CSV, one shape of row for all.

mod csv;
mod workbook;

use bytes::Bytes;

/// Rows of one file that are read at most; the largest school has a third of it.
const MOST_ROWS: u32 = 600_000;

/// The file as a whole can't be read, so there is no row to speak of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Neither a workbook nor text.
    #[error("這個檔案打不開：不是 xlsx、xls 或 CSV 檔，或已經損壞。請從校務行政系統重新匯出")]
    Damaged,
    /// Text in an unknown encoding.
    #[error("這個 CSV 檔不是 UTF-8 也不是 Big5 編碼（第 {line} 行附近）。請另存為「CSV UTF-8」再上傳")]
    Encoding {
        /// Where the first unreadable character stands.
        line: usize,
    },
    /// More rows than any school has.
    #[error("檔案超過 {MOST_ROWS} 列，請分成幾個檔案上傳")]
    TooManyRows,
    /// No sheet holds a row.
    #[error("檔案裡沒有任何資料")]
    Empty,
}

/// An opened file.
pub(crate) enum Source {
    /// Excel 2007 and later, streamed.
    Xlsx(Box<workbook::Xlsx>),
    /// Excel 97–2003; at most 65,536 rows a sheet, so it may be held whole.
    Xls(Box<workbook::Xls>),
    /// Text, already decoded.
    Csv(String),
}

impl Source {
    /// Opens a file by what it holds, whatever it is called.
    pub(crate) fn open(bytes: Bytes) -> Result<Self, Unreadable> {
        if bytes.starts_with(b"PK") {
            workbook::open_xlsx(bytes).map(|book| Self::Xlsx(Box::new(book)))
        } else if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            workbook::open_xls(bytes).map(|book| Self::Xls(Box::new(book)))
        } else {
            csv::decode(&bytes).map(Self::Csv)
        }
    }

    /// The sheets in their order; a CSV file has one without a name.
    pub(crate) fn sheets(&self) -> Vec<String> {
        match self {
            Self::Xlsx(book) => workbook::sheet_names(&**book),
            Self::Xls(book) => workbook::sheet_names(&**book),
            Self::Csv(_) => vec![String::new()],
        }
    }

    /// Hands over the rows of a sheet that hold anything, with their number as the office sees it (from 1), each
    /// cell trimmed. Stops when told `false`.
    pub(crate) fn rows(&mut self, sheet: &str, mut each: impl FnMut(u32, &[String]) -> bool) -> Result<(), Unreadable> {
        let mut too_many = false;
        let mut counted = |number: u32, cells: &[String]| {
            too_many = number > MOST_ROWS;
            !too_many && (cells.iter().all(String::is_empty) || each(number, cells))
        };
        match self {
            Self::Xlsx(book) => workbook::xlsx_rows(book, sheet, &mut counted)?,
            Self::Xls(book) => workbook::xls_rows(book, sheet, &mut counted)?,
            Self::Csv(text) => csv::rows(text, &mut counted)?,
        }
        if too_many { Err(Unreadable::TooManyRows) } else { Ok(()) }
    }

    /// The first rows of a sheet that hold anything.
    pub(crate) fn head(&mut self, sheet: &str, count: usize) -> Result<Vec<(u32, Vec<String>)>, Unreadable> {
        let mut head = Vec::with_capacity(count);
        self.rows(sheet, |number, cells| {
            head.push((number, cells.to_vec()));
            head.len() < count
        })?;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8]) -> Vec<(u32, Vec<String>)> {
        let mut source = Source::open(Bytes::copy_from_slice(bytes)).unwrap();
        let sheet = source.sheets().remove(0);
        source.head(&sheet, 100).unwrap()
    }

    fn row(number: u32, cells: &[&str]) -> (u32, Vec<String>) {
        (number, cells.iter().map(ToString::to_string).collect())
    }

    /// Issue 2 §3.1: "UTF-8 with/without BOM, Big5".
    #[test]
    fn text_is_read_in_the_three_encodings_that_schools_have() {
        let expected = vec![row(1, &["姓名", "學號"]), row(3, &["王，小明", "010203"])];
        let text = "姓名,學號\r\n\r\n\"王，小明\", 010203 \r\n";
        assert_eq!(rows(text.as_bytes()), expected);
        assert_eq!(rows(format!("\u{feff}{text}").as_bytes()), expected);
        assert_eq!(rows(&encoding_rs::BIG5.encode(text).0), expected);
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(rows(&utf16), expected);
    }

    #[test]
    fn tabs_separate_where_there_are_no_commas() {
        assert_eq!(rows("a\tb\n1\t2\n".as_bytes()), vec![row(1, &["a", "b"]), row(2, &["1", "2"])]);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_as_a_whole() {
        let refused = |bytes: &[u8]| Source::open(Bytes::copy_from_slice(bytes)).err();
        assert_eq!(refused(b"PK\x03\x04 no workbook"), Some(Unreadable::Damaged));
        assert_eq!(refused(b"\xd0\xcf\x11\xe0 nor this"), Some(Unreadable::Damaged));
        assert_eq!(refused(b"name\n\xff\xff\xff\n"), Some(Unreadable::Encoding { line: 2 }));
        assert_eq!(refused(b"%PDF-1.7\0\0\0"), Some(Unreadable::Damaged));
    }

    /// The agency's workbooks mix numbers and text; a score of 85 is no 85.0, a date keeps its seven digits.
    #[test]
    fn cells_of_a_workbook_read_as_they_look() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet().set_name("學期成績").unwrap();
        sheet.write(0, 0, "出生日期").unwrap().write(0, 1, "成績").unwrap().write(0, 3, "是否").unwrap();
        sheet.write(2, 0, 981107).unwrap().write(2, 1, 85.5).unwrap().write(2, 3, true).unwrap();
        sheet.write(3, 0, " 0981107 ").unwrap().write(3, 1, 85.0).unwrap();
        let bytes = book.save_to_buffer().unwrap();
        let expected = vec![
            row(1, &["出生日期", "成績", "", "是否"]),
            row(3, &["981107", "85.5", "", "1"]),
            row(4, &["0981107", "85"]),
        ];
        assert_eq!(rows(&bytes), expected);
    }
}
