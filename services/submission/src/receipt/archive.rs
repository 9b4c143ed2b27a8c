//! The receipt's zip: opened within limits, every file held against its hash, then read. Nothing of it is believed
//! before that.

use super::Kind;
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    school::SchoolCode,
};
use ring::digest::{SHA256, digest};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    io::{Cursor, Read},
};
use zip::{ZipArchive, result::ZipError};

/// Files in a zip; the Ministry's has about a dozen.
const MOST_FILES: usize = 64;
/// Bytes of one file, unpacked.
const LARGEST_FILE: u64 = 96 * 1024 * 1024;
/// Bytes of all, unpacked.
const LARGEST_TOTAL: u64 = 256 * 1024 * 1024;
/// The list of hashes.
const HASHES: &str = "SHA.txt";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One roster of the receipt.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) school: SchoolCode,
    pub(crate) year: AcademicYear,
    pub(crate) term: RosterTerm,
    /// 0 for course records, whose codes are unknown (domain A-08).
    pub(crate) roster_code: i16,
    /// Our name of the submission, if the central database gives it back.
    pub(crate) batch: Option<i64>,
    pub(crate) students: Vec<StudentRows>,
}

/// One student's rows. `Debug` tells no personal data.
pub(crate) struct StudentRows {
    pub(crate) national_id: String,
    pub(crate) birth_date: String,
    pub(crate) sheets: Vec<(String, Vec<Cells>)>,
}

impl fmt::Debug for StudentRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudentRows").field("sheets", &self.sheets.len()).finish_non_exhaustive()
    }
}

/// The cells of one row by heading, in the order of the file.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cells(pub(crate) Vec<(String, String)>);

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({})", self.0.len())
    }
}

/// Why a receipt is refused. `Display` is the sentence for the officer; no personal data in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("這不是 zip 檔，或檔案已經損壞")]
    NotAZip,
    #[error("密碼不正確")]
    Password,
    #[error("壓縮檔裡的檔案超過 {MOST_FILES} 個")]
    TooManyFiles,
    #[error("壓縮檔解開後太大")]
    TooLarge,
    #[error("壓縮檔裡有不該出現的檔名或資料夾")]
    Name,
    #[error("壓縮檔裡沒有 {HASHES}")]
    NoHashes,
    #[error("{HASHES} 第 {line} 行不是「檔名,SHA-256」")]
    HashLine { line: usize },
    #[error("{HASHES} 列出的 {file} 不在壓縮檔裡")]
    Missing { file: String },
    #[error("{file} 沒有列在 {HASHES} 裡")]
    Unlisted { file: String },
    #[error("{file} 的 SHA-256 與 {HASHES} 不符，檔案可能被更動過")]
    WrongHash { file: String },
    #[error("{file} 的內容讀不懂：{why}")]
    Unreadable { file: String, why: String },
    #[error("收訖明細裡沒有任何名冊")]
    Empty,
    #[error("這是學校代碼 {found} 的收訖明細，不是本校的")]
    OtherSchool { found: SchoolCode },
    #[error("收訖明細裡有不同學年度的名冊")]
    MixedYears,
}

/// Opens, verifies and reads a receipt. Blocking.
pub(crate) fn read(zip: &[u8], password: &str) -> Result<Vec<Part>, Refused> {
    let mut files = unpack(zip, password)?;
    let hashes = files.remove(HASHES).ok_or(Refused::NoHashes)?;
    verify(&files, &listed(&hashes)?)?;
    let parts = files.iter().map(|(name, bytes)| part(name, bytes)).collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() { Err(Refused::Empty) } else { Ok(parts) }
}

fn unpack(zip: &[u8], password: &str) -> Result<BTreeMap<String, Vec<u8>>, Refused> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| Refused::NotAZip)?;
    if archive.len() > MOST_FILES {
        return Err(Refused::TooManyFiles);
    }
    let (mut files, mut left) = (BTreeMap::new(), LARGEST_TOTAL);
    for index in 0..archive.len() {
        let file = archive.by_index_decrypt(index, password.as_bytes()).map_err(|error| match error {
            ZipError::InvalidPassword => Refused::Password,
            _ => Refused::NotAZip,
        })?;
        let name = file.name().map_err(|_| Refused::Name)?.into_owned();
        if !is_plain(&name) {
            return Err(Refused::Name);
        }
        // the size that the zip declares is not believed: reading stops at the limit
        let limit = LARGEST_FILE.min(left);
        let mut bytes = Vec::new();
        // a wrong password may show only in the authentication tag at the end
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|_| Refused::NotAZip)?;
        let size = bytes.len() as u64;
        if size > limit {
            return Err(Refused::TooLarge);
        }
        left -= size;
        if files.insert(name, bytes).is_some() {
            return Err(Refused::Name);
        }
    }
    Ok(files)
}

/// A name and nothing but a name: no folder, no drive, no way up.
fn is_plain(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.chars().any(forbidden)
}

