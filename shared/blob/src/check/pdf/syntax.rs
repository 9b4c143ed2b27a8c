//! As much of the syntax of PDF as the way to the catalogue needs (ISO 32000-1, 7.2 and 7.3).

/// Dictionaries and arrays within each other, as deep as an honest file goes.
const MOST_DEPTH: usize = 32;

/// A token; text is still as it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    ArrayOpen,
    ArrayClose,
    /// `<…>` with what is between.
    Hex(&'a [u8]),
    /// `(…)` with what is between.
    Literal(&'a [u8]),
    Name(&'a [u8]),
    Word(&'a [u8]),
}

/// A value in a dictionary or array.
pub(super) enum Value<'a> {
    /// `7 0 R`: the number of the object.
    Reference(usize),
    /// A number, `true`, `null` …
    Word(&'a [u8]),
    Name(&'a [u8]),
    Text(Vec<u8>),
    Array(Vec<Value<'a>>),
    Dictionary(Dictionary<'a>),
}

/// `<< /Key value … >>`
pub(super) struct Dictionary<'a>(Vec<(&'a [u8], Value<'a>)>);

impl<'a> Dictionary<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value)
    }

    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Word(word) => std::str::from_utf8(word).ok()?.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&[u8]> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads tokens; every step goes forward, so a file of n bytes takes n steps.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let rest = self.bytes.get(self.at..)?;
        let (token, length) = match rest {
            [b'<', b'<', ..] => (Token::Open, 2),
            [b'>', b'>', ..] => (Token::Close, 2),
            [b'[', ..] => (Token::ArrayOpen, 1),
            [b']', ..] => (Token::ArrayClose, 1),
            [b'<', ..] => {
                let end = memchr::memchr(b'>', rest)?;
                (Token::Hex(&rest[1..end]), end + 1)
            }
            [b'(', ..] => {
                let length = literal_length(rest)?;
                (Token::Literal(&rest[1..length - 1]), length)
            }
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

    pub(super) fn integer(&mut self) -> Option<usize> {
        match self.token()? {
            Token::Word(word) => number(word),
            _ => None,
        }
    }

    pub(super) fn dictionary(&mut self) -> Option<Dictionary<'a>> {
        if self.token()? == Token::Open { self.members(0) } else { None }
    }

    fn members(&mut self, depth: usize) -> Option<Dictionary<'a>> {
        let mut members = Vec::new();
        loop {
            match self.token()? {
                Token::Close => return Some(Dictionary(members)),
                Token::Name(key) => {
                    let first = self.token()?;
                    members.push((key, self.value(first, depth + 1)?));
                }
                _ => return None,
            }
        }
    }

    fn value(&mut self, first: Token<'a>, depth: usize) -> Option<Value<'a>> {
        if depth > MOST_DEPTH {
            return None;
        }
        Some(match first {
            Token::Name(name) => Value::Name(name),
            Token::Hex(digits) => Value::Text(from_hex(digits)),
            Token::Literal(text) => Value::Text(unescaped(text)),
            Token::Word(word) => self.reference(word).map_or(Value::Word(word), Value::Reference),
            Token::Open => Value::Dictionary(self.members(depth)?),
            Token::ArrayOpen => {
                let mut items = Vec::new();
                loop {
                    match self.token()? {
                        Token::ArrayClose => break Value::Array(items),
                        token => items.push(self.value(token, depth + 1)?),
                    }
                }
            }
            Token::Close | Token::ArrayClose => return None,
        })
    }

    /// A number may be the first of the three words of a reference; looks ahead without moving.
    fn reference(&mut self, word: &[u8]) -> Option<usize> {
        let object = number(word)?;
        let mut ahead = Reader { bytes: self.bytes, at: self.at };
        let is_reference = ahead.integer().is_some() && ahead.token() == Some(Token::Word(b"R"));
        if is_reference {
            self.at = ahead.at;
        }
        is_reference.then_some(object)
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

pub(super) fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The length of `(…)` with nested and escaped parentheses.
fn literal_length(bytes: &[u8]) -> Option<usize> {
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

fn from_hex(digits: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = digits.iter().filter_map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let ([b'\\', ..], [escape, after @ ..]) = (&[*first][..], tail) else {
            out.push(*first);
            continue;
        };
        rest = after;
        match escape {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'0'..=b'7' => {
                let more = after.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let digits = &tail[..=more];
                out.push(digits.iter().fold(0u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &after[more..];
            }
            // a line end after a backslash is not there
            b'\r' => rest = after.strip_prefix(b"\n").unwrap_or(after),
            b'\n' => {}
            other => out.push(*other),
        }
    }
    out
}

fn regular_length(bytes: &[u8]) -> usize {
    let is_delimiter = |byte: &u8| is_space(*byte) || b"()<>[]{}/%".contains(byte);
    bytes.iter().position(is_delimiter).unwrap_or(bytes.len())
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Vec<u8> {
        let whole = format!("<< /A {source} >>");
        let mut reader = Reader { bytes: whole.as_bytes(), at: 0 };
        reader.dictionary().unwrap().text("A").unwrap().to_vec()
    }

    #[test]
    fn text_is_read_as_it_is_meant() {
        assert_eq!(text("(a (nested) \\) end)"), b"a (nested) ) end");
        assert_eq!(text("(\\101\\7z\\n\\\nx)"), b"A\x07z\nx");
        assert_eq!(text("<41 4a5>"), b"AJP");
    }

    #[test]
    fn a_reference_is_told_from_numbers() {
        let mut reader = Reader { bytes: b"<< /A 1 0 R /B [1 2 3 0 R] /C 4 /D << /A 5 >> >>", at: 0 };
        let dictionary = reader.dictionary().unwrap();
        assert!(matches!(dictionary.get("A"), Some(Value::Reference(1))));
        let Some(Value::Array(items)) = dictionary.get("B") else { panic!("an array") };
        assert!(matches!(items[..], [Value::Word(b"1"), Value::Word(b"2"), Value::Reference(3)]));
        assert_eq!(dictionary.integer("C"), Some(4));
    }

    #[test]
    fn a_tower_of_brackets_is_no_dictionary() {
        let tower = format!("<< /A {}", "[".repeat(100_000));
        assert!(Reader { bytes: tower.as_bytes(), at: 0 }.dictionary().is_none());
    }
}
