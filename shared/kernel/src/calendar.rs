//! The calendar of schools: academic years and terms counted in ROC years, dates as rosters and people write them.
//!
//! Every time shown to a person is Taiwan's, which has kept +08:00 without daylight saving since 1979.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset, macros::offset};

use crate::text::half_width;

/// The offset of Taiwan's time.
pub const TAIPEI: UtcOffset = offset!(+8);

/// AD year minus ROC year.
const ROC_EPOCH: i32 = 1911;

/// An academic year (學年度) in ROC years: 115 runs from 115/08/01 to 116/07/31.
///
/// Years before 108, the first with a portfolio, exist in course records of students who suspended or repeat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct AcademicYear(i16);

impl AcademicYear {
    /// The first year of the portfolio (domain §4.8).
    pub const FIRST: Self = Self(108);
    const RANGE: std::ops::RangeInclusive<i16> = 90..=299;

    /// Accepts ROC years 90 to 299, so that an AD year is never taken for one.
    pub fn new(year: i16) -> Result<Self, CalendarError> {
        if Self::RANGE.contains(&year) { Ok(Self(year)) } else { Err(CalendarError::Year { found: year.to_string() }) }
    }

    /// The academic year a day belongs to: a new one begins on 1 August.
    ///
    /// For defaults of views only: an item's year comes from its window and enrolment, never from the clock.
    pub fn of_date(date: Date) -> Self {
        let roc = date.year() - ROC_EPOCH;
        let year = if date.month() >= Month::August { roc } else { roc - 1 };
        let year = i16::try_from(year).unwrap_or(i16::MAX);
        Self(year.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }

    /// The number, for storage.
    pub fn get(self) -> i16 {
        self.0
    }

    /// 1 August.
    pub fn first_day(self) -> Date {
        day(i32::from(self.0) + ROC_EPOCH, Month::August, 1)
    }

    /// 31 July of the following calendar year.
    pub fn last_day(self) -> Date {
        day(i32::from(self.0) + ROC_EPOCH + 1, Month::July, 31)
    }

    /// The year after; the last one that can be written stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(*Self::RANGE.end()))
    }

    /// The year before; the first one that can be written stays.
    #[must_use]
    pub fn previous(self) -> Self {
        Self((self.0 - 1).max(*Self::RANGE.start()))
    }

    /// 115學年度
    pub fn label(self) -> String {
        format!("{}學年度", self.0)
    }
}

fn day(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).expect("the first and last days of academic years exist")
}

impl TryFrom<i16> for AcademicYear {
    type Error = CalendarError;
    fn try_from(year: i16) -> Result<Self, CalendarError> {
        Self::new(year)
    }
}

impl From<AcademicYear> for i16 {
    fn from(year: AcademicYear) -> i16 {
        year.0
    }
}

impl FromStr for AcademicYear {
    type Err = CalendarError;
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let plain = half_width(text);
        let plain = plain.trim();
        let number = plain.strip_suffix("學年度").unwrap_or(plain);
        number
            .parse()
            .ok()
            .and_then(|year| Self::new(year).ok())
            .ok_or_else(|| CalendarError::Year { found: text.trim().to_owned() })
    }
}

impl fmt::Display for AcademicYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AcademicYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A term (學期): 1 or 2, and up to 4 in experimental education.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct Term(i16);

impl Term {
    /// 第1學期, August to January.
    pub const FIRST: Self = Self(1);
    /// 第2學期, February to July.
    pub const SECOND: Self = Self(2);

    /// Accepts 1 to 4.
    pub fn new(term: i16) -> Result<Self, CalendarError> {
        if (1..=4).contains(&term) { Ok(Self(term)) } else { Err(CalendarError::Term { found: term.to_string() }) }
    }

    /// The term a day falls in at a school of two terms; for defaults of views only.
    pub fn of_date(date: Date) -> Self {
        if (Month::February..=Month::July).contains(&date.month()) { Self::SECOND } else { Self::FIRST }
    }

    /// The number, for storage.
    pub fn get(self) -> i16 {
        self.0
    }

    /// 第1學期
    pub fn label(self) -> String {
        format!("第{}學期", self.0)
    }
}

impl TryFrom<i16> for Term {
    type Error = CalendarError;
    fn try_from(term: i16) -> Result<Self, CalendarError> {
        Self::new(term)
    }
}

