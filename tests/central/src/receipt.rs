//! The receipt (收訖明細, domain §5.10): what was received, for the school and its students to verify.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Cursor, Write as _},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use ring::{
    digest, hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use zip::{AesMode, CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{check, layout, notice::Notice, roster::Roster, workbook};

/// What Windows programs want to see before UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Passwords of receipts, derived from a secret that never leaves the data folder.
pub(crate) struct Passwords(hmac::Key);

impl Passwords {
    /// Reads the secret, or makes one at the first start.
    pub(crate) fn open(place: &Path) -> anyhow::Result<Self> {
        let secret = match fs::read(place) {
            Ok(secret) => secret,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = vec![0; 32];
                SystemRandom::new().fill(&mut secret).map_err(|_| anyhow!("the system has no randomness"))?;
                fs::write(place, &secret)?;
                secret
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// The password of the receipt of one job.
    pub(crate) fn of_job(&self, id: &str) -> String {
        self.derive(&format!("job\n{id}"))
    }

    /// The password of the merged receipt of a school's period.
    pub(crate) fn of_period(&self, school: &str, year: i32, term: Option<i32>) -> String {
        self.derive(&format!("period\n{school}\n{year}\n{term:?}"))
    }

    fn derive(&self, purpose: &str) -> String {
        hex::encode(&hmac::sign(&self.0, purpose.as_bytes()).as_ref()[..12])
    }
}

/// The JSON of one roster: `名冊資訊`, then an array named by the kind.
struct Part<'r> {
    about: About<'r>,
    students: Vec<Student<'r>>,
}

#[derive(Serialize)]
struct About<'r> {
    #[serde(rename = "學校代碼")]
    school_code: &'r str,
    #[serde(rename = "學年度")]
    academic_year: i32,
    #[serde(rename = "學期")]
    term: i32,
    #[serde(rename = "名冊別")]
    roster_code: u16,
    #[serde(rename = "名冊名稱")]
    name: &'static str,
    #[serde(rename = "批次")]
    batch: &'r str,
    #[serde(rename = "名冊SHA256")]
    sha256: &'r str,
    #[serde(skip)]
    kind: &'static str,
}

struct Student<'r> {
    identity_number: &'r str,
    birth_date: &'r str,
    sheets: Vec<(String, Vec<Entry<'r>>)>,
}

/// One row: its cells by header, without the two that name the student.
struct Entry<'r>(Vec<(&'r str, &'r str)>);

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("名冊資訊", &self.about)?;
        map.serialize_entry(self.about.kind, &self.students)?;
        map.end()
    }
}

impl Serialize for Student<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("身分證號", self.identity_number)?;
        map.serialize_entry("出生日期", self.birth_date)?;
        for (sheet, entries) in &self.sheets {
            map.serialize_entry(sheet, entries)?;
        }
        map.end()
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Makes the zip of some accepted rosters, given by notice and workbook.
pub(crate) fn zip(rosters: &[(Notice, PathBuf)], password: &str) -> anyhow::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .with_aes_encryption(AesMode::Aes256, password);
    let mut hashes = String::new();
    for (notice, place) in rosters {
        let sheets = workbook::read(place)?;
        let roster = check::shape(sheets, notice).map_err(|_| anyhow!("an accepted roster no longer fits"))?;
        let name = file_name(notice, roster.layout);
        let content = format!("{BYTE_ORDER_MARK}{}", serde_json::to_string_pretty(&part(notice, &roster))?);
        let hash = hex::encode(digest::digest(&digest::SHA256, content.as_bytes()));
        hashes.push_str(&format!("{name},{hash}\r\n"));
        zip.start_file(name, options)?;
        zip.write_all(content.as_bytes())?;
    }
    zip.start_file("SHA.txt", options)?;
    zip.write_all(hashes.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

/// `{kind}[_進修部][_第1學期|_第2學期][_第一梯次|_第二梯次].json`: no two rosters of a year share one.
fn file_name(notice: &Notice, layout: &layout::Roster) -> String {
    let evening = if layout.evening { "_進修部" } else { "" };
    let term = match notice.term {
        0 => String::new(),
        term => format!("_第{term}學期"),
    };
    let batch = match layout.codes.iter().position(|code| *code == notice.roster_code) {
        Some(1) => "_第一梯次",
        Some(2) => "_第二梯次",
        _ => "",
    };
    format!("{}{evening}{term}{batch}.json", layout.kind.name())
}

fn part<'r>(notice: &'r Notice, roster: &'r Roster) -> Part<'r> {
    let mut students: BTreeMap<(&str, &str), BTreeMap<usize, Vec<Entry<'_>>>> = BTreeMap::new();
    for (index, sheet) in roster.sheets.iter().enumerate() {
        for row in &sheet.rows {
            let cells = sheet.header.iter().enumerate().skip(2);
            let entry = Entry(cells.map(|(column, header)| (header.as_str(), row.cell(column))).collect());
            let of_student = students.entry((row.cell(0), row.cell(1))).or_default();
            of_student.entry(index).or_default().push(entry);
        }
    }
    let prefix = if roster.layout.evening { "進修部" } else { "" };
    let student = |((identity_number, birth_date), mut entries): ((_, _), BTreeMap<usize, _>)| {
        let sheets = roster.sheets.iter().enumerate().map(|(index, sheet)| {
            (format!("{prefix}{}", sheet.layout.name), entries.remove(&index).unwrap_or_default())
        });
        Student { identity_number, birth_date, sheets: sheets.collect() }
    };
    Part {
        about: About {
            school_code: &notice.school_code,
            academic_year: notice.academic_year,
            term: notice.term,
            roster_code: notice.roster_code,
            name: roster.layout.name,
            batch: &notice.batch,
            sha256: &notice.sha256,
            kind: roster.layout.kind.name(),
        },
        students: students.into_iter().map(student).collect(),
    }
}
