use std::collections::BTreeSet;

use super::table::documented;
use super::*;

const COMPLETE: [(&str, &str); 15] = [
    ("LICHENG_DATABASE_URL", "postgres://{role}:hush@db/licheng"),
    ("LICHENG_REDIS_URL", "redis://:hush@cache"),
    ("LICHENG_S3_ENDPOINT", "http://s3:8333"),
    ("LICHENG_S3_BUCKET", "first"),
    ("LICHENG_S3_ACCESS_KEY", "hush"),
    ("LICHENG_S3_SECRET_KEY", "hush"),
    ("LICHENG_S3_REPLICA_ENDPOINT", "http://s3:8333"),
    ("LICHENG_S3_REPLICA_BUCKET", "second"),
    ("LICHENG_S3_REPLICA_ACCESS_KEY", "hush"),
    ("LICHENG_S3_REPLICA_SECRET_KEY", "hush"),
    ("LICHENG_CLAMD_ADDRESS", "clamd:3310"),
    ("LICHENG_SECRET", "aHVzaGh1c2hodXNoaHVzaGh1c2hodXNoaHVzaGh1c2g="),
    ("LICHENG_ORIGIN", "https://portfolio.example.tw"),
    ("LICHENG_FILES_ORIGIN", "https://files.example.tw"),
    ("LICHENG_REPLICA_UNRELATED", "ignored"),
];

/// The complete configuration with some variables set differently; an empty one is unset.
fn with(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(&|name| {
        let mut variables = changes.iter().chain(&COMPLETE);
        let (_, text) = variables.find(|(variable, _)| *variable == name)?;
        Some((*text).to_owned())
    })
}

fn wrong(changes: &[(&str, &str)]) -> Vec<String> {
    let error = with(changes).expect_err("the configuration is wrong");
    error.variables().map(str::to_owned).collect()
}

#[test]
fn complete_configuration_reads_with_documented_defaults() {
    let config = with(&[]).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8400");
    assert_eq!(config.http.drain, Duration::from_secs(20));
    assert_eq!(config.storage.public_endpoint.as_str(), "http://s3:8333");
    assert_eq!(config.storage.public_endpoint.origin(), "http://s3:8333");
    assert!(config.mail.is_none() && config.ldap.is_none());
    assert!(config.oidc.is_none() && config.central.is_none());
    assert!(!config.demo.enabled);
}

#[test]
fn each_service_connects_as_its_own_role() {
    let config = with(&[("LICHENG_DATABASE_URL_BUREAU", "postgres://counting@db/licheng")]).unwrap();
    let url = |service| config.database.url(service).unwrap();
    assert_eq!(url("portfolio").expose(), "postgres://svc_portfolio:hush@db/licheng");
    assert_eq!(url("bureau").expose(), "postgres://counting@db/licheng");
}

#[test]
fn a_process_may_know_only_its_own_database_url() {
    let only_own = [("LICHENG_DATABASE_URL", ""), ("LICHENG_DATABASE_URL_SCHOOL", "postgres://svc_school@db/licheng")];
    let config = with(&only_own).unwrap();
    assert!(config.database.url("school").is_ok());
    let missing = config.database.url("identity").unwrap_err();
    assert!(missing.variables().eq(["LICHENG_DATABASE_URL_IDENTITY"]));
}

#[test]
fn all_problems_are_reported_at_once() {
    let error = Config::from_lookup(&|_| None).unwrap_err();
    let required = documented().into_iter().filter(|variable| variable.default == "required");
    let mut expected: BTreeSet<String> = required.flat_map(|variable| variable.names).collect();
    expected.remove("LICHENG_DATABASE_ADMIN_URL"); // not serve's business
    expected.insert("LICHENG_DATABASE_URL".to_owned()); // no service has its own here
    let reported: BTreeSet<String> = error.variables().map(str::to_owned).collect();
    assert_eq!(reported, expected);
    assert!(error.to_string().contains("\n  LICHENG_REDIS_URL is missing\n"));
}

