//! What can be wrong with a copy, and who hears of it when a reader finds it.

use crate::read::Copy;
use kernel::school::SchoolCode;
use std::{fmt, sync::Arc};

/// What is wrong with one copy of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// As long as it was, or longer, with other bytes.
    Flipped,
    /// Shorter than it was.
    Truncated,
    /// Not there.
    Missing,
    /// Listed, and the server can't give it.
    Unreadable,
}

impl Harm {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Flipped, Self::Truncated, Self::Missing, Self::Unreadable];

    /// For metrics, logs and rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flipped => "flipped",
            Self::Truncated => "truncated",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A bad copy that was found because somebody read the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Whose content it is.
    pub school: SchoolCode,
    /// Which content.
    pub sha256: [u8; 32],
    /// Which copy.
    pub copy: Copy,
    /// What was wrong with it.
    pub harm: Harm,
    /// Whether it was replaced by good bytes and proven since.
    pub mended: bool,
}

/// Is told of every sighting; must not block.
pub(crate) type Witness = Arc<dyn Fn(Sighting) + Send + Sync>;
