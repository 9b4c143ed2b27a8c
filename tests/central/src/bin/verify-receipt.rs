//! `verify-receipt`: says whether the receipt of an upload is genuine, without any network.

use std::{
    fs::{self, File},
    io::Read,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use central::upload_receipt;
use clap::Parser;

/// Checks the receipt of an upload; ends with 0 when every check holds, else with 1
#[derive(Parser)]
#[command(name = "verify-receipt")]
struct Arguments {
    /// The receipt, a JSON file
    receipt: PathBuf,
    /// The public key of the platform: base64 of 32 bytes
    #[arg(long)]
    key: String,
    /// The uploaded file; its size and SHA-256 are checked too
    #[arg(long)]
    file: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let receipt =
        fs::read_to_string(&arguments.receipt).with_context(|| format!("reading {}", arguments.receipt.display()))?;
    let mut file = arguments
        .file
        .map(|path| File::open(&path).with_context(|| format!("opening {}", path.display())))
        .transpose()?;
    let file = file.as_mut().map(|file| file as &mut dyn Read);
    let checks = upload_receipt::verify(&receipt, &arguments.key, file)?;
    for check in &checks {
        println!("{} {}", if check.holds { "通過" } else { "不符" }, check.name);
    }
    Ok(if checks.iter().all(|check| check.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
