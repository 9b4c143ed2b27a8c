//! What Citus asks of queries and sources, checked on the plain catalog and on the texts (components, Citus).
//!
//! The suite takes the `LICHENG_DATABASE_ADMIN_URL` and `LICHENG_DATABASE_URL` of a Citus coordinator as they are:
//! `app.tenant_table` and `app.city_table` distribute every table where the extension is installed in `template1`.

use super::{
    catalog::{CITY_TABLES, SCHEMA_NAMES, tenant_tables},
    workspace,
};
use std::{collections::BTreeSet, fs};
use testkit::City;

/// Beginnings of queries that look at all schools at once, each with its reason. None of them is a page's.
const ACROSS_SCHOOLS: [(&str, &str); 7] = [
    ("select (select min(run_at) from app.job", "the worker measures its queue, every 15 s"),
    ("select kind, count(*) as \"count!\"", "`licheng job list`"),
    ("select school_code, id, kind, attempts", "`licheng job list`"),
    (
        "with years as (select * from unnest($2",
        "the recount of the summary, by a round of the worker and under one lock",
    ),
    ("select distinct school_code from app.audit_seal", "`licheng audit verify`"),
    ("select count(*) as \"open!\" from app.storage_case", "the scrubber's end of a pass"),
    ("insert into app.health", "the worker measures the storage, every few minutes"),
];

/// Not a tenant's row: where the scrubber is, of all schools.
const POSITION: &str = "update app.scrub set school_code = ";

/// A tenant's table in a query: the table, its alias, and the text up to the next one.
struct Mention<'q> {
    table: &'q str,
    alias: &'q str,
    until_next: &'q str,
}

/// Every table of ours after a word that names tables.
fn mentions(query: &str) -> Vec<Mention<'_>> {
    let mut places = Vec::new();
    for schema in SCHEMA_NAMES {
        let start = format!("{schema}.");
        for (at, _) in query.match_indices(&start) {
            let before = query[..at].trim_end();
            let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
            let begins_here = query[..at].ends_with(|c: char| c.is_whitespace());
            if begins_here && (matches!(word, "from" | "join" | "update" | "into" | "using") || before.ends_with(',')) {
                places.push(at);
            }
        }
    }
    places.sort_unstable();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.' || c.is_ascii_digit();
    let ends = places.iter().skip(1).copied().chain([query.len()]);
    let mention = |(at, end): (&usize, usize)| {
        let rest = &query[*at..end];
        let (table, rest) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        let after = rest.trim_start().trim_start_matches("as ").trim_start();
        let alias = after.split(|c| !is_name(c)).next().unwrap_or_default();
        // a function of ours in the place of a table
        (!rest.starts_with('(')).then_some(Mention { table, alias, until_next: rest })
    };
    places.iter().zip(ends).filter_map(mention).collect()
}

/// The tables that a query reads or writes without saying of which school.
fn unbound<'q>(query: &'q str, tenants: &BTreeSet<String>) -> Vec<&'q str> {
    // by its alias anywhere, or without one before the next table
    let says_so = |mention: &Mention<'_>| {
        let qualified = format!("{}.school_code", mention.alias);
        let mut plain = mention.until_next.match_indices("school_code");
        plain.any(|(at, _)| !mention.until_next[..at].ends_with('.'))
            || (!mention.alias.is_empty() && query.contains(&qualified))
    };
    let mentions = mentions(query).into_iter().filter(|mention| tenants.contains(mention.table));
    mentions.filter(|mention| !says_so(mention)).map(|mention| mention.table).collect()
}

/// Every query of the programs that is checked when they are built.
pub(super) fn queries() -> Vec<String> {
    let files = fs::read_dir(workspace().join(".sqlx")).expect("the descriptions of the queries");
    let text = |path: std::path::PathBuf| {
        let described: serde_json::Value =
            serde_json::from_slice(&fs::read(path).expect("a readable file")).expect("JSON");
        described["query"].as_str().expect("a query").to_owned()
    };
    let paths = files.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).map(text).collect()
}

