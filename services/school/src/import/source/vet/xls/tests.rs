use super::{
    super::super::{Source, Unreadable},
    records,
    samples::{TEXTS_HEAD, a_roster, at, begin, book, end, file, number, record, shared, texts, wide},
};
use std::time::Instant;

type Row = (u32, Vec<String>);

fn open(stream: &[u8]) -> Result<Source, Unreadable> {
    Source::open(file("/Workbook", stream).into())
}

fn rows(source: &mut Source, sheet: &str) -> Vec<Row> {
    source.head(sheet, 100).unwrap()
}

fn row(number: u32, cells: &[&str]) -> Row {
    (number, cells.iter().map(ToString::to_string).collect())
}

fn refused(stream: &[u8]) -> Unreadable {
    let begun = Instant::now();
    let refused = open(stream).err().expect("it is refused");
    assert!(begun.elapsed().as_secs() < 5, "it took {:?}", begun.elapsed());
    refused
}

/// A text of so many characters, a byte each.
fn long(length: u16) -> Vec<u8> {
    [&length.to_le_bytes(), [0].as_slice(), &vec![b'x'; length.into()]].concat()
}

#[test]
fn a_roster_reads_as_it_looks() {
    let expected = [
        row(1, &["學號", "成績", "出生日期", "是否", "", "", ""]),
        row(2, &["0990305", "85.5", "2010-01-01", "1", "", "", ""]),
        row(3, &["7", "8", "甲班", "60", "1", "", "10"]),
    ];
    for name in ["/Workbook", "/Book"] {
        let mut source = Source::open(file(name, &a_roster()).into()).unwrap();
        assert_eq!(source.sheets(), ["學生資料", "說明"]);
        assert_eq!(rows(&mut source, "學生資料"), expected);
        assert_eq!(rows(&mut source, "說明"), [row(5, &["", "", "", "", "成績"])]);
    }
}

/// A text is parted between characters and goes on in the other width; what Excel hangs on it is passed over.
#[test]
fn texts_go_on_in_further_records() {
    let rich = [&[4, 0, 0x0d, 1, 0], 4_u32.to_le_bytes().as_slice(), &wide("甲乙")[3..]].concat();
    let listed = [
        record(records::TEXTS, &[&TEXTS_HEAD, &wide("學號"), &rich]),
        record(records::MORE, &[&[0], b"ab", &[0; 4], &[0xff; 2]]),
        record(records::MORE, &[&[0xff; 2], &wide("姓名")]),
    ];
    let cells = [shared(0, 0, 0), shared(0, 1, 1), shared(0, 2, 2), shared(0, 3, 3)].concat();
    let mut source = open(&book(&listed.concat(), &[("a", cells)])).unwrap();
    assert_eq!(rows(&mut source, "a"), [row(1, &["學號", "甲乙ab", "姓名"])]);
}

/// A full sheet of the widest roster, each cell with the text of a long name: no office has more.
#[test]
fn the_largest_roster_is_read() {
    let text = texts(&["國立臺灣師範大學附屬高級中學國際部"]);
    let cells: Vec<u8> =
        (0..=u16::MAX).flat_map(|row| (0..22).flat_map(move |column| shared(row, column, 0))).collect();
    let mut source = open(&book(&text, &[("a", cells)])).unwrap();
    let mut count = 0;
    let read = source.rows("a", |_, cells| {
        count += cells.len();
        true
    });
    read.unwrap();
    assert_eq!(count, 65_536 * 22);
}

/// The reader would reserve memory for the dimensions: they don't come to it.
#[test]
fn dimensions_are_not_believed() {
    let far = record(0x0200, &[&0_u32.to_le_bytes(), &u32::MAX.to_le_bytes(), &[0, 0, 0xff, 0xff, 0, 0]]);
    let mut source = open(&book(&texts(&["學號"]), &[("a", [far, shared(0, 0, 0)].concat())])).unwrap();
    assert_eq!(rows(&mut source, "a"), [row(1, &["學號"])]);
}

/// The reader would lay out every cell between two that lie far apart, in one sheet or in many.
#[test]
fn cells_far_apart_are_refused() {
    let apart = |row, column| [number(0, 0, 1.0), number(row, column, 1.0)].concat();
    assert_eq!(refused(&book(&[], &[("a", apart(u16::MAX, 255))])), Unreadable::TooLarge);
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let sheets: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), apart(u16::MAX, 0))).collect();
    assert_eq!(refused(&book(&[], &sheets)), Unreadable::TooLarge);
    open(&book(&[], &sheets[..60])).unwrap();
    let formula = |row| record(records::FORMULA, &[&at(row, 300, 0), &1_f64.to_le_bytes(), &[0; 8]]);
    let formulas = [number(0, 0, 1.0), formula(u16::MAX)].concat();
    assert_eq!(refused(&book(&[], &[("a", formulas)])), Unreadable::TooLarge);
    let several = record(records::SHORT_NUMBERS, &[&[0; 4], &[0; 6 * 1_000], &[0; 2]]);
    assert_eq!(refused(&book(&[], &[("a", [several, number(u16::MAX, 0, 1.0)].concat())])), Unreadable::TooLarge);
}

