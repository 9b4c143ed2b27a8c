//! The two places of an item on its page: what is there, and the way to put something there.

use std::collections::BTreeMap;

use kernel::rules::Ruleset;
use time::OffsetDateTime;
use web::UploadSlot;

use super::{File, Links, Place, Show, store::Owner};

/// One place of an item.
pub(crate) struct PlaceView {
    pub(crate) word: &'static str,
    pub(crate) label: &'static str,
    pub(crate) saved: Option<FileView>,
    /// An upload was begun and not finished.
    pub(crate) is_coming: bool,
    /// `None` where nothing may be changed now.
    pub(crate) slot: Option<UploadSlot>,
    /// What a file input without scripts takes.
    pub(crate) accept: &'static str,
}

/// A saved file.
pub(crate) struct FileView {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) size: i64,
    pub(crate) kind: String,
    pub(crate) url: String,
    pub(crate) download: String,
    pub(crate) safety: String,
    pub(crate) saved_at: Option<OffsetDateTime>,
    show: Show,
}

impl FileView {
    pub(crate) fn new(file: &File, links: &Links) -> Self {
        Self {
            id: file.id,
            name: file.name.clone(),
            size: file.size,
            kind: file.kind_label(),
            url: links.show(file),
            download: links.download(file),
            safety: file.safety(),
            saved_at: file.saved_at,
            show: file.show(),
        }
    }

    pub(crate) fn is_picture(&self) -> bool {
        self.show == Show::Picture
    }

    pub(crate) fn is_audio(&self) -> bool {
        self.show == Show::Audio
    }

    pub(crate) fn is_video(&self) -> bool {
        self.show == Show::Video
    }
}

impl PlaceView {
    /// Both places. `rules` are given where files may be changed now.
    pub(crate) fn all(owner: Owner, files: &[File], links: &Links, rules: Option<&Ruleset>) -> Vec<Self> {
        Place::ALL.into_iter().map(|place| Self::of(owner, place, files, (links, rules))).collect()
    }

    fn of(owner: Owner, place: Place, files: &[File], (links, rules): (&Links, Option<&Ruleset>)) -> Self {
        let here = || files.iter().filter(|file| file.place() == place);
        Self {
            word: place.word(),
            label: place.label(),
            saved: here().find(|file| file.is_saved()).map(|file| FileView::new(file, links)),
            is_coming: here().any(|file| !file.is_saved()),
            slot: rules.map(|rules| slot(owner, place, links, rules)),
            accept: place.accept().attribute(),
        }
    }
}

fn slot(owner: Owner, place: Place, links: &Links, rules: &Ruleset) -> UploadSlot {
    let url = |rest: &str| format!("/s/{}{rest}", links.school);
    UploadSlot {
        item: format!("{}-{}-{}", owner.word(), owner.id(), place.word()),
        label: place.label(),
        max_bytes: rules.file_max_bytes(place.class()),
        extensions: match place {
            Place::Document => &["pdf", "jpg", "jpeg", "png"],
            Place::Media => &["mp3", "mp4"],
        },
        create: url("/files"),
        resume: url("/files/{file}/parts"),
        finalise: url("/files/{file}/completion"),
        fields: BTreeMap::from([
            ("owner", owner.word().to_owned()),
            ("owner_id", owner.id().to_string()),
            ("slot", place.word().to_owned()),
        ]),
        then: Some(url(&format!("{}#files", owner.path()))),
        input: "",
    }
}
