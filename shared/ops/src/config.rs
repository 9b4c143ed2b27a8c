//! Configuration: one struct per concern, read from `LICHENG_*` variables, nowhere else.
//!
//! The first paragraph of a field's doc is the documentation of its variable: [`table`] turns these docs
//! into the README's table, and a test compares names and defaults with what is really read.
//! Forms: `` `NAME`, required: … ``, `` `NAME`, optional: … ``, `` `NAME`, default `value`: … ``.
//! An empty variable counts as unset, because Helm and compose pass empty strings for "not given".

mod providers;
mod reader;
mod table;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

pub use providers::{Backup, Central, Ldap, Mail, Oidc};
use reader::Reader;
pub use reader::{ConfigError, Lookup};
pub use table::table;
pub use values::{HostPort, HttpUrl, LogFormat, MasterSecret, Network, Networks, Origin, Secret};

/// The services that have a database role of their own, `svc_<service>`.
pub const SERVICES: [&str; 8] =
    ["identity", "school", "portfolio", "certification", "counseling", "submission", "bureau", "worker"];

/// Everything `serve` needs, whatever its target.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where requests come in and how the process leaves.
    pub http: Http,
    /// PostgreSQL, one role per service.
    pub database: Database,
    /// Sessions, rate limits and the job streams.
    pub redis: Redis,
    /// Object storage and its replica.
    pub storage: Storage,
    /// The virus scanner.
    pub scanner: Scanner,
    /// Outgoing mail; without it messages stay in the application.
    pub mail: Option<Mail>,
    /// Log-in by directory.
    pub ldap: Option<Ldap>,
    /// Log-in by the city's single sign-on.
    pub oidc: Option<Oidc>,
    /// The Ministry's central database; without it submission is by hand (download the files).
    pub central: Option<Central>,
    /// Where the database's backups go.
    pub backup: Option<Backup>,
    /// The secret all keys are derived from.
    pub keys: Keys,
    /// Logs, traces and metrics.
    pub telemetry: Telemetry,
    /// Limits against hammering.
    pub rates: Rates,
    /// What happens when more is asked than this process can do.
    pub overload: Overload,
    /// What only the demo city does.
    pub demo: Demo,
}

impl Config {
    /// Reads the process environment; the error lists every wrong variable at once.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&reader::environment)
    }

    /// Reads from any source of variables: tests and the demo pass a map.
    pub fn from_lookup(lookup: &Lookup) -> Result<Self, ConfigError> {
        reader::read(lookup, Self::read)
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let http = Http::read(reader);
        let database = Database::read(reader);
        let redis = Redis::read(reader);
        let storage = Storage::read(reader);
        let scanner = Scanner::read(reader);
        let mail = Mail::read(reader);
        let ldap = Ldap::read(reader);
        let oidc = Oidc::read(reader);
        let central = Central::read(reader);
        let backup = Backup::read(reader);
        if let (Some(storage), Some(backup)) = (&storage, &backup) {
            storage.refuse(reader, backup);
        }
        let keys = Keys::read(reader);
        let telemetry = Telemetry::read(reader);
        let rates = Rates::read(reader);
        let overload = Overload::read(reader);
        let demo = Demo::read(reader);
        Some(Self {
            http: http?,
            database: database?,
            redis: redis?,
            storage: storage?,
            scanner: scanner?,
            mail,
            ldap,
            oidc,
            central,
            backup,
            keys: keys?,
            telemetry: telemetry?,
            rates: rates?,
            overload: overload?,
            demo: demo?,
        })
    }
}

/// What `migrate` needs: the owner's login. Serving processes never hold it.
#[derive(Clone, Debug)]
pub struct Admin {
    /// `LICHENG_DATABASE_ADMIN_URL`, required: PostgreSQL URL of the schema's owner; only for `migrate` and
    /// other administration commands.
    pub database_url: Secret,
}

