//! Workbooks of 1997–2003 are sifted: the reader gets a new one, made of the cells and what they need.
//!
//! It would reserve memory for the dimensions that a sheet names, lay out every cell between the two farthest ones,
//! copy a text for each cell that shows it, write formulas out, and walk as many sheets as are listed, wherever they
//! lie. So only the cells go in, the room that they will take is added up on the way, and a formula becomes its
//! value. What was measured is what is read: containers and records that two programs understand in two ways don't
//! get that far.

mod container;
mod records;
#[cfg(test)]
pub(in super::super) mod samples;
#[cfg(test)]
mod tests;
mod texts;

use self::records::{Record, Records, u16_at, u32_at};
use super::super::Unreadable;
use bytes::Bytes;

/// Sheets of a workbook.
const MOST_SHEETS: usize = 1_000;
/// Records about the whole workbook that are kept, such as formats.
const MOST_SETTINGS: usize = 20_000;
/// Places between the first and the last cells of all sheets: a full sheet of sixty columns.
const MOST_PLACES: u64 = 65_536 * 60;
/// Characters of all cells, a text counted as often as it is shown; a full sheet of the widest roster has a third.
const MOST_CHARACTERS: u64 = 40_000_000;

/// A workbook with the same sheets and cells, small enough to be read.
pub(crate) fn sifted(bytes: &[u8]) -> Result<Bytes, Unreadable> {
    let stream = container::workbook(bytes)?;
    let mut sieve = Sieve {
        stream: &stream,
        sifted: Vec::with_capacity(stream.len()),
        texts: Vec::new(),
        sheets: Vec::new(),
        settings: 0,
        left: Left { bytes: stream.len(), places: MOST_PLACES, characters: MOST_CHARACTERS },
    };
    sieve.settings()?;
    for sheet in std::mem::take(&mut sieve.sheets) {
        sieve.sheet(sheet)?;
    }
    container::packed(&sieve.sifted)
}

/// A sheet of the list.
struct Listed {
    /// Where the new list says where the sheet begins.
    place: usize,
    /// Where the sheet begins in the old workbook.
    begins: usize,
}

/// What may still come.
struct Left {
    /// Sheets don't lie on one another, so all of them have no more bytes than the workbook.
    bytes: usize,
    places: u64,
    characters: u64,
}

struct Sieve<'a> {
    stream: &'a [u8],
    sifted: Vec<u8>,
    /// How long the shared texts are.
    texts: Vec<u16>,
    sheets: Vec<Listed>,
    settings: usize,
    left: Left,
}

impl<'a> Sieve<'a> {
    /// What stands before the sheets.
    fn settings(&mut self) -> Result<(), Unreadable> {
        let mut records = Records::of(self.stream);
        while let Some(record) = records.next()? {
            match record.kind {
                records::END => break,
                records::PASSWORD => return Err(Unreadable::Damaged),
                records::SHEET => self.list(&record)?,
                records::TEXTS if !self.texts.is_empty() => return Err(Unreadable::Damaged),
                records::TEXTS => {
                    self.texts = texts::lengths(&record)?;
                    self.sifted.extend_from_slice(record.whole);
                }
                records::BEGIN | records::CODE_PAGE | records::DATE_MODE | records::FORMAT | records::STYLE => {
                    self.settings += 1;
                    self.keep(record.kind, &[record.data])?;
                }
                _ => {}
            }
            if self.settings > MOST_SETTINGS || self.sheets.len() > MOST_SHEETS {
                return Err(Unreadable::TooLarge);
            }
        }
        self.keep(records::END, &[])
    }

    fn list(&mut self, record: &Record<'_>) -> Result<(), Unreadable> {
        let begins = usize::try_from(u32_at(record.data, 0)?).map_err(|_| Unreadable::Damaged)?;
        self.sheets.push(Listed { place: self.sifted.len() + 4, begins });
        self.keep(record.kind, &[record.data])
    }

