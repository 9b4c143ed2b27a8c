//! One file for each sub-command.

pub mod account;
pub mod audit;
pub mod doctor;
pub mod job;
pub mod migrate;
pub mod serve;
pub mod tenant;

pub use crate::seed;
