//! The files that the seeded outcomes hold: real ones, stored like anybody's, a dozen for each school.

use anyhow::{Context as _, Result};
use blob::{Accept, Vault, samples};
use kernel::school::SchoolCode;

/// A stored file that many rows may refer to: storage is by content.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) sha256: [u8; 32],
    pub(super) md5: [u8; 16],
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) is_media: bool,
}

/// Makes and stores the files of one school.
pub(super) async fn store(vault: &Vault, school: SchoolCode) -> Result<Vec<Sample>> {
    let mut stored = Vec::new();
    for (name, bytes, accept) in made(school) {
        let size = bytes.len() as u64;
        let kept = vault.ingest(&school, bytes.into(), accept).await.with_context(|| format!("storing {name}"))?;
        stored.push(Sample {
            name,
            sha256: kept.sha256,
            md5: kept.md5,
            size,
            media_type: kept.media_type.mime().to_owned(),
            is_media: accept == Accept::Media,
        });
    }
    Ok(stored)
}

fn made(school: SchoolCode) -> Vec<(String, Vec<u8>, Accept)> {
    let seed = school.as_str().bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let title = format!("School {school}");
    let mut files = Vec::new();
    for (n, subject) in ["Report", "Experiment", "Reading notes", "Project"].iter().enumerate() {
        let lines = [title.as_str(), subject, "Motivation, method, result, reflection."];
        files.push((
            format!("{}-{}.pdf", ["報告", "實驗紀錄", "閱讀心得", "專題"][n], n + 1),
            samples::pdf(&lines),
            Accept::Document,
        ));
    }
    files.push(("海報.jpg".to_owned(), samples::jpeg(960, 640, seed), Accept::Document));
    files.push(("成品照片.jpg".to_owned(), samples::jpeg(640, 960, seed + 1), Accept::Document));
    files.push(("圖表.png".to_owned(), samples::png(480, 320, seed + 2), Accept::Document));
    files.push(("實作影片.mp4".to_owned(), samples::mp4(seed), Accept::Media));
    files.push(("口頭報告.mp3".to_owned(), samples::mp3(3), Accept::Media));
    files
}
