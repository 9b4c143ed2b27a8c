//! JPEG: every segment is walked to the end marker, then the picture is decoded.

use super::{MOST_PIXELS, be_u16};
use crate::{media::MediaType, refusal::Refusal};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

const JPEG: MediaType = MediaType::Jpeg;
/// A progressive picture is held as coefficients, six bytes a pixel, while it is decoded.
const MOST_PROGRESSIVE_PIXELS: u64 = MOST_PIXELS / 2;
const MOST_PADDING: usize = 4096;
const MOST_PHONE_TRAILER: usize = 1024;

/// The content starts with `FF D8 FF`.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let picture = walk(bytes)?;
    let most = if picture.progressive { MOST_PROGRESSIVE_PIXELS } else { MOST_PIXELS };
    if picture.pixels() > most {
        return Err(Refusal::TooManyPixels { width: picture.width.into(), height: picture.height.into(), most });
    }
    if !may_follow(&bytes[picture.end..]) {
        return Err(Refusal::TrailingData(JPEG));
    }
    let options = DecoderOptions::default().set_max_width(65_535).set_max_height(65_535);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..picture.end]), options);
    decoder.decode().map(|_| ()).map_err(|_| Refusal::Damaged(JPEG))
}

/// Bytes that decoding takes; `None` when it is no JPEG.
pub(super) fn decoded_bytes(bytes: &[u8]) -> Option<u64> {
    let picture = bytes.starts_with(b"\xff\xd8\xff").then(|| walk(bytes).ok()).flatten()?;
    Some(picture.pixels() * if picture.progressive { 9 } else { 3 })
}

struct Picture {
    width: u16,
    height: u16,
    progressive: bool,
    /// Where the bytes after the end marker begin.
    end: usize,
}

impl Picture {
    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Walks the segments from the start marker to the end marker.
fn walk(bytes: &[u8]) -> Result<Picture, Refusal> {
    let mut picture = None;
    let mut scanned = false;
    let mut at = 2;
    loop {
        let marker;
        (marker, at) = next_marker(bytes, at)?;
        match marker {
            0xd9 => {
                let whole = picture.filter(|_| scanned).ok_or(Refusal::Damaged(JPEG))?;
                return Ok(Picture { end: at, ..whole });
            }
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | 0xd8 => return Err(Refusal::Damaged(JPEG)),
            _ => {}
        }
        let length = usize::from(be_u16(bytes, at).ok_or(Refusal::Truncated(JPEG))?);
        if length < 2 {
            return Err(Refusal::Damaged(JPEG));
        }
        let segment = bytes.get(at..at + length).ok_or(Refusal::Truncated(JPEG))?;
        at += length;
        match marker {
            // all frame headers; C4, C8 and CC are tables and a reserved marker
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                picture = Some(frame(segment, marker).ok_or(Refusal::Damaged(JPEG))?);
            }
            0xda => {
                scanned = true;
                at = skip_scan(bytes, at)?;
            }
            _ => {}
        }
    }
}

/// The marker at or after fill bytes, and where the bytes after it begin.
fn next_marker(bytes: &[u8], at: usize) -> Result<(u8, usize), Refusal> {
    match bytes.get(at) {
        Some(0xff) => {}
        Some(_) => return Err(Refusal::Damaged(JPEG)),
        None => return Err(Refusal::Truncated(JPEG)),
    }
    let fill = bytes[at..].iter().take_while(|byte| **byte == 0xff).count();
    bytes.get(at + fill).map(|marker| (*marker, at + fill + 1)).ok_or(Refusal::Truncated(JPEG))
}

fn frame(segment: &[u8], marker: u8) -> Option<Picture> {
    let (height, width) = (be_u16(segment, 3)?, be_u16(segment, 5)?);
    let progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
    (width > 0 && height > 0).then_some(Picture { width, height, progressive, end: 0 })
}

/// Compressed data ends at the first marker that is neither a stuffed zero nor a restart.
fn skip_scan(bytes: &[u8], mut at: usize) -> Result<usize, Refusal> {
    loop {
        let rest = bytes.get(at..).ok_or(Refusal::Truncated(JPEG))?;
        at += memchr::memchr(0xff, rest).ok_or(Refusal::Truncated(JPEG))?;
        match bytes.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return Ok(at),
            None => return Err(Refusal::Truncated(JPEG)),
        }
    }
}

/// What cameras write after the end marker: a little padding, further whole pictures (preview,
/// gain map: "multi-picture format"), or the short trailer of one maker. Anything else hides there.
fn may_follow(mut tail: &[u8]) -> bool {
    while tail.starts_with(b"\xff\xd8\xff") {
        match walk(tail) {
            Ok(further) => tail = &tail[further.end..],
            Err(_) => return false,
        }
    }
    let padding = tail.len() <= MOST_PADDING && tail.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' ' | 0xff));
    let phone = tail.len() <= MOST_PHONE_TRAILER && tail.starts_with(b"\0\0") && tail.ends_with(b"SEFT");
    padding || phone
}
