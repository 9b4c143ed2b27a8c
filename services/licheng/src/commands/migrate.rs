//! `licheng migrate`: the schema, and the passwords that the services' URLs carry.

use anyhow::{Context as _, Result};
use ops::{
    config::{self, Admin, Database, SERVICES},
    telemetry::Telemetry,
};
use percent_encoding::percent_decode_str;

/// Applies what is missing. Safe to run again, and by several at once. Needs the owner's login and nothing else: where
/// the services' URLs are known as well, their roles get the passwords in them.
pub async fn run() -> Result<()> {
    let (admin, database) = (Admin::from_env()?, Database::from_env()?);
    let telemetry = Telemetry::start(&config::Telemetry::from_env()?, "migrate")?;
    let prepared = prepare(admin.database_url.expose(), database.as_ref()).await;
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    println!("the schema is at version {}", prepared?.unwrap_or_default());
    Ok(())
}

/// Brings a database up to date and gives the roles the passwords that the configuration says; the schema's version.
pub async fn prepare(admin_url: &str, database: Option<&Database>) -> Result<Option<i64>> {
    let version = store::migrate::up(admin_url).await?;
    for service in SERVICES {
        let url = database.and_then(|database| database.url(service).ok());
        if let Some(secret) = url.and_then(|url| password(url.expose())) {
            let role = format!("svc_{service}");
            let set = store::migrate::set_password(admin_url, &role, &secret).await;
            set.with_context(|| format!("password of {role}"))?;
        }
    }
    Ok(version)
}

/// The password of a database URL, where it has one.
fn password(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(percent_decode_str(url.password()?).decode_utf8_lossy().into_owned())
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
