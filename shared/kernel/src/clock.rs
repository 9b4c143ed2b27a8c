//! The only place where the time of day is read.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};
use time::{Duration, OffsetDateTime};

/// A machine's clock that is off by less is left alone: clocks that are kept by NTP differ by less.
const TOLERATED: Duration = Duration::SECOND;

/// Where a program gets its time from; tests and replays hold one that stands still.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// The machine's clock, put right by one that all processes share; holds by how many microseconds.
    Common(Arc<AtomicI64>),
    /// A clock that moves only when it is told to.
    Set(Arc<Mutex<OffsetDateTime>>),
}

impl Clock {
    /// The machine's clock, until [`Clock::put_right`] finds it wrong.
    #[must_use]
    pub fn common() -> Self {
        Self::Common(Arc::default())
    }

    /// A clock that stands at `at`.
    #[must_use]
    pub fn standing_at(at: OffsetDateTime) -> Self {
        Self::Set(Arc::new(Mutex::new(at)))
    }

    /// Now, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => machine(),
            Self::Common(correction) => machine() + Duration::microseconds(correction.load(Ordering::Relaxed)),
            Self::Set(at) => *at.lock().expect("nobody panics while holding the clock"),
        }
    }

    /// Corrects a common clock by what the shared one said, `answered_in` after it was asked; says how far the machine's
    /// clock is behind. Any other clock stays as it is.
    pub fn put_right(&self, shared: OffsetDateTime, answered_in: std::time::Duration) -> Duration {
        let Self::Common(correction) = self else { return Duration::ZERO };
        // the answer was given somewhere on the way: half of it is the best guess, and how wrong the guess can be
        let doubt = Duration::try_from(answered_in / 2).unwrap_or(Duration::MAX);
        let behind = shared.saturating_add(doubt) - machine();
        let known = Duration::microseconds(correction.load(Ordering::Relaxed));
        if (behind - known).abs() > TOLERATED.saturating_add(doubt) {
            correction.store(i64::try_from(behind.whole_microseconds()).unwrap_or_default(), Ordering::Relaxed);
        }
        behind
    }

    /// Moves a standing clock; the machine's clock stays as it is.
    pub fn set(&self, to: OffsetDateTime) {
        if let Self::Set(at) = self {
            *at.lock().expect("nobody panics while holding the clock") = to;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one door to the machine's clock")]
fn machine() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: std::time::Duration = std::time::Duration::ZERO;

    fn is_about(clock: &Clock, wanted: OffsetDateTime) -> bool {
        (clock.now() - wanted).abs() < Duration::seconds(5)
    }

    /// Issue 3 §2: "skew the clock of a worker".
    #[test]
    fn a_false_clock_is_put_right_by_the_shared_one_and_a_slightly_false_one_left_alone() {
        let (clock, true_time) = (Clock::common(), machine() + Duration::minutes(9));
        let behind = clock.put_right(true_time, AT_ONCE);
        assert!((behind - Duration::minutes(9)).abs() < Duration::seconds(5), "{behind}");
        assert!(is_about(&clock, true_time));
        assert!(is_about(&clock.clone(), true_time), "whoever has the same clock sees it");
        let Clock::Common(correction) = &clock else { panic!("{clock:?}") };
        let known = correction.load(Ordering::Relaxed);
        clock.put_right(clock.now() + Duration::milliseconds(800), AT_ONCE);
        assert_eq!(correction.load(Ordering::Relaxed), known, "no reason to move");
        clock.put_right(machine(), AT_ONCE);
        assert!(is_about(&clock, machine()), "a clock that was set right needs no correction any more");
    }

    #[test]
    fn an_answer_that_was_long_on_its_way_is_believed_no_further_than_it_can_be() {
        let clock = Clock::common();
        // asked, frozen for ten seconds, read: the answer may be ten seconds old
        clock.put_right(machine() - Duration::seconds(10), std::time::Duration::from_secs(10));
        let Clock::Common(correction) = &clock else { panic!("{clock:?}") };
        assert_eq!(correction.load(Ordering::Relaxed), 0, "nothing was corrected");
    }

    #[test]
    fn no_other_clock_is_corrected() {
        let stands = Clock::standing_at(OffsetDateTime::UNIX_EPOCH);
        for clock in [stands, Clock::System] {
            let before = clock.now();
            assert_eq!(clock.put_right(machine() + Duration::HOUR, AT_ONCE), Duration::ZERO);
            assert!(is_about(&clock, before));
        }
    }
}
