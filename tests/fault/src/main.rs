//! The fault campaign: nothing acknowledged is lost, whatever dies (issue 3 §2).
//!
//! ```text
//! cargo build --workspace && target/debug/fault                  # 200 faults, some twenty minutes
//! target/debug/fault --faults 20 --longest 2 --pause 0.8         # as in cargo verify
//! target/debug/fault --seed 7                                    # the same faults in the same order
//! ```
//!
//! Brings up components of its own with the demo city, every room and the worker as a process of its own, and our own
//! proxies before and between them. People log in over the log-in page and work all the time: students make outcomes,
//! upload over presigned URLs, send and select; teachers decide; officers submit to the central database's simulator;
//! others read pages of every room. Each notes in a journal what is asked and what was answered. Meanwhile processes are
//! killed and frozen, connections cut in mid-body, Redis emptied, the disk filled, and a worker runs on a false clock.
//! Afterwards a reader that shares no code with the application compares the journal with the database and both buckets.
//! Prints a table; ends with 1 when a bound is missed.
//!
//! Filling the disk takes root (a small tmpfs is mounted over the data folder), and the false clock takes libfaketime.

mod dice;
mod faults;
mod journal;
mod objects;
mod person;
mod players;
mod reader;
mod stage;
mod wire;

use anyhow::{Context as _, Result};
use clap::Parser;
use dice::Dice;
use faults::{Fault, Pace};
use journal::Journal;
use kernel::calendar::{AcademicYear, taipei_date};
use kernel::clock::Clock;
use local::{FAULTS, Options, Progress, install_missing, until_interrupted};
use person::Street;
use players::{Game, Pupil, Staff};
use reader::Finding;
use sqlx::{Connection, PgConnection, Row as _};
use stage::Stage;
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// Schools whose students and teachers work.
const SCHOOLS: [&str; 4] = ["343303", "393401", "413401", "331302"];
/// The school that submits all the time.
const SUBMITTER: &str = "353302";
/// Clients of each kind.
const STUDENTS: usize = 5;
const TEACHERS: usize = 2;
const READERS: usize = 2;
/// How long clients may take to finish what they began.
const FINISH: Duration = Duration::from_secs(400);
/// The longest that the next inquiry about a batch is put off, in seconds: 15, and what a slow answer of the database
/// adds to a false clock.
const INQUIRY: i64 = 20;
/// How long until somebody gets a result again after a fault.
const RECOVERY: Duration = Duration::from_secs(30);

