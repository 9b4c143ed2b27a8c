//! People of a test, acting as their browsers would: cookies kept, origin sent, redirects looked at.

use kernel::school::SchoolCode;
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use scraper::{Html, Selector};
use serde::{Serialize, de::DeserializeOwned};
use std::{net::SocketAddr, sync::Mutex};
use web::Hat;

/// A person with a browser.
pub struct Visitor {
    client: Client,
    origin: String,
    hat: Option<Hat>,
    cookies: Mutex<Vec<(String, String)>>,
}

impl Visitor {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let client = Client::builder()
            .redirect(Policy::none())
            .resolve("localhost", address)
            .build()
            .expect("a client without special wishes");
        Self { client, origin: format!("http://localhost:{}", address.port()), hat: None, cookies: Mutex::default() }
    }

    pub(crate) fn wearing(mut self, hat: Hat, cookie: String) -> Self {
        self.hat = Some(hat);
        self.keep(&cookie);
        self
    }

    /// The hat that is on.
    ///
    /// # Panics
    /// Nobody is logged in.
    pub fn hat(&self) -> &Hat {
        self.hat.as_ref().expect("somebody logged in")
    }

    /// The school of the hat.
    pub fn school(&self) -> SchoolCode {
        self.hat().school
    }

    /// The id of the student or member of staff that the hat stands for.
    ///
    /// # Panics
    /// The hat is the city's.
    pub fn subject(&self) -> i64 {
        match self.hat().subject {
            kernel::actor::Subject::Student(id) => id.get(),
            kernel::actor::Subject::Staff(id) => id.get(),
            other => panic!("{other:?} is no row of a school"),
        }
    }

    /// The origin of the pages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `/s/{school}` and the rest.
    pub fn at_school(&self, rest: &str) -> String {
        format!("/s/{}{rest}", self.school())
    }

    /// Opens a page; a path that doesn't begin with a slash is one of the own school's.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = serde_urlencoded(fields);
        let request =
            self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded").body(body);
        self.send(request).await
    }

    /// Sends a form with files.
    pub async fn post_multipart(&self, path: &str, form: reqwest::multipart::Form) -> Answer {
        self.send(self.request(Method::POST, path).multipart(form)).await
    }

    /// Sends JSON, as the pages' modules do.
    pub async fn post_json(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send(self.request(Method::POST, path).header("accept", "application/json").json(body)).await
    }

    /// Asks for JSON.
    pub async fn get_json(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("accept", "application/json")).await
    }

    /// Removes a thing.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).header("accept", "application/json")).await
    }

    /// A request with this browser's cookies and origin, to be completed and given to [`Visitor::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path {
            absolute if absolute.starts_with("http") => absolute.to_owned(),
            rooted if rooted.starts_with('/') => format!("{}{rooted}", self.origin),
            relative => format!("{}{}", self.origin, self.at_school(&format!("/{relative}"))),
        };
        let cookies = self.cookies.lock().expect("nobody panics while holding it");
        let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method.clone(), &url).header("origin", &self.origin);
        if url.starts_with(&self.origin) && !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        request
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all("set-cookie") {
            self.keep(cookie.to_str().expect("an ASCII cookie"));
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body").to_vec();
        Answer { status, headers, body }
    }

    /// The cookie of that name, if the browser has one.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().expect("nobody panics while holding it");
        cookies.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn keep(&self, set_cookie: &str) {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { return };
        let mut cookies = self.cookies.lock().expect("nobody panics while holding it");
        cookies.retain(|(key, _)| key != name);
        if !set_cookie.contains("Max-Age=0") {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

fn serde_urlencoded(fields: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://form/").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// What came back.
pub struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The same answer, if it has that status.
    ///
    /// # Panics
    /// It has another; the message shows what the page said.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.summary());
        self
    }

    /// A header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a redirect leads.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("no redirect but {}: {}", self.status, self.summary()))
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is something else.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.summary()))
    }

    /// The texts of the elements that a selector finds, white space folded.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let fold = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = Html::parse_document(&self.text());
        page.select(&parsed(selector)).map(|element| fold(element.text().collect())).collect()
    }

    /// An attribute of the elements that a selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let page = Html::parse_document(&self.text());
        page.select(&parsed(selector)).filter_map(|element| element.attr(name).map(str::to_owned)).collect()
    }

    /// Whether a selector finds anything.
    pub fn has(&self, selector: &str) -> bool {
        Html::parse_document(&self.text()).select(&parsed(selector)).next().is_some()
    }

    /// What a person would read, cut short: for messages of failed tests.
    pub fn summary(&self) -> String {
        let texts = if self.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            self.texts("main").join(" ")
        } else {
            self.text()
        };
        format!("{} {}", self.status, texts.chars().take(600).collect::<String>())
    }
}

fn parsed(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}
