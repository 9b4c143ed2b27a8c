//! The school's own numbers, where the city lets it choose (domain §4.1, F-128, F-135).

mod pages;
mod store;

use crate::OfficeRoutes;
use kernel::rules::{MIB, Ruleset, RulesetOverride};
use serde::Deserialize;
use web::FieldErrors;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .get("/s/{school}/office/settings", pages::show)
        .post("/s/{school}/office/settings", pages::update)
}

/// The form as typed; an empty field leaves the city's number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    outcome_upload_per_term: String,
    outcome_per_subject: String,
    activity_upload_per_year: String,
    certify_hours: String,
    /// In MB.
    counselling_max_bytes: String,
}

impl Typed {
    fn of(own: &RulesetOverride) -> Self {
        let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        Self {
            outcome_upload_per_term: text(own.outcome_upload_per_term),
            outcome_per_subject: text(own.outcome_per_subject),
            activity_upload_per_year: text(own.activity_upload_per_year),
            certify_hours: text(own.certify_hours),
            counselling_max_bytes: text(own.counselling_max_bytes.map(|bytes| bytes / MIB)),
        }
    }

    /// The numbers, within what the city allows.
    fn read(&self, city: &Ruleset) -> Result<RulesetOverride, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut number = |field: &'static str, text: &str| {
            let text = kernel::text::half_width(text);
            if text.trim().is_empty() {
                return None;
            }
            let number = text.trim().parse::<i64>().ok().filter(|number| (0..=100_000).contains(number));
            if number.is_none() {
                errors.add(field, "請填數字，或留空使用全市的數字");
            }
            number
        };
        let own = RulesetOverride {
            outcome_upload_per_term: number("outcome_upload_per_term", &self.outcome_upload_per_term),
            outcome_per_subject: number("outcome_per_subject", &self.outcome_per_subject),
            activity_upload_per_year: number("activity_upload_per_year", &self.activity_upload_per_year),
            certify_hours: number("certify_hours", &self.certify_hours),
            counselling_max_bytes: number("counselling_max_bytes", &self.counselling_max_bytes).map(|mb| mb * MIB),
        };
        for problem in own.problems(city) {
            let message = if problem.field == "counselling_max_bytes" {
                format!("應在 1 到 {} MB 之間", problem.max / MIB)
            } else {
                problem.to_string()
            };
            errors.add(problem.field, message);
        }
        if errors.is_empty() { Ok(own) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::calendar::AcademicYear;

    /// Domain §4.1: "school override, default 6 per term, city ceiling e.g. 30".
    #[test]
    fn a_school_stays_below_the_citys_ceiling() {
        let city = Ruleset::of(AcademicYear::new(115).unwrap());
        let typed = |text: &str| Typed { outcome_upload_per_term: text.to_owned(), ..Typed::default() };
        assert_eq!(typed("９").read(&city).unwrap().outcome_upload_per_term, Some(9));
        assert_eq!(typed(" ").read(&city).unwrap(), RulesetOverride::default());
        for wrong in ["31", "0", "many"] {
            assert!(typed(wrong).read(&city).unwrap_err().has("outcome_upload_per_term"), "{wrong}");
        }
    }

    /// Domain §4.2: "counselling document 4 MB accepted, school may lower".
    #[test]
    fn the_counselling_file_is_told_in_megabytes() {
        let city = Ruleset::of(AcademicYear::new(115).unwrap());
        let typed = |text: &str| Typed { counselling_max_bytes: text.to_owned(), ..Typed::default() };
        assert_eq!(typed("2").read(&city).unwrap().counselling_max_bytes, Some(2 * MIB));
        assert!(typed("5").read(&city).unwrap_err().get("counselling_max_bytes").unwrap().contains("4 MB"));
    }
}
