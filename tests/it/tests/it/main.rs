//! Flows through the real router, with every component real.

mod house;
mod portfolio;
