//! Workbooks of 1997–2003, made record by record.

use super::records;
use cfb::CompoundFile;
use std::io::{Cursor, Write as _};

/// A compound file with one stream.
pub(in super::super::super) fn file(name: &str, stream: &[u8]) -> Vec<u8> {
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream(name).unwrap().write_all(stream).unwrap();
    file.into_inner().into_inner()
}

pub(super) fn record(kind: u16, pieces: &[&[u8]]) -> Vec<u8> {
    let data = pieces.concat();
    let length = u16::try_from(data.len()).unwrap();
    [&kind.to_le_bytes(), &length.to_le_bytes(), data.as_slice()].concat()
}

/// Row, column and style, with which every cell begins.
pub(super) fn at(row: u16, column: u16, style: u16) -> [u8; 6] {
    let mut head = [0; 6];
    for (two, number) in head.chunks_mut(2).zip([row, column, style]) {
        two.copy_from_slice(&number.to_le_bytes());
    }
    head
}

/// A text as it stands in a cell, two bytes a character.
pub(super) fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let length = u16::try_from(units.len()).unwrap().to_le_bytes();
    length.into_iter().chain([1]).chain(units.into_iter().flat_map(u16::to_le_bytes)).collect()
}

/// The head of the list of texts; what it says of their number is a lie.
pub(super) const TEXTS_HEAD: [u8; 8] = [0xff; 8];

pub(super) fn texts(texts: &[&str]) -> Vec<u8> {
    let listed: Vec<u8> = texts.iter().flat_map(|text| wide(text)).collect();
    record(records::TEXTS, &[&TEXTS_HEAD, &listed])
}

/// A cell that shows a text of the list.
pub(super) fn shared(row: u16, column: u16, index: u32) -> Vec<u8> {
    record(records::SHARED_TEXT, &[&at(row, column, 0), &index.to_le_bytes()])
}

pub(super) fn number(row: u16, column: u16, value: f64) -> Vec<u8> {
    record(records::NUMBER, &[&at(row, column, 0), &value.to_le_bytes()])
}

pub(super) fn begin(kind: u16) -> Vec<u8> {
    record(records::BEGIN, &[&[0, 6], &kind.to_le_bytes(), &[0; 12]])
}

pub(super) fn end() -> Vec<u8> {
    record(records::END, &[])
}

/// The stream of a workbook: what stands before the sheets, and for each sheet its name and its cells.
pub(super) fn book(settings: &[u8], sheets: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let listed = |name: &str, begins: usize| {
        let begins = u32::try_from(begins).unwrap().to_le_bytes();
        // a short text has one byte for its length
        let name = wide(name);
        record(records::SHEET, &[&begins, &[0, 0, name[0]], &name[2..]])
    };
    let before = [begin(5), settings.to_vec()].concat();
    let list: usize = sheets.iter().map(|(name, _)| listed(name, 0).len()).sum();
    let mut begins = before.len() + list + end().len();
    let (mut whole, mut rest) = (before, Vec::new());
    for (name, cells) in sheets {
        let sheet = [begin(0x10), cells.clone(), end()].concat();
        whole.extend(listed(name, begins));
        begins += sheet.len();
        rest.extend(sheet);
    }
    [whole, end(), rest].concat()
}

/// A small roster with a cell of every sort.
pub(in super::super::super) fn a_roster() -> Vec<u8> {
    let dates = record(records::FORMAT, &[&164_u16.to_le_bytes(), &wide("yyyy/mm/dd")]);
    let styles =
        [0, 164_u16].map(|format| record(records::STYLE, &[&[0; 2], &format.to_le_bytes(), &[0; 16]])).concat();
    let dimensions = record(0x0200, &[&0_u32.to_le_bytes(), &9_u32.to_le_bytes(), &[0, 0, 9, 0, 0, 0]]);
    // a chart, whose cells are none of the sheet's
    let chart = [begin(0x20), number(7, 7, 7.0), end()].concat();
    let formula =
        |column, value: [u8; 8]| record(records::FORMULA, &[&at(2, column, 0), &value, &[0; 6], &[3, 0, 0x1e, 7, 0]]);
    let cells = [
        dimensions,
        shared(0, 0, 0),
        shared(0, 1, 1),
        record(records::TEXT, &[&at(0, 2, 0), &wide("出生日期")]),
        shared(0, 3, 2),
        chart,
        record(records::TEXT, &[&at(1, 0, 0), &[9, 0, 0], b" 0990305 "]),
        number(1, 1, 85.5),
        record(records::NUMBER, &[&at(1, 2, 1), &40_179_f64.to_le_bytes()]),
        record(records::TRUTH, &[&at(1, 3, 0), &[1, 0]]),
        record(records::SHORT_NUMBERS, &[&[2, 0, 0, 0], &[0, 0, 0x1e, 0, 0, 0], &[0, 0, 0x22, 0, 0, 0], &[1, 0]]),
        formula(2, [0, 0, 0, 0, 0, 0, 0xff, 0xff]),
        record(records::FORMULA_TEXT, &[&wide("甲班")]),
        formula(3, 60_f64.to_le_bytes()),
        formula(4, [1, 0, 1, 0, 0, 0, 0xff, 0xff]),
        formula(5, [2, 0, 0x2a, 0, 0, 0, 0xff, 0xff]),
        record(records::SHORT_NUMBER, &[&at(2, 6, 0), &[0x2a, 0, 0, 0]]),
    ];
    let settings = [dates, styles, texts(&["學號", "成績", "是否"])].concat();
    book(&settings, &[("學生資料", cells.concat()), ("說明", shared(4, 4, 1))])
}
