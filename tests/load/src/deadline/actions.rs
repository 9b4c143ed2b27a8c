//! What people do on deadline day, each with its own way of going wrong.

use crate::{
    city::City,
    crowd::{Crowd, Person},
    kept::Log,
};
use anyhow::{Context as _, Result, anyhow};
use blob::samples;
use kernel::clock::Clock;

use licheng::seed::DEMO_PASSWORD;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// One kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    Home,
    Outcomes,
    Activities,
    SelectionPage,
    Messages,
    Queue,
    Upload,
    Certification,
    Selection,
    LogIn,
}

impl Action {
    /// Every kind, in the order of the report.
    pub(crate) const ALL: [Self; 10] = [
        Self::Home,
        Self::Outcomes,
        Self::Activities,
        Self::SelectionPage,
        Self::Messages,
        Self::Queue,
        Self::Upload,
        Self::Certification,
        Self::Selection,
        Self::LogIn,
    ];

    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Home => "student's home",
            Self::Outcomes => "outcomes",
            Self::Activities => "activities",
            Self::SelectionPage => "selection page",
            Self::Messages => "messages",
            Self::Queue => "certification queue",
            Self::Upload => "upload",
            Self::Certification => "open and decide",
            Self::Selection => "selection",
            Self::LogIn => "log-in",
        }
    }
}

/// The pages of the mix, in 35 parts: a home page is the first thing that everybody sees.
const PAGES: [(Action, u32); 6] = [
    (Action::Home, 20),
    (Action::Outcomes, 5),
    (Action::Activities, 3),
    (Action::SelectionPage, 3),
    (Action::Messages, 2),
    (Action::Queue, 2),
];

/// Draws actions by their shares.
pub(crate) struct Mix(Vec<(Action, u32)>);

impl Mix {
    /// Shares of pages, uploads, certifications, selections and log-ins.
    pub(crate) fn new(shares: &[u32]) -> Self {
        let of_pages: u32 = PAGES.iter().map(|(_, parts)| parts).sum();
        let share = |nth: usize| shares.get(nth).copied().unwrap_or(0) * of_pages;
        let pages = PAGES.map(|(page, parts)| (page, parts * shares.first().copied().unwrap_or(0)));
        let rest = [Action::Upload, Action::Certification, Action::Selection, Action::LogIn];
        let rest = rest.into_iter().enumerate().map(|(nth, action)| (action, share(nth + 1)));
        Self(pages.into_iter().chain(rest).collect())
    }

    /// The action at a point from 0 to 1.
    pub(crate) fn at(&self, point: f64) -> Action {
        let all: u32 = self.0.iter().map(|(_, share)| share).sum();
        let mut left = point * f64::from(all);
        for (action, share) in &self.0 {
            left -= f64::from(*share);
            if left < 0.0 {
                return *action;
            }
        }
        Action::Home
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// 503 with `Retry-After`: turned away because the house was full.
    Shed,
    Failed(String),
}

/// Everything that an action needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Load {
    client: Client,
    origin: String,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) log: Arc<Log>,
    /// Bytes of bodies that were received and sent.
    pub(crate) received: Arc<AtomicU64>,
    pub(crate) sent: Arc<AtomicU64>,
    uploads: Arc<AtomicU64>,
}

/// What stops an action on its way.
enum Stop {
    Shed,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The head and body of an answer.
struct Answer {
    status: StatusCode,
    location: String,
    body: Vec<u8>,
}

impl Load {
    pub(crate) fn new(crowd: Crowd, city: &City) -> Self {
        Self {
            client: city.client.clone(),
            origin: city.origin.clone(),
            crowd: Arc::new(crowd),
            log: Arc::default(),
            received: Arc::default(),
            sent: Arc::default(),
            uploads: Arc::default(),
        }
    }

