//! Whether a PDF opens without a password. One that only forbids printing or changing does: it is
//! encrypted too, but with the empty password (ISO 32000-2, 7.6.4).

use super::syntax::{Dictionary, Reader, Token, Value};
use crate::refusal::Refusal;
use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use md5::{Digest as _, Md5};
use memchr::memmem;
use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// What a short password is filled up with; the empty one is this.
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

/// A teacher must be able to open it.
pub(super) fn check(body: &[u8], trailer: &Dictionary<'_>) -> Result<(), Refusal> {
    let opens = match trailer.get("Encrypt") {
        None | Some(Value::Word(b"null")) => true,
        Some(Value::Dictionary(encryption)) => opens_without_password(encryption, trailer),
        Some(Value::Reference(object)) => {
            object_dictionary(body, *object).is_some_and(|found| opens_without_password(&found, trailer))
        }
        Some(_) => false,
    };
    if opens { Ok(()) } else { Err(Refusal::PdfLocked) }
}

/// The last object of that number; the one that describes the encryption is never compressed.
fn object_dictionary(body: &[u8], object: usize) -> Option<Dictionary<'_>> {
    let head = format!("{object} 0 obj");
    let starts_there = |at: &usize| *at == 0 || !body[at - 1].is_ascii_digit();
    let at = memmem::find_iter(body, head.as_bytes()).filter(starts_there).last()?;
    let mut reader = Reader { bytes: body, at: at + head.len() - 3 };
    if reader.token()? == Token::Word(b"obj") { reader.dictionary() } else { None }
}

fn opens_without_password(encryption: &Dictionary<'_>, trailer: &Dictionary<'_>) -> bool {
    let is_standard = matches!(encryption.get("Filter"), Some(Value::Name(b"Standard")));
    let revision = encryption.integer("R").filter(|_| is_standard);
    let answer = match revision {
        Some(revision @ 2..=4) => opens_by_md5(encryption, trailer, revision),
        Some(revision @ 5..=6) => opens_by_sha256(encryption, revision),
        _ => None,
    };
    answer.unwrap_or(false)
}

/// Revisions 2 to 4: algorithms 2, 4 and 5 for the empty password.
fn opens_by_md5(encryption: &Dictionary<'_>, trailer: &Dictionary<'_>, revision: i64) -> Option<bool> {
    let (owner, user) = (encryption.text("O")?.get(..32)?, encryption.text("U")?);
    let permissions = u32::try_from(encryption.integer("P")? & 0xffff_ffff).ok()?;
    let id = match trailer.get("ID") {
        Some(Value::Array(items)) => match items.first() {
            Some(Value::Text(id)) => id.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let is_metadata_open = matches!(encryption.get("EncryptMetadata"), Some(Value::Word(b"false")));
    let default_bits = if revision == 4 { 128 } else { 40 };
    let bits = encryption.integer("Length").unwrap_or(default_bits);
    let length = if revision == 2 { 5 } else { usize::try_from(bits / 8).ok()?.clamp(5, 16) };

    let mut hash = Md5::new().chain_update(PADDING).chain_update(owner).chain_update(permissions.to_le_bytes());
    hash.update(id);
    if revision == 4 && is_metadata_open {
        hash.update([0xff; 4]);
    }
    let mut key: [u8; 16] = hash.finalize().into();
    if revision == 2 {
        return Some(rc4(&key[..length], &PADDING) == user.get(..32)?);
    }
    for _ in 0..50 {
        key = Md5::digest(&key[..length]).into();
    }
    let mut sealed = Md5::new().chain_update(PADDING).chain_update(id).finalize().to_vec();
    for round in 0..20u8 {
        let key: Vec<u8> = key[..length].iter().map(|byte| byte ^ round).collect();
        sealed = rc4(&key, &sealed);
    }
    Some(sealed == user.get(..16)?)
}

/// Revisions 5 (of one vendor) and 6: the hash of the password and a salt stands in the file.
fn opens_by_sha256(encryption: &Dictionary<'_>, revision: i64) -> Option<bool> {
    let user = encryption.text("U")?;
    let salt = user.get(32..40)?;
    let hash = if revision == 5 { digest(&SHA256, salt).as_ref().to_vec() } else { hardened(salt) };
    Some(hash == user.get(..32)?)
}

/// Algorithm 2.B for the empty password.
fn hardened(salt: &[u8]) -> Vec<u8> {
    let mut key = digest(&SHA256, salt).as_ref().to_vec();
    for round in 1u16.. {
        let sealed = aes_cbc(&key[..16], &key[16..32], &key.repeat(64));
        let remainder = sealed[..16].iter().map(|byte| u32::from(*byte)).sum::<u32>() % 3;
        let algorithm: &Algorithm = [&SHA256, &SHA384, &SHA512][remainder as usize];
        key = digest(algorithm, &sealed).as_ref().to_vec();
        // ends by chance, after 64 rounds at least and 287 at most
        let last = sealed.last().copied().unwrap_or(0);
        if round >= 64 && u16::from(last) <= round - 32 {
            break;
        }
    }
    key.truncate(32);
    key
}

/// AES-128 in chaining mode without padding; whole blocks only.
fn aes_cbc(key: &[u8], start: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new_from_slice(key).expect("the key has 16 bytes");
    let mut previous: [u8; 16] = start.try_into().expect("a block has 16 bytes");
    let mut sealed = Vec::with_capacity(plain.len());
    for chunk in plain.chunks_exact(16) {
        for (byte, plain) in previous.iter_mut().zip(chunk) {
            *byte ^= plain;
        }
        let mut block = previous.into();
        cipher.encrypt_block(&mut block);
        previous = block.into();
        sealed.extend(previous);
    }
    sealed
}

fn rc4(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|index| u8::try_from(index).expect("below 256"));
    let mut other = 0u8;
    for index in 0..256 {
        other = other.wrapping_add(state[index]).wrapping_add(key[index % key.len()]);
        state.swap(index, usize::from(other));
    }
    let (mut one, mut other) = (0u8, 0u8);
    let mut next = |byte: &u8| {
        one = one.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(one)]);
        state.swap(usize::from(one), usize::from(other));
        byte ^ state[usize::from(state[usize::from(one)].wrapping_add(state[usize::from(other)]))]
    };
    bytes.iter().map(&mut next).collect()
}
