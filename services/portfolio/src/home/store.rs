//! What the cabinet shows, in one statement: on deadline day every student looks at it again and again.

use kernel::{
    calendar::AcademicYear,
    ids::{MessageId, StudentId},
    rules::Ruleset,
};
use serde::Deserialize;
use sqlx::types::Json;
use store::{Error, TenantTx};
use time::OffsetDateTime;

/// Unread messages that the cabinet shows; the rest is on their page.
const SHOWN: i64 = 3;

/// What the year allows, what there is, and the newest messages.
pub(crate) struct Cabinet {
    pub(crate) rules: Ruleset,
    pub(crate) counts: Counts,
    pub(crate) messages: Vec<Unread>,
}

/// A message as the cabinet shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Unread {
    pub(crate) id: MessageId,
    pub(crate) body: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
}

/// The numbers.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) courses: i64,
    pub(crate) outcomes: i64,
    pub(crate) outcomes_of_year: i64,
    /// Not sent, or taken back.
    pub(crate) drafts: i64,
    /// Drafts that have a file.
    pub(crate) ready: i64,
    /// With the teacher, as the student sees it.
    pub(crate) waiting: i64,
    pub(crate) failed: i64,
    /// Certified, of the year, not selected.
    pub(crate) selectable: i64,
    pub(crate) activities: i64,
    /// Of the year, with a file, not selected.
    pub(crate) selectable_activities: i64,
    pub(crate) counselling: i64,
    /// Kinds of receipts that wait for the student's word, of the years whose window is open.
    pub(crate) receipts: i64,
    pub(crate) bytes_used: i64,
    pub(crate) unread: i64,
    pub(crate) selected_outcomes: i64,
    pub(crate) selected_activities: i64,
    /// Selected by year, newest first.
    pub(crate) selected: Vec<Selected>,
}

/// What was selected for one year.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Selected {
    pub(crate) year: AcademicYear,
    pub(crate) outcomes: i64,
    pub(crate) activities: i64,
}

