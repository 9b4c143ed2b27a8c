//! PNG: the chunks are walked to IEND, then every row is decoded (one row in memory at a time).

use super::{MOST_PIXELS, be_u32};
use crate::{media::MediaType, refusal::Refusal};

const PNG: MediaType = MediaType::Png;
const MOST_PADDING: usize = 4096;
const DECODER_BYTES: usize = 64 * 1024 * 1024;

/// The content starts with the PNG signature.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let end = walk(bytes)?;
    let (width, height) = (be_u32(bytes, 16), be_u32(bytes, 20));
    let (width, height) = width.zip(height).ok_or(Refusal::Truncated(PNG))?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Refusal::TooManyPixels { width, height, most: MOST_PIXELS });
    }
    let tail = &bytes[end..];
    if tail.len() > MOST_PADDING || tail.iter().any(|byte| !matches!(byte, 0 | b'\r' | b'\n' | b' ')) {
        return Err(Refusal::TrailingData(PNG));
    }
    decode(&bytes[..end]).map_err(|_| Refusal::Damaged(PNG))
}

/// Where the bytes after IEND begin; the first chunk must be IHDR.
fn walk(bytes: &[u8]) -> Result<usize, Refusal> {
    let mut at = 8;
    loop {
        let length = be_u32(bytes, at).ok_or(Refusal::Truncated(PNG))?;
        let kind = bytes.get(at + 4..at + 8).ok_or(Refusal::Truncated(PNG))?;
        if (at == 8 && (kind != b"IHDR" || length != 13)) || length > i32::MAX.unsigned_abs() {
            return Err(Refusal::Damaged(PNG));
        }
        let next = at + 12 + length as usize;
        if next > bytes.len() {
            return Err(Refusal::Truncated(PNG));
        }
        if kind == b"IEND" {
            return Ok(next);
        }
        at = next;
    }
}

fn decode(bytes: &[u8]) -> Result<(), png::DecodingError> {
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), png::Limits { bytes: DECODER_BYTES });
    // compressed text and colour profiles are not shown, and could be bombs of their own
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info()?;
    while reader.next_row()?.is_some() {}
    reader.finish()
}
