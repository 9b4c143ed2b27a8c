//! `licheng`: one binary, one sub-command for each thing that operation does.

use anyhow::Result;
use clap::{Parser, Subcommand};
use licheng::commands::{account, audit, backup, doctor, job, migrate, restore, seed, serve, tenant};
use std::process::ExitCode;

/// Licheng (歷程): the city's student learning portfolio.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Serve pages, or work jobs, as one target or all of them.
    Serve(serve::Options),
    /// Bring the database up to date and set the passwords of the services' roles.
    Migrate,
    /// Create or list schools.
    #[command(subcommand)]
    Tenant(tenant::Action),
    /// Give out temporary accounts.
    #[command(subcommand)]
    Account(account::Action),
    /// Check every dependency and say what to do.
    Doctor,
    /// Look at queued and dead jobs.
    #[command(subcommand)]
    Job(job::Action),
    /// Check the audit's hash chain.
    #[command(subcommand)]
    Audit(audit::Action),
    /// Make, list, prove and prune backups of the database.
    #[command(subcommand)]
    Backup(backup::Action),
    /// Bring back one student, one school or everything from a backup.
    #[command(subcommand)]
    Restore(restore::Action),
    /// Fill an empty database with an invented city.
    Seed(seed::Options),
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed before");
    let done = match Command::parse().action {
        Action::Backup(action) => return backup::run(action).await,
        Action::Restore(action) => restore::run(action).await,
        Action::Serve(options) => serve::run(options).await,
        Action::Migrate => migrate::run().await,
        Action::Tenant(action) => tenant::run(action).await,
        Action::Account(action) => account::run(action).await,
        Action::Doctor => doctor::run().await,
        Action::Job(action) => job::run(action).await,
        Action::Audit(action) => audit::run(action).await,
        Action::Seed(options) => seed::run(options).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}
