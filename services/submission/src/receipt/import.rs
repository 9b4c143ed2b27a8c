//! Importing a receipt: everything is read, verified and compared before anything is written; then all is written at once.

use super::{
    Kind,
    archive::{self, Cells, Part, Refused, StudentRows},
    compare::{self, Held, Row},
    notice,
    store::{self, SentRow},
};
use crate::{
    Room,
    batch::{Batch, make},
    roster::{Roster, RosterCode, template::Template},
};
use ::store::{Audit, TenantTx};
use bytes::Bytes;
use kernel::{actor::Context, calendar::AcademicYear, ids::ReceiptBatchId, school::SchoolCode, secrets::Keys};
use ring::digest::{SHA256, digest};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A receipt that may be kept.
pub(crate) struct Ready {
    pub(crate) year: AcademicYear,
    pub(crate) file_sha256: Vec<u8>,
    pub(crate) parts: Vec<ReadyPart>,
}

/// One roster of it.
pub(crate) struct ReadyPart {
    pub(crate) kind: Kind,
    pub(crate) roster_code: i16,
    pub(crate) term: i16,
    pub(crate) batch: Option<i64>,
    /// Students of the receipt whom the school does not have.
    pub(crate) unknown: usize,
    pub(crate) students: Vec<ReadyStudent>,
}

/// One student's rows, sealed.
pub(crate) struct ReadyStudent {
    pub(crate) student_id: i64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) hash: [u8; 32],
    pub(crate) rows: usize,
    pub(crate) differences: usize,
}

