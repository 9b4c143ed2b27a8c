//! Argon2id, with the parameters of OWASP's password storage sheet: 19 MiB, two passes, one lane.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::login::Password;

/// Hashes at the same time: each takes a core and 19 MiB, the pages need both as well.
const AT_ONCE: usize = 2;

/// What an unknown login is measured against: it takes as long as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// The password could not be hashed or judged.
#[derive(Debug, thiserror::Error)]
#[error("argon2: {0}")]
pub(crate) struct HashError(String);

/// Judges passwords away from the threads that serve pages.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Hasher {
    /// Whether the password made the hash; without a hash the same work is done for a no.
    pub(crate) async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, HashError> {
        self.apart(move || {
            let known = hash.is_some();
            let text = hash.unwrap_or_else(|| NOBODY.clone());
            let hash = PasswordHash::new(&text).map_err(|error| HashError(error.to_string()))?;
            Ok(argon2().verify_password(password.expose().as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    /// The hash to be kept.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, HashError> {
        self.apart(move || hash(password.expose())).await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|error| HashError(error.to_string()))?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit); // a caller that gave up meanwhile does not free the core earlier
            done
        });
        working.await.map_err(|error| HashError(error.to_string()))?
    }
}

/// The hash to be kept, made on this thread: for commands.
pub(crate) fn hash(password: &str) -> Result<String, HashError> {
    let hash = argon2().hash_password(password.as_bytes()).map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("OWASP's parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_and_nobody_knows_an_unknown_login() {
        let hasher = Hasher::default();
        let hash = hasher.hash(Password::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(Password::new("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(Password::new("battery staple"), Some(hash)).await.unwrap());
        assert!(!hasher.verify(Password::new("nobody has this password"), None).await.unwrap());
    }
}