impl From<Term> for i16 {
    fn from(term: Term) -> i16 {
        term.0
    }
}

impl FromStr for Term {
    type Err = CalendarError;
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let number = half_width(text).trim().parse().ok();
        number
            .and_then(|term| Self::new(term).ok())
            .ok_or_else(|| CalendarError::Term { found: text.trim().to_owned() })
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The term of a roster's cover or of a window: a term, or 0 for the whole year (domain §4.3, §5.0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct RosterTerm(i16);

impl RosterTerm {
    /// The whole academic year.
    pub const YEAR: Self = Self(0);

    /// Accepts 0 (whole year) to 4.
    pub fn new(term: i16) -> Result<Self, CalendarError> {
        if term == 0 { Ok(Self::YEAR) } else { Term::new(term).map(Self::from) }
    }

    /// The number, for storage and covers.
    pub fn get(self) -> i16 {
        self.0
    }

    /// True for 0.
    pub fn is_year(self) -> bool {
        self.0 == 0
    }

    /// 全學年, or 第1學期.
    pub fn label(self) -> String {
        if self.is_year() { "全學年".to_owned() } else { Term(self.0).label() }
    }
}

impl From<Term> for RosterTerm {
    fn from(term: Term) -> Self {
        Self(term.0)
    }
}

impl TryFrom<i16> for RosterTerm {
    type Error = CalendarError;
    fn try_from(term: i16) -> Result<Self, CalendarError> {
        Self::new(term)
    }
}

impl From<RosterTerm> for i16 {
    fn from(term: RosterTerm) -> i16 {
        term.0
    }
}

impl fmt::Display for RosterTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RosterTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An academic year and term in one, written `1151` as in the rosters (domain §5: `^\d{2,3}[12]$`; here to term 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearTerm {
    /// The academic year.
    pub year: AcademicYear,
    /// The term in it.
    pub term: Term,
}

impl YearTerm {
    /// 115學年度第1學期
    pub fn label(self) -> String {
        format!("{}{}", self.year.label(), self.term.label())
    }
}

impl FromStr for YearTerm {
    type Err = CalendarError;
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let plain = half_width(text);
        let plain = plain.trim();
        let last = plain.char_indices().next_back().map_or(0, |(index, _)| index);
        let (year, term) = plain.split_at(last);
        Ok(Self { year: year.parse()?, term: term.parse()? })
    }
}

impl fmt::Display for YearTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.year, self.term)
    }
}

/// A date as people and rosters write it; parses every usual form and shows as `115/11/22`.
///
/// Read are `115/1/5`, `1150105`, `990105`, `2026-01-05`, `20260105`, `115年1月5日`, with `/`, `-` or `.`, and all
/// of these in full-width characters. A year of four digits is AD, a shorter one ROC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RocDate(Date);

impl RocDate {
    /// The date itself.
    pub fn date(self) -> Date {
        self.0
    }
}

impl From<Date> for RocDate {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl FromStr for RocDate {
    type Err = CalendarError;
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let unreadable = || CalendarError::Date { found: text.trim().to_owned() };
        let plain = half_width(text).replace(['年', '月'], "/").replace('日', "");
        let (year, month, day) = split_date(plain.trim()).ok_or_else(unreadable)?;
        let number = |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        let written = number(year).filter(|year| *year > 0).ok_or_else(unreadable)?;
        let year = i32::from(written) + if year.len() >= 4 { 0 } else { ROC_EPOCH };
        let month = number(month).and_then(|m| Month::try_from(u8::try_from(m).ok()?).ok()).ok_or_else(unreadable)?;
        let day = number(day).and_then(|d| u8::try_from(d).ok()).ok_or_else(unreadable)?;
        let no_such_day = CalendarError::NoSuchDay { found: text.trim().to_owned() };
        let date = Date::from_calendar_date(year, month, day).map_err(|_| no_such_day)?;
        // a year of four ROC digits would be written as it is read for AD
        let can_be_written = (ROC_EPOCH + 1..=ROC_EPOCH + 999).contains(&date.year());
        can_be_written.then_some(Self(date)).ok_or_else(unreadable)
    }
}

