//! A student's file as a page shows it, from the cookieless origin.

use kernel::{file_link::FileLink, school::SchoolCode};
use time::{Duration, OffsetDateTime};
use web::Web;

/// Long enough to watch a film and think about it.
const LINK_LIFE: Duration = Duration::hours(1);

/// A file as the database knows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) slot: i16,
    pub(crate) name: String,
    pub(crate) size: i64,
    pub(crate) media_type: String,
    pub(crate) sha256: Vec<u8>,
}

/// How the browser shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    Document,
    Picture,
    Sound,
    Film,
}

/// A file with the link that opens it for an hour.
pub(crate) struct Preview {
    pub(crate) name: String,
    pub(crate) size: i64,
    pub(crate) label: &'static str,
    pub(crate) viewer: Viewer,
    pub(crate) url: String,
}

impl Preview {
    pub(crate) fn of(file: &File, school: SchoolCode, web: &Web, now: OffsetDateTime) -> Self {
        let (viewer, extension) = shown_as(&file.media_type);
        let link = FileLink {
            school,
            sha256: hex::encode(&file.sha256),
            mime: file.media_type.clone(),
            download_as: None,
            expires: (now + LINK_LIFE).unix_timestamp(),
        };
        let url = format!("{}{}", web.settings().files_origin, link.path(web.keys(), extension));
        let label = if file.slot == 1 { "文件檔" } else { "影音檔" };
        Self { name: file.name.clone(), size: file.size, label, viewer, url }
    }
}

/// Only types that were sniffed on upload are stored (domain §4.2), so the last arm is a PDF's.
fn shown_as(mime: &str) -> (Viewer, &'static str) {
    match mime {
        "image/jpeg" => (Viewer::Picture, "jpg"),
        "image/png" => (Viewer::Picture, "png"),
        "audio/mpeg" => (Viewer::Sound, "mp3"),
        "video/mp4" => (Viewer::Film, "mp4"),
        _ => (Viewer::Document, "pdf"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §4.2: pdf, jpg, png; mp3, mp4.
    #[test]
    fn every_stored_type_has_its_viewer() {
        let viewers = blob::MediaType::ALL.map(|media| (media.extension(), shown_as(media.mime())));
        for (extension, (viewer, shown)) in
            viewers.into_iter().filter(|(name, _)| !["xlsx", "xls", "csv"].contains(name))
        {
            assert_eq!(extension, shown);
            assert_eq!(viewer == Viewer::Document, extension == "pdf");
        }
    }
}
