//! The only door to the database: every transaction knows its school, its actor and its name.
//!
//! A room holds a [`Db`] that logs in with the room's own database role. It opens a
//! [`TenantTx`] with a context in hand; row-level security and the grants of that role
//! refuse whatever the code forgot. See the README, "The path of a request".

pub mod audit;
pub mod chain;
mod connection;
mod error;
pub mod jobs;
pub mod migrate;
pub mod rules;
mod tx;
pub mod worker;

pub use audit::Audit;
pub use connection::Conn;
pub use error::Error;
pub use jobs::Job;
pub use tx::{BureauTx, Db, SystemTx, TenantTx};
