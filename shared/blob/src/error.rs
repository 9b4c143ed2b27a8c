//! What can go wrong with storage, as against with a file.

use crate::refusal::Refusal;
use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use std::{error::Error, fmt};

/// What the vault stands on; also what [`crate::Vault::check`] is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first copy.
    Primary,
    /// The second copy.
    Replica,
    /// The virus scanner.
    Scanner,
}

impl Part {
    /// Everything the vault stands on.
    pub const ALL: [Self; 3] = [Self::Primary, Self::Replica, Self::Scanner];

    /// A short name for probes and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "storage",
            Self::Replica => "storage-replica",
            Self::Scanner => "scanner",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Storage could not do what was asked. Nothing was saved, nothing was lost, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// A part is away, or answers with an error: try again later.
    #[error("{part} is unavailable: {reason}")]
    Unavailable {
        /// Which one.
        part: Part,
        /// What it said; free of names and contents.
        reason: String,
    },
    /// Neither copy of an object is there and whole.
    #[error("no copy of the object is whole")]
    Lost,
    /// As many files as memory is set aside for are being read this moment: try again in a few seconds.
    #[error("too many files are being read at once")]
    Busy,
    /// No such upload: abandoned, swept away, or never begun. Begin again.
    #[error("the upload is unknown")]
    UnknownUpload,
    /// The key is not one that `begin_upload` gave for this school.
    #[error("not the key of an upload of this school")]
    ForeignKey,
}

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The file itself is at fault, for good: show the sentence, forget the upload.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Parts of the upload have not arrived: the browser goes on after [`crate::Vault::resume`].
    #[error("parts {missing:?} have not arrived")]
    Incomplete {
        /// Their numbers, from 1.
        missing: Vec<i32>,
    },
    /// Storage is at fault: the upload is kept, try again later.
    #[error(transparent)]
    Failed(#[from] BlobError),
}

impl BlobError {
    pub(crate) fn away(part: Part, reason: impl Into<String>) -> Self {
        Self::Unavailable { part, reason: reason.into() }
    }

    pub(crate) fn of<E>(part: Part, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::away(part, reason(error))
    }
}

/// The server's own code, or the chain of causes down to the socket.
fn reason<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let (Some(service), Some(answer)) = (error.as_service_error(), error.raw_response()) {
        let code = service.code().unwrap_or("no code");
        return format!("{code} (status {})", answer.status().as_u16());
    }
    let causes = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