/// Reads it for the year of the page. `confirming`: the years whose receipts may be confirmed now; a receipt comes when the
/// page's own year is another one already.
pub(crate) async fn cabinet(
    tx: &mut TenantTx,
    student: StudentId,
    year: AcademicYear,
    confirming: &[i16],
) -> Result<Cabinet, Error> {
    let (school, now) = (tx.school(), tx.now());
    let row = sqlx::query!(
        r#"with mine as (
             select o.academic_year, r.id is not null as sent, d.passed,
                    coalesce(d.publish_at <= $4, false) as published,
                    exists (select from portfolio.outcome_selection s
                             where s.school_code = $1 and s.outcome_id = o.id) as selected,
                    exists (select from portfolio.file f where f.school_code = $1 and f.outcome_id = o.id
                              and f.saved_at is not null and f.removed_at is null) as has_file
               from portfolio.outcome o
               left join lateral (
                    select q.id from portfolio.certification_request q
                     where q.school_code = $1 and q.outcome_id = o.id and q.withdrawn_at is null
                     order by q.attempt desc limit 1) r on true
               left join certification.decision d on d.school_code = $1 and d.request_id = r.id and d.revoked_at is null
              where o.school_code = $1 and o.student_id = $2)
           select count(*) as "outcomes!",
                  count(*) filter (where academic_year = $3) as "outcomes_of_year!",
                  count(*) filter (where not sent) as "drafts!",
                  count(*) filter (where not sent and has_file) as "ready!",
                  count(*) filter (where sent and not published) as "waiting!",
                  count(*) filter (where published and not passed) as "failed!",
                  count(*) filter (where published and passed and not selected and academic_year = $3) as "selectable!",
                  (select count(*) from school.course_record c
                    where c.school_code = $1 and c.student_id = $2 and c.withdrawn_at is null) as "courses!",
                  (select count(*) from portfolio.activity a where a.school_code = $1 and a.student_id = $2) as "activities!",
                  (select count(*) from portfolio.activity a
                    where a.school_code = $1 and a.student_id = $2 and a.academic_year = $3
                      and exists (select from portfolio.file f where f.school_code = $1 and f.activity_id = a.id
                                    and f.saved_at is not null and f.removed_at is null)
                      and not exists (select from portfolio.activity_selection s
                                       where s.school_code = $1 and s.activity_id = a.id)) as "selectable_activities!",
                  (select count(*) from counseling.record_student g
                     join counseling.record k on k.school_code = $1 and k.id = g.record_id and k.removed_at is null
                    where g.school_code = $1 and g.student_id = $2) as "counselling!",
                  (select count(distinct (b.academic_year, w.kind)) from submission.receipt_row w
                     join submission.receipt_part p using (school_code, receipt_batch_id, roster_code, term)
                     join submission.receipt_batch b on b.school_code = $1 and b.id = w.receipt_batch_id
                    where w.school_code = $1 and w.student_id = $2 and p.superseded_at is null
                      and b.academic_year = any($5)
                      and not exists (select from submission.receipt_confirmation x where x.school_code = $1
                            and x.student_id = $2 and x.academic_year = b.academic_year and x.kind = w.kind)) as "receipts!",
                  coalesce((select bytes_used from portfolio.student_storage
                             where school_code = $1 and student_id = $2), 0) as "bytes_used!",
                  (select count(*) from portfolio.message m
                    where m.school_code = $1 and m.student_id = $2 and m.read_at is null) as "unread!",
                  (select coalesce(jsonb_agg(to_jsonb(y) order by y.year desc), '[]') from (
                     select academic_year as year, count(outcome_id) as outcomes, count(activity_id) as activities from (
                       select academic_year, outcome_id, null::bigint as activity_id from portfolio.outcome_selection
                        where school_code = $1 and student_id = $2
                       union all
                       select academic_year, null, activity_id from portfolio.activity_selection
                        where school_code = $1 and student_id = $2) chosen
                      group by academic_year) y) as "selected!: Json<Vec<Selected>>",
                  (select coalesce(jsonb_agg(to_jsonb(m) order by m.created_at desc, m.id desc), '[]') from (
                     select id, body, created_at from portfolio.message
                      where school_code = $1 and student_id = $2 and read_at is null
                      order by created_at desc, id desc limit $6) m) as "messages!: Json<Vec<Unread>>",
                  (select to_jsonb(r) from school.ruleset r where r.academic_year <= $3
                    order by r.academic_year desc limit 1) as numbers,
                  (select to_jsonb(o) from school.ruleset_override o
                    where o.school_code = $1 and o.academic_year = $3) as own
             from mine"#,
        school.as_str(),
        student.get(),
        year.get(),
        now,
        confirming,
        SHOWN
    )
    .fetch_one(tx.conn())
    .await?;
    let mut selected = row.selected.0;
    if !selected.iter().any(|of| of.year == year) {
        selected.push(Selected { year, outcomes: 0, activities: 0 });
        selected.sort_by_key(|of| std::cmp::Reverse(of.year));
    }
    let of_year = selected.iter().find(|of| of.year == year);
    let counts = Counts {
        courses: row.courses,
        outcomes: row.outcomes,
        outcomes_of_year: row.outcomes_of_year,
        drafts: row.drafts,
        ready: row.ready,
        waiting: row.waiting,
        failed: row.failed,
        selectable: row.selectable,
        activities: row.activities,
        selectable_activities: row.selectable_activities,
        counselling: row.counselling,
        receipts: row.receipts,
        bytes_used: row.bytes_used,
        unread: row.unread,
        selected_outcomes: of_year.map_or(0, |of| of.outcomes),
        selected_activities: of_year.map_or(0, |of| of.activities),
        selected,
    };
    let rules = store::rules::numbers(year, row.numbers, row.own)?;
    Ok(Cabinet { rules, counts, messages: row.messages.0 })
}
