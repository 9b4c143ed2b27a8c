//! A school of its own on the shared servers, a browser that sends parts, and a hand that damages.

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client, Config,
    config::{BehaviorVersion, Region},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use blob::{Accept, BlobConfig, BlobError, Bucket, Copy, NotStored, PartUrl, State, Stored, UploadPlan, Vault};
use kernel::{ids::FileId, school::SchoolCode};
use md5::{Digest as _, Md5};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
};

/// The origin that `prepare` is told.
pub(crate) const ORIGIN: &str = "http://localhost:8080";
/// Port 9, "discard": nobody listens there.
const NOBODY: &str = "127.0.0.1:9";

#[expect(clippy::disallowed_methods, reason = "tests find the servers in the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo run -p local --bin components -- cargo test -p blob`")
    })
}

fn bucket(prefix: &str) -> Bucket {
    Bucket {
        endpoint: variable(&format!("{prefix}_ENDPOINT")),
        region: "us-east-1".to_owned(),
        bucket: variable(&format!("{prefix}_BUCKET")),
        access_key: variable(&format!("{prefix}_ACCESS_KEY")),
        secret_key: variable(&format!("{prefix}_SECRET_KEY")),
    }
}

fn config() -> BlobConfig {
    BlobConfig {
        primary: bucket("LICHENG_S3"),
        public_endpoint: None,
        replica: bucket("LICHENG_S3_REPLICA"),
        clamd: variable("LICHENG_CLAMD_ADDRESS"),
        concurrent_verifications: 4,
    }
}

/// A vault and a school that no other test uses.
pub(crate) struct Yard {
    pub(crate) vault: Vault,
    pub(crate) school: SchoolCode,
    config: BlobConfig,
}

impl Yard {
    pub(crate) async fn new() -> Self {
        static PREPARED: OnceCell<()> = OnceCell::const_new();
        let config = config();
        let vault = Vault::new(&config);
        let prepared =
            PREPARED.get_or_init(|| async { vault.prepare(ORIGIN).await.expect("the buckets are made ready") });
        prepared.await;
        let code = uuid::Uuid::new_v4().simple().to_string()[..6].to_uppercase();
        Self { vault, school: code.parse().unwrap(), config }
    }

    pub(crate) fn with_scanner_away(&self) -> Vault {
        Vault::new(&BlobConfig { clamd: NOBODY.to_owned(), ..self.config.clone() })
    }

    pub(crate) fn with_primary_away(&self) -> Vault {
        let primary = Bucket { endpoint: format!("http://{NOBODY}"), ..self.config.primary.clone() };
        Vault::new(&BlobConfig { primary, ..self.config.clone() })
    }

    pub(crate) fn with_replica_away(&self) -> Vault {
        let replica = Bucket { endpoint: format!("http://{NOBODY}"), ..self.config.replica.clone() };
        Vault::new(&BlobConfig { replica, ..self.config.clone() })
    }

    pub(crate) fn key(&self, sha256: &[u8; 32]) -> String {
        format!("{}/{}", self.school, hex::encode(sha256))
    }

    fn side(&self, copy: Copy) -> (Client, &str) {
        let bucket = match copy {
            Copy::Primary => &self.config.primary,
            Copy::Replica => &self.config.replica,
        };
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(bucket.region.clone()))
            .endpoint_url(&bucket.endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(&bucket.access_key, &bucket.secret_key, None, None, "test"))
            .http_client(http)
            .build();
        (Client::from_conf(config), &bucket.bucket)
    }

    /// How many versions and deletion marks an object has.
    pub(crate) async fn versions(&self, copy: Copy, key: &str) -> usize {
        let (client, bucket) = self.side(copy);
        let found = client.list_object_versions().bucket(bucket).prefix(key).send().await.unwrap();
        let versions = found.versions().iter().filter(|version| version.key() == Some(key)).count();
        versions + found.delete_markers().iter().filter(|mark| mark.key() == Some(key)).count()
    }

    pub(crate) async fn put(&self, copy: Copy, key: &str, bytes: &[u8]) {
        let (client, bucket) = self.side(copy);
        let request = client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes.to_vec()));
        request.send().await.unwrap();
    }

    pub(crate) async fn put_over(&self, copy: Copy, key: &str, bytes: &[u8]) {
        assert!(self.versions(copy, key).await > 0, "there is something to damage");
        self.put(copy, key, bytes).await;
    }

    /// Removes every version of an object, as no operation of ours ever does.
    pub(crate) async fn forget(&self, copy: Copy, key: &str) {
        let (client, bucket) = self.side(copy);
        let found = client.list_object_versions().bucket(bucket).prefix(key).send().await.unwrap();
        let versions = found.versions().iter().filter_map(|version| version.version_id());
        let marks = found.delete_markers().iter().filter_map(|mark| mark.version_id());
        for version in versions.chain(marks) {
            let request = client.delete_object().bucket(bucket).key(key).version_id(version);
            request.bypass_governance_retention(true).send().await.unwrap();
        }
    }

    /// Waits until a copy is whole again: it is mended after its reader was served.
    pub(crate) async fn becomes_whole(&self, copy: Copy, sha256: &[u8; 32], content: &[u8]) {
        for _ in 0..1_200 {
            let found = self.vault.inspect(copy, &self.school, sha256).await.unwrap();
            if matches!(&found, State::Whole(bytes) if bytes == content) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the {} copy was not mended", copy.name());
    }

    pub(crate) async fn delete(&self, copy: Copy, key: &str) {
        let (client, bucket) = self.side(copy);
        client.delete_object().bucket(bucket).key(key).send().await.unwrap();
    }
}

