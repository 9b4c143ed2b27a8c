//! The rows' way into the live database: one transaction, with its audit row.

use super::{
    Whose, Wish,
    catalog::{Catalog, Table},
    choose::{Chosen, wanted},
};
use anyhow::{Context as _, Result};
use futures_util::TryStreamExt as _;
use kernel::school::SchoolCode;
use serde::Serialize;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Sealed history: what stands there now is never set back, whatever was asked for.
const HISTORY: [&str; 2] = ["app.audit", "app.audit_seal"];

/// What the audit row says besides.
pub(super) struct Note<'a> {
    pub(super) at: OffsetDateTime,
    pub(super) backup_id: &'a str,
    pub(super) request_id: &'a str,
    pub(super) now: OffsetDateTime,
}

/// What became of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// `schema.table`.
    pub table: String,
    /// Rows of the copy that belong to the student or school, or that those refer to.
    pub wanted: i64,
    /// Missing ones that came back.
    pub back: i64,
    /// Ones that were there and were set back; only when that was asked for.
    pub overwritten: i64,
    /// Missing ones that could not come back: newer rows took their place, or that of the rows they refer to.
    pub in_the_way: i64,
}

/// Sets the school for row-level security, which binds an administrator who is no superuser.
pub(super) async fn enter(tx: &mut PgConnection, school: SchoolCode) -> Result<()> {
    // a school code is digits and letters only, and SET takes no parameters
    sqlx::raw_sql(AssertSqlSafe(format!("set local app.school_code = '{school}'"))).execute(tx).await?;
    Ok(())
}

/// Brings the chosen rows over.
pub(super) async fn run(
    (copy, live): (&mut PgConnection, &mut PgConnection),
    catalog: &Catalog,
    chosen: &[Chosen],
    (whose, wish): (&Whose, &Wish),
    note: &Note<'_>,
) -> Result<Vec<Moved>> {
    let mut tx = live.begin().await?;
    enter(&mut tx, whose.school()).await?;
    let mut moved = Vec::with_capacity(chosen.len());
    for one in chosen {
        let table = &catalog.tables[one.table];
        let done = async {
            carry(copy, &mut tx, table, one.table).await?;
            let overwrite = wish.overwrite && one.own && !HISTORY.contains(&table.name.as_str());
            put(&mut tx, catalog, one.table, overwrite).await
        };
        moved.push(done.await.with_context(|| format!("restoring {}", table.name))?);
    }
    settle(&mut tx, whose.school()).await?;
    audit(&mut tx, whose, wish, note, &moved).await.context("writing the audit")?;
    if wish.dry_run {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(moved)
}

/// COPY out of the one and into a temporary table of the other: text, so that every value arrives as it was.
async fn carry(copy: &mut PgConnection, live: &mut PgConnection, table: &Table, place: usize) -> Result<()> {
    let columns = table.columns.join(", ");
    let arrived = format!(
        "create temporary table arrived_{place} on commit drop as select {columns} from {} with no data",
        table.name
    );
    sqlx::query(AssertSqlSafe(arrived)).execute(&mut *live).await?;
    let mut rows = copy.copy_out_raw(&format!("copy (select {columns} from {}) to stdout", wanted(place))).await?;
    let mut into = live.copy_in_raw(&format!("copy pg_temp.arrived_{place} ({columns}) from stdin")).await?;
    while let Some(bytes) = rows.try_next().await? {
        into.send(bytes).await?;
    }
    into.finish().await?;
    Ok(())
}

/// Writes what arrived.
async fn put(live: &mut PgConnection, catalog: &Catalog, place: usize, overwrite: bool) -> Result<Moved> {
    let table = &catalog.tables[place];
    let there = there(table, place);
    let (wanted, before): (i64, i64) = counted(live, place, &there).await?;
    let written = sqlx::query(AssertSqlSafe(insert(catalog, place, overwrite))).execute(&mut *live).await?;
    let (_, after) = counted(live, place, &there).await?;
    let written = i64::try_from(written.rows_affected())?;
    let back = after - before;
    Ok(Moved { table: table.name.clone(), wanted, back, overwritten: written - back, in_the_way: wanted - after })
}

/// Whether the row `r` that arrived is in the table, by its key.
fn there(table: &Table, place: usize) -> String {
    let pairs: Vec<String> = table.key.iter().map(|column| format!("t.{column} = r.{column}")).collect();
    format!("pg_temp.arrived_{place} r where exists (select from {} t where {})", table.name, pairs.join(" and "))
}

async fn counted(live: &mut PgConnection, place: usize, there: &str) -> Result<(i64, i64)> {
    let statement = format!("select (select count(*) from pg_temp.arrived_{place}), (select count(*) from {there})");
    Ok(sqlx::query_as(AssertSqlSafe(statement)).fetch_one(live).await?)
}

/// Rows whose parents are there; a missing parent was kept out by a newer row, and so is its child.
fn insert(catalog: &Catalog, place: usize, overwrite: bool) -> String {
    let table = &catalog.tables[place];
    let columns = table.columns.join(", ");
    let parents = catalog.parents_of(place).filter(|reference| reference.parent != place).map(|reference| {
        let none = reference.columns.iter().map(|(child, _)| format!("r.{child} is null"));
        let pairs = reference.columns.iter().map(|(child, parent)| format!("p.{parent} = r.{child}"));
        let (none, pairs) = (none.collect::<Vec<_>>().join(" or "), pairs.collect::<Vec<_>>().join(" and "));
        format!(" and ({none} or exists (select from {} p where {pairs}))", catalog.tables[reference.parent].name)
    });
    let parents: String = parents.collect();
    let rest: Vec<&String> = table.columns.iter().filter(|column| !table.key.contains(column)).collect();
    let conflict = if overwrite && !rest.is_empty() {
        let list = |of: &str| rest.iter().map(|column| format!("{of}{column}")).collect::<Vec<_>>().join(", ");
        let set: Vec<String> = rest.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "on conflict ({}) do update set {} where ({}) is distinct from ({})",
            table.key.join(", "),
            set.join(", "),
            list("t."),
            list("excluded.")
        )
    } else {
        "on conflict do nothing".to_owned()
    };
    format!(
        "insert into {} as t ({columns}) select {columns} from pg_temp.arrived_{place} r where true{parents} {conflict}",
        table.name
    )
}

