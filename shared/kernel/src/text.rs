//! Text that people type: one form for the same word, a count everyone agrees on, nothing invisible.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// Full-width ASCII (１／Ａ) and the ideographic space as their half-width twins; all else unchanged.
pub fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).expect("FF01–FF5E map onto 21–7E"),
            '\u{3000}' => ' ',
            _ => c,
        })
        .collect()
}

/// Characters as the limits count them: Unicode scalar values of the trimmed NFC form, Latin letters 1 each (A-05, domain §4.2).
pub fn count(text: &str) -> usize {
    text.trim().nfc().count()
}

/// One line of typed text of at most `max` characters: NFC, trimmed, each line break or tab made a space.
///
/// Rosters hold the text in one cell, so a line break would not survive the journey.
pub fn line(text: &str, max: usize) -> Result<String, TextError> {
    let one_line = text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    let clean: String = one_line.trim().nfc().collect();
    if let Some((position, found)) = clean.chars().enumerate().find(|(_, c)| is_hidden(*c)) {
        return Err(TextError::Hidden { position: position + 1, found });
    }
    match clean.chars().count() {
        found if found > max => Err(TextError::TooLong { max, found }),
        _ => Ok(clean),
    }
}

/// Control characters, direction overrides (they make text read otherwise than it is stored) and noncharacters,
/// which a workbook cannot hold.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FDD0}'..='\u{FDEF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// The short description (簡述) of an outcome or activity; may be empty.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Summary(String);

impl Summary {
    /// Reads what was typed; `max` is the rule set's `summary_max_chars` (100, domain §4.2).
    pub fn parse(text: &str, max: usize) -> Result<Self, TextError> {
        line(text, max).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when nothing but spaces was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the length only: what students write stays out of logs.
impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Summary({} chars)", self.0.chars().count())
    }
}

/// What is wrong with a typed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More characters than allowed.
    #[error("最多 {max} 個字，目前 {found} 個字")]
    TooLong {
        /// The limit.
        max: usize,
        /// The count of what was typed.
        found: usize,
    },
    /// A character that cannot be seen.
    #[error("第 {position} 個字是看不見的控制字元（U+{:04X}），請刪除後重新輸入", u32::from(*.found))]
    Hidden {
        /// Its place, from 1.
        position: usize,
        /// The character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §4.2: "100 Unicode scalar values after NFC trim; Latin letters count 1"; A-05: count Unicode characters.
    #[test]
    fn a_summary_counts_unicode_scalar_values() {
        assert!(Summary::parse(&"字".repeat(100), 100).is_ok());
        assert!(Summary::parse(&"a".repeat(100), 100).is_ok());
        assert_eq!(Summary::parse(&"字".repeat(101), 100), Err(TextError::TooLong { max: 100, found: 101 }));
        assert_eq!(
            count("  e\u{301}𠮷\u{3000}"),
            2,
            "decomposed é and a character beyond the first plane count one each"
        );
    }

    #[test]
    fn a_summary_is_nfc_and_trimmed() {
        let summary = Summary::parse("\u{3000} cafe\u{301}\r\n第二行 ", 100).unwrap();
        assert_eq!(summary.as_str(), "café 第二行");
        assert!(Summary::parse(" \n ", 100).unwrap().is_empty());
        assert_eq!(format!("{summary:?}"), "Summary(8 chars)");
    }

    #[test]
    fn invisible_characters_are_refused() {
        for hidden in ['\0', '\u{7}', '\u{85}', '\u{202E}', '\u{2066}', '\u{FFFF}'] {
            let result = Summary::parse(&format!("好{hidden}嗎"), 100);
            assert_eq!(result, Err(TextError::Hidden { position: 2, found: hidden }));
        }
        assert_eq!(
            TextError::Hidden { position: 2, found: '\u{7}' }.to_string(),
            "第 2 個字是看不見的控制字元（U+0007），請刪除後重新輸入"
        );
        assert!(Summary::parse("👩‍🎓 ok", 100).is_ok(), "joined emoji stay");
    }

    #[test]
    fn full_width_becomes_half_width() {
        assert_eq!(half_width("Ａ１２／　字"), "A12/ 字");
    }
}
