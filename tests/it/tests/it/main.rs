//! Flows through the real router, with every component real.

mod bureau;
mod certification;
mod counseling;
mod deadlines;
mod house;
mod identity;
mod isolation;
mod portfolio;
mod school;
mod submission;