    /// Does one action to its end.
    pub(crate) async fn act(&self, action: Action) -> End {
        let done = match action {
            Action::Home => self.page(self.crowd.students.next().1, "/home").await,
            Action::Outcomes => self.page(self.crowd.students.next().1, "/outcomes").await,
            Action::Activities => self.page(self.crowd.students.next().1, "/activities").await,
            Action::SelectionPage => self.page(self.crowd.students.next().1, "/selection").await,
            Action::Messages => self.page(self.crowd.students.next().1, "/messages").await,
            Action::Queue => self.page(self.crowd.teachers.next().1, "/certification").await,
            Action::Upload => self.upload().await,
            Action::Certification => self.certify().await,
            Action::Selection => self.select().await,
            Action::LogIn => self.log_in().await,
        };
        match done {
            Ok(()) => End::Done,
            Err(Stop::Shed) => End::Shed,
            Err(Stop::Failed(error)) => End::Failed(format!("{error:#}")),
        }
    }

    fn request(&self, method: Method, who: &Person, rest: &str) -> RequestBuilder {
        let url = format!("{}/s/{}{rest}", self.origin, who.school);
        self.client.request(method, url).header("cookie", &who.cookie).header("origin", &self.origin)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Stop> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await?.to_vec();
        self.received.fetch_add(body.len() as u64, Ordering::Relaxed);
        if status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key("retry-after") {
            return Err(Stop::Shed);
        }
        let location = headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Answer { status, location, body })
    }

    async fn page(&self, who: &Person, path: &str) -> Result<(), Stop> {
        let answer = self.send(compressed(self.request(Method::GET, who, path))).await?;
        expect(&answer, StatusCode::OK, path)
    }

