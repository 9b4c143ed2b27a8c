//! Who may do what with which table, as a text that a person can read and a change has to touch.

use super::expect_file;
use std::collections::BTreeMap;
use testkit::City;

/// One privilege: object, role, privilege, column (empty: the whole object).
type Privilege = (String, String, String, String);

const PRIVILEGES: &str = "
  with ours as (
    select c.oid, n.nspname || '.' || c.relname as name, c.relacl, c.relowner, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('app', 'school', 'identity', 'portfolio', 'certification', 'counseling', 'submission', 'bureau')
      and c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition),
  granted as (
    select name, relowner, a.grantee, a.privilege_type, '' as column_name, 0 as place
    from ours, aclexplode(relacl) a
    union all
    select name, relowner, a.grantee, a.privilege_type, t.attname::text, t.attnum
    from ours join pg_attribute t on t.attrelid = ours.oid and t.attnum > 0, aclexplode(t.attacl) a)
  select name, case when grantee = 0 then 'everybody' else grantee::regrole::text end, lower(privilege_type), column_name
  from granted where grantee <> relowner
  order by name, 2, privilege_type, place";

#[tokio::test]
async fn grants_are_as_declared() {
    let city = City::up().await;
    let privileges: Vec<Privilege> =
        sqlx::query_as(PRIVILEGES).fetch_all(&mut city.admin().await).await.expect("the catalog");
    for (object, role, privilege, _) in &privileges {
        assert!(role.starts_with("svc_"), "{object}: {privilege} for {role}");
        // tenancy §9: TRUNCATE does not know row-level security
        assert!(
            !["truncate", "references", "trigger"].contains(&privilege.as_str()),
            "{object}: {privilege} for {role}"
        );
    }
    expect_file("grants.txt", &rendered(&privileges));
}

fn rendered(privileges: &[Privilege]) -> String {
    let mut lines: BTreeMap<(&str, &str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for (object, role, privilege, column) in privileges {
        let columns = lines.entry((object, role)).or_default().entry(privilege).or_default();
        if !column.is_empty() {
            columns.push(column);
        }
    }
    let mut text =
        String::from("# What each service's database role may do. Written by a test, see house/grants.rs.\n");
    let mut last = "";
    for ((object, role), granted) in lines {
        if object != last {
            text.push_str(&format!("\n{object}\n"));
            last = object;
        }
        let granted: Vec<String> = granted
            .into_iter()
            .map(|(privilege, columns)| match columns.as_slice() {
                [] => privilege.to_owned(),
                columns => format!("{privilege} ({})", columns.join(", ")),
            })
            .collect();
        text.push_str(&format!("  {role:<20} {}\n", granted.join(", ")));
    }
    text
}
