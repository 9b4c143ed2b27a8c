//! Reading back: every byte is verified on the way, and a damaged copy is never served.

use crate::{
    error::BlobError,
    finalise::Digests,
    harm::{Harm, Sighting},
    shelf::{BrokeOff, Coming, Found, MOST_BYTES, Shelf},
    vault::{READING_MIB, Vault},
};
use bytes::Bytes;
use kernel::school::SchoolCode;
use ring::digest::{Context as Digest, SHA256};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// A person waits: a first copy that hangs is given up for the second one.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits for others to give memory back; shorter than the patience with a copy.
const TURN: Duration = Duration::from_secs(3);
/// An answer that breaks off is asked for again once: a connection was cut, or the object can't be read to its end.
const TRIES: usize = 2;
/// How many older versions of a copy are looked at when neither copy is whole.
const OLDER_VERSIONS: usize = 8;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// The first copy.
    Primary,
    /// The second copy.
    Replica,
}

impl Copy {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Primary, Self::Replica];

    /// The one that this is a copy of.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Replica,
            Self::Replica => Self::Primary,
        }
    }

    /// For metrics, logs and rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// What a copy turned out to be when every byte was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There and whole; here it is.
    Whole(Bytes),
    /// Not there.
    Missing,
    /// There, with other bytes or unreadable.
    Damaged {
        /// Of what is there, in bytes; `None` when the server can't give it.
        size: Option<u64>,
    },
}

/// The same without the bytes: for the scrubber, which reads more than memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// There and whole.
    Whole {
        /// In bytes.
        size: u64,
    },
    /// Not there.
    Missing,
    /// See [`State::Damaged`].
    Damaged {
        /// Of what is there, in bytes.
        size: Option<u64>,
    },
}

/// Keys of one copy, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most a thousand.
    pub objects: Vec<Listed>,
    /// Whether more follow after the last one.
    pub more: bool,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `{school}/{sha256}`, or something under `{school}/incoming/`.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, to the second.
    pub written_at: OffsetDateTime,
}

/// Where a content lies.
pub(crate) fn object_key(school: &SchoolCode, sha256: &[u8; 32]) -> String {
    format!("{school}/{}", hex::encode(sha256))
}

