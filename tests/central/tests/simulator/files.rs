//! The files behind the links: fetched one by one, checked by hash, size and content (§4.2).

use crate::{
    book::student,
    book::{Book, outcome},
    school::{mp4, pdf, sha256},
    stage::{Stage, assert_accepted, assert_rejected},
};

const SHEET: &str = "學期課程學習成果";
const MEBIBYTE: usize = 1024 * 1024;

fn at(column: &str, code: &str) -> String {
    format!("{SHEET}:2:{column}:{code}")
}

/// A document of so many bytes.
fn pdf_of(size: usize) -> Vec<u8> {
    let mut bytes = pdf(0);
    bytes.resize(size, b' ');
    bytes
}

#[tokio::test]
async fn a_link_ends_in_the_hash_of_its_file() {
    let stage = Stage::open().await;
    for link in ["成果.pdf", "https://files.example/f/t/report.pdf", "https://files.example/f/t/abc.pdf"] {
        let job = stage.submit_outcome_with("文件檔連結", link).await;
        assert_rejected(&job, &[&at("文件檔連結", "link_format")]);
    }
}

#[tokio::test]
async fn what_arrives_has_the_hash_of_its_link() {
    let stage = Stage::open().await;
    let link = stage.school.put(&format!("/f/token/{}.pdf", sha256(b"another")), &pdf(0));
    let job = stage.submit_outcome_with("文件檔連結", &link).await;
    assert_rejected(&job, &[&at("文件檔連結", "file_hash")]);
}

#[tokio::test]
async fn documents_have_at_most_4_mb_and_media_at_most_10() {
    let stage = Stage::open().await;
    let most = stage.school.file(&pdf_of(4 * MEBIBYTE), "pdf");
    assert_accepted(&stage.submit_outcome_with("文件檔連結", &most).await);
    let more = stage.school.file(&pdf_of(4 * MEBIBYTE + 1), "pdf");
    assert_rejected(&stage.submit_outcome_with("文件檔連結", &more).await, &[&at("文件檔連結", "file_size")]);
    let mut film = mp4();
    film.resize(10 * MEBIBYTE + 1, 0);
    let media = stage.school.file(&film, "mp4");
    assert_rejected(&stage.submit_outcome_with("影音檔連結", &media).await, &[&at("影音檔連結", "file_size")]);
}

#[tokio::test]
async fn in_108_documents_had_at_most_2_mb() {
    let stage = Stage::open().await;
    for (size, fits) in [(2 * MEBIBYTE, true), (2 * MEBIBYTE + 1, false)] {
        let mut book = stage.one_outcome();
        book.set("封面", 2, "學年度", "108");
        book.set(SHEET, 2, "文件檔連結", &stage.school.file(&pdf_of(size), "pdf"));
        let job = stage.submit(&book).await;
        if fits {
            assert_accepted(&job);
        } else {
            assert_rejected(&job, &[&at("文件檔連結", "file_size")]);
        }
    }
}

#[tokio::test]
async fn the_kind_of_a_file_is_told_by_its_content() {
    // §4.2: "sniff content, not extension"
    let stage = Stage::open().await;
    let cases = [
        ("文件檔連結", stage.school.file(b"MZ\x90\0renamed program", "pdf")),
        ("文件檔連結", stage.school.file(&mp4(), "mp4")),
        ("文件檔連結", stage.school.file(&pdf(7), "png")),
        ("影音檔連結", stage.school.file(&pdf(8), "pdf")),
    ];
    for (column, link) in cases {
        let job = stage.submit_outcome_with(column, &link).await;
        assert_rejected(&job, &[&at(column, "file_kind")]);
    }
    for (bytes, extension) in [(&b"\xFF\xD8\xFF\xE0 photo"[..], "jpg"), (b"\x89PNG\r\n\x1a\n picture", "png")] {
        let link = stage.school.file(bytes, extension);
        assert_accepted(&stage.submit_outcome_with("文件檔連結", &link).await);
    }
    let sound = stage.school.file(b"ID3\x04\0 sound", "mp3");
    assert_accepted(&stage.submit_outcome_with("影音檔連結", &sound).await);
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_asked_for_again() {
    let stage = Stage::open().await;
    let link = stage.school.file(&pdf(3), "pdf");
    stage.school.remove(&link);
    let job = stage.submit_outcome_with("文件檔連結", &link).await;
    assert_rejected(&job, &[&at("文件檔連結", "file_download")]);
    assert!(job["errors"][0]["message"].as_str().unwrap().contains("404"));
    assert!(!job["errors"][0]["message"].as_str().unwrap().contains("token"));
}

#[tokio::test]
async fn a_passing_failure_is_retried_three_times() {
    let stage = Stage::open().await;
    let good = stage.school.file(&pdf(3), "pdf");
    stage.school.fail(&good, 3);
    assert_accepted(&stage.submit_outcome_with("文件檔連結", &good).await);
    assert_eq!(stage.school.hits(&good), 4);

    let bad = stage.school.file(&pdf(4), "pdf");
    stage.school.fail(&bad, 100);
    let job = stage.submit_outcome_with("文件檔連結", &bad).await;
    assert_rejected(&job, &[&at("文件檔連結", "file_download")]);
    assert_eq!(stage.school.hits(&bad), 4);
}

#[tokio::test]
async fn a_file_that_a_school_has_delivered_is_not_fetched_again() {
    let stage = Stage::open().await;
    let [old, new] = [pdf(1), pdf(2)].map(|bytes| stage.school.file(&bytes, "pdf"));
    let mut book = Book::new(26);
    book.add(SHEET, &outcome(&student(1), "國語文", &old));
    assert_accepted(&stage.submit(&book).await);
    book.add(SHEET, &outcome(&student(2), "國語文", &new));
    assert_accepted(&stage.submit(&book).await);
    assert_eq!([stage.school.hits(&old), stage.school.hits(&new)], [1, 1]);
}
