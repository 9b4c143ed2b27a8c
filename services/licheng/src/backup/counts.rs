//! How many rows there are, table by table, and whether a restored copy has as many.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::BTreeMap;

/// The schemas of the house.
pub(crate) const SCHEMAS: [&str; 8] =
    ["app", "school", "identity", "portfolio", "certification", "counseling", "submission", "bureau"];
/// Rows that one transaction may reasonably have added to and taken from a table meanwhile.
const ROWS_A_TRANSACTION: i64 = 10;

/// Rows of one table just before and just after a restore point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Before it.
    pub before: i64,
    /// After it.
    pub after: i64,
}

impl Counted {
    /// Whether a copy restored to the restore point may have `found` rows, when so many transactions ran meanwhile.
    /// With none the answer is exact; what came and went between the counts is not seen by either.
    pub(super) fn allows(self, found: i64, transactions: i64) -> bool {
        let slack = transactions.saturating_mul(ROWS_A_TRANSACTION);
        let (least, most) = (self.before.min(self.after), self.before.max(self.after));
        (least - slack..=most + slack).contains(&found)
    }
}

/// Rows of every table of the house, all as of one moment, and which transactions that moment knows.
pub(super) struct Counts {
    pub(super) tables: BTreeMap<String, i64>,
    /// The oldest transaction that was still running.
    pub(super) oldest: i64,
    /// The next transaction's number.
    pub(super) next: i64,
}

/// Counts in one snapshot.
pub(super) async fn count(connection: &mut PgConnection) -> Result<Counts> {
    let mut tx = connection.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let (oldest, next): (i64, i64) = sqlx::query_as(
        "select pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint from pg_current_snapshot() s",
    )
    .fetch_one(&mut *tx)
    .await?;
    let names: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any($1) order by 1",
    )
    .bind(SCHEMAS.map(str::to_owned))
    .fetch_all(&mut *tx)
    .await?;
    let mut tables = BTreeMap::new();
    for name in names {
        let counting = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {name}")));
        let rows: i64 = counting.fetch_one(&mut *tx).await.with_context(|| format!("counting {name}"))?;
        tables.insert(name, rows);
    }
    Ok(Counts { tables, oldest, next })
}

/// Every table whose rows are not those that were counted; empty when all is well.
pub(super) fn differences(
    recorded: &BTreeMap<String, Counted>,
    transactions: i64,
    restored: &BTreeMap<String, i64>,
) -> Vec<String> {
    let missing = recorded.keys().filter(|name| !restored.contains_key(*name)).map(|name| format!("{name} is missing"));
    let wrong = restored.iter().filter_map(|(name, found)| {
        let Some(counted) = recorded.get(name) else { return Some(format!("{name} was not there")) };
        let fits = counted.allows(*found, transactions);
        (!fits).then(|| format!("{name} has {found} rows, not {} to {}", counted.before, counted.after))
    });
    missing.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_when_nothing_happened_meanwhile() {
        let quiet = Counted { before: 40, after: 40 };
        assert!(quiet.allows(40, 0) && !quiet.allows(39, 0) && !quiet.allows(41, 0));
        let growing = Counted { before: 40, after: 60 };
        assert!(growing.allows(51, 1) && growing.allows(30, 1) && !growing.allows(29, 1));
    }

    #[test]
    fn a_table_that_is_gone_short_or_new_is_named() {
        let recorded = BTreeMap::from(["a", "b"].map(|name| (name.to_owned(), Counted { before: 3, after: 3 })));
        let restored = BTreeMap::from([("b".to_owned(), 2), ("c".to_owned(), 1)]);
        let found = differences(&recorded, 0, &restored);
        assert_eq!(found, ["a is missing", "b has 2 rows, not 3 to 3", "c was not there"]);
        assert!(differences(&recorded, 0, &BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 3)])).is_empty());
    }
}
