//! Identity numbers and dates as rosters write them.

use time::{Date, Month};

/// What the first letter of an identity number counts as.
const LETTERS: [(char, u32); 26] = [
    ('A', 10),
    ('B', 11),
    ('C', 12),
    ('D', 13),
    ('E', 14),
    ('F', 15),
    ('G', 16),
    ('H', 17),
    ('I', 34),
    ('J', 18),
    ('K', 19),
    ('L', 20),
    ('M', 21),
    ('N', 22),
    ('O', 35),
    ('P', 23),
    ('Q', 24),
    ('R', 25),
    ('S', 26),
    ('T', 27),
    ('U', 28),
    ('V', 29),
    ('W', 32),
    ('X', 30),
    ('Y', 31),
    ('Z', 33),
];

/// Whether the text is a national identity number (letter, 1 or 2, eight digits), a resident
/// number of 2021 on (letter, 8 or 9, eight digits) or an older one (letter, A–D, eight
/// digits), with the right check digit.
pub(crate) fn is_identity_number(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let [first, second, digits @ ..] = characters.as_slice() else {
        return false;
    };
    if digits.len() != 8 {
        return false;
    }
    let Some(area) = letter_value(*first) else {
        return false;
    };
    // an older resident number counts its second letter by the last figure of that letter's value
    let gender = match second {
        '1' | '2' | '8' | '9' => second.to_digit(10),
        'A'..='D' => letter_value(*second).map(|value| value % 10),
        _ => None,
    };
    let Some(gender) = gender else { return false };
    let mut sum = area / 10 + area % 10 * 9 + gender * 8;
    for (digit, weight) in digits.iter().zip([7, 6, 5, 4, 3, 2, 1, 1]) {
        let Some(digit) = digit.to_digit(10) else {
            return false;
        };
        sum += digit * weight;
    }
    sum.is_multiple_of(10)
}

fn letter_value(letter: char) -> Option<u32> {
    LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, value)| *value)
}

/// Reads a ROC date of seven digits, `yyyMMdd` (§5: e.g. `1081107`).
pub(crate) fn roc_date(text: &str) -> Option<Date> {
    if text.len() != 7 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i32 = text[..3].parse().ok()?;
    let month: u8 = text[3..5].parse().ok()?;
    let day: u8 = text[5..].parse().ok()?;
    if year == 0 {
        return None;
    }
    Date::from_calendar_date(year + 1911, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_numbers_carry_a_check_digit() {
        assert!(is_identity_number("A123456789"));
        assert!(is_identity_number("F131104093"));
        assert!(!is_identity_number("A123456788"));
        assert!(!is_identity_number("A323456789"), "the second character of a citizen is 1 or 2");
    }

    #[test]
    fn resident_numbers_of_both_forms_are_accepted() {
        assert!(is_identity_number("A800000014"), "2021 on: letter, 8 or 9, eight digits");
        assert!(is_identity_number("AC01234567"), "until 2021: two letters, eight digits");
        assert!(!is_identity_number("A800000015"));
        assert!(!is_identity_number("AC01234568"));
        assert!(!is_identity_number("AE01234567"), "the second letter is A to D");
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "A12345678", "A1234567890", "a123456789", "1123456789", "A12345678X"] {
            assert!(!is_identity_number(text), "{text}");
        }
    }

    #[test]
    fn dates_are_roc_of_seven_digits() {
        assert_eq!(roc_date("1081107"), Date::from_calendar_date(2019, Month::November, 7).ok());
        assert!(roc_date("0970229").is_some(), "2008 was a leap year");
        for text in ["1080229", "1081301", "1080132", "108117", "20191107", "108110a", "0000101", ""] {
            assert!(roc_date(text).is_none(), "{text}");
        }
    }
}
