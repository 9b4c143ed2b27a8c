//! A window as a page shows it.

use kernel::{
    calendar::roc_date_time,
    rules::{Slot, WindowKind, WindowState},
};
use time::OffsetDateTime;
use web::Tone;

use crate::student::Ground;

/// One window of the student, in words.
pub(crate) struct WindowView {
    pub(crate) label: &'static str,
    /// For a countdown.
    pub(crate) closes_at: Option<OffsetDateTime>,
    pub(crate) tone: Tone,
    /// 「開放中」, or when it opens, or that it is over.
    pub(crate) text: String,
}

impl WindowView {
    pub(crate) fn of(ground: &Ground, kind: WindowKind, slot: &Slot, now: OffsetDateTime) -> Self {
        Self::new(kind, ground.window(kind, slot, now))
    }

    pub(crate) fn new(kind: WindowKind, state: WindowState) -> Self {
        let (tone, text, closes_at) = match state {
            WindowState::Open { closes_at } => (Tone::Good, "開放中".to_owned(), Some(closes_at)),
            WindowState::NotYet { opens_at } => (Tone::Quiet, format!("{} 開放", roc_date_time(opens_at)), None),
            WindowState::Closed { closed, .. } => (Tone::Quiet, format!("已於 {} 截止", roc_date_time(closed)), None),
            WindowState::None => (Tone::Quiet, "時間尚未公布".to_owned(), None),
        };
        Self { label: kind.label(), closes_at, tone, text }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closes_at.is_some()
    }
}
