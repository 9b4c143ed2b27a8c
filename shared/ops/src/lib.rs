//! What every process needs around its rooms: configuration from the environment, telemetry, health,
//! an orderly start and stop, and mail.

pub mod config;
