//! The school code: the key by which everything is partitioned.

use std::{fmt, str::FromStr};

/// The Ministry's six-character school code; may hold letters (domain A-39: text, never a number).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchoolCode([u8; 6]);

/// The text is not six characters of `0-9A-Z`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("學校代碼應為 6 個數字或大寫英文字母，收到「{0}」")]
pub struct NotASchoolCode(pub String);

impl SchoolCode {
    /// The rows that belong to the whole city and to no school; a code the Ministry
    /// itself keeps for tests (domain §5), so that no school can ever bear it.
    pub const CITY: Self = Self(*b"000000");

    /// The six characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII was accepted")
    }
}

impl FromStr for SchoolCode {
    type Err = NotASchoolCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; 6] = text.as_bytes().try_into().map_err(|_| NotASchoolCode(text.to_owned()))?;
        let lawful = bytes.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        lawful.then_some(Self(bytes)).ok_or_else(|| NotASchoolCode(text.to_owned()))
    }
}

impl fmt::Display for SchoolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SchoolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for SchoolCode {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for SchoolCode {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain A-39: "School codes contain letters (351C01): text, never integer".
    #[test]
    fn a_code_may_hold_letters() {
        assert_eq!("351C01".parse::<SchoolCode>().unwrap().as_str(), "351C01");
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["", "35130", "3513011", "351c01", "35130 ", "３５１３０１", "35';--"] {
            assert!(wrong.parse::<SchoolCode>().is_err(), "{wrong:?} was taken for a school code");
        }
    }
}
