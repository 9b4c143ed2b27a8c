//! What a file says the tables should hold: the readers build it, nothing here knows the database.
//!
//! A school's 180,000 course records are held at once, so a cell is a number into a pool of texts.

use super::entity::Entity;
use ring::digest::{Context as Digest, SHA256};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A cell: a text of the pool, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cell(u32);

impl Cell {
    /// SQL's null.
    pub(crate) const NULL: Self = Self(0);
}

/// Every text once.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Pool {
    /// The cell of a text.
    pub(crate) fn text(&mut self, text: &str) -> Cell {
        if let Some(number) = self.numbers.get(text) {
            return Cell(*number);
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = u32::try_from(self.texts.len()).expect("a file of 20 MB has fewer texts");
        self.numbers.insert(text, number);
        Cell(number)
    }

    /// The cell of a text that may be missing; an empty one is missing too.
    pub(crate) fn optional(&mut self, text: &str) -> Cell {
        if text.is_empty() { Cell::NULL } else { self.text(text) }
    }

    /// The cell of a number.
    pub(crate) fn number(&mut self, number: impl Into<i64>) -> Cell {
        self.text(&number.into().to_string())
    }

    /// The cell of a number that may be missing.
    pub(crate) fn optional_number(&mut self, number: Option<impl Into<i64>>) -> Cell {
        number.map_or(Cell::NULL, |number| self.number(number))
    }

    /// The cell of yes or no, or neither.
    pub(crate) fn truth(&mut self, truth: Option<bool>) -> Cell {
        truth.map_or(Cell::NULL, |truth| self.text(if truth { "true" } else { "false" }))
    }

    /// The text of a cell.
    pub(crate) fn get(&self, cell: Cell) -> Option<&str> {
        cell.0.checked_sub(1).map(|index| &*self.texts[index as usize])
    }
}

/// What a group does with one of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A difference is a change.
    Compare,
    /// Written with a change, but no change by itself (a sealed id looks different each time).
    Carry,
    /// Only for new rows: what the school has set since stays.
    Create,
}

/// Which rows of a table a file speaks for.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of the school's.
    Whole,
    /// Those of a year.
    Year(i16),
    /// Those of a term.
    Term(i16, i16),
    /// Course records of a term and of certain kinds.
    Records { year: i16, term: i16, kinds: Vec<i16> },
    /// Course records of certain kinds, of any term.
    RecordKinds(Vec<i16>),
    /// Course codes of these programmes (their first 16 characters).
    Programmes(Vec<String>),
    /// These course codes.
    Codes(Vec<String>),
}

/// What becomes of a row of the scope that the file doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vanish {
    /// Nothing.
    Keep,
    /// This column gets the moment of the import; rows that have one are gone already.
    Mark(&'static str),
    /// It is removed. Only for rows that nothing refers to.
    Remove,
    /// It is removed if the row that it belongs to is in the file: a section's teachers, a person's roles.
    RemoveOf {
        /// The column of the row it belongs to.
        owner: &'static str,
    },
}

/// One row as the file says it.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The row it is, where the reader knows; otherwise found by the key.
    pub(crate) id: Option<i64>,
    /// One cell for each of the group's columns. A reference to a row of the same plan is minus its place from 1.
    pub(crate) cells: Box<[Cell]>,
}

/// What a file says of one table (or of one part of it: each sheet has other columns).
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) entity: &'static Entity,
    pub(crate) columns: Vec<(usize, Use)>,
    pub(crate) scope: Scope,
    pub(crate) vanish: Vanish,
    /// Whether its rows are the ones that people count.
    pub(crate) counted: bool,
    pub(crate) drafts: Vec<Draft>,
    keys: HashMap<[u8; 16], u32>,
    /// Rows of the table that the file has, though with an error: they don't vanish.
    pub(crate) spared_ids: HashSet<i64>,
    pub(crate) spared_keys: HashSet<[u8; 16]>,
}

impl Group {
    /// A group of a table with the columns that the file provides.
    pub(crate) fn new(entity: &'static Entity, columns: &[(&str, Use)], scope: Scope, vanish: Vanish) -> Self {
        let columns: Vec<_> = columns.iter().map(|(name, usage)| (entity.column(name), *usage)).collect();
        Self {
            entity,
            columns,
            scope,
            vanish,
            counted: true,
            drafts: Vec::new(),
            keys: HashMap::new(),
            spared_ids: HashSet::new(),
            spared_keys: HashSet::new(),
        }
    }

