//! Who is logged in: kept in Redis behind a `__Host-` cookie.
//!
//! Redis may be emptied at any time; then people log in again and come back to the page they asked for.
//! The cookie holds 32 random bytes, Redis only their SHA-256: who reads Redis can't become anybody.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::{
    actor::{Actor, Subject},
    clock::Clock,
    ids::PersonId,
    role::Role,
    school::SchoolCode,
    secrets::Keys,
};
use redis::{RedisError, aio::ConnectionManager};
use ring::digest;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// Name of the cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain.
pub const COOKIE: &str = "__Host-licheng";
/// A session ends after this long without a request.
pub const IDLE: Duration = Duration::minutes(30);
/// A session ends this long after logging in, however busy.
pub const ABSOLUTE: Duration = Duration::hours(12);

/// A person who has logged in, with every role they hold.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// The person of the city.
    pub person: PersonId,
    /// The name they logged in with.
    pub login: String,
    /// Their roles at their schools; never empty.
    pub hats: Vec<Hat>,
    /// Which of the hats is on.
    pub active: usize,
    /// The configured provider that vouched for them, e.g. `oidc`, `ldap`, `account`.
    pub provider: String,
    /// The provider's id token, to be shown to it at log-out.
    pub id_token: Option<String>,
    /// The provider's own session, by which it logs people out (back channel).
    pub oidc_sid: Option<String>,
    /// A temporary account that has not chosen its own password yet may do nothing else.
    pub must_change_password: bool,
    /// When they logged in.
    pub created_at: OffsetDateTime,
    /// The device they logged in with, as people call it; empty where the browser does not say.
    #[serde(default)]
    pub device: String,
    /// When the account they logged in with ends by itself, and the session with it.
    #[serde(default)]
    pub expires_at: Option<OffsetDateTime>,
}

/// One role at one school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hat {
    /// The school; `SchoolCode::CITY` for the city's own roles.
    pub school: SchoolCode,
    /// Its name, to show.
    pub school_name: String,
    /// The role.
    pub role: Role,
    /// The row the person stands for there.
    pub subject: Subject,
    /// The person's name as that school writes it.
    pub name: String,
}

impl Hat {
    /// Names it in a form: school and role, which stay the same however a session's hats are sorted later.
    pub fn value(&self) -> String {
        format!("{}.{}", self.school, self.role.code())
    }

    /// Whether a form's [`Hat::value`] means it.
    pub fn is(&self, value: &str) -> bool {
        self.value() == value
    }

    /// School and role, as people read them.
    pub fn label(&self) -> String {
        format!("{}・{}", self.school_name, self.role.label())
    }
}

impl fmt::Debug for Session {
    /// Leaves name, login and tokens out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("person", &self.person).field("active", &self.active).finish_non_exhaustive()
    }
}

impl Session {
    /// The hat that is on.
    pub fn hat(&self) -> &Hat {
        self.hats.get(self.active).or_else(|| self.hats.first()).expect("nobody is logged in without a role")
    }

    /// Whether there is nothing left of it: no role, twelve hours gone by, or its account ended.
    fn is_over(&self, now: OffsetDateTime) -> bool {
        self.hats.is_empty() || now - self.created_at >= ABSOLUTE || self.expires_at.is_some_and(|end| end <= now)
    }

    /// The person under the hat that is on.
    pub fn actor(&self) -> Actor {
        let hat = self.hat();
        Actor {
            person: Some(self.person),
            name: hat.name.clone(),
            school: hat.school,
            role: Some(hat.role),
            subject: hat.subject,
        }
    }
}

/// What the cookie holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token that a request carries.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, COOKIE)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        (bytes.len() == 32).then(|| Self(value.to_owned()))
    }

    /// `Set-Cookie` that gives the token to the browser. A session cookie: it goes when the browser closes.
    pub fn set_cookie(&self) -> HeaderValue {
        let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.0);
        cookie.parse().expect("base64 and ASCII make a header")
    }

    /// `Set-Cookie` that takes the token away.
    pub fn clear_cookie() -> HeaderValue {
        let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        cookie.parse().expect("ASCII makes a header")
    }

    fn key(&self) -> String {
        format!("{KEY}{}", hashed(&self.0))
    }

    /// The [`Open::mark`] of the session it stands for.
    pub fn mark(&self) -> String {
        mark(&self.key()).to_owned()
    }
}

/// What the keys of sessions begin with.
const KEY: &str = "session:";

/// So much of a key's hash that no two sessions of a person share it.
fn mark(key: &str) -> &str {
    key.strip_prefix(KEY).and_then(|hash| hash.get(..16)).unwrap_or_default()
}

/// A cookie's value by its name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    pairs.flat_map(|header| header.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn hashed(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// A session that has not ended, as the person it belongs to sees it.
#[derive(Debug)]
pub struct Open {
    /// Names it in a form; tells nothing of its token.
    pub mark: String,
    /// When it was last used.
    pub used_at: OffsetDateTime,
    /// The session itself.
    pub session: Session,
}

/// The sessions of the city. One round trip to Redis for each request.
#[derive(Clone)]
pub struct Sessions {
    redis: ConnectionManager,
    keys: Keys,
    clock: Clock,
}

impl Sessions {
    pub(crate) fn new(redis: ConnectionManager, keys: Keys, clock: Clock) -> Self {
        Self { redis, keys, clock }
    }

