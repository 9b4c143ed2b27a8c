//! The SQL of selections. The place is part of the primary key: no race selects more than the limit.

use kernel::{
    ids::{ActivityId, OutcomeId, StudentId},
    rules::WindowKind,
};
use store::{Error, TenantTx};

use super::{Difference, Year};
use crate::{
    activity, outcome,
    student::{Ground, Student},
};

/// Another one may take the free place in between; a few tries find the next one, or that there is none.
const TRIES: usize = 3;

/// Reads everything that may be chosen from in the year that is being selected for.
pub(crate) async fn load(tx: &mut TenantTx, student: StudentId) -> Result<Option<Year>, Error> {
    let now = tx.now();
    let Some(known) = Student::load(tx, student).await? else { return Ok(None) };
    let year = known.acting_year(&[WindowKind::OutcomeSelect, WindowKind::ActivitySelect], now);
    let ground = Ground::of(tx, known, year).await?;
    let outcomes = outcome::store::find(tx, student, outcome::store::Which::Of(year)).await?;
    let activities = activity::store::find(tx, student, activity::store::Which::Of(year)).await?;
    Ok(Some(Year { year, ground, outcomes, activities }))
}

/// Makes the change: removals first, they free places.
pub(crate) async fn apply(
    tx: &mut TenantTx,
    student: StudentId,
    year: &Year,
    change: &Difference<'_>,
) -> Result<(), Error> {
    for outcome in &change.remove_outcomes {
        remove_outcome(tx, outcome.id).await?;
    }
    for activity in &change.remove_activities {
        remove_activity(tx, activity.id).await?;
    }
    for outcome in &change.add_outcomes {
        let decision = outcome.decision.as_ref().ok_or(Error::Stale)?.id;
        let place = Place { student, year, term: year.counted_in(outcome).get() };
        place.take_outcome(tx, outcome.id, decision).await?;
    }
    for activity in &change.add_activities {
        let place = Place { student, year, term: 0 };
        place.take_activity(tx, activity.id).await?;
    }
    Ok(())
}

async fn remove_outcome(tx: &mut TenantTx, id: OutcomeId) -> Result<(), Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "delete from portfolio.outcome_selection where school_code = $1 and outcome_id = $2",
        school.as_str(),
        id.get()
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

async fn remove_activity(tx: &mut TenantTx, id: ActivityId) -> Result<(), Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "delete from portfolio.activity_selection where school_code = $1 and activity_id = $2",
        school.as_str(),
        id.get()
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Where a selected item goes.
struct Place<'a> {
    student: StudentId,
    year: &'a Year,
    term: i16,
}

impl Place<'_> {
    async fn take_outcome(&self, tx: &mut TenantTx, id: OutcomeId, decision: i64) -> Result<(), Error> {
        let (school, now) = (tx.school(), tx.now());
        let limit = i32::try_from(self.year.ground.rules.outcome_select_max).unwrap_or(i32::MAX).min(6);
        for _ in 0..TRIES {
            let done = sqlx::query!(
                "insert into portfolio.outcome_selection
                    (school_code, student_id, academic_year, term, slot, outcome_id, decision_id, selected_at)
                 select $1, $2, $3, $4, min(g), $5, $6, $7 from generate_series(1, $8::integer) g
                  where not exists (select from portfolio.outcome_selection s
                         where s.school_code = $1 and s.student_id = $2 and s.academic_year = $3 and s.term = $4
                           and s.slot = g)
                 having min(g) is not null
                 on conflict (school_code, student_id, academic_year, term, slot) do nothing",
                school.as_str(),
                self.student.get(),
                self.year.year.get(),
                self.term,
                id.get(),
                decision,
                now,
                limit
            )
            .execute(tx.conn())
            .await?;
            if done.rows_affected() == 1 {
                return still_stands(tx, decision).await;
            }
        }
        Err(Error::Stale)
    }

    async fn take_activity(&self, tx: &mut TenantTx, id: ActivityId) -> Result<(), Error> {
        let (school, now) = (tx.school(), tx.now());
        let limit = i32::try_from(self.year.ground.rules.activity_select_max).unwrap_or(i32::MAX).min(10);
        for _ in 0..TRIES {
            let done = sqlx::query!(
                "insert into portfolio.activity_selection
                    (school_code, student_id, academic_year, slot, activity_id, selected_at)
                 select $1, $2, $3, min(g), $4, $5 from generate_series(1, $6::integer) g
                  where not exists (select from portfolio.activity_selection s
                         where s.school_code = $1 and s.student_id = $2 and s.academic_year = $3 and s.slot = g)
                 having min(g) is not null
                 on conflict (school_code, student_id, academic_year, slot) do nothing",
                school.as_str(),
                self.student.get(),
                self.year.year.get(),
                id.get(),
                now,
                limit
            )
            .execute(tx.conn())
            .await?;
            if done.rows_affected() == 1 {
                return Ok(());
            }
        }
        Err(Error::Stale)
    }
}

/// A revocation that was under way when the outcome was chosen is seen here: the foreign key made the choice wait for
/// it, and this statement reads what it left.
async fn still_stands(tx: &mut TenantTx, decision: i64) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let stands = sqlx::query_scalar!(
        r#"select exists (select from certification.decision
             where school_code = $1 and id = $2 and passed and revoked_at is null and publish_at <= $3) as "stands!""#,
        school.as_str(),
        decision,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    if stands { Ok(()) } else { Err(Error::Stale) }
}
