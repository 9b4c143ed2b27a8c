//! The city's directory (LDAP): a name is searched by our own account, then the password is tried on the entry found.
//!
//! Encrypted always: `ldaps://`, or StartTLS on `ldap://`. The product never keeps or knows these passwords.

mod policy;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use ops::config;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::login::{LoginName, Password};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(3);
/// For each question.
const ANSWER: Duration = Duration::from_secs(4);

/// Result codes of RFC 4511 that say what became of a bind.
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
    /// Found, but it can't be bound as: no password, or a disabled account.
    pub(super) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(super) const UNWILLING_TO_PERFORM: u32 = 53;
}

/// The configured directory.
pub(crate) struct Directory {
    url: String,
    base_dn: String,
    bind_dn: String,
    bind_password: config::Secret,
    tls: Arc<ClientConfig>,
}

/// Why somebody does not come in by the directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// No such name, or another password: not told apart.
    #[error("wrong name or password")]
    Wrong,
    /// The directory's password policy: too many failures.
    #[error("locked by the directory")]
    Locked,
    /// The directory's password policy: too old.
    #[error("password expired")]
    Expired,
    /// The directory's password policy: given by somebody else, to be changed there first.
    #[error("password to be changed first")]
    MustChange,
    /// The directory can't be asked.
    #[error("directory away: {0}")]
    Away(String),
}

impl Refusal {
    /// For the audit.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Locked => "locked by the directory",
            Self::Expired => "password expired",
            Self::MustChange => "password to be changed",
            Self::Away(_) => "directory away",
        }
    }
}

impl From<LdapError> for Refusal {
    /// LDAP errors quote results and addresses, never what was sent.
    fn from(error: LdapError) -> Self {
        Self::Away(error.to_string())
    }
}

impl Directory {
    /// Reads the authority; a directory that is away is noticed at the first log-in, not here.
    pub(crate) fn new(config: &config::Ldap) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        match &config.ca {
            Some(file) => {
                let pem = CertificateDer::pem_file_iter(file)
                    .with_context(|| format!("LICHENG_LDAP_CA: {} can't be read", file.display()))?;
                for certificate in pem {
                    roots.add(certificate.context("LICHENG_LDAP_CA")?).context("LICHENG_LDAP_CA")?;
                }
            }
            None => {
                let system = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(system.certs);
            }
        }
        anyhow::ensure!(!roots.is_empty(), "LICHENG_LDAP_CA: there is no authority to trust");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            url: config.url.clone(),
            base_dn: config.base_dn.clone(),
            bind_dn: config.bind_dn.clone(),
            bind_password: config.bind_password.clone(),
            tls: Arc::new(tls),
        })
    }

    /// The name as the directory spells it, if the password is theirs.
    pub(crate) async fn authenticate(&self, login: &LoginName, password: &Password) -> Result<LoginName, Refusal> {
        if !password.is_plausible() {
            return Err(Refusal::Wrong);
        }
        let judged = self.judge(login, password).await;
        if let Err(Refusal::Away(error)) = &judged {
            tracing::warn!(%error, "the directory can't be asked");
        }
        judged
    }

    async fn judge(&self, login: &LoginName, password: &Password) -> Result<LoginName, Refusal> {
        let mut ldap = self.connect().await?;
        let judged = self.search_and_bind(&mut ldap, login, password).await;
        // the answer is there; a directory that does not take the farewell changes nothing
        let _ = tokio::time::timeout(ANSWER, ldap.unbind()).await;
        judged
    }

    async fn search_and_bind(&self, ldap: &mut Ldap, login: &LoginName, word: &Password) -> Result<LoginName, Refusal> {
        let ours = ldap.with_timeout(ANSWER).simple_bind(&self.bind_dn, self.bind_password.expose()).await?;
        ours.success()?;
        let filter = format!("(uid={})", ldap3::ldap_escape(login.as_str()));
        let (found, _) = ldap
            .with_timeout(ANSWER)
            .with_search_options(SearchOptions::new().sizelimit(2))
            .search(&self.base_dn, Scope::Subtree, &filter, ["uid"])
            .await?
            .success()?;
        let mut found = found.into_iter().map(SearchEntry::construct);
        let (Some(entry), None) = (found.next(), found.next()) else { return Err(Refusal::Wrong) };
        // LDAP compares names loosely (case, spaces); ours is what the directory itself wrote
        let names = entry.attrs.get("uid").into_iter().flatten();
        let spelled = names.filter_map(|name| LoginName::parse(name)).find(|name| name == login);
        let spelled = spelled.ok_or(Refusal::Wrong)?;
        let ask_for_policy = RawControl { ctype: policy::OID.to_owned(), crit: false, val: None };
        let result =
            ldap.with_timeout(ANSWER).with_controls(vec![ask_for_policy]).simple_bind(&entry.dn, word.expose()).await?;
        verdict(&result).map(|()| spelled)
    }

    async fn connect(&self) -> Result<Ldap, Refusal> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(CONNECT)
            .set_starttls(self.url.starts_with("ldap://"))
            .set_config(Arc::clone(&self.tls));
        let connecting = LdapConnAsync::with_settings(settings, &self.url);
        let standing = tokio::time::timeout(CONNECT, connecting).await;
        let (connection, ldap) = standing.map_err(|_| Refusal::Away("no connection in time".to_owned()))??;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory broke");
            }
        });
        Ok(ldap)
    }
}

/// What the bind as the person says, with the password policy's word where there is one.
fn verdict(result: &LdapResult) -> Result<(), Refusal> {
    let policy = result.ctrls.iter().find(|control| control.1.ctype == policy::OID);
    let error = policy.and_then(|control| control.1.val.as_deref()).and_then(policy::error);
    match (error, result.rc) {
        (Some(policy::Error::Locked), _) => Err(Refusal::Locked),
        (Some(policy::Error::Expired), _) => Err(Refusal::Expired),
        (Some(policy::Error::MustChange), _) => Err(Refusal::MustChange),
        (None, code::SUCCESS) => Ok(()),
        (None, code::INVALID_CREDENTIALS | code::INAPPROPRIATE_AUTHENTICATION | code::UNWILLING_TO_PERFORM) => {
            Err(Refusal::Wrong)
        }
        (None, other) => Err(Refusal::Away(format!("result code {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rc: u32, policy: Option<&[u8]>) -> LdapResult {
        let control = |value: &[u8]| {
            let raw = RawControl { ctype: policy::OID.to_owned(), crit: false, val: Some(value.to_vec()) };
            ldap3::controls::Control(None, raw)
        };
        LdapResult {
            rc,
            matched: String::new(),
            text: String::new(),
            refs: Vec::new(),
            ctrls: policy.into_iter().map(control).collect(),
        }
    }

    #[test]
    fn the_policy_says_more_than_the_result_code() {
        assert!(verdict(&result(0, None)).is_ok());
        assert!(matches!(verdict(&result(49, None)), Err(Refusal::Wrong)));
        assert!(matches!(verdict(&result(49, Some(&[0x30, 3, 0x81, 1, 1]))), Err(Refusal::Locked)));
        assert!(matches!(verdict(&result(49, Some(&[0x30, 3, 0x81, 1, 0]))), Err(Refusal::Expired)));
        assert!(matches!(verdict(&result(0, Some(&[0x30, 3, 0x81, 1, 2]))), Err(Refusal::MustChange)));
        // a warning alone (expires in 42 s) lets people in
        assert!(verdict(&result(0, Some(&[0x30, 5, 0xa0, 3, 0x80, 1, 42]))).is_ok());
        assert!(matches!(verdict(&result(52, None)), Err(Refusal::Away(_))));
    }
}
