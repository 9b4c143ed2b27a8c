//! What the rooms share in one process: configuration, keys, clock, web, storage, mail.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use blob::{BlobConfig, Vault};
use kernel::{clock::Clock, secrets::Keys};
use ops::{
    config::{Bucket, Config, Overload},
    mail::Mailer,
};
use std::sync::Arc;
use store::Db;
use web::{Settings, Web, admission::Limits};

/// Files verified at the same time by one process; each takes some ten MiB.
const CONCURRENT_VERIFICATIONS: usize = 4;

/// Everything a room may need.
#[derive(Clone)]
pub struct House {
    /// As read from the environment.
    pub config: Arc<Config>,
    /// The derived keys.
    pub keys: Keys,
    /// The time.
    pub clock: Clock,
    /// Sessions, layers, pages.
    pub web: Web,
    /// The two copies of every file.
    pub vault: Vault,
    /// Outgoing mail; without it messages stay in the application.
    pub mailer: Option<Mailer>,
}

impl House {
    /// Puts the shared things together; nothing is connected yet.
    pub fn build(config: Config, clock: Clock) -> Result<Self> {
        let keys = Keys::derive(config.keys.master.expose())?;
        let web = Web::new(settings(&config), config.redis.url.expose(), keys.clone(), clock.clone())
            .context("LICHENG_REDIS_URL")?;
        let vault = vault(&config);
        let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
        Ok(Self { config: Arc::new(config), keys, clock, web, vault, mailer })
    }

    /// The pool of one service, which logs in as that service's role.
    pub fn db(&self, service: &str) -> Result<Db> {
        let url = self.config.database.url(service)?;
        Db::lazy(url.expose(), self.config.database.max_connections).context("database URL")
    }

    /// The storage for one room: a bad copy that its readers find is written down as that room.
    pub(crate) fn vault_of(&self, db: &Db) -> Vault {
        self.vault.clone().with_witness(crate::witness::of(db.clone(), self.clock.clone()))
    }
}

fn settings(config: &Config) -> Settings {
    let proxies = config.http.trusted_proxies.clone();
    Settings {
        origin: config.http.origin.as_str().to_owned(),
        files_origin: config.http.files_origin.as_str().to_owned(),
        storage_origin: config.storage.public_endpoint.origin(),
        form_targets: config.oidc.iter().map(|oidc| oidc.issuer.origin()).collect(),
        trusted_proxy: Arc::new(move |address| proxies.contains(address)),
        demo: config.demo.enabled,
        limits: limits(&config.overload),
    }
}

fn limits(overload: &Overload) -> Limits {
    Limits {
        min: overload.concurrency_min,
        max: overload.concurrency_max,
        checks: overload.concurrency_checks,
        target: overload.service_target,
        patience: [overload.queue_pages, overload.queue_forms, overload.queue_deeds],
        retry: overload.retry,
    }
}

/// The storage as configured.
#[must_use]
pub fn vault(config: &Config) -> Vault {
    let bucket = |bucket: &Bucket| blob::Bucket {
        endpoint: bucket.endpoint.as_str().to_owned(),
        region: bucket.region.clone(),
        bucket: bucket.bucket.clone(),
        access_key: bucket.access_key.expose().to_owned(),
        secret_key: bucket.secret_key.expose().to_owned(),
    };
    Vault::new(&BlobConfig {
        primary: bucket(&config.storage.primary),
        public_endpoint: Some(config.storage.public_endpoint.as_str().to_owned()),
        replica: bucket(&config.storage.replica),
        clamd: config.scanner.clamd.as_str().to_owned(),
        concurrent_verifications: CONCURRENT_VERIFICATIONS,
    })
}

/// Standard base64, as LDIF wants values that are not ASCII.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
