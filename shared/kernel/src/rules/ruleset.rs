//! The numbers of an academic year (domain §4.1, §4.2, §4.9): the city's, and what a school may set itself.

use serde::{Deserialize, Serialize};

use super::FileClass;
use crate::calendar::AcademicYear;
use crate::code_table::word_codes;

/// Bytes of the MB that limits are told in (A-04: never reject a file the old system took).
pub const MIB: i64 = 1_048_576;

word_codes! {
    /// The span over which selected outcomes are counted (A-01).
    SelectPeriod("勾選計算期間") {
        /// 2019 only.
        Term = "term", "每學期";
        /// Since 2020.
        Year = "year", "每學年";
    }
}

/// Every number that holds in one academic year. Sizes in bytes of 2²⁰ to the MB.
///
/// The fields are named as the columns of `school.ruleset`, so that `to_jsonb(row)` reads as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    /// The academic year it holds for.
    pub academic_year: AcademicYear,
    /// Largest document file of an outcome or activity.
    pub document_max_bytes: i64,
    /// Largest audio or video file of an outcome or activity.
    pub media_max_bytes: i64,
    /// Largest file of a counselling record (A-03).
    pub counselling_max_bytes: i64,
    /// Outcomes sent to the central database per `outcome_select_period`.
    pub outcome_select_max: i64,
    /// The span of `outcome_select_max`.
    pub outcome_select_period: SelectPeriod,
    /// Activities of all ten kinds together sent to the central database per year.
    pub activity_select_max: i64,
    /// Outcomes that a student may upload per term.
    pub outcome_upload_per_term: i64,
    /// The most that a school may set `outcome_upload_per_term` to.
    pub outcome_upload_ceiling: i64,
    /// Outcomes that a student may upload for one subject of one term.
    pub outcome_per_subject: i64,
    /// Activities that a student may upload per year; none: unlimited.
    pub activity_upload_per_year: Option<i64>,
    /// Characters of a summary (A-05).
    pub summary_max_chars: i64,
    /// Characters of a certification's reason (domain §4.4).
    pub reason_max_chars: i64,
    /// Characters of a counselling record's content (domain §4.6).
    pub counselling_max_chars: i64,
    /// Characters of an external link (domain §4.2).
    pub link_max_chars: i64,
    /// Storage of one student over all years.
    pub quota_bytes: i64,
    /// Storage of one teacher's cabinet (A-14).
    pub teacher_quota_bytes: i64,
    /// Hours within which a teacher should decide (A-15).
    pub certify_hours: i64,
    /// Minutes within which a decision may be taken back.
    pub decision_undo_minutes: i64,
    /// Days that receipts must stay open for confirmation (domain §4.9).
    pub receipt_confirm_min_days: i64,
    /// Days that outcome upload must stay open after the end-of-term ceremony (A-16).
    pub upload_days_after_ceremony: i64,
}

impl Ruleset {
    /// The city's default for a year: 2/5 MB and 3 outcomes a term in 108, 4/10 MB and 6 a year from 109 on.
    pub fn of(academic_year: AcademicYear) -> Self {
        let since_109 = Self {
            academic_year,
            document_max_bytes: 4 * MIB,
            media_max_bytes: 10 * MIB,
            counselling_max_bytes: 4 * MIB,
            outcome_select_max: 6,
            outcome_select_period: SelectPeriod::Year,
            activity_select_max: 10,
            outcome_upload_per_term: 6,
            outcome_upload_ceiling: 30,
            outcome_per_subject: 3,
            activity_upload_per_year: None,
            summary_max_chars: 100,
            reason_max_chars: 100,
            counselling_max_chars: 100,
            link_max_chars: 500,
            quota_bytes: 200 * MIB,
            teacher_quota_bytes: 1_000 * MIB,
            certify_hours: 48,
            decision_undo_minutes: 10,
            receipt_confirm_min_days: 3,
            upload_days_after_ceremony: 14,
        };
        if academic_year > AcademicYear::FIRST {
            return since_109;
        }
        Self {
            document_max_bytes: 2 * MIB,
            media_max_bytes: 5 * MIB,
            outcome_select_max: 3,
            outcome_select_period: SelectPeriod::Term,
            ..since_109
        }
    }

    /// The numbers at a school. What it set earlier never exceeds what the city allows now, nor falls below one.
    #[must_use]
    pub fn with(&self, own: &RulesetOverride) -> Self {
        let within = |own: Option<i64>, city: i64, max: i64| own.map_or(city, |value| value.max(1).min(max));
        Self {
            outcome_upload_per_term: within(
                own.outcome_upload_per_term,
                self.outcome_upload_per_term,
                self.outcome_upload_ceiling,
            ),
            outcome_per_subject: within(own.outcome_per_subject, self.outcome_per_subject, self.outcome_upload_ceiling),
            activity_upload_per_year: own.activity_upload_per_year.map(|n| n.max(1)).or(self.activity_upload_per_year),
            counselling_max_bytes: within(
                own.counselling_max_bytes,
                self.counselling_max_bytes,
                self.counselling_max_bytes,
            ),
            certify_hours: within(own.certify_hours, self.certify_hours, RulesetOverride::CERTIFY_HOURS_MAX),
            ..self.clone()
        }
    }

    /// The largest file of a class, in bytes.
    pub fn file_max_bytes(&self, class: FileClass) -> i64 {
        match class {
            FileClass::Document => self.document_max_bytes,
            FileClass::Media => self.media_max_bytes,
            FileClass::Counselling => self.counselling_max_bytes,
        }
    }
}

