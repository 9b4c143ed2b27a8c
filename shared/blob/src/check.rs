//! What a file really is, and whether it is whole (design §5: "sniffs the content").
//!
//! The name and the announced type of a file are never believed. Every check is structural and
//! bounded: no byte of a file is ever run, unpacked beyond a limit, or trusted as a length.

mod jpeg;
mod mp3;
mod mp4;
mod pdf;
mod png;
mod sniff;
mod workbook;

use crate::{
    media::{Accept, MediaType},
    refusal::{Found, Refusal},
};

/// A picture may have at most this many pixels: beyond, it is a decompression bomb.
const MOST_PIXELS: u64 = 100_000_000;

/// Says what the content is when the place takes it and it is whole; why not otherwise.
///
/// Takes CPU time in proportion to the file (a picture is decoded): call it off the async threads.
pub fn check(bytes: &[u8], accept: Accept) -> Result<MediaType, Refusal> {
    accept.size(bytes.len() as u64)?;
    let found = sniff::sniff(bytes);
    let media = match found {
        Found::Known(media) if accept.types().contains(&media) => media,
        Found::Text if accept == Accept::Workbook => MediaType::Csv,
        Found::WebPage if accept == Accept::Workbook => return Err(Refusal::WorkbookIsWebPage),
        _ if accept == Accept::Workbook && workbook::is_locked(bytes) => return Err(Refusal::WorkbookLocked),
        _ if accept.types().contains(&MediaType::Pdf) && pdf::hides_a_header(bytes) => {
            return Err(Refusal::PdfHeaderNotFirst);
        }
        _ => return Err(Refusal::WrongType { found, accept }),
    };
    match media {
        MediaType::Pdf => pdf::check(bytes),
        MediaType::Jpeg => jpeg::check(bytes),
        MediaType::Png => png::check(bytes),
        MediaType::Mp4 => mp4::check(bytes),
        MediaType::Mp3 => mp3::check(bytes),
        MediaType::Xlsx => workbook::check_xlsx(bytes),
        MediaType::Xls => workbook::check_xls(bytes),
        MediaType::Csv => workbook::check_csv(bytes),
    }?;
    Ok(media)
}

/// Roughly how many MiB `check` takes beside the file itself; pictures are the only ones that count.
pub(crate) fn working_memory_mib(bytes: &[u8]) -> u32 {
    let mib = jpeg::decoded_bytes(bytes).unwrap_or(0) / (1024 * 1024);
    u32::try_from(mib).unwrap_or(u32::MAX).saturating_add(1)
}

/// Reads big-endian numbers that may not be there.
fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// See `be_u16`.
fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// See `be_u16`; zip and OLE count the other way round.
fn le_u16(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

/// See `le_u16`.
fn le_u32(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod tests;