/// "No cross-school joins in hot paths": each table of a query is bound to a school, by itself or by the table it is
/// joined with.
#[tokio::test]
async fn every_query_says_of_which_school() {
    let city = City::up().await;
    let tenants: BTreeSet<String> = tenant_tables(&mut city.admin().await).await.into_iter().collect();
    let queries = queries();
    assert!(queries.len() > 150, "{} queries", queries.len());
    let mut declared = BTreeSet::new();
    for query in &queries {
        let unbound = unbound(query, &tenants);
        if unbound.is_empty() {
            continue;
        }
        let exception = ACROSS_SCHOOLS.iter().find(|(beginning, _)| query.trim_start().starts_with(beginning));
        assert!(exception.is_some(), "of which school is {unbound:?} in\n{query}");
        declared.extend(exception.map(|(beginning, _)| *beginning));
    }
    assert_eq!(declared.len(), ACROSS_SCHOOLS.len(), "an exception that is none any more: {declared:?}");
    let looked_at: usize = queries.iter().map(|query| mentions(query).len()).sum();
    assert!(looked_at > 350, "{looked_at} tables in queries");
}

#[test]
fn a_join_across_schools_is_found() {
    let tenants = BTreeSet::from(["school.student", "portfolio.outcome"].map(str::to_owned));
    for query in [
        "select 1 from school.student s join portfolio.outcome o on o.student_id = s.id where s.school_code = $1",
        "select 1 from school.student where id = $1",
        "update portfolio.outcome set x = 1 from school.student s where s.school_code = $1 and s.id = 1",
    ] {
        assert_eq!(unbound(query, &tenants).len(), 1, "{query}");
    }
    for query in [
        "select 1 from school.student s join portfolio.outcome o using (school_code) where s.school_code = $1",
        "select 1 from school.student s, portfolio.outcome o where s.school_code = $1 and o.school_code = s.school_code",
        "insert into portfolio.outcome (school_code, x) values ($1, 2)",
        "select 1 from school.school where true",
    ] {
        assert_eq!(unbound(query, &tenants), Vec::<&str>::new(), "{query}");
    }
}

/// "SET LOCAL, not set_config(), which does not reach the workers"; "school_code is never updated".
#[test]
fn sources_set_the_school_by_set_local_and_never_move_a_row() {
    let mut files = 0;
    let mut folders = vec![workspace().join("services"), workspace().join("shared")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = fs::read_to_string(&path).expect("a readable source");
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let words = line.to_lowercase();
                    assert!(!words.contains("select set_config"), "{}: {line}", path.display());
                    assert!(!words.contains("set session "), "{}: {line}", path.display());
                    let moves = words.contains(" set school_code =") && !words.contains(POSITION);
                    assert!(!moves, "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(files > 150, "{files} sources");
    for query in queries() {
        assert!(!query.contains("set school_code =") || query.starts_with(POSITION), "{query}");
    }
}

/// A reference table is on every machine and may not point at rows that are on one; and a tenant's table may point at it.
#[tokio::test]
async fn city_tables_refer_to_no_tenant() {
    let city = City::up().await;
    let found: Vec<(String, String)> = sqlx::query_as(
        "select cn.nspname || '.' || c.relname, fn.nspname || '.' || f.relname from pg_constraint k
           join pg_class c on c.oid = k.conrelid join pg_namespace cn on cn.oid = c.relnamespace
           join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace where k.contype = 'f'",
    )
    .fetch_all(&mut city.admin().await)
    .await
    .expect("the catalog");
    let is_city = |table: &str| CITY_TABLES.iter().any(|(city, _)| *city == table);
    let wrong: Vec<_> = found.iter().filter(|(child, parent)| is_city(child) && !is_city(parent)).collect();
    assert!(found.len() > 20 && wrong.is_empty(), "{wrong:?}");
}
