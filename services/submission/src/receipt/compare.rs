//! A student's rows as received against the rows as sent.

use super::archive::Cells;
use crate::roster::build::{content, content_hash};
use ring::digest::{Context as Digest, SHA256};
use serde::{Deserialize, Serialize};

/// A row on a sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) sheet: String,
    /// Without the national id.
    pub(crate) cells: Cells,
}

/// A difference, as the student and the office see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum Difference {
    /// Sent, not received.
    Missing { row: Row },
    /// Received, not sent.
    Extra { row: Row },
    /// Received otherwise than sent.
    Changed { sheet: String, columns: Vec<Changed> },
}

/// One column that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) title: String,
    pub(crate) sent: String,
    pub(crate) received: String,
}

/// What is kept, sealed, of one student in one roster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) rows: Vec<Row>,
    pub(crate) differences: Vec<Difference>,
}

impl Row {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cells.0.iter().map(|(title, text)| (title.as_str(), text.as_str()))
    }

    fn hash(&self) -> [u8; 32] {
        content_hash(&self.sheet, self.pairs())
    }

    fn cell(&self, title: &str) -> &str {
        self.pairs().find(|(known, _)| *known == title).map_or("", |(_, text)| text)
    }

    /// The columns in which another row has other content.
    fn changes(&self, received: &Self) -> Vec<Changed> {
        let differs = |(title, sent): (&str, &str)| {
            let received = received.cell(title);
            let changed = Changed { title: title.to_owned(), sent: sent.to_owned(), received: received.to_owned() };
            (content(sent) != content(received)).then_some(changed)
        };
        self.pairs().filter_map(differs).collect()
    }
}

/// A cell as people read it: a link to a stored file is just a file to them.
pub(crate) fn shown(text: &str) -> &str {
    match content(text) {
        _ if text.is_empty() => "（空白）",
        file if file.len() != text.len() => "（檔案）",
        plain => plain,
    }
}

/// Compares what was sent with what was received; the order of rows does not matter.
pub(crate) fn compare(sent: Vec<Row>, received: &[Row]) -> Vec<Difference> {
    let mut open: Vec<&Row> = received.iter().collect();
    let unmatched: Vec<Row> = sent.into_iter().filter(|row| !take_equal(row, &mut open)).collect();
    let mut differences = Vec::new();
    let mut missing = Vec::new();
    for row in unmatched {
        match take_nearest(&row, &mut open) {
            Some(columns) => differences.push(Difference::Changed { sheet: row.sheet, columns }),
            None => missing.push(Difference::Missing { row }),
        }
    }
    let extra = open.into_iter().map(|row| Difference::Extra { row: row.clone() });
    missing.into_iter().chain(extra).chain(differences).collect()
}

fn take_equal(row: &Row, open: &mut Vec<&Row>) -> bool {
    let equal = |other: &&Row| other.sheet == row.sheet && row.changes(other).is_empty();
    open.iter().position(equal).map(|place| open.swap_remove(place)).is_some()
}

/// The row of the same sheet with the fewest changes, if more of it is the same than not.
fn take_nearest(row: &Row, open: &mut Vec<&Row>) -> Option<Vec<Changed>> {
    let of_sheet = open.iter().enumerate().filter(|(_, other)| other.sheet == row.sheet);
    let (place, changes) =
        of_sheet.map(|(place, other)| (place, row.changes(other))).min_by_key(|(_, changes)| changes.len())?;
    let filled = row.pairs().filter(|(_, text)| !text.is_empty()).count();
    (changes.len() * 2 < filled).then(|| {
        open.swap_remove(place);
        changes
    })
}

/// The hash of a student's rows in one roster, whatever their order. A confirmation lasts as long as it stays the same.
pub(crate) fn hash(rows: &[Row]) -> [u8; 32] {
    let mut hashes: Vec<[u8; 32]> = rows.iter().map(Row::hash).collect();
    hashes.sort_unstable();
    let mut hash = Digest::new(&SHA256);
    hashes.iter().for_each(|row| hash.update(row));
    hash.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sheet: &str, cells: &[(&str, &str)]) -> Row {
        let cells = cells.iter().map(|(title, text)| ((*title).to_owned(), (*text).to_owned())).collect();
        Row { sheet: sheet.to_owned(), cells: Cells(cells) }
    }

    fn chinese(link: &str, summary: &str) -> Row {
        row(
            "學期",
            &[
                ("科目名稱", "國語文"),
                ("開課年級", "1"),
                ("修課學分", "4"),
                ("文件檔連結", link),
                ("成果簡述", summary),
            ],
        )
    }

    fn link(token: &str, byte: &str) -> String {
        format!("https://f.tw/f/{token}/{}.pdf", byte.repeat(32))
    }

    /// A link is signed anew for each batch; the file behind it is what counts.
    #[test]
    fn the_same_file_behind_another_link_is_no_difference() {
        let sent = vec![chinese(&link("one", "ab"), "甲")];
        assert_eq!(compare(sent.clone(), &[chinese(&link("two", "ab"), "甲")]), []);
        let changed = compare(sent, &[chinese(&link("two", "cd"), "甲")]);
        let [Difference::Changed { columns, .. }] = changed.as_slice() else { panic!("{changed:?}") };
        assert_eq!(columns[0].title, "文件檔連結");
    }

    /// Issue 2 §3.11: "differences to what was submitted come first" — missing, extra, changed columns.
    #[test]
    fn what_is_missing_extra_or_changed_is_told() {
        let maths = row("學期", &[("科目名稱", "數學"), ("開課年級", "2"), ("修課學分", "3"), ("成果簡述", "丙")]);
        let art = row("學期", &[("科目名稱", "美術"), ("開課年級", "3"), ("修課學分", "2"), ("成果簡述", "丁")]);
        let found = compare(vec![maths.clone(), chinese("x", "甲")], &[chinese("x", "乙"), art.clone()]);
        let changed = Changed { title: "成果簡述".to_owned(), sent: "甲".to_owned(), received: "乙".to_owned() };
        assert_eq!(
            found,
            [
                Difference::Missing { row: maths },
                Difference::Extra { row: art },
                Difference::Changed { sheet: "學期".to_owned(), columns: vec![changed] }
            ]
        );
    }

    /// A remark column that the central database adds says nothing about what was sent.
    #[test]
    fn a_column_that_was_not_sent_is_no_difference() {
        let mut received = chinese("x", "甲");
        received.cells.0.push(("備註".to_owned(), "收訖".to_owned()));
        assert_eq!(compare(vec![chinese("x", "甲")], &[received]), []);
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let (one, two) = (chinese("x", "甲"), chinese("y", "乙"));
        assert_eq!(compare(vec![one.clone(), two.clone()], &[two.clone(), one.clone()]), []);
        assert_eq!(hash(&[one.clone(), two.clone()]), hash(&[two.clone(), one.clone()]));
        assert_ne!(hash(std::slice::from_ref(&one)), hash(&[one.clone(), one]));
        assert_ne!(hash(&[two]), hash(&[]));
    }
}
