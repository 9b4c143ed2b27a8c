//! What can be measured, one function for each mode. Each gives the bounds it missed.

mod compared;
mod costs;

use crate::{
    Options,
    actions::{Action, End, Load, Mix},
    arrivals::{Record, drive},
    city::City,
    crowd::{Crowd, Wanted},
    kept::Comparison,
    report::{lost, missed, table, times, within},
};
use anyhow::{Result, ensure};
pub(crate) use compared::{one_school, pgbench};
pub(crate) use costs::costs;
use load::process::{Programs, memory_by_program};
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

/// Before anything counts: connections, statements and caches.
const WARM_UP: Duration = Duration::from_secs(3);
/// What a production log holds costs little; this leaves it out of a measurement's way.
const QUIET: (&str, &str) = ("warn", "text");
/// The length of a surge, and how much is driven before and after it.
const SURGE: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(20)];
/// Within this after a surge all must be as before.
const RECOVERY: Duration = Duration::from_secs(10);

/// As many people as actions a second for so long need.
#[expect(clippy::cast_possible_truncation, reason = "thousands")]
async fn crowd(city: &mut City, options: &Options, actions: f64) -> Result<Load> {
    let all: u32 = options.mix.iter().sum();
    ensure!(
        all > 0 && options.mix.len() == 5,
        "the mix is five shares: pages, uploads, certifications, selections, log-ins"
    );
    let share = |nth: usize| f64::from(options.mix.get(nth).copied().unwrap_or(0)) / f64::from(all);
    let decisions = (actions * share(2) * 1.3) as i64 + 20;
    let each = ((actions * 0.1) as i64).clamp(100, 1_500);
    let gathered = Crowd::gather(city, Wanted { each, decisions }).await?;
    Ok(Load::new(gathered, city))
}

fn actions_of(rate: f64, length: Duration) -> f64 {
    rate * (length + WARM_UP).as_secs_f64()
}

/// Drives a rate after a short warm-up; prints the table and what it cost.
async fn measure(load: &Load, mix: &Mix, rate: f64, length: Duration) -> Result<Vec<Record>> {
    drive(load, mix, &[(rate.min(20.0), WARM_UP)], 1).await;
    let bytes = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
    let (before, received, sent) = (Programs::now()?, bytes(&load.received), bytes(&load.sent));
    let records = drive(load, mix, &[(rate, length)], 2).await;
    let cost = Programs::now()?.since(&before);
    println!("\n{rate:.0} actions a second for {} s", length.as_secs());
    table(&records, length);
    println!("each action  {}", cost.per(records.len()));
    println!("CPU          {:.2} cores", cost.of_the_system() / 1_000.0 / length.as_secs_f64());
    println!("bytes        {} received, {} sent", bytes(&load.received) - received, bytes(&load.sent) - sent);
    let memory: Vec<String> = memory_by_program()?.iter().map(|(name, mib)| format!("{name} {mib}")).collect();
    println!("memory, MiB  {}", memory.join(", "));
    Ok(records)
}

/// Compares what was acknowledged with the database.
async fn compare(load: &Load, city: &mut City, missed: &mut Vec<String>) -> Result<()> {
    let Comparison { acknowledged, missing } = load.log.compare(&mut city.admin).await?;
    println!("kept         {} of {acknowledged} acknowledged", acknowledged - missing.len());
    missed.extend(missing.into_iter().map(|what| format!("acknowledged and not kept: {what}")));
    Ok(())
}

/// One rate for a time.
pub(crate) async fn steady(city: &mut City, options: &Options) -> Result<Vec<String>> {
    let length = Duration::from_secs(options.seconds);
    let load = crowd(city, options, actions_of(options.rate, length)).await?;
    let served = city.serve(QUIET).await?;
    let records = measure(&load, &Mix::new(&options.mix), options.rate, length).await?;
    let mut missed = missed(&records, options);
    compare(&load, city, &mut missed).await?;
    drop(served);
    Ok(missed)
}

