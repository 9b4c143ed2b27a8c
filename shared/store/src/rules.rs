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
                  (select coalesce(jsonb_agg(to_jsonb(w)), '[]') from school.window_period w
                    where w.school_code = $1 and w.academic_year = $2) as "windows!"
           from school.ruleset r where r.academic_year <= $2 order by r.academic_year desc limit 1"#,
        school.as_str(),
        year.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(found) = found else {
        return Ok((Ruleset::of(year), Windows::default()));
    };
    let rows: Vec<Row> = read(found.windows)?;
    let windows = rows.into_iter().map(Row::window).collect::<Result<_, _>>()?;
    Ok((numbers(year, Some(found.numbers), found.own)?, Windows(windows)))
}

/// A year's numbers from the city's row and the school's own, as JSON, for a statement that reads them beside others.
pub fn numbers(year: AcademicYear, city: Option<Value>, own: Option<Value>) -> Result<Ruleset, Error> {
    let Some(city) = city else { return Ok(Ruleset::of(year)) };
    let city = Ruleset { academic_year: year, ..read(city)? };
    let own: RulesetOverride = own.map(read).transpose()?.unwrap_or_default();
    Ok(city.with(&own))
}

/// `school.window_period` as JSON has it.
#[derive(serde::Deserialize)]
struct Row {
    kind: kernel::rules::WindowKind,
    academic_year: AcademicYear,
    term: i16,
    grade: i16,
    #[serde(with = "time::serde::rfc3339")]
    opens_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    closes_at: OffsetDateTime,
}

impl Row {
    fn window(self) -> Result<Window, Error> {
        Ok(Window {
            kind: self.kind,
            academic_year: self.academic_year,
            term: RosterTerm::new(self.term).map_err(unreadable)?,
            grade: (self.grade != 0).then_some(self.grade),
            opens_at: self.opens_at,
            closes_at: self.closes_at,
        })
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(unreadable)
}

/// The schema's checks keep such rows out; if one is there all the same, it is a fault of ours.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Database(sqlx::Error::Decode(Box::new(error)))
}
