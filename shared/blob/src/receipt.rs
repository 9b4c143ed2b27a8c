//! The signed receipt of an upload: what was saved, whose, when; checkable without us (design §5).
//!
//! Format, for whoever writes a verifier: a JSON object with exactly the fields of
//! [`UploadReceipt`]. The signed bytes are the UTF-8 of the same object without `signature`, its
//! keys in the order of their bytes, no white space between tokens, text escaped as little as JSON
//! allows (RFC 8785 as far as text and whole numbers go). `signature` is the Ed25519 signature
//! (RFC 8032) of these bytes in standard base64 with padding. `key_id` is the first 16 hexadecimal
//! digits of the SHA-256 of the 32-byte public key.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{school::SchoolCode, secrets::Keys};
use ring::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A receipt as it is printed, stored and handed out. It names a person: never log it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadReceipt {
    /// The six characters of the school.
    pub school_code: String,
    /// The student's number at that school.
    pub student: String,
    /// What the file belongs to, e.g. `outcome/12/document`.
    pub item: String,
    /// The file's name on the sender's device.
    pub file_name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 in 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// When both copies were proven, RFC 3339.
    pub saved_at: String,
    /// Which key signed.
    pub key_id: String,
    /// The signature, base64.
    pub signature: String,
}

/// What a receipt says, before it is signed.
#[derive(Clone)]
pub struct Saved {
    /// The school whose student it is.
    pub school: SchoolCode,
    /// See [`UploadReceipt::student`].
    pub student: String,
    /// See [`UploadReceipt::item`].
    pub item: String,
    /// See [`UploadReceipt::file_name`].
    pub file_name: String,
    /// In bytes.
    pub size: u64,
    /// Of the content.
    pub sha256: [u8; 32],
    /// When both copies were proven.
    pub saved_at: OffsetDateTime,
}

/// One thing that was looked at when a receipt was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, for the page.
    pub what: &'static str,
    /// Whether it is in order.
    pub passed: bool,
}

/// Signs receipts. Says nothing when debugged.
pub struct Signer(Ed25519KeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", key_id(&self.public_key()))
    }
}

impl std::fmt::Debug for UploadReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadReceipt({})", self.sha256)
    }
}

impl Signer {
    /// With the key that is derived for receipts.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(keys.receipt_seed()).expect("a seed of 32 bytes is a key"))
    }

    /// The key to verify with; published on the check page.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// The same in base64, as it is printed and given to verifiers.
    #[must_use]
    pub fn public_key_text(&self) -> String {
        BASE64.encode(self.public_key())
    }

    /// The receipt of a saved file.
    #[must_use]
    pub fn sign(&self, saved: Saved) -> UploadReceipt {
        let mut receipt = UploadReceipt {
            school_code: saved.school.to_string(),
            student: saved.student,
            item: saved.item,
            file_name: saved.file_name,
            size: saved.size,
            sha256: hex::encode(saved.sha256),
            saved_at: saved.saved_at.format(&Rfc3339).expect("a time of this age can be written"),
            key_id: key_id(&self.public_key()),
            signature: String::new(),
        };
        receipt.signature = BASE64.encode(self.0.sign(receipt.signed_text().as_bytes()));
        receipt
    }
}

