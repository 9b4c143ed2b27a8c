//! A student's file: its place at an item, and how a page shows it.

pub(crate) mod completion;
pub(crate) mod pages;
pub(crate) mod plain;
pub(crate) mod receipt;
pub(crate) mod serve;
pub(crate) mod storage;
pub(crate) mod store;
pub(crate) mod sweep;
pub(crate) mod upload;
pub(crate) mod view;

use blob::{Accept, MediaType};
use kernel::{
    calendar::roc_date,
    file_link::FileLink,
    rules::{FileClass, NewFiles},
    school::SchoolCode,
    secrets::Keys,
};
use serde::Deserialize;
use time::{OffsetDateTime, serde::rfc3339};

/// Which of its two places at an item a file takes; the numbers are those of `portfolio.file.slot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// 文件檔
    Document,
    /// 影音檔
    Media,
}

impl Place {
    pub(crate) const ALL: [Self; 2] = [Self::Document, Self::Media];

    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Document => 1,
            Self::Media => 2,
        }
    }

    /// The word in URLs, JSON and receipts.
    pub(crate) fn word(self) -> &'static str {
        self.class().code()
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word() == word)
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.code() == code)
    }

    pub(crate) fn class(self) -> FileClass {
        match self {
            Self::Document => FileClass::Document,
            Self::Media => FileClass::Media,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        self.class().label()
    }

    pub(crate) fn accept(self) -> Accept {
        match self {
            Self::Document => Accept::Document,
            Self::Media => Accept::Media,
        }
    }

    /// What the rules are asked about: one file of this place.
    pub(crate) fn adding(self, bytes: i64, bytes_used: i64) -> NewFiles {
        let (document, media) = match self {
            Self::Document => (Some(bytes), None),
            Self::Media => (None, Some(bytes)),
        };
        NewFiles { bytes_used, document, media }
    }
}

/// A file at an item: on its way, or saved. Read as JSON beside its item.
#[derive(Clone, Deserialize)]
pub(crate) struct File {
    pub(crate) id: i64,
    slot: i16,
    pub(crate) name: String,
    pub(crate) size: i64,
    media_type: Option<String>,
    /// Hexadecimal; `None` while it is on its way.
    pub(crate) sha256: Option<String>,
    #[serde(with = "rfc3339::option")]
    pub(crate) saved_at: Option<OffsetDateTime>,
    #[serde(with = "rfc3339::option")]
    pub(crate) verified_at: Option<OffsetDateTime>,
    /// Copies that were found bad and are not mended yet.
    bad_copies: i64,
}

impl std::fmt::Debug for File {
    /// Leaves the name out: students name files after themselves.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("id", &self.id).field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// How a browser shows a kind of file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Picture,
    Document,
    Audio,
    Video,
}

impl File {
    pub(crate) fn place(&self) -> Place {
        Place::from_code(self.slot).unwrap_or(Place::Document)
    }

    pub(crate) fn is_saved(&self) -> bool {
        self.saved_at.is_some()
    }

    fn kind(&self) -> Option<MediaType> {
        self.media_type.as_deref()?.parse().ok()
    }

    pub(crate) fn show(&self) -> Show {
        match self.kind() {
            Some(MediaType::Jpeg | MediaType::Png) => Show::Picture,
            Some(MediaType::Mp3) => Show::Audio,
            Some(MediaType::Mp4) => Show::Video,
            _ => Show::Document,
        }
    }

    /// 「PDF」, by content.
    pub(crate) fn kind_label(&self) -> String {
        self.kind().map_or_else(String::new, |kind| kind.to_string())
    }

    /// The line that tells how safe it is: two copies, last read back when (design §5).
    pub(crate) fn safety(&self) -> String {
        let Some(at) = self.verified_at else { return "上傳尚未完成".to_owned() };
        let verified = format!("最近一次核對：{}", roc_date(kernel::calendar::taipei_date(at)));
        match self.bad_copies {
            0 => format!("已保存兩份，{verified}"),
            1 => format!("一份完好，另一份正在修復，{verified}"),
            _ => format!("兩份都有損壞，系統已通知維運人員處理，{verified}"),
        }
    }
}

/// Makes links to files, all good until the same moment.
#[derive(Clone)]
pub(crate) struct Links {
    keys: Keys,
    origin: String,
    school: SchoolCode,
    expires: i64,
}

impl Links {
    /// Links live for an hour and more. Their end is rounded, so that the same file keeps its URL for a quarter of
    /// an hour and the browser need not fetch it again on every page.
    pub(crate) fn new(room: &crate::room::Room, school: SchoolCode, now: OffsetDateTime) -> Self {
        const QUARTER: i64 = 15 * 60;
        let expires = (now.unix_timestamp() / QUARTER + 5) * QUARTER;
        Self { keys: room.keys().clone(), origin: room.web.settings().files_origin.clone(), school, expires }
    }

    /// Shows the file; empty while it is on its way.
    pub(crate) fn show(&self, file: &File) -> String {
        self.link(file, None)
    }

    /// Saves the file under its own name.
    pub(crate) fn download(&self, file: &File) -> String {
        self.link(file, Some(file.name.clone()))
    }

    fn link(&self, file: &File, download_as: Option<String>) -> String {
        let (Some(sha256), Some(kind)) = (file.sha256.clone(), file.kind()) else { return String::new() };
        let (school, mime, expires) = (self.school, kind.mime().to_owned(), self.expires);
        let link = FileLink { school, sha256, mime, download_as, expires };
        format!("{}{}", self.origin, link.path(&self.keys, kind.extension()))
    }
}

/// A file's name as the student's device has it: the last part of a path, without control characters, at most 120
/// characters. `None` when nothing is left.
pub(crate) fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.trim();
    let excess = plain.chars().count().saturating_sub(120);
    // the ending stays, it is what people know the kind by
    let short: String = plain.chars().skip(excess).collect();
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_without_tricks() {
        assert_eq!(clean_name("C:\\fakepath\\報告.pdf").as_deref(), Some("報告.pdf"));
        assert_eq!(clean_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(clean_name("a\r\nb.pdf").as_deref(), Some("ab.pdf"));
        assert_eq!(clean_name(" / "), None);
        let long = format!("{}.pdf", "字".repeat(200));
        let short = clean_name(&long).unwrap();
        assert_eq!(short.chars().count(), 120);
        assert!(short.ends_with(".pdf"));
    }

    /// Domain §4.2: "one doc + one media at the same time".
    #[test]
    fn an_item_has_two_places() {
        for place in Place::ALL {
            assert_eq!(Place::from_code(place.code()), Some(place));
            assert_eq!(Place::from_word(place.word()), Some(place));
        }
        assert_eq!(Place::from_word("counselling"), None);
        assert_eq!(Place::from_code(3), None);
    }
}