/// The written year, month and day of one of the forms; they may still be nonsense.
fn split_date(plain: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = plain.split(['/', '-', '.']).map(str::trim).collect();
    match parts[..] {
        [year, month, day] if year.len() <= 4 => Some((year, month, day)),
        [digits] if digits.is_ascii() && (6..=8).contains(&digits.len()) => {
            let (year, rest) = digits.split_at(digits.len() - 4);
            let (month, day) = rest.split_at(2);
            Some((year, month, day))
        }
        _ => None,
    }
}

impl fmt::Display for RocDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.0.year() - ROC_EPOCH, u8::from(self.0.month()), self.0.day());
        write!(f, "{year:03}/{month:02}/{day:02}")
    }
}

impl fmt::Debug for RocDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `115/11/22`, for pages.
pub fn roc_date(date: Date) -> String {
    RocDate(date).to_string()
}

/// `115/11/22 14:00`, the moment as Taiwan's clocks show it.
pub fn roc_date_time(moment: OffsetDateTime) -> String {
    let local = moment.to_offset(TAIPEI);
    format!("{} {:02}:{:02}", roc_date(local.date()), local.hour(), local.minute())
}

/// `1151122`, for rosters (domain §5).
pub fn roc7(date: Date) -> String {
    roc_date(date).replace('/', "")
}

