//! What kind of file some bytes are, by their content and never by their name.

/// A kind of file that a portfolio may hold (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pdf,
    Jpg,
    Png,
    Mp3,
    Mp4,
}

/// Bytes of the beginning that [`Kind::of`] wants to see.
pub(crate) const HEAD: usize = 16;

impl Kind {
    /// The kind of a file that begins with these bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Self::Pdf),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            // an MPEG audio frame without tags: sync, then layer III
            [0xFF, second, ..] if second & 0xE6 == 0xE2 => Some(Self::Mp3),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            _ => None,
        }
    }

    /// Whether the kind may stand in a column of documents; the others are media.
    pub(crate) fn is_document(self) -> bool {
        matches!(self, Self::Pdf | Self::Jpg | Self::Png)
    }

    /// Whether a name may end so.
    pub(crate) fn has_extension(self, extension: &str) -> bool {
        match self {
            Self::Pdf => extension == "pdf",
            Self::Jpg => matches!(extension, "jpg" | "jpeg"),
            Self::Png => extension == "png",
            Self::Mp3 => extension == "mp3",
            Self::Mp4 => extension == "mp4",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        assert_eq!(Kind::of(b"%PDF-1.7\n"), Some(Kind::Pdf));
        assert_eq!(Kind::of(&[0xFF, 0xD8, 0xFF, 0xE0]), Some(Kind::Jpg));
        assert_eq!(Kind::of(b"\x89PNG\r\n\x1a\n"), Some(Kind::Png));
        assert_eq!(Kind::of(b"ID3\x04"), Some(Kind::Mp3));
        assert_eq!(Kind::of(&[0xFF, 0xFB, 0x90, 0x00]), Some(Kind::Mp3));
        assert_eq!(Kind::of(b"\0\0\0\x20ftypisom"), Some(Kind::Mp4));
        assert_eq!(Kind::of(b"MZ\x90\0"), None);
        assert_eq!(Kind::of(b"<html>"), None);
        assert_eq!(Kind::of(b""), None);
    }
}
