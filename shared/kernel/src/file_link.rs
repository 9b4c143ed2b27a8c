//! Short-lived links to a stored file, on the files origin that carries no cookie.
//!
//! `{files origin}/f/{token}/{sha256}.{extension}`; the token names school, hash, how to
//! show it and until when, and is authenticated. Whoever holds a link can read that one
//! file until it expires: the central database pulls files this way (domain §5.11).

use crate::{school::SchoolCode, secrets::Keys};
use time::OffsetDateTime;

/// What a link gives access to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileLink {
    /// The school under whose prefix the file lies.
    #[serde(rename = "s")]
    pub school: SchoolCode,
    /// SHA-256 of the content, lower-case hexadecimal.
    #[serde(rename = "h")]
    pub sha256: String,
    /// The media type to answer with, e.g. `application/pdf`.
    #[serde(rename = "t")]
    pub mime: String,
    /// The name to save it under; `None` shows it in the page.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none", default)]
    pub download_as: Option<String>,
    /// Unix seconds after which the link is dead.
    #[serde(rename = "e")]
    pub expires: i64,
}

/// Why a link opens nothing; all of them look the same to a stranger (404).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not something we signed.
    #[error("the link was not signed here")]
    Forged,
    /// It was, but its time is over.
    #[error("the link has expired")]
    Expired,
}

impl FileLink {
    /// The path under the files origin, e.g. `/f/…/9f86….pdf`.
    #[must_use]
    pub fn path(&self, keys: &Keys, extension: &str) -> String {
        let body = serde_json::to_vec(self).expect("plain fields serialise");
        let tag = keys.sign_link(&body);
        format!("/f/{}.{}/{}.{extension}", hex::encode(&body), hex::encode(tag), self.sha256)
    }

    /// Reads a token back.
    pub fn read(token: &str, keys: &Keys, now: OffsetDateTime) -> Result<Self, LinkError> {
        let (body, tag) = token.split_once('.').ok_or(LinkError::Forged)?;
        let body = hex::decode(body).map_err(|_| LinkError::Forged)?;
        let tag = hex::decode(tag).map_err(|_| LinkError::Forged)?;
        if !keys.link_is_ours(&body, &tag) {
            return Err(LinkError::Forged);
        }
        let link: Self = serde_json::from_slice(&body).map_err(|_| LinkError::Forged)?;
        if now.unix_timestamp() > link.expires {
            return Err(LinkError::Expired);
        }
        Ok(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_until_it_expires_and_only_unchanged() {
        let keys = Keys::derive(&[7; 32]).unwrap();
        let link = FileLink {
            school: "403303".parse().unwrap(),
            sha256: "ab".repeat(32),
            mime: "application/pdf".to_owned(),
            download_as: None,
            expires: 1_000,
        };
        let path = link.path(&keys, "pdf");
        let token = path.split('/').nth(2).unwrap();
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert_eq!(FileLink::read(token, &keys, at(1_000)), Ok(link));
        assert_eq!(FileLink::read(token, &keys, at(1_001)), Err(LinkError::Expired));
        let forged = token.replacen('7', "6", 1);
        assert_eq!(FileLink::read(&forged, &keys, at(0)), Err(LinkError::Forged));
        assert_eq!(FileLink::read(token, &Keys::derive(&[8; 32]).unwrap(), at(0)), Err(LinkError::Forged));
    }
}
