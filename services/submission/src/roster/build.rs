//! The interpreter of templates: facts in, cells out, and everything that a field table forbids as a finding.

use super::{
    Roster,
    facts::{Facts, File, Item, ItemRef, Student, Value},
    template::{Column, Kind, Sheet, Template},
};
use crate::precheck::{Finding, Trouble};
use kernel::{
    calendar::{AcademicYear, RocDate, roc7},
    file_link::FileLink,
    ids::StudentId,
    school::SchoolCode,
    secrets::Keys,
};
use ring::digest::{Context as Digest, SHA256};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

/// A row as it is sent. No `Debug`: its first cell is a national id.
pub(crate) struct Row {
    pub(crate) sheet_no: i16,
    /// As the sheet counts it: the headings are row 1.
    pub(crate) row_no: i32,
    pub(crate) student: StudentId,
    pub(crate) item: ItemRef,
    pub(crate) cells: Vec<String>,
    pub(crate) hash: [u8; 32],
    pub(crate) document_sha256: Option<Vec<u8>>,
    pub(crate) media_sha256: Option<Vec<u8>>,
}

/// The rows of a roster and what is wrong with them.
pub(crate) struct Draft {
    pub(crate) rows: Vec<Row>,
    pub(crate) findings: Vec<Finding>,
}

/// Makes the links that the central database fetches files by.
pub(crate) struct Links<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) school: SchoolCode,
    /// Origin of students' files.
    pub(crate) origin: &'a str,
    pub(crate) expires_at: OffsetDateTime,
}

impl Links<'_> {
    fn to(&self, file: &File) -> String {
        let link = FileLink {
            school: self.school,
            sha256: file.hex(),
            mime: file.media_type.clone(),
            download_as: None,
            expires: self.expires_at.unix_timestamp(),
        };
        format!("{}{}", self.origin, link.path(self.keys, file.extension()))
    }
}

/// Interprets a template over the facts of one roster.
pub(crate) fn draft(
    roster: Roster,
    year: AcademicYear,
    template: &Template,
    facts: &Facts,
    links: &Links<'_>,
) -> Draft {
    let mut draft = Draft { rows: Vec::with_capacity(facts.items.len()), findings: Vec::new() };
    let mut next_row: BTreeMap<i16, i32> = BTreeMap::new();
    let mut rows_of: BTreeMap<StudentId, usize> = BTreeMap::new();
    let mut seen: BTreeSet<(StudentId, [u8; 32])> = BTreeSet::new();
    for item in &facts.items {
        let Some(student) = facts.students.get(&item.student) else { continue };
        let Some(sheet) = template.for_kind(item.kind) else {
            draft.findings.push(Finding::of(Trouble::NoSheet, item, student));
            continue;
        };
        let of_student = rows_of.entry(student.id).or_default();
        *of_student += 1;
        if roster.rows_of_a_student().is_some_and(|most| *of_student > most) {
            draft.findings.push(Finding::of(Trouble::TooMany, item, student));
        }
        let row_no = next_row.entry(sheet.no).or_insert(1);
        *row_no += 1;
        let (row, findings) = Interpreter { year, sheet, item, student, links }.row(*row_no);
        // the central database takes a row once: the same sheet and cells, files by content
        if !seen.insert((student.id, row.hash)) {
            draft.findings.push(Finding::of(Trouble::Duplicate, item, student));
        }
        draft.rows.push(row);
        draft.findings.extend(findings);
    }
    draft
}

struct Interpreter<'a> {
    year: AcademicYear,
    sheet: &'a Sheet,
    item: &'a Item,
    student: &'a Student,
    links: &'a Links<'a>,
}

impl Interpreter<'_> {
    fn row(&self, row_no: i32) -> (Row, Vec<Finding>) {
        let (mut cells, mut findings) = (Vec::with_capacity(self.sheet.columns.len()), Vec::new());
        for column in &self.sheet.columns {
            let text = self.text(column);
            let trouble = match &text {
                None => column.required.then_some(Trouble::Required),
                Some(text) => wrong(column, text, self.year),
            };
            if let Some(trouble) = trouble {
                let finding = Finding::of(trouble, self.item, self.student);
                findings.push(finding.in_column(self.sheet, column));
            }
            cells.push(text.unwrap_or_default());
        }
        findings.extend(self.whole_row(&cells).map(|trouble| Finding::of(trouble, self.item, self.student)));
        let hash = content_hash(&self.sheet.name, self.content(&cells));
        let row = Row {
            sheet_no: self.sheet.no,
            row_no,
            student: self.student.id,
            item: self.item.reference,
            cells,
            hash,
            document_sha256: self.item.document.as_ref().map(|file| file.sha256.clone()),
            media_sha256: self.item.media.as_ref().map(|file| file.sha256.clone()),
        };
        (row, findings)
    }

    fn content<'c>(&'c self, cells: &'c [String]) -> impl Iterator<Item = (&'c str, &'c str)> {
        let columns = self.sheet.columns.iter().zip(cells);
        columns
            .filter(|(column, _)| column.kind != Kind::NationalId)
            .map(|(column, text)| (column.title.as_str(), text.as_str()))
    }

    /// The cell's text; `None` where there is nothing to write.
    fn text(&self, column: &Column) -> Option<String> {
        match column.kind {
            Kind::NationalId => self.student.national_id.as_ref().map(|number| number.expose().to_owned()),
            Kind::Document => self.item.document.as_ref().map(|file| self.links.to(file)),
            Kind::Media => self.item.media.as_ref().map(|file| self.links.to(file)),
            kind => {
                let value = column.sources().find_map(|source| self.value(source))?;
                let text = written(kind, &value);
                (!text.is_empty()).then_some(text)
            }
        }
    }

    fn value(&self, source: &str) -> Option<Value> {
        match source {
            "student.birth_date" => Some(Value::Day(self.student.birth_date)),
            _ => self.item.values.get(source).filter(|value| **value != Value::Text(String::new())).cloned(),
        }
    }

    fn whole_row(&self, cells: &[String]) -> impl Iterator<Item = Trouble> {
        let of = |kind: Kind| {
            let place = self.sheet.columns.iter().position(|column| column.kind == kind);
            place.map(|place| cells[place].as_str()).unwrap_or_default()
        };
        // seven digits compare as days do
        let (start, end) = (of(Kind::Start), of(Kind::End));
        let backwards = start.len() == 7 && end.len() == 7 && end < start;
        let bare = self.sheet.has_files() && self.item.document.is_none() && self.item.media.is_none();
        let link_alone = !of(Kind::Link).is_empty() && self.item.media.is_none();
        let (revoked, changed) = match &self.item.certification {
            None => (false, false),
            Some(certification) => (!certification.stands, !self.rests_on(certification)),
        };
        let troubles = [
            (backwards, Trouble::EndBeforeStart),
            (bare, Trouble::NoFile),
            (self.item.is_withdrawn, Trouble::CourseWithdrawn),
            (link_alone, Trouble::LinkWithoutMedia),
            (revoked, Trouble::CertificationRevoked),
            (changed && !revoked, Trouble::FileNotCertified),
        ];
        troubles.into_iter().filter_map(|(found, trouble)| found.then_some(trouble))
    }

    /// A certification is bound to the hashes of the files that the teacher saw (design §5).
    fn rests_on(&self, certification: &super::facts::Certification) -> bool {
        let hash = |file: &Option<File>| file.as_ref().map(|file| file.sha256.clone());
        hash(&self.item.document) == certification.document_sha256
            && hash(&self.item.media) == certification.media_sha256
    }
}