/// An upload under way.
pub(crate) struct Upload<'a> {
    yard: &'a Yard,
    content: Vec<u8>,
    accept: Accept,
    pub(crate) declared: u64,
    pub(crate) plan: UploadPlan,
}

impl<'a> Upload<'a> {
    pub(crate) async fn of(yard: &'a Yard, content: Vec<u8>, accept: Accept) -> Self {
        let declared = content.len() as u64;
        let plan = yard.vault.begin_upload(&yard.school, FileId::from(7), declared).await.unwrap();
        Self { yard, content, accept, declared, plan }
    }

    pub(crate) async fn send_all(&self) {
        for part in &self.plan.parts {
            self.send(part).await;
        }
    }

    pub(crate) async fn send(&self, part: &PartUrl) {
        let from = (part.number as usize - 1) * self.plan.part_size as usize;
        let answer = http("PUT", &part.url, "", &self.content[from..from + part.size as usize]).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    pub(crate) async fn resume(&self) -> Result<UploadPlan, BlobError> {
        self.yard.vault.resume(&self.yard.school, &self.plan.key, &self.plan.upload_id, self.declared).await
    }

    pub(crate) async fn finalise(&self) -> Result<Stored, NotStored> {
        self.finalise_with(&self.yard.vault).await
    }

    pub(crate) async fn finalise_with(&self, vault: &Vault) -> Result<Stored, NotStored> {
        let Self { yard, plan, .. } = self;
        vault.finalise(&yard.school, &plan.key, &plan.upload_id, self.declared, self.accept).await
    }

    /// Completes the multipart upload and no more, as a process does that is killed then.
    pub(crate) async fn complete(&self) {
        let (client, bucket) = self.yard.side(Copy::Primary);
        let (key, upload_id) = (&self.plan.key, &self.plan.upload_id);
        let arrived = client.list_parts().bucket(bucket).key(key).upload_id(upload_id).send().await.unwrap();
        let parts = arrived.parts().iter().map(|part| {
            CompletedPart::builder().set_part_number(part.part_number()).set_e_tag(part.e_tag.clone()).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = client.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload_id);
        request.multipart_upload(parts).send().await.unwrap();
    }
}

/// What a browser asks before it sends to another origin.
pub(crate) async fn preflight(url: &str, origin: &str) -> String {
    http("OPTIONS", url, &format!("Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n"), b"").await
}

/// One request over plain HTTP, and the whole answer as text.
async fn http(method: &str, url: &str, headers: &str, body: &[u8]) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// A sample PDF into which `shift` bytes were put before its objects: its table tells their places anew.
pub(crate) fn relocated(pdf: &[u8], shift: usize) -> Vec<u8> {
    let text = String::from_utf8(pdf.to_vec()).unwrap();
    let (body, table) = text.split_once("\nxref\n").unwrap();
    let moved = |line: &str| match line.strip_suffix(" 00000 n ") {
        Some(offset) => format!("{:010} 00000 n ", offset.parse::<usize>().unwrap() + shift),
        None => line.to_owned(),
    };
    let lines: Vec<String> = table.lines().map(moved).collect();
    let (table, _) = lines.join("\n").split_once("startxref").map(|(table, _)| (table.to_owned(), ())).unwrap();
    format!("{body}\nxref\n{table}startxref\n{}\n%%EOF\n", body.len() + 1).into_bytes()
}
