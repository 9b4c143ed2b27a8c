//! The city's single sign-on: the browser walks through the provider's own forms.

use super::{PASSWORD, SCHOOL, env, in_directory, is_in, login_of};
use kernel::{clock::Clock, role::Role};
use reqwest::{Client, Url, redirect::Policy};
use scraper::{Html, Selector};
use std::{collections::BTreeMap, time::Duration};
use testkit::{City, Visitor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A browser's side towards the provider.
struct AtProvider {
    client: Client,
    cookies: BTreeMap<String, String>,
}

/// What the provider showed, or where it sent the browser.
enum Shown {
    Page(Url, String),
    Elsewhere(String),
}

impl AtProvider {
    fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { client, cookies: BTreeMap::new() }
    }

    /// Goes where the provider says until it shows a page or sends the browser back.
    async fn walk(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Shown {
        let issuer = env("LICHENG_OIDC_ISSUER");
        let mut url = Url::parse(&issuer).expect("the issuer").join(url).expect("a place");
        let mut form = form;
        loop {
            let mut request = match form.take() {
                None => self.client.get(url.clone()),
                Some(fields) => {
                    let mut body = Url::parse("http://form/").expect("a URL");
                    body.query_pairs_mut().extend_pairs(fields);
                    let kind = ("content-type", "application/x-www-form-urlencoded");
                    self.client.post(url.clone()).header(kind.0, kind.1).body(body.query().unwrap_or("").to_owned())
                }
            };
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
            let answer = request.send().await.expect("the provider");
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
                let (name, value) = pair.split_once('=').expect("a pair");
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = answer.headers().get("location") else {
                return Shown::Page(url, answer.text().await.expect("a page"));
            };
            url = url.join(location.to_str().expect("ASCII")).expect("a place");
            if !url.as_str().starts_with(&issuer) {
                return Shown::Elsewhere(url.into());
            }
        }
    }

    /// Fills in the provider's log-in page; returns where it sends the browser.
    async fn log_in(&mut self, departure: &str, login: &str) -> String {
        match self.walk(departure, None).await {
            Shown::Elsewhere(back) => back, // the provider knew the browser already
            Shown::Page(page, html) => {
                let action = attribute(&html, "form", "action");
                let action = page.join(&action).expect("the form's action");
                match self.walk(action.as_str(), Some(&[("uid", login), ("password", PASSWORD)])).await {
                    Shown::Elsewhere(back) => back,
                    Shown::Page(_, html) => panic!("the provider did not let {login} in: {html}"),
                }
            }
        }
    }
}

fn attribute(html: &str, selector: &str, name: &str) -> String {
    let page = Html::parse_document(html);
    let selector = Selector::parse(selector).expect("a selector");
    let element = page.select(&selector).next().unwrap_or_else(|| panic!("no such element in {html}"));
    element.attr(name).unwrap_or_default().to_owned()
}

/// A student of the city who is in the directory.
async fn student(city: &City) -> String {
    let login = login_of(city, Role::Student).await;
    in_directory(&login).await;
    login
}

/// Leaves for the provider and comes back as far as the callback's URL.
async fn go_and_return(browser: &Visitor, login: &str, next: &str) -> String {
    let departure = browser.get(&format!("/login/sso?next={next}")).await.expect(303);
    assert!(departure.location().contains("code_challenge_method=S256"), "PKCE");
    AtProvider::new().log_in(departure.location(), login).await
}

#[tokio::test]
async fn the_provider_vouches_and_the_person_comes_back_to_their_page() {
    let city = City::up().await;
    let login = student(&city).await;
    let browser = city.visitor();
    let callback = go_and_return(&browser, &login, &format!("%2Fs%2F{SCHOOL}%2Foutcomes%3Fyear%3D115")).await;
    let entered = browser.get(&callback).await.expect(303);
    assert_eq!(entered.location(), format!("/s/{SCHOOL}/outcomes?year=115"));
    assert!(is_in(&browser).await);
    // the same answer a second time is nobody's
    browser.get(&callback).await.expect(400);

    // logging out ends the provider's session as well (RP-initiated)
    let farewell = browser.post_form("/logout", &[]).await.expect(303);
    let place = Url::parse(farewell.location()).expect("the provider");
    let asked: BTreeMap<_, _> = place.query_pairs().into_owned().collect();
    assert!(place.as_str().starts_with(&env("LICHENG_OIDC_ISSUER")));
    assert!(asked["id_token_hint"].matches('.').count() == 2);
    assert_eq!(asked["post_logout_redirect_uri"], format!("{}/", browser.origin()));
    assert!(!is_in(&browser).await);
}

#[tokio::test]
async fn an_answer_without_its_own_departure_is_refused() {
    let city = City::up().await;
    let login = student(&city).await;
    let (browser, other) = (city.visitor(), city.visitor());
    let callback = go_and_return(&browser, &login, "").await;
    // another browser, with a departure of its own: the link of a stranger logs nobody in
    other.get("/login/sso").await.expect(303);
    other.get(&callback).await.expect(400);
    assert!(!is_in(&other).await);
    // a state that was never given out
    let callback = go_and_return(&browser, &login, "").await;
    let mut made_up = Url::parse(&callback).expect("a URL");
    let code = made_up.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    made_up.query_pairs_mut().clear().append_pair("state", "made-up").append_pair("code", &code);
    browser.get(made_up.as_str()).await.expect(400);
    // cancelled at the provider
    let state = Url::parse(&callback).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cancelled = browser.get(&format!("/sso/callback?state={state}&error=access_denied")).await.expect(400);
    assert!(cancelled.text().contains("沒有完成"), "{}", cancelled.summary());
    assert!(!is_in(&browser).await);
}

#[tokio::test]
async fn an_id_token_with_another_nonce_is_refused() {
    let city = City::up().await;
    let login = student(&city).await;
    let browser = city.visitor();
    let callback = go_and_return(&browser, &login, "").await;
    let mut redis = city.house.web.redis();
    let keys: Vec<String> = redis::cmd("KEYS").arg("sso:flow:*").query_async(&mut redis).await.unwrap();
    let flow: String = redis::cmd("GET").arg(&keys[0]).query_async(&mut redis).await.unwrap();
    let mut flow: serde_json::Value = serde_json::from_str(&flow).unwrap();
    flow["nonce"] = "another".into();
    redis::cmd("SET").arg(&keys[0]).arg(flow.to_string()).query_async::<()>(&mut redis).await.unwrap();
    let refused = browser.get(&callback).await.expect(400);
    assert!(refused.text().contains("無法確認"), "{}", refused.summary());
    assert!(!is_in(&browser).await);
}

#[tokio::test]
async fn a_provider_that_is_away_leaves_the_other_ways() {
    let city = City::with(&[("LICHENG_OIDC_ISSUER", "http://127.0.0.1:9")]).await;
    let page = city.visitor().get("/login/sso?next=%2Faccount%2Fpassword").await.expect(503);
    assert!(page.text().contains("沒有回應"), "{}", page.summary());
    assert_eq!(page.attributes("form[action='/login/ldap'] input[name=next]", "value"), ["/account/password"]);
}

/// The provider tells the application itself, at the address it was registered with, that a session ended.
#[tokio::test]
async fn a_session_that_ends_at_the_provider_ends_here() {
    let city = City::up().await;
    let login = student(&city).await;
    let browser = city.visitor();
    let departure = browser.get("/login/sso").await.expect(303);
    let mut provider = AtProvider::new();
    let callback = provider.log_in(departure.location(), &login).await;
    browser.get(&callback).await.expect(303);
    assert!(is_in(&browser).await);
    city.clock.set(Clock::System.now()); // the provider's tokens carry the time of day

    let registered = TcpListener::bind(env("LICHENG_LISTEN")).await.expect("the application's registered address");
    let told = tokio::spawn(hear_form(registered));
    let end = format!("{}/session/end?client_id={}", env("LICHENG_OIDC_ISSUER"), env("LICHENG_OIDC_CLIENT_ID"));
    let Shown::Page(page, html) = provider.walk(&end, None).await else { panic!("the provider asks first") };
    let action = page.join(&attribute(&html, "form", "action")).expect("the form's action");
    let xsrf = attribute(&html, "input[name=xsrf]", "value");
    drop(provider.walk(action.as_str(), Some(&[("xsrf", &xsrf), ("logout", "yes")])).await);
    let form = tokio::time::timeout(Duration::from_secs(60), told).await.expect("the provider speaks").expect("a form");
    city.clock.set(Clock::System.now());

    let post = async |form: &str| {
        let client = Client::new();
        let url = format!("{}/sso/backchannel-logout", browser.origin());
        let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await.expect("an answer").status().as_u16()
    };
    let forged = format!("{}AAAA", &form[..form.len() - 4]);
    assert_eq!(post(&forged).await, 400);
    assert!(is_in(&browser).await);
    // the sessions can't be ended just now: the provider's next try must still count
    let mut redis = city.house.web.redis();
    let index: Vec<String> = redis::cmd("KEYS").arg("sessions:sid:*").query_async(&mut redis).await.unwrap();
    let [index] = &index[..] else { panic!("one session of the provider: {index:?}") };
    redis::cmd("RENAME").arg(index).arg("aside").query_async::<()>(&mut redis).await.unwrap();
    redis::cmd("SET").arg(index).arg("no set").query_async::<()>(&mut redis).await.unwrap();
    assert!(post(&form).await >= 500);
    redis::cmd("RENAME").arg("aside").arg(index).query_async::<()>(&mut redis).await.unwrap();
    assert!(is_in(&browser).await);
    assert_eq!(post(&form).await, 200);
    assert!(!is_in(&browser).await);
    assert_eq!(post(&form).await, 400, "a token ends sessions once");
}

/// Reads one form that is posted, and says thanks.
async fn hear_form(listener: TcpListener) -> String {
    let (mut stream, _): (TcpStream, _) = listener.accept().await.expect("the provider");
    let mut heard = String::new();
    let mut bytes = [0; 8192];
    loop {
        let length = stream.read(&mut bytes).await.expect("a request");
        heard.push_str(&String::from_utf8_lossy(&bytes[..length]));
        if let Some((head, body)) = heard.split_once("\r\n\r\n") {
            let said = head.to_ascii_lowercase();
            let wanted = said.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            if length == 0 || body.len() >= wanted.unwrap_or(usize::MAX) {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await
                    .expect("sent");
                return body.to_owned();
            }
        }
    }
}
