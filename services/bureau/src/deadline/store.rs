//! The coming deadlines: read by the bureau, counted by the worker.

use super::{Deadline, horizon};
use ::store::{Db, Error};
use kernel::calendar::{AcademicYear, taipei_date};
use time::OffsetDateTime;

/// Everything that is still to close, in the order of closing.
pub(crate) async fn list(db: &Db, now: OffsetDateTime) -> Result<Vec<Deadline>, Error> {
    let mut tx = db.bureau("bureau.deadline.list").await?;
    let deadlines = sqlx::query_as!(
        Deadline,
        "select d.school_code as school, s.short_name as school_name, d.window_id, d.kind, d.academic_year, d.term,
                d.grade, d.stage, d.opens_at, d.closes_at, d.students, d.updated_at
           from bureau.deadline d
           join school.school s on s.school_code = d.school_code
          where d.closes_at > $1 and d.closes_at < $2
          order by d.closes_at, d.school_code, d.kind, d.term, d.grade, d.stage",
        now,
        horizon(now)
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(deadlines)
}

/// Counts anew, under a lock, so that of several workers one counts.
///
/// Who still has something to do is told by the counters and selections that the rooms keep: to upload, who has
/// uploaded nothing or has an outcome that has not passed; to certify, who has an outcome that has not passed; to
/// select, who has a passed outcome and selected none (activities: who selected none); to confirm, who has confirmed
/// nothing. For what is not counted anywhere it is everybody. A grade with a window of its own does not count for the
/// one of all grades.
pub(crate) async fn recount(db: &Db, now: OffsetDateTime) -> Result<(), Error> {
    let mut tx = db.system("bureau.deadline.recount").await?;
    let lock = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('bureau.deadlines')) as "ours!""#);
    if !lock.fetch_one(tx.conn()).await? {
        return Ok(());
    }
    let this_year = AcademicYear::of_date(taipei_date(now));
    sqlx::query!(
        "with near as (
           select * from school.window_period where closes_at > $1 and closes_at < $2),
         years as (select distinct school_code, academic_year from near),
         uploads as (                                        -- of each term, and with term 0 of the year
           select school_code, student_id, academic_year, coalesce(term, 0) as term, sum(uploaded) as uploaded
             from portfolio.student_counter join years using (school_code, academic_year)
            group by grouping sets ((school_code, student_id, academic_year, term),
                                    (school_code, student_id, academic_year))),
         passes as (
           select school_code, student_id, academic_year, coalesce(term, 0) as term, sum(passed) as passed
             from certification.student_counter join years using (school_code, academic_year)
            group by grouping sets ((school_code, student_id, academic_year, term),
                                    (school_code, student_id, academic_year))),
         outcomes as (
           select distinct school_code, student_id, academic_year
             from portfolio.outcome_selection join years using (school_code, academic_year)),
         activities as (
           select distinct school_code, student_id, academic_year
             from portfolio.activity_selection join years using (school_code, academic_year)),
         confirmations as (
           select distinct school_code, student_id, academic_year
             from submission.receipt_confirmation join years using (school_code, academic_year)),
         concerned as (
           select w.school_code, w.id,
                  case w.kind
                    when 'outcome_upload' then coalesce(u.uploaded, 0) = 0 or u.uploaded > coalesce(p.passed, 0)
                    when 'outcome_certify' then coalesce(u.uploaded, 0) > coalesce(p.passed, 0)
                    when 'outcome_select' then coalesce(p.passed, 0) > 0 and o.student_id is null
                    when 'activity_upload' then a.student_id is null
                    when 'activity_select' then a.student_id is null
                    when 'receipt_confirm' then c.student_id is null
                    else true end as waits
             from near w
             join school.student s
               on s.school_code = w.school_code and s.left_at is null and s.entry_year <= w.academic_year
             left join uploads u on u.school_code = w.school_code and u.student_id = s.id
               and u.academic_year = w.academic_year and u.term = w.term
             left join passes p on p.school_code = w.school_code and p.student_id = s.id
               and p.academic_year = w.academic_year and p.term = w.term
             left join outcomes o on o.school_code = w.school_code and o.student_id = s.id
               and o.academic_year = w.academic_year
             left join activities a on a.school_code = w.school_code and a.student_id = s.id
               and a.academic_year = w.academic_year
             left join confirmations c on c.school_code = w.school_code and c.student_id = s.id
               and c.academic_year = w.academic_year
            -- the student's grade in the window's year
            where case when w.grade <> 0 then w.grade = s.grade - ($3::smallint - w.academic_year)
                  else not exists (
                    select from school.window_period own
                     where own.school_code = w.school_code and own.kind = w.kind
                       and own.academic_year = w.academic_year and own.term in (w.term, 0)
                       and own.grade = s.grade - ($3::smallint - w.academic_year)) end),
         counted as (
           select w.*, coalesce(n.students, 0) as students
             from near w
             left join (select school_code, id, count(*) filter (where waits) as students
                          from concerned group by 1, 2) n using (school_code, id)),
         gone as (
           delete from bureau.deadline d
            where not exists (select from near w where w.school_code = d.school_code and w.id = d.window_id))
         insert into bureau.deadline as d (school_code, window_id, kind, academic_year, term, grade, stage, opens_at,
                                           closes_at, students, updated_at)
         select school_code, id, kind, academic_year, term, grade, stage, opens_at, closes_at, students, $1
           from counted
         on conflict (school_code, window_id) do update
           set kind = excluded.kind, academic_year = excluded.academic_year, term = excluded.term,
               grade = excluded.grade, stage = excluded.stage, opens_at = excluded.opens_at,
               closes_at = excluded.closes_at, students = excluded.students, updated_at = excluded.updated_at",
        now,
        horizon(now),
        this_year.get()
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await
}
