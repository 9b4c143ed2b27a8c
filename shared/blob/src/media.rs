//! What kinds of file there are, and which of them a place takes (domain §4.2).

use crate::refusal::Refusal;
use std::{fmt, str::FromStr};

const MIB: u64 = 1024 * 1024;

/// The kind of a file, known by its content and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaType {
    /// A PDF document.
    Pdf,
    /// A JPEG picture.
    Jpeg,
    /// A PNG picture.
    Png,
    /// An MP4 film or recording.
    Mp4,
    /// An MP3 recording.
    Mp3,
    /// An Excel workbook (Office Open XML).
    Xlsx,
    /// An Excel workbook of 1997–2003 (OLE).
    Xls,
    /// A table as text, UTF-8 or Big5.
    Csv,
}

/// The text is not a media type that this house stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a media type of this house: {0:?}")]
pub struct NotAMediaType(pub String);

impl MediaType {
    /// Every kind there is.
    pub const ALL: [Self; 8] =
        [Self::Pdf, Self::Jpeg, Self::Png, Self::Mp4, Self::Mp3, Self::Xlsx, Self::Xls, Self::Csv];

    /// The value for `Content-Type`; also what the database stores (`FromStr` reads it back).
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Mp4 => "video/mp4",
            Self::Mp3 => "audio/mpeg",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Xls => "application/vnd.ms-excel",
            Self::Csv => "text/csv",
        }
    }

    /// The ending of a file name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Mp4 => "mp4",
            Self::Mp3 => "mp3",
            Self::Xlsx => "xlsx",
            Self::Xls => "xls",
            Self::Csv => "csv",
        }
    }

    /// Whether a page can show it as a picture.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pdf => "PDF",
            Self::Jpeg => "JPG",
            Self::Png => "PNG",
            Self::Mp4 => "MP4",
            Self::Mp3 => "MP3",
            Self::Xlsx => "XLSX",
            Self::Xls => "XLS",
            Self::Csv => "CSV",
        })
    }
}

impl FromStr for MediaType {
    type Err = NotAMediaType;

    /// Reads what `mime` gave.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|media| media.mime() == text).ok_or_else(|| NotAMediaType(text.to_owned()))
    }
}

/// Which files a place takes (domain §4.2 "Document types", "Media types", "Counselling document").
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Accept {
    /// The document of an outcome or activity: pdf, jpg, png.
    Document,
    /// The media file of an outcome or activity: mp3, mp4.
    Media,
    /// The attachment of a counselling record: pdf, jpg, png.
    CounsellingFile,
    /// A roster: xlsx, xls, csv. Only its container is checked here; the import reads the rest.
    Workbook,
}

impl Accept {
    /// The kinds it takes.
    #[must_use]
    pub const fn types(self) -> &'static [MediaType] {
        match self {
            Self::Document | Self::CounsellingFile => &[MediaType::Pdf, MediaType::Jpeg, MediaType::Png],
            Self::Media => &[MediaType::Mp3, MediaType::Mp4],
            Self::Workbook => &[MediaType::Xlsx, MediaType::Xls, MediaType::Csv],
        }
    }

    /// The kinds for a sentence: `PDF、JPG、PNG`.
    #[must_use]
    pub const fn names(self) -> &'static str {
        match self {
            Self::Document | Self::CounsellingFile => "PDF、JPG、PNG",
            Self::Media => "MP3、MP4",
            Self::Workbook => "XLSX、XLS、CSV",
        }
    }

    /// The value of the `accept` attribute of a file input.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Document | Self::CounsellingFile => ".pdf,.jpg,.jpeg,.png,application/pdf,image/jpeg,image/png",
            Self::Media => ".mp3,.mp4,audio/mpeg,video/mp4",
            Self::Workbook => ".xlsx,.xls,.csv",
        }
    }

    /// The most bytes that this crate ever takes into memory for it. The lawful limits of domain
    /// §4.2 are rules as data and stricter; they are asked before an upload begins.
    #[must_use]
    pub const fn most_bytes(self) -> u64 {
        match self {
            Self::Document | Self::Media | Self::CounsellingFile => 10 * MIB,
            Self::Workbook => 20 * MIB,
        }
    }

    /// Whether a file of this many bytes may be taken at all.
    pub fn size(self, bytes: u64) -> Result<(), Refusal> {
        match bytes {
            0 => Err(Refusal::Empty),
            _ if bytes > self.most_bytes() => Err(Refusal::TooLarge { bytes, most: self.most_bytes() }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §4.2: document types pdf, jpg, png; media types mp3, mp4.
    #[test]
    fn what_a_place_takes() {
        assert_eq!(Accept::Document.types(), [MediaType::Pdf, MediaType::Jpeg, MediaType::Png]);
        assert_eq!(Accept::Media.types(), [MediaType::Mp3, MediaType::Mp4]);
        assert_eq!(Accept::CounsellingFile.types(), Accept::Document.types());
    }

    #[test]
    fn the_stored_text_reads_back() {
        for media in MediaType::ALL {
            assert_eq!(media.mime().parse(), Ok(media));
        }
        assert!("text/html".parse::<MediaType>().is_err());
    }

    /// Domain §4.2: "10 MB from 109"; a megabyte is 1,048,576 bytes (decision, §7).
    #[test]
    fn nothing_and_ten_megabytes_and_one_byte_are_refused() {
        assert_eq!(Accept::Media.size(0), Err(Refusal::Empty));
        assert_eq!(Accept::Media.size(10_485_760), Ok(()));
        assert_eq!(Accept::Media.size(10_485_761), Err(Refusal::TooLarge { bytes: 10_485_761, most: 10_485_760 }));
    }
}
