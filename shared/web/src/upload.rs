//! One place of a page where a file goes: what `upload.js` needs to know, for the macro `ui::upload`.

use std::collections::BTreeMap;

/// A place for one file, drawn by the macro `ui::upload` and worked by `upload.js`.
///
/// What the endpoints of the slot take and answer (JSON; errors as [`Problem`](crate::Problem), whose `detail` is
/// shown to the person):
///
/// | request | answer | refused |
/// |---|---|---|
/// | `POST create` `{"name", "size", …fields}` | 201 `{"file_id", "part_size", "parts": [{"number", "size", "url"}]}` | 422: too big, wrong type, no room left, window closed; 429 |
/// | `PUT url` with the bytes, to storage | any 2xx | tried again; after a 403 with fresh URLs from `resume` |
/// | `GET resume` | 200 `{"part_size", "parts"}`: those still missing, none when all are there | 404, 410: that upload is over, a new one is begun |
/// | `POST finalise` without a body, idempotent | 200 `{"file_id", "receipt_url"}`: saved, both copies written | 422: refused, the file is gone; 503: asked again |
///
/// Parts are numbered from 1; all but the last have `part_size` bytes.
#[derive(Clone, Debug)]
pub struct UploadSlot {
    /// A stable name of the place, unique on the page, e.g. `outcome-17-document`: by it an upload is resumed.
    pub item: String,
    /// What goes there, e.g. 「文件檔」.
    pub label: &'static str,
    /// The most bytes, by the rule set.
    pub max_bytes: i64,
    /// Lower-case extensions without a dot.
    pub extensions: &'static [&'static str],
    /// POST here to begin.
    pub create: String,
    /// GET here for what is missing; `{file}` stands for the id.
    pub resume: String,
    /// POST here when all is sent; `{file}` stands for the id.
    pub finalise: String,
    /// Sent along with `name` and `size`, e.g. the kind of file.
    pub fields: BTreeMap<&'static str, String>,
    /// Where to go when saved; `None` stays and shows the receipt.
    pub then: Option<String>,
    /// Name of a hidden input that gets the id when saved; empty for none.
    pub input: &'static str,
}

impl UploadSlot {
    /// The extensions for `data-extensions`.
    pub fn extension_list(&self) -> String {
        self.extensions.join(",")
    }

    /// The extensions as the picker takes them: `.pdf,.jpg`.
    pub fn accept(&self) -> String {
        self.extensions.iter().map(|extension| format!(".{extension}")).collect::<Vec<_>>().join(",")
    }

    /// The extensions and the limit for people: `PDF、JPG，最大 4 MB`.
    pub fn limits(&self) -> String {
        format!("{}，最大 {}", self.extensions.join("、").to_uppercase(), crate::page::size(self.max_bytes))
    }

    /// Whether a picture taken now may go there.
    pub fn takes_pictures(&self) -> bool {
        self.extensions.contains(&"jpg")
    }

    /// The fields as JSON.
    pub fn fields_json(&self) -> String {
        serde_json::to_string(&self.fields).expect("a map of texts serialises")
    }
}
