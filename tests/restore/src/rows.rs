//! Rows as they are: counted, hashed, destroyed.

use anyhow::{Result, ensure};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeMap;

/// Rows and their hash, by table.
pub(crate) type Prints = BTreeMap<String, (i64, Option<String>)>;

/// An address that a student got after the moment that is restored.
pub(crate) const LATER: &str = "later@school.example";

/// Tables that a school's restore adds to (its own audit row) or leaves out (jobs, passwords).
const OTHERWISE: [&str; 3] = ["app.audit", "app.audit_seal", "app.job"];

pub(crate) struct Student {
    pub(crate) id: i64,
    pub(crate) number: String,
}

/// The student with the most files.
pub(crate) async fn busiest_student(admin: &mut PgConnection, school: &str) -> Result<Student> {
    let (id, number) = sqlx::query_as(
        "select id, student_no from school.student s where school_code = $1
         order by (select count(*) from portfolio.file f where f.school_code = $1 and f.student_id = s.id) desc, id limit 1",
    )
    .bind(school)
    .fetch_one(admin)
    .await?;
    Ok(Student { id, number })
}

/// Some history to be sealed: the seed writes none.
pub(crate) async fn write_audit(admin: &mut PgConnection, school: &str) -> Result<()> {
    sqlx::query(
        "insert into app.audit (school_code, at, actor_subject, transaction, action, entity, entity_id, request_id)
         select $1, now(), 'system', 'restore.history', 'history.write', 'history', n, 'restore' from generate_series(1, 40) n",
    )
    .bind(school)
    .execute(admin)
    .await?;
    Ok(())
}

pub(crate) async fn leave_message(admin: &mut PgConnection, school: &str, student: i64, body: &str) -> Result<()> {
    sqlx::query(
        "insert into portfolio.message (school_code, student_id, body, link, dedupe, created_at)
         values ($1, $2, $3, '/', $3, now())",
    )
    .bind(school)
    .bind(student)
    .bind(body)
    .execute(admin)
    .await?;
    Ok(())
}

/// What `leave_message` left.
pub(crate) async fn messages(admin: &mut PgConnection, student: i64) -> Result<Vec<String>> {
    let bodies = "select body from portfolio.message where student_id = $1 and body in ('before', 'after')";
    Ok(sqlx::query_scalar(bodies).bind(student).fetch_all(admin).await?)
}

pub(crate) async fn email(admin: &mut PgConnection, school: &str, student: i64) -> Result<Option<String>> {
    let email = "select email from school.student where school_code = $1 and id = $2";
    Ok(sqlx::query_scalar(email).bind(school).bind(student).fetch_one(admin).await?)
}

pub(crate) async fn audited(admin: &mut PgConnection, school: &str, action: &str) -> Result<i64> {
    let rows = "select count(*) from app.audit where school_code = $1 and action = $2";
    Ok(sqlx::query_scalar(rows).bind(school).bind(action).fetch_one(admin).await?)
}

/// The server's time, as `--at` takes it.
pub(crate) async fn now(admin: &mut PgConnection) -> Result<String> {
    let now = r#"select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;
    Ok(sqlx::query_scalar(now).fetch_one(admin).await?)
}

async fn tables_with(admin: &mut PgConnection, column: &str) -> Result<Vec<String>> {
    let tables = "select format('%I.%I', n.nspname, c.relname) from pg_class c
                  join pg_namespace n on n.oid = c.relnamespace
                  join pg_attribute a on a.attrelid = c.oid and a.attname = $1
                  where c.relkind in ('r', 'p') and not c.relispartition order by 1";
    Ok(sqlx::query_scalar(tables).bind(column).fetch_all(admin).await?)
}

