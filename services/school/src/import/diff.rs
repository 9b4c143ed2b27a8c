//! Compares a plan with the tables: what is new, changed, unchanged, and what vanished.

use super::{
    entity::{Column, Type},
    plan::{Cell, Group, Plan, Scope, Use, Vanish, digest},
};
use futures_util::TryStreamExt;
use ring::digest::{Context as Digest, SHA256};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder, Row};
use std::collections::{HashMap, HashSet};
use store::Conn;

/// How many rows an import would touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows that the tables don't have.
    pub new: usize,
    /// Rows that differ.
    pub changed: usize,
    /// Rows that are as they should be.
    pub unchanged: usize,
    /// Rows that the file doesn't have any more.
    pub vanished: usize,
    /// Rows that the school has, of those that the file speaks for.
    pub existing: usize,
    /// Rows of the file that are left out.
    pub errors: usize,
    /// Rows of the file that deserve a look.
    pub warnings: usize,
}

/// What one group would do to its table.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    /// The id of each draft's row; minus its place where the row is new.
    pub(crate) ids: Vec<i64>,
    /// The drafts without a row.
    pub(crate) new: Vec<usize>,
    /// The drafts whose row differs.
    pub(crate) changed: Vec<usize>,
    /// Rows to be marked or removed, by id.
    pub(crate) vanished: Vec<i64>,
}

/// What a whole plan would do.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) deltas: Vec<Delta>,
    pub(crate) counts: Counts,
    /// Of everything that would change and what it looks like now.
    pub(crate) fingerprint: [u8; 32],
}

/// A row of the table: only its hash is held.
struct Existing {
    id: i64,
    content: [u8; 16],
    alive: bool,
    owner: Option<i64>,
    seen: bool,
}

/// The ids of the drafts of the groups before, by table.
pub(crate) type Resolved = HashMap<&'static str, Vec<i64>>;

/// The text of a cell; a reference into the plan becomes the row's id, which is still negative for a new row.
pub(crate) fn resolve(plan: &Plan, column: &Column, cell: Cell, resolved: &Resolved) -> Option<String> {
    let text = plan.pool.get(cell)?;
    let Type::Ref(entity) = column.ty else { return Some(text.to_owned()) };
    let place = text.strip_prefix('-').and_then(|place| place.parse::<usize>().ok());
    let id = place.and_then(|place| resolved.get(entity)?.get(place - 1));
    Some(id.map_or_else(|| text.to_owned(), i64::to_string))
}

/// Compares; changes nothing.
pub(crate) async fn compare(conn: &mut Conn, school: &str, plan: &Plan) -> Result<Outcome, store::Error> {
    let mut outcome = Outcome { deltas: Vec::new(), counts: Counts::default(), fingerprint: [0; 32] };
    let mut fingerprint = Digest::new(&SHA256);
    let mut resolved = Resolved::new();
    for group in &plan.groups {
        let mut existing = load(conn, school, group).await?;
        let delta = compare_group(plan, group, &mut existing, &resolved, &mut fingerprint);
        if group.counted {
            let counts = &mut outcome.counts;
            counts.new += delta.new.len();
            counts.changed += delta.changed.len();
            counts.unchanged += group.drafts.len() - delta.new.len() - delta.changed.len();
            counts.vanished += delta.vanished.len();
            counts.existing += existing.rows.iter().filter(|row| row.alive).count();
        }
        resolved.insert(group.entity.name, delta.ids.clone());
        outcome.deltas.push(delta);
    }
    outcome.fingerprint = fingerprint.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes");
    Ok(outcome)
}

/// The rows of a group's scope.
struct Table {
    rows: Vec<Existing>,
    by_key: HashMap<[u8; 16], usize>,
    by_id: HashMap<i64, usize>,
}

async fn load(conn: &mut Conn, school: &str, group: &Group) -> Result<Table, store::Error> {
    let entity = group.entity;
    let key = entity.key.iter().map(|name| &entity.columns[entity.column(name)]);
    let content =
        group.columns.iter().filter(|(_, usage)| *usage == Use::Compare).map(|(index, _)| &entity.columns[*index]);
    let alive = match group.vanish {
        Vanish::Mark(column) => format!("{column} is null"),
        _ => "true".to_owned(),
    };
    let owner = match group.vanish {
        Vanish::RemoveOf { owner } => owner,
        _ => "null::bigint",
    };
    let mut sql = QueryBuilder::<Postgres>::new(format!(
        "select id, {} as key, {} as content, {alive} as alive, {owner} as owner from {} where school_code = ",
        digest_sql(key),
        digest_sql(content),
        entity.table()
    ));
    sql.push_bind(school);
    push_scope(&mut sql, &group.scope);
    sql.push(" order by id");
    let mut table = Table { rows: Vec::new(), by_key: HashMap::new(), by_id: HashMap::new() };
    let mut rows = sql.build().fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let sixteen = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).expect("the query cuts digests to 16 bytes");
        let place = table.rows.len();
        let id = row.try_get("id")?;
        table.by_key.insert(sixteen(row.try_get("key")?), place);
        table.by_id.insert(id, place);
        let content = sixteen(row.try_get("content")?);
        let (alive, owner) = (row.try_get("alive")?, row.try_get("owner")?);
        table.rows.push(Existing { id, content, alive, owner, seen: false });
    }
    Ok(table)
}

