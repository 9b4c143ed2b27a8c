//! One file for each sub-command.

pub mod account;
pub mod audit;
pub mod backup;
pub mod doctor;
pub mod job;
pub mod migrate;
pub mod restore;
pub mod serve;
pub mod tenant;

pub use crate::seed;
