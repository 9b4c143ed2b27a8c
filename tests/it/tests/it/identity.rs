//! Coming in and leaving: the real directory, the real single sign-on, the real Redis.

mod devices;
mod directory;
mod rosters;
mod single_sign_on;
mod temporary;

use kernel::role::Role;
use ldap3::{LdapConnAsync, LdapConnSettings};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};
use std::{collections::HashSet, sync::Arc};
use testkit::{Answer, City, Visitor};
use time::Duration;

/// A school of the seeded city.
const SCHOOL: &str = "343303";
/// What everybody in the directory logs in with.
const PASSWORD: &str = "licheng-demo";

/// The login name of the first person with a role at the school.
async fn login_of(city: &City, role: Role) -> String {
    sqlx::query_scalar(
        "select a.login from identity.account a join identity.membership m using (person_id)
         where m.role = $1 and m.school_code = $2 order by m.subject_id limit 1",
    )
    .bind(role.code())
    .bind(SCHOOL)
    .fetch_one(&mut city.admin().await)
    .await
    .expect("somebody with that role")
}

/// Puts somebody into the real directory, as the city's administration would; twice is once.
async fn in_directory(uid: &str) {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(env("LICHENG_LDAP_CA")).expect("the directory's authority") {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let settings = LdapConnSettings::new().set_config(Arc::new(tls));
    let (connection, mut ldap) =
        LdapConnAsync::with_settings(settings, &env("LOCAL_LDAPS_URL")).await.expect("the directory");
    tokio::spawn(connection.drive());
    let bound = ldap.simple_bind(&env("LOCAL_LDAP_ADMIN_DN"), &env("LOCAL_LDAP_ADMIN_PASSWORD")).await;
    bound.and_then(ldap3::LdapResult::success).expect("the directory's administrator");
    let dn = format!("uid={uid},{}", env("LICHENG_LDAP_BASE_DN"));
    let one = |value: &'static str| HashSet::from([value]);
    let attributes = vec![
        ("objectClass", one("inetOrgPerson")),
        ("uid", HashSet::from([uid])),
        ("cn", one("somebody")),
        ("sn", one("somebody")),
        ("userPassword", one(PASSWORD)),
    ];
    let added = ldap.add(&dn, attributes).await.expect("an answer");
    const ENTRY_EXISTS: u32 = 68;
    assert!([0, ENTRY_EXISTS].contains(&added.rc), "{added:?}");
}

#[expect(clippy::disallowed_methods, reason = "the components' addresses, from the runner of the tests")]
fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Logs in by the directory.
async fn by_directory(visitor: &Visitor, login: &str, password: &str, next: &str) -> Answer {
    visitor.post_form("/login/ldap", &[("login", login), ("password", password), ("next", next)]).await
}

/// The newest audit row of an action, as JSON text.
async fn audited(city: &City, action: &str) -> Option<String> {
    sqlx::query_scalar(
        "select coalesce(before::text, '') || coalesce(after::text, '') from app.audit where action = $1
         order by at desc, id desc limit 1",
    )
    .bind(action)
    .fetch_optional(&mut city.admin().await)
    .await
    .expect("the audit")
}

/// Whether the browser is logged in.
async fn is_in(visitor: &Visitor) -> bool {
    visitor.get("/account/password").await.status() == 200
}

/// F-013: "identity providers must be switchable": what is not configured is not shown and not there.
#[tokio::test]
async fn only_configured_ways_in_are_offered() {
    let all = City::up().await;
    let page = all.visitor().get("/login").await.expect(200);
    assert!(page.has("a[href='/login/sso']") && page.has("form[action='/login/ldap']"));
    drop(all);
    let none = [
        ("LICHENG_LDAP_URL", ""),
        ("LICHENG_LDAP_CA", ""),
        ("LICHENG_LDAP_BASE_DN", ""),
        ("LICHENG_LDAP_BIND_DN", ""),
        ("LICHENG_LDAP_BIND_PASSWORD", ""),
        ("LICHENG_OIDC_ISSUER", ""),
        ("LICHENG_OIDC_CLIENT_ID", ""),
        ("LICHENG_OIDC_CLIENT_SECRET", ""),
    ];
    let few = City::with(&none).await;
    let page = few.visitor().get("/login").await.expect(200);
    assert!(!page.has("a[href='/login/sso']") && !page.has("form[action='/login/ldap']"));
    assert!(page.has("form[action='/login/account']"));
    few.visitor().get("/login/sso").await.expect(404);
    by_directory(&few.visitor(), "anybody", PASSWORD, "").await.expect(404);
}

/// Issue 2 §1.3: Redis may be emptied; people log in again and come back to the page they asked for.
#[tokio::test]
async fn an_emptied_redis_costs_one_log_in() {
    let city = City::up().await;
    let login = login_of(&city, Role::Student).await;
    in_directory(&login).await;
    let browser = city.visitor();
    by_directory(&browser, &login, PASSWORD, "").await.expect(303);
    assert!(is_in(&browser).await);
    redis::cmd("FLUSHDB").query_async::<()>(&mut city.house.web.redis()).await.expect("an empty Redis");
    let sent = browser.get("/account/password?from=home").await.expect(303);
    assert_eq!(sent.location(), "/login?next=%2Faccount%2Fpassword%3Ffrom%3Dhome");
    let form = browser.get(sent.location()).await.expect(200);
    let next = form.attributes("form[action='/login/ldap'] input[name=next]", "value");
    let back = by_directory(&browser, &login, PASSWORD, &next[0]).await.expect(303);
    assert_eq!(back.location(), "/account/password?from=home");
    assert!(is_in(&browser).await);
}

#[tokio::test]
async fn a_person_changes_hats_without_logging_in_again() {
    let city = City::up().await;
    let (person, count): (i64, i64) = sqlx::query_as(
        "select person_id, count(*) from identity.membership where school_code = $1 group by 1 having count(*) > 1
         order by 1 limit 1",
    )
    .bind(SCHOOL)
    .fetch_one(&mut city.admin().await)
    .await
    .expect("somebody with two roles");
    let login: String = sqlx::query_scalar("select login from identity.account where person_id = $1")
        .bind(person)
        .fetch_one(&mut city.admin().await)
        .await
        .expect("their account");
    in_directory(&login).await;
    let browser = city.visitor();
    by_directory(&browser, &login, PASSWORD, "").await.expect(303);
    let old_tab = browser.get("/").await.expect(200);
    let hats = old_tab.attributes(".menu__item", "value");
    assert_eq!(hats.len() as i64, count);
    let worn = old_tab.texts(".identity__role");
    browser.post_form("/session/hat", &[("hat", &hats[1])]).await.expect(303);
    let page = browser.get("/").await;
    let now_worn = page.texts(".identity__role");
    assert_ne!(worn, now_worn);
    let labels = old_tab.texts(".menu__item");
    assert!(page.texts(".notice").concat().contains(&labels[1]), "the school is named: {}", page.summary());
    // the hats are sorted anew: what an old tab shows is what it puts on, all the same
    for (place, worn) in [(0, &worn), (1, &now_worn)] {
        city.pass(Duration::seconds(1));
        browser.post_form("/session/hat", &[("hat", &hats[place])]).await.expect(303);
        assert_eq!(browser.get("/").await.texts(".identity__role"), *worn);
    }
    let trail = audited(&city, "session.wear").await.expect("an audit row");
    assert!(trail.contains(SCHOOL), "{trail}");
    browser.post_form("/session/hat", &[("hat", "99")]).await.expect(303);
    assert_eq!(browser.get("/").await.texts(".identity__role"), now_worn, "nobody's hat");

    // the hat worn last is on after the next log-in
    browser.post_form("/logout", &[]).await.expect(303);
    assert!(!is_in(&browser).await);
    by_directory(&browser, &login, PASSWORD, "").await.expect(303);
    assert_eq!(browser.get("/").await.texts(".identity__role"), now_worn);

    // a hat that the roster took back meanwhile can't be put on
    let (school, role) = hats[0].split_once('.').expect("school and role");
    sqlx::query("delete from identity.membership where person_id = $1 and school_code = $2 and role = $3")
        .bind(person)
        .bind(school)
        .bind(role)
        .execute(&mut city.admin().await)
        .await
        .expect("one hat less");
    browser.post_form("/session/hat", &[("hat", &hats[0])]).await.expect(303);
    assert_eq!(browser.get("/").await.texts(".identity__role"), now_worn);
}

/// Issue 2 §4: the page with the demo's accounts is the demo's alone.
#[tokio::test]
async fn the_demo_page_is_there_in_the_demo_only() {
    let demo = City::up().await;
    let page = demo.visitor().get("/demo").await.expect(200);
    let login = login_of(&demo, Role::Student).await;
    assert!(page.text().contains(&login) && page.text().contains(PASSWORD));
    let filled = demo.visitor().get(&format!("/login?as={login}")).await.expect(200);
    assert_eq!(filled.attributes("#login", "value"), [login.as_str()]);
    assert_eq!(filled.attributes("#password", "value"), [PASSWORD]);
    drop(demo);
    let real = City::with(&[("LICHENG_DEMO", "false")]).await;
    real.visitor().get("/demo").await.expect(404);
    let empty = real.visitor().get(&format!("/login?as={login}")).await.expect(200);
    assert_eq!(empty.attributes("#login", "value"), [""]);
    assert_eq!(empty.attributes("#password", "value"), [""]);
}