    /// The cells of a sheet; charts and the like inside it have records that look like cells.
    fn sheet(&mut self, sheet: Listed) -> Result<(), Unreadable> {
        let now = u32::try_from(self.sifted.len()).map_err(|_| Unreadable::TooLarge)?;
        self.sifted[sheet.place..sheet.place + 4].copy_from_slice(&now.to_le_bytes());
        let from = self.stream.get(sheet.begins..).ok_or(Unreadable::Damaged)?;
        let mut records = Records::of(from);
        let (mut depth, mut cells) = (0, Cells::default());
        while let Some(record) = records.next()? {
            match record.kind {
                records::BEGIN => depth += 1,
                records::END if depth <= 1 => break,
                records::END => depth -= 1,
                _ if depth <= 1 => self.cell(&record, &mut cells)?,
                _ => {}
            }
        }
        let walked = from.len() - records.left();
        self.left.bytes = self.left.bytes.checked_sub(walked).ok_or(Unreadable::Damaged)?;
        self.left.places = self.left.places.checked_sub(cells.places()).ok_or(Unreadable::TooLarge)?;
        self.keep(records::END, &[])
    }

    fn cell(&mut self, record: &Record<'a>, cells: &mut Cells<'a>) -> Result<(), Unreadable> {
        let data = record.data;
        match record.kind {
            records::NUMBER | records::SHORT_NUMBER | records::TRUTH => cells.add(data, 1)?,
            records::SHORT_NUMBERS => {
                cells.add(data, u32::try_from(data.len().saturating_sub(6) / 6).map_err(|_| Unreadable::Damaged)?)?;
            }
            records::TEXT | records::RICH_TEXT => {
                self.characters(u16_at(data, 6)?)?;
                cells.add(data, 1)?;
            }
            records::SHARED_TEXT => {
                let length = usize::try_from(u32_at(data, 6)?).ok().and_then(|index| self.texts.get(index));
                let Some(length) = length else { return Ok(()) };
                self.characters(*length)?;
                cells.add(data, 1)?;
            }
            records::FORMULA => return self.value(data, cells),
            records::FORMULA_TEXT => {
                self.characters(u16_at(data, 0)?)?;
                cells.add(cells.formula, 1)?;
                return self.keep(records::TEXT, &[cells.formula, data]);
            }
            _ => return Ok(()),
        }
        self.keep(record.kind, &[data])
    }

    /// What a formula came to; a text follows in a record of its own.
    fn value(&mut self, data: &'a [u8], cells: &mut Cells<'a>) -> Result<(), Unreadable> {
        let (Some(head), Some(value)) = (data.get(..6), data.get(6..14)) else { return Err(Unreadable::Damaged) };
        cells.formula = head;
        match *value {
            [0 | 3, .., 0xff, 0xff] => Ok(()),
            [kind @ (1 | 2), _, value, .., 0xff, 0xff] => {
                cells.add(head, 1)?;
                self.keep(records::TRUTH, &[head, &[value, kind - 1]])
            }
            [.., 0xff, 0xff] => Err(Unreadable::Damaged),
            _ => {
                cells.add(head, 1)?;
                self.keep(records::NUMBER, &[head, value])
            }
        }
    }

    fn characters(&mut self, count: u16) -> Result<(), Unreadable> {
        self.left.characters = self.left.characters.checked_sub(count.into()).ok_or(Unreadable::TooLarge)?;
        Ok(())
    }

    fn keep(&mut self, kind: u16, pieces: &[&[u8]]) -> Result<(), Unreadable> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let length = u16::try_from(length).map_err(|_| Unreadable::Damaged)?;
        self.sifted.extend(kind.to_le_bytes());
        self.sifted.extend(length.to_le_bytes());
        pieces.iter().for_each(|piece| self.sifted.extend_from_slice(piece));
        Ok(())
    }
}

/// How far the cells of a sheet reach.
struct Cells<'a> {
    /// Row and column.
    first: (u32, u32),
    last: (u32, u32),
    /// Row, column and style of the formula that was met last.
    formula: &'a [u8],
}

impl Default for Cells<'_> {
    fn default() -> Self {
        Self { first: (u32::MAX, u32::MAX), last: (0, 0), formula: &[0; 6] }
    }
}

impl Cells<'_> {
    /// So many cells side by side, of which the first is named.
    fn add(&mut self, data: &[u8], count: u32) -> Result<(), Unreadable> {
        let (row, column) = (u16_at(data, 0)?.into(), u16_at(data, 2)?.into());
        let Some(further) = count.checked_sub(1) else { return Ok(()) };
        self.first = (self.first.0.min(row), self.first.1.min(column));
        self.last = (self.last.0.max(row), self.last.1.max(column + further));
        Ok(())
    }

    fn places(&self) -> u64 {
        if self.first.0 > self.last.0 {
            return 0;
        }
        u64::from(self.last.0 - self.first.0 + 1) * u64::from(self.last.1 - self.first.1 + 1)
    }
}
