//! The only place where the time of day is read.

use std::sync::{Arc, Mutex};
use time::OffsetDateTime;

/// Where a program gets its time from; tests and replays hold one that stands still.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that moves only when it is told to.
    Set(Arc<Mutex<OffsetDateTime>>),
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn standing_at(at: OffsetDateTime) -> Self {
        Self::Set(Arc::new(Mutex::new(at)))
    }

    /// Now, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one door to the machine's clock")]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Set(at) => *at.lock().expect("nobody panics while holding the clock"),
        }
    }

    /// Moves a standing clock; the machine's clock stays as it is.
    pub fn set(&self, to: OffsetDateTime) {
        if let Self::Set(at) = self {
            *at.lock().expect("nobody panics while holding the clock") = to;
        }
    }
}