/// Why a receipt is not imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotImported {
    /// The officer is told.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database.
    #[error(transparent)]
    Store(#[from] ::store::Error),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

/// Reads, verifies and compares; changes nothing.
pub(crate) async fn prepare(
    room: &Arc<Room>,
    ctx: &Context,
    zip: Bytes,
    password: String,
) -> Result<Ready, NotImported> {
    let file_sha256 = digest(&SHA256, &zip).as_ref().to_vec();
    let parts = tokio::task::spawn_blocking(move || archive::read(&zip, &password)).await.map_err(internal)??;
    let year = parts[0].year;
    if let Some(foreign) = parts.iter().find(|part| part.school != ctx.school()) {
        return Err(Refused::OtherSchool { found: foreign.school }.into());
    }
    if parts.iter().any(|part| part.year != year) {
        return Err(Refused::MixedYears.into());
    }
    let mut sources = Vec::new();
    for part in parts {
        sources.push(source(room, ctx, part).await?);
    }
    let (keys, school) = (room.keys.clone(), ctx.school());
    let ready = move || sources.into_iter().map(|source| source.ready(&keys, school)).collect::<Result<_, _>>();
    let parts = tokio::task::spawn_blocking(ready).await.map_err(internal)??;
    Ok(Ready { year, file_sha256, parts })
}

fn internal(error: impl std::fmt::Display) -> NotImported {
    NotImported::Internal(error.to_string())
}

/// A part of the receipt with everything of ours that it is held against.
struct Source {
    part: Part,
    sent: Option<(Batch, Template, Vec<SentRow>)>,
    /// Students by the blind index of their national id.
    known: BTreeMap<Vec<u8>, i64>,
}

async fn source(room: &Room, ctx: &Context, part: Part) -> Result<Source, NotImported> {
    let mut tx = room.db.read(ctx, "submission.receipt.prepare").await?;
    let sent = match RosterCode::new(part.roster_code) {
        Some(code) => store::sent(&mut tx, code, &part).await?,
        None => None,
    };
    let indexes: BTreeSet<Vec<u8>> =
        part.students.iter().map(|student| room.keys.blind_index(&student.national_id).to_vec()).collect();
    let known = store::known(&mut tx, &indexes.into_iter().collect::<Vec<_>>()).await?;
    Ok(Source { part, sent, known })
}

impl Source {
    fn ready(self, keys: &Keys, school: SchoolCode) -> Result<ReadyPart, NotImported> {
        let Self { part, sent, known } = self;
        let batch = sent.as_ref().map(|(batch, ..)| batch.id.get());
        let mut sent = sent.map(|sent| Sent::open(sent, keys, school)).transpose()?.unwrap_or_default();
        let is_evening = RosterCode::new(part.roster_code).is_some_and(|code| code.roster == Roster::EveningOutcomes);
        let (mut received, mut unknown): (BTreeMap<i64, Vec<Row>>, usize) = (BTreeMap::new(), 0);
        for student in part.students {
            // the number it was sent under counts, even where it was corrected since (domain A-43)
            let index = keys.blind_index(&student.national_id).to_vec();
            match sent.by_number.get(&student.national_id).or_else(|| known.get(&index)) {
                Some(id) => received.entry(*id).or_default().extend(rows(student, is_evening)),
                None => unknown += 1,
            }
        }
        let students: BTreeSet<i64> = sent.rows.keys().chain(received.keys()).copied().collect();
        let ready = students.into_iter().map(|id| {
            let rows = received.remove(&id).unwrap_or_default();
            let sent = sent.rows.remove(&id).unwrap_or_default();
            let differences = if batch.is_some() { compare::compare(sent, &rows) } else { Vec::new() };
            ReadyStudent::seal(id, Held { rows, differences }, (keys, school))
        });
        Ok(ReadyPart {
            kind: part.kind,
            roster_code: part.roster_code,
            term: part.term.get(),
            batch,
            unknown,
            students: ready.collect(),
        })
    }
}

/// What was sent, by student, and the national ids it was sent under.
#[derive(Default)]
struct Sent {
    rows: BTreeMap<i64, Vec<Row>>,
    by_number: BTreeMap<String, i64>,
}

impl Sent {
    fn open(
        (_, template, kept): (Batch, Template, Vec<SentRow>),
        keys: &Keys,
        school: SchoolCode,
    ) -> Result<Self, NotImported> {
        let mut sent = Self::default();
        for row in kept {
            let cells = make::open(keys, school, &row.cells_sealed).map_err(internal)?;
            let Some(sheet) = template.sheet(row.sheet_no) else { continue };
            let mut pairs = sheet.columns.iter().map(|column| column.title.clone()).zip(cells);
            // every sheet begins with the national id
            if let Some((_, number)) = pairs.next() {
                sent.by_number.insert(number, row.student_id);
            }
            let row_ = Row { sheet: sheet.name.clone(), cells: Cells(pairs.collect()) };
            sent.rows.entry(row.student_id).or_default().push(row_);
        }
        Ok(sent)
    }
}

/// A student's rows as they are compared and kept: the birth date in each, the national id in none, the evening
/// division's sheets under the names of roster 28.
fn rows(student: StudentRows, is_evening: bool) -> Vec<Row> {
    let StudentRows { birth_date, sheets, .. } = student;
    let row = |sheet: &str, cells: Cells| {
        let birth = ("出生日期".to_owned(), birth_date.clone());
        Row { sheet: sheet.to_owned(), cells: Cells(std::iter::once(birth).chain(cells.0).collect()) }
    };
    let of_sheet = |(name, rows): (String, Vec<Cells>)| {
        let sheet = if is_evening { name.strip_prefix("進修部").unwrap_or(&name).to_owned() } else { name };
        rows.into_iter().map(|cells| row(&sheet, cells)).collect::<Vec<_>>()
    };
    sheets.into_iter().flat_map(of_sheet).collect()
}

impl ReadyStudent {
    fn seal(student_id: i64, held: Held, (keys, school): (&Keys, SchoolCode)) -> Self {
        let json = serde_json::to_string(&held).expect("texts are JSON");
        Self {
            student_id,
            sealed: keys.seal(school, &json),
            hash: compare::hash(&held.rows),
            rows: held.rows.len(),
            differences: held.differences.len(),
        }
    }
}

/// Writes a receipt: the next serial, its rows, the end of every confirmation whose rows are no longer the same, and the
/// news of it to everybody who has something to confirm.
pub(crate) async fn keep(tx: &mut TenantTx, ready: Ready) -> Result<ReceiptBatchId, ::store::Error> {
    store::lock(tx, store::Hold::Import).await?;
    let (id, serial) = store::create(tx, &ready).await?;
    for part in &ready.parts {
        store::keep_part(tx, id, ready.year, part).await?;
    }
    let lapsed = store::lapse(tx, ready.year).await?;
    let asked = store::to_be_asked(tx, id).await?;
    notice::imported(tx, id, ready.year, &asked);
    let parts: Vec<_> = ready.parts.iter().map(summary).collect();
    let lapsed: Vec<_> =
        lapsed.into_iter().map(|(student, kind)| json!({ "student": student, "kind": kind })).collect();
    let after = json!({
        "year": ready.year.get(),
        "import_serial": serial,
        "file_sha256": hex::encode(&ready.file_sha256),
        "parts": parts,
        "confirmations_lapsed": lapsed,
    });
    tx.audit(Audit::new("receipt.import", "receipt_batch", id.get()).after(after));
    Ok(id)
}

fn summary(part: &ReadyPart) -> serde_json::Value {
    json!({
        "roster": part.roster_code,
        "term": part.term,
        "students": part.students.len(),
        "unknown": part.unknown,
        "differences": part.differences(),
    })
}

impl ReadyPart {
    pub(crate) fn differences(&self) -> usize {
        self.students.iter().map(|student| student.differences).sum()
    }
}