/// What belongs to a student, as conditions: the harness knows it by itself, not from the program it tries.
async fn students_tables(admin: &mut PgConnection, school: &str, student: i64) -> Result<Vec<(String, String)>> {
    let own = format!("t.school_code = '{school}' and t.student_id = {student}");
    let through = |table: &str, column: &str| {
        let names = format!("select id from {table} t where {own}");
        format!("t.school_code = '{school}' and t.{column} in ({names})")
    };
    let mut tables = vec![
        ("portfolio.upload_receipt".to_owned(), through("portfolio.file", "file_id")),
        ("certification.opening".to_owned(), through("portfolio.certification_request", "request_id")),
        (
            "identity.membership".to_owned(),
            format!("t.school_code = '{school}' and t.role = 'student' and t.subject_id = {student}"),
        ),
    ];
    tables.extend(tables_with(admin, "student_id").await?.into_iter().map(|table| (table, own.clone())));
    Ok(tables)
}

pub(crate) async fn of_student(admin: &mut PgConnection, school: &str, student: i64) -> Result<Prints> {
    let mut prints = Prints::new();
    for (table, condition) in students_tables(admin, school, student).await? {
        let print = print(admin, &table, &condition).await?;
        prints.insert(table, print);
    }
    Ok(prints)
}

/// All tables of a school, and the logins of its people.
pub(crate) async fn of_school(admin: &mut PgConnection, school: &str) -> Result<Prints> {
    let mut prints = Prints::new();
    for table in tables_with(admin, "school_code").await? {
        if !OTHERWISE.contains(&table.as_str()) {
            let print = print(admin, &table, &format!("t.school_code = '{school}'")).await?;
            prints.insert(table, print);
        }
    }
    for (table, column) in [("identity.person", "id"), ("identity.account", "person_id")] {
        let condition = people(school, column);
        prints.insert(table.to_owned(), print(admin, table, &condition).await?);
    }
    Ok(prints)
}

fn people(school: &str, column: &str) -> String {
    format!("t.{column} in (select person_id from identity.membership where school_code = '{school}')")
}

async fn print(admin: &mut PgConnection, table: &str, condition: &str) -> Result<(i64, Option<String>)> {
    let print =
        format!("select count(*), md5(string_agg(t::text, chr(10) order by t::text)) from {table} t where {condition}");
    Ok(sqlx::query_as(AssertSqlSafe(print)).fetch_one(admin).await?)
}

/// Names the tables that differ.
pub(crate) fn same(was: &Prints, is: &Prints) -> Result<()> {
    ensure!(was.values().map(|print| print.0).sum::<i64>() > 0, "there was nothing to compare");
    let differs = was.iter().filter(|(table, print)| is.get(*table) != Some(*print));
    let differs: Vec<String> = differs
        .map(|(table, print)| format!("{table}: {} rows, now {:?}", print.0, is.get(table).map(|p| p.0)))
        .collect();
    ensure!(differs.is_empty(), "not as it was: {}", differs.join("; "));
    Ok(())
}

/// Everything of a student but the student's own row, which got another address meanwhile.
pub(crate) async fn destroy_student(admin: &mut PgConnection, school: &str, student: i64) -> Result<()> {
    let mut statements = vec!["set session_replication_role = replica".to_owned()];
    for (table, condition) in students_tables(admin, school, student).await? {
        statements.push(format!("delete from {table} t where {condition}"));
    }
    statements
        .push(format!("update school.student set email = '{LATER}' where school_code = '{school}' and id = {student}"));
    statements.push("reset session_replication_role".to_owned());
    all(admin, statements).await
}

/// A whole school, but for its name, which is another one now.
pub(crate) async fn destroy_school(admin: &mut PgConnection, school: &str) -> Result<()> {
    let mut statements = vec!["set session_replication_role = replica".to_owned()];
    for (table, column) in [("identity.account", "person_id"), ("identity.person", "id")] {
        statements.push(format!("delete from {table} t where {}", people(school, column)));
    }
    for table in tables_with(admin, "school_code").await? {
        if table != "school.school" {
            statements.push(format!("delete from {table} where school_code = '{school}'"));
        }
    }
    statements.push(format!("update school.school set name = 'gone' where school_code = '{school}'"));
    statements.push("reset session_replication_role".to_owned());
    all(admin, statements).await
}

async fn all(admin: &mut PgConnection, statements: Vec<String>) -> Result<()> {
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *admin).await?;
    }
    Ok(())
}
