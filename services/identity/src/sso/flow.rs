//! A log-in under way at the single sign-on, bound to the browser that began it.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use redis::RedisError;
use ring::digest;
use serde::{Deserialize, Serialize};
use web::Web;

use super::{Departure, random};

/// The browser's half. `Lax`: it comes along when the provider sends the browser back.
const COOKIE: &str = "__Host-licheng-sso";
/// How long somebody may take at the provider.
const LIFE_SECONDS: u64 = 900;

/// What is remembered in Redis while somebody is at the provider; found once.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    binder: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// The page to come back to; checked when it is used.
    pub(super) next: Option<String>,
}

/// The browser's half: made at the first departure, the same for all tabs.
pub(super) struct Binder(String);

impl Binder {
    /// The one the browser has, or a new one.
    pub(super) fn of_or_new(headers: &HeaderMap, web: &Web) -> Self {
        Self::of(headers).unwrap_or_else(|| Self(random(web.keys())))
    }

    /// The one the browser has.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';'));
        let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        (bytes.len() == 32).then(|| Self(value.to_owned()))
    }

    /// `Set-Cookie` with it.
    pub(super) fn set_cookie(&self) -> HeaderValue {
        let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={LIFE_SECONDS}", self.0);
        cookie.parse().expect("base64 and ASCII make a header")
    }
}

/// Remembers a departure.
pub(super) async fn begin(
    web: &Web,
    binder: &Binder,
    departure: &Departure,
    next: Option<&str>,
) -> Result<(), RedisError> {
    let flow = Flow {
        binder: hashed(&binder.0),
        nonce: departure.nonce.clone(),
        verifier: departure.verifier.clone(),
        next: next.map(str::to_owned),
    };
    let flow = serde_json::to_string(&flow).expect("plain fields serialise");
    let mut set = redis::cmd("SET");
    set.arg(key(&departure.state)).arg(flow).arg("EX").arg(LIFE_SECONDS);
    set.query_async(&mut web.redis()).await
}

/// The flow that this state belongs to, once, and only for the browser that began it: a link with somebody else's
/// state logs nobody in.
pub(super) async fn finish(web: &Web, headers: &HeaderMap, state: &str) -> Result<Option<Flow>, RedisError> {
    let Some(binder) = Binder::of(headers) else { return Ok(None) };
    let found: Option<String> = redis::cmd("GETDEL").arg(key(state)).query_async(&mut web.redis()).await?;
    let flow: Option<Flow> = found.and_then(|json| serde_json::from_str(&json).ok());
    // both sides are hashes of secrets: comparing them tells nothing about either
    Ok(flow.filter(|flow| flow.binder == hashed(&binder.0)))
}

fn key(state: &str) -> String {
    format!("sso:flow:{}", hashed(state))
}

pub(super) fn hashed(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binder_is_read_back_among_other_cookies() {
        let binder = Binder(BASE64_URL_SAFE_NO_PAD.encode([7; 32]));
        let sent = binder.set_cookie();
        let sent = sent.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {sent}").parse().unwrap());
        assert_eq!(Binder::of(&headers).unwrap().0, binder.0);
        headers.insert(header::COOKIE, format!("{COOKIE}=short").parse().unwrap());
        assert!(Binder::of(&headers).is_none());
    }
}
