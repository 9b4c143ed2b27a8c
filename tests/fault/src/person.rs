//! Somebody with a browser: logs in over the log-in page, keeps cookies, sends the origin. Every answer is counted by
//! what it tells a person.

use crate::stage::Weather;
use reqwest::{Client, Method, header, redirect::Policy};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Longer than anything may be frozen, and than the rooms wait for what they stand on.
const PATIENCE: Duration = Duration::from_secs(60);

/// What people were told, counted.
#[derive(Default)]
pub(crate) struct Tally {
    /// A page, a redirect, a form redrawn, a rule's refusal.
    pub(crate) results: AtomicU64,
    /// 429 or 503 with what was kept and when to come back.
    pub(crate) kept: AtomicU64,
    /// No answer, while the process or the connection was at fault.
    pub(crate) broken: AtomicU64,
    /// Neither: 500, a 503 that says nothing, no answer in fair weather.
    pub(crate) neither: AtomicU64,
    /// The first few of those, for the report.
    pub(crate) complaints: Mutex<Vec<String>>,
    /// When somebody last got a result.
    pub(crate) last_result: Mutex<Option<Instant>>,
}

impl Tally {
    fn complain(&self, what: String) {
        self.neither.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self.complaints.lock().expect("nobody panics while holding it");
        if complaints.len() < 20 {
            complaints.push(what);
        }
    }
}

/// What came back.
pub(crate) enum Answer {
    /// A result.
    Result { status: u16, location: String, flash: String, body: String },
    /// 503 or 429. Whether the page says that nothing took effect.
    Away { nothing_happened: bool },
    /// No answer, or none that can be used.
    Nothing,
}

/// What all people share.
#[derive(Clone)]
pub(crate) struct Street {
    pub(crate) client: Client,
    pub(crate) origin: String,
    pub(crate) tally: Arc<Tally>,
    pub(crate) weather: Arc<Weather>,
}

impl Street {
    pub(crate) fn new(origin: String, address: SocketAddr, weather: Arc<Weather>) -> reqwest::Result<Self> {
        let client = Client::builder()
            .redirect(Policy::none())
            .resolve("localhost", address)
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { client, origin, tally: Arc::default(), weather })
    }
}

/// A person with a hat.
pub(crate) struct Person {
    street: Street,
    login: String,
    hat: String,
    cookie: String,
}

impl Person {
    /// Not logged in yet. `hat` is as the switch of roles names it: `343303.student`.
    pub(crate) fn new(street: &Street, login: &str, hat: &str) -> Self {
        Self { street: street.clone(), login: login.to_owned(), hat: hat.to_owned(), cookie: String::new() }
    }

    /// The path below the own school.
    fn at_school(&self, path: &str) -> String {
        let school = self.hat.split('.').next().unwrap_or_default();
        if path.starts_with('/') { path.to_owned() } else { format!("/s/{school}/{path}") }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask(Method::POST, path, Some(("application/x-www-form-urlencoded", body))).await
    }