/// [`digest`] as the database computes it.
fn digest_sql<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let texts: Vec<_> = columns.map(|column| column.ty.canonical(column.name)).collect();
    format!(
        r"substring(sha256(convert_to(array_to_string(array[{}]::text[], E'\x1f', E'\x1e'), 'UTF8')) from 1 for 16)",
        texts.join(", ")
    )
}

fn push_scope(sql: &mut QueryBuilder<Postgres>, scope: &Scope) {
    match scope {
        Scope::Whole => {}
        Scope::Year(year) => {
            sql.push(" and academic_year = ").push_bind(*year);
        }
        Scope::Term(year, term) => {
            sql.push(" and academic_year = ").push_bind(*year).push(" and term = ").push_bind(*term);
        }
        Scope::Records { year, term, kinds } => {
            sql.push(" and academic_year = ").push_bind(*year).push(" and term = ").push_bind(*term);
            sql.push(" and kind = any(").push_bind(kinds.clone()).push(")");
        }
        Scope::RecordKinds(kinds) => {
            sql.push(" and kind = any(").push_bind(kinds.clone()).push(")");
        }
        Scope::Programmes(programmes) => {
            sql.push(" and substring(course_code from 1 for 16) = any(").push_bind(programmes.clone()).push(")");
        }
        Scope::Codes(codes) => {
            sql.push(" and course_code = any(").push_bind(codes.clone()).push(")");
        }
    }
}

fn compare_group(
    plan: &Plan,
    group: &Group,
    table: &mut Table,
    resolved: &Resolved,
    fingerprint: &mut Digest,
) -> Delta {
    let mut delta = Delta::default();
    let entity = group.entity;
    fingerprint.update(entity.name.as_bytes());
    let text_of = |draft: usize, place: usize| {
        let column = &entity.columns[group.columns[place].0];
        resolve(plan, column, group.drafts[draft].cells[place], resolved)
    };
    let places = |names: &[&str]| -> Vec<usize> {
        let column = |name: &&str| entity.column(name);
        names.iter().map(column).filter_map(|wanted| group.columns.iter().position(|(c, _)| *c == wanted)).collect()
    };
    let key_places = places(entity.key);
    let compared: Vec<usize> =
        (0..group.columns.len()).filter(|place| group.columns[*place].1 == Use::Compare).collect();
    let hash = |draft: usize, places: &[usize]| {
        let texts: Vec<_> = places.iter().map(|place| text_of(draft, *place)).collect();
        digest(texts.iter().map(Option::as_deref))
    };
    for (place, draft) in group.drafts.iter().enumerate() {
        let found = match draft.id {
            Some(id) => table.by_id.get(&id),
            None => table.by_key.get(&hash(place, &key_places)),
        };
        let content = hash(place, &compared);
        let Some(row) = found.map(|index| &mut table.rows[*index]) else {
            fingerprint.update(&content);
            delta.new.push(place);
            delta.ids.push(-i64::try_from(place + 1).expect("rows of a file are few"));
            continue;
        };
        row.seen = true;
        if row.content != content {
            fingerprint.update(&row.id.to_be_bytes());
            fingerprint.update(&row.content);
            fingerprint.update(&content);
            delta.changed.push(place);
        }
        delta.ids.push(row.id);
    }
    if group.vanish != Vanish::Keep && !plan.uncertain {
        spare(group, table);
        let owners = owners(group, resolved);
        let in_question = |row: &&Existing| match (&owners, row.owner) {
            (Some(owners), Some(owner)) => owners.contains(&owner),
            _ => true,
        };
        let vanished = table.rows.iter().filter(|row| row.alive && !row.seen).filter(in_question);
        delta.vanished.extend(vanished.map(|row| row.id));
        delta.vanished.iter().for_each(|id| fingerprint.update(&id.to_be_bytes()));
    }
    delta
}

/// The rows of the file that rows of this group belong to, where that decides what may vanish.
fn owners(group: &Group, resolved: &Resolved) -> Option<HashSet<i64>> {
    let Vanish::RemoveOf { owner } = group.vanish else { return None };
    let Type::Ref(entity) = group.entity.columns[group.entity.column(owner)].ty else { return None };
    Some(resolved.get(entity).into_iter().flatten().copied().collect())
}

/// Rows that the file has, though with an error, don't vanish.
fn spare(group: &Group, table: &mut Table) {
    let by_key = group.spared_keys.iter().filter_map(|key| table.by_key.get(key));
    let by_id = group.spared_ids.iter().filter_map(|id| table.by_id.get(id));
    let places: Vec<usize> = by_key.chain(by_id).copied().collect();
    places.into_iter().for_each(|place| table.rows[place].seen = true);
}

/// The SQL of an assembled statement. Only names from [`super::entity`] are put into its text.
pub(crate) fn safe(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}
