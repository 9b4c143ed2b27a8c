//! A student's home page beside something else that does the same work.

use super::costs::{alone, made, must};
use crate::{
    Options,
    actions::{Action, Load},
    city::City,
    crowd::{Crowd, Wanted},
    modes::QUIET,
};
use anyhow::{Context as _, Result, ensure};
use load::process::{Cost, Programs};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// As many at once as the pool of a room has connections.
const CLIENTS: usize = 8;
/// How long each side is driven.
const LENGTH: Duration = Duration::from_secs(10);
/// Students whose pages pgbench asks for: each is a script of its own, and few enough that preparing them counts little.
const SAMPLE: i64 = 8;
/// Pages of which the cost is taken.
const PAGES: usize = 1_000;

/// Pages a second beside what pgbench reaches with their statements, in the same run.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) async fn pgbench(city: &mut City, options: &Options) -> Result<Vec<String>> {
    let load = Load::new(Crowd::gather(city, Wanted { each: 300, decisions: 1 }).await?, city);
    let logging = city.serve(("warn,web::layers::observe=info,sqlx::query=debug", "json")).await?;
    must(&load, Action::Home).await?;
    let before = made(&logging)?.len();
    must(&load, Action::Home).await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let statements = made(&logging)?.split_off(before);
    drop(logging);
    let folder = std::env::temp_dir().join(format!("deadline-pgbench-{}", std::process::id()));
    let scripts = scripts(city, &statements, &folder).await?;
    let _served = city.serve(QUIET).await?;
    pages(&load, Duration::from_secs(2)).await?;
    let before = Programs::now()?;
    let count = pages(&load, LENGTH).await?;
    let cost = Programs::now()?.since(&before).per(count);
    let pages = count as f64 / LENGTH.as_secs_f64();
    let transactions = run(city, &scripts)?;
    fs::remove_dir_all(folder)?;
    let share = pages / transactions;
    println!("each page             {cost}");
    println!("student's home        {pages:.0} pages a second with {CLIENTS} clients");
    println!(
        "pgbench, same SQL     {transactions:.0} transactions a second with {CLIENTS} clients, {} statements",
        statements.len()
    );
    println!("share                 {share:.2}");
    let missed = format!("{share:.2} of what pgbench reaches, at least {}", options.min_share);
    Ok(if share < options.min_share { vec![missed] } else { Vec::new() })
}

