//! The summary table: read by the bureau, recounted by the worker.

use super::{SchoolProgress, Years};
use ::store::{Db, Error};
use kernel::calendar::TAIPEI;
use time::OffsetDateTime;

/// Every school in each of the years.
pub(crate) async fn list(db: &Db, years: Years) -> Result<Vec<SchoolProgress>, Error> {
    let mut tx = db.bureau("bureau.progress.list").await?;
    let schools = sqlx::query_as!(
        SchoolProgress,
        r#"select s.school_code as code, s.short_name as name, s.kind, p.academic_year, p.students, p.uploaded,
                  p.certified, p.selected, p.selecting_students, p.submitted_rows, p.confirmed_students,
                  p.select_opens_at, p.select_closes_at, p.overdue, p.updated_at
           from bureau.school_progress p
           join school.school s on s.school_code = p.school_code
           where p.academic_year = any($1)
           order by s.school_code"#,
        &years.numbers()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(schools)
}

/// Counts every school anew, this year and the one before, from the counters that the rooms keep (tenancy §7).
///
/// One statement over all schools, under a lock, so that of several workers one counts. A row is written
/// when its numbers changed, and otherwise only before its age would break the promise of the page.
pub(crate) async fn recount(db: &Db, now: OffsetDateTime) -> Result<(), Error> {
    let mut tx = db.system("bureau.progress.recount").await?;
    let lock = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('bureau.progress')) as "ours!""#);
    if !lock.fetch_one(tx.conn()).await? {
        return Ok(());
    }
    let years = Years::at(now);
    sqlx::query!(
        "with years as (select * from unnest($2::smallint[], $3::timestamptz[]) as y (academic_year, ends_at)),
         -- who was there to the end: graduates leave in the weeks after it, freshmen come
         enrolled as (
           select school_code, academic_year, count(*) as students
             from school.student join years on entry_year <= academic_year and (left_at is null or left_at >= ends_at)
            group by 1, 2),
         uploads as (
           select school_code, academic_year, sum(uploaded) as uploaded from portfolio.student_counter
            where academic_year = any($2) group by 1, 2),
         decisions as (
           select school_code, academic_year, sum(passed) as certified from certification.student_counter
            where academic_year = any($2) group by 1, 2),
         outcomes as (
           select school_code, academic_year, count(*) as selected from portfolio.outcome_selection
            where academic_year = any($2) group by 1, 2),
         selecting as (
           select school_code, academic_year, count(*) as students from (
             select school_code, academic_year, student_id from portfolio.outcome_selection
              where academic_year = any($2)
             union
             select school_code, academic_year, student_id from portfolio.activity_selection
              where academic_year = any($2)) chosen
            group by 1, 2),
         submissions as (
           select school_code, academic_year, sum(row_count) as submitted from (
             select distinct on (school_code, academic_year, term, roster_code) school_code, academic_year, row_count
               from submission.batch
              where academic_year = any($2) and state in ('notified', 'accepted', 'receipt_ready')
              order by school_code, academic_year, term, roster_code, attempt desc) handed_over
            group by 1, 2),
         confirmations as (
           select school_code, academic_year, count(distinct student_id) as students
             from submission.receipt_confirmation
            where academic_year = any($2) group by 1, 2),
         selections as (
           select school_code, academic_year, min(opens_at) as opens_at, max(closes_at) as closes_at
             from school.window_period
            where academic_year = any($2) and kind in ('outcome_select', 'activity_select')
            group by 1, 2)
         insert into bureau.school_progress as p (school_code, academic_year, students, uploaded, certified,
           selecting_students, selected, submitted_rows, confirmed_students, select_opens_at, select_closes_at, overdue,
           updated_at)
         select school_code, academic_year, coalesce(enrolled.students, 0), coalesce(uploaded, 0),
                coalesce(certified, 0), coalesce(selecting.students, 0), coalesce(selected, 0),
                coalesce(submitted, 0), coalesce(confirmations.students, 0), opens_at, closes_at,
                coalesce(closes_at < $1 and enrolled.students > 0 and submitted is null, false), $1
           from school.school
           cross join years
           left join enrolled using (school_code, academic_year)
           left join uploads using (school_code, academic_year)
           left join decisions using (school_code, academic_year)
           left join outcomes using (school_code, academic_year)
           left join selecting using (school_code, academic_year)
           left join submissions using (school_code, academic_year)
           left join confirmations using (school_code, academic_year)
           left join selections using (school_code, academic_year)
         on conflict (school_code, academic_year) do update
           set students = excluded.students, uploaded = excluded.uploaded, certified = excluded.certified,
               selecting_students = excluded.selecting_students, selected = excluded.selected,
               submitted_rows = excluded.submitted_rows, confirmed_students = excluded.confirmed_students,
               select_opens_at = excluded.select_opens_at, select_closes_at = excluded.select_closes_at, overdue = excluded.overdue,
               updated_at = excluded.updated_at
           where (p.students, p.uploaded, p.certified, p.selecting_students, p.selected, p.submitted_rows,
                  p.confirmed_students, p.select_opens_at, p.select_closes_at, p.overdue)
                 is distinct from
                 (excluded.students, excluded.uploaded, excluded.certified, excluded.selecting_students,
                  excluded.selected, excluded.submitted_rows, excluded.confirmed_students,
                  excluded.select_opens_at, excluded.select_closes_at, excluded.overdue)
              or p.updated_at < excluded.updated_at - interval '30 seconds'",
        now,
        &years.numbers(),
        &years.both().map(|year| year.next().first_day().midnight().assume_offset(TAIPEI))
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await
}
