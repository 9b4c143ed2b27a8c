//! What the layout needs to know of the request; page structs carry it as `page`.

use askama::filters::Safe;
use kernel::{calendar, school::SchoolCode};
use time::OffsetDateTime;

use crate::{answer::Flash, asset, nav, request::Facts, session::Session};

/// How a message or a badge looks. Colour is never alone: the text says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done, passed.
    Good,
    /// To know.
    Note,
    /// Waits for somebody, or soon due.
    Wait,
    /// Failed, refused, overdue.
    Bad,
    /// Not begun, not concerned.
    Quiet,
}

impl Tone {
    /// Every tone.
    pub const ALL: [Self; 5] = [Self::Good, Self::Note, Self::Wait, Self::Bad, Self::Quiet];

    /// The CSS class, also the word that macros take.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

impl std::fmt::Display for Tone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.class())
    }
}

/// One page as the layout draws it. Made by `may.page("…")`.
#[derive(Clone)]
pub struct Page {
    /// The heading of the page and the beginning of the window's title.
    pub title: String,
    /// The id of the request, shown at the foot.
    pub request_id: String,
    /// The server's time, from which countdowns count.
    pub now: OffsetDateTime,
    /// The nonce of this answer's scripts.
    pub nonce: String,
    /// A sentence to show once.
    pub flash: Option<Flash>,
    /// Who is logged in.
    pub who: Option<Who>,
    /// Whether this is the demo city.
    pub demo: bool,
    /// Path and query of this page.
    pub path: String,
}

/// Who is logged in, for the head of the page.
#[derive(Clone)]
pub struct Who {
    /// Name as the school writes it.
    pub name: String,
    /// School in use.
    pub school: SchoolCode,
    /// Its name.
    pub school_name: String,
    /// Name of the role in use.
    pub role: &'static str,
    /// Where the person's home is.
    pub home: String,
    /// Where the role in use can go.
    pub nav: Vec<NavLink>,
    /// All hats, to switch; more than one or empty.
    pub hats: Vec<HatChoice>,
}

/// One entry of the navigation.
#[derive(Clone)]
pub struct NavLink {
    /// Name.
    pub label: &'static str,
    /// Where it leads.
    pub url: String,
    /// Whether this page lies there.
    pub current: bool,
}

/// One hat in the switcher.
#[derive(Clone)]
pub struct HatChoice {
    /// Which hat, as the switching form sends it.
    pub value: String,
    /// School and role.
    pub label: String,
    /// Whether it is on.
    pub active: bool,
}