impl UploadReceipt {
    /// The exact text that is signed.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value);
        // written out in order: whether a JSON map sorts its keys depends on other crates' features
        let fields = [
            ("file_name", text(&self.file_name)),
            ("item", text(&self.item)),
            ("key_id", text(&self.key_id)),
            ("saved_at", text(&self.saved_at)),
            ("school_code", text(&self.school_code)),
            ("sha256", text(&self.sha256)),
            ("size", serde_json::Value::from(self.size)),
            ("student", text(&self.student)),
        ];
        let members: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    }

    /// Looks at everything that can be looked at without the file, and lists each look.
    #[must_use]
    pub fn verify(&self, public_key: &[u8; 32]) -> Vec<Check> {
        let is_hash =
            self.sha256.len() == 64 && self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_genuine = BASE64.decode(&self.signature).is_ok_and(|signature| {
            UnparsedPublicKey::new(&ED25519, public_key).verify(self.signed_text().as_bytes(), &signature).is_ok()
        });
        vec![
            Check { what: "學校代碼格式正確", passed: self.school_code.parse::<SchoolCode>().is_ok() },
            Check { what: "檔案大小大於 0", passed: self.size > 0 },
            Check { what: "SHA-256 格式正確", passed: is_hash },
            Check { what: "儲存時間格式正確", passed: OffsetDateTime::parse(&self.saved_at, &Rfc3339).is_ok() },
            Check { what: "由本系統的金鑰簽署", passed: self.key_id == key_id(public_key) },
            Check { what: "數位簽章有效，內容未被改動", passed: is_genuine },
        ]
    }

    /// Looks whether a file is the one that the receipt is about.
    #[must_use]
    pub fn verify_file(&self, content: &[u8]) -> Vec<Check> {
        let hash = hex::encode(digest::digest(&digest::SHA256, content));
        vec![
            Check { what: "檔案大小與收據相同", passed: content.len() as u64 == self.size },
            Check { what: "檔案的 SHA-256 與收據相同", passed: hash == self.sha256 },
        ]
    }
}

/// The short name of a key.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> String {
    hex::encode(&digest::digest(&digest::SHA256, public_key).as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(&Keys::derive(&[7; 32]).unwrap())
    }

    fn receipt() -> UploadReceipt {
        signer().sign(Saved {
            school: "403303".parse().unwrap(),
            student: "11430001".to_owned(),
            item: "outcome/12/document".to_owned(),
            file_name: "我的\"專題\"報告.pdf".to_owned(),
            size: 3,
            sha256: digest::digest(&digest::SHA256, b"abc").as_ref().try_into().unwrap(),
            saved_at: OffsetDateTime::from_unix_timestamp(1_795_327_200).unwrap(),
        })
    }

    fn failures(checks: &[Check]) -> Vec<&str> {
        checks.iter().filter(|check| !check.passed).map(|check| check.what).collect()
    }

    /// Design §5: "a signed receipt (student, item, name, size, SHA-256, time; Ed25519 …)".
    #[test]
    fn a_receipt_passes_every_check() {
        let receipt = receipt();
        assert_eq!(failures(&receipt.verify(&signer().public_key())), [""; 0]);
        assert_eq!(failures(&receipt.verify_file(b"abc")), [""; 0]);
    }

    #[test]
    fn the_signed_text_is_sorted_and_without_white_space() {
        let receipt = receipt();
        assert_eq!(
            receipt.signed_text(),
            format!(
                "{{\"file_name\":\"我的\\\"專題\\\"報告.pdf\",\"item\":\"outcome/12/document\",\"key_id\":\"{}\",\
                 \"saved_at\":\"2026-11-22T06:00:00Z\",\"school_code\":\"403303\",\
                 \"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\
                 \"size\":3,\"student\":\"11430001\"}}",
                receipt.key_id
            )
        );
    }

    #[test]
    fn any_change_breaks_the_signature() {
        let key = signer().public_key();
        let changes: [fn(&mut UploadReceipt); 7] = [
            |receipt| receipt.school_code = "403302".to_owned(),
            |receipt| receipt.student.push('0'),
            |receipt| receipt.item.push('0'),
            |receipt| receipt.file_name.push('0'),
            |receipt| receipt.size += 1,
            |receipt| receipt.sha256.replace_range(..1, "c"),
            |receipt| receipt.saved_at = "2026-11-22T06:00:01Z".to_owned(),
        ];
        for change in changes {
            let mut changed = receipt();
            change(&mut changed);
            assert_eq!(failures(&changed.verify(&key)), ["數位簽章有效，內容未被改動"]);
        }
    }

    #[test]
    fn another_key_and_another_file_are_named() {
        let other = Signer::new(&Keys::derive(&[8; 32]).unwrap()).public_key();
        assert_eq!(failures(&receipt().verify(&other)), ["由本系統的金鑰簽署", "數位簽章有效，內容未被改動"]);
        assert_eq!(failures(&receipt().verify_file(b"abd")), ["檔案的 SHA-256 與收據相同"]);
    }

    #[test]
    fn debugging_says_no_name() {
        assert!(!format!("{:?}", receipt()).contains("11430001"));
    }
}
