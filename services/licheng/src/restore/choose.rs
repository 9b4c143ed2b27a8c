//! Which rows of a restored copy belong to a student or a school, and which others they cannot be without.

use super::{
    Whose,
    catalog::{Catalog, Reference},
};
use anyhow::{Context as _, Result};
use kernel::school::SchoolCode;
use sqlx::{AssertSqlSafe, PgConnection};

/// Tables whose rows never come back. A job that is not there was done; a password that was taken away stays so
/// (`licheng account create` gives a new one).
const NEVER: [&str; 2] = ["app.job", "identity.temporary_account"];

/// A table with rows to bring back; they stand in a temporary table of the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The table's place in the catalog.
    pub(super) table: usize,
    /// The rows are the student's or the school's own, not what they merely refer to.
    pub(super) own: bool,
}

/// The temporary table of the copy.
pub(super) fn wanted(table: usize) -> String {
    format!("pg_temp.wanted_{table}")
}

/// Collects the rows in the copy, and says in which tables there are any, in the catalog's order.
pub(super) async fn rows(copy: &mut PgConnection, catalog: &Catalog, whose: &Whose) -> Result<Vec<Chosen>> {
    let student = match whose {
        Whose::School(_) => None,
        Whose::Student(school, number) => Some(student(copy, *school, number).await?),
    };
    let mut chosen: Vec<Option<Chosen>> = vec![None; catalog.tables.len()];
    // downwards: parents stand before their children
    for table in 0..catalog.tables.len() {
        if let Some(condition) = own_rows(catalog, table, (whose.school(), student), &chosen) {
            chosen[table] = collect(copy, catalog, table, &condition, true).await?;
        }
    }
    // upwards: what those rows refer to, and what that refers to
    for table in (0..catalog.tables.len()).rev() {
        if chosen[table].is_none() && may_return(catalog, table) {
            let children = catalog.children_of(table).filter(|reference| chosen[reference.child].is_some());
            let conditions: Vec<String> = children.filter(|r| r.child != table).map(named_by_a_wanted_row).collect();
            if !conditions.is_empty() {
                chosen[table] = collect(copy, catalog, table, &conditions.join(" or "), false).await?;
            }
        }
    }
    // the login names of persons who came along
    for table in 0..catalog.tables.len() {
        if chosen[table].is_none() && may_return(catalog, table) && !catalog.tables[table].has("school_code") {
            let parents = catalog.parents_of(table).filter(|reference| chosen[reference.parent].is_some());
            let of_the_city = parents.filter(|reference| !catalog.tables[reference.parent].has("school_code"));
            let conditions: Vec<String> = of_the_city.map(names_a_wanted_row).collect();
            if !conditions.is_empty() {
                chosen[table] = collect(copy, catalog, table, &conditions.join(" or "), false).await?;
            }
        }
    }
    Ok(chosen.into_iter().flatten().collect())
}

/// A student's row by its number, as it was then.
pub(super) async fn student(copy: &mut PgConnection, school: SchoolCode, number: &str) -> Result<i64> {
    let found = sqlx::query_scalar("select id from school.student where school_code = $1 and student_no = $2")
        .bind(school.as_str())
        .bind(number)
        .fetch_optional(copy)
        .await?;
    found.with_context(|| format!("{school} had no student with this number then"))
}

fn may_return(catalog: &Catalog, table: usize) -> bool {
    let table = &catalog.tables[table];
    !table.columns.is_empty() && !NEVER.contains(&table.name.as_str())
}

/// The condition for the rows of a table that are the school's or the student's; none where it has no such.
fn own_rows(
    catalog: &Catalog,
    table: usize,
    (school, student): (SchoolCode, Option<i64>),
    chosen: &[Option<Chosen>],
) -> Option<String> {
    let known = &catalog.tables[table];
    if !may_return(catalog, table) || !known.has("school_code") {
        return None;
    }
    // a school's code holds capitals and digits only
    let of_school = format!("t.school_code = '{school}'");
    let Some(student) = student else { return Some(of_school) };
    match known.name.as_str() {
        "school.student" => Some(format!("{of_school} and t.id = {student}")),
        "identity.membership" => Some(format!("{of_school} and t.role = 'student' and t.subject_id = {student}")),
        _ if known.has("student_id") => Some(format!("{of_school} and t.student_id = {student}")),
        // a file's receipt, a request's opening: theirs by what they hang on
        _ => {
            let parents = catalog.parents_of(table).filter(|reference| chosen[reference.parent].is_some_and(|c| c.own));
            let conditions: Vec<String> = parents.map(names_a_wanted_row).collect();
            (!conditions.is_empty()).then(|| format!("{of_school} and ({})", conditions.join(" or ")))
        }
    }
}

/// The row `t` of the child names a wanted row.
fn names_a_wanted_row(reference: &Reference) -> String {
    let pairs = reference.columns.iter().map(|(child, parent)| format!("p.{parent} = t.{child}"));
    format!("exists (select from {} p where {})", wanted(reference.parent), pairs.collect::<Vec<_>>().join(" and "))
}

/// The row `t` of the parent is named by a wanted row.
fn named_by_a_wanted_row(reference: &Reference) -> String {
    let pairs = reference.columns.iter().map(|(child, parent)| format!("c.{child} = t.{parent}"));
    format!("exists (select from {} c where {})", wanted(reference.child), pairs.collect::<Vec<_>>().join(" and "))
}

async fn collect(
    copy: &mut PgConnection,
    catalog: &Catalog,
    table: usize,
    condition: &str,
    own: bool,
) -> Result<Option<Chosen>> {
    let name = &catalog.tables[table].name;
    let statement = format!("create temporary table wanted_{table} as select t.* from {name} t where {condition}");
    let made = sqlx::query(AssertSqlSafe(statement)).execute(&mut *copy).await;
    let rows = made.with_context(|| format!("collecting the rows of {name}"))?.rows_affected();
    if rows == 0 {
        // another pass may find rows of this table
        sqlx::query(AssertSqlSafe(format!("drop table {}", wanted(table)))).execute(copy).await?;
        return Ok(None);
    }
    Ok(Some(Chosen { table, own }))
}
