//! The checks of a roster, from the cover down to the bytes of each file.

mod cell;
mod files;
mod rows;
mod shape;

use std::collections::BTreeMap;

use crate::{
    finding::Findings,
    job::RowResult,
    library::Arrival,
    notice::Notice,
    roster::{Link, Roster},
};

pub(crate) use files::largest;
pub(crate) use shape::shape;

/// What became of each link of a roster.
pub(crate) type Arrivals = BTreeMap<Link, Arrival>;

/// The outcome of all checks.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) findings: Findings,
    pub(crate) results: Vec<RowResult>,
}

/// Checks every row of a roster of the right shape, and every file that came for it.
pub(crate) fn contents(roster: &Roster, notice: &Notice, arrivals: &Arrivals) -> Report {
    let mut findings = Findings::default();
    let mut results = Vec::new();
    let mut so_far = rows::SoFar::default();
    for sheet in &roster.sheets {
        for row in &sheet.rows {
            let before = findings.total;
            rows::cells(sheet, row, notice, &mut findings);
            rows::whole(sheet, row, &mut findings);
            so_far.limits(roster.layout.kind, sheet, row, &mut findings);
            files::arrived(sheet, row, notice, arrivals, &mut findings);
            results.push(RowResult {
                sheet: sheet.layout.name.to_owned(),
                row: row.number,
                accepted: findings.total == before,
            });
        }
    }
    Report { findings, results }
}
