//! What a stolen service role could do: its own room at the school it names, and no more.

use super::catalog::tenant_tables;
use sqlx::AssertSqlSafe;
use store::Conn;
use testkit::City;

const SERVICES: [&str; 7] = ["identity", "school", "portfolio", "certification", "counseling", "submission", "bureau"];
const OWN: &str = "343303";
const FOREIGN: &str = "353302";

/// How a statement ended: so many rows, or refused.
async fn count(connection: &mut Conn, sql: String) -> Result<i64, String> {
    let counted = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await;
    counted.map_err(|error| match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        other => panic!("{other}"),
    })
}

/// A statement in a transaction of its own, so that a refusal spoils no other.
async fn read(city: &City, service: &str, school: Option<&str>, sql: String) -> Result<i64, String> {
    let db = city.db(service);
    match school {
        Some(school) => count(db.read(&city.system(school), "test").await.expect("a transaction").conn(), sql).await,
        None => count(db.bureau("test").await.expect("a transaction").conn(), sql).await,
    }
}

/// The bureau's counts, which are of all schools.
const COUNTS: [&str; 2] = ["bureau.school_progress", "bureau.deadline"];

/// SQLSTATE insufficient_privilege.
const REFUSED: &str = "42501";

fn harmless(found: &Result<i64, String>) -> bool {
    match found {
        Ok(rows) => *rows == 0,
        Err(state) => state == REFUSED,
    }
}

/// Tenancy §1: "fails closed": no tenant set shows no row, another tenant's rows are not there.
#[tokio::test]
async fn a_role_sees_one_school_or_nothing() {
    let city = City::up().await;
    city.round("bureau.progress").await;
    city.round("bureau.deadlines").await;
    let tables = tenant_tables(&mut city.admin().await).await;
    let mut seen = 0;
    for service in SERVICES {
        for table in &tables {
            if service == "bureau" && COUNTS.contains(&table.as_str()) {
                continue;
            }
            let all = read(&city, service, None, format!("select count(*) from {table}")).await;
            assert!(harmless(&all), "{service} without a school reads {table}: {all:?}");
            let foreign = format!("select count(*) from {table} where school_code <> '{OWN}'");
            let foreign = read(&city, service, Some(OWN), foreign).await;
            assert!(harmless(&foreign), "{service} reads {table} of others: {foreign:?}");
            assert_eq!(all.is_err(), foreign.is_err(), "{service}: {table}");
            let own = format!("select count(*) from {table} where school_code = '{OWN}'");
            seen += read(&city, service, Some(OWN), own).await.unwrap_or(0);
        }
    }
    assert!(seen > 1000, "the test looked at real rows: {seen}");
}

/// Issue 2 §3.12: "no personal data; its role can read none".
#[tokio::test]
async fn the_bureaus_role_reads_counts_and_nothing_else() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let mut tables = tenant_tables(&mut admin).await;
    tables.extend(
        ["identity.person", "identity.account", "identity.membership", "identity.temporary_account"].map(str::to_owned),
    );
    for table in tables.iter().filter(|table| !COUNTS.contains(&table.as_str())) {
        let columns: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_attribute where attrelid = $1::text::regclass and attnum > 0 and not attisdropped",
        )
        .bind(table)
        .fetch_all(&mut admin)
        .await
        .expect("the columns");
        for column in columns {
            let sql = format!("select count(\"{column}\") from {table}");
            assert_eq!(read(&city, "bureau", Some(OWN), sql).await, Err(REFUSED.to_owned()), "{table}.{column}");
        }
    }
}

/// Design §2: "Each service writes only its own PostgreSQL schema".
#[tokio::test]
async fn rooms_write_their_own_schema_only() {
    let city = City::up().await;
    let foreign: Vec<String> = sqlx::query_scalar(
        "select distinct r.rolname || ' writes ' || n.nspname || '.' || c.relname
         from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join pg_roles r
         where c.relkind in ('r', 'p') and not c.relispartition and r.rolname like 'svc\\_%'
           and n.nspname in ('school', 'identity', 'portfolio', 'certification', 'counseling', 'submission', 'bureau')
           and r.rolname <> 'svc_' || n.nspname
           and (has_any_column_privilege(r.oid, c.oid, 'insert, update') or has_table_privilege(r.oid, c.oid, 'delete'))
         order by 1",
    )
    .fetch_all(&mut city.admin().await)
    .await
    .expect("the catalog");
    // the summaries are the worker's to recount (tenancy §7), and it notes what it carried between bureau and schools
    let carried = ["deadline", "outage_school", "school_progress", "window_proposal"];
    assert_eq!(foreign, carried.map(|table| format!("svc_worker writes bureau.{table}")));
}

#[tokio::test]
async fn nobody_writes_into_another_school() {
    let city = City::up().await;
    let db = city.db("portfolio");
    let insert = "insert into portfolio.message (school_code, staff_id, body, link, dedupe, created_at)
                  values ($1, 1, '', '/', 'stolen', now())";
    let mut tx = db.write(&city.system(OWN), "test").await.expect("a transaction");
    let foreign = sqlx::query(insert).bind(FOREIGN).execute(tx.conn()).await.expect_err("the policy");
    assert!(foreign.to_string().contains("row-level security"), "{foreign}");
    drop(tx);
    let mut tx = db.write(&city.system(OWN), "test").await.expect("a transaction");
    sqlx::query(insert).bind(OWN).execute(tx.conn()).await.expect("one's own school");
    let moved = sqlx::query("update portfolio.message set school_code = $1 where dedupe = 'stolen'")
        .bind(FOREIGN)
        .execute(tx.conn())
        .await
        .expect_err("the policy");
    assert!(moved.to_string().contains("row-level security"), "{moved}");
}

/// Rows of another school are not there to be changed: nothing happens, and nothing is told.
#[tokio::test]
async fn nobody_changes_another_schools_rows() {
    let city = City::up().await;
    let mut tx = city.db("school").write(&city.system(OWN), "test").await.expect("a transaction");
    for statement in [
        "update school.staff set email = 'x' where school_code = $1",
        "delete from school.cadre where school_code = $1",
    ] {
        let changed = sqlx::query(statement).bind(FOREIGN).execute(tx.conn()).await.expect("no error");
        assert_eq!(changed.rows_affected(), 0, "{statement}");
    }
}