/// The value as the roster writes it; what can't be read stays as it is, for [`wrong`] to name.
fn written(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Day(day)) => roc7(*day),
        (_, Value::Number(number)) => number.to_string(),
        (Kind::Date | Kind::Start | Kind::End, Value::Text(text)) => {
            text.parse::<RocDate>().map_or_else(|_| text.clone(), |day| roc7(day.date()))
        }
        // a line break or a tab in a cell would break the Ministry's table, and XML takes no control characters
        (_, Value::Text(text)) => {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
        }
    }
}

/// What is wrong with a cell that is not empty (domain §5.6, §5.7).
fn wrong(column: &Column, text: &str, year: AcademicYear) -> Option<Trouble> {
    let length = text.chars().count();
    if matches!(column.kind, Kind::Text | Kind::Summary | Kind::Number | Kind::Document | Kind::Media | Kind::Link)
        && let Some(most) = column.max
        && length > most
    {
        return Some(Trouble::TooLong { most, found: length });
    }
    let number = || text.parse::<i16>().ok();
    let good = match column.kind {
        Kind::NationalId => text.parse::<kernel::identity_number::NationalId>().is_ok(),
        Kind::Date | Kind::Start | Kind::End => is_roc7(text),
        Kind::Text | Kind::Summary | Kind::Document | Kind::Media => true,
        Kind::CourseCode => {
            let well = length == 23 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
            return (!well).then_some(Trouble::CourseCode { found: length });
        }
        Kind::SchoolCode => text.parse::<SchoolCode>().is_ok(),
        Kind::Year => number().is_some_and(|written| (AcademicYear::FIRST.get()..=year.get()).contains(&written)),
        // our own calendar knows more terms and grades (experimental and extended study), the Ministry's rosters don't
        Kind::Term => number().is_some_and(|term| (1..=2).contains(&term)),
        Kind::Grade => number().is_some_and(|grade| (1..=3).contains(&grade)),
        Kind::Weeks => number().is_some_and(|weeks| (1..=18).contains(&weeks)),
        Kind::Number => is_decimal(text),
        Kind::Code => column.values.iter().any(|value| value == text),
        Kind::Link => text.starts_with("https://"),
    };
    (!good).then_some(match column.kind {
        Kind::Date | Kind::Start | Kind::End => Trouble::Date,
        Kind::NationalId => Trouble::NationalId,
        Kind::Code => Trouble::CodeTable,
        _ => Trouble::Value,
    })
}

/// Seven digits that are a day of the calendar.
fn is_roc7(text: &str) -> bool {
    text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<RocDate>().is_ok()
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The hash of what a row says: its sheet and cells without the national id, files by content rather than by link,
/// empty cells left out, whatever the order of the columns: JSON has none. Receipts are hashed the same way, so that
/// equal hashes mean equal content.
pub(crate) fn content_hash<'c>(sheet: &str, cells: impl Iterator<Item = (&'c str, &'c str)>) -> [u8; 32] {
    let mut hash = Digest::new(&SHA256);
    hash.update(sheet.as_bytes());
    let mut cells: Vec<_> = cells.filter(|(_, text)| !text.is_empty()).collect();
    cells.sort_unstable();
    for (title, text) in cells {
        for part in ["\u{1e}", title, "\u{1f}", content(text)] {
            hash.update(part.as_bytes());
        }
    }
    hash.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// A link to a stored file stands for its content: `…/{sha256}.{ext}` gives the hash, anything else itself.
pub(crate) fn content(text: &str) -> &str {
    let stem = text.rsplit_once('/').and_then(|(before, last)| {
        let stem = last.split('.').next().unwrap_or_default();
        (before.starts_with("http") && stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then_some(stem)
    });
    stem.unwrap_or(text)
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
