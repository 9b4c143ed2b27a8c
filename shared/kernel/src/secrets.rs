//! Everything that is derived from the one master secret (`LICHENG_SECRET`).
//!
//! A key per purpose by HKDF-SHA256, so that a leaked link key opens no national id.

use crate::school::SchoolCode;
use ring::{aead, hkdf, hmac, rand::SecureRandom};

/// The derived keys. Cheap to clone, says nothing when debugged.
#[derive(Clone)]
pub struct Keys(std::sync::Arc<Derived>);

struct Derived {
    personal: aead::LessSafeKey,
    index: hmac::Key,
    link: hmac::Key,
    receipt_seed: [u8; 32],
    random: ring::rand::SystemRandom,
}

/// What went wrong with a sealed value or a key; never says what the value was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The master secret has the wrong length.
    #[error("the master secret must be 32 bytes")]
    Length,
    /// The sealed value was changed, cut, or sealed with another key.
    #[error("a sealed value could not be opened with this key")]
    Sealed,
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Derives the keys from 32 random bytes.
    pub fn derive(master: &[u8]) -> Result<Self, SecretError> {
        if master.len() != 32 {
            return Err(SecretError::Length);
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"licheng/1").extract(master);
        let key = |purpose: &[u8]| {
            let mut out = [0u8; 32];
            let info = [purpose];
            let expanded = extracted.expand(&info, Len(32)).expect("32 bytes are within HKDF's reach");
            expanded.fill(&mut out).expect("the length is the one asked for");
            out
        };
        let personal =
            aead::UnboundKey::new(&aead::AES_256_GCM, &key(b"personal")).expect("32 bytes make an AES-256 key");
        Ok(Self(std::sync::Arc::new(Derived {
            personal: aead::LessSafeKey::new(personal),
            index: hmac::Key::new(hmac::HMAC_SHA256, &key(b"blind index")),
            link: hmac::Key::new(hmac::HMAC_SHA256, &key(b"link")),
            receipt_seed: key(b"receipt"),
            random: ring::rand::SystemRandom::new(),
        })))
    }

    /// Seals a personal value (AES-256-GCM, random nonce in front), bound to its school:
    /// a row copied to another school does not open.
    #[must_use]
    pub fn seal(&self, school: SchoolCode, plain: &str) -> Vec<u8> {
        self.seal_bytes(school, plain.as_bytes())
    }

    /// The same for a whole file.
    #[must_use]
    pub fn seal_bytes(&self, school: SchoolCode, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0u8; aead::NONCE_LEN];
        self.0.random.fill(&mut nonce).expect("the system gives random bytes");
        let mut sealed = plain.to_vec();
        self.0
            .personal
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(school.as_str().as_bytes()),
                &mut sealed,
            )
            .expect("a text or a file of some MiB is within the cipher's limits");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what `seal` made.
    pub fn open(&self, school: SchoolCode, sealed: &[u8]) -> Result<String, SecretError> {
        String::from_utf8(self.open_bytes(school, sealed)?).map_err(|_| SecretError::Sealed)
    }

    /// Opens what `seal_bytes` made.
    pub fn open_bytes(&self, school: SchoolCode, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (nonce, body) = sealed.split_at_checked(aead::NONCE_LEN).ok_or(SecretError::Sealed)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Sealed)?;
        let mut body = body.to_vec();
        let plain = self
            .0
            .personal
            .open_in_place(nonce, aead::Aad::from(school.as_str().as_bytes()), &mut body)
            .map_err(|_| SecretError::Sealed)?;
        Ok(plain.to_vec())
    }

    /// The keyed blind index by which a national id is looked up without being stored in the open.
    /// The same for all schools: a person is city-wide (domain A-32).
    #[must_use]
    pub fn blind_index(&self, national_id: &str) -> [u8; 32] {
        hmac::sign(&self.0.index, national_id.as_bytes()).as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }

    /// Authenticates a link or token.
    #[must_use]
    pub fn sign_link(&self, message: &[u8]) -> [u8; 32] {
        hmac::sign(&self.0.link, message).as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }

    /// Whether `sign_link` made this tag; constant time.
    #[must_use]
    pub fn link_is_ours(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0.link, message, tag).is_ok()
    }

    /// The Ed25519 seed with which receipts are signed.
    #[must_use]
    pub fn receipt_seed(&self) -> &[u8; 32] {
        &self.0.receipt_seed
    }

    /// `N` random bytes from the system.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.0.random.fill(&mut out).expect("the system gives random bytes");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn school(code: &str) -> SchoolCode {
        code.parse().unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_at_its_school_and_unchanged() {
        let keys = Keys::derive(&[7; 32]).unwrap();
        let mut sealed = keys.seal(school("403303"), "A123456789");
        assert_eq!(keys.open(school("403303"), &sealed).unwrap(), "A123456789");
        assert_eq!(keys.open(school("403302"), &sealed), Err(SecretError::Sealed));
        assert_eq!(Keys::derive(&[8; 32]).unwrap().open(school("403303"), &sealed), Err(SecretError::Sealed));
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(keys.open(school("403303"), &sealed), Err(SecretError::Sealed));
        assert_eq!(keys.open(school("403303"), b"short"), Err(SecretError::Sealed));
        let file = [0xff, 0, 0xfe];
        assert_eq!(keys.open_bytes(school("403303"), &keys.seal_bytes(school("403303"), &file)).unwrap(), file);
    }

    #[test]
    fn the_same_value_seals_differently_and_indexes_alike() {
        let keys = Keys::derive(&[7; 32]).unwrap();
        assert_ne!(keys.seal(school("403303"), "A123456789"), keys.seal(school("403303"), "A123456789"));
        assert_eq!(keys.blind_index("A123456789"), keys.blind_index("A123456789"));
        assert_ne!(keys.blind_index("A123456789"), Keys::derive(&[8; 32]).unwrap().blind_index("A123456789"));
    }
}
