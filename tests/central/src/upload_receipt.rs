//! Verifies the receipt of an upload, offline.
//!
//! A receipt is a JSON object {school_code, student, item, file_name, size, sha256, saved_at,
//! key_id, signature}: `signature` is the base64 of an Ed25519 signature over the canonical JSON
//! of all other fields, i.e. keys sorted by their bytes and no white space.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest,
    signature::{ED25519, UnparsedPublicKey},
};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Fields that hold text.
const TEXTS: [&str; 8] = ["school_code", "student", "item", "file_name", "sha256", "saved_at", "key_id", "signature"];

/// One check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked, for people.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
}

/// Checks a receipt against the public key (base64 of 32 bytes) and, when given, its file.
///
/// A check that needs what an earlier one found missing is not made; the receipt is good
/// when every check in the answer holds.
///
/// # Errors
/// When the file can't be read.
pub fn verify(receipt: &str, public_key: &str, file: Option<&mut dyn Read>) -> io::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut check = |name, holds| {
        checks.push(Check { name, holds });
        holds
    };
    let receipt: Value = serde_json::from_str(receipt).unwrap_or_default();
    if !check("收據是完整的 JSON：每個欄位都在", has_every_field(&receipt)) {
        return Ok(checks);
    }
    check("SHA-256 為 64 碼小寫十六進位", crate::notice::is_sha256(text(&receipt, "sha256")));
    check("儲存時間為 RFC 3339", OffsetDateTime::parse(text(&receipt, "saved_at"), &Rfc3339).is_ok());
    let key = STANDARD.decode(public_key.trim()).unwrap_or_default();
    if check("公鑰為 32 位元組的 base64", key.len() == 32) {
        check("簽章與內容相符", is_signed(&receipt, &key));
    }
    if let Some(file) = file {
        let (size, sha256) = measure(file)?;
        check("檔案大小相符", receipt["size"].as_u64() == Some(size));
        check("檔案的 SHA-256 相符", text(&receipt, "sha256") == sha256);
    }
    Ok(checks)
}

fn has_every_field(receipt: &Value) -> bool {
    receipt["size"].is_u64() && TEXTS.iter().all(|field| receipt[*field].is_string())
}

fn text<'r>(receipt: &'r Value, field: &str) -> &'r str {
    receipt[field].as_str().unwrap_or_default()
}

fn is_signed(receipt: &Value, key: &[u8]) -> bool {
    let Ok(signature) = STANDARD.decode(text(receipt, "signature")) else {
        return false;
    };
    let mut fields = receipt.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("signature");
    }
    UnparsedPublicKey::new(&ED25519, key).verify(canonical(&fields).as_bytes(), &signature).is_ok()
}

/// JSON with keys sorted by their bytes and no white space, whatever order a parser kept.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

fn measure(file: &mut dyn Read) -> io::Result<(u64, String)> {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut size = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hex::encode(hash.finish()))),
            count => {
                hash.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
}
