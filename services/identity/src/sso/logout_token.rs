//! Logout tokens of the back channel (OpenID Connect Back-Channel Logout 1.0, §2.4 and §2.6).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, IssuerUrl, JsonWebKey};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::ALGORITHMS;

/// The one event that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A token older than this ends nothing; its id is remembered as long.
pub(super) const AGE: Duration = Duration::minutes(5);
/// How far the provider's clock may be ahead of ours.
const SKEW: Duration = Duration::minutes(1);

/// What the token must be about.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a IssuerUrl,
    pub(super) client_id: &'a ClientId,
    pub(super) now: OffsetDateTime,
}

/// Whose sessions end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The token's own id: one token ends sessions once.
    pub(crate) id: String,
    /// The provider's session.
    pub(crate) sid: Option<String>,
    /// The provider's name for the person.
    pub(crate) subject: Option<String>,
}

/// Why a token ends nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Invalid {
    #[error("it is no signed token")]
    Shape,
    #[error("its algorithm is not taken")]
    Algorithm,
    #[error("no key of the provider's has its name")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
    #[error("{0} is wrong or missing")]
    Claim(&'static str),
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: Option<i64>,
    jti: Option<String>,
    sid: Option<String>,
    sub: Option<String>,
    nonce: Option<serde_json::Value>,
    #[serde(default)]
    events: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Checks signature, issuer, audience, times and event.
pub(super) fn verify(token: &str, keys: &[CoreJsonWebKey], expected: &Expected<'_>) -> Result<Ended, Invalid> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Shape)?;
    let (header, payload) = signed.split_once('.').ok_or(Invalid::Shape)?;
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Invalid::Shape)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Invalid::Algorithm);
    }
    if header.typ.is_some_and(|typ| !["logout+jwt", "jwt"].contains(&typ.to_ascii_lowercase().as_str())) {
        return Err(Invalid::Shape);
    }
    let named = |key: &&CoreJsonWebKey| match (&header.kid, key.key_id()) {
        (Some(wanted), Some(name)) => wanted == name.as_str(),
        _ => true,
    };
    let mut candidates = keys.iter().filter(named).peekable();
    candidates.peek().ok_or(Invalid::UnknownKey)?;
    let signature = decode(signature)?;
    candidates
        .find(|key| key.verify_signature(&header.alg, signed.as_bytes(), &signature).is_ok())
        .ok_or(Invalid::Signature)?;
    let claims: Claims = serde_json::from_slice(&decode(payload)?).map_err(|_| Invalid::Shape)?;
    check(claims, expected)
}

fn check(claims: Claims, expected: &Expected<'_>) -> Result<Ended, Invalid> {
    if claims.iss != expected.issuer.as_str() {
        return Err(Invalid::Claim("iss"));
    }
    let ours = expected.client_id.as_str();
    let for_us = match &claims.aud {
        Audience::One(audience) => audience == ours,
        Audience::Many(audiences) => audiences.iter().any(|audience| audience == ours),
    };
    if !for_us {
        return Err(Invalid::Claim("aud"));
    }
    let issued = OffsetDateTime::from_unix_timestamp(claims.iat).map_err(|_| Invalid::Claim("iat"))?;
    if issued < expected.now - AGE || issued > expected.now + SKEW {
        return Err(Invalid::Claim("iat"));
    }
    if claims.exp.is_some_and(|expires| expires <= expected.now.unix_timestamp()) {
        return Err(Invalid::Claim("exp"));
    }
    // an id token of the same provider must not end sessions
    if claims.nonce.is_some() || !claims.events.get(EVENT).is_some_and(serde_json::Value::is_object) {
        return Err(Invalid::Claim("events"));
    }
    if claims.sid.is_none() && claims.sub.is_none() {
        return Err(Invalid::Claim("sid"));
    }
    let id = claims.jti.ok_or(Invalid::Claim("jti"))?;
    Ok(Ended { id, sid: claims.sid, subject: claims.sub })
}

fn decode(part: &str) -> Result<Vec<u8>, Invalid> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    const NOW: i64 = 1_795_000_000;

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn jwk(pair: &Ed25519KeyPair) -> CoreJsonWebKey {
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
        serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "use": "sig", "x": x })).unwrap()
    }

    fn token(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "kid": "k", "typ": "logout+jwt" })
    }

    fn claims() -> Value {
        json!({
            "iss": "https://id.example", "aud": "licheng", "iat": NOW - 2, "exp": NOW + 100, "jti": "one", "sid": "s1",
            "sub": "hcsh108234567", "events": { EVENT: {} },
        })
    }

    fn judge(token: &str) -> Result<Ended, Invalid> {
        let expected = Expected {
            issuer: &IssuerUrl::new("https://id.example".to_owned()).unwrap(),
            client_id: &ClientId::new("licheng".to_owned()),
            now: OffsetDateTime::from_unix_timestamp(NOW).unwrap(),
        };
        verify(token, &[jwk(&pair(1))], &expected)
    }

    #[test]
    fn a_true_token_names_session_and_person() {
        let ended = judge(&token(&pair(1), &header(), &claims())).unwrap();
        assert_eq!((ended.id.as_str(), ended.sid.as_deref()), ("one", Some("s1")));
        assert_eq!(ended.subject.as_deref(), Some("hcsh108234567"));
    }

    #[test]
    fn signatures_of_others_and_unsigned_tokens_end_nothing() {
        assert_eq!(judge(&token(&pair(2), &header(), &claims())), Err(Invalid::Signature));
        let unsigned = json!({ "alg": "none", "typ": "logout+jwt" });
        assert_eq!(judge(&token(&pair(1), &unsigned, &claims())), Err(Invalid::Algorithm));
        let shared = json!({ "alg": "HS256", "kid": "k" });
        assert_eq!(judge(&token(&pair(1), &shared, &claims())), Err(Invalid::Algorithm));
        let renamed = json!({ "alg": "EdDSA", "kid": "other" });
        assert_eq!(judge(&token(&pair(1), &renamed, &claims())), Err(Invalid::UnknownKey));
        assert_eq!(judge("a.b"), Err(Invalid::Shape));
        let mut changed = token(&pair(1), &header(), &claims());
        changed.replace_range(changed.find('.').unwrap() + 3..=changed.find('.').unwrap() + 3, "X");
        assert_eq!(judge(&changed), Err(Invalid::Signature));
    }

    /// Back-Channel Logout 1.0 §2.4: iss, aud, iat, jti, events required, sub or sid or both, nonce prohibited.
    #[test]
    fn every_claim_counts() {
        for (claim, value, wrong) in [
            ("iss", json!("https://evil.example"), "iss"),
            ("aud", json!(["somebody else"]), "aud"),
            ("iat", json!(NOW - 301), "iat"),
            ("iat", json!(NOW + 61), "iat"),
            ("exp", json!(NOW), "exp"),
            ("nonce", json!("n"), "events"),
            ("events", json!({}), "events"),
            ("jti", Value::Null, "jti"),
        ] {
            let mut claims = claims();
            claims[claim] = value;
            assert_eq!(judge(&token(&pair(1), &header(), &claims)), Err(Invalid::Claim(wrong)), "{claim}");
        }
        let mut nobody = claims();
        nobody["sid"] = Value::Null;
        nobody["sub"] = Value::Null;
        assert_eq!(judge(&token(&pair(1), &header(), &nobody)), Err(Invalid::Claim("sid")));
    }
}
