//! Workbooks of 2007 and later: what they unpack to is measured.
//!
//! The sizes that a zip declares are not believed: a few kilobytes unpack to gigabytes, and the reader of workbooks
//! reserves memory for whatever number a part names. A reservation that can't be met ends the process, so no such
//! number may reach it.

use super::super::Unreadable;
use memchr::{memchr2, memmem};
use std::io::{Cursor, Read};

/// Parts of a workbook.
const MOST_PARTS: usize = 10_000;
/// Bytes of all parts, unpacked; the scores of the largest school take a third of it.
const MOST_BYTES: u64 = 512 * 1024 * 1024;
/// Bytes of the list of texts, which is held whole.
const MOST_TEXT: u64 = 96 * 1024 * 1024;
/// Bytes between two brackets; a cell holds at most 32,767 characters.
const LONGEST_TEXT: usize = 1024 * 1024;
/// Bytes unpacked at a time.
const CHUNK: usize = 64 * 1024;
/// The number for which the reader reserves memory.
const PROMISE: &[u8] = b"uniqueCount";

/// Unpacks every part once, within limits.
pub(crate) fn unpacks_within_limits(bytes: &[u8]) -> Result<(), Unreadable> {
    let mut parts = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    if parts.len() > MOST_PARTS {
        return Err(Unreadable::TooLarge);
    }
    let mut left = MOST_BYTES;
    for index in 0..parts.len() {
        let part = parts.by_index(index).map_err(|_| Unreadable::Damaged)?;
        let is_texts = part.name().is_ok_and(|name| name.to_ascii_lowercase().ends_with("sharedstrings.xml"));
        left -= match is_texts {
            true => texts(part, left.min(MOST_TEXT))?,
            false => sheet(part, left)?,
        };
    }
    Ok(())
}

/// A part that is read piece by piece; its size.
fn sheet(mut part: impl Read, most: u64) -> Result<u64, Unreadable> {
    let (mut chunk, mut size, mut run) = (vec![0; CHUNK], 0, 0);
    loop {
        let read = part.read(&mut chunk).map_err(|_| Unreadable::Damaged)?;
        if read == 0 {
            return Ok(size);
        }
        size += read as u64;
        run = match last_bracket(&chunk[..read]) {
            Some(at) => read - at,
            None => run + read,
        };
        if size > most || run > LONGEST_TEXT {
            return Err(Unreadable::TooLarge);
        }
    }
}

fn last_bracket(chunk: &[u8]) -> Option<usize> {
    memchr2(b'<', b'>', chunk)?;
    chunk.iter().rposition(|byte| matches!(byte, b'<' | b'>'))
}

/// The list of texts: no more of them may be promised than the part has bytes.
fn texts(part: impl Read, most: u64) -> Result<u64, Unreadable> {
    let mut text = Vec::new();
    let size = part.take(most + 1).read_to_end(&mut text).map_err(|_| Unreadable::Damaged)? as u64;
    if size > most {
        return Err(Unreadable::TooLarge);
    }
    sheet(text.as_slice(), most)?;
    let mut promised = memmem::find_iter(&text, PROMISE).filter_map(|at| number(&text[at + PROMISE.len()..]));
    if promised.any(|promise| promise > size) { Err(Unreadable::Damaged) } else { Ok(size) }
}

/// The number in `="123"`, however it is spaced; larger than any size where it is larger than can be.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let text = text.strip_prefix(b"\"").or_else(|| text.strip_prefix(b"'"))?.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&text[..digits]).ok().filter(|digits| !digits.is_empty())?;
    Some(digits.parse().unwrap_or(u64::MAX))
}
