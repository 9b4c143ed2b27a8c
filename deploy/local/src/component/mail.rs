//! The mail sink, with a page to read what the application sent.

use anyhow::Result;

use super::Part;
use crate::process::{Launch, accepts_connections};
use crate::site::Site;

/// Starts it.
pub(crate) async fn up(site: &Site) -> Result<Part> {
    let node = site.tools.node().await?;
    let programs = site.tools.node_programs(&node).await?;
    let folder = site.folder("mail")?;
    let (smtp, page) = (site.port("smtp"), site.port("mail"));
    let launch = Launch::new("mail", &node.program).with(|command| {
        command.arg(programs.join("mail.mjs")).args([smtp.to_string(), page.to_string()]).arg(&folder);
    });
    let running = launch
        .start(&site.data)?
        .ready(async || accepts_connections(smtp).await && accepts_connections(page).await)
        .await?;
    site.progress.say(format_args!("mail on port {smtp}"));
    Ok(Part {
        running: vec![running],
        env: vec![
            ("LICHENG_SMTP_URL", format!("smtp://127.0.0.1:{smtp}")),
            ("LICHENG_MAIL_FROM", "no-reply@licheng.test".to_owned()),
            ("LOCAL_MAIL_URL", format!("http://127.0.0.1:{page}")),
        ],
    })
}
