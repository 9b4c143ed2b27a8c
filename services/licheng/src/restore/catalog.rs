//! The tables of the house as PostgreSQL's catalog knows them: a table that a later migration adds is restored
//! without a line here.

use crate::backup::SCHEMAS;
use anyhow::{Result, bail};
use sqlx::PgConnection;

/// A table, its columns and its key; names are quoted where they need it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Table {
    /// `schema.table`.
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) key: Vec<String>,
}

impl Table {
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|other| other == column)
    }
}

/// A foreign key between two tables of a [`Catalog`], by their places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) child: usize,
    pub(super) parent: usize,
    /// The child's columns and the parent's that they name.
    pub(super) columns: Vec<(String, String)>,
}

/// Tables, every parent before its children, and the keys between them.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub(super) tables: Vec<Table>,
    pub(super) references: Vec<Reference>,
}

#[derive(sqlx::FromRow)]
struct ForeignKey {
    child: String,
    parent: String,
    child_columns: Vec<String>,
    parent_columns: Vec<String>,
}

impl Catalog {
    /// Reads it from a database.
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self> {
        let tables: Vec<Table> = sqlx::query_as(
            "select format('%I.%I', n.nspname, c.relname) as name,
                    (select array_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
                      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
                    coalesce((select array_agg(quote_ident(a.attname) order by k.place)
                      from pg_index i cross join unnest(i.indkey::int2[]) with ordinality k (attnum, place)
                      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                      where i.indrelid = c.oid and i.indisprimary), '{}') as key
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any($1) order by 1",
        )
        .bind(SCHEMAS.map(str::to_owned))
        .fetch_all(&mut *connection)
        .await?;
        let keys: Vec<ForeignKey> = sqlx::query_as(
            "select format('%I.%I', n.nspname, c.relname) as child, format('%I.%I', pn.nspname, p.relname) as parent,
                    (select array_agg(quote_ident(a.attname) order by k.place) from unnest(f.conkey) with ordinality k (attnum, place)
                      join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum) as child_columns,
                    (select array_agg(quote_ident(a.attname) order by k.place) from unnest(f.confkey) with ordinality k (attnum, place)
                      join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.attnum) as parent_columns
             from pg_constraint f
             join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
             join pg_class p on p.oid = f.confrelid join pg_namespace pn on pn.oid = p.relnamespace
             where f.contype = 'f' and f.conparentid = 0 and n.nspname = any($1) and pn.nspname = any($1)
             order by f.conname",
        )
        .bind(SCHEMAS.map(str::to_owned))
        .fetch_all(connection)
        .await?;
        Self::of(tables, &keys)
    }

    fn of(tables: Vec<Table>, keys: &[ForeignKey]) -> Result<Self> {
        let tables = parents_first(tables, keys)?;
        let place = |name: &str| tables.iter().position(|table| table.name == name);
        let references = keys.iter().filter_map(|key| {
            let columns = key.child_columns.iter().cloned().zip(key.parent_columns.iter().cloned()).collect();
            Some(Reference { child: place(&key.child)?, parent: place(&key.parent)?, columns })
        });
        let references = references.collect();
        Ok(Self { tables, references })
    }

    /// What both know: a copy from before a migration lacks its tables and columns.
    pub(super) fn known_to(mut self, older: &Self) -> Self {
        for table in &mut self.tables {
            let known = older.tables.iter().find(|other| other.name == table.name);
            table.columns.retain(|column| known.is_some_and(|known| known.has(column)));
        }
        self
    }

    /// The foreign keys of a table.
    pub(super) fn parents_of(&self, child: usize) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.child == child)
    }

    /// The foreign keys that name a table.
    pub(super) fn children_of(&self, parent: usize) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.parent == parent)
    }
}

/// A row can only be written when the rows that it names are there.
fn parents_first(mut rest: Vec<Table>, keys: &[ForeignKey]) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let waits = |table: &Table| {
            let parents = keys.iter().filter(|key| key.child == table.name && key.parent != table.name);
            parents.into_iter().any(|key| rest.iter().any(|other| other.name == key.parent))
        };
        let (later, now): (Vec<Table>, Vec<Table>) = rest.iter().cloned().partition(waits);
        if now.is_empty() {
            let names: Vec<&str> = later.iter().map(|table| table.name.as_str()).collect();
            bail!("these tables name each other in a circle: {}", names.join(", "));
        }
        ordered.extend(now);
        rest = later;
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str]) -> Table {
        Table { name: name.to_owned(), columns: columns.iter().map(|c| (*c).to_owned()).collect(), key: Vec::new() }
    }

    fn key(child: &str, parent: &str) -> ForeignKey {
        let id = || vec!["id".to_owned()];
        ForeignKey { child: child.to_owned(), parent: parent.to_owned(), child_columns: id(), parent_columns: id() }
    }

    #[test]
    fn parents_come_before_their_children_and_circles_are_refused() {
        let tables = || ["a", "b", "c"].map(|name| table(name, &["id"])).to_vec();
        let catalog = Catalog::of(tables(), &[key("a", "b"), key("b", "c"), key("c", "c")]).unwrap();
        let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert_eq!(catalog.parents_of(2).map(|reference| reference.parent).collect::<Vec<_>>(), [1]);
        let circle = Catalog::of(tables(), &[key("a", "b"), key("b", "a")]).unwrap_err();
        assert!(circle.to_string().contains("a, b"), "{circle}");
    }

    #[test]
    fn columns_that_a_copy_does_not_know_are_left_out() {
        let live = Catalog::of(vec![table("a", &["id", "new"]), table("b", &["id"])], &[]).unwrap();
        let older = Catalog::of(vec![table("a", &["id", "old"])], &[]).unwrap();
        let both = live.known_to(&older);
        assert_eq!(both.tables[0].columns, ["id"]);
        assert!(both.tables[1].columns.is_empty());
    }
}