/// Ten thousand sheets that lie in one place, or that are all empty.
#[test]
fn a_sheet_is_walked_once() {
    let cells: Vec<u8> = (0..9_000).flat_map(|row| number(row, 0, 1.0)).collect();
    let sheet = [begin(0x10), cells, end()].concat();
    let listed = |name: u32, begins: usize| {
        let begins = u32::try_from(begins).unwrap().to_le_bytes();
        record(records::SHEET, &[&begins, &[0, 0, 4, 0], format!("{name:04}").as_bytes()])
    };
    let crowd = |count: u32| {
        let all = |begins| (0..count).flat_map(|name| listed(name, begins)).collect::<Vec<u8>>();
        let begins = begin(5).len() + all(0).len() + end().len();
        [begin(5), all(begins), end(), sheet.clone()].concat()
    };
    open(&crowd(1)).unwrap();
    assert_eq!(refused(&crowd(2)), Unreadable::Damaged);
    assert_eq!(refused(&crowd(900)), Unreadable::Damaged);
    assert_eq!(refused(&crowd(9_999)), Unreadable::TooLarge);
    let nowhere = [begin(5), listed(0, 1 << 31), end()].concat();
    assert_eq!(refused(&nowhere), Unreadable::Damaged);
}

/// Sheets of one name are one to the reader, and would be copied for each.
#[test]
fn sheets_of_one_name_are_refused() {
    let cells = number(0, 0, 1.0);
    assert_eq!(refused(&book(&[], &[("a", cells.clone()), ("a\0", cells)])), Unreadable::Damaged);
}

/// The reader would copy a text for every cell that shows it: 20 MB become 40 GB.
#[test]
fn a_text_shown_too_often_is_refused() {
    let text = record(records::TEXTS, &[&TEXTS_HEAD, &long(32_767)]);
    let shown = |count: u16| (0..count).flat_map(|row| shared(row, 0, 0)).collect::<Vec<u8>>();
    assert_eq!(refused(&book(&text, &[("a", shown(60_000))])), Unreadable::TooLarge);
    open(&book(&text, &[("a", shown(1_000))])).unwrap();
    let missing = book(&[], &[("a", shown(60_000))]);
    assert!(open(&missing).unwrap().head("a", 1).unwrap().is_empty(), "a text that is not there is no cell");
}

/// A text of a few bytes says that it is long, and the reader makes room.
#[test]
fn a_promise_of_characters_is_counted() {
    let cell = |kind: u16| record(kind, &[&at(0, 0, 0), &[0xff, 0xff, 0]]);
    for kind in [records::TEXT, records::RICH_TEXT] {
        assert_eq!(refused(&book(&[], &[("a", cell(kind).repeat(60_000))])), Unreadable::TooLarge);
    }
    let promised = record(records::FORMULA_TEXT, &[&[0xff, 0xff, 0]]).repeat(60_000);
    assert_eq!(refused(&book(&[], &[("a", promised)])), Unreadable::TooLarge);
}

/// The reader's time grows with the square of the records that the texts go on in.
#[test]
fn texts_in_too_many_pieces_are_refused() {
    let pieces = |count: usize| [texts(&["學號"]), record(records::MORE, &[]).repeat(count)].concat();
    assert_eq!(refused(&book(&pieces(1_000_000), &[])), Unreadable::TooLarge);
    let many = [texts(&["學號"]), record(records::MORE, &[&[0; 3 * 2_000]]).repeat(2_000)].concat();
    assert_eq!(refused(&book(&many, &[])), Unreadable::TooLarge);
    open(&book(&pieces(9_000), &[("a", shared(0, 0, 0))])).unwrap();
}

#[test]
fn texts_that_end_too_soon_are_refused() {
    for listed in [
        &[9, 0, 0, b'x'][..],
        &[9, 0],
        &[1, 0, 8, 0],
        &[1, 0, 4, 0],
        &[1, 0, 8, 9, 0, b'x'],
        &[1, 0, 4, 0xff, 0xff, 0xff, 0xff, b'x'],
    ] {
        let stream = book(&record(records::TEXTS, &[&TEXTS_HEAD, listed]), &[]);
        assert_eq!(refused(&stream), Unreadable::Damaged, "{listed:?}");
    }
    let empty_piece = [record(records::TEXTS, &[&TEXTS_HEAD, &[9, 0, 0]]), record(records::MORE, &[])].concat();
    assert_eq!(refused(&book(&empty_piece, &[])), Unreadable::Damaged);
}

/// Every format is kept, and the reader writes a line for each that it does not know.
#[test]
fn settings_are_counted() {
    let formats = record(records::FORMAT, &[&[9, 0], &wide("x")]).repeat(30_000);
    assert_eq!(refused(&book(&formats, &[])), Unreadable::TooLarge);
    assert_eq!(refused(&book(&record(records::PASSWORD, &[&[1, 0]]), &[])), Unreadable::Damaged);
}

/// A list of tables that names one table a million times, which is read as often.
#[test]
fn a_container_of_lists_is_refused() {
    let mut whole = file("/Workbook", &a_roster());
    let sectors = u32::try_from(whole.len() / 4096).unwrap() - 1;
    let lists = 2_000;
    whole[68..72].copy_from_slice(&sectors.to_le_bytes());
    for list in 1..=lists {
        whole.extend(1_u32.to_le_bytes().repeat(1_023));
        whole.extend((sectors + list).to_le_bytes());
    }
    let begun = Instant::now();
    assert_eq!(Source::open(whole.into()).err(), Some(Unreadable::Damaged));
    assert!(begun.elapsed().as_secs() < 2);
}
