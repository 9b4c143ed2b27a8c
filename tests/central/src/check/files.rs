//! The files that came for a row.

use super::{Arrivals, rows::finding};
use crate::{
    content::Kind,
    finding::{Findings, Flaw},
    library::Arrival,
    notice::Notice,
    roster::{Link, RosterSheet},
    workbook::Row,
};

const MEBIBYTE: u64 = 1024 * 1024;

/// Largest file in bytes (§4.2: 2 MB and 5 MB in 108, 4 MB and 10 MB from 109 on; §7 A-04: 2^20).
pub(crate) fn largest(academic_year: i32, is_document: bool) -> u64 {
    MEBIBYTE
        * match (academic_year, is_document) {
            (..=108, true) => 2,
            (..=108, false) => 5,
            (_, true) => 4,
            (_, false) => 10,
        }
}

/// Adds what is wrong with the files of a row.
pub(super) fn arrived(sheet: &RosterSheet, row: &Row, notice: &Notice, arrivals: &Arrivals, findings: &mut Findings) {
    for (column, link) in sheet.links(row) {
        // a link of the wrong form is a finding of its cell
        let Some(link) = link else { continue };
        let wrong = match arrivals.get(&link) {
            Some(Arrival::Here { size, kind }) => wrong(&link, *size, *kind, notice.academic_year),
            Some(Arrival::OtherContent) => Some((Flaw::FileHash, "檔案內容與連結所載的 SHA-256 不符".to_owned())),
            Some(Arrival::TooLarge) => Some(too_large(notice.academic_year, link.is_document)),
            Some(Arrival::Failed(reason)) => Some((Flaw::FileDownload, format!("檔案下載失敗：{reason}"))),
            None => Some((Flaw::FileDownload, "檔案未下載".to_owned())),
        };
        if let Some((code, message)) = wrong {
            findings.add(finding(sheet, row, code, message).in_column(column.name));
        }
    }
}

fn wrong(link: &Link, size: u64, kind: Option<Kind>, academic_year: i32) -> Option<(Flaw, String)> {
    if size > largest(academic_year, link.is_document) {
        return Some(too_large(academic_year, link.is_document));
    }
    let fits = kind.is_some_and(|kind| kind.is_document() == link.is_document && kind.has_extension(&link.extension));
    let allowed = if link.is_document { "pdf、jpg、png" } else { "mp3、mp4" };
    (!fits).then(|| (Flaw::FileKind, format!("檔案內容須為 {allowed}，且與副檔名一致")))
}

fn too_large(academic_year: i32, is_document: bool) -> (Flaw, String) {
    let most = largest(academic_year, is_document) / MEBIBYTE;
    (Flaw::FileSize, format!("檔案超過 {most} MB"))
}
