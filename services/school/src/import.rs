//! Rosters and files of the school office (F-021–F-029): checked first, applied at once or not at all, taken back
//! by one click.

mod apply;
mod diff;
mod entity;
mod findings;
mod flow;
mod importer;
mod kind;
mod pages;
mod plan;
mod reading;
mod source;
mod store;

pub use diff::Counts;
pub use flow::NotImported;
pub use importer::{File, Importer};
pub use kind::{Kind, NotRecognised};
pub use source::Unreadable;

use crate::OfficeRoutes;
use findings::Finding;
use kernel::ids::ImportId;
use time::OffsetDateTime;

/// More than this share of the rows vanishing holds an import (issue 2 §3.1: "more than 10 % would vanish"), in percent.
const HOLD_VANISHED: usize = 10;
/// More than this share of the rows changing holds an import (issue 2 §3.1: "or 75 % change"), in percent.
const HOLD_CHANGED: usize = 75;
/// How long the rows from before an import are kept, so that it can be taken back; old personal data goes.
const UNDO_DAYS: i64 = 30;

/// Bytes of a workbook that are taken: a school's largest has about ten million.
const MOST_BYTES: usize = 20 * 1024 * 1024;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .get("/s/{school}/office/imports", pages::index)
        // a little more than the file: the form's other fields and the borders of the parts
        .post_up_to(MOST_BYTES + 64 * 1024, "/s/{school}/office/imports", pages::create)
        .get("/s/{school}/office/imports/{import}", pages::show)
        .get("/s/{school}/office/imports/{import}/findings.xlsx", pages::findings)
        .post("/s/{school}/office/imports/{import}/application", pages::apply)
        .post("/s/{school}/office/imports/{import}/renewal", pages::renew)
        .post("/s/{school}/office/imports/{import}/reversal", pages::revert)
}

/// Why an import should be looked at before it is applied; nothing if it is an ordinary one.
fn held_reason(counts: &Counts) -> Option<String> {
    let share = |rows: usize| rows * 100 / counts.existing.max(1);
    let beyond = |rows: usize, most: usize| rows * 100 > counts.existing * most;
    let mut reasons = Vec::new();
    if beyond(counts.vanished, HOLD_VANISHED) {
        let (rows, share) = (counts.vanished, share(counts.vanished));
        reasons.push(format!("現有資料有 {rows} 筆（{share}%）不在檔案裡，會被標記為離校、離職或退選"));
    }
    if counts.existing > 0 && beyond(counts.changed, HOLD_CHANGED) {
        let (rows, share) = (counts.changed, share(counts.changed));
        reasons.push(format!("現有資料有 {rows} 筆（{share}%）會被修改"));
    }
    (!reasons.is_empty()).then(|| reasons.join("；"))
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Checked, nothing written.
    Checked,
    /// Written.
    Applied,
    /// Written and taken back.
    Reverted,
}

/// One import as the list shows it.
#[derive(Clone, Debug)]
struct Import {
    id: ImportId,
    kind: Kind,
    academic_year: i16,
    term: i16,
    file_name: String,
    file_sha256: [u8; 32],
    sealed_sha256: [u8; 32],
    counts: Counts,
    held_reason: Option<String>,
    fingerprint: Vec<u8>,
    uploaded_at: OffsetDateTime,
    applied_at: Option<OffsetDateTime>,
    reverted_at: Option<OffsetDateTime>,
}

impl Import {
    fn stage(&self) -> Stage {
        match (self.applied_at, self.reverted_at) {
            (None, _) => Stage::Checked,
            (Some(_), None) => Stage::Applied,
            (Some(_), Some(_)) => Stage::Reverted,
        }
    }
}

/// A dry run that is about to be kept.
struct NewImport<'a> {
    kind: Kind,
    academic_year: i16,
    term: i16,
    file_name: &'a str,
    file_sha256: [u8; 32],
    sealed_sha256: [u8; 32],
    file_size: usize,
    fingerprint: [u8; 32],
    counts: Counts,
    findings: Vec<Finding>,
    held_reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(existing: usize, changed: usize, vanished: usize) -> Counts {
        Counts { existing, changed, vanished, ..Counts::default() }
    }

    /// Issue 2 §3.1: "held when more than 10 % would vanish or 75 % change until confirmed".
    #[test]
    fn an_import_is_held_beyond_ten_and_seventy_five_percent() {
        assert_eq!(held_reason(&counts(100, 75, 10)), None);
        assert!(held_reason(&counts(100, 75, 11)).unwrap().contains("11 筆（11%）"));
        assert!(held_reason(&counts(100, 76, 0)).unwrap().contains("76 筆（76%）"));
        assert!(held_reason(&counts(9, 0, 1)).is_some());
    }

    #[test]
    fn the_first_import_of_a_school_is_an_ordinary_one() {
        assert_eq!(held_reason(&Counts { new: 3_000, ..Counts::default() }), None);
    }
}
