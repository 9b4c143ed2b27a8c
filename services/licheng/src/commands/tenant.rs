//! `licheng tenant …`: the schools of the city.

use anyhow::{Context as _, Result};
use kernel::{clock::Clock, school::SchoolCode};
use ops::config::Admin;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What to do with schools.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Every school, with its students.
    List,
    /// A new school: empty, ready for its first import.
    Create(NewSchool),
}

/// A school to be taken in.
#[derive(clap::Args, Debug)]
pub struct NewSchool {
    /// The Ministry's six-character code.
    code: SchoolCode,
    /// The full name.
    name: String,
    /// The name in short, as pages show it.
    #[arg(long)]
    short_name: Option<String>,
    /// `senior_high`, `vocational`, `vocational_continuing`, …
    #[arg(long, default_value = "senior_high")]
    kind: String,
    /// `municipal`, `private` or `national`: membership is an attribute, not read off the code (domain §2.5).
    #[arg(long, default_value = "municipal")]
    ownership: String,
    /// Its courses count periods (進修部), not credits.
    #[arg(long)]
    periods: bool,
    /// Its data comes from the city's SIS.
    #[arg(long)]
    on_city_sis: bool,
    /// What stands before the student number in login names (F-009).
    #[arg(long)]
    account_prefix: String,
}

/// Runs the action as the administrator: schools are the city's, no service may make one.
pub async fn run(action: Action) -> Result<()> {
    let admin = Admin::from_env()?;
    let mut connection =
        PgConnection::connect(admin.database_url.expose()).await.context("connecting as the administrator")?;
    match action {
        Action::List => list(&mut connection).await,
        Action::Create(school) => create(&mut connection, &school).await,
    }
}

async fn list(connection: &mut PgConnection) -> Result<()> {
    let schools: Vec<(String, String, i64)> = sqlx::query_as(
        "select s.school_code, s.name, (select count(*) from school.student t where t.school_code = s.school_code)
         from school.school s order by 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (code, name, students) in &schools {
        println!("{code}  {students:>6}  {name}");
    }
    println!("{} schools", schools.len());
    Ok(())
}

async fn create(connection: &mut PgConnection, school: &NewSchool) -> Result<()> {
    let mut tx = connection.begin().await?;
    // the administrator need not be a superuser: row-level security holds for the audit
    // SET takes no parameters; the code can only hold [0-9A-Z]
    let tenant = format!("set local app.school_code = '{}'", school.code);
    sqlx::query(AssertSqlSafe(tenant)).execute(&mut *tx).await?;
    sqlx::query(
        "insert into school.school (school_code, name, short_name, kind, ownership, unit_kind, on_city_sis, account_prefix)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(school.code.as_str())
    .bind(&school.name)
    .bind(school.short_name.as_ref().unwrap_or(&school.name))
    .bind(&school.kind)
    .bind(&school.ownership)
    .bind(if school.periods { "period" } else { "credit" })
    .bind(school.on_city_sis)
    .bind(school.account_prefix.to_lowercase())
    .execute(&mut *tx)
    .await
    .with_context(|| format!("creating {}", school.code))?;
    audit(&mut tx, school).await.context("writing the audit")?;
    tx.commit().await?;
    println!("{} {} is created; its office can import its rosters now", school.code, school.name);
    Ok(())
}

/// The school's first audit row. By hand, because no service's role may make a school, and so no tenant transaction.
async fn audit(tx: &mut PgConnection, school: &NewSchool) -> Result<(), sqlx::Error> {
    let after = json!({
        "name": school.name, "kind": school.kind, "ownership": school.ownership, "on_city_sis": school.on_city_sis,
    });
    sqlx::query(
        "insert into app.audit (school_code, at, actor_subject, transaction, action, entity, after, request_id)
         values ($1, $2, 'system', 'licheng.tenant.create', 'tenant.create', 'school', $3, $4)",
    )
    .bind(school.code.as_str())
    .bind(Clock::System.now())
    .bind(after)
    .bind(format!("cli-{}", std::process::id()))
    .execute(tx)
    .await
    .map(drop)
}
