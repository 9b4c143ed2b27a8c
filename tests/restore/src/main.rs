//! Restores, tried: a city is backed up, parts of it are destroyed by its administrator, and every documented command
//! brings them back. Each is timed, and what came back is compared row by row.
//!
//! ```text
//! cargo build --workspace
//! cargo run -p local --bin components -- target/debug/restore
//! cargo run -p local --bin components -- target/debug/restore --students 320
//! ```
//!
//! The city lives in a PostgreSQL of its own, which archives its WAL with `licheng backup wal` as a server in
//! production does; files and backups lie in the components' storage. Prints a line for each thing that must hold
//! and exits with 1 when one doesn't. `cargo verify` runs the short form: the demo city's schools with 20 students
//! each, without the dry run, which takes as long as the run itself.

mod live;
mod rows;

use anyhow::{Context as _, Result, ensure};
use live::Live;
use rows::Prints;
use sqlx::PgConnection;
use std::{future::Future, process::ExitCode, time::Instant};

/// The school that things happen to: 中山女高 of the demo city.
const SCHOOL: &str = "343303";
/// Its neighbour, to which nothing may happen.
const NEIGHBOUR: &str = "353302";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed before");
    let form = Form::asked()?;
    let mut tally = Tally::default();
    let begun = Instant::now();
    let mut live = Live::start().await?;
    let done = campaign(&mut live, &mut tally, &form).await;
    live.stop().await?;
    done?;
    println!("{:<64} {:>6.1} s", "everything", begun.elapsed().as_secs_f64());
    println!("restore: {} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How much is tried.
struct Form {
    /// Of each of the six schools.
    students: String,
    long: bool,
}

impl Form {
    /// Short, or with `--students N` long.
    fn asked() -> Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Self { students: "20".to_owned(), long: false }),
            ["--students", number] => Ok(Self { students: number.to_owned(), long: true }),
            _ => anyhow::bail!("usage: restore [--students N]"),
        }
    }
}

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    /// One thing that must hold, and how long it took to find out.
    async fn check<T>(&mut self, what: &str, doing: impl Future<Output = Result<T>>) -> Option<T> {
        let begun = Instant::now();
        let done = doing.await;
        let seconds = begun.elapsed().as_secs_f64();
        match done {
            Ok(value) => {
                self.passed += 1;
                println!("{what:<64} {seconds:>6.1} s  ok");
                Some(value)
            }
            Err(error) => {
                self.failed += 1;
                println!("{what:<64} {seconds:>6.1} s  FAILED\n  {error:#}");
                None
            }
        }
    }
}

async fn campaign(live: &mut Live, tally: &mut Tally, form: &Form) -> Result<()> {
    live.run(&["migrate"]).await?;
    live.run(&["seed", "--demo", "--demo-students", &form.students]).await?;
    let mut admin = live.admin().await?;
    let student = rows::busiest_student(&mut admin, SCHOOL).await?;
    rows::write_audit(&mut admin, SCHOOL).await?;
    live.run(&["audit", "seal"]).await?;

    tally.check("base backup", live.run(&["backup", "run"])).await.context("nothing goes without a backup")?;
    rows::leave_message(&mut admin, SCHOOL, student.id, "before").await?;
    let at = rows::now(&mut admin).await?;
    let was = Was::now(&mut admin, student.id).await?;
    rows::leave_message(&mut admin, SCHOOL, student.id, "after").await?;
    licheng::backup::run::flush(&mut admin).await?;

    tally.check("the newest backup is listed with its rows", listed(live)).await;
    tally.check("verify: rows, audit and files of a restored copy", verified(live, &mut admin)).await;
    tally.check("verify refuses a copy that lacks a row", refused(live, &mut admin)).await;
    rows::destroy_student(&mut admin, SCHOOL, student.id).await?;
    ensure!(rows::of_student(&mut admin, SCHOOL, student.id).await? != was.student, "nothing was destroyed");
    if form.long {
        tally.check("restore student: a dry run keeps nothing", nothing(live, &mut admin, &student, &at)).await;
    }
    tally.check("restore student: all of one student at a moment", one(live, &mut admin, &student, &at, &was)).await;
    tally.check("restore school: a school that was gone at a moment", school(live, &mut admin, &at, &was)).await;
    tally.check("restore all: the server as it was at a moment", everything(live, &at, &was)).await;
    tally.check("prune keeps what the last days need", pruned(live)).await;
    Ok(())
}

/// How things were at the moment that is restored.
struct Was {
    student: Prints,
    school: Prints,
    neighbour: Prints,
}

impl Was {
    async fn now(admin: &mut PgConnection, student: i64) -> Result<Self> {
        Ok(Self {
            student: rows::of_student(admin, SCHOOL, student).await?,
            school: rows::of_school(admin, SCHOOL).await?,
            neighbour: rows::of_school(admin, NEIGHBOUR).await?,
        })
    }
}

