//! The optional concerns: providers of log-in, mail, the central database and backups. A concern is on when its first
//! variable is set.

use std::path::PathBuf;

use super::reader::{self, ConfigError, Lookup, Reader};
use super::values::{HttpUrl, Secret};

/// Outgoing mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `LICHENG_SMTP_URL`, optional: `smtps://user:password@host`, `smtp://host?tls=required` or, on loopback only,
    /// `smtp://127.0.0.1:1025`; without it no mail is sent.
    pub smtp_url: Secret,
    /// `LICHENG_MAIL_FROM`, optional: sender, such as `學習歷程檔案 <noreply@example.tw>`; needed with `LICHENG_SMTP_URL`.
    pub from: String,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        reader.concern("LICHENG_SMTP_URL", &["LICHENG_MAIL_FROM"])?;
        let smtp_url: Option<Secret> = reader.required("LICHENG_SMTP_URL");
        let from = reader.required("LICHENG_MAIL_FROM");
        let smtp_url = smtp_url?;
        if !encrypted_or_loopback(smtp_url.expose()) {
            reader.problem(
                "LICHENG_SMTP_URL",
                "must be smtps://… or smtp://…?tls=required (plain smtp:// on loopback only)",
            );
        }
        Some(Self { smtp_url, from: from? })
    }
}

/// Students' names travel in mail: never in clear over a network.
fn encrypted_or_loopback(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else {
        return false;
    };
    let tls_required = url.query_pairs().any(|pair| pair == ("tls".into(), "required".into()));
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "smtps" || (url.scheme() == "smtp" && (tls_required || loopback))
}

/// Log-in by directory. TLS always: `ldap://` means StartTLS.
#[derive(Clone, Debug)]
pub struct Ldap {
    /// `LICHENG_LDAP_URL`, optional: `ldaps://host` or `ldap://host` (StartTLS); without it no log-in by directory.
    pub url: String,
    /// `LICHENG_LDAP_CA`, optional: PEM file with the directory's authority; without it the system's authorities.
    pub ca: Option<PathBuf>,
    /// `LICHENG_LDAP_BASE_DN`, optional: where people are searched; needed with `LICHENG_LDAP_URL`.
    pub base_dn: String,
    /// `LICHENG_LDAP_BIND_DN`, optional: who searches; needed with `LICHENG_LDAP_URL`.
    pub bind_dn: String,
    /// `LICHENG_LDAP_BIND_PASSWORD`, optional: the searcher's password; needed with `LICHENG_LDAP_URL`.
    pub bind_password: Secret,
}

impl Ldap {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let rest = ["LICHENG_LDAP_CA", "LICHENG_LDAP_BASE_DN", "LICHENG_LDAP_BIND_DN", "LICHENG_LDAP_BIND_PASSWORD"];
        reader.concern("LICHENG_LDAP_URL", &rest)?;
        let url: Option<String> = reader.required("LICHENG_LDAP_URL");
        let ca = reader.optional("LICHENG_LDAP_CA");
        let base_dn = reader.required("LICHENG_LDAP_BASE_DN");
        let bind_dn = reader.required("LICHENG_LDAP_BIND_DN");
        let bind_password = reader.required("LICHENG_LDAP_BIND_PASSWORD");
        let url = url?;
        if !url.starts_with("ldap://") && !url.starts_with("ldaps://") {
            reader.problem("LICHENG_LDAP_URL", "must begin with ldap:// or ldaps://");
        }
        Some(Self { url, ca, base_dn: base_dn?, bind_dn: bind_dn?, bind_password: bind_password? })
    }
}

/// Log-in by the city's single sign-on (OpenID Connect).
#[derive(Clone, Debug)]
pub struct Oidc {
    /// `LICHENG_OIDC_ISSUER`, optional: the issuer exactly as its discovery document spells it; without it no single
    /// sign-on.
    pub issuer: HttpUrl,
    /// `LICHENG_OIDC_CLIENT_ID`, optional: our name there; needed with `LICHENG_OIDC_ISSUER`.
    pub client_id: String,
    /// `LICHENG_OIDC_CLIENT_SECRET`, optional: our secret there; needed with `LICHENG_OIDC_ISSUER`.
    pub client_secret: Secret,
}