#[test]
fn wrong_values_are_named_but_never_quoted() {
    for (variable, value) in [
        ("LICHENG_LISTEN", "hush"),
        ("LICHENG_SECRET", "aHVzaA=="),
        ("LICHENG_DATABASE_URL", "postgres://owner:hush@db/licheng"),
        ("LICHENG_DATABASE_POOL", "0"),
        ("LICHENG_ORIGIN", "http://portfolio.example.tw"),
        ("LICHENG_ORIGIN", "https://portfolio.example.tw/path"),
        ("LICHENG_CLAMD_ADDRESS", "clamd"),
        ("LICHENG_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LICHENG_S3_ENDPOINT", "http://hush:hush@s3"),
        ("LICHENG_S3_REPLICA_BUCKET", "first"),
        ("LICHENG_LOG_FORMAT", "xml"),
        ("LICHENG_DEMO", "maybe"),
    ] {
        let error = with(&[(variable, value)]).unwrap_err();
        assert_eq!(error.variables().collect::<Vec<_>>(), [variable], "{value}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[test]
fn files_live_on_another_host_because_cookies_ignore_ports() {
    let same_host = [("LICHENG_ORIGIN", "http://localhost:8400"), ("LICHENG_FILES_ORIGIN", "http://localhost:8401")];
    assert_eq!(wrong(&same_host), ["LICHENG_FILES_ORIGIN"]);
    let other_host = [("LICHENG_ORIGIN", "http://localhost:8400"), ("LICHENG_FILES_ORIGIN", "http://127.0.0.1:8400")];
    assert!(with(&other_host).is_ok());
}

#[test]
fn half_a_concern_is_a_mistake() {
    assert_eq!(wrong(&[("LICHENG_MAIL_FROM", "a@example.tw")]), ["LICHENG_MAIL_FROM"]);
    assert_eq!(
        wrong(&[("LICHENG_OIDC_ISSUER", "https://sso.example.tw")]),
        ["LICHENG_OIDC_CLIENT_ID", "LICHENG_OIDC_CLIENT_SECRET"]
    );
    assert_eq!(wrong(&[("LICHENG_BACKUP_S3_BUCKET", "third")]), ["LICHENG_BACKUP_S3_BUCKET"]);
}

#[test]
fn mail_never_travels_in_clear() {
    let mail = |url| with(&[("LICHENG_SMTP_URL", url), ("LICHENG_MAIL_FROM", "a@example.tw")]);
    for right in ["smtps://mail", "smtp://mail?tls=required", "smtp://127.0.0.1:1025"] {
        assert!(mail(right).is_ok(), "{right}");
    }
    for wrong in ["smtp://mail", "smtp://mail?tls=opportunistic", "mail"] {
        assert!(mail(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let complete = with(&[
        ("LICHENG_SMTP_URL", "smtps://me:hush@mail"),
        ("LICHENG_MAIL_FROM", "a@example.tw"),
        ("LICHENG_CENTRAL_URL", "https://central.example.tw"),
        ("LICHENG_CENTRAL_KEY", "hush"),
    ]);
    let shown = format!("{:?}", complete.unwrap());
    assert!(shown.contains("Secret(…)") && !shown.contains("hush"), "{shown}");
}

#[test]
fn proxies_are_addresses_or_networks() {
    let config = with(&[("LICHENG_TRUSTED_PROXIES", "10.0.0.0/8, ::1")]).unwrap();
    let trusted = |address: &str| config.http.trusted_proxies.contains(address.parse().unwrap());
    assert!(trusted("10.1.2.3") && trusted("::ffff:10.1.2.3") && trusted("::1"));
    assert!(!trusted("11.0.0.1") && !trusted("::2") && !trusted("127.0.0.1"));
    let none = with(&[]).unwrap().http.trusted_proxies;
    assert!(!none.contains("127.0.0.1".parse().unwrap()));
}

#[test]
fn docs_name_exactly_what_is_read() {
    let everything = |name: &str| Some(format!("value of {name}"));
    let mut reader = Reader::new(&everything);
    Config::read(&mut reader);
    Admin::read(&mut reader);
    let services = SERVICES.map(|service| format!("LICHENG_DATABASE_URL_{}", service.to_uppercase()));
    let read: BTreeSet<(String, Option<String>)> = reader
        .asked
        .into_iter()
        .map(|(name, default)| match services.contains(&name) {
            true => ("LICHENG_DATABASE_URL_<SERVICE>".to_owned(), default),
            false => (name, default),
        })
        .collect();
    let documented: BTreeSet<(String, Option<String>)> = documented()
        .into_iter()
        .flat_map(|variable| {
            let default = Some(variable.default).filter(|word| word != "required" && word != "optional");
            variable.names.into_iter().map(move |name| (name, default.clone()))
        })
        .collect();
    assert_eq!(read, documented);
}

#[test]
fn readme_carries_the_table() {
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&table()), "replace the configuration table in README.md by:\n{}", table());
}

#[test]
fn backups_lie_in_a_bucket_of_their_own_under_a_plain_name() {
    let backup = |bucket, name| {
        with(&[
            ("LICHENG_BACKUP_S3_ENDPOINT", "http://s3:8333"),
            ("LICHENG_BACKUP_S3_BUCKET", bucket),
            ("LICHENG_BACKUP_S3_ACCESS_KEY", "hush"),
            ("LICHENG_BACKUP_S3_SECRET_KEY", "hush"),
            ("LICHENG_BACKUP_NAME", name),
        ])
    };
    assert_eq!(backup("third", "").unwrap().backup.unwrap().name, "licheng");
    for (bucket, name, variable) in [
        ("first", "", "LICHENG_BACKUP_S3_BUCKET"),
        ("second", "", "LICHENG_BACKUP_S3_BUCKET"),
        ("third", "a'; rm", "LICHENG_BACKUP_NAME"),
    ] {
        let error = backup(bucket, name).unwrap_err();
        assert_eq!(error.variables().collect::<Vec<_>>(), [variable], "{bucket} {name}");
    }
}
