//! Flows through the real router, with every component real.

mod bureau;
mod counseling;
mod house;
mod portfolio;
mod school;
