//! The files that schools delivered, each under its school and its SHA-256.
//!
//! A file that stands here is whole and was checked, so it is never fetched again: not after
//! a restart in the middle of a job, nor when a school submits the same file once more.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{fs, io::AsyncReadExt};

use crate::{
    content::{HEAD, Kind},
    download::{self, Failure},
    roster::Link,
    server::Central,
};

/// What became of a link.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The file is here, with the content that its link names.
    Here {
        /// Bytes.
        size: u64,
        /// By content; none when it is no kind that a portfolio may hold.
        kind: Option<Kind>,
    },
    /// Something arrived, but not the content that its link names.
    OtherContent,
    /// More bytes than a file may have.
    TooLarge,
    /// Nothing arrived; the reason in words.
    Failed(String),
}

/// The folders of files and workbooks.
pub(crate) struct Library {
    files: PathBuf,
    workbooks: PathBuf,
    receipts: PathBuf,
}

impl Library {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let library =
            Self { files: data.join("files"), workbooks: data.join("workbooks"), receipts: data.join("receipts") };
        for folder in [&library.files, &library.workbooks, &library.receipts] {
            std::fs::create_dir_all(folder)?;
        }
        Ok(library)
    }

    /// Where the workbook of a job stands once it has been fetched.
    pub(crate) fn workbook(&self, job: &str) -> PathBuf {
        self.workbooks.join(format!("{job}.xlsx"))
    }

    /// Where the receipt of a job stands once it has been made.
    pub(crate) fn receipt(&self, job: &str) -> PathBuf {
        self.receipts.join(format!("{job}.zip"))
    }

    /// Gets the file of a link, from the shelf or from the school.
    pub(crate) async fn obtain(&self, central: &Central, school: &str, link: &Link, limit: u64) -> io::Result<Arrival> {
        let shelf = self.files.join(school);
        let place = shelf.join(&link.sha256);
        if !fs::try_exists(&place).await? {
            fs::create_dir_all(&shelf).await?;
            let part = shelf.join(format!("{}.{}.part", link.sha256, part_number()));
            let arrival = match download::fetch(central, &link.url, &part, limit).await {
                Ok(fetched) if fetched.sha256 == link.sha256 => {
                    fs::rename(&part, &place).await?;
                    None
                }
                Ok(_) => Some(Arrival::OtherContent),
                Err(Failure::TooLarge) => Some(Arrival::TooLarge),
                Err(Failure::Failed(reason)) => Some(Arrival::Failed(reason)),
                Err(Failure::Disk(error)) => {
                    // the disk may be full: what has come so far would stand in the next try's way
                    let _nothing = fs::remove_file(&part).await;
                    return Err(error);
                }
            };
            if let Some(arrival) = arrival {
                // when nothing arrived there is nothing to remove
                let _nothing = fs::remove_file(&part).await;
                return Ok(arrival);
            }
        }
        let size = fs::metadata(&place).await?.len();
        let mut head = Vec::with_capacity(HEAD);
        fs::File::open(&place).await?.take(HEAD as u64).read_to_end(&mut head).await?;
        Ok(Arrival::Here { size, kind: Kind::of(&head) })
    }
}

/// Tells unfinished downloads of the same content apart when two jobs fetch it at the same time.
fn part_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
