//! Deadline day: an open-loop load on a whole city, and what it costs.
//!
//! ```text
//! cargo build --release --workspace
//! R=target/release; alias with='$R/components --data deadline'
//! with $R/deadline --rate 100 --seconds 600                    # 100 schools, 180,000 students (seeded once)
//! with $R/deadline --find --seconds 30                         # the highest rate that holds the bounds
//! with $R/deadline --rate 60 --surge                           # twice that rate for 20 s: shed, kept, recovered
//! with $R/deadline --costs                                     # CPU and statements of each kind of action
//! with $R/deadline --pgbench                                   # pages beside what pgbench reaches with their SQL
//! with $R/deadline --one-school                                # a page of 100 schools beside the same of one
//! with $R/deadline --schools 6 --students 1200 --rate 10 --seconds 15    # the short form of `cargo verify`
//! ```
//!
//! Arrivals come by chance at the rate given (a Poisson process) and wait for nobody; a latency counts from the planned
//! moment to the last byte. The mix is of five kinds: pages (a student's home 4 of 7, outcomes, activities, selection,
//! messages, a teacher's queue), uploads (0.2 to 4 MB: announced, sent to storage, completed), certifications (the
//! request's page, its opening, the decision), selections that change at every turn, and log-ins at the directory. Pages
//! are asked for compressed, as browsers do. After a run every acknowledged upload, decision and selection is looked up
//! in the database. Exits non-zero when a bound is missed: `--max-p99`, `--max-upload-p99`, `--max-errors`, or anything
//! acknowledged and not kept. Cities are databases of their own (`deadline_<schools>_<students>`) and stay for the next
//! run; decisions use up the waiting requests of a city, so a small one serves for some minutes of load.
//!
//! # Where the CPU goes
//! ```text
//! CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release --workspace
//! with $R/deadline --rate 60 --seconds 60 &
//! perf record -F 997 --call-graph dwarf,16384 -p $(pgrep -f 'licheng serve') -- sleep 20    # apt install linux-perf
//! perf report --no-children --sort symbol | head -60                                       # flat
//! perf script | inferno-collapse-perf | inferno-flamegraph > licheng.svg                   # cargo install inferno
//! ```
//! `perf record -a` shows the system with PostgreSQL and the kernel beside it. Which statements PostgreSQL works on is
//! quickest seen by looking often, in psql: `select usename, left(query, 80) from pg_stat_activity where state = 'active'
//! and wait_event is null \watch 0.1`; and why, by `explain (analyze, buffers)` of the statement of `.sqlx`, prepared, under
//! `set role svc_portfolio; set app.school_code = '…'; set plan_cache_mode = force_generic_plan`.

mod actions;
mod arrivals;
mod city;
mod crowd;
mod kept;
mod modes;
mod report;

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;

/// How large a city, how much load, and what must hold.
#[derive(Parser, Clone, Debug)]
#[command(name = "deadline")]
struct Options {
    /// Schools of the city.
    #[arg(long, default_value_t = 100)]
    schools: usize,
    /// Students of the city, all schools together.
    #[arg(long, default_value_t = 180_000)]
    students: usize,
    /// Actions a second.
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// How long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Shares of pages, uploads, certifications, selections and log-ins.
    #[arg(long, value_delimiter = ',', default_values_t = [70, 10, 8, 7, 5])]
    mix: Vec<u32>,
    /// Milliseconds within which 99 of 100 of every kind but uploads must be answered.
    #[arg(long, default_value_t = 300.0)]
    max_p99: f64,
    /// The same of uploads, from the announcement to "saved" (their length is the scanner's and the disk's).
    #[arg(long, default_value_t = 3_000.0)]
    max_upload_p99: f64,
    /// Actions that may fail or be turned away.
    #[arg(long, default_value_t = 0)]
    max_errors: usize,
    /// Searches the highest rate that holds the bounds, each tried for `--seconds`.
    #[arg(long)]
    find: bool,
    /// Drives twice the rate for 20 s and measures what is shed and how soon it is over.
    #[arg(long)]
    surge: bool,
    /// Measures each kind of action by itself.
    #[arg(long)]
    costs: bool,
    /// Compares a student's home page with pgbench running its statements.
    #[arg(long)]
    pgbench: bool,
    /// The least share of pgbench's rate.
    #[arg(long, default_value_t = 0.6)]
    min_share: f64,
    /// Compares a student's home page in this city with the same in a city of one school.
    #[arg(long)]
    one_school: bool,
    /// The most that it may cost of that.
    #[arg(long, default_value_t = 1.1)]
    max_growth: f64,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed before");
    let options = Options::parse();
    let mut city = city::City::prepare(options.schools, options.students).await?;
    let missed = match () {
        () if options.costs => modes::costs(&mut city).await?,
        () if options.pgbench => modes::pgbench(&mut city, &options).await?,
        () if options.one_school => modes::one_school(&mut city, &options).await?,
        () if options.find => modes::find(&mut city, &options).await?,
        () if options.surge => modes::surge(&mut city, &options).await?,
        () => modes::steady(&mut city, &options).await?,
    };
    for bound in &missed {
        println!("MISSED {bound}");
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