    /// A group whose rows only accompany those that people count.
    #[must_use]
    pub(crate) fn accompanying(mut self) -> Self {
        self.counted = false;
        self
    }

    /// Adds a row; the number of the file's earlier row with the same key refuses it.
    /// Gives the reference by which other rows of the plan name it.
    pub(crate) fn push(&mut self, pool: &Pool, row: u32, id: Option<i64>, cells: Vec<Cell>) -> Result<i64, u32> {
        debug_assert_eq!(cells.len(), self.columns.len());
        let key = self.key_of(pool, &cells);
        if let Some(earlier) = self.keys.insert(key, row) {
            self.keys.insert(key, earlier);
            return Err(earlier);
        }
        self.drafts.push(Draft { id, cells: cells.into() });
        Ok(-i64::try_from(self.drafts.len()).expect("rows of a file are few"))
    }

    /// The digest of the key cells, as [`digest`] of their texts.
    pub(crate) fn key_of(&self, pool: &Pool, cells: &[Cell]) -> [u8; 16] {
        digest(self.entity.key.iter().map(|name| {
            let column = self.entity.column(name);
            let place = self.columns.iter().position(|(index, _)| *index == column);
            pool.get(cells[place.expect("a group provides the key of its table")])
        }))
    }

    /// The row with these key cells, in the order of the table's key, is in the file, though with an error.
    pub(crate) fn spare(&mut self, pool: &Pool, key: &[Cell]) {
        self.spared_keys.insert(digest(key.iter().map(|cell| pool.get(*cell))));
    }
}

/// The texts joined by characters that no cell holds, hashed and cut to 16 bytes; the database computes the same.
pub(crate) fn digest<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> [u8; 16] {
    let mut hash = Digest::new(&SHA256);
    for (place, text) in texts.enumerate() {
        if place > 0 {
            hash.update(b"\x1f");
        }
        hash.update(text.map_or(b"\x1e".as_slice(), str::as_bytes));
    }
    hash.finish().as_ref()[..16].try_into().expect("SHA-256 gives 32 bytes")
}

/// Flat JSON in the very form in which the database shows jsonb: shorter keys first, then by their bytes.
pub(crate) fn flat_json(pairs: &[(&str, &str)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
    sorted.sort_by_key(|(key, _)| (key.len(), *key));
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let members: Vec<_> = sorted.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value))).collect();
    format!("{{{}}}", members.join(", "))
}

/// What a whole file says, in the order in which it must be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) pool: Pool,
    pub(crate) groups: Vec<Group>,
    /// A row's error hides whose it is: nothing is taken for vanished.
    pub(crate) uncertain: bool,
}

#[cfg(test)]
mod tests {
    use super::super::entity;
    use super::*;

    #[test]
    fn the_same_key_twice_names_the_earlier_row() {
        let mut pool = Pool::default();
        let columns = [("academic_year", Use::Compare), ("code", Use::Compare), ("name", Use::Compare)];
        let mut classes = Group::new(&entity::CLASS, &columns, Scope::Year(115), Vanish::Keep);
        let mut class = |code: &str, name: &str| vec![pool.number(115), pool.text(code), pool.text(name)];
        let (first, second, again) = (class("101", "一年1班"), class("102", "一年2班"), class("101", "一年3班"));
        assert_eq!(classes.push(&pool, 2, None, first), Ok(-1));
        assert_eq!(classes.push(&pool, 3, None, second), Ok(-2));
        assert_eq!(classes.push(&pool, 4, None, again), Err(2));
        assert_eq!(classes.drafts.len(), 2);
    }

    #[test]
    fn nothing_and_an_empty_text_are_different_keys() {
        assert_ne!(digest([Some("a"), None].into_iter()), digest([Some("a"), Some("")].into_iter()));
        assert_ne!(digest([Some("ab"), Some("")].into_iter()), digest([Some("a"), Some("b")].into_iter()));
    }

    #[test]
    fn json_looks_like_the_databases() {
        let pairs = [("term", "1"), ("year", "113"), ("mode", "3\"x"), ("grade", ""), ("course_code", "108")];
        assert_eq!(flat_json(&pairs), r#"{"mode": "3\"x", "term": "1", "year": "113", "course_code": "108"}"#);
        assert_eq!(flat_json(&[]), "{}");
    }
}