    async fn form(&self, who: &Person, path: &str, fields: &str) -> Result<Answer, Stop> {
        self.sent.fetch_add(fields.len() as u64, Ordering::Relaxed);
        let request = self.request(Method::POST, who, path).body(fields.to_owned());
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    /// Announced, sent, completed: "saved" counts, nothing before.
    async fn upload(&self) -> Result<(), Stop> {
        let nth = self.uploads.fetch_add(1, Ordering::Relaxed);
        let content = document(nth);
        let (_, who) = self.crowd.uploaders.next();
        let announced = json!({"owner": "activity", "owner_id": who.thing.to_string(), "slot": "document",
                               "name": "deadline.pdf", "size": content.len()});
        let answer = self
            .send(self.request(Method::POST, who, "/files").header("accept", "application/json").json(&announced))
            .await?;
        expect(&answer, StatusCode::CREATED, "announcing a file")?;
        let plan: Value = serde_json::from_slice(&answer.body)?;
        let mut rest = content;
        for part in plan["parts"].as_array().context("parts in the plan")? {
            let size = usize::try_from(part["size"].as_u64().context("a part's size")?)?;
            let after = rest.split_off(size.min(rest.len()));
            self.sent.fetch_add(rest.len() as u64, Ordering::Relaxed);
            let url = part["url"].as_str().context("a part's URL")?;
            let stored = self.client.put(url).body(std::mem::replace(&mut rest, after)).send().await?;
            if !stored.status().is_success() {
                return Err(anyhow!("storage said {}", stored.status()).into());
            }
        }
        let file =
            plan["file_id"].as_i64().or_else(|| plan["file_id"].as_str()?.parse().ok()).context("a file's number")?;
        let complete = || {
            self.request(Method::POST, who, &format!("/files/{file}/completion"))
                .header("accept", "application/json")
                .json(&json!({}))
        };
        let answer = self.send(complete()).await?;
        expect(&answer, StatusCode::OK, "completing a file")?;
        self.log.saved(file);
        Ok(())
    }

    /// The request's page, the note that its files were opened, the decision.
    async fn certify(&self) -> Result<(), Stop> {
        let who = self
            .crowd
            .deciders
            .once()
            .context("every waiting request of this city is decided: take a fresh or larger one")?;
        let path = format!("/certification/{}", who.thing);
        self.page(who, &path).await?;
        let opened = self.form(who, &format!("{path}/opening"), "").await?;
        expect(&opened, StatusCode::SEE_OTHER, "opening a request")?;
        let decided = self.form(who, &format!("{path}/decision"), "result=pass&reason=&publish=").await?;
        expect(&decided, StatusCode::SEE_OTHER, "deciding")?;
        self.log.decided(who.thing);
        Ok(())
    }

    /// Chooses an activity, and next time leaves it out.
    async fn select(&self) -> Result<(), Stop> {
        let (round, who) = self.crowd.choosers.next();
        let choose = round.is_multiple_of(2);
        let fields = if choose { format!("chosen=1&activity={}", who.thing) } else { "chosen=1".to_owned() };
        let answer = self.form(who, "/selection", &fields).await;
        let ended = answer.and_then(|answer| expect(&answer, StatusCode::SEE_OTHER, "selecting"));
        match &ended {
            Ok(()) => self.log.chosen(who.thing, Some(choose)),
            // turned away at the door: as it was before
            Err(Stop::Shed) => {}
            Err(Stop::Failed(_)) => self.log.chosen(who.thing, None),
        }
        ended
    }

    /// The chooser, then the directory.
    async fn log_in(&self) -> Result<(), Stop> {
        let (_, login) = self.crowd.logins.next();
        let answer = self.send(compressed(self.client.get(format!("{}/login", self.origin)))).await?;
        expect(&answer, StatusCode::OK, "/login")?;
        let request = self.client.post(format!("{}/login/ldap", self.origin)).header("origin", &self.origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = self.send(request.body(format!("login={login}&password={DEMO_PASSWORD}"))).await?;
        expect(&answer, StatusCode::SEE_OTHER, "logging in")?;
        match answer.location.starts_with("/s/") {
            true => Ok(()),
            false => Err(anyhow!("a log-in led to {}", answer.location).into()),
        }
    }
}

/// As browsers ask for pages.
fn compressed(request: RequestBuilder) -> RequestBuilder {
    request.header("accept-encoding", "gzip")
}

fn expect(answer: &Answer, status: StatusCode, what: &str) -> Result<(), Stop> {
    if answer.status == status {
        return Ok(());
    }
    let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
    Err(anyhow!("{what}: {} {start}", answer.status).into())
}

/// A real PDF of 0.2 to 4 MB (small ones more often, as people's are), different each time: a comment before the
/// trailer fills it.
fn document(nth: u64) -> Vec<u8> {
    let point = crate::arrivals::fraction(nth.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 200,000 and 4,000,000")]
    let size = (200_000.0 * 20_f64.powf(point)) as usize;
    // no other run stored the same bytes before
    let title = format!("Deadline {nth} at {}", Clock::System.now().unix_timestamp_nanos());
    let mut content = samples::pdf(&[title.as_str()]);
    let at = content.windows(9).rposition(|bytes| bytes == b"startxref").expect("a PDF says where its table is");
    let comment = size.saturating_sub(content.len() + 2);
    content.splice(at..at, [b"%".as_slice(), &vec![b'x'; comment], b"\n"].concat());
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_gives_each_kind_its_share() {
        let mix = Mix::new(&[70, 10, 8, 7, 5]);
        let count = |wanted: Action| (0..10_000).filter(|n| mix.at(f64::from(*n) / 10_000.0) == wanted).count();
        for (action, share) in [(Action::Home, 4_000), (Action::Upload, 1_000), (Action::LogIn, 500)] {
            assert!(count(action).abs_diff(share) <= 1, "{}: {}", action.name(), count(action));
        }
    }

    #[test]
    fn documents_are_between_the_sizes_of_the_mix() {
        for nth in 0..50 {
            let size = document(nth).len();
            assert!((199_000..=4_001_000).contains(&size), "{size}");
        }
    }
}
