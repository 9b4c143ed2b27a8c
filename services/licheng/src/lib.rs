//! The house put together: which targets there are and what each process runs.

pub mod backup;
pub mod commands;
pub mod house;
pub mod restore;
pub mod scrub;
pub mod seed;
pub mod targets;
mod witness;

pub use house::House;
