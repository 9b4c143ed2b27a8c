//! Credits or periods of a course by term (授課學期學分節數, domain §5.8.1 row 3).

use std::fmt;
use std::str::FromStr;

use crate::calendar::Term;
use crate::text::half_width;

/// Six characters, one for each term of three grades: `444440` is four in each term but the last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Credits([u8; 6]);

impl Credits {
    /// Credits in a term of a grade: `0` and `Z` (taught without credit) are 0; `1`–`9`; `A`–`I` are 1–9 that
    /// alternate with another course (對開); `R`, `S`, `T` are 10, 11, 12. None: no such term in the plan.
    pub fn at(&self, grade: i16, term: Term) -> Option<i64> {
        self.character(grade, term).map(|character| match character {
            b'1'..=b'9' => i64::from(character - b'0'),
            b'A'..=b'I' => i64::from(character - b'A') + 1,
            b'R'..=b'T' => i64::from(character - b'R') + 10,
            _ => 0,
        })
    }

    /// Whether it is taught in a term at all, with credit or without.
    pub fn is_taught(&self, grade: i16, term: Term) -> bool {
        self.character(grade, term).is_some_and(|character| character != b'0')
    }

    /// Whether it alternates with another course in a term (對開).
    pub fn alternates(&self, grade: i16, term: Term) -> bool {
        self.character(grade, term).is_some_and(|character| character.is_ascii_uppercase() && character <= b'I')
    }

    /// The six characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and letters")
    }

    /// Index = (grade − 1) × 2 + term − 1 (domain §5.8.3 rule 4); plans have three grades of two terms.
    fn character(&self, grade: i16, term: Term) -> Option<u8> {
        if !(1..=3).contains(&grade) || term > Term::SECOND {
            return None;
        }
        let index = usize::try_from((grade - 1) * 2 + term.get() - 1).ok()?;
        self.0.get(index).copied()
    }
}

impl FromStr for Credits {
    type Err = CreditsError;
    fn from_str(text: &str) -> Result<Self, CreditsError> {
        let plain = half_width(text);
        let plain = plain.trim();
        let length = plain.chars().count();
        if length != 6 {
            return Err(CreditsError::Length { found: length });
        }
        let is_known = |c: &char| matches!(c, '0'..='9' | 'A'..='I' | 'R'..='T' | 'Z');
        if let Some((index, found)) = plain.chars().enumerate().find(|(_, c)| !is_known(c)) {
            return Err(CreditsError::Character { position: index + 1, found });
        }
        Ok(Self(plain.as_bytes().try_into().expect("six ASCII characters")))
    }
}

impl TryFrom<String> for Credits {
    type Error = CreditsError;
    fn try_from(text: String) -> Result<Self, CreditsError> {
        text.parse()
    }
}

impl From<Credits> for String {
    fn from(credits: Credits) -> String {
        credits.as_str().to_owned()
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no credits string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditsError {
    /// Not six characters.
    #[error("授課學期學分應為 6 碼（六個學期各一碼），這裡有 {found} 碼")]
    Length {
        /// How many there were.
        found: usize,
    },
    /// A character without meaning.
    #[error("授課學期學分第 {position} 碼是「{found}」，應為 0–9、A–I、R、S、T 或 Z")]
    Character {
        /// Its place, from 1.
        position: usize,
        /// What stood there.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(text: &str) -> Credits {
        text.parse().unwrap()
    }

    fn all(text: &str) -> Vec<i64> {
        let terms = (1..=3).flat_map(|grade| [(grade, Term::FIRST), (grade, Term::SECOND)]);
        terms.map(|(grade, term)| credits(text).at(grade, term).unwrap()).collect()
    }

    /// §5.8: 國語文 `444440` and `444422`, 微處理機 `000300`; §5.8.1 examples `220000`, `003300`, `002222`, `2B0000`.
    #[test]
    fn one_character_for_each_term() {
        assert_eq!(all("444440"), [4, 4, 4, 4, 4, 0]);
        assert_eq!(all("444422"), [4, 4, 4, 4, 2, 2]);
        assert_eq!(all("000300"), [0, 0, 0, 3, 0, 0]);
        assert_eq!((all("220000")[1], all("003300")[2], all("002222")[5]), (2, 3, 2));
        assert_eq!(credits("000300").at(2, Term::SECOND), Some(3), "index = (grade−1)*2 + term−1");
    }

    /// §5.8.1: "`A`–`I` = 1–9 credits alternating; `R`,`S`,`T` = 10, 11, 12; `Z` taught with 0 credits".
    #[test]
    fn letters_have_their_meaning() {
        assert_eq!(all("2B0000"), [2, 2, 0, 0, 0, 0]);
        assert_eq!(all("AIRSTZ"), [1, 9, 10, 11, 12, 0]);
        let plan = credits("2BZ0R0");
        assert!(
            plan.alternates(1, Term::SECOND) && !plan.alternates(1, Term::FIRST) && !plan.alternates(3, Term::FIRST)
        );
        assert!(plan.is_taught(2, Term::FIRST) && !plan.is_taught(2, Term::SECOND));
    }

    /// §5.8.3 rule 4: "6 characters from `[0-9A-IR-TZ]`".
    #[test]
    fn other_characters_are_refused() {
        assert_eq!("44444".parse::<Credits>(), Err(CreditsError::Length { found: 5 }));
        for (text, found) in [("4444J0", 'J'), ("4444Q0", 'Q'), ("4444a0", 'a'), ("4444-0", '-'), ("4444四0", '四')] {
            assert_eq!(text.parse::<Credits>(), Err(CreditsError::Character { position: 5, found }));
        }
    }

    #[test]
    fn a_plan_has_three_grades_of_two_terms() {
        let plan = credits("444440");
        assert_eq!(
            (plan.at(0, Term::FIRST), plan.at(4, Term::FIRST), plan.at(1, Term::new(3).unwrap())),
            (None, None, None)
        );
    }
}
