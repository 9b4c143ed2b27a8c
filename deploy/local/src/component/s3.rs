//! SeaweedFS as the S3 server, with three buckets under separate keys. The copy lies on the same server, or on one of
//! its own; the backups lie beside the first copy. In production each has servers of its own, and their variables name
//! them.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::process::Command;

use super::Part;
use crate::process::{Launch, Running, Stop, accepts_connections};
use crate::requirements::path_of;
use crate::site::{Site, write_private};
use crate::tools::run;

const BUCKET: &str = "licheng";
const REPLICA: &str = "licheng-replica";
const BACKUP: &str = "licheng-backup";
const ADMIN_KEY: &str = "administrator";

/// One server; its folder, ports and log go by its name.
struct Server {
    name: &'static str,
    buckets: &'static [&'static str],
}

const TOGETHER: &[Server] = &[Server { name: "s3", buckets: &[BUCKET, REPLICA, BACKUP] }];
const APART: &[Server] =
    &[Server { name: "s3", buckets: &[BUCKET, BACKUP] }, Server { name: "s3-replica", buckets: &[REPLICA] }];

/// Starts one server, or two, and makes the buckets ready: versioned, open to uploads from the application's pages.
pub(crate) async fn up(site: &Site, origin: &str, apart: bool) -> Result<Part> {
    let servers = if apart { APART } else { TOGETHER };
    let mut running = Vec::new();
    for server in servers {
        running.push(server.up(site, origin).await?);
    }
    let (first, last) = (servers[0].endpoint(site), servers[servers.len() - 1].endpoint(site));
    let mut env = vec![("LICHENG_S3_ENDPOINT", first.clone())];
    env.extend([
        ("LICHENG_S3_BUCKET", BUCKET.to_owned()),
        ("LICHENG_S3_ACCESS_KEY", BUCKET.to_owned()),
        ("LICHENG_S3_SECRET_KEY", secret_of(site, BUCKET).to_owned()),
        ("LICHENG_S3_REPLICA_ENDPOINT", last),
        ("LICHENG_S3_REPLICA_BUCKET", REPLICA.to_owned()),
        ("LICHENG_S3_REPLICA_ACCESS_KEY", REPLICA.to_owned()),
        ("LICHENG_S3_REPLICA_SECRET_KEY", secret_of(site, REPLICA).to_owned()),
        ("LICHENG_BACKUP_S3_ENDPOINT", first),
        ("LICHENG_BACKUP_S3_BUCKET", BACKUP.to_owned()),
        ("LICHENG_BACKUP_S3_ACCESS_KEY", BACKUP.to_owned()),
        ("LICHENG_BACKUP_S3_SECRET_KEY", secret_of(site, BACKUP).to_owned()),
    ]);
    Ok(Part { running, env })
}

/// The application's key to a bucket.
fn secret_of<'s>(site: &'s Site, bucket: &str) -> &'s str {
    site.secret(match bucket {
        BUCKET => "s3",
        REPLICA => "s3-replica",
        _ => "s3-backup",
    })
}

impl Server {
    fn endpoint(&self, site: &Site) -> String {
        format!("http://127.0.0.1:{}", site.port(self.name))
    }

    async fn up(&self, site: &Site, origin: &str) -> Result<Running> {
        let weed = site.tools.weed().await?;
        let folder = site.folder(self.name)?;
        let identities = site.data.join(format!("{}.json", self.name));
        write_private(&identities, &self.identities(site).to_string())?;
        let launch = Launch::new(self.name, weed)
            .with(|command| {
                command
                    .arg("-logtostderr=true")
                    .arg("mini")
                    .arg(format!("-dir={}", folder.display()))
                    .arg(format!("-s3.config={}", identities.display()))
                    .args(self.options(site))
                    .current_dir(&folder);
            })
            // its graceful end can take more than ten seconds; what it has acknowledged is on disk
            .stopped_by(Stop::Terminate, Duration::from_secs(4));
        let port = site.port(self.name);
        let running = launch.start(&site.data)?.ready(async || accepts_connections(port).await).await?;
        self.prepare(site, origin).await?;
        site.progress.say(format_args!("{} on port {port}", self.name));
        Ok(running)
    }

    /// Every port is named, or SeaweedFS takes well-known ones; what we do not use is switched off.
    fn options(&self, site: &Site) -> Vec<String> {
        let mut options: Vec<String> = [
            ("s3.port", ""),
            ("s3.port.grpc", "-grpc"),
            ("master.port", "-master"),
            ("master.port.grpc", "-master-grpc"),
            ("volume.port", "-volume"),
            ("volume.port.grpc", "-volume-grpc"),
            ("filer.port", "-filer"),
            ("filer.port.grpc", "-filer-grpc"),
            ("admin.port", "-admin"),
            ("admin.port.grpc", "-admin-grpc"),
        ]
        .map(|(option, port)| format!("-{option}={}", site.port(&format!("{}{port}", self.name))))
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

    /// The application's keys reach one bucket each; another, ours, makes the buckets.
    fn identities(&self, site: &Site) -> serde_json::Value {
        const ACTIONS: [&str; 5] = ["Admin", "Read", "Write", "List", "Tagging"];
        let limited = |bucket: &&str| {
            json!({
                "name": bucket,
                "credentials": [{ "accessKey": bucket, "secretKey": secret_of(site, bucket) }],
                "actions": ACTIONS.map(|action| format!("{action}:{bucket}")),
            })
        };
        let mut identities = vec![json!({
            "name": ADMIN_KEY,
            "credentials": [{ "accessKey": ADMIN_KEY, "secretKey": site.secret("s3-admin") }],
            "actions": ACTIONS,
        })];
        identities.extend(self.buckets.iter().map(limited));
        json!({ "identities": identities })
    }

    /// Once per data folder, origin and list of buckets.
    async fn prepare(&self, site: &Site, origin: &str) -> Result<()> {
        let done = site.data.join(format!("{}.prepared", self.name));
        let prepared = format!("{origin} {}", self.buckets.join(" "));
        if fs::read_to_string(&done).is_ok_and(|text| text == prepared) {
            return Ok(());
        }
        let mut python = Command::new(path_of("python3")?);
        python
            .args(["-c", include_str!("../../prepare_s3.py")])
            .args([&self.endpoint(site), ADMIN_KEY, origin])
            .args(self.buckets)
            .env("S3_SECRET_KEY", site.secret("s3-admin"));
        run(python).await?;
        Ok(fs::write(done, prepared)?)
    }
}
