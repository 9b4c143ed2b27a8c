//! Text with commas (or tabs), in the encodings that office programs of this country write.

use super::{MOST_COLUMNS, Unreadable};

/// Decodes UTF-8 with or without a mark, UTF-16 with one, or Big5.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    let (encoding, body) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, &bytes[mark..]),
        None if std::str::from_utf8(bytes).is_ok() => (encoding_rs::UTF_8, bytes),
        None => (encoding_rs::BIG5, bytes),
    };
    let (text, _) = encoding.decode_without_bom_handling(body);
    if text.contains('\0') {
        return Err(Unreadable::Damaged);
    }
    match text.split('\n').position(|line| line.contains(char::REPLACEMENT_CHARACTER)) {
        Some(line) => Err(Unreadable::Encoding { line: line + 1 }),
        None if text.trim().is_empty() => Err(Unreadable::Empty),
        None => Ok(text.into_owned()),
    }
}

/// Reads the rows; see [`super::Source::rows`].
pub(super) fn rows(text: &str, each: &mut dyn FnMut(u32, &[String]) -> bool) -> Result<(), Unreadable> {
    let first_line = text.lines().next().unwrap_or_default();
    let separator = if first_line.contains('\t') && !first_line.contains(',') { b'\t' } else { b',' };
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut record = ::csv::StringRecord::new();
    let mut cells = Vec::new();
    let (mut line, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(|_| Unreadable::Damaged)? {
        cells.clear();
        cells.extend(record.iter().take(MOST_COLUMNS).map(|cell| cell.trim().to_owned()));
        // the reader's own count leaves out blank lines and the second half of CR LF
        let at = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let blank = text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += text.as_bytes()[counted..at + blank].iter().filter(|byte| **byte == b'\n').count();
        counted = at + blank;
        if !each(u32::try_from(line).unwrap_or(u32::MAX), &cells) {
            break;
        }
    }
    Ok(())
}