impl Admin {
    /// Reads the process environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&reader::environment)
    }

    /// Reads from any source of variables.
    pub fn from_lookup(lookup: &Lookup) -> Result<Self, ConfigError> {
        reader::read(lookup, Self::read)
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let database_url = reader.required("LICHENG_DATABASE_ADMIN_URL")?;
        Some(Self { database_url })
    }
}

/// Where requests come in and how the process leaves.
#[derive(Clone, Debug)]
pub struct Http {
    /// `LICHENG_LISTEN`, default `127.0.0.1:8400`: address and port to listen on.
    pub listen: SocketAddr,
    /// `LICHENG_ORIGIN`, required: origin of the pages as browsers see it, such as `https://portfolio.example.tw`;
    /// https unless the host is loopback.
    pub origin: Origin,
    /// `LICHENG_FILES_ORIGIN`, required: origin of students' files; another host than `LICHENG_ORIGIN`, because
    /// cookies know hosts, not ports.
    pub files_origin: Origin,
    /// `LICHENG_TRUSTED_PROXIES`, optional: addresses or networks, separated by commas, whose `X-Forwarded-For`
    /// is believed (`10.0.0.0/8,::1`).
    pub trusted_proxies: Networks,
    /// `LICHENG_NOTICE_SECONDS`, default `0`: how long requests are still accepted after SIGTERM, with readiness off,
    /// until load balancers have noticed.
    pub notice: Duration,
    /// `LICHENG_DRAIN_SECONDS`, default `20`: how long requests and jobs may go on after SIGTERM.
    pub drain: Duration,
}

impl Http {
    fn read(reader: &mut Reader) -> Option<Self> {
        let listen = reader.or_default("LICHENG_LISTEN", "127.0.0.1:8400");
        let origin: Option<Origin> = reader.required("LICHENG_ORIGIN");
        let files_origin: Option<Origin> = reader.required("LICHENG_FILES_ORIGIN");
        let trusted_proxies = reader.optional("LICHENG_TRUSTED_PROXIES").unwrap_or_default();
        let notice_seconds: Option<u16> = reader.or_default("LICHENG_NOTICE_SECONDS", "0");
        let drain_seconds: Option<u32> = reader.or_default("LICHENG_DRAIN_SECONDS", "20");
        let (origin, files_origin) = (origin?, files_origin?);
        if origin.host() == files_origin.host() {
            reader.problem("LICHENG_FILES_ORIGIN", "must be on another host than LICHENG_ORIGIN");
        }
        Some(Self {
            listen: listen?,
            origin,
            files_origin,
            trusted_proxies,
            notice: Duration::from_secs(notice_seconds?.into()),
            drain: Duration::from_secs(drain_seconds?.into()),
        })
    }
}

/// PostgreSQL, one role per service.
#[derive(Clone, Debug)]
pub struct Database {
    /// `LICHENG_DATABASE_URL`, optional: PostgreSQL URL with a literal `{role}` in place of the user, such as
    /// `postgres://{role}:secret@host/licheng`; becomes `svc_portfolio` and so on. Needed unless each service that
    /// runs has its own variable. Behind PgBouncer before 1.21 in transaction mode it ends in
    /// `?statement-cache-capacity=0`.
    template: Option<Secret>,
    /// `LICHENG_DATABASE_URL_<SERVICE>`, optional: PostgreSQL URL of one service (`…_PORTFOLIO`), instead of the
    /// common one: with it every service can have its own password.
    overrides: BTreeMap<&'static str, Secret>,
    /// `LICHENG_DATABASE_POOL`, default `8`: connections that each service opens at most.
    pub max_connections: u32,
}

impl Database {
    /// Reads the process environment; nothing where no variable of it is set.
    pub fn from_env() -> Result<Option<Self>, ConfigError> {
        Self::from_lookup(&reader::environment)
    }

    /// Reads from any source of variables.
    pub fn from_lookup(lookup: &Lookup) -> Result<Option<Self>, ConfigError> {
        let own = SERVICES.iter().map(|service| Self::variable(service));
        let is_set = own.chain(["LICHENG_DATABASE_URL".to_owned()]).any(|name| lookup(&name).is_some());
        is_set.then(|| reader::read(lookup, Self::read)).transpose()
    }

