//! The numbers and windows of one academic year at one school, as the rules want them.

use crate::{Error, TenantTx};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    rules::{Ruleset, RulesetOverride, Window, Windows},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

/// Reads both in one statement. A year the city has no numbers for yet has those of the newest year before it.
pub async fn load(tx: &mut TenantTx, year: AcademicYear) -> Result<(Ruleset, Windows), Error> {
    let school = tx.school();
    let found = sqlx::query!(
        r#"select to_jsonb(r) as "numbers!",
                  (select to_jsonb(o) from school.ruleset_override o
                    where o.school_code = $1 and o.academic_year = $2) as own,
                  w.kinds as "kinds!", w.years as "years!", w.terms as "terms!", w.grades as "grades!",
                  w.opening as "opening!", w.closing as "closing!"
           from school.ruleset r
           cross join lateral (
                select coalesce(array_agg(kind), '{}') as kinds, coalesce(array_agg(academic_year), '{}') as years,
                       coalesce(array_agg(term), '{}') as terms, coalesce(array_agg(grade), '{}') as grades,
                       coalesce(array_agg(opens_at), '{}') as opening, coalesce(array_agg(closes_at), '{}') as closing
                  from school.window_period where school_code = $1 and academic_year = $2) w
           where r.academic_year <= $2 order by r.academic_year desc limit 1"#,
        school.as_str(),
        year.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(found) = found else {
        return Ok((Ruleset::of(year), Windows::default()));
    };
    let columns = Columns {
        kinds: found.kinds,
        years: found.years,
        terms: found.terms,
        grades: found.grades,
        opening: found.opening,
        closing: found.closing,
    };
    Ok((numbers(year, Some(found.numbers), found.own)?, columns.windows()?))
}

/// Rows of `school.window_period` as one statement hands them over beside other things: a list for each column, which
/// is cheaper to build and to read than JSON.
#[derive(Default)]
#[expect(missing_docs, reason = "named as the columns")]
pub struct Columns {
    pub kinds: Vec<String>,
    pub years: Vec<i16>,
    pub terms: Vec<i16>,
    pub grades: Vec<i16>,
    pub opening: Vec<OffsetDateTime>,
    pub closing: Vec<OffsetDateTime>,
}

impl Columns {
    /// The rows; grade 0 is all grades.
    pub fn windows(self) -> Result<Windows, Error> {
        let times = self.opening.into_iter().zip(self.closing);
        let slots = self.years.into_iter().zip(self.terms).zip(self.grades);
        let window = |((kind, ((year, term), grade)), (opens_at, closes_at)): Column| {
            Ok(Window {
                kind: kind.parse().map_err(unreadable)?,
                academic_year: AcademicYear::new(year).map_err(unreadable)?,
                term: RosterTerm::new(term).map_err(unreadable)?,
                grade: (grade != 0).then_some(grade),
                opens_at,
                closes_at,
            })
        };
        self.kinds.into_iter().zip(slots).zip(times).map(window).collect::<Result<_, _>>().map(Windows)
    }
}

/// One row of [`Columns`], as zipped.
type Column = ((String, ((i16, i16), i16)), (OffsetDateTime, OffsetDateTime));

/// A year's numbers from the city's row and the school's own, as JSON, for a statement that reads them beside others.
pub fn numbers(year: AcademicYear, city: Option<Value>, own: Option<Value>) -> Result<Ruleset, Error> {
    let Some(city) = city else { return Ok(Ruleset::of(year)) };
    let city = Ruleset { academic_year: year, ..read(city)? };
    let own: RulesetOverride = own.map(read).transpose()?.unwrap_or_default();
    Ok(city.with(&own))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(unreadable)
}

/// The schema's checks keep such rows out; if one is there all the same, it is a fault of ours.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Database(sqlx::Error::Decode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::rules::WindowKind;
    use time::macros::datetime;

    /// Migration 0002: "grade 0: all grades", "term 0: the whole year".
    #[test]
    fn rows_of_windows_come_out_of_their_columns() {
        let (opens_at, closes_at) = (datetime!(2026-11-20 00:00 UTC), datetime!(2026-11-30 09:00 UTC));
        let columns = |kind: &str| Columns {
            kinds: vec![kind.to_owned(), kind.to_owned()],
            years: vec![115, 115],
            terms: vec![0, 1],
            grades: vec![0, 3],
            opening: vec![opens_at; 2],
            closing: vec![closes_at; 2],
        };
        let windows = columns("outcome_upload").windows().unwrap().0;
        let of = |window: &Window| (window.kind, window.term.is_year(), window.grade, window.closes_at);
        assert_eq!(of(&windows[0]), (WindowKind::OutcomeUpload, true, None, closes_at));
        assert_eq!(of(&windows[1]), (WindowKind::OutcomeUpload, false, Some(3), closes_at));
        assert!(columns("tea_break").windows().is_err());
        assert_eq!(Columns::default().windows().unwrap(), Windows::default());
    }
}
