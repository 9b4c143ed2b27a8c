//! Issue 2 §3.1: "3,000 students with 60 course records each import in ≤ 60 s on two cores, memory ≤ 200 MiB".
//!
//! ```text
//! cargo build --workspace --all-targets
//! cargo run -p local --bin components -- --data bench --fresh bash -c '
//!   target/debug/licheng migrate &&
//!   target/debug/examples/import_bench "$LICHENG_DATABASE_ADMIN_URL" "$LICHENG_DATABASE_URL"'
//! ```
//! makes the workbook in a process of its own, imports it as svc_school, and says rows per second and peak memory.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use kernel::{actor::Context, clock::Clock, identity_number::NationalId, school::SchoolCode, secrets::Keys};
use rust_xlsxwriter::Workbook;
use school::{File, Importer};
use sqlx::Executor;
use std::{fmt::Write, time::Instant};

const STUDENTS: u64 = 3_000;
const COURSES: u64 = 60;
const SCHOOL: &str = "999999";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("write") {
        return scores(&arguments.next().context("a path")?);
    }
    let [admin, room] = [1, 2].map(|nth| std::env::args().nth(nth));
    let usage = "usage: import_bench <administrator's url> <url with {role}>";
    let (importer, ctx) = prepare(&admin.context(usage)?, &room.context(usage)?).await?;
    let students = Bytes::from(students());
    measure(&importer, &ctx, "students.csv", students, STUDENTS, false).await?;

    let path = std::env::temp_dir().join(format!("import_bench_{}.xlsx", std::process::id()));
    // writing a workbook takes more memory than reading one: it must not count
    let written = std::process::Command::new(std::env::current_exe()?).arg("write").arg(&path).status()?;
    anyhow::ensure!(written.success(), "the workbook could not be written");
    let workbook = Bytes::from(std::fs::read(&path)?);
    std::fs::remove_file(&path)?;
    println!("scores.xlsx: {:.1} MiB", workbook.len() as f64 / 1_048_576.0);
    measure(&importer, &ctx, "scores.xlsx", workbook, STUDENTS * COURSES, true).await
}

/// Checks, applies, checks again and takes back.
async fn measure(
    importer: &Importer,
    ctx: &Context,
    name: &str,
    bytes: Bytes,
    rows: u64,
    take_back: bool,
) -> Result<()> {
    let before = memory("VmRSS")?;
    let begun = Instant::now();
    // nothing is stored here: the sealed file is named, never opened
    let file = |bytes| File { name, bytes, sealed_sha256: [0; 32] };
    let id = importer.check(ctx, file(bytes.clone()), (115, 1)).await?;
    let checked = begun.elapsed();
    let counts = importer.counts(ctx, id).await?;
    anyhow::ensure!(counts.new as u64 == rows, "{name}: {counts:?}");
    importer.apply(ctx, id, bytes.clone()).await?;
    let all = begun.elapsed();
    let grown = memory("VmHWM")?.saturating_sub(before) / 1024;
    println!(
        "{name}: {rows} rows checked in {:.1} s, checked and applied in {:.1} s ({:.0} rows/s), memory grew by at most {grown} MiB",
        checked.as_secs_f64(),
        all.as_secs_f64(),
        rows as f64 / all.as_secs_f64()
    );
    let again = Instant::now();
    let second = importer.check(ctx, file(bytes), (115, 1)).await?;
    let counts = importer.counts(ctx, second).await?;
    anyhow::ensure!((counts.new, counts.changed, counts.unchanged as u64) == (0, 0, rows), "{name} again: {counts:?}");
    println!("{name}: the same file again: nothing to change, in {:.1} s", again.elapsed().as_secs_f64());
    if take_back {
        let begun = Instant::now();
        let rows = importer.revert(ctx, id).await?;
        println!("{name}: {rows} rows taken back in {:.1} s", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

/// A school without students, and an importer that logs in as the room does.
async fn prepare(admin: &str, room: &str) -> Result<(Importer, Context)> {
    let pool = sqlx::PgPool::connect(admin).await?;
    for table in ["import_undo", "import", "course_record", "student", "class"] {
        let delete = format!("delete from school.{table} where school_code = '{SCHOOL}'");
        pool.execute(sqlx::AssertSqlSafe(delete)).await?;
    }
    pool.execute(sqlx::AssertSqlSafe(format!(
        "insert into school.school (school_code, name, short_name, kind, ownership, on_city_sis, account_prefix)
         values ('{SCHOOL}', '測試高中', '測試', 'senior_high', 'municipal', true, 'bench') on conflict do nothing"
    )))
    .await?;
    pool.close().await;
    let db = store::Db::lazy(&room.replace("{role}", "svc_school"), 2)?;
    let school: SchoolCode = SCHOOL.parse()?;
    let ctx = Context::system(school, "bench".to_owned(), Clock::System.now());
    Ok((Importer::new(db, Keys::derive(&[7; 32])?), ctx))
}

fn students() -> String {
    let mut csv = String::from("national_id,birth_date,student_no,name,grade,class_code,class_name,seat_no,email\n");
    for n in 0..STUDENTS {
        let (grade, class, seat) = (n / 1000 + 1, n % 1000 / 40 + 1, n % 40 + 1);
        let id = NationalId::nth(n);
        writeln!(
            csv,
            "{},0981107,1150{n:04},學生{n},{grade},{grade}{class:02},{grade}年{class}班,{seat},s{n}@example.edu.tw",
            id.expose()
        )
        .expect("a string takes it");
    }
    csv
}

/// The agency's layout: 學期成績 with its remark columns.
fn scores(path: &str) -> Result<()> {
    const HEADINGS: &str = "身分證號,出生日期,課程代碼,科目名稱,開課年級,修課學分,學期學業成績,成績及格,補考成績,補考及格,是否採計學分,質性文字描述,備註(學生姓名),備註(資料當學期班級),備註(資料當學期座號),備註(資料當學期學號)";
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("學期成績")?;
    sheet.write_row(0, 0, HEADINGS.split(','))?;
    for n in 0..STUDENTS {
        for course in 0..COURSES {
            let row = u32::try_from(n * COURSES + course + 1)?;
            let code = format!("115{SCHOOL}H11101A1010{}", 100 + course);
            let score = (n * 7 + course * 13) % 61 + 40;
            let texts = [NationalId::nth(n).expose().to_owned(), "0981107".to_owned(), code[..23].to_owned()];
            sheet.write_row(row, 0, texts)?;
            sheet.write(row, 3, format!("科目{course}"))?.write(row, 4, n / 1000 + 1)?.write(row, 5, course % 5 + 1)?;
            sheet.write(row, 6, score)?.write(row, 7, u8::from(score >= 60))?.write(row, 8, -1)?.write(row, 9, -1)?;
            sheet.write(row, 10, 1)?.write(row, 12, format!("學生{n}"))?.write(
                row,
                13,
                format!("{}年級", n / 1000 + 1),
            )?;
            sheet.write(row, 14, n % 40 + 1)?.write(row, 15, format!("1150{n:04}"))?;
        }
    }
    book.save(path)?;
    Ok(())
}

/// A line of `/proc/self/status`, in KiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("Linux says so")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}