/// The bytes of a file, and their share of the memory set aside for reading: given back with the last of them.
struct Held {
    bytes: Vec<u8>,
    _memory: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Vault {
    /// Reads a file and verifies it: nothing is given that does not have the wanted hash. If the first copy is damaged,
    /// missing or away, the second one is read, verified and given; if that is no better, an older version of either.
    /// What was found bad is mended, and told to the witness ([`Vault::with_witness`]), while the person already reads.
    ///
    /// The memory of all files being read is bounded: `Busy` when none is given back in time.
    pub async fn open(&self, school: &SchoolCode, sha256: &[u8; 32]) -> Result<Bytes, BlobError> {
        let late = |_| BlobError::away(self.primary.part, "no answer in time");
        let first = timeout(PATIENCE, self.inspect(Copy::Primary, school, sha256));
        let first = match first.await.map_err(late).flatten() {
            Ok(State::Whole(bytes)) => return Ok(bytes),
            Err(BlobError::Busy) => return Err(BlobError::Busy),
            first => first,
        };
        let second = self.inspect(Copy::Replica, school, sha256).await;
        let bytes = match &second {
            Ok(State::Whole(bytes)) => Some(bytes.clone()),
            Err(BlobError::Busy) => return Err(BlobError::Busy),
            _ => self.rescue(school, sha256).await.unwrap_or(None),
        };
        match bytes {
            Some(bytes) => {
                self.tend(*school, bytes.clone(), first, second);
                Ok(bytes)
            }
            None => Err(self.give_up(school, sha256, first, second)),
        }
    }

    /// Mends what a reader found bad, after the reader was served.
    fn tend(
        &self,
        school: SchoolCode,
        bytes: Bytes,
        first: Result<State, BlobError>,
        second: Result<State, BlobError>,
    ) {
        let vault = self.clone();
        tokio::spawn(async move {
            let digests = Digests::of(&bytes);
            for (copy, found) in [(Copy::Primary, first), (Copy::Replica, second)] {
                let found = match found {
                    // a server may take long to find out that an object is rotten: it is looked at with more patience
                    Err(_) => vault.probe(copy, &school, &digests.sha256).await,
                    Ok(state) => Ok(state.seen()),
                };
                let Some(harm) = found.ok().and_then(|seen| seen.harm(Some(bytes.len() as u64))) else { continue };
                let mended = vault.mend(copy, &school, &bytes, &digests).await;
                if let Err(error) = &mended {
                    tracing::warn!(%error, copy = copy.name(), "a copy could not be mended");
                }
                let mended = mended.is_ok();
                vault.testify(Sighting { school, sha256: digests.sha256, copy, harm, mended });
            }
        });
    }

    /// Nothing whole was found. With a copy merely away, nothing is lost yet.
    fn give_up(
        &self,
        school: &SchoolCode,
        sha256: &[u8; 32],
        first: Result<State, BlobError>,
        second: Result<State, BlobError>,
    ) -> BlobError {
        let mut away = None;
        for (copy, found) in [(Copy::Primary, first), (Copy::Replica, second)] {
            match found.map(|state| state.seen().harm(None)) {
                Ok(Some(harm)) => {
                    self.testify(Sighting { school: *school, sha256: *sha256, copy, harm, mended: false });
                }
                Ok(None) => {}
                Err(error) => away = away.or(Some(error)),
            }
        }
        away.unwrap_or_else(|| {
            metrics::counter!("licheng_blob_lost_total").increment(1);
            tracing::error!(school_code = school.as_str(), sha256 = hex::encode(sha256), "no copy of a file is whole");
            BlobError::Lost
        })
    }

    fn testify(&self, sighting: Sighting) {
        metrics::counter!("licheng_blob_harm_seen_total", "copy" => sighting.copy.name(), "what" => sighting.harm.name())
            .increment(1);
        if let Some(witness) = &self.witness {
            witness(sighting);
        }
    }

    /// Whether both copies are listed as there; says nothing about their bytes.
    pub async fn exists(&self, school: &SchoolCode, sha256: &[u8; 32]) -> Result<(bool, bool), BlobError> {
        let key = object_key(school, sha256);
        let (primary, replica) = tokio::try_join!(self.primary.head(&key), self.replica.head(&key))?;
        Ok((primary.is_some(), replica.is_some()))
    }

    /// Reads one copy whole and says what it is.
    pub async fn inspect(&self, copy: Copy, school: &SchoolCode, hash: &[u8; 32]) -> Result<State, BlobError> {
        self.read(copy, &object_key(school, hash), None, hash).await
    }

    /// Reads every byte of one copy, piece by piece, and says what it is: for the scrubber.
    pub async fn probe(&self, copy: Copy, school: &SchoolCode, hash: &[u8; 32]) -> Result<Seen, BlobError> {
        let key = object_key(school, hash);
        for _ in 0..TRIES {
            let mut coming = match self.shelf(copy).find(&key, None).await? {
                Found::Missing => return Ok(Seen::Missing),
                Found::Broken => return Ok(Seen::Damaged { size: None }),
                Found::Coming(coming) => coming,
            };
            let Ok(read) = drain(&mut coming, None).await else { continue };
            let size = coming.length.max(read.size);
            return Ok(if read.sha256 == *hash { Seen::Whole { size } } else { Seen::Damaged { size: Some(size) } });
        }
        Ok(Seen::Damaged { size: None })
    }

    async fn read(&self, copy: Copy, key: &str, version: Option<&str>, hash: &[u8; 32]) -> Result<State, BlobError> {
        for _ in 0..TRIES {
            let mut coming = match self.shelf(copy).find(key, version).await? {
                Found::Missing => return Ok(State::Missing),
                Found::Broken => return Ok(State::Damaged { size: None }),
                Found::Coming(coming) => coming,
            };
            if coming.length > MOST_BYTES {
                return Ok(State::Damaged { size: Some(coming.length) });
            }
            let memory = self.memory(coming.length).await?;
            let mut bytes = Vec::with_capacity(usize::try_from(coming.length).unwrap_or(0));
            let Ok(read) = drain(&mut coming, Some(&mut bytes)).await else { continue };
            if read.sha256 != *hash {
                return Ok(State::Damaged { size: Some(read.size) });
            }
            return Ok(State::Whole(Bytes::from_owner(Held { bytes, _memory: memory })));
        }
        Ok(State::Damaged { size: None })
    }

    /// A share of the memory set aside for files being read.
    async fn memory(&self, bytes: u64) -> Result<OwnedSemaphorePermit, BlobError> {
        let all = READING_MIB * 1024;
        let kib = usize::try_from(bytes / 1024 + 1).map_or(all, |kib| kib.min(all));
        let kib = u32::try_from(kib).expect("a small number");
        let turn = timeout(TURN, self.reading.clone().acquire_many_owned(kib));
        let turn = turn.await.map_err(|_| {
            metrics::counter!("licheng_blob_busy_total").increment(1);
            BlobError::Busy
        })?;
        Ok(turn.expect("the semaphore is never closed"))
    }

    /// The last resort: an older version of either copy that is whole. Buckets keep what was overwritten or deleted.
    async fn rescue(&self, school: &SchoolCode, hash: &[u8; 32]) -> Result<Option<Bytes>, BlobError> {
        let key = object_key(school, hash);
        for copy in Copy::BOTH {
            for version in self.shelf(copy).versions(&key, OLDER_VERSIONS).await? {
                if let State::Whole(bytes) = self.read(copy, &key, Some(&version), hash).await? {
                    tracing::warn!(
                        school_code = school.as_str(),
                        sha256 = hex::encode(hash),
                        copy = copy.name(),
                        "no copy of a file is whole, an older version is"
                    );
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }

    /// Mends one copy from the other, or from an older version of either: for the scrubber. `Lost` when nothing whole
    /// is left.
    pub async fn heal(&self, copy: Copy, school: &SchoolCode, sha256: &[u8; 32]) -> Result<(), BlobError> {
        let found = self.inspect(copy.other(), school, sha256).await;
        let bytes = match &found {
            Ok(State::Whole(bytes)) => Some(bytes.clone()),
            _ => self.rescue(school, sha256).await?,
        };
        match bytes {
            Some(bytes) => self.mend(copy, school, &bytes, &Digests::of(&bytes)).await,
            // with the other copy merely away, nothing is lost yet
            None => found.and(Err(BlobError::Lost)),
        }
    }

    /// The first parts of all keys of one copy, up to their first slash, and the keys that have none.
    pub async fn prefixes(&self, copy: Copy) -> Result<Vec<String>, BlobError> {
        let Shelf { client, bucket, .. } = self.shelf(copy);
        let (mut found, mut next) = (Vec::new(), None::<String>);
        loop {
            let request = client.list_objects_v2().bucket(bucket).delimiter("/").set_continuation_token(next.take());
            let answer = request.send().await.map_err(|error| self.shelf(copy).failed(&error))?;
            let prefixes = answer.common_prefixes().iter().filter_map(|prefix| prefix.prefix());
            found.extend(prefixes.map(|prefix| prefix.trim_end_matches('/').to_owned()));
            found.extend(answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
            next = answer.next_continuation_token;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Up to a thousand keys of one copy that begin with `prefix`, after the key `after`.
    pub async fn list(&self, copy: Copy, prefix: &str, after: Option<&str>) -> Result<Page, BlobError> {
        let Shelf { client, bucket, .. } = self.shelf(copy);
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
        let answer = request.set_start_after(after.map(str::to_owned)).send().await;
        let answer = answer.map_err(|error| self.shelf(copy).failed(&error))?;
        let listed = |object: &aws_sdk_s3::types::Object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                size: u64::try_from(object.size()?).ok()?,
                written_at: OffsetDateTime::from_unix_timestamp(object.last_modified()?.secs()).ok()?,
            })
        };
        let objects = answer.contents().iter().filter_map(listed).collect();
        Ok(Page { objects, more: answer.is_truncated().unwrap_or(false) })
    }
}

impl State {
    /// The same without the bytes.
    #[must_use]
    pub fn seen(&self) -> Seen {
        match self {
            Self::Whole(bytes) => Seen::Whole { size: bytes.len() as u64 },
            Self::Missing => Seen::Missing,
            Self::Damaged { size } => Seen::Damaged { size: *size },
        }
    }
}

impl Seen {
    /// What is wrong with a copy of a content of `size` bytes; nothing when it is whole.
    #[must_use]
    pub fn harm(self, size: Option<u64>) -> Option<Harm> {
        match (self, size) {
            (Self::Whole { .. }, _) => None,
            (Self::Missing, _) => Some(Harm::Missing),
            (Self::Damaged { size: None }, _) => Some(Harm::Unreadable),
            (Self::Damaged { size: Some(found) }, Some(wanted)) if found < wanted => Some(Harm::Truncated),
            (Self::Damaged { .. }, _) => Some(Harm::Flipped),
        }
    }
}

/// What came of an object.
struct Drained {
    size: u64,
    sha256: [u8; 32],
}

/// Takes an object to its end, or to where no content of ours would go on; hashes it on the way and keeps it when
/// told where.
async fn drain(coming: &mut Coming, mut keep: Option<&mut Vec<u8>>) -> Result<Drained, BrokeOff> {
    let (mut digest, mut size) = (Digest::new(&SHA256), 0);
    while let Some(piece) = coming.next().await? {
        size += piece.len() as u64;
        if size > MOST_BYTES {
            break;
        }
        digest.update(&piece);
        if let Some(bytes) = keep.as_deref_mut() {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(Drained { size, sha256: digest.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes") })
}