/// `2026/11/22`, for the exchange package (domain §5.9).
pub fn ad_date(date: Date) -> String {
    format!("{:04}/{:02}/{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The day it is in Taiwan.
pub fn taipei_date(moment: OffsetDateTime) -> Date {
    moment.to_offset(TAIPEI).date()
}

/// Reads `115/11/22 14:00` or what a browser's date-time field sends (`2026-11-22T14:00`), as Taiwan's time.
pub fn parse_date_time(text: &str) -> Result<OffsetDateTime, CalendarError> {
    let unreadable = || CalendarError::DateTime { found: text.trim().to_owned() };
    let plain = half_width(text);
    if plain.trim().is_empty() {
        return Err(CalendarError::NoDateTime);
    }
    let (date, clock) = plain.trim().split_once([' ', 'T']).ok_or_else(unreadable)?;
    let date: RocDate = date.parse()?;
    let mut parts = clock.trim().split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute) = (parts.next().flatten(), parts.next().flatten());
    let second = parts.next().unwrap_or(Some(0));
    let (Some(hour), Some(minute), Some(second), None) = (hour, minute, second, parts.next()) else {
        return Err(unreadable());
    };
    let clock = Time::from_hms(hour, minute, second).map_err(|_| unreadable())?;
    Ok(date.date().with_time(clock).assume_offset(TAIPEI))
}

/// What is wrong with a written year, term or date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not an academic year.
    #[error("「{found}」不是學年度；請填民國年，例如 115")]
    Year {
        /// What was written.
        found: String,
    },
    /// Not a term.
    #[error("「{found}」不是學期；請填 1 或 2")]
    Term {
        /// What was written.
        found: String,
    },
    /// Not a date in any form read here.
    #[error("「{found}」看不出是哪一天；請寫成 115/11/22 或 1151122")]
    Date {
        /// What was written.
        found: String,
    },
    /// A date that the calendar does not have, such as 115/02/30.
    #[error("日曆上沒有「{found}」這一天")]
    NoSuchDay {
        /// What was written.
        found: String,
    },
    /// Nothing was written.
    #[error("請填寫日期與時間")]
    NoDateTime,
    /// Not a date with a time.
    #[error("「{found}」看不出是什麼時間；請寫成 115/11/22 14:00")]
    DateTime {
        /// What was written.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn academic_year_runs_august_to_july() {
        let year = AcademicYear::new(115).unwrap();
        assert_eq!(AcademicYear::of_date(date!(2026 - 07 - 31)).get(), 114);
        assert_eq!(AcademicYear::of_date(date!(2026 - 08 - 01)), year);
        assert_eq!(AcademicYear::of_date(date!(2027 - 07 - 31)), year);
        assert_eq!((year.first_day(), year.last_day()), (date!(2026 - 08 - 01), date!(2027 - 07 - 31)));
        assert_eq!((year.next().get(), year.previous().get()), (116, 114));
    }

    #[test]
    fn an_ad_year_is_not_an_academic_year() {
        assert!("2026".parse::<AcademicYear>().is_err());
        assert_eq!("１１５".parse(), AcademicYear::new(115));
        assert_eq!("115學年度".parse(), AcademicYear::new(115));
        assert_eq!("".parse::<AcademicYear>(), Err(CalendarError::Year { found: String::new() }));
    }

    /// term range 1–4 in the model; §5.0: 0 for yearly rosters.
    #[test]
    fn terms_are_1_to_4_and_0_is_the_year_of_covers() {
        assert!(Term::new(0).is_err() && Term::new(5).is_err());
        assert_eq!(Term::new(4).unwrap().label(), "第4學期");
        assert_eq!(RosterTerm::new(0), Ok(RosterTerm::YEAR));
        assert_eq!(RosterTerm::from(Term::SECOND).get(), 2);
        assert!(RosterTerm::new(5).is_err());
        assert_eq!(Term::of_date(date!(2027 - 01 - 20)), Term::FIRST);
        assert_eq!(Term::of_date(date!(2027 - 07 - 31)), Term::SECOND);
    }

    /// §5: term in academic_year+term strings matches `^\d{2,3}[12]$`.
    #[test]
    fn year_and_term_in_one_string() {
        let written: YearTerm = "1082".parse().unwrap();
        assert_eq!((written.year.get(), written.term), (108, Term::SECOND));
        assert_eq!((written.to_string(), written.label()), ("1082".to_owned(), "108學年度第2學期".to_owned()));
        assert!(
            "".parse::<YearTerm>().is_err() && "108".parse::<YearTerm>().is_err() && "期".parse::<YearTerm>().is_err()
        );
    }

    /// §5: "Dates inside rosters are ROC 7 digits yyyMMdd, e.g. 1081107. Dates in the exchange JSON are AD yyyy/MM/dd."
    #[test]
    fn roster_and_exchange_forms() {
        let day = date!(2019 - 11 - 07);
        assert_eq!(
            (roc7(day), roc_date(day), ad_date(day)),
            ("1081107".into(), "108/11/07".into(), "2019/11/07".into())
        );
        assert_eq!(roc7(date!(2008 - 02 - 03)), "0970203");
    }

    #[test]
    fn people_write_dates_in_many_ways() {
        for text in [
            "115/1/5",
            "1150105",
            "2026-01-05",
            "１１５／０１／０５",
            " 115.01.05 ",
            "115年1月5日",
            "20260105",
            "2026/1/5",
        ] {
            assert_eq!(text.parse::<RocDate>().map(RocDate::date), Ok(date!(2026 - 01 - 05)), "{text}");
        }
        assert_eq!("990105".parse::<RocDate>().unwrap().date(), date!(2010 - 01 - 05));
        assert_eq!("0990105".parse::<RocDate>().unwrap().date(), date!(2010 - 01 - 05));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "115", "115/13/01", "115/1", "115/1/5/2", "昨天", "000/01/01", "0000101", "+15/1/5", "１２３４５六"]
        {
            assert!(matches!(text.parse::<RocDate>(), Err(CalendarError::Date { .. })), "{text}");
        }
        let error = "115/02/29".parse::<RocDate>().unwrap_err();
        assert_eq!(error.to_string(), "日曆上沒有「115/02/29」這一天");
        assert_eq!("113/02/29".parse::<RocDate>().unwrap().date(), date!(2024 - 02 - 29));
    }

    #[test]
    fn moments_show_in_taiwans_time() {
        assert_eq!(roc_date_time(datetime!(2026-11-22 06:00 UTC)), "115/11/22 14:00");
        assert_eq!(roc_date_time(datetime!(2026-12-31 16:00 UTC)), "116/01/01 00:00");
        assert_eq!(taipei_date(datetime!(2026-12-31 16:00 UTC)), date!(2027 - 01 - 01));
        assert_eq!(parse_date_time("115/11/22 14:00").unwrap(), datetime!(2026-11-22 06:00 UTC));
        assert_eq!(parse_date_time("2026-11-22T14:00").unwrap(), datetime!(2026-11-22 06:00 UTC));
        assert_eq!(parse_date_time(" "), Err(CalendarError::NoDateTime));
        assert!(parse_date_time("115/11/22").is_err() && parse_date_time("115/11/22 25:00").is_err());
    }
}
