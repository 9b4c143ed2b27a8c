//! `licheng doctor`: asks every dependency and says what to do about those that don't answer.

use crate::House;
use anyhow::{Result, bail};
use blob::Part;
use kernel::clock::Clock;
use ops::config::{Config, SERVICES};

/// Prints a line for each dependency; an error if one is away.
pub async fn run() -> Result<()> {
    let house = House::build(Config::from_env()?, Clock::System)?;
    let mut ill = 0;
    let mut report = |name: &str, found: Result<String>, advice: &str| match found {
        Ok(detail) => println!("ok    {name}: {detail}"),
        Err(error) => {
            ill += 1;
            println!("AWAY  {name}: {error:#}\n      {advice}");
        }
    };
    for service in SERVICES {
        let name = format!("database as svc_{service}");
        report(&name, database(&house, service).await, "check LICHENG_DATABASE_URL and run `licheng migrate`");
    }
    report("redis", redis(&house).await, "check LICHENG_REDIS_URL; log-in and jobs wait for it, nothing is lost");
    for (name, part, advice) in [
        ("storage, first copy", Part::Primary, "check LICHENG_S3_*; uploads wait for it"),
        ("storage, second copy", Part::Replica, "check LICHENG_S3_REPLICA_*; nothing counts as saved without it"),
        ("virus scanner", Part::Scanner, "check LICHENG_CLAMD_ADDRESS; uploads wait for it"),
    ] {
        let found = house.vault.check(part).await.map(|()| "answers".to_owned()).map_err(Into::into);
        report(name, found, advice);
    }
    match &house.config.backup {
        Some(backup) => {
            let found = crate::backup::records(backup).check().await.map(|()| "answers".to_owned()).map_err(Into::into);
            report("backups", found, "check LICHENG_BACKUP_S3_*; without it a broken database is lost");
        }
        None => println!("none  backups: set LICHENG_BACKUP_S3_ENDPOINT and the variables beside it"),
    }
    for (name, configured) in [
        ("mail", house.config.mail.is_some()),
        ("single sign-on", house.config.oidc.is_some()),
        ("directory", house.config.ldap.is_some()),
        ("central database", house.config.central.is_some()),
    ] {
        println!("{}  {name}", if configured { "set " } else { "none" });
    }
    if ill > 0 {
        bail!("{ill} dependencies are away");
    }
    Ok(())
}

async fn database(house: &House, service: &str) -> Result<String> {
    let found = house.db(service)?.migrations().await?;
    store::migrate::fits(&found)?;
    Ok(format!("schema {}", found.last().map_or(0, |newest| newest.version)))
}

async fn redis(house: &House) -> Result<String> {
    let answer: String = redis::cmd("PING").query_async(&mut house.web.redis()).await?;
    Ok(answer)
}
