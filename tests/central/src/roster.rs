//! A workbook whose sheets and columns were found to be those of its roster.

use crate::{
    content::HEAD,
    layout::{self, Column, Rule},
    notice::{is_sha256, is_web_address},
    workbook::{Row, Sheet},
};

const _: () = assert!(HEAD >= 12, "mp4 is told by bytes 5 to 8");

/// A roster that can be checked row by row.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) layout: &'static layout::Roster,
    pub(crate) sheets: Vec<RosterSheet>,
}

/// One data sheet of it.
#[derive(Debug)]
pub(crate) struct RosterSheet {
    pub(crate) layout: &'static layout::Sheet,
    pub(crate) columns: Vec<&'static Column>,
    /// Headers as the file spells them.
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A file that a row points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) sha256: String,
    pub(crate) extension: String,
    /// In a column of documents; else of media.
    pub(crate) is_document: bool,
}

impl Roster {
    /// Takes sheets whose order and columns have been checked against the layout.
    pub(crate) fn new(layout: &'static layout::Roster, data_sheets: Vec<Sheet>) -> Self {
        let sheets = layout.sheets.iter().zip(data_sheets).map(|(layout, sheet)| {
            let columns: Vec<_> = layout.columns().collect();
            let mut header = sheet.header;
            header.truncate(columns.len());
            RosterSheet { layout, columns, header, rows: sheet.rows }
        });
        Self { layout, sheets: sheets.collect() }
    }

    /// The files to fetch, each address once, in the order of the roster.
    pub(crate) fn links(&self) -> Vec<Link> {
        let mut seen = std::collections::BTreeSet::new();
        let mut links = Vec::new();
        for sheet in &self.sheets {
            for row in &sheet.rows {
                for (_, link) in sheet.links(row) {
                    if let Some(link) = link
                        && seen.insert(link.clone())
                    {
                        links.push(link);
                    }
                }
            }
        }
        links
    }
}

impl RosterSheet {
    /// The file columns of a row that are filled in, with their link when it is a proper one.
    pub(crate) fn links<'s>(&'s self, row: &'s Row) -> impl Iterator<Item = (&'static Column, Option<Link>)> + 's {
        self.columns.iter().enumerate().filter_map(move |(index, column)| {
            let is_document = match column.rule {
                Rule::Document => true,
                Rule::Media => false,
                _ => return None,
            };
            let text = row.cell(index);
            (!text.is_empty()).then(|| (*column, Link::parse(text, is_document)))
        })
    }

    /// The text of the column with this rule.
    pub(crate) fn find<'r>(&self, row: &'r Row, rule: fn(&Rule) -> bool) -> &'r str {
        self.columns.iter().position(|column| rule(&column.rule)).map_or("", |index| row.cell(index))
    }
}

impl Link {
    /// Reads `…/{token}/{sha256}.{ext}`.
    pub(crate) fn parse(url: &str, is_document: bool) -> Option<Self> {
        if !is_web_address(url) {
            return None;
        }
        let parsed = reqwest::Url::parse(url).ok()?;
        let mut segments = parsed.path_segments()?;
        let (stem, extension) = segments.next_back()?.rsplit_once('.')?;
        (is_sha256(stem) && !extension.is_empty()).then(|| Self {
            url: url.to_owned(),
            sha256: stem.to_owned(),
            extension: extension.to_ascii_lowercase(),
            is_document,
        })
    }
}
