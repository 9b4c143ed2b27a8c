//! SeaweedFS as the S3 server, with three buckets under separate keys. The copy and the backups lie on the
//! same server here; in production they have servers of their own, and their variables name them.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::process::Command;

use super::Part;
use crate::process::{Launch, Stop, accepts_connections};
use crate::requirements::path_of;
use crate::site::{Site, write_private};
use crate::tools::run;

const BUCKET: &str = "licheng";
const REPLICA: &str = "licheng-replica";
const BACKUP: &str = "licheng-backup";
const ADMIN_KEY: &str = "administrator";

/// Starts it and makes the buckets ready: versioned, open to uploads from the application's pages.
pub(crate) async fn up(site: &Site, origin: &str) -> Result<Part> {
    let weed = site.tools.weed().await?;
    let folder = site.folder("s3")?;
    let identities = site.data.join("s3.json");
    write_private(&identities, &identities_of(site).to_string())?;
    let launch = Launch::new("s3", weed)
        .with(|command| {
            command
                .arg("-logtostderr=true")
                .arg("mini")
                .arg(format!("-dir={}", folder.display()))
                .arg(format!("-s3.config={}", identities.display()))
                .args(options(site))
                .current_dir(&folder);
        })
        // its graceful end can take more than ten seconds; what it has acknowledged is on disk
        .stopped_by(Stop::Terminate, Duration::from_secs(4));
    let port = site.port("s3");
    let endpoint = format!("http://127.0.0.1:{port}");
    let running = launch.start(&site.data)?.ready(async || accepts_connections(port).await).await?;
    prepare(site, &endpoint, origin).await?;
    site.progress.say(format_args!("S3 on port {port}"));
    let mut env = vec![("LICHENG_S3_ENDPOINT", endpoint.clone())];
    env.extend([
        ("LICHENG_S3_BUCKET", BUCKET.to_owned()),
        ("LICHENG_S3_ACCESS_KEY", BUCKET.to_owned()),
        ("LICHENG_S3_SECRET_KEY", site.secret("s3").to_owned()),
        ("LICHENG_S3_REPLICA_ENDPOINT", endpoint.clone()),
        ("LICHENG_S3_REPLICA_BUCKET", REPLICA.to_owned()),
        ("LICHENG_S3_REPLICA_ACCESS_KEY", REPLICA.to_owned()),
        ("LICHENG_S3_REPLICA_SECRET_KEY", site.secret("s3-replica").to_owned()),
        ("LICHENG_BACKUP_S3_ENDPOINT", endpoint),
        ("LICHENG_BACKUP_S3_BUCKET", BACKUP.to_owned()),
        ("LICHENG_BACKUP_S3_ACCESS_KEY", BACKUP.to_owned()),
        ("LICHENG_BACKUP_S3_SECRET_KEY", site.secret("s3-backup").to_owned()),
    ]);
    Ok(Part { running: vec![running], env })
}

/// Every port is named, or SeaweedFS takes well-known ones; what we do not use is switched off.
fn options(site: &Site) -> Vec<String> {
    let mut options: Vec<String> = [
        ("s3.port", "s3"),
        ("s3.port.grpc", "s3-grpc"),
        ("master.port", "s3-master"),
        ("master.port.grpc", "s3-master-grpc"),
        ("volume.port", "s3-volume"),
        ("volume.port.grpc", "s3-volume-grpc"),
        ("filer.port", "s3-filer"),
        ("filer.port.grpc", "s3-filer-grpc"),
        ("admin.port", "s3-admin"),
        ("admin.port.grpc", "s3-admin-grpc"),
    ]
    .map(|(option, port)| format!("-{option}={}", site.port(port)))
    .into();
    options.extend(
        [
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
        ]
        .map(str::to_owned),
    );
    options
}

/// The application's three keys reach one bucket each; a fourth, ours, makes the buckets.
fn identities_of(site: &Site) -> serde_json::Value {
    let limited = |bucket: &str, secret: &str| {
        let actions = ["Admin", "Read", "Write", "List", "Tagging"];
        json!({
            "name": bucket,
            "credentials": [{ "accessKey": bucket, "secretKey": secret }],
            "actions": actions.map(|action| format!("{action}:{bucket}")),
        })
    };
    json!({ "identities": [
        {
            "name": ADMIN_KEY,
            "credentials": [{ "accessKey": ADMIN_KEY, "secretKey": site.secret("s3-admin") }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        limited(BUCKET, site.secret("s3")),
        limited(REPLICA, site.secret("s3-replica")),
        limited(BACKUP, site.secret("s3-backup")),
    ]})
}

/// Once per data folder, origin and list of buckets.
async fn prepare(site: &Site, endpoint: &str, origin: &str) -> Result<()> {
    let done = site.data.join("s3.prepared");
    let prepared = format!("{origin} {BUCKET} {REPLICA} {BACKUP}");
    if fs::read_to_string(&done).is_ok_and(|text| text == prepared) {
        return Ok(());
    }
    let mut python = Command::new(path_of("python3")?);
    python
        .args(["-c", include_str!("../../prepare_s3.py")])
        .args([endpoint, ADMIN_KEY, origin, BUCKET, REPLICA, BACKUP])
        .env("S3_SECRET_KEY", site.secret("s3-admin"));
    run(python).await?;
    Ok(fs::write(done, prepared)?)
}
