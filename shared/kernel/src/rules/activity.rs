//! What the fields of an activity must fulfil together (domain §4.2, §4.5; F-079, F-080).

use time::Date;

use super::{Refusal, Ruleset};

/// The end may be the day of the start, not earlier.
pub fn check_dates(start: Date, end: Date) -> Result<(), Refusal> {
    if end < start { Err(Refusal::EndBeforeStart { start, end }) } else { Ok(()) }
}

/// At most 24 hours on each of the days, both ends counted. `tenths` are tenths of an hour.
pub fn check_hours(start: Date, end: Date, tenths: i64) -> Result<(), Refusal> {
    check_dates(start, end)?;
    let limit = ((end - start).whole_days() + 1) * 24;
    if tenths > limit * 10 { Err(Refusal::TooManyHours { limit }) } else { Ok(()) }
}

/// Weeks of flexible learning: 1 to 18.
pub fn check_weeks(weeks: i64) -> Result<(), Refusal> {
    if (1..=18).contains(&weeks) { Ok(()) } else { Err(Refusal::WeeksOutOfRange { found: weeks }) }
}

/// An external media link (not empty): https, of limited length, and only beside a media file.
pub fn check_link(link: &str, has_media: bool, rules: &Ruleset) -> Result<(), Refusal> {
    if !has_media {
        return Err(Refusal::LinkWithoutMedia);
    }
    let host = link.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let host_is_plain = host.contains('.') && !host.contains('@');
    if !host_is_plain || link.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Refusal::LinkNotHttps);
    }
    let found = i64::try_from(link.chars().count()).unwrap_or(i64::MAX);
    let limit = rules.link_max_chars;
    if found > limit { Err(Refusal::LinkTooLong { limit, found }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::calendar::AcademicYear;

    /// "accept end ≥ start"; the handbook's example is 108/08/28 for both.
    #[test]
    fn an_activity_may_end_on_the_day_it_starts() {
        let day = date!(2019 - 08 - 28);
        assert_eq!(check_dates(day, day), Ok(()));
        let refusal = check_dates(day, date!(2019 - 08 - 27)).unwrap_err();
        assert_eq!(refusal.to_string(), "結束日期 108/08/27 早於開始日期 108/08/28。");
    }

    /// §4.5: "hours ≤ 24 × days"; "weeks 1–18".
    #[test]
    fn hours_fit_the_days_and_weeks_the_term() {
        let (start, end) = (date!(2026 - 11 - 01), date!(2026 - 11 - 02));
        assert_eq!(check_hours(start, end, 480), Ok(()));
        assert_eq!(check_hours(start, end, 481), Err(Refusal::TooManyHours { limit: 48 }));
        assert!(check_weeks(1).is_ok() && check_weeks(18).is_ok());
        assert_eq!(check_weeks(19), Err(Refusal::WeeksOutOfRange { found: 19 }));
    }

    /// §4.2: "https URL, optional, max 500 characters"; F-079: "enabled only after a media file is uploaded".
    #[test]
    fn a_link_is_https_and_beside_a_media_file() {
        let rules = Ruleset::of(AcademicYear::new(115).unwrap());
        let link = "https://video.example.tw/w?v=1";
        assert_eq!(check_link(link, true, &rules), Ok(()));
        assert_eq!(check_link(link, false, &rules), Err(Refusal::LinkWithoutMedia));
        for bad in ["http://video.example.tw", "javascript:alert(1)", "https://", "https:///x.y", "https://a.tw/ b"] {
            assert_eq!(check_link(bad, true, &rules), Err(Refusal::LinkNotHttps), "{bad}");
        }
        assert_eq!(check_link("https://good.tw@bad.tw/", true, &rules), Err(Refusal::LinkNotHttps));
        let long = format!("{link}{}", "x".repeat(500));
        assert!(matches!(check_link(&long, true, &rules), Err(Refusal::LinkTooLong { limit: 500, .. })));
    }
}
