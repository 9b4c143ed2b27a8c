//! Faults on demand, so that callers can test how they bear a slow or failing central database.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How slow and how unreliable this simulator pretends to be.
pub(crate) struct Faults {
    slow: Duration,
    fail_every: u32,
    downloads: AtomicU32,
    requests: AtomicU32,
}

impl Faults {
    pub(crate) fn new(slow: Duration, fail_every: u32) -> Self {
        Self { slow, fail_every, downloads: AtomicU32::new(0), requests: AtomicU32::new(0) }
    }

    /// Waits as told before a download; true when this attempt shall fail.
    pub(crate) async fn before_download(&self) -> bool {
        if !self.slow.is_zero() {
            tokio::time::sleep(self.slow).await;
        }
        self.is_turn(&self.downloads)
    }

    /// True when this API request shall fail.
    pub(crate) fn before_request(&self) -> bool {
        self.is_turn(&self.requests)
    }

    fn is_turn(&self, counter: &AtomicU32) -> bool {
        let nth = counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.fail_every != 0 && nth.is_multiple_of(self.fail_every)
    }
}
