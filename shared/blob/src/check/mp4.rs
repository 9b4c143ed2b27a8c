//! MP4: boxes that add up to the file, an index with a track, and media data to play.

use super::be_u32;
use crate::{media::MediaType, refusal::Refusal};

const MP4: MediaType = MediaType::Mp4;

/// The content starts with an `ftyp` box.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let boxes = children(bytes).map_err(|_| Refusal::Truncated(MP4))?;
    let index = boxes.iter().find(|part| part.kind == *b"moov").ok_or(Refusal::Mp4NoIndex)?;
    let inside = children(index.body).map_err(|_| Refusal::Damaged(MP4))?;
    if !inside.iter().any(|part| part.kind == *b"mvhd") {
        return Err(Refusal::Damaged(MP4));
    }
    let has_media = boxes.iter().any(|part| part.kind == *b"mdat" && !part.body.is_empty());
    let mut tracks = inside.iter().filter(|part| part.kind == *b"trak").peekable();
    if !has_media || tracks.peek().is_none() {
        return Err(Refusal::Mp4NoMedia);
    }
    tracks.try_for_each(|track| check_track(track.body, bytes.len()))
}

/// A track leads down to a sample table, whose chunks lie within the file.
fn check_track(track: &[u8], file_length: usize) -> Result<(), Refusal> {
    let table = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track, descend)?;
    let boxes = children(table).map_err(|_| Refusal::Damaged(MP4))?;
    if !boxes.iter().any(|part| part.kind == *b"stsd") {
        return Err(Refusal::Damaged(MP4));
    }
    for chunks in boxes.iter().filter(|part| matches!(&part.kind, b"stco" | b"co64")) {
        let width = if chunks.kind == *b"co64" { 8 } else { 4 };
        let count = be_u32(chunks.body, 4).ok_or(Refusal::Damaged(MP4))? as usize;
        let offsets = chunks.body.get(8..).unwrap_or_default();
        if offsets.len() / width < count {
            return Err(Refusal::Damaged(MP4));
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        if offsets.chunks_exact(width).take(count).any(|offset| number(offset) >= file_length as u64) {
            return Err(Refusal::Truncated(MP4));
        }
    }
    Ok(())
}

fn descend(parent: &[u8], kind: [u8; 4]) -> Result<&[u8], Refusal> {
    let boxes = children(parent).map_err(|_| Refusal::Damaged(MP4))?;
    boxes.iter().find(|part| part.kind == kind).map(|part| part.body).ok_or(Refusal::Damaged(MP4))
}

struct Part<'a> {
    kind: [u8; 4],
    body: &'a [u8],
}

/// A box claims more bytes than there are, or fewer than its own header.
struct DoesNotAddUp;

/// The boxes in a row, which must fill the bytes exactly.
fn children(mut bytes: &[u8]) -> Result<Vec<Part<'_>>, DoesNotAddUp> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let kind = bytes.get(4..8).and_then(|kind| kind.try_into().ok()).ok_or(DoesNotAddUp)?;
        let (header, length) = match be_u32(bytes, 0).ok_or(DoesNotAddUp)? {
            0 => (8, bytes.len() as u64),
            1 => {
                let high = be_u32(bytes, 8).ok_or(DoesNotAddUp)?;
                let low = be_u32(bytes, 12).ok_or(DoesNotAddUp)?;
                (16, u64::from(high) << 32 | u64::from(low))
            }
            length => (8, u64::from(length)),
        };
        let length = usize::try_from(length).map_err(|_| DoesNotAddUp)?;
        let body = bytes.get(header..length).ok_or(DoesNotAddUp)?;
        parts.push(Part { kind, body });
        bytes = &bytes[length..];
    }
    Ok(parts)
}
