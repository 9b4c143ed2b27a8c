//! What the office hands in, read row by row: xlsx, xls or CSV, one shape of row for all.

mod csv;
mod vet;
mod workbook;

use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows of one file that are read at most; the largest school has a third of it.
const MOST_ROWS: u32 = 600_000;
/// Columns that are looked at; the widest roster has 22.
const MOST_COLUMNS: usize = 120;

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
    /// A bomb, or nearly one.
    #[error("這個檔案解開後太大。請只留下名冊的工作表，或分成幾個檔案上傳")]
    TooLarge,
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
    /// Excel 97–2003, sifted; at most 65,536 rows a sheet, so it may be held whole.
    Xls(Box<workbook::Xls>),
    /// Text, already decoded.
    Csv(String),
}

impl Source {
    /// Opens a file by what it holds, whatever it is called.
    pub(crate) fn open(bytes: Bytes) -> Result<Self, Unreadable> {
        if bytes.starts_with(b"PK") {
            vet::xlsx::unpacks_within_limits(&bytes)?;
            guarded(|| workbook::open_xlsx(bytes)).map(|book| Self::Xlsx(Box::new(book)))
        } else if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            let sifted = guarded(|| vet::xls::sifted(&bytes))?;
            guarded(|| workbook::open_xls(sifted)).map(|book| Self::Xls(Box::new(book)))
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
            Self::Xlsx(book) => guarded(|| workbook::xlsx_rows(book, sheet, &mut counted))?,
            Self::Xls(book) => guarded(|| workbook::xls_rows(book, sheet, &mut counted))?,
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

/// The reader of workbooks is not ours and stumbles over cells such as `ZZZZZZZ1`: what it can't read is damaged.
fn guarded<T>(read: impl FnOnce() -> Result<T, Unreadable>) -> Result<T, Unreadable> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(Unreadable::Damaged))
}

#[cfg(test)]
mod tests {
    use super::{vet::xls::samples as xls, *};
    use std::io::{Cursor, Read as _, Write as _};

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

    /// A workbook whose part of that name holds something else.
    fn workbook_with(part: &str, content: &[u8]) -> Vec<u8> {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.add_worksheet().write(0, 0, "學號").unwrap();
        let whole = book.save_to_buffer().unwrap();
        let mut from = zip::ZipArchive::new(Cursor::new(whole.as_slice())).unwrap();
        let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..from.len() {
            let mut file = from.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            to.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            if name == part {
                to.write_all(content).unwrap();
            } else {
                std::io::copy(&mut file, &mut to).unwrap();
            }
        }
        to.finish().unwrap().into_inner()
    }

    const SHEET: &str = "xl/worksheets/sheet1.xml";
    const TEXTS: &str = "xl/sharedStrings.xml";

    /// Issue 3 §4: zip bombs. What is unpacked is measured, whatever the zip says of itself.
    #[test]
    fn a_bomb_is_refused_before_it_is_read() {
        let blank = vec![b' '; 100 << 20];
        for part in [TEXTS, SHEET] {
            let bomb = workbook_with(part, &blank);
            assert!(bomb.len() < 200_000, "{} bytes unpack to 100 MiB", bomb.len());
            assert_eq!(Source::open(bomb.into()).err(), Some(Unreadable::TooLarge), "{part}");
        }
    }

    /// The reader reserves room for as many texts as are promised: a promise that no file can keep ended the process.
    #[test]
    fn a_promise_of_texts_is_not_believed() {
        for promise in [
            "uniqueCount=\"9999999999999\"",
            "uniqueCount = '18446744073709551615'",
            "uniqueCount=\"+99999999999999999999999\"",
        ] {
            let texts = format!("<?xml version=\"1.0\"?><sst {promise}><si><t>學號</t></si></sst>");
            let book = workbook_with(TEXTS, texts.as_bytes());
            assert_eq!(Source::open(book.into()).err(), Some(Unreadable::Damaged), "{promise}");
        }
    }

    /// Issue 3 §4: 10^6 columns. What is beyond the widest roster is not even kept.
    #[test]
    fn a_row_of_a_million_columns_is_cut() {
        let wide = format!("學號{}\n1,2\n", ",x".repeat(1_000_000));
        let text = rows(wide.as_bytes());
        assert_eq!((text[0].1.len(), text[1].clone()), (MOST_COLUMNS, row(2, &["1", "2"])));
        let cells: String = (0..1_000_000).map(|_| "<c t=\"inlineStr\"><is><t>x</t></is></c>").collect();
        let far = "<c r=\"ZZZZZZZ1\"><v>1</v></c>";
        for cells in [cells.as_str(), far] {
            let sheet = format!(
                "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData><row r=\"1\">{cells}</row></sheetData></worksheet>"
            );
            let mut source = Source::open(workbook_with(SHEET, sheet.as_bytes()).into()).unwrap();
            let name = source.sheets().remove(0);
            let head = source.head(&name, 10);
            assert!(head.is_err() || head.is_ok_and(|rows| rows.iter().all(|(_, row)| row.len() <= MOST_COLUMNS)));
        }
    }

    /// Every way in, with every kind of file: nothing that an office uploads may stop the process.
    fn read_everything(bytes: &[u8]) {
        let Ok(mut source) = Source::open(Bytes::copy_from_slice(bytes)) else { return };
        for sheet in source.sheets() {
            let mut widest = 0;
            let _refused = source.rows(&sheet, |_, cells| {
                widest = widest.max(cells.len());
                true
            });
            assert!(widest <= MOST_COLUMNS);
        }
        let _unknown = crate::import::kind::recognise(&mut source);
    }

    fn a_roster() -> rust_xlsxwriter::Workbook {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet().set_name("學生資料").unwrap();
        for (column, title) in (0..).zip(["學號", "姓名", "身分證號", "出生日期", "班級"]) {
            sheet.write(0, column, title).unwrap();
            sheet.write(1, column, "0990305").unwrap().write(2, column, 85.5).unwrap();
        }
        book
    }

    #[test]
    fn fuzz_roster_csv() {
        let text = "學號,姓名,身分證號,出生日期\r\n11500101,\"王，小明\",A123456789,0990305\r\n";
        let samples = [
            text.as_bytes().to_vec(),
            encoding_rs::BIG5.encode(text).0.into_owned(),
            text.replace(',', "\t").into_bytes(),
        ];
        fuzz::run("roster-csv", &samples, read_everything);
    }

    #[test]
    fn fuzz_roster_xlsx() {
        fuzz::run("roster-xlsx", &[a_roster().save_to_buffer().unwrap()], read_everything);
    }

    /// The same behind the zip's checksums, where mutations of the whole file seldom come.
    #[test]
    fn fuzz_roster_xlsx_parts() {
        let book = a_roster().save_to_buffer().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(book)).unwrap();
        let parts = [SHEET, TEXTS, "xl/workbook.xml", "xl/styles.xml"];
        let samples = parts.map(|part| {
            let mut content = Vec::new();
            zip.by_name(part).unwrap().read_to_end(&mut content).unwrap();
            content
        });
        fuzz::run("roster-xlsx-parts", &samples, |content| {
            for part in parts {
                read_everything(&workbook_with(part, content));
            }
        });
    }

    #[test]
    fn fuzz_roster_xls() {
        let stream = xls::a_roster();
        // mutations of the whole file seldom come to a record: what is no file is taken for a stream
        fuzz::run("roster-xls", &[xls::file("/Workbook", &stream), stream], |input| {
            match input.starts_with(b"\xd0\xcf\x11\xe0") {
                true => read_everything(input),
                false => read_everything(&xls::file("/Workbook", input)),
            }
        });
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
