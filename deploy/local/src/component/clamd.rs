//! clamd with one signature of its own: the EICAR test body. The full database is for production
//! (README); here the scanner's protocol and its verdict are what matters.

use std::fs;

use anyhow::Result;

use super::{Part, answers};
use crate::process::Launch;
use crate::random::hex;
use crate::requirements::path_of;
use crate::site::Site;

/// The EICAR test body in two halves, so that no scanner takes this source or our binaries for it.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STAND", "ARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// Starts it with a private configuration.
pub(crate) async fn up(site: &Site) -> Result<Part> {
    let database = site.folder("clamd")?;
    let temporary = site.folder("clamd-temporary")?;
    // name:any kind of file:at any offset:the body in hexadecimal
    let signature = format!("Licheng.Eicar:0:*:{}\n", hex(EICAR.concat().as_bytes()));
    fs::write(database.join("licheng.ndb"), signature)?;
    let port = site.port("clamd");
    let configuration = site.data.join("clamd.conf");
    let text = format!(
        "Foreground yes\nTCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {}\n\
         TemporaryDirectory {}\nStreamMaxLength 200M\nMaxThreads 8\nSelfCheck 86400\n",
        database.display(),
        temporary.display()
    );
    fs::write(&configuration, text)?;
    let launch = Launch::new("clamd", path_of("clamd")?).with(|command| {
        command.arg("--config-file").arg(&configuration);
    });
    let running = launch.start(&site.data)?.ready(async || answers(port, b"zPING\0", "PONG").await).await?;
    site.progress.say(format_args!("clamd on port {port}"));
    Ok(Part { running: vec![running], env: vec![("LICHENG_CLAMD_ADDRESS", format!("127.0.0.1:{port}"))] })
}