/// Kills, freezes, cuts, fills and empties under load, and counts what was lost.
#[derive(Parser)]
struct Arguments {
    /// How many faults
    #[arg(long, default_value_t = 200)]
    faults: usize,
    /// Repeats the faults of a run that printed this number
    #[arg(long)]
    seed: Option<u64>,
    /// The name of the data folder under the target folder
    #[arg(long, default_value = "fault")]
    data: String,
    /// The longest that anything is frozen, in seconds
    #[arg(long, default_value_t = 10.0)]
    longest: f64,
    /// The longest pause between two faults, in seconds
    #[arg(long, default_value_t = 3.0)]
    pause: f64,
    /// Has what waits for its next try tried at once when the faults are over, instead of waiting minutes
    #[arg(long)]
    hurry: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed before");
    let progress = Progress::to_terminal();
    install_missing(FAULTS, &progress)?;
    let mut options = Options::in_target(&arguments.data)?;
    options.fresh = true;
    options.storage_apart = true;
    // this campaign kills what it runs on: never components of somebody else
    options.environment.retain(|name, _| !name.starts_with("LICHENG_") && !name.starts_with("LOCAL_"));
    let stage = Stage::build(&options, &progress).await?;
    let outcome = tokio::select! {
        outcome = campaign(&stage, &arguments, &progress) => outcome,
        interrupted = until_interrupted() => interrupted.and_then(|()| anyhow::bail!("interrupted")),
    };
    stage.end().await?;
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything; whether all bounds hold.
async fn campaign(stage: &Arc<Stage>, arguments: &Arguments, progress: &Progress) -> Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| Clock::System.now().unix_timestamp().unsigned_abs() % 1_000_000);
    println!("seed {seed}");
    let mut admin = PgConnection::connect(&stage.env["LICHENG_DATABASE_ADMIN_URL"]).await?;
    let game = Arc::new(cast(stage, &mut admin, seed).await?);
    let teachers = teachers(&mut admin).await?;
    let since: OffsetDateTime = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut admin).await?;
    // the database will be killed: no connection of ours is to feel it
    admin.close().await?;
    let supervisor = tokio::spawn(Arc::clone(stage).supervise());
    let mut playing = play(&game, teachers);

    let dice = Dice::new(seed);
    let faults = faults::draw(arguments.faults, stage.has_disk, &dice);
    let pace =
        Pace { longest: Duration::from_secs_f64(arguments.longest), pause: Duration::from_secs_f64(arguments.pause) };
    let begun = Instant::now();
    let watching = tokio::spawn(longest_silence(Arc::clone(&game)));
    let furthest = Arc::new(AtomicI64::new(0));
    let looking_ahead = tokio::spawn(look_ahead(stage.env.clone(), Arc::clone(&furthest)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    faults::rain(stage, &faults, pace, &dice, |what| progress.say(what)).await?;
    let rained = begun.elapsed();

    progress.say("the faults are over; everybody finishes what was begun");
    game.over.store(true, Ordering::Relaxed);
    let finished = tokio::time::timeout(FINISH, async {
        tokio::select! {
            () = async { while playing.join_next().await.is_some() {} } => {}
            () = hurry(&stage.env), if arguments.hurry => {}
        }
    });
    drop(finished.await);
    let stuck = playing.len();
    playing.abort_all();
    let silence = watching.await?;
    progress.say("the worker finishes its queue");
    let queued = drain(&stage.env, arguments.hurry).await?;
    looking_ahead.abort();
    progress.say("the reader looks at the copies, and the scrubber heals them");
    let (damaged, readable) = reader::damage(&stage.env).await?;
    scrub(stage)?;
    progress.say("the reader compares");
    let mut findings = vec![readable];
    findings.extend(reader::compare(&stage.env, game.journal.path(), since).await?);
    findings.push(chain(stage)?);
    supervisor.abort();
    findings.extend(answers(&game, stage, stuck, silence, queued));
    findings.push(put_off(furthest.load(Ordering::Relaxed)));
    print_faults(&faults, rained, &game);
    println!("{:<44} {damaged}", "copies that the storage damaged, and healed");
    Ok(print(&findings))
}

/// The people, from the roster as seeded: who is who is arranged, what they do is not.
async fn cast(stage: &Stage, admin: &mut PgConnection, seed: u64) -> Result<Game> {
    let origin = stage.env["LICHENG_ORIGIN"].clone();
    let address = stage.env["LICHENG_LISTEN"].parse().context("the address of the front")?;
    let street = Street::new(origin, address, Arc::clone(&stage.weather))?;
    let name = format!("{}.journal", stage.data.file_name().unwrap_or_default().to_string_lossy());
    let journal = Journal::begin(stage.data.with_file_name(name))?;
    // the selection of the submitting school is over, as before a real submission
    sqlx::query(
        "update school.window_period set closes_at = now() - interval '1 minute'
          where school_code = $1 and kind = 'outcome_select' and closes_at > now()",
    )
    .bind(SUBMITTER)
    .execute(&mut *admin)
    .await?;
    let rows = sqlx::query(
        "select min(a.login), c.school_code, c.student_id, array_agg(distinct c.id)
           from school.course_record c
           join school.window_period w on w.school_code = c.school_code and w.kind = 'outcome_upload'
                and w.academic_year = c.academic_year and w.term = c.term and now() between w.opens_at and w.closes_at
           join identity.membership m on m.school_code = c.school_code and m.role = 'student' and m.subject_id = c.student_id
           join identity.account a on a.person_id = m.person_id
          where c.school_code = any($1) and c.credits > 0 and c.withdrawn_at is null
          group by c.school_code, c.student_id having count(*) > 1 order by md5(c.student_id::text)",
    );
    let rows = rows.bind(SCHOOLS.as_slice()).fetch_all(admin).await?;
    let pupils = rows.into_iter().map(|row| {
        let mut courses: Vec<i64> = row.get(3);
        courses.truncate(3);
        Pupil { login: row.get(0), school: row.get(1), id: row.get(2), courses }
    });
    Ok(Game::new(street, journal, seed, pupils.collect()))
}

async fn teachers(admin: &mut PgConnection) -> Result<Vec<Staff>> {
    let rows = sqlx::query(
        "select min(a.login), m.school_code from identity.membership m
           join identity.account a on a.person_id = m.person_id
          where m.role = 'course_teacher' and m.school_code = any($1)
            and exists (select from certification.desk d where d.school_code = m.school_code and d.staff_id = m.subject_id)
          group by m.school_code, m.person_id order by md5(m.person_id::text)",
    );
    let rows = rows.bind(SCHOOLS.as_slice()).fetch_all(admin).await?;
    Ok(rows.into_iter().map(|row| Staff { login: row.get(0), school: row.get(1) }).collect())
}

fn play(game: &Arc<Game>, teachers: Vec<Staff>) -> JoinSet<()> {
    let mut playing = JoinSet::new();
    for _ in 0..STUDENTS {
        playing.spawn(players::student(Arc::clone(game)));
    }
    for n in 0..TEACHERS {
        let own = teachers.iter().skip(n).step_by(TEACHERS).cloned().collect();
        playing.spawn(players::teacher(Arc::clone(game), own));
    }
    let year = AcademicYear::of_date(taipei_date(Clock::System.now())).to_string();
    let officer = Staff { login: format!("s{}o01", SUBMITTER.to_lowercase()), school: SUBMITTER.to_owned() };
    playing.spawn(players::officer(Arc::clone(game), officer, year));
    for _ in 0..READERS {
        playing.spawn(players::reader(Arc::clone(game)));
    }
    playing
}

/// The longest time in which nobody got any result.
async fn longest_silence(game: Arc<Game>) -> Duration {
    let mut longest = Duration::ZERO;
    let begun = Instant::now();
    while !game.over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let last = *game.street.tally.last_result.lock().expect("nobody panics while holding it");
        longest = longest.max(last.unwrap_or(begun).elapsed());
    }
    longest
}

