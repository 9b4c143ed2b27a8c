//! Redis: sessions, job streams, rate limits; appended to a file, which the system writes
//! to disk when it likes: a killed process loses nothing by that, and nobody waits for a slow disk.

use anyhow::Result;

use super::{Part, answers};
use crate::process::Launch;
use crate::requirements::path_of;
use crate::site::{Site, write_private};

/// Starts it on its own folder and configuration.
pub(crate) async fn up(site: &Site) -> Result<Part> {
    let folder = site.folder("redis")?;
    let port = site.port("redis");
    let secret = site.secret("redis");
    let configuration = site.data.join("redis.conf");
    let text = format!(
        "bind 127.0.0.1\nport {port}\ndir \"{}\"\nrequirepass {secret}\n\
         appendonly yes\nappendfsync no\nsave \"\"\nmaxmemory-policy noeviction\n",
        folder.display()
    );
    write_private(&configuration, &text)?;
    let launch = Launch::new("redis", path_of("redis-server")?).with(|command| {
        command.arg(&configuration);
    });
    let question = format!("AUTH {secret}\r\nPING\r\n");
    let running = launch.start(&site.data)?.ready(async || answers(port, question.as_bytes(), "+PONG").await).await?;
    site.progress.say(format_args!("Redis on port {port}"));
    Ok(Part {
        running: vec![running],
        env: vec![("LICHENG_REDIS_URL", format!("redis://:{secret}@127.0.0.1:{port}/0"))],
    })
}
