//! Records of a workbook ([MS-XLS] 2.1.4), and those that matter here.

use super::super::super::Unreadable;

pub(super) const FORMULA: u16 = 0x0006;
/// Of a sheet, of what is nested in it, and of what stands before the sheets.
pub(super) const END: u16 = 0x000a;
pub(super) const DATE_MODE: u16 = 0x0022;
pub(super) const PASSWORD: u16 = 0x002f;
/// More of the record before: one holds no more than 8,224 bytes.
pub(super) const MORE: u16 = 0x003c;
pub(super) const CODE_PAGE: u16 = 0x0042;
/// One of the list of sheets.
pub(super) const SHEET: u16 = 0x0085;
pub(super) const SHORT_NUMBERS: u16 = 0x00bd;
pub(super) const RICH_TEXT: u16 = 0x00d6;
pub(super) const STYLE: u16 = 0x00e0;
/// The texts that cells share.
pub(super) const TEXTS: u16 = 0x00fc;
pub(super) const SHARED_TEXT: u16 = 0x00fd;
pub(super) const NUMBER: u16 = 0x0203;
pub(super) const TEXT: u16 = 0x0204;
/// True, false, or an error.
pub(super) const TRUTH: u16 = 0x0205;
/// What the formula before came to.
pub(super) const FORMULA_TEXT: u16 = 0x0207;
pub(super) const SHORT_NUMBER: u16 = 0x027e;
pub(super) const FORMAT: u16 = 0x041e;
/// See [`END`].
pub(super) const BEGIN: u16 = 0x0809;

/// One record.
pub(super) struct Record<'a> {
    pub(super) kind: u16,
    pub(super) data: &'a [u8],
    /// The records that continue it, with their heads.
    pub(super) more: &'a [u8],
    /// All of it, with its head.
    pub(super) whole: &'a [u8],
}

/// Record after record.
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn of(stream: &'a [u8]) -> Self {
        Self { rest: stream }
    }

    /// Bytes behind the last record.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next record with those that continue it; `None` at the end of the stream.
    pub(super) fn next(&mut self) -> Result<Option<Record<'a>>, Unreadable> {
        let begun = self.rest;
        let Some((kind, data)) = self.single()? else { return Ok(None) };
        let behind = self.rest;
        while self.rest.len() > 4 && self.rest.starts_with(&MORE.to_le_bytes()) {
            self.single()?;
        }
        let whole = &begun[..begun.len() - self.rest.len()];
        let more = &behind[..behind.len() - self.rest.len()];
        Ok(Some(Record { kind, data, more, whole }))
    }

    /// The next record by itself: its kind and its data.
    pub(super) fn single(&mut self) -> Result<Option<(u16, &'a [u8])>, Unreadable> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (head, behind) = self.rest.split_first_chunk::<4>().ok_or(Unreadable::Damaged)?;
        let (kind, length) = (u16_at(head, 0)?, u16_at(head, 2)?);
        let (data, behind) = behind.split_at_checked(length.into()).ok_or(Unreadable::Damaged)?;
        self.rest = behind;
        Ok(Some((kind, data)))
    }
}

pub(super) fn u16_at(data: &[u8], at: usize) -> Result<u16, Unreadable> {
    let bytes = data.get(at..).and_then(<[u8]>::first_chunk);
    bytes.copied().map(u16::from_le_bytes).ok_or(Unreadable::Damaged)
}

pub(super) fn u32_at(data: &[u8], at: usize) -> Result<u32, Unreadable> {
    let bytes = data.get(at..).and_then(<[u8]>::first_chunk);
    bytes.copied().map(u32::from_le_bytes).ok_or(Unreadable::Damaged)
}
