//! What a file is, by its first bytes (and by its directory, for zip and OLE).

use super::{mp3, workbook};
use crate::{media::MediaType, refusal::Found};

/// Names the content; does not say that it is whole.
pub(super) fn sniff(bytes: &[u8]) -> Found {
    signature(bytes).unwrap_or_else(|| match bytes {
        _ if looks_like_markup(bytes) => Found::WebPage,
        _ if mp3::starts_like_one(bytes) => Found::Known(MediaType::Mp3),
        _ if looks_like_text(bytes) => Found::Text,
        _ => Found::Unknown,
    })
}

fn signature(bytes: &[u8]) -> Option<Found> {
    if bytes.get(4..8) == Some(b"ftyp".as_slice()) {
        return Some(brand(bytes.get(8..12).unwrap_or_default()));
    }
    let riff = bytes.starts_with(b"RIFF").then(|| bytes.get(8..12)).flatten();
    if let Some(kind) = riff {
        return Some(if kind == b"WEBP" { Found::OtherPicture } else { Found::OtherMedia });
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(workbook::kind_of_zip(bytes));
    }
    if bytes.starts_with(workbook::OLE) {
        return Some(workbook::kind_of_ole(bytes));
    }
    let known: [(&[u8], Found); 24] = [
        (b"%PDF-", Found::Known(MediaType::Pdf)),
        (b"\xff\xd8\xff", Found::Known(MediaType::Jpeg)),
        (b"\x89PNG\r\n\x1a\n", Found::Known(MediaType::Png)),
        (b"ID3", Found::Known(MediaType::Mp3)),
        (b"MZ", Found::Program),
        (b"\x7fELF", Found::Program),
        (b"#!", Found::Program),
        (b"\xca\xfe\xba\xbe", Found::Program),
        (b"\xcf\xfa\xed\xfe", Found::Program),
        (b"\xce\xfa\xed\xfe", Found::Program),
        (b"7z\xbc\xaf\x27\x1c", Found::Archive),
        (b"Rar!", Found::Archive),
        (b"\x1f\x8b", Found::Archive),
        (b"GIF8", Found::OtherPicture),
        (b"BM", Found::OtherPicture),
        (b"II*\0", Found::OtherPicture),
        (b"MM\0*", Found::OtherPicture),
        (b"\x1aE\xdf\xa3", Found::OtherMedia),
        (b"OggS", Found::OtherMedia),
        (b"fLaC", Found::OtherMedia),
        (b"FLV\x01", Found::OtherMedia),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Found::OtherMedia),
        (b"\xff\xf1", Found::OtherMedia),
        (b"\xff\xf9", Found::OtherMedia),
    ];
    let (magic, found) = known.into_iter().find(|(magic, _)| bytes.starts_with(magic))?;
    // two letters are too little to call a table a program: BM001,… is a class list
    let is_word = magic.len() == 2 && magic.iter().all(u8::is_ascii_alphabetic);
    (!is_word || !looks_like_text(bytes)).then_some(found)
}

/// ISO media files say what they are in their first box.
fn brand(major: &[u8]) -> Found {
    match major {
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" | b"avif" | b"avis" => {
            Found::Heic
        }
        b"qt  " => Found::OtherMedia,
        _ => Found::Known(MediaType::Mp4),
    }
}

fn looks_like_markup(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(1024)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let tags: [&[u8]; 8] = [b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<svg", b"<?xml", b"<table"];
    start.starts_with(b"<!--")
        || tags.iter().any(|tag| start.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)))
}

/// UTF-8 or Big5 text has no control characters but tab and line ends.
fn looks_like_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0x80..))
}
