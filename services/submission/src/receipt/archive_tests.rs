use super::*;
use std::io::Write;
use zip::{AesMode, ZipWriter, write::SimpleFileOptions};

const PASSWORD: &str = "geheim";

const OUTCOMES: &str = "\u{feff}{\"名冊資訊\":{\"學校代碼\":\"353302\",\"學年度\":115,\"學期\":0,\"名冊別\":26,\"批次\":\"12\"},\
    \"課程學習成果\":[{\"身分證號\":\"A123456789\",\"出生日期\":\"0990305\",\
    \"學期課程學習成果\":[{\"實際修課學期\":\"1\",\"修課學分\":4,\"影音檔連結\":null}],\"補修課程學習成果\":[]}]}";

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, PASSWORD);
    for (name, bytes) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn hash_of(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

fn hash_line(file: &str, text: &str) -> String {
    format!("{file},{}\r\n", hash_of(text))
}

fn refused(files: &[(&str, &[u8])]) -> Refused {
    read(&zip(files), PASSWORD).unwrap_err()
}

/// Domain §5.10: "`SHA.txt` with lines `file,sha256`, JSON files (UTF-8 with BOM) per kind"; "JSON = 名冊資訊 object +
/// array of {身分證號, 出生日期, <sheet arrays>}".
#[test]
fn a_receipt_is_read() {
    let name = "課程學習成果.json";
    let parts = read(&zip(&[(name, OUTCOMES.as_bytes()), ("SHA.txt", hash_line(name, OUTCOMES).as_bytes())]), PASSWORD)
        .unwrap();
    let part = &parts[0];
    assert_eq!((part.kind, part.roster_code, part.batch), (Kind::Outcome, 26, Some(12)));
    assert_eq!((part.school.as_str(), part.year.get(), part.term.get()), ("353302", 115, 0));
    let student = &part.students[0];
    assert_eq!((student.national_id.as_str(), student.birth_date.as_str()), ("A123456789", "0990305"));
    let (sheet, rows) = &student.sheets[0];
    assert_eq!(sheet, "學期課程學習成果");
    let cells: Vec<(&str, &str)> = rows[0].0.iter().map(|(title, text)| (title.as_str(), text.as_str())).collect();
    assert_eq!(cells, [("實際修課學期", "1"), ("修課學分", "4"), ("影音檔連結", "")]);
    assert!(!format!("{parts:?}").contains("A123456789"), "debug output holds no national id");
}

/// Domain §5.10: "import verifies each SHA-256".
#[test]
fn one_wrong_hash_refuses_everything() {
    let (good, bad) = ("課程學習成果.json", "多元表現.json");
    let activities = OUTCOMES.replace("課程學習成果\":[{", "多元表現\":[{");
    let hashes = hash_line(good, OUTCOMES) + &hash_line(bad, OUTCOMES);
    let files: [(&str, &[u8]); 3] =
        [(good, OUTCOMES.as_bytes()), (bad, activities.as_bytes()), ("SHA.txt", hashes.as_bytes())];
    assert_eq!(refused(&files), Refused::WrongHash { file: bad.to_owned() });
}

#[test]
fn every_file_has_a_hash_and_every_hash_a_file() {
    let name = "課程學習成果.json";
    let file: (&str, &[u8]) = (name, OUTCOMES.as_bytes());
    assert_eq!(refused(&[file]), Refused::NoHashes);
    assert_eq!(refused(&[file, ("SHA.txt", b"")]), Refused::Unlisted { file: name.to_owned() });
    let two = hash_line(name, OUTCOMES) + &hash_line("修課紀錄.json", "");
    assert_eq!(refused(&[file, ("SHA.txt", two.as_bytes())]), Refused::Missing { file: "修課紀錄.json".to_owned() });
    let torn = format!("{name} {}", hash_of(OUTCOMES));
    assert_eq!(refused(&[file, ("SHA.txt", torn.as_bytes())]), Refused::HashLine { line: 1 });
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../課程學習成果.json", "/etc/passwd", "a/b.json", "C:\\x.json", "..\\x.json", ".hidden"] {
        let files: [(&str, &[u8]); 2] = [(name, b"{}"), ("SHA.txt", b"")];
        assert_eq!(refused(&files), Refused::Name, "{name}");
    }
}

#[test]
fn a_bomb_is_defused() {
    let zeros = vec![b' '; usize::try_from(LARGEST_FILE).unwrap() + 1];
    assert_eq!(refused(&[("修課紀錄.json", &zeros)]), Refused::TooLarge);
    let names: Vec<String> = (0..=MOST_FILES).map(|n| format!("{n}.json")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert_eq!(refused(&many), Refused::TooManyFiles);
}

#[test]
fn a_wrong_password_and_no_zip_are_told_apart() {
    let zip = zip(&[("SHA.txt", b"")]);
    assert_eq!(read(&zip, "anders").unwrap_err(), Refused::Password);
    assert_eq!(read(b"%PDF-1.7", PASSWORD).unwrap_err(), Refused::NotAZip);
    assert_eq!(read(&zip, PASSWORD).unwrap_err(), Refused::Empty);
}

/// What can't be read is told by its place: the text itself may be personal.
#[test]
fn an_unreadable_file_does_not_leak() {
    let name = "課程學習成果.json";
    let text = "{\"名冊資訊\":{\"學校代碼\":\"353302\",\"學年度\":115},\"課程學習成果\":[{\"身分證號\":\"A123456789\",\"學期\":7}]}";
    let refusal = refused(&[(name, text.as_bytes()), ("SHA.txt", hash_line(name, text).as_bytes())]);
    assert!(matches!(&refusal, Refused::Unreadable { .. }));
    assert!(!refusal.to_string().contains("A123456789"), "{refusal}");
}

/// Issue 3 §4: receipts, as zips and as what is in them.
#[test]
fn fuzz_receipt_zip() {
    let name = "課程學習成果.json";
    let hashes = hash_line(name, OUTCOMES);
    let whole = zip(&[(name, OUTCOMES.as_bytes()), ("SHA.txt", hashes.as_bytes())]);
    fuzz::run("receipt-zip", &[whole], |bytes| {
        let _refused = read(bytes, PASSWORD).map_err(|refusal| refusal.to_string());
    });
}

#[test]
fn fuzz_receipt_json() {
    fuzz::run("receipt-json", &[OUTCOMES.as_bytes().to_vec()], |bytes| {
        let _refused = part("課程學習成果.json", bytes).map_err(|refusal| refusal.to_string());
    });
}

#[test]
fn fuzz_receipt_hashes() {
    let hashes = hash_line("課程學習成果.json", OUTCOMES) + &hash_line("修課紀錄.json", "{}");
    fuzz::run("receipt-hashes", &[hashes.into_bytes()], |bytes| {
        let _refused = listed(bytes).map_err(|refusal| refusal.to_string());
    });
}