impl Page {
    pub(crate) fn new(facts: &Facts, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            request_id: facts.request_id().to_owned(),
            now: facts.now(),
            nonce: facts.nonce().to_owned(),
            flash: facts.flash().cloned(),
            who: facts.session().map(|session| Who::new(session, facts.path())),
            demo: facts.demo(),
            path: facts.path().to_owned(),
        }
    }

    /// The content-hashed URL of an asset, e.g. `/assets/upload.3f9a1c02de.js`.
    pub fn asset(&self, name: &str) -> &'static str {
        asset::url(name)
    }

    /// The element that loads a module under this page's CSP.
    pub fn script(&self, name: &str) -> Safe<String> {
        let Self { nonce, .. } = self;
        Safe(format!(r#"<script type="module" src="{}" nonce="{nonce}"></script>"#, asset::url(name)))
    }

    /// A path of the school in use: `page.url("/outcomes")` is `/s/{school}/outcomes`.
    pub fn url(&self, rest: &str) -> String {
        match &self.who {
            Some(who) => format!("/s/{}{rest}", who.school),
            None => rest.to_owned(),
        }
    }

    /// The server's time as people write it: `115/11/22 14:00`.
    pub fn server_time(&self) -> String {
        calendar::roc_date_time(self.now)
    }

    /// The server's time in milliseconds since 1970, for `countdown.js`.
    pub fn server_millis(&self) -> i64 {
        self.now.unix_timestamp() * 1000 + i64::from(self.now.millisecond())
    }

    /// `115/11/22`.
    pub fn date(&self, date: impl Value<time::Date>) -> String {
        calendar::roc_date(date.value())
    }

    /// `115/11/22 14:00`, in Taiwan.
    pub fn date_time(&self, moment: impl Value<OffsetDateTime>) -> String {
        calendar::roc_date_time(moment.value())
    }

    /// A moment for `<time datetime>`, in UTC: `2026-11-22T06:00:00Z`.
    pub fn iso(&self, moment: impl Value<OffsetDateTime>) -> String {
        let format = &time::format_description::well_known::Rfc3339;
        let utc = moment.value().to_offset(time::UtcOffset::UTC).replace_nanosecond(0).expect("zero is a nanosecond");
        utc.format(format).unwrap_or_default()
    }

    /// A size in bytes as people say it: `3.2 MB` (of 1,048,576 bytes, as the limits are counted).
    pub fn size(&self, bytes: impl Value<i64>) -> String {
        size(bytes.value())
    }
}

/// A value, or a reference to one, or a reference to that: a template hands over a field by reference, and what an
/// `if let` has bound by two.
pub trait Value<T> {
    /// The value itself.
    fn value(&self) -> T;
}

macro_rules! values {
    ($($of:ty),+) => {$(
        impl Value<$of> for $of {
            fn value(&self) -> $of {
                *self
            }
        }
    )+};
}

values!(OffsetDateTime, time::Date, i64);

impl<T, V: Value<T> + ?Sized> Value<T> for &V {
    fn value(&self) -> T {
        (**self).value()
    }
}

/// Sizes follow the limits' own counting: 4 MB are 4 × 1,048,576 bytes.
pub(crate) fn size(bytes: i64) -> String {
    const KB: i64 = 1024;
    const MB: i64 = 1024 * KB;
    let tenths = |unit: i64| {
        let tenths = (bytes * 10 + unit / 2) / unit;
        if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
    };
    match bytes {
        ..KB => format!("{bytes} 位元組"),
        KB..MB => format!("{} KB", tenths(KB)),
        MB.. => format!("{} MB", tenths(MB)),
    }
}

impl Who {
    fn new(session: &Session, path: &str) -> Self {
        let hat = session.hat();
        let entries = nav::entries(hat.role);
        let urls: Vec<String> = entries.iter().map(|entry| nav::url(hat, entry)).collect();
        let here = closest(path, &urls).map(str::to_owned);
        let links = entries.iter().zip(urls).map(|(entry, url)| {
            let current = here.as_ref() == Some(&url);
            NavLink { label: entry.label, url, current }
        });
        let hats = session.hats.iter().enumerate().map(|(index, choice)| HatChoice {
            value: choice.value(),
            label: choice.label(),
            active: index == session.active,
        });
        Self {
            name: hat.name.clone(),
            school: hat.school,
            school_name: hat.school_name.clone(),
            role: hat.role.label(),
            home: nav::home_path(hat),
            nav: links.collect(),
            hats: if session.hats.len() > 1 { hats.collect() } else { Vec::new() },
        }
    }
}

/// Where in the navigation a page lies: of `/bureau` and `/bureau/deadlines` the longer one that holds it.
fn closest<'a>(path: &str, urls: &'a [String]) -> Option<&'a str> {
    urls.iter().map(String::as_str).filter(|url| lies_under(path, url)).max_by_key(|url| url.len())
}

/// `/s/1/outcomes/7?x` lies under `/s/1/outcomes`, `/s/1/outcomes-old` does not.
fn lies_under(path: &str, url: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.strip_prefix(url).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_the_limits_are_counted() {
        assert_eq!(size(999), "999 位元組");
        assert_eq!(size(2 * 1024 * 1024), "2 MB");
        assert_eq!(size(10 * 1024 * 1024 - 1), "10 MB");
        assert_eq!(size(1_600_000), "1.5 MB");
        assert_eq!(size(1536), "1.5 KB");
    }

    #[test]
    fn the_entry_that_holds_the_page_is_current() {
        assert!(lies_under("/s/123456/outcomes/7?tab=1", "/s/123456/outcomes"));
        assert!(!lies_under("/s/123456/outcomes-old", "/s/123456/outcomes"));
        let urls = ["/bureau", "/bureau/deadlines"].map(str::to_owned);
        assert_eq!(closest("/bureau/deadlines?hour=1", &urls), Some("/bureau/deadlines"));
        assert_eq!(closest("/bureau/progress.csv", &urls), Some("/bureau"));
        assert_eq!(closest("/demo", &urls), None);
    }
}
