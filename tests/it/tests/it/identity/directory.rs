//! Log-in by the directory (LDAP).

use super::{PASSWORD, SCHOOL, audited, by_directory, in_directory, is_in, login_of};
use kernel::role::Role;
use testkit::City;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::test]
async fn the_right_password_leads_to_the_page_asked_for() {
    let city = City::up().await;
    let login = login_of(&city, Role::Student).await;
    in_directory(&login).await;
    let browser = city.visitor();
    let home = format!("/s/{SCHOOL}/home");
    let entered = by_directory(&browser, &login.to_uppercase(), PASSWORD, "").await.expect(303);
    assert_eq!(entered.location(), home);
    assert!(is_in(&browser).await);
    let trail = audited(&city, "session.begin").await.expect("an audit row");
    assert!(trail.contains("ldap") && !trail.contains(&login), "{trail}");

    let first = browser.cookie("__Host-licheng").expect("a session");
    let wanted = format!("/s/{SCHOOL}/outcomes?year=115");
    let entered = by_directory(&browser, &login, PASSWORD, &wanted).await.expect(303);
    assert_eq!(entered.location(), wanted);
    assert_ne!(browser.cookie("__Host-licheng").expect("another session"), first);
    // a link that leads elsewhere is dropped, and so is a school that is not the person's
    for foreign in ["https://evil.example/", "//evil.example", "/\\evil.example", "/s/353302/home"] {
        let entered = by_directory(&browser, &login, PASSWORD, foreign).await.expect(303);
        assert_eq!(entered.location(), home, "{foreign}");
    }
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_says_nothing_more() {
    let city = City::up().await;
    let login = login_of(&city, Role::Student).await;
    in_directory(&login).await;
    let browser = city.visitor();
    let wrong = by_directory(&browser, &login, "not-the-password", "/account/password").await.expect(422);
    assert_eq!(wrong.attributes("#login", "value"), [login.as_str()]);
    assert_eq!(wrong.attributes("#password", "value"), [""]);
    assert_eq!(wrong.attributes("#password", "aria-invalid"), ["true"]);
    assert!(!wrong.text().contains("not-the-password"));
    let unknown = by_directory(&browser, "nobody0", "not-the-password", "/account/password").await.expect(422);
    assert_eq!(unknown.texts(".field__error"), wrong.texts(".field__error"));
    // an empty password would make LDAP bind as nobody, which succeeds
    by_directory(&browser, &login, "", "").await.expect(422);
    // names that mean something to a filter find nobody
    for injection in ["*", "a*", "*)(uid=*", "x)(|(uid=*"] {
        by_directory(&browser, injection, PASSWORD, "").await.expect(422);
    }
    assert!(!is_in(&browser).await);
    let trail = audited(&city, "session.refuse").await.expect("an audit row");
    assert!(trail.contains("wrong") && !trail.contains("uid=") && !trail.contains(&login), "{trail}");
}

#[tokio::test]
async fn somebody_whom_no_roster_names_is_told_what_to_do() {
    let city = City::up().await;
    in_directory("not-in-any-roster").await;
    let browser = city.visitor();
    let page = by_directory(&browser, "not-in-any-roster", PASSWORD, "").await.expect(403);
    assert!(page.text().contains("註冊組"), "{}", page.summary());
    assert!(!is_in(&browser).await);
}

#[tokio::test]
async fn a_directory_under_a_strange_authority_is_not_believed() {
    let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/identity/stranger.pem");
    let city = City::with(&[("LICHENG_LDAP_CA", stranger)]).await;
    let login = login_of(&city, Role::Student).await;
    in_directory(&login).await;
    let page = by_directory(&city.visitor(), &login, PASSWORD, "").await.expect(503);
    assert!(page.text().contains("沒有回應"), "{}", page.summary());
    assert!(page.has("a[href='/login/sso']"), "the other ways in remain");
}

/// No password travels in the clear: a directory that won't speak TLS hears StartTLS and nothing else.
#[tokio::test]
async fn without_start_tls_nothing_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ldap://{}", listener.local_addr().expect("a bound port"));
    let listening = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).await.expect("a request");
        heard.truncate(length);
        // extended response: protocolError
        let refusal = [0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00];
        stream.write_all(&refusal).await.expect("the refusal is sent");
        stream.read_to_end(&mut heard).await.expect("the connection ends");
        heard
    });
    let city = City::with(&[("LICHENG_LDAP_URL", &url)]).await;
    by_directory(&city.visitor(), "somebody", "a-secret-of-somebody", "").await.expect(503);
    let heard = String::from_utf8_lossy(&listening.await.expect("the listener")).into_owned();
    assert!(heard.contains("1.3.6.1.4.1.1466.20037"), "StartTLS was asked for");
    assert!(!heard.contains("a-secret-of-somebody") && !heard.contains("cn=licheng"), "{heard:?}");
}