    /// Begins a session under a new token: whoever held a token before the log-in holds nothing now.
    pub async fn create(&self, session: &Session) -> Result<Token, RedisError> {
        let token = Token(BASE64_URL_SAFE_NO_PAD.encode(self.keys.random::<32>()));
        let key = token.key();
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(&key).arg(encode(session)).arg("EX").arg(IDLE.whole_seconds());
        for index in indexes(session) {
            pipe.cmd("SADD").arg(&index).arg(&key).cmd("EXPIRE").arg(&index).arg(ABSOLUTE.whole_seconds());
        }
        pipe.query_async::<()>(&mut self.redis.clone()).await?;
        Ok(token)
    }

    /// Reads a session and gives it another [`IDLE`] to live; `None` if it is over.
    pub async fn load(&self, token: &Token) -> Result<Option<Session>, RedisError> {
        let stored: Option<String> = redis::cmd("GETEX")
            .arg(token.key())
            .arg("EX")
            .arg(IDLE.whole_seconds())
            .query_async(&mut self.redis.clone())
            .await?;
        // One that this version can't read is over as well: the person logs in again.
        let session: Option<Session> = stored.and_then(|json| serde_json::from_str(&json).ok());
        match session {
            Some(session) if session.is_over(self.clock.now()) => {
                self.destroy(token).await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Writes a changed session (another hat, password changed); one that has ended meanwhile stays ended.
    pub async fn save(&self, token: &Token, session: &Session) -> Result<(), RedisError> {
        let mut set = redis::cmd("SET");
        set.arg(token.key()).arg(encode(session)).arg("XX").arg("EX").arg(IDLE.whole_seconds());
        set.query_async(&mut self.redis.clone()).await
    }

    /// Ends a session.
    pub async fn destroy(&self, token: &Token) -> Result<(), RedisError> {
        redis::cmd("DEL").arg(token.key()).query_async(&mut self.redis.clone()).await
    }

    /// Ends the sessions that belong to a provider's session (back-channel log-out). Returns how many there were.
    pub async fn destroy_by_sid(&self, provider: &str, sid: &str) -> Result<usize, RedisError> {
        self.destroy_indexed(&by_sid(provider, sid)).await
    }

    /// The sessions of a person that have not ended, the one used last first.
    pub async fn of_person(&self, person: PersonId) -> Result<Vec<Open>, RedisError> {
        let keys = self.indexed(&by_person(person)).await?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for key in &keys {
            pipe.cmd("GET").arg(key).cmd("PTTL").arg(key);
        }
        let stored: Vec<(Option<String>, i64)> = pipe.query_async(&mut self.redis.clone()).await?;
        let now = self.clock.now();
        let open = keys.iter().zip(stored).filter_map(|(key, (json, left))| {
            let session: Session = serde_json::from_str(&json?).ok()?;
            // each request gives it another half hour: what is missing of that is how long ago the last one was
            let used_at = now - (IDLE - Duration::milliseconds(left)).max(Duration::ZERO);
            (!session.is_over(now)).then(|| Open { mark: mark(key).to_owned(), used_at, session })
        });
        let mut open: Vec<Open> = open.collect();
        open.sort_by_key(|open| std::cmp::Reverse(open.used_at));
        Ok(open)
    }

    /// Ends those sessions of a person whose mark is chosen. Returns how many there were.
    pub async fn destroy_of_person(
        &self,
        person: PersonId,
        is_chosen: impl Fn(&str) -> bool,
    ) -> Result<usize, RedisError> {
        let index = by_person(person);
        let keys = self.indexed(&index).await?;
        let chosen: Vec<&String> = keys.iter().filter(|key| is_chosen(mark(key))).collect();
        if chosen.is_empty() {
            return Ok(0);
        }
        let mut pipe = redis::pipe();
        for key in &chosen {
            pipe.cmd("DEL").arg(key);
        }
        let ended: Vec<usize> = pipe.query_async(&mut self.redis.clone()).await?;
        redis::cmd("SREM").arg(&index).arg(&chosen).query_async::<()>(&mut self.redis.clone()).await?;
        Ok(ended.iter().sum())
    }

    async fn indexed(&self, index: &str) -> Result<Vec<String>, RedisError> {
        redis::cmd("SMEMBERS").arg(index).query_async(&mut self.redis.clone()).await
    }

    /// Ends every session of a person, e.g. after a change of password or roles. Returns how many there were.
    pub async fn destroy_by_person(&self, person: PersonId) -> Result<usize, RedisError> {
        self.destroy_indexed(&by_person(person)).await
    }

    async fn destroy_indexed(&self, index: &str) -> Result<usize, RedisError> {
        let keys = self.indexed(index).await?;
        // one key a command, and the index last: the keys of a cluster lie on different machines, and what a broken
        // connection leaves behind can be ended again
        let mut pipe = redis::pipe();
        for key in keys.iter().map(String::as_str).chain([index]) {
            pipe.cmd("DEL").arg(key).ignore();
        }
        pipe.query_async::<()>(&mut self.redis.clone()).await?;
        Ok(keys.len())
    }
}

fn encode(session: &Session) -> String {
    serde_json::to_string(session).expect("plain fields serialise")
}

fn indexes(session: &Session) -> Vec<String> {
    let sid = session.oidc_sid.as_deref().map(|sid| by_sid(&session.provider, sid));
    sid.into_iter().chain([by_person(session.person)]).collect()
}

fn by_sid(provider: &str, sid: &str) -> String {
    format!("sessions:sid:{}", hashed(&format!("{provider}\n{sid}")))
}

fn by_person(person: PersonId) -> String {
    format!("sessions:person:{person}")
}
