//! Chance that can be repeated: the same seed gives the same faults in the same order.

use std::{sync::Mutex, time::Duration};

/// A small generator (SplitMix64); shared by reference.
pub(crate) struct Dice(Mutex<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Any number.
    pub(crate) fn number(&self) -> u64 {
        let mut state = self.0.lock().expect("nobody panics while holding it");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).expect("at most 64 bits");
        usize::try_from(self.number() % end).expect("smaller than a usize")
    }

    /// Between the two, to the millisecond.
    pub(crate) fn between(&self, least: Duration, most: Duration) -> Duration {
        let span = usize::try_from(most.saturating_sub(least).as_millis()).unwrap_or(0);
        least + Duration::from_millis(u64::try_from(self.below(span + 1)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_another_one_does_not() {
        let row = |seed| {
            let dice = Dice::new(seed);
            (0..20).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
        let dice = Dice::new(3);
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(9));
        assert!((0..100).all(|_| (least..=most).contains(&dice.between(least, most))));
    }
}
