//! The table of what is wrong with a file: where, what, and how to mend it.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Findings that are kept; the counts go on beyond.
const MOST_KEPT: usize = 5_000;
/// Findings of the same sort in the same column that are kept: a wrong column should not hide the other errors.
const MOST_ALIKE: usize = 200;
/// Characters of a cell that are shown.
const MOST_SHOWN: usize = 60;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// The row is left out.
    Error,
    /// The row is imported all the same.
    Warning,
}

impl Severity {
    /// 錯誤, 提醒
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Error => "錯誤",
            Self::Warning => "提醒",
        }
    }
}

/// One line of the table. Never holds a whole national id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// Error or warning.
    pub(crate) severity: Severity,
    /// The sheet; empty for CSV.
    pub(crate) sheet: String,
    /// The row as the office sees it, from 1; 0: the file as a whole.
    pub(crate) row: u32,
    /// The heading of the column; empty: the row as a whole.
    pub(crate) column: String,
    /// What stands there, shortened, national ids masked.
    pub(crate) value: String,
    /// What is wrong.
    pub(crate) what: String,
    /// How to mend it.
    pub(crate) mend: String,
}

/// All findings of one file.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    alike: HashMap<(String, &'static str), usize>,
    /// Rows left out.
    pub(crate) errors: usize,
    /// Warnings given.
    pub(crate) warnings: usize,
}

impl Findings {
    /// Adds one; `mend` tells its sort.
    pub(crate) fn add(&mut self, severity: Severity, at: &At<'_>, what: impl Into<String>, mend: &'static str) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        let alike = self.alike.entry((at.column.to_owned(), mend)).or_default();
        *alike += 1;
        if *alike > MOST_ALIKE || self.kept.len() >= MOST_KEPT {
            return;
        }
        self.kept.push(Finding {
            severity,
            sheet: at.sheet.to_owned(),
            row: at.row,
            column: at.column.to_owned(),
            value: shown(at.value),
            what: what.into(),
            mend: mend.to_owned(),
        });
    }

    /// The table, errors first, in the order of the file.
    pub(crate) fn into_table(mut self) -> Vec<Finding> {
        self.kept.sort_by_key(|finding| finding.severity);
        self.kept
    }
}

/// Where a finding stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At<'a> {
    /// The sheet.
    pub(crate) sheet: &'a str,
    /// The row, from 1.
    pub(crate) row: u32,
    /// The heading.
    pub(crate) column: &'a str,
    /// The cell.
    pub(crate) value: &'a str,
}

/// A cell as the table may show it: shortened, and with anything that could be a national id masked, for people
/// also write ids into the wrong column.
fn shown(value: &str) -> String {
    let mut characters: Vec<char> = value.chars().take(MOST_SHOWN).collect();
    let mut run = 0;
    for index in 0..=characters.len() {
        if characters
            .get(index)
            .is_some_and(|c| kernel::text::half_width(&c.to_string()).chars().all(|c| c.is_ascii_alphanumeric()))
        {
            run += 1;
            continue;
        }
        // an id has ten characters; a slip may have dropped or added one. Longer runs are course codes.
        let word = &characters[index - run..index];
        let letters = word.iter().filter(|c| !c.is_numeric()).count();
        if (8..=12).contains(&run) && (1..=3).contains(&letters) {
            characters[index - run + 3..index - 3].fill('*');
        }
        run = 0;
    }
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 2 §3.1: "no national ids in the open" in the findings.
    #[test]
    fn a_national_id_is_masked_wherever_it_stands() {
        assert_eq!(shown("A123456789"), "A12****789");
        assert_eq!(shown("ａ１２３４５６７８９"), "ａ１２****７８９");
        assert_eq!(shown("王小明 A12345678 轉入"), "王小明 A12***678 轉入");
        assert_eq!(shown("AC01234567、A123456789"), "AC0****567、A12****789");
        assert_eq!(shown("國語文 115/08/01"), "國語文 115/08/01");
        assert_eq!(shown("108011302H11101A1010101"), "108011302H11101A1010101");
    }

    #[test]
    fn a_wrong_column_does_not_fill_the_table() {
        let mut findings = Findings::default();
        for row in 1..1_000 {
            findings.add(Severity::Warning, &At { row, column: "座號", ..At::default() }, "不是數字", "填 1 到 99");
        }
        findings.add(Severity::Error, &At { row: 1_000, column: "姓名", ..At::default() }, "空白", "補上姓名");
        assert_eq!((findings.errors, findings.warnings), (1, 999));
        let table = findings.into_table();
        assert_eq!(table.len(), MOST_ALIKE + 1);
        assert_eq!(table[0].column, "姓名");
    }
}
