//! What every process needs around its rooms: configuration from the environment, telemetry, health,
//! an orderly start and stop, and mail.

pub mod config;
pub mod health;
pub mod lifecycle;
pub mod mail;
pub mod telemetry;
