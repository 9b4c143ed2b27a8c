//! PDF: header first, end marker last, and the way from the end to the catalogue is walked.

use crate::{media::MediaType, refusal::Refusal};
use memchr::memmem;

const PDF: MediaType = MediaType::Pdf;
/// Readers look for a header this far into a file; a polyglot hides there (ISO 32000, annex H).
const HEADER_REACH: usize = 1024;

/// Whether something else stands before a PDF header, as in an HTML/PDF polyglot.
pub(super) fn hides_a_header(bytes: &[u8]) -> bool {
    memmem::find(&bytes[..bytes.len().min(HEADER_REACH)], b"%PDF-").is_some_and(|at| at > 0)
}

/// The content starts with `%PDF-`.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.get(5..8) {
        Some([b'1' | b'2', b'.', b'0'..=b'9']) => {}
        Some(_) => return Err(Refusal::Damaged(PDF)),
        None => return Err(Refusal::Truncated(PDF)),
    }
    let body = up_to_end_marker(bytes)?;
    let start = memmem::rfind(body, b"startxref").ok_or(Refusal::Truncated(PDF))?;
    let mut reader = Reader { bytes: body, at: start + b"startxref".len() };
    let offset = reader.integer().ok_or(Refusal::PdfNoCrossReference)?;
    if offset >= start || reader.token().is_some() {
        return Err(Refusal::PdfNoCrossReference);
    }
    cross_reference(&body[..start], offset)
}

/// The bytes before the last `%%EOF`, after which only white space and zeros may stand.
fn up_to_end_marker(bytes: &[u8]) -> Result<&[u8], Refusal> {
    let marker = memmem::rfind(bytes, b"%%EOF").ok_or(Refusal::Truncated(PDF))?;
    let tail = &bytes[marker + b"%%EOF".len()..];
    if tail.iter().all(|byte| is_space(*byte)) {
        return Ok(&bytes[..marker]);
    }
    // a linearized or updated file has an end marker in the middle too: more objects mean a cut file
    let cut = memmem::find(tail, b" obj").is_some() || memmem::find(tail, b"startxref").is_some();
    Err(if cut { Refusal::Truncated(PDF) } else { Refusal::TrailingData(PDF) })
}

/// A table or stream stands at the offset, and its dictionary names the catalogue.
fn cross_reference(body: &[u8], offset: usize) -> Result<(), Refusal> {
    let mut reader = Reader { bytes: body, at: offset };
    match reader.token() {
        Some(Token::Word(b"xref")) => {
            let entries = table(&mut reader).ok_or(Refusal::PdfNoCrossReference)?;
            let trailer = reader.dictionary().ok_or(Refusal::PdfNoCrossReference)?;
            let root = trailer.root.ok_or(Refusal::PdfNoRoot)?;
            // an update that leaves the catalogue alone lists it only in an earlier section
            match entries.iter().find(|entry| entry.number == root) {
                Some(entry) if !is_object(body, entry.offset, root) => Err(Refusal::PdfNoRoot),
                _ => Ok(()),
            }
        }
        Some(Token::Word(number)) if number.iter().all(u8::is_ascii_digit) => {
            let is_object = reader.integer().is_some() && reader.token() == Some(Token::Word(b"obj"));
            let dictionary = is_object.then(|| reader.dictionary()).flatten().ok_or(Refusal::PdfNoCrossReference)?;
            if !dictionary.is_cross_reference || reader.token() != Some(Token::Word(b"stream")) {
                return Err(Refusal::PdfNoCrossReference);
            }
            dictionary.root.map(|_| ()).ok_or(Refusal::PdfNoRoot)
        }
        _ => Err(Refusal::PdfNoCrossReference),
    }
}

struct Entry {
    number: usize,
    offset: usize,
}

/// The sections of a table up to `trailer`; only the entries in use are kept.
fn table(reader: &mut Reader<'_>) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    loop {
        let first = match reader.token()? {
            Token::Word(b"trailer") => return Some(entries),
            Token::Word(word) => number(word)?,
            _ => return None,
        };
        let count = reader.integer()?;
        for index in 0..count {
            let offset = reader.integer()?;
            reader.integer()?;
            match reader.token()? {
                Token::Word(b"n") => entries.push(Entry { number: first.checked_add(index)?, offset }),
                Token::Word(b"f") => {}
                _ => return None,
            }
        }
    }
}

fn is_object(body: &[u8], offset: usize, wanted: usize) -> bool {
    let mut reader = Reader { bytes: body, at: offset };
    reader.integer() == Some(wanted) && reader.integer().is_some() && reader.token() == Some(Token::Word(b"obj"))
}

/// What the check wants of a trailer or of the dictionary of a cross-reference stream.
#[derive(Default)]
struct Dictionary {
    root: Option<usize>,
    is_cross_reference: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    ArrayOpen,
    ArrayClose,
    Text,
    Name(&'a [u8]),
    Word(&'a [u8]),
}

/// Reads tokens of PDF syntax; every step goes forward, so a file of n bytes takes n steps.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let rest = self.bytes.get(self.at..)?;
        let (token, length) = match rest {
            [b'<', b'<', ..] => (Token::Open, 2),
            [b'>', b'>', ..] => (Token::Close, 2),
            [b'[', ..] => (Token::ArrayOpen, 1),
            [b']', ..] => (Token::ArrayClose, 1),
            [b'<', ..] => (Token::Text, memchr::memchr(b'>', rest)? + 1),
            [b'(', ..] => (Token::Text, text_length(rest)?),
            [b'/', name @ ..] => {
                let length = regular_length(name);
                (Token::Name(&name[..length]), length + 1)
            }
            [] => return None,
            _ => match regular_length(rest) {
                0 => return None,
                length => (Token::Word(&rest[..length]), length),
            },
        };
        self.at += length;
        Some(token)
    }

    fn integer(&mut self) -> Option<usize> {
        match self.token()? {
            Token::Word(word) => number(word),
            _ => None,
        }
    }

    /// Reads `<< … >>`, keeping the two keys that matter on its first level.
    fn dictionary(&mut self) -> Option<Dictionary> {
        if self.token()? != Token::Open {
            return None;
        }
        let mut found = Dictionary::default();
        loop {
            let key = match self.token()? {
                Token::Close => return Some(found),
                Token::Name(key) => key,
                // the rest of a reference, `0 R`, after a key whose value began with a number
                Token::Word(_) => continue,
                _ => return None,
            };
            match (key, self.token()?) {
                (b"Root", Token::Word(word)) => {
                    let object = number(word)?;
                    let is_reference = self.integer().is_some() && self.token()? == Token::Word(b"R");
                    found.root = is_reference.then_some(object);
                }
                (b"Type", Token::Name(b"XRef")) => found.is_cross_reference = true,
                (_, Token::Open | Token::ArrayOpen) => self.skip_nested()?,
                (_, Token::Close | Token::ArrayClose) => return None,
                _ => {}
            }
        }
    }

    /// Skips to the end of the dictionary or array that was just opened.
    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 1usize;
        while depth > 0 {
            match self.token()? {
                Token::Open | Token::ArrayOpen => depth += 1,
                Token::Close | Token::ArrayClose => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == b'%' {
                let rest = &self.bytes[self.at..];
                self.at += memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            } else if is_space(*byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }
}

fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The length of `(…)` with nested and escaped parentheses.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn regular_length(bytes: &[u8]) -> usize {
    let is_delimiter = |byte: &u8| is_space(*byte) || b"()<>[]{}/%".contains(byte);
    bytes.iter().position(is_delimiter).unwrap_or(bytes.len())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}