/// What a school sets itself, where domain §4.1–4.2 lets it; none: the city's number. Selection is not here (A-35).
///
/// The fields are named as the columns of `school.ruleset_override`, so that `to_jsonb(row)` reads as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RulesetOverride {
    /// See [`Ruleset::outcome_upload_per_term`]; at most the city's ceiling.
    pub outcome_upload_per_term: Option<i64>,
    /// See [`Ruleset::outcome_per_subject`]; at most the city's ceiling.
    pub outcome_per_subject: Option<i64>,
    /// See [`Ruleset::activity_upload_per_year`].
    pub activity_upload_per_year: Option<i64>,
    /// See [`Ruleset::counselling_max_bytes`]; a school may lower it.
    pub counselling_max_bytes: Option<i64>,
    /// See [`Ruleset::certify_hours`]; at most 720.
    pub certify_hours: Option<i64>,
}

impl RulesetOverride {
    const CERTIFY_HOURS_MAX: i64 = 720;

    /// Every number that the city's rules don't allow, for the settings form.
    pub fn problems(&self, city: &Ruleset) -> Vec<OverrideError> {
        let bounds = [
            ("outcome_upload_per_term", self.outcome_upload_per_term, city.outcome_upload_ceiling),
            ("outcome_per_subject", self.outcome_per_subject, city.outcome_upload_ceiling),
            ("activity_upload_per_year", self.activity_upload_per_year, i64::from(i16::MAX)),
            ("counselling_max_bytes", self.counselling_max_bytes, city.counselling_max_bytes),
            ("certify_hours", self.certify_hours, Self::CERTIFY_HOURS_MAX),
        ];
        let outside = |(field, found, max): (&'static str, Option<i64>, i64)| {
            found.filter(|value| !(1..=max).contains(value)).map(|found| OverrideError { field, max, found })
        };
        bounds.into_iter().filter_map(outside).collect()
    }
}

/// A number outside what a school may set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("應在 1 到 {max} 之間，這裡填的是 {found}")]
pub struct OverrideError {
    /// The field of [`RulesetOverride`].
    pub field: &'static str,
    /// The most that is allowed.
    pub max: i64,
    /// What was set.
    pub found: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year(year: i16) -> AcademicYear {
        AcademicYear::new(year).unwrap()
    }

    /// §4.2: "4 MB from year 109, 2 MB for year 108"; "10 MB from 109, 5 MB for 108"; A-01: 3 per term for 108 only.
    #[test]
    fn the_two_generations() {
        let (first, later) = (Ruleset::of(year(108)), Ruleset::of(year(109)));
        assert_eq!((first.document_max_bytes, first.media_max_bytes), (2_097_152, 5_242_880));
        assert_eq!((later.document_max_bytes, later.media_max_bytes), (4_194_304, 10_485_760));
        assert_eq!((first.outcome_select_max, first.outcome_select_period), (3, SelectPeriod::Term));
        assert_eq!((later.outcome_select_max, later.outcome_select_period), (6, SelectPeriod::Year));
        assert_eq!((later.activity_select_max, later.quota_bytes), (10, 209_715_200));
        assert_eq!(Ruleset { academic_year: year(115), ..later }, Ruleset::of(year(115)));
    }

    /// §4.1: "school override, default 6 per term, city ceiling e.g. 30"; "counselling 4 MB accepted, school may lower".
    #[test]
    fn a_school_sets_only_what_it_may() {
        let city = Ruleset::of(year(115));
        let own = RulesetOverride {
            outcome_upload_per_term: Some(9),
            activity_upload_per_year: Some(20),
            counselling_max_bytes: Some(2 * MIB),
            ..RulesetOverride::default()
        };
        assert_eq!(own.problems(&city), []);
        let school = city.with(&own);
        assert_eq!((school.outcome_upload_per_term, school.outcome_per_subject), (9, 3));
        assert_eq!((school.activity_upload_per_year, school.counselling_max_bytes), (Some(20), 2 * MIB));
        assert_eq!((school.outcome_select_max, school.certify_hours), (6, 48));
        assert_eq!(city.with(&RulesetOverride::default()), city);
    }

    /// What PostgreSQL's `to_jsonb` makes of the rows.
    #[test]
    fn rows_are_read_as_json() {
        let mut row = serde_json::to_value(Ruleset::of(year(108))).unwrap();
        assert_eq!((&row["academic_year"], &row["outcome_select_period"]), (&108.into(), &"term".into()));
        assert!(row["activity_upload_per_year"].is_null());
        row["unknown_to_this_version"] = 1.into();
        assert_eq!(serde_json::from_value::<Ruleset>(row).unwrap(), Ruleset::of(year(108)));

        let own =
            r#"{"school_code": "353302", "academic_year": 115, "outcome_upload_per_term": 9, "certify_hours": null}"#;
        let own: RulesetOverride = serde_json::from_str(own).unwrap();
        assert_eq!(own, RulesetOverride { outcome_upload_per_term: Some(9), ..RulesetOverride::default() });
    }

    #[test]
    fn what_exceeds_the_city_is_named_and_never_takes_effect() {
        let city = Ruleset::of(year(115));
        let own = RulesetOverride {
            outcome_upload_per_term: Some(31),
            outcome_per_subject: Some(0),
            counselling_max_bytes: Some(5 * MIB),
            ..RulesetOverride::default()
        };
        let fields: Vec<_> = own.problems(&city).into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["outcome_upload_per_term", "outcome_per_subject", "counselling_max_bytes"]);
        let school = city.with(&own);
        assert_eq!((school.outcome_upload_per_term, school.outcome_per_subject), (30, 1));
        assert_eq!(school.counselling_max_bytes, 4 * MIB);
    }
}