    fn variable(service: &str) -> String {
        format!("LICHENG_DATABASE_URL_{}", service.to_uppercase())
    }

    /// URL under which a service of [`SERVICES`] connects as its own role.
    pub fn url(&self, service: &str) -> Result<Secret, ConfigError> {
        if let Some(url) = self.overrides.get(service) {
            return Ok(url.clone());
        }
        let role = format!("svc_{service}");
        self.template
            .as_ref()
            .map(|template| Secret::new(template.expose().replace("{role}", &role)))
            .ok_or_else(|| ConfigError::one(&Self::variable(service), "is missing, and so is LICHENG_DATABASE_URL"))
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let template: Option<Secret> = reader.optional("LICHENG_DATABASE_URL");
        let overrides: BTreeMap<_, _> = SERVICES
            .iter()
            .filter_map(|service| Some((*service, reader.optional(&Self::variable(service))?)))
            .collect();
        let max_connections = reader.or_default("LICHENG_DATABASE_POOL", "8");
        match &template {
            None if overrides.is_empty() => reader.problem("LICHENG_DATABASE_URL", "is missing"),
            Some(template) if !template.expose().contains("{role}") => {
                reader.problem("LICHENG_DATABASE_URL", "must contain {role} where the user stands");
            }
            _ => {}
        }
        Some(Self { template, overrides, max_connections: max_connections? })
    }
}

/// Sessions, rate limits and the job streams.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `LICHENG_REDIS_URL`, required: `redis://` or `rediss://` URL.
    pub url: Secret,
}

impl Redis {
    fn read(reader: &mut Reader) -> Option<Self> {
        let url = reader.required("LICHENG_REDIS_URL")?;
        Some(Self { url })
    }
}

/// Object storage: two copies, two sets of credentials.
#[derive(Clone, Debug)]
pub struct Storage {
    /// First copy; browsers upload here.
    pub primary: Bucket,
    /// `LICHENG_S3_PUBLIC_ENDPOINT`, optional: address under which browsers reach the first copy (presigned
    /// uploads), when it is not `LICHENG_S3_ENDPOINT`.
    pub public_endpoint: HttpUrl,
    /// Second copy, written before "saved" is shown.
    pub replica: Bucket,
}

impl Storage {
    fn read(reader: &mut Reader) -> Option<Self> {
        let primary = Bucket::read(reader, "LICHENG_S3");
        let public_endpoint = reader.optional("LICHENG_S3_PUBLIC_ENDPOINT");
        let replica = Bucket::read(reader, "LICHENG_S3_REPLICA");
        let (primary, replica) = (primary?, replica?);
        if (&primary.endpoint, &primary.bucket) == (&replica.endpoint, &replica.bucket) {
            reader.problem("LICHENG_S3_REPLICA_BUCKET", "is the same bucket as the first copy");
        }
        Some(Self { public_endpoint: public_endpoint.unwrap_or_else(|| primary.endpoint.clone()), primary, replica })
    }

    /// Backups among the files would be erased with them.
    fn refuse(&self, reader: &mut Reader, backup: &Backup) {
        let is_same = |bucket: &Bucket| (&bucket.endpoint, &bucket.bucket) == (&backup.endpoint, &backup.bucket);
        if is_same(&self.primary) || is_same(&self.replica) {
            reader.problem("LICHENG_BACKUP_S3_BUCKET", "is a bucket of students' files");
        }
    }
}

/// One bucket and who may use it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// `LICHENG_S3_ENDPOINT` and `LICHENG_S3_REPLICA_ENDPOINT`, required: address of the S3 server.
    pub endpoint: HttpUrl,
    /// `LICHENG_S3_REGION` and `LICHENG_S3_REPLICA_REGION`, default `us-east-1`: region that signatures name.
    pub region: String,
    /// `LICHENG_S3_BUCKET` and `LICHENG_S3_REPLICA_BUCKET`, required: name of the bucket.
    pub bucket: String,
    /// `LICHENG_S3_ACCESS_KEY` and `LICHENG_S3_REPLICA_ACCESS_KEY`, required: access key id.
    pub access_key: Secret,
    /// `LICHENG_S3_SECRET_KEY` and `LICHENG_S3_REPLICA_SECRET_KEY`, required: secret access key.
    pub secret_key: Secret,
}