/// As many pages as so many clients get, one after the other each.
async fn pages(load: &Load, length: Duration) -> Result<usize> {
    let (done, until) = (Arc::new(AtomicUsize::new(0)), Instant::now() + length);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (load, done) = (load.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while Instant::now() < until {
                    must(&load, Action::Home).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }
    Ok(done.load(Ordering::Relaxed))
}

/// One script for each student of the sample: the transaction as the page makes it, parameters written out.
async fn scripts(city: &mut City, statements: &[String], folder: &Path) -> Result<Vec<PathBuf>> {
    ensure!(!statements.is_empty(), "the page's statements are not in the log");
    let students: Vec<(String, i64)> = sqlx::query_as(
        "select school_code, subject_id from identity.membership where role = 'student' order by hashint8(person_id) limit $1",
    )
    .bind(SAMPLE)
    .fetch_all(&mut city.admin)
    .await?;
    let year: i16 =
        sqlx::query_scalar("select max(academic_year) from school.window_period").fetch_one(&mut city.admin).await?;
    fs::create_dir_all(folder)?;
    let mut paths = Vec::new();
    for (nth, (school, student)) in students.iter().enumerate() {
        let mut script = format!("BEGIN READ ONLY;\nSET LOCAL app.school_code = '{school}';\n");
        for statement in statements {
            let statement = filled(statement, school, *student, year)?;
            writeln!(script, "{};", statement.split_whitespace().collect::<Vec<_>>().join(" "))?;
        }
        script.push_str("ROLLBACK;\n");
        let path = folder.join(format!("{nth}.sql"));
        fs::write(&path, script)?;
        paths.push(path);
    }
    Ok(paths)
}

/// A statement of the home page with its parameters written out: which they are is known by its tables. A statement that
/// is not known stops the comparison, so that it never compares something else.
fn filled(statement: &str, school: &str, student: i64, year: i16) -> Result<String> {
    let (school, student, year) = (format!("'{school}'"), student.to_string(), format!("{year}::smallint"));
    let (now, since) = ("now()", "now() - interval '400 days'");
    let known: [(&str, Vec<&str>); 2] = [
        ("with mine as", vec![school.as_str(), &student, &year, now, "array[]::smallint[]", "3"]),
        ("from school.student s", vec![school.as_str(), &student, since]),
    ];
    let parameters = known.into_iter().find(|(table, _)| statement.contains(table)).map(|(_, parameters)| parameters);
    let parameters = parameters.with_context(|| format!("not a known statement of the home page: {statement}"))?;
    let mut text = statement.to_owned();
    for (nth, value) in parameters.iter().enumerate().rev() {
        text = text.replace(&format!("${}", nth + 1), value);
    }
    ensure!(!text.contains('$'), "a parameter is not known: {text}");
    Ok(text)
}

/// Transactions a second of pgbench over prepared statements, as the room's own role.
fn run(city: &City, scripts: &[PathBuf]) -> Result<f64> {
    let url = url::Url::parse(&city.database_url("portfolio")?)?;
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1"]);
    pgbench.args(["--client", &CLIENTS.to_string(), "--time", &LENGTH.as_secs().to_string()]);
    for script in scripts {
        pgbench.arg("--file").arg(script);
    }
    let host = url.host_str().context("a host in the database's URL")?;
    pgbench.args(["--host", host, "--port", &url.port().unwrap_or(5432).to_string(), "--username", url.username()]);
    pgbench.arg(url.path().trim_start_matches('/')).env("PGPASSWORD", url.password().unwrap_or_default());
    let output = pgbench.output().context("pgbench (Debian: postgresql-contrib, or beside initdb)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(text.contains("number of failed transactions: 0 "), "pgbench failed in part: {text}");
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench says no rate")?;
    Ok(rate.split(' ').next().unwrap_or_default().parse()?)
}

/// The cost of a student's home in this city, and in a city that is one school of the same size.
pub(crate) async fn one_school(city: &mut City, options: &Options) -> Result<Vec<String>> {
    let students = options.students / options.schools.max(1);
    let mut small = City::prepare(1, students).await?;
    let mut costs = Vec::new();
    // in turns, so that what the machine does otherwise meets both
    for _ in 0..2 {
        for (city, schools) in [(&mut small, 1), (&mut *city, options.schools)] {
            let cost = home(city).await?;
            println!("student's home, {schools:>3} schools   {cost}");
            costs.push(cost.of_the_system());
        }
    }
    let growth = (costs[1] + costs[3]) / (costs[0] + costs[2]);
    println!("growth                        {growth:.2}");
    let missed = format!("{growth:.2} times the cost in one school, at most {}", options.max_growth);
    Ok(if growth > options.max_growth { vec![missed] } else { Vec::new() })
}

async fn home(city: &mut City) -> Result<Cost> {
    let load = Load::new(Crowd::gather(city, Wanted { each: 500, decisions: 1 }).await?, city);
    let _served = city.serve(QUIET).await?;
    let rest = Programs::at_rest().await?;
    Ok(alone(&load, Action::Home, PAGES, &rest).await?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_out_and_strangers_stop_the_comparison() {
        let known = filled("select 1 from school.student s where a = $1 and b = $2", "343303", 7, 115).unwrap();
        assert_eq!(known, "select 1 from school.student s where a = '343303' and b = 7");
        assert!(filled("select $1 from elsewhere", "343303", 7, 115).is_err());
        assert!(filled("select $9 from school.student s", "343303", 7, 115).is_err());
    }
}
