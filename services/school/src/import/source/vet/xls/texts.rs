//! The texts that cells share ([MS-XLS] 2.4.265, 2.5.293): only how long they are.

use super::{
    super::super::Unreadable,
    records::{Record, Records, u16_at, u32_at},
};

/// Texts of a workbook; with as many different ones its cells alone take more than an office may upload.
const MOST_TEXTS: usize = 2_000_000;
/// Records that the texts go on in: the reader's time grows with the square of their number. 20 MiB need 2,550.
const MOST_PIECES: usize = 10_000;

/// Flags of a text.
const WIDE: u8 = 0x01;
const EXTENDED: u8 = 0x04;
const RICH: u8 = 0x08;

/// Characters of each text, as far as the list says; the number at its head is not believed.
pub(super) fn lengths(record: &Record<'_>) -> Result<Vec<u16>, Unreadable> {
    let piece = record.data.get(8..).ok_or(Unreadable::Damaged)?;
    let mut text = Text { piece, more: Records::of(record.more), pieces: 1 };
    let mut lengths = Vec::new();
    while !text.piece.is_empty() || text.goes_on()? {
        if lengths.len() == MOST_TEXTS {
            return Err(Unreadable::TooLarge);
        }
        lengths.push(text.length()?);
    }
    Ok(lengths)
}

struct Text<'a> {
    piece: &'a [u8],
    more: Records<'a>,
    pieces: usize,
}

impl<'a> Text<'a> {
    /// Turns to the next piece, if there is one.
    fn goes_on(&mut self) -> Result<bool, Unreadable> {
        let Some((_, piece)) = self.more.single()? else { return Ok(false) };
        self.piece = piece;
        self.pieces += 1;
        if self.pieces > MOST_PIECES { Err(Unreadable::TooLarge) } else { Ok(true) }
    }

    fn turn(&mut self) -> Result<(), Unreadable> {
        if self.goes_on()? { Ok(()) } else { Err(Unreadable::Damaged) }
    }

    /// Bytes that are never parted.
    fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.piece.split_at_checked(count).ok_or(Unreadable::Damaged)?;
        self.piece = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<u16, Unreadable> {
        if self.piece.is_empty() {
            return Ok(0);
        }
        let head = self.take(3)?;
        let (length, flags) = (u16_at(head, 0)?, head[2]);
        let runs = if flags & RICH == 0 { 0 } else { u16_at(self.take(2)?, 0)? };
        let extension = if flags & EXTENDED == 0 { 0 } else { u32_at(self.take(4)?, 0)? };
        self.pass_characters(length, flags)?;
        self.pass(u64::from(runs) * 4)?;
        self.pass(extension.into())?;
        Ok(length)
    }

    /// Characters may be parted; in the next piece they may be of another width.
    fn pass_characters(&mut self, length: u16, mut flags: u8) -> Result<(), Unreadable> {
        let mut left = usize::from(length);
        while left > 0 {
            let width = 1 + usize::from(flags & WIDE);
            let here = left.min(self.piece.len() / width);
            self.take(here * width)?;
            left -= here;
            if left > 0 {
                self.turn()?;
                flags = self.take(1)?[0];
            }
        }
        Ok(())
    }

    fn pass(&mut self, count: u64) -> Result<(), Unreadable> {
        let mut left = count;
        while left > 0 {
            if self.piece.is_empty() {
                self.turn()?;
            }
            let here = self.piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.take(here)?;
            left -= here as u64;
        }
        Ok(())
    }
}
