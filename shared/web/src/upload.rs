//! One place of a page where a file goes: what `upload.js` needs to know, for the macro `ui::upload`.

use std::collections::BTreeMap;

/// A place for one file. The contract of its endpoints stands at the head of `assets/upload.js`.
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
