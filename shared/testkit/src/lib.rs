//! A city for one test: its own database, its own Redis, the real router behind a real port.
//!
//! The components come from the environment (`LICHENG_*`), as `cargo verify` and
//! `cargo run -p local --bin components -- cargo test` set it. Every room logs in with its own
//! database role; the administrator's connection is for arranging a test, never for the code under test.

mod browser;
mod city;
pub mod people;
mod pooler;
mod template;

pub use browser::{Answer, Visitor};
pub use city::City;
pub use pooler::{Pooler, free_port};
