//! The file of a record: one, optional, pdf, jpg or png (domain §4.6), shown from the files origin.

use blob::{MediaType, Stored};
use kernel::{file_link::FileLink, school::SchoolCode, secrets::Keys};
use time::OffsetDateTime;

use crate::room::Room;

/// Characters of a file's name that are kept.
const NAME_MAX: usize = 120;

/// A file that lies in both buckets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) sha256: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) media_type: String,
}

impl File {
    pub(crate) fn new(name: String, stored: &Stored) -> Self {
        Self {
            name,
            sha256: stored.sha256.to_vec(),
            size: i64::try_from(stored.size).unwrap_or(i64::MAX),
            media_type: stored.media_type.mime().to_owned(),
        }
    }

    /// From the columns of a row, which are all there or none.
    pub(crate) fn of_row(
        name: Option<String>,
        sha256: Option<Vec<u8>>,
        size: Option<i64>,
        media_type: Option<String>,
    ) -> Option<Self> {
        Some(Self { name: name?, sha256: sha256?, size: size?, media_type: media_type? })
    }
}

/// A file as a page shows it.
pub(crate) struct FileView {
    pub(crate) name: String,
    pub(crate) size: i64,
    pub(crate) is_picture: bool,
    pub(crate) url: String,
    pub(crate) download: String,
}

/// Makes links to files, all good until the same moment.
pub(crate) struct Links {
    keys: Keys,
    origin: String,
    school: SchoolCode,
    expires: i64,
}

impl Links {
    /// Links live for an hour and more. Their end is rounded, so that the same file keeps its URL for a while and
    /// the browser need not fetch it again on every page.
    pub(crate) fn new(room: &Room, school: SchoolCode, now: OffsetDateTime) -> Self {
        const QUARTER: i64 = 15 * 60;
        let expires = (now.unix_timestamp() / QUARTER + 5) * QUARTER;
        Self { keys: room.web.keys().clone(), origin: room.web.settings().files_origin.clone(), school, expires }
    }

    /// `None` for a kind of file that this house doesn't store.
    pub(crate) fn view(&self, file: &File) -> Option<FileView> {
        let kind: MediaType = file.media_type.parse().ok()?;
        Some(FileView {
            name: file.name.clone(),
            size: file.size,
            is_picture: kind.is_image(),
            url: self.link(file, kind, None),
            download: self.link(file, kind, Some(file.name.clone())),
        })
    }

    fn link(&self, file: &File, kind: MediaType, download_as: Option<String>) -> String {
        let (school, mime, expires) = (self.school, kind.mime().to_owned(), self.expires);
        let link = FileLink { school, sha256: hex::encode(&file.sha256), mime, download_as, expires };
        format!("{}{}", self.origin, link.path(&self.keys, kind.extension()))
    }
}

/// A file's name as the person's device has it: the last part of a path, nothing invisible, its end where it is too
/// long, because the ending is what people know the kind by. `None` when nothing is left.
pub(crate) fn clean_name(sent: &str) -> Option<String> {
    let last = sent.rsplit(['/', '\\']).next()?;
    let visible: Vec<char> = last.trim().chars().filter(|c| !c.is_control()).collect();
    let short: String = visible[visible.len().saturating_sub(NAME_MAX)..].iter().collect();
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_and_short() {
        assert_eq!(clean_name("C:\\fakepath\\諮詢\t紀錄.pdf").as_deref(), Some("諮詢紀錄.pdf"));
        assert_eq!(clean_name("../.."), Some("..".to_owned()), "a name is only ever shown, never a path of ours");
        assert_eq!(clean_name("dir/"), None);
        let long = clean_name(&format!("{}.pdf", "字".repeat(300))).unwrap();
        assert_eq!(long.chars().count(), NAME_MAX);
        assert!(long.ends_with("字.pdf"));
    }
}
