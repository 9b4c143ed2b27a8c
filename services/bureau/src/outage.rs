//! A time in which the system could not be used: every window that it hit is extended by its length.

pub(crate) mod pages;
pub(crate) mod store;

use crate::proposal::reason;
use kernel::calendar::parse_date_time;
use time::{Duration, OffsetDateTime};
use web::FieldErrors;

/// An outage is recorded within this time; what lies further back is a slip of the pen.
const RECORDED_WITHIN: Duration = Duration::days(31);

/// The longest that a form takes.
const LONGEST: Duration = Duration::days(7);

/// The form as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) starts: String,
    /// Empty: it still lasts.
    pub(crate) ends: String,
    /// `all`, or `some` of the schools.
    pub(crate) scope: String,
    pub(crate) school: Vec<String>,
    pub(crate) reason: String,
}

/// The schools that an outage hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schools {
    All,
    Some(Vec<String>),
}

/// An outage to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) starts_at: OffsetDateTime,
    /// None: it still lasts.
    pub(crate) ends_at: Option<OffsetDateTime>,
    pub(crate) schools: Schools,
    pub(crate) reason: String,
}

impl Typed {
    /// What the form says, at a moment and among the schools that there are.
    pub(crate) fn read(&self, known: &[String], now: OffsetDateTime) -> Result<Outage, FieldErrors> {
        let mut errors = FieldErrors::new();
        let starts_at = starts(&self.starts, now).map_err(|message| errors.add("starts", message));
        let ends_at = ends(&self.ends, starts_at.ok(), now).map_err(|message| errors.add("ends", message));
        let schools = self.schools(known).map_err(|(field, message)| errors.add(field, message));
        let reason = reason(&self.reason).map_err(|message| errors.add("reason", message));
        let (Ok(starts_at), Ok(ends_at), Ok(schools), Ok(reason)) = (starts_at, ends_at, schools, reason) else {
            return Err(errors);
        };
        Ok(Outage { starts_at, ends_at, schools, reason })
    }

    fn schools(&self, known: &[String]) -> Result<Schools, (&'static str, &'static str)> {
        match self.scope.as_str() {
            "all" => Ok(Schools::All),
            "some" => {
                let chosen: Vec<String> = known.iter().filter(|code| self.school.contains(code)).cloned().collect();
                if chosen.is_empty() {
                    Err(("school", "請至少勾選一所學校"))
                } else {
                    Ok(Schools::Some(chosen))
                }
            }
            _ => Err(("scope", "請選擇全部學校，或只有部分學校")),
        }
    }
}

fn starts(typed: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let starts_at = parse_date_time(typed).map_err(|error| error.to_string())?;
    if starts_at > now {
        return Err("停機開始時間不能晚於現在".to_owned());
    }
    if starts_at < now - RECORDED_WITHIN {
        return Err(format!("只能登錄最近 {} 天內的停機", RECORDED_WITHIN.whole_days()));
    }
    Ok(starts_at)
}

fn ends(typed: &str, starts_at: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, String> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let ends_at = parse_date_time(typed).map_err(|error| error.to_string())?;
    if ends_at > now {
        return Err("恢復時間不能晚於現在；還沒恢復時請留空".to_owned());
    }
    let Some(starts_at) = starts_at else { return Ok(Some(ends_at)) };
    if ends_at <= starts_at {
        return Err("恢復時間應晚於開始時間".to_owned());
    }
    if ends_at - starts_at > LONGEST {
        return Err(format!("一次停機最長 {} 天，請確認日期", LONGEST.whole_days()));
    }
    Ok(Some(ends_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::tests::NOW;
    use time::macros::datetime;

    fn typed(starts: &str, ends: &str) -> Typed {
        let [starts, ends, scope, reason] = [starts, ends, "all", "機房斷電"].map(str::to_owned);
        Typed { starts, ends, scope, school: Vec::new(), reason }
    }

    #[test]
    fn an_outage_is_recorded_while_it_lasts_or_afterwards() {
        let lasting = typed("115/11/22 13:00", " ").read(&[], NOW).unwrap();
        assert_eq!((lasting.starts_at, lasting.ends_at), (datetime!(2026-11-22 13:00 +8), None));
        let over = typed("2026-11-21T23:30", "2026-11-22T01:00").read(&[], NOW).unwrap();
        assert_eq!(over.ends_at, Some(datetime!(2026-11-22 01:00 +8)));
        assert_eq!(over.schools, Schools::All);
    }

    #[test]
    fn times_that_cannot_be_are_told_beside_their_field() {
        for (starts, ends, field) in [
            ("", "", "starts"),
            ("115/11/22 14:31", "", "starts"),
            ("115/10/01 08:00", "", "starts"),
            ("115/11/22 13:00", "115/11/22 14:31", "ends"),
            ("115/11/22 13:00", "115/11/22 13:00", "ends"),
            ("115/11/10 13:00", "115/11/18 13:00", "ends"),
            ("115/11/22 13:00", "soon", "ends"),
        ] {
            let errors = typed(starts, ends).read(&[], NOW).unwrap_err();
            assert!(errors.has(field) && errors.len() == 1, "{starts} {ends}: {errors:?}");
        }
    }

    #[test]
    fn schools_are_all_or_some_that_there_are() {
        let known = ["331302", "343303"].map(str::to_owned);
        let some = |school: &[&str]| Typed {
            scope: "some".to_owned(),
            school: school.iter().map(|code| (*code).to_owned()).collect(),
            ..typed("115/11/22 13:00", "")
        };
        let chosen = some(&["343303", "999999"]).read(&known, NOW).unwrap().schools;
        assert_eq!(chosen, Schools::Some(vec!["343303".to_owned()]));
        assert!(some(&["999999"]).read(&known, NOW).unwrap_err().has("school"));
        let neither = Typed { scope: String::new(), reason: String::new(), ..typed("115/11/22 13:00", "") };
        let errors = neither.read(&known, NOW).unwrap_err();
        assert!(errors.has("scope") && errors.has("reason"));
    }
}
