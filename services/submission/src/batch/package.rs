//! The package for submitting by hand: the workbook and every file as one zip, sent while it is written.

use super::store::PackedFile;
use crate::roster::{facts::File, template::Template};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use kernel::school::SchoolCode;
use std::io::{self, Write};
use tokio::sync::mpsc;
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// Chunks on their way to the browser; a slow one holds the writer back.
const AHEAD: usize = 8;
/// Bytes gathered before they are sent.
const CHUNK: usize = 64 * 1024;

/// A file and the name it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) sha256: Vec<u8>,
}

/// Names by student and item: `11500123_王小明/學期課程學習成果_0002.pdf`.
pub(crate) fn entries(template: &Template, files: Vec<PackedFile>) -> Vec<Entry> {
    let entry = |file: PackedFile| {
        let sheet = template.sheet(file.sheet_no).map_or("", |sheet| sheet.name.as_str());
        let content = File { sha256: file.sha256, media_type: file.media_type, size: 0 };
        let folder = format!("{}_{}", safe(&file.student_no), safe(&file.name));
        let path = format!("{folder}/{}_{:04}.{}", safe(sheet), file.row_no, content.extension());
        Entry { path, sha256: content.sha256 }
    };
    files.into_iter().map(entry).collect()
}

/// Names of people and sheets as names of files: nothing that a file system reads as a path.
fn safe(name: &str) -> String {
    let forbidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let name: String = name.trim().chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
    name.trim_start_matches('.').to_owned()
}

/// The zip. A file that is lost breaks the download off rather than being left out in silence.
pub(crate) fn stream(
    vault: blob::Vault,
    school: SchoolCode,
    workbook: (String, Vec<u8>),
    entries: Vec<Entry>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let (to_writer, mut files) = mpsc::channel::<io::Result<(String, Bytes)>>(2);
    let (to_browser, chunks) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
    tokio::spawn(async move {
        for entry in entries {
            let read = read(&vault, school, &entry).await;
            let is_last = read.is_err();
            if to_writer.send(read).await.is_err() || is_last {
                return;
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        let out = Chunks { to: to_browser.clone(), gathered: Vec::with_capacity(CHUNK) };
        let next = || files.blocking_recv();
        if let Err(error) = write(out, workbook, next) {
            // the browser may be gone, then there is nobody to tell
            let _gone = to_browser.blocking_send(Err(error));
        }
    });
    stream::unfold(chunks, |mut chunks| async { chunks.recv().await.map(|chunk| (chunk, chunks)) })
}

async fn read(vault: &blob::Vault, school: SchoolCode, entry: &Entry) -> io::Result<(String, Bytes)> {
    let sha256: [u8; 32] = entry.sha256.as_slice().try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    let bytes = vault.open(&school, &sha256).await.map_err(io::Error::other)?;
    Ok((entry.path.clone(), bytes))
}

fn write(
    out: Chunks,
    (name, workbook): (String, Vec<u8>),
    mut next: impl FnMut() -> Option<io::Result<(String, Bytes)>>,
) -> io::Result<()> {
    // pictures, films and workbooks are packed already
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new_stream(out);
    zip.start_file(name, options).map_err(plain)?;
    zip.write_all(&workbook)?;
    while let Some(file) = next() {
        let (path, bytes) = file?;
        zip.start_file(path, options).map_err(plain)?;
        zip.write_all(&bytes)?;
    }
    zip.finish().map_err(plain)?.into_inner().flush()
}

fn plain(error: ZipError) -> io::Error {
    io::Error::other(error)
}

/// Gathers what the zip writes into chunks.
struct Chunks {
    to: mpsc::Sender<io::Result<Bytes>>,
    gathered: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.gathered);
        self.to.blocking_send(Ok(chunk.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::template::tests::shipped;

    fn file(row_no: i32, media_type: &str) -> PackedFile {
        PackedFile {
            student_no: "1150001".to_owned(),
            name: "../林小安".to_owned(),
            sheet_no: 1,
            row_no,
            sha256: vec![1; 32],
            media_type: media_type.to_owned(),
        }
    }

    /// Issue 2 §3.9: "names by student and item"; a name never leaves its folder.
    #[test]
    fn files_are_named_by_student_and_item() {
        let entries = entries(&shipped(26), vec![file(2, "application/pdf"), file(2, "video/mp4")]);
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["1150001__林小安/學期課程學習成果_0002.pdf", "1150001__林小安/學期課程學習成果_0002.mp4"]);
    }

    #[test]
    fn the_zip_can_be_read_back() {
        let (to, mut chunks) = mpsc::channel(64);
        let mut files = vec![Ok(("a/b.pdf".to_owned(), Bytes::from(vec![7; 200_000])))].into_iter();
        write(Chunks { to, gathered: Vec::new() }, ("r.xlsx".to_owned(), vec![1, 2, 3]), || files.next()).unwrap();
        let mut bytes = Vec::new();
        while let Ok(chunk) = chunks.try_recv() {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let mut read = Vec::new();
        io::Read::read_to_end(&mut zip.by_name("a/b.pdf").unwrap(), &mut read).unwrap();
        assert_eq!((zip.len(), read.len()), (2, 200_000));
    }
}
