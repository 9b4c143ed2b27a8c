//! The simulator over real HTTP on loopback: one test for each rule it checks, a kill in the
//! middle of a job, and the receipts it hands out.

mod activities;
mod book;
mod cover;
mod desk;
mod files;
mod notices;
mod outcomes;
mod receipts;
mod resume;
mod school;
mod stage;
mod upload_receipts;
