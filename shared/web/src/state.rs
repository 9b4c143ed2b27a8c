//! What every room shares of the web.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::{clock::Clock, secrets::Keys};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ring::digest;

use crate::{
    admission::{Admission, Limits},
    problem::Problem,
    session::Sessions,
};

/// How the web is set up; all origins without a slash at the end (`https://portfolio.example.tw`).
#[derive(Clone)]
pub struct Settings {
    /// Origin of the pages.
    pub origin: String,
    /// Origin of students' files, on another host so that no cookie ever goes there.
    pub files_origin: String,
    /// Origin that browsers upload parts to.
    pub storage_origin: String,
    /// Origins that a form may lead to by redirect: the identity provider's.
    pub form_targets: Vec<String>,
    /// Whether `X-Forwarded-For` of this peer is believed.
    pub trusted_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Whether this is the demo city.
    pub demo: bool,
    /// How many requests are worked at once, and how long others wait.
    pub limits: Limits,
}

/// Sessions, limits, keys and origins. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    settings: Settings,
    redis: ConnectionManager,
    keys: Keys,
    clock: Clock,
    sessions: Sessions,
    admission: Admission,
}

/// A state that has the [`Web`] at hand: the only bound of this crate's extractors.
pub trait HasWeb {
    /// The shared web.
    fn web(&self) -> &Web;
}

impl HasWeb for Web {
    fn web(&self) -> &Web {
        self
    }
}

impl<T: HasWeb> HasWeb for Arc<T> {
    fn web(&self) -> &Web {
        (**self).web()
    }
}

impl Web {
    /// Sets the web up on a Redis URL. Connects at first use, so that a process starts while Redis is away.
    pub fn new(settings: Settings, redis_url: &str, keys: Keys, clock: Clock) -> Result<Self, redis::RedisError> {
        // A page must not hang on a lost Redis: two tries within about two seconds, then 503.
        let patience = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200))
            .set_response_timeout(Some(Duration::from_secs(1)))
            .set_connection_timeout(Some(Duration::from_secs(1)));
        let redis = ConnectionManager::new_lazy_with_config(redis::Client::open(redis_url)?, patience)?;
        let sessions = Sessions::new(redis.clone(), keys.clone(), clock.clone());
        let admission = Admission::new(settings.limits);
        Ok(Self(Arc::new(Inner { settings, redis, keys, clock, sessions, admission })))
    }

    /// How the web is set up.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The keys of the house.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The clock of the house.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// When somebody who is turned away is to come back: between once and twice the time that is set, by chance, or
    /// all would come at once.
    pub(crate) fn retry_after(&self) -> Duration {
        let [chance] = self.0.keys.random::<1>();
        let least = self.0.admission.retry();
        Duration::from_secs_f64((least.as_secs_f64() * (1.0 + f64::from(chance) / 256.0)).ceil())
    }

    /// A connection to Redis, for what else is short-lived (e.g. the state of a log-in under way).
    pub fn redis(&self) -> ConnectionManager {
        self.0.redis.clone()
    }

    /// Counts one more use of `what` by `whom` in this minute; more than `per_minute` is [`Problem::TooMany`].
    ///
    /// `whom` (an address, a login) is hashed: Redis holds no personal data of it.
    pub async fn limit(&self, what: &str, whom: &str, per_minute: u32) -> Result<(), Problem> {
        let now = self.0.clock.now().unix_timestamp();
        let minute = now.div_euclid(60);
        let digest = digest::digest(&digest::SHA256, whom.as_bytes());
        let key = format!("limit:{what}:{minute}:{}", hex::encode(&digest.as_ref()[..16]));
        let (used,): (u32,) = redis::pipe()
            .cmd("INCR")
            .arg(&key)
            .cmd("EXPIRE")
            .arg(&key)
            .arg(120)
            .ignore()
            .query_async(&mut self.redis())
            .await?;
        if used > per_minute {
            let left = 60 - now.rem_euclid(60);
            return Err(Problem::TooMany { retry_after: Duration::from_secs(left.unsigned_abs()) });
        }
        Ok(())
    }
}
