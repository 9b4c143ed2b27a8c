//! Files: taken straight into storage, proven to be what they claim, kept twice, given back whole.
//!
//! The only crate that speaks S3. Objects are content-addressed under their school's prefix
//! (`{school}/{sha256}`), versioned and never overwritten (design §5); what is being uploaded
//! lies under `{school}/incoming/`.
//!
//! The way of a file: [`Vault::begin_upload`] → the browser sends the parts to their URLs
//! ([`Vault::resume`] after a reload) → [`Vault::finalise`] says [`Stored`] → the caller commits its
//! row → [`Vault::open`] gives it back. [`Vault::ingest`] is the short way for bytes in hand.

pub mod check;
mod clamd;
mod config;
mod error;
mod finalise;
mod harm;
mod keep;
pub mod media;
mod prepare;
mod read;
pub mod receipt;
mod records;
pub mod refusal;
pub mod samples;
mod shelf;
mod upload;
mod vault;

pub use check::check;
pub use config::{BlobConfig, Bucket};
pub use error::{BlobError, NotStored, Part};
pub use finalise::Stored;
pub use harm::{Harm, Sighting};
pub use media::{Accept, MediaType};
pub use read::{Copy, Listed, Page, Seen, State};
pub use records::{Records, RecordsError};
pub use refusal::Refusal;
pub use upload::{PART_SIZE, PartUrl, StoredPart, UploadPlan};
pub use vault::Vault;
