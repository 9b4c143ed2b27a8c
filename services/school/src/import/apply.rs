//! Writes what a comparison found, keeps what was there before, and puts it back.
//!
//! Rows go as lists of values, a thousand at a time: COPY is refused under row-level security, and
//! `insert … select` fails under it on Citus.

use super::{
    diff::{Delta, Outcome, Resolved, resolve, safe},
    entity::{Entity, Type},
    plan::{Group, Plan, Vanish},
};
use kernel::ids::ImportId;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Row};
use store::Conn;
use time::OffsetDateTime;

/// Rows in one statement. With 19 columns still far from the protocol's 65,535 values.
const BATCH: usize = 1_000;

/// Where an import writes, and when.
pub(crate) struct Writer<'a> {
    pub(crate) conn: &'a mut Conn,
    pub(crate) school: &'a str,
    pub(crate) import: ImportId,
    pub(crate) now: OffsetDateTime,
    /// The number of the next undo row.
    pub(crate) seq: i32,
}

impl Writer<'_> {
    /// Writes everything that `outcome` says, in the order of the plan.
    pub(crate) async fn apply(&mut self, plan: &Plan, outcome: &Outcome) -> Result<(), store::Error> {
        let mut resolved = Resolved::new();
        for (group, delta) in plan.groups.iter().zip(&outcome.deltas) {
            self.vanish(group, delta).await?;
            self.change(plan, group, delta, &resolved).await?;
            let ids = self.create(plan, group, delta, &resolved).await?;
            resolved.insert(group.entity.name, ids);
        }
        Ok(())
    }

    async fn vanish(&mut self, group: &Group, delta: &Delta) -> Result<(), store::Error> {
        let table = group.entity.table();
        for ids in delta.vanished.chunks(BATCH) {
            self.remember(group.entity, ids).await?;
            let mut sql = QueryBuilder::<Postgres>::new("");
            match group.vanish {
                Vanish::Mark(column) => sql.push(format!("update {table} set {column} = ")).push_bind(self.now),
                Vanish::Remove | Vanish::RemoveOf { .. } | Vanish::Keep => sql.push(format!("delete from {table}")),
            };
            sql.push(" where school_code = ").push_bind(self.school).push(" and id = any(").push_bind(ids).push(")");
            sql.build().execute(&mut *self.conn).await?;
        }
        Ok(())
    }

    async fn change(
        &mut self,
        plan: &Plan,
        group: &Group,
        delta: &Delta,
        resolved: &Resolved,
    ) -> Result<(), store::Error> {
        let entity = group.entity;
        let written: Vec<usize> =
            (0..group.columns.len()).filter(|place| group.columns[*place].1 != super::plan::Use::Create).collect();
        let column = |place: usize| &entity.columns[group.columns[place].0];
        let names: Vec<_> = written.iter().map(|place| column(*place).name).collect();
        let sets: Vec<_> = names.iter().map(|name| format!("{name} = v.{name}")).collect();
        for drafts in delta.changed.chunks(BATCH) {
            let ids: Vec<i64> = drafts.iter().map(|draft| delta.ids[*draft]).collect();
            self.remember(entity, &ids).await?;
            let mut sql =
                QueryBuilder::<Postgres>::new(format!("update {} t set {} from (", entity.table(), sets.join(", ")));
            sql.push_values(drafts, |mut row, draft| {
                row.push_bind(delta.ids[*draft]);
                for place in &written {
                    let text = resolve(plan, column(*place), group.drafts[*draft].cells[*place], resolved);
                    row.push_bind(text).push_unseparated(cast(column(*place).ty));
                }
            });
            sql.push(format!(") as v(id, {}) where t.school_code = ", names.join(", ")));
            sql.push_bind(self.school).push(" and t.id = v.id");
            sql.build().execute(&mut *self.conn).await?;
        }
        Ok(())
    }

    /// Writes the new rows and gives the ids of all drafts.
    async fn create(
        &mut self,
        plan: &Plan,
        group: &Group,
        delta: &Delta,
        resolved: &Resolved,
    ) -> Result<Vec<i64>, store::Error> {
        let entity = group.entity;
        let mut ids = delta.ids.clone();
        let column = |place: usize| &entity.columns[group.columns[place].0];
        let names: Vec<_> = (0..group.columns.len()).map(|place| column(place).name).collect();
        for drafts in delta.new.chunks(BATCH) {
            let fresh = self.next_ids(entity, drafts.len()).await?;
            let mut sql = QueryBuilder::<Postgres>::new(format!(
                "insert into {} (school_code, id, {}) ",
                entity.table(),
                names.join(", ")
            ));
            sql.push_values(drafts.iter().zip(&fresh), |mut row, (draft, id)| {
                row.push_bind(self.school).push_bind(*id);
                for (place, cell) in group.drafts[*draft].cells.iter().enumerate() {
                    let text = resolve(plan, column(place), *cell, resolved);
                    row.push_bind(text).push_unseparated(cast(column(place).ty));
                }
            });
            sql.build().execute(&mut *self.conn).await?;
            drafts.iter().zip(&fresh).for_each(|(draft, id)| ids[*draft] = *id);
            let undo: Vec<_> = fresh.into_iter().map(|id| (id, None)).collect();
            self.write_undo(entity, &undo).await?;
        }
        Ok(ids)
    }

    async fn next_ids(&mut self, entity: &Entity, count: usize) -> Result<Vec<i64>, store::Error> {
        let sql = format!("select nextval('school.{}_id_seq') from generate_series(1, $1)", entity.name);
        let count = i32::try_from(count).expect("a batch is small");
        Ok(sqlx::query_scalar(safe(sql)).bind(count).fetch_all(&mut *self.conn).await?)
    }

    /// Keeps how these rows look now.
    async fn remember(&mut self, entity: &Entity, ids: &[i64]) -> Result<(), store::Error> {
        let sql = format!(
            "select t.id, to_jsonb(t) as before from {} t where t.school_code = $1 and t.id = any($2) order by t.id",
            entity.table()
        );
        let rows = sqlx::query(safe(sql)).bind(self.school).bind(ids).fetch_all(&mut *self.conn).await?;
        let mut undo = Vec::with_capacity(rows.len());
        for row in rows {
            undo.push((row.try_get("id")?, Some(row.try_get::<Value, _>("before")?)));
        }
        self.write_undo(entity, &undo).await
    }

    async fn write_undo(&mut self, entity: &Entity, rows: &[(i64, Option<Value>)]) -> Result<(), store::Error> {
        let mut sql = QueryBuilder::<Postgres>::new(
            "insert into school.import_undo (school_code, import_id, seq, entity, entity_id, before) ",
        );
        if rows.is_empty() {
            return Ok(());
        }
        sql.push_values(rows, |mut row, (id, before)| {
            row.push_bind(self.school).push_bind(self.import.get()).push_bind(self.seq);
            row.push_bind(entity.name).push_bind(*id).push_bind(before);
            self.seq += 1;
        });
        sql.build().execute(&mut *self.conn).await?;
        Ok(())
    }

    /// Takes an import back: the youngest change first, each row exactly as it was.
    pub(crate) async fn revert(&mut self) -> Result<usize, store::Error> {
        let mut reverted = 0;
        loop {
            let Some(run) = self.last_undo_run().await? else { return Ok(reverted) };
            reverted += run.rows.len();
            let Some(entity) = Entity::named(&run.entity) else { return Err(store::Error::Stale) };
            if run.created {
                self.delete(entity, &run).await?;
            } else {
                self.put_back(entity, &run).await?;
            }
            self.forget(run.from_seq).await?;
        }
    }

    /// The latest undo rows of one table and one sort, at most a batch.
    async fn last_undo_run(&mut self) -> Result<Option<UndoRun>, store::Error> {
        let rows = sqlx::query!(
            "select seq, entity, entity_id, before from school.import_undo
             where school_code = $1 and import_id = $2 order by seq desc limit $3",
            self.school,
            self.import.get(),
            i64::try_from(BATCH).expect("a batch is small")
        )
        .fetch_all(&mut *self.conn)
        .await?;
        let Some(last) = rows.first() else { return Ok(None) };
        let mut run = UndoRun {
            entity: last.entity.clone(),
            created: last.before.is_none(),
            from_seq: last.seq,
            rows: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            if row.entity != run.entity || row.before.is_none() != run.created {
                break;
            }
            run.from_seq = row.seq;
            run.rows.push((row.entity_id, row.before.unwrap_or_default()));
        }
        Ok(Some(run))
    }

    async fn delete(&mut self, entity: &Entity, run: &UndoRun) -> Result<(), store::Error> {
        let ids: Vec<i64> = run.rows.iter().map(|(id, _)| *id).collect();
        let sql = format!("delete from {} where school_code = $1 and id = any($2)", entity.table());
        sqlx::query(safe(sql)).bind(self.school).bind(ids).execute(&mut *self.conn).await?;
        Ok(())
    }

    /// Writes the rows as they were, whether they were changed or removed.
    async fn put_back(&mut self, entity: &Entity, run: &UndoRun) -> Result<(), store::Error> {
        let names: Vec<_> = entity.columns.iter().map(|column| column.name).collect();
        let sets: Vec<_> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        let mut sql = QueryBuilder::<Postgres>::new(format!(
            "insert into {} (school_code, id, {}) ",
            entity.table(),
            names.join(", ")
        ));
        sql.push_values(&run.rows, |mut row, (id, before)| {
            row.push_bind(self.school).push_bind(*id);
            for column in entity.columns {
                row.push_bind(text_of(&before[column.name])).push_unseparated(cast(column.ty));
            }
        });
        sql.push(format!(" on conflict (school_code, id) do update set {}", sets.join(", ")));
        sql.build().execute(&mut *self.conn).await?;
        Ok(())
    }

    async fn forget(&mut self, from_seq: i32) -> Result<(), store::Error> {
        sqlx::query!(
            "delete from school.import_undo where school_code = $1 and import_id = $2 and seq >= $3",
            self.school,
            self.import.get(),
            from_seq
        )
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }
}

/// Undo rows that one statement takes back.
struct UndoRun {
    entity: String,
    created: bool,
    from_seq: i32,
    rows: Vec<(i64, Value)>,
}

fn cast(ty: Type) -> String {
    format!("::{}", ty.cast())
}

/// A value of `to_jsonb` as the text that its cast reads.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