impl Bucket {
    fn read(reader: &mut Reader, prefix: &str) -> Option<Self> {
        let endpoint = reader.required(&format!("{prefix}_ENDPOINT"));
        let region = reader.or_default(&format!("{prefix}_REGION"), "us-east-1");
        let bucket = reader.required(&format!("{prefix}_BUCKET"));
        let access_key = reader.required(&format!("{prefix}_ACCESS_KEY"));
        let secret_key = reader.required(&format!("{prefix}_SECRET_KEY"));
        Some(Self {
            endpoint: endpoint?,
            region: region?,
            bucket: bucket?,
            access_key: access_key?,
            secret_key: secret_key?,
        })
    }
}

/// The virus scanner.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// `LICHENG_CLAMD_ADDRESS`, required: host and port of clamd (`127.0.0.1:3310`).
    pub clamd: HostPort,
}

impl Scanner {
    fn read(reader: &mut Reader) -> Option<Self> {
        let clamd = reader.required("LICHENG_CLAMD_ADDRESS")?;
        Some(Self { clamd })
    }
}

/// The secret all keys are derived from.
#[derive(Clone, Debug)]
pub struct Keys {
    /// `LICHENG_SECRET`, required: 32 random bytes in base64 (`openssl rand -base64 32`). National ids are encrypted
    /// and receipts signed with keys derived from it: keep a copy offline, never change it.
    pub master: MasterSecret,
}

impl Keys {
    fn read(reader: &mut Reader) -> Option<Self> {
        let master = reader.required("LICHENG_SECRET")?;
        Some(Self { master })
    }
}

/// Logs, traces and metrics.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// `LICHENG_OTLP_ENDPOINT`, optional: OTLP collector over HTTP (`http://collector:4318`); without it nothing is
    /// exported, `/metrics` is served all the same.
    pub otlp_endpoint: Option<HttpUrl>,
    /// `LICHENG_LOG`, default `info`: log filter (`info,portfolio=debug`).
    pub log: String,
    /// `LICHENG_LOG_FORMAT`, default `text`: log lines as `text` or `json`.
    pub log_format: LogFormat,
}

impl Telemetry {
    /// For commands that have no use for the rest of the configuration.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&reader::environment)
    }

    /// Reads from any source of variables.
    pub fn from_lookup(lookup: &Lookup) -> Result<Self, ConfigError> {
        reader::read(lookup, Self::read)
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let otlp_endpoint = reader.optional("LICHENG_OTLP_ENDPOINT");
        let log = reader.or_default("LICHENG_LOG", "info");
        let log_format = reader.or_default("LICHENG_LOG_FORMAT", "text");
        Some(Self { otlp_endpoint, log: log?, log_format: log_format? })
    }
}

/// Limits against hammering.
#[derive(Clone, Debug)]
pub struct Rates {
    /// `LICHENG_LOGIN_RATE`, default `120`: log-in attempts per minute and client address; a computer class behind
    /// one address logs in at once, and accounts lock by themselves.
    pub logins_per_minute: u32,
    /// `LICHENG_UPLOAD_RATE`, default `30`: uploads begun per minute and person.
    pub uploads_per_minute: u32,
}

impl Rates {
    fn read(reader: &mut Reader) -> Option<Self> {
        let logins_per_minute = reader.or_default("LICHENG_LOGIN_RATE", "120");
        let uploads_per_minute = reader.or_default("LICHENG_UPLOAD_RATE", "30");
        Some(Self { logins_per_minute: logins_per_minute?, uploads_per_minute: uploads_per_minute? })
    }
}

