//! Where the two copies and the scanner are.

use std::fmt;

/// What a [`crate::Vault`] is made of. The variables are read and documented in `ops`.
#[derive(Debug, Clone)]
pub struct BlobConfig {
    /// The first copy; browsers upload here.
    pub primary: Bucket,
    /// The address under which browsers reach the first copy, if it is not `primary.endpoint`.
    pub public_endpoint: Option<String>,
    /// The second copy: another bucket with its own credentials, better another server.
    pub replica: Bucket,
    /// Host and port of clamd, e.g. `127.0.0.1:3310`.
    pub clamd: String,
    /// How many files are verified at the same time; each takes 10 MiB and more of memory.
    pub concurrent_verifications: usize,
}

/// One bucket and who may use it. Says no secret when debugged.
#[derive(Clone)]
pub struct Bucket {
    /// The server, e.g. `https://s3.example`.
    pub endpoint: String,
    /// The region that signatures name, e.g. `us-east-1`.
    pub region: String,
    /// The name of the bucket.
    pub bucket: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({} at {})", self.bucket, self.endpoint)
    }
}
