//! Workbooks: only the container is checked, the import reads what is in it.

use super::{le_u16, le_u32};
use crate::{
    media::MediaType,
    refusal::{Found, Refusal},
};
use memchr::memmem;

/// The first bytes of an OLE compound file.
pub(super) const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

const XLSX: MediaType = MediaType::Xlsx;
const XLS: MediaType = MediaType::Xls;
const MOST_ENTRIES: usize = 10_000;
const MOST_UNPACKED: usize = 512 * 1024 * 1024;
/// The end record may be followed by a comment of 64 KiB.
const END_RECORD_REACH: usize = 22 + 65_535;

/// A workbook, another office document, or just an archive.
pub(super) fn kind_of_zip(bytes: &[u8]) -> Found {
    let Some(entries) = directory(bytes) else {
        // cut or damaged: the first part of every workbook is its list of content types
        let is_office = bytes.get(30..49) == Some(b"[Content_Types].xml".as_slice());
        return if is_office { Found::Known(XLSX) } else { Found::Archive };
    };
    let has = |prefix: &[u8]| entries.iter().any(|entry| entry.name.starts_with(prefix));
    if has(b"xl/workbook.") {
        Found::Known(XLSX)
    } else if has(b"word/") || has(b"ppt/") || (has(b"mimetype") && has(b"content.xml")) {
        Found::OfficeDocument
    } else {
        Found::Archive
    }
}

/// Whole, without macros, passwords, unsafe names or an absurd size.
pub(super) fn check_xlsx(bytes: &[u8]) -> Result<(), Refusal> {
    let entries = directory(bytes).ok_or(Refusal::Truncated(XLSX))?;
    let mut unpacked = 0usize;
    for entry in &entries {
        let name = entry.name;
        if memmem::find(name, b"..").is_some() || name.starts_with(b"/") || name.contains(&b'\\') {
            return Err(Refusal::WorkbookUnsafe);
        }
        if name.ends_with(b"vbaProject.bin") {
            return Err(Refusal::WorkbookMacros);
        }
        if entry.encrypted {
            return Err(Refusal::WorkbookLocked);
        }
        unpacked = unpacked.saturating_add(entry.unpacked);
        let header = bytes.get(entry.offset..entry.offset.saturating_add(4));
        if header != Some(b"PK\x03\x04".as_slice()) {
            return Err(Refusal::Damaged(XLSX));
        }
    }
    let has = |wanted: &[u8]| entries.iter().any(|entry| entry.name == wanted);
    if unpacked > MOST_UNPACKED || entries.len() > MOST_ENTRIES {
        Err(Refusal::WorkbookUnsafe)
    } else if has(b"[Content_Types].xml") && has(b"xl/workbook.xml") {
        Ok(())
    } else {
        Err(Refusal::Damaged(XLSX))
    }
}

struct ZipEntry<'a> {
    name: &'a [u8],
    unpacked: usize,
    offset: usize,
    encrypted: bool,
}

/// The central directory; `None` when the end record is missing or contradicts it.
fn directory(bytes: &[u8]) -> Option<Vec<ZipEntry<'_>>> {
    let reach = bytes.len().saturating_sub(END_RECORD_REACH);
    let end = reach + memmem::rfind(&bytes[reach..], b"PK\x05\x06")?;
    let comment = le_u16(bytes, end + 20)?;
    let (count, mut at) = (le_u16(bytes, end + 10)?, le_u32(bytes, end + 16)?);
    if end + 22 + comment != bytes.len() {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let (name, extra, note) = (le_u16(bytes, at + 28)?, le_u16(bytes, at + 30)?, le_u16(bytes, at + 32)?);
        entries.push(ZipEntry {
            name: bytes.get(at + 46..at + 46 + name)?,
            unpacked: le_u32(bytes, at + 24)?,
            offset: le_u32(bytes, at + 42)?,
            encrypted: le_u16(bytes, at + 8)? & 1 == 1,
        });
        at = at + 46 + name + extra + note;
    }
    (at <= end).then_some(entries)
}

/// A workbook of 1997–2003, another office document, or something else in an OLE container.
pub(super) fn kind_of_ole(bytes: &[u8]) -> Found {
    let names = streams(bytes).unwrap_or_default();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("Workbook") || has("Book") || names.is_empty() {
        Found::Known(XLS)
    } else if has("WordDocument") || has("PowerPoint Document") || has("EncryptedPackage") {
        Found::OfficeDocument
    } else {
        Found::Unknown
    }
}

/// A workbook with a password is an OLE container around an encrypted package.
pub(super) fn is_locked(bytes: &[u8]) -> bool {
    bytes.starts_with(OLE) && streams(bytes).is_some_and(|names| names.iter().any(|name| name == "EncryptedPackage"))
}

/// The container is whole enough to list its streams, and one of them is the workbook.
pub(super) fn check_xls(bytes: &[u8]) -> Result<(), Refusal> {
    let names = streams(bytes).ok_or(Refusal::Truncated(XLS))?;
    if names.iter().any(|name| name.starts_with("_VBA_PROJECT")) {
        return Err(Refusal::WorkbookMacros);
    }
    let is_workbook = names.iter().any(|name| name == "Workbook" || name == "Book");
    is_workbook.then_some(()).ok_or(Refusal::Damaged(XLS))
}

/// The names in the directory of an OLE container ([MS-CFB] 2.2, 2.3, 2.6).
fn streams(bytes: &[u8]) -> Option<Vec<String>> {
    const END_OF_CHAIN: usize = 0xffff_fffe;
    let shift = le_u16(bytes, 30)?;
    if !matches!(shift, 9 | 12) {
        return None;
    }
    let sector_size = 1usize << shift;
    let sector = |number: usize| {
        let from = number.checked_add(1)?.checked_mul(sector_size)?;
        bytes.get(from..from.checked_add(sector_size)?)
    };
    // the first 109 sectors of the allocation table are listed in the header: 7 MB and more
    let next = |number: usize| {
        let per_sector = sector_size / 4;
        let table = le_u32(bytes, 76 + (number / per_sector).checked_mul(4).filter(|at| *at < 436)?)?;
        le_u32(sector(table)?, number % per_sector * 4)
    };
    let mut names = Vec::new();
    let mut at = le_u32(bytes, 48)?;
    // a chain longer than the file is a loop
    for _ in 0..bytes.len() / sector_size {
        for entry in sector(at)?.chunks_exact(128) {
            let length = le_u16(entry, 64)?.saturating_sub(2).min(62);
            let units: Vec<u16> =
                entry[..length].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            if !units.is_empty() {
                names.push(String::from_utf16_lossy(&units));
            }
        }
        at = next(at)?;
        if at == END_OF_CHAIN {
            return Some(names);
        }
    }
    None
}

/// Text in UTF-8 or Big5; columns and rows are the import's business.
pub(super) fn check_csv(bytes: &[u8]) -> Result<(), Refusal> {
    if std::str::from_utf8(bytes).is_ok() || is_big5(bytes) { Ok(()) } else { Err(Refusal::CsvNotText) }
}

/// Big5 with the extensions of Windows: lead 81–FE, trail 40–7E or 80–FE.
fn is_big5(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (0..=0x7f, _) => tail,
            (0x81..=0xfe, [0x40..=0x7e | 0x80..=0xfe, after @ ..]) => after,
            _ => return false,
        };
    }
    true
}
