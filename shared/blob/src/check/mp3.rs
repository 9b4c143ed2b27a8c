//! MP3: tags aside, frames of one kind follow each other to the end.

use super::be_u32;
use crate::{media::MediaType, refusal::Refusal};

const MP3: MediaType = MediaType::Mp3;
/// Encoders and cutters leave a little rubbish between frames; more than this is damage.
const MOST_RUBBISH: usize = 4096;
/// The longest frame there is: 320 kbit/s at 32 kHz, padded.
const LONGEST_FRAME: usize = 1441;

/// Whether the first bytes are a frame header of MPEG audio layer III.
pub(super) fn starts_like_one(bytes: &[u8]) -> bool {
    Frame::at(bytes, 0).is_some()
}

/// Walks tags and frames from the first byte to the last.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let start = skip_leading_tag(bytes)?;
    let first = Frame::at(bytes, start).ok_or(Refusal::Mp3NoFrames)?;
    let mut at = start;
    let mut frames = 0usize;
    let mut rubbish = 0usize;
    while at < bytes.len() {
        if let Some(frame) = Frame::at(bytes, at).filter(|frame| frame.is_like(first)) {
            if at + frame.length > bytes.len() {
                break;
            }
            frames += 1;
            at += frame.length;
        } else if is_trailer(&bytes[at..]) {
            break;
        } else if frames < 3 {
            return Err(Refusal::Mp3NoFrames);
        } else {
            let skipped = next_pair(bytes, at, first).ok_or(Refusal::TrailingData(MP3))? - at;
            rubbish += skipped;
            at += skipped;
            if rubbish > MOST_RUBBISH {
                return Err(Refusal::Damaged(MP3));
            }
        }
    }
    if frames < 3 {
        return Err(Refusal::Mp3NoFrames);
    }
    match declared_bytes(bytes, start, first) {
        Some(declared) if start + declared > at + LONGEST_FRAME => Err(Refusal::Truncated(MP3)),
        _ => Ok(()),
    }
}

/// ID3v2 stands in front, with a length in four bytes of seven bits, then perhaps zeros.
fn skip_leading_tag(bytes: &[u8]) -> Result<usize, Refusal> {
    if !bytes.starts_with(b"ID3") {
        return Ok(0);
    }
    let header = bytes.get(..10).ok_or(Refusal::Truncated(MP3))?;
    if header[6..].iter().any(|byte| *byte > 0x7f) {
        return Err(Refusal::Damaged(MP3));
    }
    let length = header[6..].iter().fold(0usize, |sum, byte| (sum << 7) | usize::from(*byte));
    let footer = if header[5] & 0x10 == 0 { 0 } else { 10 };
    let rest = bytes.get(10 + length + footer..).ok_or(Refusal::Truncated(MP3))?;
    let zeros = rest.iter().take(MOST_RUBBISH).take_while(|byte| **byte == 0).count();
    Ok(10 + length + footer + zeros)
}

/// Tags that stand at the end: ID3v1, APE, Lyrics3; or zeros.
fn is_trailer(rest: &[u8]) -> bool {
    (rest.starts_with(b"TAG") && rest.len() == 128)
        || rest.starts_with(b"APETAGEX")
        || rest.starts_with(b"LYRICSBEGIN")
        || (rest.len() <= MOST_RUBBISH && rest.iter().all(|byte| *byte == 0))
}

/// Where the next two frames in a row begin, within reach.
fn next_pair(bytes: &[u8], from: usize, first: Frame) -> Option<usize> {
    (from + 1..bytes.len().min(from + MOST_RUBBISH + 1)).find(|at| {
        let here = Frame::at(bytes, *at).filter(|frame| frame.is_like(first));
        here.and_then(|frame| Frame::at(bytes, at + frame.length)).is_some_and(|frame| frame.is_like(first))
    })
}

/// The number of bytes that the first frame announces (Xing/Info header), itself included.
fn declared_bytes(bytes: &[u8], start: usize, first: Frame) -> Option<usize> {
    let at = start + 4 + first.side_information;
    let kind = bytes.get(at..at + 4)?;
    let flags = be_u32(bytes, at + 4)?;
    let has_bytes = (kind == b"Xing" || kind == b"Info") && flags & 2 != 0;
    let after_frames = at + 8 + if flags & 1 == 0 { 0 } else { 4 };
    has_bytes.then(|| be_u32(bytes, after_frames)).flatten().map(|declared| declared as usize)
}

/// What a frame header says.
#[derive(Clone, Copy)]
struct Frame {
    version: u8,
    rate: u8,
    length: usize,
    side_information: usize,
}

impl Frame {
    /// Reads the header at `at`: layer III, neither free nor reserved bit rate.
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        const MPEG1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const MPEG2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let header: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let version = (header[1] >> 3) & 3;
        let is_layer_3 = header[0] == 0xff && header[1] & 0xe6 == 0xe2 && version != 1;
        let bit_rate = usize::from(header[2] >> 4);
        let rate = (header[2] >> 2) & 3;
        if !is_layer_3 || bit_rate == 0 || bit_rate == 15 || rate == 3 || header[3] & 3 == 2 {
            return None;
        }
        let is_mpeg1 = version == 3;
        let hertz = [44_100, 48_000, 32_000][usize::from(rate)] / [4, 1, 2, 1][usize::from(version)];
        let kilobits = if is_mpeg1 { MPEG1 } else { MPEG2 }[bit_rate - 1];
        let padding = usize::from((header[2] >> 1) & 1);
        let length = if is_mpeg1 { 144 } else { 72 } * kilobits * 1000 / hertz + padding;
        let is_mono = header[3] >> 6 == 3;
        let side_information = match (is_mpeg1, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        Some(Self { version, rate, length, side_information })
    }

    fn is_like(self, other: Self) -> bool {
        self.version == other.version && self.rate == other.rate
    }
}
