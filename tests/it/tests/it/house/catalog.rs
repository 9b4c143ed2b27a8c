//! Tenancy in the catalog (design §3, tenancy §9): every tenant table has the key, the policy and the owner.

use super::workspace;
use sqlx::PgConnection;
use testkit::City;

/// Tables with a school code that are no tenant's, each with its reason. Small, on every machine under Citus.
pub(super) const CITY_TABLES: &[(&str, &str)] = &[
    ("school.school", "the list of the tenants itself"),
    ("school.ruleset", "the city's numbers"),
    ("submission.roster_template", "the Ministry's layouts"),
    ("bureau.window_proposal", "the bureau's own letters; a school holds its copy in school.window_proposal"),
    ("bureau.outage", "an outage is the city's"),
    ("bureau.outage_school", "which schools the city's outage hit"),
    ("identity.person", "a person is city-wide, a login comes before a tenant"),
    ("identity.account", "a login comes before a tenant"),
    ("identity.membership", "says which tenants a login may choose from"),
    ("identity.temporary_account", "a login comes before a tenant"),
    ("app.scrub", "one pass goes through all schools"),
    ("app.proof", "a backup holds all schools"),
    ("app.health", "the system's health in numbers, no school's"),
];

/// Indexes that don't begin with the school, each with its reason.
const ACROSS_SCHOOLS: &[(&str, &str)] = &[("app.job_due", "the relay reads all schools")];

/// Every schema of ours.
pub(super) const SCHEMA_NAMES: [&str; 8] =
    ["app", "school", "identity", "portfolio", "certification", "counseling", "submission", "bureau"];

const SCHEMAS: &str =
    "('app', 'school', 'identity', 'portfolio', 'certification', 'counseling', 'submission', 'bureau')";

/// Every relation `c` in schema `n` of ours.
fn ours(what: &str, condition: &str) -> String {
    format!(
        "select {what} from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in {SCHEMAS} and {condition} order by 1"
    )
}

async fn texts(admin: &mut PgConnection, sql: String) -> Vec<String> {
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.clone())).fetch_all(admin).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// `schema.table` of every table that is no city table and no partition.
pub(crate) async fn tenant_tables(admin: &mut PgConnection) -> Vec<String> {
    let tables = ours("n.nspname || '.' || c.relname", "c.relkind in ('r', 'p') and not c.relispartition");
    let tables = texts(admin, tables).await;
    tables.into_iter().filter(|table| CITY_TABLES.iter().all(|(city, _)| city != table)).collect()
}

#[tokio::test]
async fn every_table_is_a_tenants_or_declared_the_citys() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let tenants = tenant_tables(&mut admin).await;
    assert!(tenants.len() > 30, "{tenants:?}");
    // the key: text, collated "C", never null, as the pitfalls of tenancy §9 want it
    let keyed = ours(
        "n.nspname || '.' || c.relname",
        "exists (select from pg_attribute a join pg_collation l on l.oid = a.attcollation
                  where a.attrelid = c.oid and a.attname = 'school_code' and a.attnotnull
                    and a.atttypid = 'text'::regtype and l.collname = 'C')",
    );
    let keyed = texts(&mut admin, keyed).await;
    for table in &tenants {
        assert!(keyed.contains(table), "{table} has no school_code text collate \"C\" not null");
    }
    for (table, reason) in CITY_TABLES {
        let found: bool = sqlx::query_scalar("select to_regclass($1) is not null")
            .bind(table)
            .fetch_one(&mut admin)
            .await
            .expect("the catalog");
        assert!(found, "{table} ({reason}) is declared and not there");
    }
}

/// Table, name, command, the condition on rows read and on rows written.
type Policy = (String, String, String, Option<String>, Option<String>);

#[tokio::test]
async fn every_tenant_table_is_guarded_by_its_policy() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let own_school = "(school_code = current_setting('app.school_code'::text, true))";
    for table in tenant_tables(&mut admin).await {
        let (enabled, forced): (bool, bool) =
            sqlx::query_as("select relrowsecurity, relforcerowsecurity from pg_class where oid = $1::text::regclass")
                .bind(&table)
                .fetch_one(&mut admin)
                .await
                .expect("the table");
        assert!(enabled && forced, "{table}: row-level security must be enabled and forced");
        let policies: Vec<Policy> = sqlx::query_as(
            "select policyname::text, permissive, cmd, qual, with_check from pg_policies
             where schemaname || '.' || tablename = $1 and roles = '{public}'",
        )
        .bind(&table)
        .fetch_all(&mut admin)
        .await
        .expect("the policies");
        let [(name, permissive, command, qual, with_check)] = policies.as_slice() else {
            panic!("{table}: one policy for everybody, found {policies:?}");
        };
        assert_eq!((name.as_str(), permissive.as_str(), command.as_str()), ("tenant", "PERMISSIVE", "ALL"), "{table}");
        assert_eq!(qual.as_deref(), Some(own_school), "{table}");
        assert_eq!(with_check.as_deref(), Some(own_school), "{table}");
    }
    // a partition can be named directly, so it needs the guard as well
    let open = ours(
        "c.relname::text",
        "c.relispartition and c.relkind = 'r' and not (c.relrowsecurity and c.relforcerowsecurity)",
    );
    assert_eq!(texts(&mut admin, open).await, Vec::<String>::new(), "unguarded partitions");
}