async fn listed(live: &Live) -> Result<()> {
    let said = live.run(&["backup", "list"]).await?;
    ensure!(said.contains("DONE") && said.contains("restorable from") && said.contains("1 base backups"), "{said}");
    Ok(())
}

async fn proofs(admin: &mut PgConnection) -> Result<i64> {
    let proofs = "select count(*) from app.proof where kind = 'restore' and (detail ->> 'files')::int > 0
                    and (detail ->> 'audit_rows')::int > 0 and detail ->> 'archived_until' is not null";
    Ok(sqlx::query_scalar(proofs).fetch_one(admin).await?)
}

async fn verified(live: &Live, admin: &mut PgConnection) -> Result<()> {
    let said = live.run(&["backup", "verify", "--files", "20"]).await?;
    print!("{}", indented(&said));
    ensure!(proofs(admin).await? == 1, "the proof is not noted");
    Ok(())
}

/// The record says that there was one row more than there was.
async fn refused(live: &Live, admin: &mut PgConnection) -> Result<()> {
    let true_one = live.record().await?;
    let mut wrong = true_one.clone();
    for side in ["before", "after"] {
        let rows = &mut wrong["tables"]["portfolio.outcome"][side];
        *rows = (rows.as_i64().context("a count")? + 1_000_000).into();
    }
    live.put_record(&wrong).await?;
    let said = live.refused(&["backup", "verify", "--files", "1"]).await;
    live.put_record(&true_one).await?;
    let said = said?;
    ensure!(said.contains("portfolio.outcome has"), "refused for another reason: {said}");
    ensure!(proofs(admin).await? == 1, "a proof was noted all the same");
    Ok(())
}

async fn nothing(live: &Live, admin: &mut PgConnection, student: &rows::Student, at: &str) -> Result<()> {
    let before = rows::of_school(admin, SCHOOL).await?;
    let said = live.run(&["restore", "student", SCHOOL, &student.number, "--at", at, "--dry-run"]).await?;
    ensure!(said.contains("nothing was kept"), "{said}");
    rows::same(&before, &rows::of_school(admin, SCHOOL).await?)?;
    ensure!(rows::audited(admin, SCHOOL, "restore.student").await? == 0, "an audit row was kept");
    Ok(())
}

async fn one(live: &Live, admin: &mut PgConnection, student: &rows::Student, at: &str, was: &Was) -> Result<()> {
    let said = live.run(&["restore", "student", SCHOOL, &student.number, "--at", at]).await?;
    print!("{}", indented(&said));
    rows::same(&was.student, &rows::of_student(admin, SCHOOL, student.id).await?)?;
    rows::same(&was.neighbour, &rows::of_school(admin, NEIGHBOUR).await?)?;
    ensure!(rows::messages(admin, student.id).await? == ["before"], "not the moment that was asked for");
    let email = rows::email(admin, SCHOOL, student.id).await?;
    ensure!(email.as_deref() == Some(rows::LATER), "a row that was there was set back without being asked");
    ensure!(said.contains(" 0 lost"), "{said}");
    ensure!(rows::audited(admin, SCHOOL, "restore.student").await? == 1, "there must be one audit row");
    Ok(())
}

async fn school(live: &Live, admin: &mut PgConnection, at: &str, was: &Was) -> Result<()> {
    rows::destroy_school(admin, SCHOOL).await?;
    let said = live.run(&["restore", "school", SCHOOL, "--at", at, "--overwrite"]).await?;
    print!("{}", indented(&said));
    rows::same(&was.school, &rows::of_school(admin, SCHOOL).await?)?;
    rows::same(&was.neighbour, &rows::of_school(admin, NEIGHBOUR).await?)?;
    ensure!(rows::audited(admin, SCHOOL, "restore.school").await? == 1, "there must be one audit row");
    let audit = live.run(&["audit", "verify", "--school", SCHOOL]).await?;
    ensure!(audit.contains("whole") && said.contains(", whole"), "{audit}");
    Ok(())
}

async fn everything(live: &mut Live, at: &str, was: &Was) -> Result<()> {
    let folder = live.folder("everything");
    let said = live.run(&["restore", "all", &folder.display().to_string(), "--at", at]).await?;
    print!("{}", indented(&said));
    let mut server = live.second(&folder).await?;
    let mut admin = server.admin().await?;
    rows::same(&was.school, &rows::of_school(&mut admin, SCHOOL).await?)?;
    rows::same(&was.neighbour, &rows::of_school(&mut admin, NEIGHBOUR).await?)?;
    drop(admin);
    server.stop().await
}

async fn pruned(live: &Live) -> Result<()> {
    live.run(&["backup", "prune", "--days", "7"]).await?;
    listed(live).await
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
