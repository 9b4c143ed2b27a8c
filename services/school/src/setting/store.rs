//! The SQL of the school's own numbers.

use ::store::{Audit, Error, TenantTx};
use kernel::{
    calendar::AcademicYear,
    rules::{Ruleset, RulesetOverride},
};

/// What the school has set for a year.
pub(super) async fn own(tx: &mut TenantTx, year: AcademicYear) -> Result<RulesetOverride, Error> {
    let school = tx.school();
    let row = sqlx::query!(
        "select outcome_upload_per_term, outcome_per_subject, activity_upload_per_year, certify_hours, counselling_max_bytes
         from school.ruleset_override where school_code = $1 and academic_year = $2",
        school.as_str(),
        year.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map_or_else(RulesetOverride::default, |row| RulesetOverride {
        outcome_upload_per_term: row.outcome_upload_per_term.map(i64::from),
        outcome_per_subject: row.outcome_per_subject.map(i64::from),
        activity_upload_per_year: row.activity_upload_per_year.map(i64::from),
        certify_hours: row.certify_hours.map(i64::from),
        counselling_max_bytes: row.counselling_max_bytes,
    }))
}

/// The city's numbers of a year; the newest year's before it where the city has none yet.
pub(super) async fn city(tx: &mut TenantTx, year: AcademicYear) -> Result<Ruleset, Error> {
    let row = sqlx::query!(
        "select outcome_upload_per_term, outcome_upload_ceiling, outcome_per_subject, activity_upload_per_year,
                certify_hours, counselling_max_bytes
         from school.ruleset where academic_year <= $1 order by academic_year desc limit 1",
        year.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    let default = Ruleset::of(year);
    Ok(match row {
        None => default,
        Some(row) => Ruleset {
            outcome_upload_per_term: row.outcome_upload_per_term.into(),
            outcome_upload_ceiling: row.outcome_upload_ceiling.into(),
            outcome_per_subject: row.outcome_per_subject.into(),
            activity_upload_per_year: row.activity_upload_per_year.map(i64::from),
            certify_hours: row.certify_hours.into(),
            counselling_max_bytes: row.counselling_max_bytes,
            ..default
        },
    })
}

/// Sets the school's numbers of a year.
pub(super) async fn set(
    tx: &mut TenantTx,
    year: AcademicYear,
    before: &RulesetOverride,
    own: &RulesetOverride,
) -> Result<(), Error> {
    let school = tx.school();
    let small = |number: Option<i64>| number.and_then(|number| i16::try_from(number).ok());
    sqlx::query!(
        "insert into school.ruleset_override (school_code, academic_year, outcome_upload_per_term, outcome_per_subject,
                                              activity_upload_per_year, certify_hours, counselling_max_bytes)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (school_code, academic_year) do update
         set outcome_upload_per_term = excluded.outcome_upload_per_term,
             outcome_per_subject = excluded.outcome_per_subject,
             activity_upload_per_year = excluded.activity_upload_per_year,
             certify_hours = excluded.certify_hours,
             counselling_max_bytes = excluded.counselling_max_bytes",
        school.as_str(),
        year.get(),
        small(own.outcome_upload_per_term),
        small(own.outcome_per_subject),
        small(own.activity_upload_per_year),
        small(own.certify_hours),
        own.counselling_max_bytes
    )
    .execute(tx.conn())
    .await?;
    tx.audit(Audit::new("ruleset.override", "ruleset_override", year.get().into()).before(before).after(own));
    Ok(())
}