/// The highest rate that holds the bounds: by halves again until one fails, then between the two.
pub(crate) async fn find(city: &mut City, options: &Options) -> Result<Vec<String>> {
    let length = Duration::from_secs(options.seconds);
    let mix = Mix::new(&options.mix);
    let load = crowd(city, options, actions_of(options.rate, length) * 12.0).await?;
    let _served = city.serve(QUIET).await?;
    let (mut holds, mut fails): (Option<f64>, Option<f64>) = (None, None);
    let mut rate = options.rate;
    for _ in 0..10 {
        let records = measure(&load, &mix, rate, length).await?;
        let missed = missed(&records, options);
        println!("{rate:.0} a second {}", if missed.is_empty() { "holds" } else { "does not hold" });
        missed.iter().for_each(|bound| println!("             {bound}"));
        if missed.is_empty() {
            holds = Some(rate)
        } else {
            fails = Some(rate)
        }
        rate = match (holds, fails) {
            (Some(low), Some(high)) if high / low < 1.08 => break,
            (Some(low), Some(high)) => f64::midpoint(low, high),
            (Some(low), None) => low * 1.5,
            (None, _) => rate / 1.5,
        };
        // what a rate too high has left behind is over before the next
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let mut missed = Vec::new();
    compare(&load, city, &mut missed).await?;
    match holds {
        Some(rate) => println!("\nhighest rate that holds the bounds: {rate:.0} a second"),
        None => missed.push("no rate that was tried holds the bounds".to_owned()),
    }
    Ok(missed)
}

/// The rate, twice the rate, the rate again.
pub(crate) async fn surge(city: &mut City, options: &Options) -> Result<Vec<String>> {
    let [before, during, after] = SURGE;
    let load = crowd(city, options, actions_of(options.rate, before + during * 2 + after)).await?;
    let _served = city.serve(QUIET).await?;
    let mix = Mix::new(&options.mix);
    drive(&load, &mix, &[(options.rate.min(20.0), WARM_UP)], 1).await;
    let rate = options.rate;
    let records = drive(&load, &mix, &[(rate, before), (rate * 2.0, during), (rate, after)], 3).await;
    let surge_ends = before + during;
    for (name, from, to) in
        [("before", Duration::ZERO, before), ("surge", before, surge_ends), ("after", surge_ends, surge_ends + after)]
    {
        let of: Vec<Record> = records.iter().filter(|record| (from..to).contains(&record.planned)).cloned().collect();
        println!("\n{name}");
        table(&of, to - from);
    }
    let mut missed = Vec::new();
    let (_, failed) = lost(&records);
    if failed > options.max_errors {
        missed.push(format!("{failed} actions failed otherwise than by 503"));
    }
    order(&records, &mut missed);
    recovery(&records, surge_ends, options.max_p99, &mut missed);
    compare(&load, city, &mut missed).await?;
    Ok(missed)
}

/// What is cheapest to repeat is turned away most.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn order(records: &[Record], missed: &mut Vec<String>) {
    let share = |kinds: &[Action]| {
        let of: Vec<&Record> = records.iter().filter(|record| kinds.contains(&record.action)).collect();
        let shed = of.iter().filter(|record| record.end == End::Shed).count();
        100.0 * shed as f64 / of.len().max(1) as f64
    };
    let pages = share(&Action::ALL[..6]);
    let deeds = share(&[Action::Selection]);
    println!("\nshed         {pages:.1} % of the pages, {deeds:.1} % of the selections");
    if deeds > pages {
        missed.push("selections were turned away more than pages".to_owned());
    }
}

/// When the last second after the surge was over in which somebody was turned away or waited too long.
fn recovery(records: &[Record], surge_ends: Duration, max_p99: f64, missed: &mut Vec<String>) {
    let mut seconds: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.planned >= surge_ends && record.action != Action::Upload) {
        seconds.entry((record.planned - surge_ends).as_secs()).or_default().push(record.clone());
    }
    let bad = |of: &Vec<Record>| lost(of) != (0, 0) || within(&times(of), 950) > max_p99;
    let recovered = seconds.iter().filter(|(_, of)| bad(of)).map(|(second, _)| second + 1).max().unwrap_or(0);
    println!("recovered    {recovered} s after the surge");
    if Duration::from_secs(recovered) > RECOVERY {
        missed.push(format!("recovery took {recovered} s, at most {} s", RECOVERY.as_secs()));
    }
}
