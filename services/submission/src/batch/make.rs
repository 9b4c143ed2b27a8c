//! Makes what a batch sends: the rows with their workbook, once from the facts, later again from the sealed rows.

use super::Batch;
use crate::{
    precheck::{self, Finding},
    roster::{
        build::{self, Links, Row},
        facts::Facts,
        template::Template,
        workbook::{self, Made},
    },
};
use kernel::{school::SchoolCode, secrets::Keys};

/// A built roster.
pub(crate) struct Built {
    pub(crate) rows: Vec<SealedRow>,
    pub(crate) workbook: Made,
}

/// A row as it is kept.
pub(crate) struct SealedRow {
    pub(crate) row: Row,
    pub(crate) cells: Vec<u8>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBuilt {
    /// The precheck's errors, with the names of students and items left out: they are looked up when shown.
    #[error("{} rows can't be sent", .0.len())]
    Findings(Vec<Finding>),
    /// The workbook could not be written.
    #[error("the workbook could not be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// Rows that were sealed don't open.
    #[error("the sealed rows of the batch can't be opened")]
    Unopened,
}

/// Builds a roster from the facts. Blocking: a school's workbook takes a second or two.
pub(crate) fn build(
    batch: &Batch,
    template: &Template,
    mut facts: Facts,
    links: &Links<'_>,
) -> Result<Built, NotBuilt> {
    precheck::set_aside(&mut facts);
    let draft = build::draft(batch.code.roster, batch.year, template, &facts, links);
    if !draft.findings.is_empty() {
        return Err(NotBuilt::Findings(draft.findings));
    }
    let rows = draft.rows.iter().map(|row| (row.sheet_no, row.row_no, row.cells.as_slice()));
    let workbook = workbook::write(&batch.cover(links.school), template, rows, batch.created_at)?;
    let seal = |row: Row| {
        let cells = serde_json::to_string(&row.cells).expect("texts are JSON");
        SealedRow { cells: links.keys.seal(links.school, &cells), row }
    };
    Ok(Built { rows: draft.rows.into_iter().map(seal).collect(), workbook })
}

/// A kept row before it is opened.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) sheet_no: i16,
    pub(crate) row_no: i32,
    pub(crate) cells_sealed: Vec<u8>,
}

/// Opens a kept row.
pub(crate) fn open(keys: &Keys, school: SchoolCode, sealed: &[u8]) -> Result<Vec<String>, NotBuilt> {
    let json = keys.open(school, sealed).map_err(|_| NotBuilt::Unopened)?;
    serde_json::from_str(&json).map_err(|_| NotBuilt::Unopened)
}

/// Makes the workbook of a batch again: the same rows, and byte for byte the same file as long as the program that
/// writes it is the same. Blocking.
pub(crate) fn again(
    batch: &Batch,
    template: &Template,
    kept: &[Kept],
    (keys, school): (&Keys, SchoolCode),
) -> Result<Made, NotBuilt> {
    let opened = kept.iter().map(|row| Ok((row.sheet_no, row.row_no, open(keys, school, &row.cells_sealed)?)));
    let opened = opened.collect::<Result<Vec<_>, NotBuilt>>()?;
    let rows = opened.iter().map(|(sheet, row, cells)| (*sheet, *row, cells.as_slice()));
    Ok(workbook::write(&batch.cover(school), template, rows, batch.created_at)?)
}
