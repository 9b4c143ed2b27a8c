//! What each kind of action costs by itself.

use crate::{
    actions::{Action, End, Load},
    city::{City, Served},
    crowd::{Crowd, Wanted},
    modes::QUIET,
    report::within,
};
use anyhow::{Result, bail};
use load::process::{Cost, Programs};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A log that holds every statement, with the request that made it.
const STATEMENTS: (&str, &str) = ("warn,web::layers::observe=info,sqlx::query=debug", "json");
/// Actions of each kind: as many as make ten milliseconds, the step of the kernel's clock, small.
const TIMES: usize = 400;
/// Uploads and log-ins take long.
const TIMES_OF_LONG: usize = 40;

/// Statements and CPU by kind.
pub(crate) async fn costs(city: &mut City) -> Result<Vec<String>> {
    let decisions = i64::try_from(2 * TIMES)? + 20;
    let load = Load::new(Crowd::gather(city, Wanted { each: 300, decisions }).await?, city);
    let counting = city.serve(STATEMENTS).await?;
    let mut statements = Vec::new();
    for action in Action::ALL {
        must(&load, action).await?;
        let before = made(&counting)?.len();
        must(&load, action).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        statements.push(made(&counting)?.len() - before);
    }
    drop(counting);
    let _served = city.serve(QUIET).await?;
    let rest = Programs::at_rest().await?;
    println!("at rest, each second  {rest}");
    for (action, statements) in Action::ALL.into_iter().zip(statements) {
        let times = if matches!(action, Action::Upload | Action::LogIn) { TIMES_OF_LONG } else { TIMES };
        let (cost, sorted) = alone(&load, action, times, &rest).await?;
        let (p50, p99) = (within(&sorted, 500), within(&sorted, 990));
        println!("{:<22}{cost}; {statements} statements; p50 {p50:.1} ms, p99 {p99:.1} ms", action.name());
    }
    Ok(Vec::new())
}

/// One after the other, after some for the caches; without what goes on at rest.
pub(super) async fn alone(load: &Load, action: Action, times: usize, rest: &Cost) -> Result<(Cost, Vec<Duration>)> {
    for _ in 0..times / 10 {
        must(load, action).await?;
    }
    let (before, since) = (Programs::now()?, Instant::now());
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        must(load, action).await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let cost = Programs::now()?.since(&before).above(rest, since.elapsed());
    Ok((cost.per(times), took))
}

pub(super) async fn must(load: &Load, action: Action) -> Result<()> {
    match load.act(action).await {
        End::Done => Ok(()),
        End::Shed => bail!("{} was turned away", action.name()),
        End::Failed(why) => bail!("{}: {why}", action.name()),
    }
}

/// The statements that requests have made, as logged, without transaction control.
pub(super) fn made(served: &Served) -> Result<Vec<String>> {
    let log = served.log()?;
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // the worker's rounds go on beside them, outside of every request
    let of_requests = lines.filter(|line| line["target"] == "sqlx::query" && line["span"]["request_id"].is_string());
    let statements = of_requests.filter_map(|line| {
        let text = |name: &str| line[name].as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        text("db.statement").or_else(|| text("summary"))
    });
    Ok(statements.filter(|statement| is_of_a_page(statement)).collect())
}

/// Transaction control is a round trip, but no query.
fn is_of_a_page(statement: &str) -> bool {
    let words = statement.to_uppercase();
    !["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| words.starts_with(word) || words.contains(&format!("*/ {word}")))
}
