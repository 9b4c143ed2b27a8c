//! Arrivals that wait for nobody.

use crate::actions::{Action, End, Load, Mix};
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

/// One action as it went.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) action: Action,
    /// When it was to begin, from the beginning of the run.
    pub(crate) planned: Duration,
    /// From the planned moment to the last byte.
    pub(crate) took: Duration,
    pub(crate) end: End,
}

/// Numbers that look like chance and are the same in every run (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to just below 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        fraction(self.0)
    }
}

/// A number's well-mixed fraction, from 0 to just below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(crate) fn fraction(number: u64) -> f64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Drives one rate after the other, each for a time, and waits for the last answers.
pub(crate) async fn drive(load: &Load, mix: &Mix, phases: &[(f64, Duration)], seed: u64) -> Vec<Record> {
    let begun = Instant::now();
    let mut chance = Chance::new(seed);
    let mut under_way = JoinSet::new();
    let mut records = Vec::new();
    let mut phase_begins = Duration::ZERO;
    for (rate, length) in phases {
        let mut planned = phase_begins;
        loop {
            // the gaps of a Poisson process
            planned += Duration::from_secs_f64(-(1.0 - chance.next()).ln() / rate);
            if planned >= phase_begins + *length {
                break;
            }
            let action = mix.at(chance.next());
            tokio::time::sleep_until(begun + planned).await;
            let load = load.clone();
            under_way.spawn(async move {
                let end = load.act(action).await;
                Record { action, planned, took: (begun + planned).elapsed(), end }
            });
            while let Some(done) = under_way.try_join_next() {
                records.push(done.expect("an action does not panic"));
            }
        }
        phase_begins += *length;
    }
    while let Some(done) = under_way.join_next().await {
        records.push(done.expect("an action does not panic"));
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_spread_evenly_and_repeats() {
        let mut chance = Chance::new(7);
        let drawn: Vec<f64> = (0..10_000).map(|_| chance.next()).collect();
        let mean = drawn.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        assert!(drawn.iter().all(|point| (0.0..1.0).contains(point)));
        assert_eq!(Chance::new(7).next(), drawn[0]);
    }
}
