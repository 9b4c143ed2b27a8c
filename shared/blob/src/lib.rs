//! Files: taken straight into storage, proven to be what they claim, kept twice, given back whole.
//!
//! The only crate that speaks S3. Objects are content-addressed under their school's prefix
//! (`{school}/{sha256}`), versioned and never overwritten (design §5); what is being uploaded
//! lies under `{school}/incoming/`.

pub mod check;
pub mod media;
pub mod receipt;
pub mod refusal;
pub mod samples;

pub use check::check;
pub use media::{Accept, MediaType};
pub use refusal::Refusal;