impl Oidc {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let rest = ["LICHENG_OIDC_CLIENT_ID", "LICHENG_OIDC_CLIENT_SECRET"];
        reader.concern("LICHENG_OIDC_ISSUER", &rest)?;
        let issuer = reader.required("LICHENG_OIDC_ISSUER");
        let client_id = reader.required("LICHENG_OIDC_CLIENT_ID");
        let client_secret = reader.required("LICHENG_OIDC_CLIENT_SECRET");
        Some(Self { issuer: issuer?, client_id: client_id?, client_secret: client_secret? })
    }
}

/// The Ministry's central database.
#[derive(Clone, Debug)]
pub struct Central {
    /// `LICHENG_CENTRAL_URL`, optional: address of the central database's interface; without it submission is by hand.
    pub url: HttpUrl,
    /// `LICHENG_CENTRAL_KEY`, optional: our key there; needed with `LICHENG_CENTRAL_URL`.
    pub key: Secret,
}

impl Central {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        reader.concern("LICHENG_CENTRAL_URL", &["LICHENG_CENTRAL_KEY"])?;
        let url = reader.required("LICHENG_CENTRAL_URL");
        let key = reader.required("LICHENG_CENTRAL_KEY");
        Some(Self { url: url?, key: key? })
    }
}

/// The bucket that keeps the database's backups: a third one, with keys of its own, so that whoever holds the
/// application's keys can't erase them.
#[derive(Clone, Debug)]
pub struct Backup {
    /// `LICHENG_BACKUP_S3_ENDPOINT`, optional: address of the S3 server that keeps the database's backups; without it
    /// there are none.
    pub endpoint: HttpUrl,
    /// `LICHENG_BACKUP_S3_REGION`, default `us-east-1`: region that its signatures name.
    pub region: String,
    /// `LICHENG_BACKUP_S3_BUCKET`, optional: name of its bucket; needed with `LICHENG_BACKUP_S3_ENDPOINT`.
    pub bucket: String,
    /// `LICHENG_BACKUP_S3_ACCESS_KEY`, optional: its access key id; needed with `LICHENG_BACKUP_S3_ENDPOINT`.
    pub access_key: Secret,
    /// `LICHENG_BACKUP_S3_SECRET_KEY`, optional: its secret access key; needed with `LICHENG_BACKUP_S3_ENDPOINT`.
    pub secret_key: Secret,
    /// `LICHENG_BACKUP_NAME`, default `licheng`: the database's folder in that bucket, where several databases share
    /// one (letters, digits, `-`, `_`, `.`).
    pub name: String,
}

impl Backup {
    /// Reads the process environment, for commands that run where the database runs and know nothing else; nothing
    /// where it is not configured.
    pub fn from_env() -> Result<Option<Self>, ConfigError> {
        Self::from_lookup(&reader::environment)
    }

    /// Reads from any source of variables.
    pub fn from_lookup(lookup: &Lookup) -> Result<Option<Self>, ConfigError> {
        reader::read(lookup, |reader| Some(Self::read(reader)))
    }

    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let rest = ["LICHENG_BACKUP_S3_BUCKET", "LICHENG_BACKUP_S3_ACCESS_KEY", "LICHENG_BACKUP_S3_SECRET_KEY"];
        reader.concern("LICHENG_BACKUP_S3_ENDPOINT", &rest)?;
        let endpoint = reader.required("LICHENG_BACKUP_S3_ENDPOINT");
        let region = reader.or_default("LICHENG_BACKUP_S3_REGION", "us-east-1");
        let bucket: Option<String> = reader.required("LICHENG_BACKUP_S3_BUCKET");
        let access_key = reader.required("LICHENG_BACKUP_S3_ACCESS_KEY");
        let secret_key = reader.required("LICHENG_BACKUP_S3_SECRET_KEY");
        let name: Option<String> = reader.or_default("LICHENG_BACKUP_NAME", "licheng");
        // both go into PostgreSQL's restore_command, which a shell reads
        for (variable, text) in [("LICHENG_BACKUP_S3_BUCKET", &bucket), ("LICHENG_BACKUP_NAME", &name)] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if text.as_ref().is_some_and(|text| !text.chars().all(plain)) {
                reader.problem(variable, "may hold letters, digits, '-', '_' and '.' only");
            }
        }
        Some(Self {
            endpoint: endpoint?,
            region: region?,
            bucket: bucket?,
            access_key: access_key?,
            secret_key: secret_key?,
            name: name?,
        })
    }
}
