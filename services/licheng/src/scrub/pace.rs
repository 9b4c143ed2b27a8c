//! How fast storage is read: fast enough for the promise, slow enough that nobody notices.

use std::time::Duration;
use tokio::time::Instant;

/// A budget of bytes a second, and a time to stop.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    bytes_per_second: Option<u64>,
    began: Instant,
    until: Option<Instant>,
    read: u64,
}

impl Pace {
    /// So many bytes a second; as fast as it goes without a number.
    #[must_use]
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, began: Instant::now(), until: None, read: 0 }
    }

    /// The same, until so much time has passed.
    #[must_use]
    pub(super) fn for_at_most(mut self, time: Duration) -> Self {
        self.until = Some(self.began + time);
        self
    }

    /// Notes what was read and waits until it was allowed to be.
    pub(super) async fn spend(&mut self, bytes: u64) {
        self.read += bytes;
        let Some(rate) = self.bytes_per_second else { return };
        let due = self.began + Duration::from_secs_f64(self.read as f64 / rate.max(1) as f64);
        tokio::time::sleep_until(self.until.map_or(due, |until| due.min(until))).await;
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reading_takes_as_long_as_the_budget_says() {
        let mut pace = Pace::new(Some(10_000));
        for _ in 0..5 {
            pace.spend(500).await;
        }
        assert!(pace.elapsed() >= Duration::from_millis(250), "{:?}", pace.elapsed());
        let mut free = Pace::new(None);
        free.spend(u64::MAX / 2).await;
        assert!(free.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_slice_ends_when_its_time_is_up() {
        let mut pace = Pace::new(Some(1)).for_at_most(Duration::from_millis(50));
        assert!(!pace.is_over());
        pace.spend(1_000_000).await;
        assert!(pace.is_over());
        assert!(pace.elapsed() < Duration::from_secs(5), "{:?}", pace.elapsed());
    }
}