/// What happens when more is asked than this process can do: what is cheapest to repeat waits least, and is told first to
/// come back (503 with `Retry-After`).
#[derive(Clone, Copy, Debug)]
pub struct Overload {
    /// `LICHENG_CONCURRENCY_MIN`, default `4`: requests that are worked at once at least, however slow they are.
    pub concurrency_min: u16,
    /// `LICHENG_CONCURRENCY_MAX`, default `64`: requests that are worked at once at most; between the two the process
    /// finds its own number. Decisions, selections and submissions have as many places of their own.
    pub concurrency_max: u16,
    /// `LICHENG_CONCURRENCY_CHECKS`, default `8`: sent files that are checked at once; while more wait, no new upload
    /// begins. About four for each core that the scanner and the storage have.
    pub concurrency_checks: u16,
    /// `LICHENG_SERVICE_TARGET_MS`, default `100`: milliseconds within which nine of ten pages are to be worked; while
    /// they are not, fewer are worked at once.
    pub service_target: Duration,
    /// `LICHENG_QUEUE_PAGES_MS`, default `100`: milliseconds that a page waits for its turn before it is turned away.
    pub queue_pages: Duration,
    /// `LICHENG_QUEUE_FORMS_MS`, default `500`: the same of a form and a log-in.
    pub queue_forms: Duration,
    /// `LICHENG_QUEUE_DEEDS_MS`, default `2500`: the same of an upload that begins or is completed, a decision, a
    /// selection and a submission.
    pub queue_deeds: Duration,
    /// `LICHENG_RETRY_SECONDS`, default `5`: after how many seconds those turned away are asked to come back, at the
    /// soonest; at the latest after twice as many, so that they don't all come at once.
    pub retry: Duration,
}

impl Overload {
    fn read(reader: &mut Reader) -> Option<Self> {
        let concurrency_min: Option<u16> = reader.or_default("LICHENG_CONCURRENCY_MIN", "4");
        let concurrency_max: Option<u16> = reader.or_default("LICHENG_CONCURRENCY_MAX", "64");
        let concurrency_checks: Option<u16> = reader.or_default("LICHENG_CONCURRENCY_CHECKS", "8");
        let mut milliseconds = |name: &str, default: &str| {
            reader.or_default(name, default).map(|ms: u32| Duration::from_millis(ms.into()))
        };
        let service_target = milliseconds("LICHENG_SERVICE_TARGET_MS", "100");
        let queue_pages = milliseconds("LICHENG_QUEUE_PAGES_MS", "100");
        let queue_forms = milliseconds("LICHENG_QUEUE_FORMS_MS", "500");
        let queue_deeds = milliseconds("LICHENG_QUEUE_DEEDS_MS", "2500");
        let retry_seconds: Option<u16> = reader.or_default("LICHENG_RETRY_SECONDS", "5");
        let (concurrency_min, concurrency_max) = (concurrency_min?, concurrency_max?);
        let concurrency_checks = concurrency_checks?;
        if concurrency_checks == 0 {
            reader.problem("LICHENG_CONCURRENCY_CHECKS", "must not be below 1");
        }
        if concurrency_min == 0 || concurrency_max < concurrency_min {
            reader
                .problem("LICHENG_CONCURRENCY_MAX", "must not be below LICHENG_CONCURRENCY_MIN, and that not below 1");
        }
        Some(Self {
            concurrency_min,
            concurrency_max,
            concurrency_checks,
            service_target: service_target?,
            queue_pages: queue_pages?,
            queue_forms: queue_forms?,
            queue_deeds: queue_deeds?,
            retry: Duration::from_secs(retry_seconds?.into()),
        })
    }
}

/// What only the demo city does.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// `LICHENG_DEMO`, default `false`: `true` shows the page with the demo's accounts. Never in production.
    pub enabled: bool,
}

impl Demo {
    fn read(reader: &mut Reader) -> Option<Self> {
        let enabled = reader.or_default("LICHENG_DEMO", "false")?;
        Some(Self { enabled })
    }
}

#[cfg(test)]
mod tests;