#[tokio::test]
async fn keys_and_indexes_begin_with_the_school() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let tenants = tenant_tables(&mut admin).await;
    let first = |table: &str, column: &str| {
        format!("(select attname from pg_attribute where attrelid = {table} and attnum = {column}[1])")
    };
    let constraints = format!(
        "select n.nspname || '.' || c.relname, k.conname::text, k.contype::text, {}::text,
                case when k.confrelid <> 0 then (select fn.nspname || '.' || f.relname from pg_class f
                  join pg_namespace fn on fn.oid = f.relnamespace where f.oid = k.confrelid) end, {}::text
         from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in {SCHEMAS} and k.contype in ('p', 'u', 'f') and not c.relispartition",
        first("k.conrelid", "k.conkey"),
        first("k.confrelid", "k.confkey")
    );
    type Constraint = (String, String, String, String, Option<String>, Option<String>);
    let constraints: Vec<Constraint> =
        sqlx::query_as(sqlx::AssertSqlSafe(constraints)).fetch_all(&mut admin).await.expect("the constraints");
    for table in &tenants {
        let own: Vec<&Constraint> = constraints.iter().filter(|constraint| constraint.0 == *table).collect();
        assert!(own.iter().any(|constraint| constraint.2 == "p"), "{table} has no primary key");
        for (_, name, kind, begins_with, parent, parents_begins_with) in own {
            let parent_is_city = parent.as_ref().is_some_and(|parent| !tenants.contains(parent));
            if kind == "f" && parent_is_city {
                continue;
            }
            assert_eq!(begins_with, "school_code", "{table}: {name}");
            if kind == "f" {
                assert_eq!(parents_begins_with.as_deref(), Some("school_code"), "{table}: {name}");
            }
        }
    }
    let elsewhere = format!(
        "select n.nspname || '.' || x.relname from pg_index i
         join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
         join pg_namespace n on n.oid = c.relnamespace
         left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
         where n.nspname in {SCHEMAS} and not c.relispartition and a.attname is distinct from 'school_code'
           and n.nspname || '.' || c.relname = any(array['{}']) order by 1",
        tenants.join("', '")
    );
    let declared: Vec<&str> = ACROSS_SCHOOLS.iter().map(|(index, _)| *index).collect();
    assert_eq!(texts(&mut admin, elsewhere).await, declared);
}

/// Citus refuses triggers on distributed tables; owners and views that see everything would be holes.
#[tokio::test]
async fn nothing_runs_or_sees_behind_the_policies_back() {
    let city = City::up().await;
    let mut admin = city.admin().await;
    let triggers = "select tgname::text from pg_trigger where not tgisinternal".to_owned();
    assert_eq!(texts(&mut admin, triggers).await, Vec::<String>::new(), "triggers");
    let strangers = ours("c.relname || ' of ' || c.relowner::regrole", "c.relowner <> 'licheng_owner'::regrole");
    assert_eq!(texts(&mut admin, strangers).await, Vec::<String>::new(), "not owned by licheng_owner");
    let seeing_all = ours(
        "c.relname::text",
        "(c.relkind = 'm' or c.relkind = 'v' and not coalesce('security_invoker=true' = any(c.reloptions), false))",
    );
    assert_eq!(texts(&mut admin, seeing_all).await, Vec::<String>::new(), "views that see with their owner's eyes");
    let definer = format!(
        "select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname in {SCHEMAS} and p.prosecdef order by 1"
    );
    assert_eq!(texts(&mut admin, definer).await, ["app.ensure_audit_partitions"], "functions that act as their owner");
    let mighty = "select rolname::text from pg_roles where (rolname like 'svc\\_%' or rolname = 'licheng_owner')
                  and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication)";
    assert_eq!(texts(&mut admin, mighty.to_owned()).await, Vec::<String>::new(), "roles that can more than they may");
    let members = "select member::regrole::text from pg_auth_members where member::regrole::text like 'svc\\_%'";
    assert_eq!(texts(&mut admin, members.to_owned()).await, Vec::<String>::new(), "service roles inherit from nobody");
}

/// Components, Citus: "a distribute helper after each CREATE TABLE", before anything refers to the table.
#[test]
fn every_created_table_is_distributed_at_once() {
    let folder = workspace().join("migrations");
    let mut tables = 0;
    for entry in std::fs::read_dir(&folder).expect("the migrations") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a readable migration");
        // our own statements begin at the margin; those inside functions are indented
        for (at, _) in text.match_indices("\ncreate table ") {
            let statement = &text[at + "\ncreate table ".len()..];
            // its columns are indented and may have comments; its end stands at the margin
            let end = statement.find("\n)").map_or(0, |end| end + 1);
            let end = end + statement[end..].find(';').expect("a statement ends");
            let (head, rest) = (&statement[..end], &statement[end + 1..]);
            let table = head.split_whitespace().next().expect("a name");
            if head.contains(" partition of ") {
                continue; // goes where its parent goes
            }
            tables += 1;
            let next = rest.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("--"));
            let next = next.unwrap_or_default();
            let (tenant, shared) =
                (format!("select app.tenant_table('{table}')"), format!("select app.city_table('{table}')"));
            assert!(
                next.starts_with(&tenant) || next.starts_with(&shared),
                "{}: {table} is followed by {next:?}",
                path.display()
            );
        }
    }
    assert!(tables > 35, "{tables} tables");
}
