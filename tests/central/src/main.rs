//! `central`: serves the simulator until Ctrl-C.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;

/// A stand-in for the Ministry's central database
#[derive(Parser)]
#[command(name = "central")]
struct Arguments {
    /// Address to listen on; port 0 takes a free one, printed on the first line of output
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Folder of jobs, workbooks, files and receipts; a restart resumes what stands there
    #[arg(long)]
    data: PathBuf,
    /// Key that callers must show as a bearer token; without it the API is open
    #[arg(long, env = "CENTRAL_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Fault: wait this long (milliseconds) before each download
    #[arg(long, default_value_t = 0)]
    slow_ms: u64,
    /// Fault: let every Nth download attempt and every Nth API request fail; 0 = none
    #[arg(long, default_value_t = 0)]
    fail_every: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    central::install_crypto();
    let running = central::start(central::Config {
        listen: arguments.listen,
        data: arguments.data,
        key: arguments.key,
        slow: Duration::from_millis(arguments.slow_ms),
        fail_every: arguments.fail_every,
        ..central::Config::default()
    })
    .await?;
    println!("central listening on http://{}", running.address());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