    pub(crate) async fn json(&mut self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, Some(("application/json", body.to_string()))).await
    }

    /// Asks; who is not logged in, or no more, logs in first and asks again.
    async fn ask(&mut self, method: Method, path: &str, body: Option<(&str, String)>) -> Answer {
        for _ in 0..2 {
            if self.cookie.is_empty() && !self.log_in().await {
                return Answer::Away { nothing_happened: true };
            }
            let answer = self.send(method.clone(), path, body.clone()).await;
            let is_out = match &answer {
                Answer::Result { status, location, .. } => *status == 401 || location.starts_with("/login"),
                _ => false,
            };
            if !is_out {
                return answer;
            }
            self.cookie.clear();
        }
        Answer::Away { nothing_happened: true }
    }

    /// Over the directory, then into the hat wanted.
    async fn log_in(&mut self) -> bool {
        let fields = [("login", self.login.as_str()), ("password", licheng::seed::DEMO_PASSWORD)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = "application/x-www-form-urlencoded";
        self.send(Method::POST, "/login/ldap", Some((form, body))).await;
        if self.cookie.is_empty() {
            return false;
        }
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("hat", &self.hat).finish();
        let worn = self.send(Method::POST, "/session/hat", Some((form, body))).await;
        let is_worn = matches!(&worn, Answer::Result { status: 303, location, .. } if !location.starts_with("/login"));
        if !is_worn {
            self.cookie.clear();
        }
        is_worn
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<(&str, String)>) -> Answer {
        let path = self.at_school(path);
        let mut request = self.street.client.request(method.clone(), format!("{}{path}", self.street.origin));
        request = request.header(header::ORIGIN, &self.street.origin).header(header::COOKIE, &self.cookie);
        if let Some((kind, body)) = body {
            request = request.header(header::CONTENT_TYPE, kind).body(body);
            if kind == "application/json" {
                request = request.header(header::ACCEPT, kind);
            }
        }
        let begun = Instant::now();
        let answered = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.text().await?))
        };
        let (tally, weather) = (&self.street.tally, &self.street.weather);
        match answered.await {
            Ok((status, headers, body)) => {
                let text = |name: header::HeaderName| {
                    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
                };
                let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
                let mut flash = String::new();
                for cookie in cookies.filter_map(|cookie| cookie.split(';').next()) {
                    match cookie.split_once('=') {
                        Some(("__Host-licheng", value)) if !value.is_empty() => self.cookie = cookie.to_owned(),
                        Some(("__Host-licheng-flash", value)) => flash = value.to_owned(),
                        _ => {}
                    }
                }
                match status {
                    429 | 503 if !text(header::RETRY_AFTER).is_empty() && says_something(&body) => {
                        tally.kept.fetch_add(1, Ordering::Relaxed);
                        Answer::Away { nothing_happened: !body.contains("不確定") }
                    }
                    // the directory's own sentence on the log-in page
                    503 if path == "/login/ldap" && body.contains("目前沒有回應") => {
                        tally.kept.fetch_add(1, Ordering::Relaxed);
                        Answer::Away { nothing_happened: true }
                    }
                    500.. => {
                        let kind = text(header::CONTENT_TYPE);
                        let shown: String = body.chars().filter(|c| !c.is_control()).take(160).collect();
                        tally.complain(format!("{method} {path}: {status} {kind} {shown}"));
                        Answer::Nothing
                    }
                    _ => {
                        tally.results.fetch_add(1, Ordering::Relaxed);
                        *tally.last_result.lock().expect("nobody panics while holding it") = Some(Instant::now());
                        Answer::Result { status, location: text(header::LOCATION), flash, body }
                    }
                }
            }
            Err(_) if weather.excuses(&path, begun) => {
                tally.broken.fetch_add(1, Ordering::Relaxed);
                Answer::Nothing
            }
            Err(error) => {
                let after = begun.elapsed().as_millis();
                tally.complain(format!("{method} {path}: no answer in fair weather after {after} ms: {error:?}"));
                Answer::Nothing
            }
        }
    }
}

/// A sentence for a person, as a page or as a problem.
fn says_something(body: &str) -> bool {
    ["再試一次", "再接續", "重新載入", "請等"].iter().any(|words| body.contains(words))
}

impl Answer {
    /// The body of a page.
    pub(crate) fn page(self) -> Option<String> {
        match self {
            Self::Result { status: 200 | 201, body, .. } => Some(body),
            _ => None,
        }
    }
}

/// The whole numbers that follow a text on a page, each once, in order.
pub(crate) fn numbers_after(page: &str, before: &str) -> Vec<i64> {
    let mut found = Vec::new();
    for rest in page.split(before).skip(1) {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(number) = digits.parse()
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_on_a_page() {
        let page = r#"<a href="/s/343303/certification/12?x"> <a href="/certification/batches/new"> /certification/7"#;
        assert_eq!(numbers_after(page, "/certification/"), [12, 7]);
    }
}
