//! National identity numbers and residents' numbers, the key by which rosters and the central database know a person.

use std::fmt;
use std::str::FromStr;

use crate::text::half_width;

/// A valid number of a national or a resident: one letter (area), nine more characters, the last a check digit.
///
/// Whole only through [`NationalId::expose`]; `Debug` shows the masked form, there is no `Display` and no serde.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NationalId(String);

/// Which of the three series a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// National identity number: letter, 1 or 2, eight digits.
    National,
    /// Resident number as issued until 2020: two letters, eight digits.
    ResidentOld,
    /// Resident number as issued since 2021: letter, 8 or 9, eight digits.
    ResidentNew,
}

/// Values of the area letters A–Z in the check sum.
const LETTER_VALUES: [u32; 26] =
    [10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33];

/// Weights of the nine characters after the letter.
const WEIGHTS: [u32; 9] = [8, 7, 6, 5, 4, 3, 2, 1, 1];

impl NationalId {
    /// The whole number, for encryption, the blind index and the rosters; never for a page, a log or a URL.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `A12****789`, for pages of the staff who must tell two people apart.
    pub fn masked(&self) -> String {
        format!("{}****{}", &self.0[..3], &self.0[7..])
    }

    /// The series, told by the second character.
    pub fn kind(&self) -> IdKind {
        match self.0.as_bytes()[1] {
            b'1' | b'2' => IdKind::National,
            b'8' | b'9' => IdKind::ResidentNew,
            _ => IdKind::ResidentOld,
        }
    }

    /// The n-th invented number of the demo city: valid, and distinct for every n below 10⁸.
    ///
    /// The first 2 × 10⁷ carry Y, an area that has issued no number since 1975, so none of them is a living student's.
    pub fn nth(n: u64) -> Self {
        const AREAS: [char; 5] = ['Y', 'L', 'R', 'S', 'Z'];
        const SERIALS: u64 = 10_000_000;
        let sex = 1 + n % 2;
        // 7,654,321 has no factor in common with 10⁷: neighbours look unrelated and no serial comes twice
        let serial = (n / 2 % SERIALS) * 7_654_321 % SERIALS;
        let area = AREAS[(n / 2 / SERIALS) as usize % AREAS.len()];
        let open = format!("{area}{sex}{serial:07}0");
        let missing = (10 - check_sum(open.as_bytes()) % 10) % 10;
        Self(format!("{}{missing}", &open[..9]))
    }
}

/// Sum that is divisible by ten for a valid number of ten ASCII characters already known to be well formed.
fn check_sum(number: &[u8]) -> u32 {
    let letter = |byte: u8| LETTER_VALUES[usize::from(byte - b'A')];
    let area = letter(number[0]);
    let rest = number[1..].iter().zip(WEIGHTS).map(|(byte, weight)| {
        // the second letter of an old resident number counts with the last digit of its value
        let value = if byte.is_ascii_digit() { u32::from(byte - b'0') } else { letter(*byte) % 10 };
        value * weight
    });
    area / 10 + area % 10 * 9 + rest.sum::<u32>()
}

impl FromStr for NationalId {
    type Err = NationalIdError;

    /// Reads a number as typed: spaces around it, lower case and full-width characters are forgiven.
    fn from_str(text: &str) -> Result<Self, NationalIdError> {
        let number = half_width(text).trim().to_uppercase();
        let characters: Vec<char> = number.chars().collect();
        if characters.is_empty() {
            return Err(NationalIdError::Missing);
        }
        if characters.len() != 10 {
            return Err(NationalIdError::Length { found: characters.len() });
        }
        if !characters[0].is_ascii_uppercase() {
            return Err(NationalIdError::Area);
        }
        if !matches!(characters[1], '1' | '2' | '8' | '9' | 'A'..='D') {
            return Err(NationalIdError::Second);
        }
        if let Some(index) = characters[2..].iter().position(|c| !c.is_ascii_digit()) {
            return Err(NationalIdError::NotADigit { position: index + 3 });
        }
        if !check_sum(number.as_bytes()).is_multiple_of(10) {
            return Err(NationalIdError::CheckDigit);
        }
        Ok(Self(number))
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NationalId({})", self.masked())
    }
}

