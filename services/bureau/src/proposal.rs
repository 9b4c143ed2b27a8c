//! Another closing time that the bureau proposes to schools. Windows are the schools' own: they adopt it or not.

pub(crate) mod pages;
pub(crate) mod store;

use crate::deadline::{Deadline, Hour};
use kernel::{calendar::parse_date_time, rules::Ruleset, text};
use time::OffsetDateTime;
use web::FieldErrors;

/// Characters of a reason, as the schools read it.
pub(crate) const REASON_MAX: usize = 200;

/// Which windows a form offers to choose from: those that close in one hour, or a single one.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Origin {
    /// [`Hour::code`]; empty where `only` is used.
    pub(crate) hour: String,
    /// [`Deadline::key`]; empty where `hour` is used.
    pub(crate) only: String,
}

impl Origin {
    /// The windows on offer.
    pub(crate) fn of(&self, deadlines: Vec<Deadline>) -> Vec<Deadline> {
        let hour = Hour::parse(&self.hour);
        let offered = |deadline: &Deadline| hour == Some(deadline.hour()) || deadline.key() == self.only;
        deadlines.into_iter().filter(offered).collect()
    }
}

/// The form as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    /// [`Deadline::key`] of the windows that are ticked.
    pub(crate) window: Vec<String>,
    pub(crate) closes: String,
    pub(crate) reason: String,
}

/// A form that holds.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) windows: Vec<Deadline>,
    pub(crate) closes_at: OffsetDateTime,
    pub(crate) reason: String,
}

impl Typed {
    /// Everything ticked, nothing written yet.
    pub(crate) fn all(deadlines: &[Deadline]) -> Self {
        Self { window: deadlines.iter().map(Deadline::key).collect(), ..Self::default() }
    }

    /// What the form wants, if every school could adopt it: a proposal that the school's own form would refuse
    /// is none.
    pub(crate) fn read(&self, offered: &[Deadline], now: OffsetDateTime) -> Result<Wanted, FieldErrors> {
        let mut errors = FieldErrors::new();
        let ticked = |deadline: &&Deadline| self.window.contains(&deadline.key());
        let windows: Vec<Deadline> = offered.iter().filter(ticked).cloned().collect();
        if windows.is_empty() {
            errors.add("window", "請至少勾選一項作業時間");
        }
        let closes_at = self.closing(&windows, now).map_err(|message| errors.add("closes", message));
        let reason = reason(&self.reason).map_err(|message| errors.add("reason", message));
        match (closes_at, reason) {
            (Ok(closes_at), Ok(reason)) if errors.is_empty() => Ok(Wanted { windows, closes_at, reason }),
            _ => Err(errors),
        }
    }

    fn closing(&self, windows: &[Deadline], now: OffsetDateTime) -> Result<OffsetDateTime, String> {
        let closes_at = parse_date_time(&self.closes).map_err(|error| error.to_string())?;
        if closes_at <= now {
            return Err("新的截止時間應在現在之後".to_owned());
        }
        for deadline in windows {
            refuse(deadline, closes_at).map_or(Ok(()), |why| Err(format!("{}：{why}", deadline.school_name)))?;
        }
        Ok(closes_at)
    }
}

/// Why a window can't close then, if so: the check of the school's own form.
fn refuse(deadline: &Deadline, closes_at: OffsetDateTime) -> Option<String> {
    if closes_at == deadline.closes_at {
        return Some("新的截止時間和目前的相同".to_owned());
    }
    let window = deadline.closing_at(closes_at)?;
    window.check(&Ruleset::of(window.academic_year), None).err().map(|error| error.to_string())
}

/// A reason in one line, which must be there.
pub(crate) fn reason(typed: &str) -> Result<String, String> {
    let reason = text::line(typed, REASON_MAX).map_err(|error| error.to_string())?;
    if reason.is_empty() { Err("請說明原因，學校會看到".to_owned()) } else { Ok(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::tests::{NOW, deadline};
    use time::macros::datetime;

    const FIVE: OffsetDateTime = datetime!(2026-11-25 17:00 +8);

    fn typed(closes: &str, reason: &str) -> Typed {
        Typed { window: vec!["343303.12".to_owned()], closes: closes.to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn a_form_offers_one_hour_or_one_window() {
        let all = || vec![deadline("331302", FIVE, 1), deadline("343303", FIVE, 1), deadline("353302", NOW, 1)];
        let keys = |hour: &str, only: &str| -> Vec<String> {
            let origin = Origin { hour: hour.to_owned(), only: only.to_owned() };
            origin.of(all()).iter().map(Deadline::key).collect()
        };
        assert_eq!(keys("2026-11-25T17", ""), ["331302.12", "343303.12"]);
        assert_eq!(keys("", "353302.12"), ["353302.12"]);
        assert_eq!(keys("", ""), Vec::<String>::new());
    }

    #[test]
    fn what_is_ticked_is_proposed() {
        let offered = [deadline("331302", FIVE, 1), deadline("343303", FIVE, 1)];
        let wanted = typed("115/11/26 12:00", " 錯開尖峰 ").read(&offered, NOW).unwrap();
        assert_eq!(wanted.windows.iter().map(Deadline::key).collect::<Vec<_>>(), ["343303.12"]);
        assert_eq!(wanted.closes_at, datetime!(2026-11-26 12:00 +8));
        assert_eq!(wanted.reason, "錯開尖峰");
    }

    #[test]
    fn every_field_has_its_own_message() {
        let offered = [deadline("343303", FIVE, 1)];
        let errors = Typed::default().read(&offered, NOW).unwrap_err();
        assert!(errors.has("window") && errors.has("closes") && errors.has("reason"));
        let long = "長".repeat(REASON_MAX + 1);
        for (closes, reason, field) in [
            ("115/11/22 14:30", "原因", "closes"),
            ("115/11/25 17:00", "原因", "closes"),
            ("115/11/26 17:00", long.as_str(), "reason"),
        ] {
            let errors = typed(closes, reason).read(&offered, NOW).unwrap_err();
            assert!(errors.has(field) && errors.len() == 1, "{closes}: {errors:?}");
        }
        assert!(typed("115/11/26 17:00", &"長".repeat(REASON_MAX)).read(&offered, NOW).is_ok());
    }

    /// Domain §4.9: "Receipt confirmation period ≥ 3 days": the school could not adopt less.
    #[test]
    fn what_the_schools_form_would_refuse_is_not_proposed() {
        let opens_at = datetime!(2026-11-22 08:00 +8);
        let receipt = Deadline { kind: "receipt_confirm".to_owned(), opens_at, ..deadline("343303", FIVE, 1) };
        let errors = typed("115/11/24 17:00", "原因").read(std::slice::from_ref(&receipt), NOW).unwrap_err();
        assert!(errors.get("closes").unwrap().contains("3 天"));
        assert!(errors.get("closes").unwrap().contains("學校 343303"));
        let later = Deadline { opens_at: FIVE, closes_at: FIVE + time::Duration::DAY, ..receipt };
        assert!(typed("115/11/25 12:00", "原因").read(&[later], NOW).unwrap_err().has("closes"));
    }
}
