//! What was found wrong with a roster, row by row.

use serde::{Deserialize, Serialize};

/// More findings than this are counted but not listed.
pub(crate) const MOST_LISTED: usize = 1000;

/// What is wrong, as a word a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flaw {
    WorkbookDownload,
    WorkbookHash,
    WorkbookSize,
    WorkbookUnreadable,
    SheetOrder,
    ColumnOrder,
    CoverMismatch,
    YearlyTerm,
    Required,
    NationalId,
    Date,
    DateOrder,
    CourseCode,
    SchoolCode,
    TooLong,
    SummaryLength,
    CodeTable,
    Number,
    LinkFormat,
    FileMissing,
    ExternalLink,
    ExternalWithoutMedia,
    TooManyOutcomes,
    TooManyActivities,
    DuplicateRow,
    FileDownload,
    FileHash,
    FileSize,
    FileKind,
}

/// One thing wrong. Never quotes a cell: cells are personal data and findings travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// Sheet; none when the workbook as a whole is meant.
    pub(crate) sheet: Option<String>,
    /// Row as Excel counts it (the header is row 1); none when the sheet as a whole is meant.
    pub(crate) row: Option<u32>,
    /// Column by its header.
    pub(crate) column: Option<String>,
    pub(crate) code: Flaw,
    /// What is wrong, for people.
    pub(crate) message: String,
}

impl Finding {
    /// A finding about the workbook as a whole.
    pub(crate) fn workbook(code: Flaw, message: impl Into<String>) -> Self {
        Self { sheet: None, row: None, column: None, code, message: message.into() }
    }

    /// A finding about a sheet as a whole.
    pub(crate) fn sheet(sheet: &str, code: Flaw, message: impl Into<String>) -> Self {
        Self { sheet: Some(sheet.to_owned()), ..Self::workbook(code, message) }
    }

    /// Narrows the finding to a row.
    pub(crate) fn at_row(mut self, row: u32) -> Self {
        self.row = Some(row);
        self
    }

    /// Narrows the finding to a column.
    pub(crate) fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }
}

/// The findings of a roster: the first [`MOST_LISTED`], and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) listed: Vec<Finding>,
    pub(crate) total: usize,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(finding);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self { listed: vec![finding], total: 1 }
    }
}