/// What is wrong with a number; never holds the number itself, so that it may be logged and listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NationalIdError {
    /// Nothing was written.
    #[error("缺少身分證號")]
    Missing,
    /// Not ten characters.
    #[error("身分證號（或居留證號）應為 10 碼，這裡有 {found} 碼")]
    Length {
        /// How many there were.
        found: usize,
    },
    /// The first character is no letter.
    #[error("身分證號（或居留證號）第 1 碼應為英文字母")]
    Area,
    /// The second character belongs to none of the series.
    #[error("身分證號第 2 碼應為 1 或 2；居留證號第 2 碼應為 8、9 或英文字母 A 至 D")]
    Second,
    /// A later character is no digit.
    #[error("身分證號（或居留證號）第 {position} 碼應為數字")]
    NotADigit {
        /// Its place, from 1.
        position: usize,
    },
    /// The last digit does not fit the others: usually a slip of the pen.
    #[error("身分證號（或居留證號）的檢查碼不符，請核對是否打錯")]
    CheckDigit,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn parsed(text: &str) -> Result<NationalId, NationalIdError> {
        text.parse()
    }

    /// A123456789 is the number that the household offices print in their specimens.
    #[test]
    fn check_digits_of_the_three_series() {
        assert_eq!(parsed("A123456789").unwrap().kind(), IdKind::National);
        assert_eq!(parsed("A800000014").unwrap().kind(), IdKind::ResidentNew);
        assert_eq!(parsed("AA00000009").unwrap().kind(), IdKind::ResidentOld);
        assert_eq!(parsed("AC01234567").unwrap().kind(), IdKind::ResidentOld);
        for wrong in ["A123456788", "A800000015", "AA00000008", "B123456789", "A213456789"] {
            assert_eq!(parsed(wrong), Err(NationalIdError::CheckDigit), "{wrong}");
        }
    }

    #[test]
    fn every_single_slip_of_a_digit_is_noticed() {
        let right = "A123456789";
        for (place, wrong) in (2..10).flat_map(|place| ('0'..='9').map(move |digit| (place, digit))) {
            let mut slip: Vec<char> = right.chars().collect();
            slip[place] = wrong;
            let slip: String = slip.into_iter().collect();
            assert_eq!(parsed(&slip).is_ok(), slip == right || !detectable(right, &slip), "{slip}");
        }
    }

    /// A weight of 2, 4, 5, 6 or 8 shares a factor with ten, so the official sum itself misses some slips.
    fn detectable(right: &str, slip: &str) -> bool {
        let place = right.bytes().zip(slip.bytes()).position(|(a, b)| a != b).unwrap_or(1);
        let difference = i32::from(slip.as_bytes()[place]) - i32::from(right.as_bytes()[place]);
        difference * i32::try_from(WEIGHTS[place - 1]).unwrap() % 10 != 0
    }

    #[test]
    fn what_people_type_is_forgiven() {
        assert_eq!(parsed(" a123456789\u{3000}"), parsed("A123456789"));
        assert_eq!(parsed("Ａ１２３４５６７８９"), parsed("A123456789"));
    }

    #[test]
    fn each_fault_has_its_sentence() {
        assert_eq!(parsed("  "), Err(NationalIdError::Missing));
        assert_eq!(parsed("A12345678"), Err(NationalIdError::Length { found: 9 }));
        assert_eq!(parsed("1123456789"), Err(NationalIdError::Area));
        assert_eq!(parsed("A323456789"), Err(NationalIdError::Second));
        assert_eq!(parsed("AE23456789"), Err(NationalIdError::Second));
        assert_eq!(parsed("A12345O789"), Err(NationalIdError::NotADigit { position: 7 }));
        assert_eq!(NationalIdError::Length { found: 9 }.to_string(), "身分證號（或居留證號）應為 10 碼，這裡有 9 碼");
    }

    #[test]
    fn the_whole_number_is_not_in_debug() {
        let id = parsed("A123456789").unwrap();
        assert_eq!((id.masked().as_str(), id.expose()), ("A12****789", "A123456789"));
        assert_eq!(format!("{id:?}"), "NationalId(A12****789)");
    }

    #[test]
    fn invented_numbers_are_valid_and_distinct() {
        let sample: BTreeSet<u64> = (0..20_000).chain((0..100_000_000).step_by(9_973)).chain([99_999_999]).collect();
        let mut seen = HashSet::new();
        for n in sample {
            let id = NationalId::nth(n);
            assert_eq!(parsed(id.expose()).as_ref(), Ok(&id));
            assert!(seen.insert(id), "{n} repeats an earlier number");
        }
        assert!(NationalId::nth(19_999_999).expose().starts_with('Y'));
    }
}