fn listed(hashes: &[u8]) -> Result<BTreeMap<String, String>, Refused> {
    let text = String::from_utf8_lossy(hashes);
    let lines = text.trim_start_matches(BYTE_ORDER_MARK).lines().enumerate();
    let mut listed = BTreeMap::new();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = Refused::HashLine { line: at + 1 };
        let Some((file, hash)) = line.rsplit_once(',') else { return Err(wrong) };
        let (file, hash) = (file.trim().to_owned(), hash.trim().to_ascii_lowercase());
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash || listed.insert(file, hash).is_some() {
            return Err(wrong);
        }
    }
    Ok(listed)
}

/// Each file has its hash and each hash its file; one that differs refuses the whole receipt.
fn verify(files: &BTreeMap<String, Vec<u8>>, listed: &BTreeMap<String, String>) -> Result<(), Refused> {
    if let Some(file) = listed.keys().find(|file| !files.contains_key(*file)) {
        return Err(Refused::Missing { file: file.clone() });
    }
    for (file, bytes) in files {
        let hash = listed.get(file).ok_or_else(|| Refused::Unlisted { file: file.clone() })?;
        if hex::encode(digest(&SHA256, bytes)) != *hash {
            return Err(Refused::WrongHash { file: file.clone() });
        }
    }
    Ok(())
}

/// One file: `名冊資訊` and the rows under the name of their kind.
#[derive(Default)]
struct Whole {
    about: Option<About>,
    rows: Option<(Kind, Vec<StudentRows>)>,
}

/// `名冊資訊`: numbers or texts, as the writer likes.
#[derive(Deserialize)]
struct About {
    #[serde(rename = "學校代碼")]
    school: Value,
    #[serde(rename = "學年度")]
    year: Value,
    #[serde(rename = "學期", default)]
    term: Value,
    #[serde(rename = "名冊別", default)]
    roster_code: Value,
    #[serde(rename = "批次", default)]
    batch: Value,
}

fn part(name: &str, bytes: &[u8]) -> Result<Part, Refused> {
    let unreadable = |why: String| Refused::Unreadable { file: name.to_owned(), why };
    let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let whole: Whole = serde_json::from_str(text).map_err(|error| unreadable(place(&error)))?;
    let about = whole.about.ok_or_else(|| unreadable("沒有名冊資訊".to_owned()))?;
    let (kind, students) = whole.rows.ok_or_else(|| unreadable("不是已知的名冊種類".to_owned()))?;
    let number = |value: &Value| cell(value).parse::<i16>().ok();
    Ok(Part {
        kind,
        school: cell(&about.school).parse().map_err(|_| unreadable("學校代碼不對".to_owned()))?,
        year: cell(&about.year).parse().map_err(|_| unreadable("學年度不對".to_owned()))?,
        term: RosterTerm::new(number(&about.term).unwrap_or(0)).map_err(|_| unreadable("學期不對".to_owned()))?,
        roster_code: if kind == Kind::CourseRecord { 0 } else { number(&about.roster_code).unwrap_or(0) },
        batch: cell(&about.batch).parse().ok(),
        students,
    })
}

/// Where in a file the reader stumbled, without the text it stumbled over: that may be personal.
fn place(error: &serde_json::Error) -> String {
    format!("第 {} 行第 {} 字", error.line(), error.column())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Cells;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cells, A::Error> {
                let mut cells = Vec::new();
                while let Some((title, value)) = map.next_entry::<String, Value>()? {
                    cells.push((title, cell(&value)));
                }
                Ok(Cells(cells))
            }
            // as we keep it ourselves: a list of pairs
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Cells, A::Error> {
                let mut cells = Vec::new();
                while let Some(pair) = seq.next_element()? {
                    cells.push(pair);
                }
                Ok(Cells(cells))
            }
        }
        from.deserialize_any(InOrder)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneFile;
        impl<'de> Visitor<'de> for OneFile {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a roster of the receipt")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Whole, A::Error> {
                let mut whole = Whole::default();
                while let Some(name) = map.next_key::<String>()? {
                    match Kind::ALL.into_iter().find(|kind| kind.label() == name) {
                        Some(kind) => whole.rows = Some((kind, map.next_value()?)),
                        None if name == "名冊資訊" => whole.about = Some(map.next_value()?),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(whole)
            }
        }
        from.deserialize_map(OneFile)
    }
}

impl<'de> Deserialize<'de> for StudentRows {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneStudent;
        impl<'de> Visitor<'de> for OneStudent {
            type Value = StudentRows;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a student with sheets")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StudentRows, A::Error> {
                let mut student =
                    StudentRows { national_id: String::new(), birth_date: String::new(), sheets: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "身分證號" => student.national_id = cell(&map.next_value()?),
                        "出生日期" => student.birth_date = cell(&map.next_value()?),
                        _ => {
                            let rows: Vec<Cells> = map.next_value()?;
                            student.sheets.push((name, rows));
                        }
                    }
                }
                Ok(student)
            }
        }
        from.deserialize_map(OneStudent)
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
