//! PDF: header first, end marker last, and the way from the end to the catalogue is walked.

mod lock;
mod syntax;

use self::syntax::{Dictionary, Reader, Token, Value, is_space, number};
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
///
/// Scripts, actions and attached files are no reason to refuse it: ordinary programs write `/OpenAction` into honest
/// documents, and what stands in compressed objects no search would find. They have nothing to reach: a file is served
/// as what it is and nothing else, from a host without cookies and under a policy that lets no script run, and viewers
/// run a document's scripts apart from every page or not at all. For what a reader of PDFs on somebody's own machine
/// would do with them, every file is scanned.
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
            let root = catalogue(&trailer)?;
            // an update that leaves the catalogue alone lists it only in an earlier section
            match entries.iter().find(|entry| entry.number == root) {
                Some(entry) if !is_object(body, entry.offset, root) => Err(Refusal::PdfNoRoot),
                _ => lock::check(body, &trailer),
            }
        }
        Some(Token::Word(number)) if number.iter().all(u8::is_ascii_digit) => {
            let is_object = reader.integer().is_some() && reader.token() == Some(Token::Word(b"obj"));
            let dictionary = is_object.then(|| reader.dictionary()).flatten().ok_or(Refusal::PdfNoCrossReference)?;
            let is_table = matches!(dictionary.get("Type"), Some(Value::Name(b"XRef")));
            if !is_table || reader.token() != Some(Token::Word(b"stream")) {
                return Err(Refusal::PdfNoCrossReference);
            }
            catalogue(&dictionary)?;
            lock::check(body, &dictionary)
        }
        _ => Err(Refusal::PdfNoCrossReference),
    }
}

/// The number of the object from which everything is reached.
fn catalogue(trailer: &Dictionary<'_>) -> Result<usize, Refusal> {
    match trailer.get("Root") {
        Some(Value::Reference(object)) => Ok(*object),
        _ => Err(Refusal::PdfNoRoot),
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