/// Keeps in `furthest` for how many seconds the next inquiry about a batch was put off at most.
async fn look_ahead(env: BTreeMap<String, String>, furthest: Arc<AtomicI64>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Ok(mut admin) = PgConnection::connect(&env["LICHENG_DATABASE_ADMIN_URL"]).await else { continue };
        // until the database is killed, or says nothing more
        while let Ok(Ok(seconds)) =
            tokio::time::timeout(Duration::from_secs(30), sqlx::query_scalar(PUT_OFF).fetch_one(&mut admin)).await
        {
            furthest.fetch_max(seconds, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

const PUT_OFF: &str = "select coalesce(ceil(max(extract(epoch from run_at - now()))), 0)::bigint from app.job
                        where kind = 'submission.poll' and attempts = 0";

/// A worker with a false clock puts nothing off by as much as it is false.
fn put_off(seconds: i64) -> Finding {
    let wrong = if seconds > INQUIRY { vec![format!("by {seconds} s")] } else { Vec::new() };
    Finding { what: "no inquiry was put off by a false clock", of: 1, wrong }
}

/// What waits for its next try is tried at once.
const HURRY: &str = "update app.job set run_at = least(run_at, now()), published_at = null
                      where dead_at is null and (attempts > 0 or published_at < now() - interval '10 seconds')";

/// Hurries what people wait for, for ever.
async fn hurry(env: &BTreeMap<String, String>) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        if let Ok(mut admin) = PgConnection::connect(&env["LICHENG_DATABASE_ADMIN_URL"]).await {
            drop(sqlx::query(HURRY).execute(&mut admin).await);
        }
    }
}

/// Waits until nothing is left to be done; says how long the queue took.
async fn drain(env: &BTreeMap<String, String>, hurry: bool) -> Result<Duration> {
    let mut admin = PgConnection::connect(&env["LICHENG_DATABASE_ADMIN_URL"]).await?;
    let begun = Instant::now();
    // the longest pause between two tries of a job is ten minutes
    while begun.elapsed() < Duration::from_secs(13 * 60) {
        let left: i64 =
            sqlx::query_scalar("select count(*) from app.job where dead_at is null").fetch_one(&mut admin).await?;
        if left == 0 {
            break;
        }
        if hurry {
            sqlx::query(HURRY).execute(&mut admin).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(begun.elapsed())
}

/// What the worker does within 30 days, at once: a storage that was killed with its disk full has lost what it had
/// acknowledged before, and the other copy makes it good.
fn scrub(stage: &Stage) -> Result<()> {
    let mut command = std::process::Command::new(stage.programs.join("licheng"));
    command.args(["audit", "storage"]).envs(&stage.env).output()?;
    Ok(())
}

/// The audit's own check, as an operator runs it.
fn chain(stage: &Stage) -> Result<Finding> {
    let run = |action: &str| {
        let mut command = std::process::Command::new(stage.programs.join("licheng"));
        command.args(["audit", action]).envs(&stage.env).output()
    };
    run("seal")?;
    let verified = run("verify")?;
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    let schools = text.lines().filter(|line| line.starts_with("whole")).count();
    let mut wrong: Vec<String> = text.lines().filter(|line| line.starts_with("BROKEN")).map(str::to_owned).collect();
    if !verified.status.success() && wrong.is_empty() {
        wrong.push(String::from_utf8_lossy(&verified.stderr).into_owned());
    }
    Ok(Finding { what: "audit chain whole (licheng audit verify)", of: schools, wrong })
}

/// What people were told, as bounds.
fn answers(game: &Game, stage: &Stage, stuck: usize, silence: Duration, queued: Duration) -> Vec<Finding> {
    let tally = &game.street.tally;
    let count = |counter: &std::sync::atomic::AtomicU64| usize::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0);
    let (results, kept, broken, neither) =
        (count(&tally.results), count(&tally.kept), count(&tally.broken), count(&tally.neither));
    let mut complaints = tally.complaints.lock().expect("nobody panics while holding it").clone();
    complaints.resize(neither.max(complaints.len()), "and more".to_owned());
    println!();
    println!("{:<44} {results}", "answers with a result");
    println!("{:<44} {kept}", "answers that say what was kept (503, 429)");
    println!("{:<44} {broken}", "no answer from what was killed, frozen or cut");
    println!("{:<44} {:.1} s", "longest time without any result", silence.as_secs_f64());
    println!("{:<44} {:.1} s", "until the queue was empty afterwards", queued.as_secs_f64());
    let some = |count: usize, what: &str| vec![what.to_owned(); count];
    let late = usize::from(silence > RECOVERY);
    vec![
        Finding { what: "answers that are neither", of: results + kept + broken + neither, wrong: complaints },
        Finding {
            what: "actions that never succeeded on retry",
            of: count(&game.done),
            wrong: some(count(&game.stranded) + stuck, "a client gave up"),
        },
        Finding {
            what: "rooms that ended by themselves",
            of: stage::rooms().count(),
            wrong: some(count(&stage.fallen), "see its log"),
        },
        Finding { what: "a result again within 30 s", of: 1, wrong: some(late, "it took longer") },
    ]
}

fn print_faults(faults: &[Fault], rained: Duration, game: &Game) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in faults {
        *kinds.entry(fault.kind()).or_default() += 1;
    }
    println!();
    println!("{:<44} {} in {:.0} s", "faults", faults.len(), rained.as_secs_f64());
    for (kind, count) in kinds {
        println!("  {kind:<42} {count}");
    }
    let done = game.done.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = done as f64 / rained.as_secs_f64();
    println!("{:<44} {done}, {rate:.1} a second", "actions carried through");
}

/// Prints the bounds; whether all of them hold.
fn print(findings: &[Finding]) -> bool {
    println!();
    println!("{:<44} {:>8} {:>8}", "bound", "of", "wrong");
    for finding in findings {
        println!("{:<44} {:>8} {:>8}", finding.what, finding.of, finding.wrong.len());
    }
    for finding in findings.iter().filter(|finding| !finding.wrong.is_empty()) {
        println!("\n{}:", finding.what);
        for wrong in finding.wrong.iter().take(20) {
            println!("  {wrong}");
        }
    }
    let held = findings.iter().filter(|finding| finding.wrong.is_empty()).count();
    println!("\nfault: {held} passed, {} failed", findings.len() - held);
    held == findings.len()
}
