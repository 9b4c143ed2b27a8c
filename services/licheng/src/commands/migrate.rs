//! `licheng migrate`: the schema, and the passwords that the services' URLs carry.

use anyhow::{Context as _, Result};
use ops::config::{Admin, Config, SERVICES};

/// Applies what is missing. Safe to run again, and by several at once.
pub async fn run() -> Result<()> {
    let (admin, config) = (Admin::from_env()?, Config::from_env()?);
    prepare(admin.database_url.expose(), &config).await?;
    println!("the schema is at version {}", store::migrate::newest().unwrap_or_default());
    Ok(())
}

/// Brings a database up to date and gives the roles the passwords that the configuration says.
pub async fn prepare(admin_url: &str, config: &Config) -> Result<()> {
    store::migrate::up(admin_url).await?;
    for service in SERVICES {
        let url = config.database.url(service)?;
        if let Some(secret) = password(url.expose()) {
            let role = format!("svc_{service}");
            let set = store::migrate::set_password(admin_url, &role, &secret).await;
            set.with_context(|| format!("password of {role}"))?;
        }
    }
    Ok(())
}

/// The password of a database URL, where it has one.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (credentials, _) = rest.rsplit_once('@')?;
    let (_, password) = credentials.split_once(':')?;
    Some(percent_decoded(password))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_taken_from_the_url() {
        assert_eq!(password("postgres://svc_school:a%40b%2Fc@host:5432/licheng").as_deref(), Some("a@b/c"));
        assert_eq!(password("postgres://svc_school@host/licheng"), None);
    }
}
