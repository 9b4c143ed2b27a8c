//! The figures of the yearly loop: what a page, an upload and a submission cost.
//!
//! ```text
//! cargo build --workspace
//! cargo run -p local --bin components -- --data figures --fresh target/debug/figures
//! ```
//!
//! Seeds six schools of 1,000 students each, serves them in a process of its own, and prints a table.
//! CPU is that of the private components and of `licheng`; let the machine be otherwise idle.

use anyhow::{Context as _, Result, ensure};
use blob::samples;
use kernel::role::Role;
use load::{
    process::{self, Cost, Programs},
    site::Site,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The school that is measured: 中山女高 of the demo city.
const SCHOOL: &str = "343303";
/// Students of each school.
const STUDENTS: &str = "1000";
/// Requests for one page.
const REQUESTS: usize = 300;
/// Uploads of one size.
const UPLOADS: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed before");
    process::run(&["migrate"], &[])?;
    let seeding = Instant::now();
    process::run(&["seed", "--demo", "--demo-students", STUDENTS], &[])?;
    row("seed, 6 schools of 1,000 students", &format!("{:.1} s", seeding.elapsed().as_secs_f64()));
    let mut site = Site::serve().await?;
    let begun = site.memory()?;
    page(&mut site, "student's home page", Role::Student, &format!("/s/{SCHOOL}/home")).await?;
    page(&mut site, "certification queue", Role::CourseTeacher, &format!("/s/{SCHOOL}/certification")).await?;
    for mebibytes in [1, 4] {
        uploads(&mut site, mebibytes).await?;
    }
    submission(&mut site).await?;
    row("memory of serve --target all", &format!("{begun} MiB at first, {} MiB at the end", site.memory()?));
    site.stop();
    Ok(())
}

fn row(what: &str, figure: &str) {
    println!("{what:<44} {figure}");
}

/// CPU per request over all processes, statements per request, and the middle and slow request.
async fn page(site: &mut Site, what: &str, role: Role, path: &str) -> Result<()> {
    let person = site.log_in(role, SCHOOL, 0).await?;
    for _ in 0..20 {
        person.page(path).await?;
    }
    let statements = site.statements(|| person.page(path)).await?;
    let before = Programs::now()?;
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        person.page(path).await?;
        times.push(begun.elapsed());
    }
    let cost = Programs::now()?.since(&before).per(REQUESTS);
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1_000.0;
    row(what, &format!("{cost}; {statements} statements; p50 {:.1} ms, p95 {:.1} ms", at(50), at(95)));
    Ok(())
}

/// The whole way of a file: announced, sent to storage, verified, scanned, copied, receipted.
async fn uploads(site: &mut Site, mebibytes: usize) -> Result<()> {
    let mut times = Vec::new();
    let mut cost = Cost::default();
    for nth in 0..UPLOADS {
        let student = site.log_in(Role::Student, SCHOOL, 10 * mebibytes as i64 + nth as i64).await?;
        let outcome = site.new_outcome(&student, SCHOOL).await.context("an outcome to hold the file")?;
        let content = padded_pdf(mebibytes * 1024 * 1024, nth);
        let before = Programs::now()?;
        let begun = Instant::now();
        let plan: Value = student
            .post(
                &format!("/s/{SCHOOL}/files"),
                &json!({"owner": "outcome", "owner_id": outcome.to_string(), "slot": "document", "name": "figures.pdf", "size": content.len()}),
            )
            .await?;
        site.send_parts(&plan, &content).await?;
        let file = &plan["file_id"];
        student.post(&format!("/s/{SCHOOL}/files/{file}/completion"), &json!({})).await?;
        times.push(begun.elapsed());
        cost = cost + Programs::now()?.since(&before);
    }
    times.sort();
    let middle = times[times.len() / 2].as_secs_f64() * 1_000.0;
    row(
        &format!("upload of {mebibytes} MiB, saved in two copies"),
        &format!("p50 {middle:.0} ms; {}", cost.per(UPLOADS)),
    );
    Ok(())
}

/// A real PDF of exactly so many bytes: a comment before the trailer fills it, and makes each one different.
fn padded_pdf(size: usize, nth: usize) -> Vec<u8> {
    let title = format!("Figures {nth} of {size} bytes");
    let mut content = samples::pdf(&[title.as_str()]);
    let at = content.windows(9).rposition(|bytes| bytes == b"startxref").expect("a PDF says where its table is");
    let comment = size.saturating_sub(content.len() + 2);
    content.splice(at..at, [b"%".as_slice(), &vec![b'x'; comment], b"\n"].concat());
    content
}

/// The officer submits roster 26 by the interface; the central database fetches and checks every file.
async fn submission(site: &mut Site) -> Result<()> {
    site.close_windows(SCHOOL, "outcome_select").await?;
    let officer = site.log_in(Role::OutcomeSubmitter, SCHOOL, 0).await?;
    let begun = Instant::now();
    let batch = site.begin_batch(&officer, SCHOOL).await?;
    let mut built = None;
    loop {
        let (state, rows) = site.newest_batch(SCHOOL).await?;
        if built.is_none() && state == "built" {
            built = Some(begun.elapsed());
            officer.form(&format!("{batch}/notice"), &[]).await?;
        }
        if state == "receipt_ready" {
            let built = built.unwrap_or_default().as_secs_f64();
            let all = begun.elapsed().as_secs_f64();
            row(
                "submission of a school, 1,000 students",
                &format!("{rows} rows; built {built:.1} s; receipt after {all:.1} s"),
            );
            return Ok(());
        }
        ensure!(state != "rejected", "the central database rejected the roster");
        ensure!(begun.elapsed() < Duration::from_secs(300), "still {state} after five minutes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