/// Counters that stayed when their rows went were counted down with them: they are counted up again, never down.
async fn settle(live: &mut PgConnection, school: SchoolCode) -> Result<()> {
    sqlx::query(
        "update portfolio.student_counter c set uploaded = n.uploaded
           from (select student_id, academic_year, term, count(*)::smallint as uploaded from portfolio.outcome
                  where school_code = $1 group by 1, 2, 3) n
          where c.school_code = $1 and c.student_id = n.student_id and c.academic_year = n.academic_year
            and c.term = n.term and c.uploaded < n.uploaded",
    )
    .bind(school.as_str())
    .execute(&mut *live)
    .await?;
    sqlx::query(
        "update portfolio.student_storage s set bytes_used = n.bytes
           from (select student_id, sum(size)::bigint as bytes from portfolio.file
                  where school_code = $1 and saved_at is not null and removed_at is null group by 1) n
          where s.school_code = $1 and s.student_id = n.student_id and s.bytes_used < n.bytes",
    )
    .bind(school.as_str())
    .execute(live)
    .await?;
    Ok(())
}

/// By hand, because no service's role may write in every room, and so no tenant transaction.
async fn audit(live: &mut PgConnection, whose: &Whose, wish: &Wish, note: &Note<'_>, moved: &[Moved]) -> Result<()> {
    let (action, entity) = match whose {
        Whose::School(_) => ("restore.school", "school"),
        Whose::Student(..) => ("restore.student", "student"),
    };
    let number = match whose {
        Whose::School(_) => None,
        Whose::Student(_, number) => Some(number),
    };
    let changed: Vec<&Moved> = moved.iter().filter(|table| table.back + table.overwritten > 0).collect();
    let after = json!({
        "at": note.at.format(&Rfc3339)?, "backup": note.backup_id, "student_no": number, "overwrite": wish.overwrite,
        "tables": changed,
    });
    sqlx::query(
        "insert into app.audit (school_code, at, actor_subject, transaction, action, entity, after, request_id)
         values ($1, $2, 'system', 'licheng.restore', $3, $4, $5, $6)",
    )
    .bind(whose.school().as_str())
    .bind(note.now)
    .bind(action)
    .bind(entity)
    .bind(after)
    .bind(note.request_id)
    .execute(live)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::catalog::Reference;
    use super::*;

    fn catalog() -> Catalog {
        let table = |name: &str, columns: &[&str], key: &[&str]| Table {
            name: name.to_owned(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            key: key.iter().map(|c| (*c).to_owned()).collect(),
        };
        let columns = vec![("parent_id".to_owned(), "id".to_owned())];
        Catalog {
            tables: vec![table("a.parent", &["id"], &["id"]), table("a.child", &["id", "parent_id", "text"], &["id"])],
            references: vec![Reference { child: 1, parent: 0, columns }],
        }
    }

    #[test]
    fn rows_are_put_beside_what_is_there_unless_told_otherwise() {
        assert_eq!(
            insert(&catalog(), 1, false),
            "insert into a.child as t (id, parent_id, text) select id, parent_id, text from pg_temp.arrived_1 r \
             where true and (r.parent_id is null or exists (select from a.parent p where p.id = r.parent_id)) \
             on conflict do nothing"
        );
        let over = insert(&catalog(), 1, true);
        assert!(
            over.ends_with(
                "on conflict (id) do update set parent_id = excluded.parent_id, text = excluded.text \
                 where (t.parent_id, t.text) is distinct from (excluded.parent_id, excluded.text)"
            ),
            "{over}"
        );
        assert!(insert(&catalog(), 0, true).ends_with("on conflict do nothing"), "nothing but a key can't differ");
    }
}
