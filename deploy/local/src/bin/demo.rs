//! `cargo demo`: the demo city on this machine, from nothing to a page in the browser.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use local::{City, Components, Options, Progress, Running, cargo, until_interrupted};

/// Builds Licheng, starts private components, seeds a demo city and serves it until Ctrl-C.
#[derive(Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Start over: throw the demo's data away
    #[arg(long)]
    fresh: bool,
    /// The port of the pages; chosen at the first start and kept when not given
    #[arg(long)]
    port: Option<u16>,
    /// The data folder
    #[arg(long, env = "LICHENG_DEMO_DATA", value_name = "FOLDER")]
    data: Option<std::path::PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    // the alias `cargo demo` ends in `--` already, and `cargo demo -- --fresh` brings one more
    let given = std::env::args_os().enumerate().filter(|(at, argument)| *at != 1 || argument != "--");
    let arguments = Arguments::parse_from(given.map(|(_, argument)| argument));
    build()?;
    let mut options = Options::in_target("demo")?;
    options.port = arguments.port;
    options.fresh = arguments.fresh;
    options.data = arguments.data.unwrap_or(options.data);
    let progress = Progress::to_terminal();
    let mut components = tokio::select! {
        up = Components::up(&options, &progress) => up?,
        interrupted = until_interrupted() => return interrupted.map(|()| ExitCode::from(130)),
    };
    let outcome = tokio::select! {
        served = start(&mut components, &options, &progress) => match served {
            Ok((city, running)) => stay(&city, running, &components, &progress).await,
            Err(error) => Err(error),
        },
        interrupted = until_interrupted() => interrupted,
    };
    progress.say("stopping");
    components.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The debug profile, with cargo's own words on the terminal.
fn build() -> Result<()> {
    let status = cargo().args(["build", "--package", "licheng", "--package", "central"]).status()?;
    if !status.success() {
        bail!("the build failed");
    }
    Ok(())
}

async fn start(components: &mut Components, options: &Options, progress: &Progress) -> Result<(City, Running)> {
    let city = City::new(&options.programs, progress)?;
    city.migrate(components).await?;
    city.seed(components).await?;
    let running = city.serve(components).await?;
    progress.say("ready");
    Ok((city, running))
}

/// Until Ctrl-C, or until the application ends by itself.
async fn stay(city: &City, mut running: Running, components: &Components, progress: &Progress) -> Result<()> {
    announce(components);
    let walked = async {
        if let Err(error) = city.walk_last_year(components).await {
            progress.say(format_args!("last year was not submitted: {error:#}"));
        }
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = walked => {}
        ended = running.ended() => bail!("licheng ended with {}{}", ended?, running.log_tail()),
        interrupted = until_interrupted() => interrupted?,
    }
    running.stop().await;
    Ok(())
}

fn announce(components: &Components) {
    let env = components.env();
    let of = |name: &str| env.get(name).cloned().unwrap_or_else(|| "(not there)".to_owned());
    let origin = of("LICHENG_ORIGIN");
    println!();
    println!("  pages               {origin}/");
    println!("  demo accounts       {origin}/demo");
    println!("  mail                {}/", of("LOCAL_MAIL_URL"));
    println!("  central database    {}/", of("LICHENG_CENTRAL_URL"));
    println!("  logs                {}", components.data().join("logs").display());
    println!();
    println!("  Ctrl-C stops everything; `cargo demo -- --fresh` starts over.");
}
