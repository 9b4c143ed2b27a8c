//! The simulator of the central database: the package `central`, built into the same target folder.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Part;
use crate::process::{Launch, Stop, accepts_connections};
use crate::site::Site;

/// Starts it where it is built; says so where it is not.
pub(crate) async fn up(site: &Site, programs: &Path) -> Result<Part> {
    let program = programs.join("central");
    if !program.exists() {
        site.progress.say("central database simulator: not built (cargo build -p central), so left out");
        return Ok(Part::default());
    }
    let folder = site.folder("central")?;
    let port = site.port("central");
    let launch = Launch::new("central", program).with(|command| {
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(&folder);
        command.env("CENTRAL_KEY", site.secret("central"));
    });
    // it waits for Ctrl-C only
    let launch = launch.stopped_by(Stop::Interrupt, Duration::from_secs(5));
    let running = launch.start(&site.data)?.ready(async || accepts_connections(port).await).await?;
    site.progress.say(format_args!("central database simulator on port {port}"));
    let env = vec![
        ("LICHENG_CENTRAL_URL", format!("http://127.0.0.1:{port}")),
        ("LICHENG_CENTRAL_KEY", site.secret("central").to_owned()),
    ];
    Ok(Part { running: vec![running], env })
}
