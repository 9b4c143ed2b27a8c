//! The house put together: which targets there are and what each process runs.

pub mod commands;
pub mod house;
pub mod seed;
pub mod targets;

pub use house::House;
