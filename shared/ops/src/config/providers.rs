//! The optional concerns: providers of log-in, mail and the central database. A concern is on when its first
//! variable is set.

use std::path::PathBuf;

use super::reader::Reader;
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
