//! Receipts of uploads, verified offline.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use central::upload_receipt::{Check, verify};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{school::sha256, stage::Folder};

const FILE: &[u8] = b"%PDF-1.7 the file";

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(key: &Ed25519KeyPair) -> String {
    STANDARD.encode(key.public_key())
}

/// A receipt as the platform signs it: over keys sorted by their bytes, without white space.
fn receipt(key: &Ed25519KeyPair) -> Value {
    let signed = format!(
        "{{\"file_name\":\"報告.pdf\",\"item\":\"outcome 7\",\"key_id\":\"k1\",\"saved_at\":\"2026-11-22T14:00:00+08:00\",\
         \"school_code\":\"353302\",\"sha256\":\"{}\",\"size\":{},\"student\":\"11130042\"}}",
        sha256(FILE),
        FILE.len()
    );
    let mut receipt: Value = serde_json::from_str(&signed).unwrap();
    receipt["signature"] = json!(STANDARD.encode(key.sign(signed.as_bytes())));
    receipt
}

fn failed(checks: &[Check]) -> Vec<&'static str> {
    checks.iter().filter(|check| !check.holds).map(|check| check.name).collect()
}

#[test]
fn a_genuine_receipt_holds_with_and_without_its_file() {
    let key = key(1);
    let text = serde_json::to_string_pretty(&receipt(&key)).unwrap();
    let checks = verify(&text, &public(&key), None).unwrap();
    assert_eq!((checks.len(), failed(&checks)), (5, vec![]));
    let checks = verify(&text, &public(&key), Some(&mut &*FILE)).unwrap();
    assert_eq!((checks.len(), failed(&checks)), (7, vec![]));
}

#[test]
fn any_changed_field_breaks_the_signature() {
    let key = key(1);
    for field in ["school_code", "student", "item", "file_name", "key_id"] {
        let mut receipt = receipt(&key);
        receipt[field] = json!("changed");
        assert_eq!(failed(&verify(&receipt.to_string(), &public(&key), None).unwrap()), ["簽章與內容相符"], "{field}");
    }
    let mut more = receipt(&key);
    more["note"] = json!("added later");
    assert_eq!(failed(&verify(&more.to_string(), &public(&key), None).unwrap()), ["簽章與內容相符"]);
}

#[test]
fn another_key_did_not_sign_it() {
    let text = receipt(&key(1)).to_string();
    assert_eq!(failed(&verify(&text, &public(&key(2)), None).unwrap()), ["簽章與內容相符"]);
    assert_eq!(failed(&verify(&text, "c2hvcnQ=", None).unwrap()), ["公鑰為 32 位元組的 base64"]);
}

#[test]
fn another_file_is_not_the_one_of_the_receipt() {
    let key = key(1);
    let text = receipt(&key).to_string();
    let same_size = vec![b'x'; FILE.len()];
    assert_eq!(failed(&verify(&text, &public(&key), Some(&mut &*same_size)).unwrap()), ["檔案的 SHA-256 相符"]);
    let longer = [FILE, b"!"].concat();
    assert_eq!(
        failed(&verify(&text, &public(&key), Some(&mut &*longer)).unwrap()),
        ["檔案大小相符", "檔案的 SHA-256 相符"]
    );
}

#[test]
fn what_is_no_receipt_is_said_so() {
    let key = key(1);
    let mut missing = receipt(&key);
    missing.as_object_mut().unwrap().remove("item");
    for text in ["", "[]", "{}", &missing.to_string()] {
        assert_eq!(failed(&verify(text, &public(&key), None).unwrap()).len(), 1, "{text}");
    }
}

#[tokio::test]
async fn the_program_ends_with_0_or_1() {
    let folder = Folder::new();
    let key = key(1);
    let [receipt_path, file] = ["receipt.json", "報告.pdf"].map(|name| folder.0.join(name));
    std::fs::write(&receipt_path, receipt(&key).to_string()).unwrap();
    std::fs::write(&file, FILE).unwrap();
    for (public_key, code) in [(public(&key), 0), (public(&self::key(2)), 1)] {
        let output = Command::new(env!("CARGO_BIN_EXE_verify-receipt"))
            .arg(&receipt_path)
            .args(["--key", &public_key, "--file"])
            .arg(&file)
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 7);
    }
}
