//! The SQL of the desk.

use kernel::{
    codes::EnrolmentKind,
    ids::{CertificationRequestId, StaffId},
};
use std::collections::HashMap;
use store::{Error, TenantTx};
use time::OffsetDateTime;

use super::{Age, Decided, Filter, Standing, Status, Years, slot};
use crate::preview::File;

/// Rows of one page of the queue.
pub(crate) const PAGE: i64 = 40;

/// Something to narrow the queue by.
#[derive(serde::Deserialize)]
pub(crate) struct Choice {
    pub(crate) id: i64,
    pub(crate) label: String,
}

/// The queue but for its rows: counts over everything on the desk, what it can be narrowed by, and the requests of
/// one page.
#[derive(Default)]
pub(crate) struct Overview {
    /// Without a decision, opened or not.
    pub(crate) waiting: i64,
    pub(crate) opened: i64,
    pub(crate) unpublished: i64,
    pub(crate) passed: i64,
    pub(crate) failed: i64,
    pub(crate) overdue: i64,
    /// The latest batch whose publication has not come.
    pub(crate) batch: Option<i64>,
    pub(crate) classes: Vec<Choice>,
    pub(crate) courses: Vec<Choice>,
    /// In which the teacher certifies courses, the newest first.
    pub(crate) years: Vec<i16>,
    /// Requests within the filter, on all pages.
    pub(crate) total: i64,
    /// Those of the page.
    pub(crate) page: Vec<Listed>,
}

/// A request of the page and where it stands.
pub(crate) struct Listed {
    pub(crate) id: i64,
    pub(crate) status: Status,
    pub(crate) decision_id: Option<i64>,
    pub(crate) passed: Option<bool>,
    pub(crate) decided_at: Option<OffsetDateTime>,
}

/// Counts, choices and the page's requests in one statement, so that a desk of hundreds is gone through once, and only
/// the courses of the years that are asked for ([`Years`]). What waits comes first, the oldest on top; then what was
/// decided, the newest on top.
pub(crate) async fn overview(tx: &mut TenantTx, staff: StaffId, filter: &Filter) -> Result<Overview, Error> {
    let (school, now, years) = (tx.school(), tx.now(), filter.years());
    let found = sqlx::query!(
        r#"with taught as materialized (
             select t.section_id, e.academic_year
               from school.section_teacher t
               join school.section e on e.school_code = $1 and e.id = t.section_id
              where t.school_code = $1 and t.staff_id = $2 and t.certifies),
           mine as materialized (
             select d.request_id as id, d.student_id, d.section_id, d.academic_year, d.sent_at, d.decided_at,
                    d.decision_id, d.passed, d.batch_id, d.publish_at,
                    case when d.decision_id is not null
                         then case when d.publish_at is null or d.publish_at > $3 then 'unpublished'
                                   when d.passed then 'passed' else 'failed' end
                         -- looked up only where it matters: most of a desk is decided
                         when exists (select from certification.opening o where o.school_code = $1
                                         and o.request_id = d.request_id and o.staff_id = $2) then 'opened'
                         else 'waiting' end as status
               from taught
              -- course by course: the offset keeps the planner from reading every year's requests first
              cross join lateral (
                select request_id, student_id, section_id, academic_year, sent_at, decided_at, decision_id, passed,
                       batch_id, publish_at
                  from certification.desk
                 where school_code = $1 and staff_id = $2 and section_id = taught.section_id offset 0) d
              where taught.academic_year between $9 and $10
                 or $11 and taught.academic_year in (
                    select w.academic_year from school.window_period w
                     where w.school_code = $1 and w.kind = 'outcome_certify'
                       and w.opens_at <= $3 and w.closes_at > $3)),
           wanted as materialized (
             select id, decision_id, decided_at, passed, status,
                    row_number() over (order by decision_id is not null, decided_at desc, sent_at, id) as place
               from mine
              where ($4::text is null or status = $4 or ($4 = 'waiting' and status = 'opened'))
                and ($5::bigint is null or student_id in (
                     select s.id from school.student s where s.school_code = $1 and s.class_id = $5))
                and ($6::bigint is null or section_id = $6)),
           page as materialized (
             select * from wanted where place > $7::bigint and place <= $7 + $8::bigint order by place)
           select count(*) filter (where decision_id is null) as "waiting!",
                  count(*) filter (where status = 'opened') as "opened!",
                  count(*) filter (where status = 'unpublished') as "unpublished!",
                  count(*) filter (where status = 'passed') as "passed!",
                  count(*) filter (where status = 'failed') as "failed!",
                  (select count(*) from mine m
                     left join school.ruleset r on r.academic_year = m.academic_year
                     left join school.ruleset_override o on o.school_code = $1 and o.academic_year = m.academic_year
                    where m.decision_id is null
                      and m.sent_at + make_interval(hours => coalesce(o.certify_hours, r.certify_hours, 48)) < $3)
                    as "overdue!",
                  max(batch_id) filter (where publish_at > $3) as batch,
                  (select count(*) from wanted) as "total!",
                  array(select id from page) as "ids!",
                  array(select status from page) as "statuses!",
                  array(select decision_id from page) as "decisions!: Vec<Option<i64>>",
                  array(select passed from page) as "passes!: Vec<Option<bool>>",
                  array(select decided_at from page) as "moments!: Vec<Option<OffsetDateTime>>",
                  (select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'label', c.name) order by c.code), '[]')
                     from school.class c
                    where c.school_code = $1 and c.id in (
                          select s.class_id from school.student s
                           where s.school_code = $1 and s.id in (select student_id from mine))) as "classes!",
                  (select coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'label', e.academic_year || '-' || e.term
                            || ' ' || e.subject_name || ' ' || e.name)
                            order by e.academic_year desc, e.term desc, e.subject_name, e.name), '[]')
                     from school.section e
                    where e.school_code = $1 and e.id in (select section_id from mine)) as "courses!",
                  array(select distinct academic_year from taught order by academic_year desc) as "years!"
           from mine"#,
        school.as_str(),
        staff.get(),
        now,
        filter.status().map(Status::code),
        filter.class(),
        filter.section(),
        (filter.page() - 1) * PAGE,
        PAGE,
        years.first(now),
        years.last(),
        years == Years::Acting
    )
    .fetch_one(tx.conn())
    .await?;
    let decided = found.decisions.into_iter().zip(found.passes).zip(found.moments);
    let page = found.ids.into_iter().zip(found.statuses).zip(decided);
    let page = page.map(|((id, status), ((decision_id, passed), decided_at))| Listed {
        id,
        status: Status::of(&status).unwrap_or(Status::Waiting),
        decision_id,
        passed,
        decided_at,
    });
    Ok(Overview {
        waiting: found.waiting,
        opened: found.opened,
        unpublished: found.unpublished,
        passed: found.passed,
        failed: found.failed,
        overdue: found.overdue,
        batch: found.batch,
        classes: choices(found.classes)?,
        courses: choices(found.courses)?,
        years: found.years,
        total: found.total,
        page: page.collect(),
    })
}

fn choices(value: serde_json::Value) -> Result<Vec<Choice>, Error> {
    serde_json::from_value(value).map_err(|error| Error::Database(sqlx::Error::Decode(Box::new(error))))
}

/// One row of the queue but for where it stands.
pub(crate) struct Row {
    pub(crate) id: CertificationRequestId,
    pub(crate) academic_year: i16,
    pub(crate) class_name: String,
    pub(crate) seat_no: Option<i16>,
    pub(crate) student_name: String,
    pub(crate) subject_name: String,
    pub(crate) credits: i16,
    pub(crate) by_period: bool,
    pub(crate) kind: i16,
    pub(crate) has_document: bool,
    pub(crate) has_media: bool,
    pub(crate) sent_at: OffsetDateTime,
    pub(crate) certify_hours: i16,
}

impl Row {
    pub(crate) fn study_mode(&self) -> &'static str {
        study_mode(self.kind)
    }

    /// How long it has waited.
    pub(crate) fn age(&self, now: &OffsetDateTime) -> Age {
        Age::new(self.sent_at, *now, i64::from(self.certify_hours))
    }
}

/// The rows of one page, in the queue's order. What [`overview`] found on the teacher's desk is not looked for again.
pub(crate) async fn list(tx: &mut TenantTx, page: Vec<Listed>) -> Result<Vec<(Listed, Row)>, Error> {
    let school = tx.school();
    let ids: Vec<i64> = page.iter().map(|listed| listed.id).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select q.id, q.academic_year, coalesce(c.name, '') as "class_name!", s.seat_no, s.name as student_name,
                  cr.subject_name, cr.credits, cr.kind,
                  exists (select from school.school where school_code = $1 and unit_kind = 'period') as "by_period!",
                  q.document_sha256 is not null as "has_document!", q.media_sha256 is not null as "has_media!", q.sent_at,
                  coalesce(o.certify_hours, r.certify_hours, 48::smallint) as "certify_hours!"
             from portfolio.certification_request q
             join school.student s on s.school_code = $1 and s.id = q.student_id
             left join school.class c on c.school_code = $1 and c.id = s.class_id
             join school.course_record cr on cr.school_code = $1 and cr.id = q.course_record_id
             left join school.ruleset r on r.academic_year = q.academic_year
             left join school.ruleset_override o on o.school_code = $1 and o.academic_year = q.academic_year
            where q.school_code = $1 and q.id = any($2)"#,
        school.as_str(),
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    let mut rows: HashMap<i64, Row> = rows.into_iter().map(|row| (row.id.get(), row)).collect();
    Ok(page.into_iter().filter_map(|listed| rows.remove(&listed.id).map(|row| (listed, row))).collect())
}

/// A request with everything that its page shows.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) standing: Standing,
    pub(crate) attempt: i16,
    pub(crate) class_name: String,
    pub(crate) seat_no: Option<i16>,
    pub(crate) student_name: String,
    pub(crate) subject_name: String,
    pub(crate) section_name: String,
    pub(crate) credits: i16,
    pub(crate) by_period: bool,
    pub(crate) kind: i16,
    pub(crate) summary: String,
    pub(crate) sent_at: OffsetDateTime,
    pub(crate) reason: String,
    pub(crate) batch: Option<i64>,
}

impl Item {
    pub(crate) fn study_mode(&self) -> &'static str {
        study_mode(self.kind)
    }
}

/// 學期, 重修, … (F-069)
fn study_mode(kind: i16) -> &'static str {
    EnrolmentKind::try_from(kind).map_or("—", EnrolmentKind::label)
}

/// As the statement of [`find`] gives it.
struct Found {
    id: i64,
    outcome_id: i64,
    attempt: i16,
    student_id: i64,
    academic_year: i16,
    term: i16,
    sent_at: OffsetDateTime,
    opened_at: Option<OffsetDateTime>,
    decision_id: Option<i64>,
    batch_id: Option<i64>,
    passed: Option<bool>,
    reason: Option<String>,
    decided_at: Option<OffsetDateTime>,
    publish_at: Option<OffsetDateTime>,
    selected: bool,
    class_name: String,
    seat_no: Option<i16>,
    grade: i16,
    student_name: String,
    subject_name: String,
    section_name: String,
    credits: i16,
    kind: i16,
    by_period: bool,
    summary: String,
}

impl Found {
    fn item(self) -> Result<Item, Error> {
        let unreadable = || Error::Database(sqlx::Error::Decode("a year or term outside the calendar".into()));
        let decided = match (self.decision_id, self.passed, self.decided_at) {
            (Some(id), Some(passed), Some(at)) => {
                Some(Decided { id: id.into(), passed, at, publish_at: self.publish_at, selected: self.selected })
            }
            _ => None,
        };
        let standing = Standing {
            id: self.id.into(),
            outcome: self.outcome_id.into(),
            student: self.student_id.into(),
            slot: slot(self.academic_year, self.term, self.grade).ok_or_else(unreadable)?,
            opened_at: self.opened_at,
            decided,
        };
        Ok(Item {
            standing,
            attempt: self.attempt,
            class_name: self.class_name,
            seat_no: self.seat_no,
            student_name: self.student_name,
            subject_name: self.subject_name,
            section_name: self.section_name,
            credits: self.credits,
            by_period: self.by_period,
            kind: self.kind,
            summary: self.summary,
            sent_at: self.sent_at,
            reason: self.reason.unwrap_or_default(),
            batch: self.batch_id,
        })
    }
}

/// The requests of these numbers that lie on the teacher's desk, in the order of sending.
pub(crate) async fn find(
    tx: &mut TenantTx,
    staff: StaffId,
    ids: &[CertificationRequestId],
) -> Result<Vec<Item>, Error> {
    let school = tx.school();
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let rows = sqlx::query_as!(
        Found,
        r#"select d.request_id as "id!", d.outcome_id as "outcome_id!", d.attempt as "attempt!",
                  d.student_id as "student_id!", d.academic_year as "academic_year!", d.term as "term!",
                  d.sent_at as "sent_at!", d.opened_at, d.decision_id, d.batch_id, d.passed, d.reason, d.decided_at,
                  d.publish_at, d.selected as "selected!", coalesce(c.name, '') as "class_name!", s.seat_no,
                  s.grade, s.name as student_name, cr.subject_name, e.name as section_name, cr.credits,
                  cr.kind, p.unit_kind = 'period' as "by_period!", u.summary
             from certification.desk d
             join school.student s on s.school_code = $1 and s.id = d.student_id
             left join school.class c on c.school_code = $1 and c.id = s.class_id
             join school.course_record cr on cr.school_code = $1 and cr.id = d.course_record_id
             join school.section e on e.school_code = $1 and e.id = d.section_id
             join school.school p on p.school_code = $1
             join portfolio.outcome u on u.school_code = $1 and u.id = d.outcome_id
            where d.school_code = $1 and d.staff_id = $2 and d.request_id = any($3)
            order by d.sent_at, d.request_id"#,
        school.as_str(),
        staff.get(),
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Found::item).collect()
}

/// One request on the teacher's desk.
pub(crate) async fn find_one(
    tx: &mut TenantTx,
    staff: StaffId,
    id: CertificationRequestId,
) -> Result<Option<Item>, Error> {
    Ok(find(tx, staff, &[id]).await?.pop())
}

/// Whether the student has taken back a request that was this teacher's to decide: then it is stale, not unknown.
pub(crate) async fn was_withdrawn(
    tx: &mut TenantTx,
    staff: StaffId,
    ids: &[CertificationRequestId],
) -> Result<bool, Error> {
    let school = tx.school();
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let withdrawn = sqlx::query_scalar!(
        r#"select exists (select from portfolio.certification_request q
                    join school.section_teacher t on t.school_code = $1 and t.section_id = q.section_id
                   where q.school_code = $1 and q.id = any($3) and q.withdrawn_at is not null
                     and t.staff_id = $2 and t.certifies) as "withdrawn!""#,
        school.as_str(),
        staff.get(),
        &ids
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(withdrawn)
}

/// The files of a request, as they were when it was sent.
pub(crate) async fn files(tx: &mut TenantTx, staff: StaffId, id: CertificationRequestId) -> Result<Vec<File>, Error> {
    let school = tx.school();
    let files = sqlx::query_as!(
        File,
        r#"select distinct on (f.slot) f.slot, f.name, f.size as "size!", f.media_type as "media_type!",
                  f.sha256 as "sha256!"
             from certification.desk d
             join portfolio.file f on f.school_code = $1 and f.outcome_id = d.outcome_id and f.saved_at is not null
              and f.sha256 = case f.slot when 1 then d.document_sha256 else d.media_sha256 end
            where d.school_code = $1 and d.staff_id = $2 and d.request_id = $3
            order by f.slot, f.id desc"#,
        school.as_str(),
        staff.get(),
        id.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(files)
}

/// The undecided requests before and after one, and how many there are.
#[derive(Default)]
pub(crate) struct Neighbours {
    pub(crate) previous: Option<i64>,
    pub(crate) next: Option<i64>,
    pub(crate) waiting: i64,
}

/// What comes before and after in the order of sending, within the request's year and the filter's class and course.
pub(crate) async fn neighbours(
    tx: &mut TenantTx,
    staff: StaffId,
    item: &Item,
    filter: &Filter,
) -> Result<Neighbours, Error> {
    let school = tx.school();
    let found = sqlx::query_as!(
        Neighbours,
        r#"with waiting as materialized (
             select d.sent_at, d.request_id as id from certification.desk d
               join school.student s on s.school_code = $1 and s.id = d.student_id
              where d.school_code = $1 and d.staff_id = $2 and d.decision_id is null
                and d.academic_year = $7
                and ($5::bigint is null or s.class_id = $5) and ($6::bigint is null or d.section_id = $6))
           select (select id from waiting where (sent_at, id) < ($3, $4) order by sent_at desc, id desc limit 1)
                    as previous,
                  (select id from waiting where (sent_at, id) > ($3, $4) order by sent_at, id limit 1) as next,
                  (select count(*) from waiting) as "waiting!""#,
        school.as_str(),
        staff.get(),
        item.sent_at,
        item.standing.id.get(),
        filter.class(),
        filter.section(),
        item.standing.slot.year.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Notes that the teacher opened the files. False: it was noted before.
///
/// The row comes first: its foreign key waits for a withdrawal that has locked the request, and the look at the
/// desk afterwards sees what came of it.
pub(crate) async fn open(tx: &mut TenantTx, staff: StaffId, id: CertificationRequestId) -> Result<bool, Error> {
    let (school, now) = (tx.school(), tx.now());
    let inserted = sqlx::query!(
        "insert into certification.opening (school_code, request_id, staff_id, opened_at) values ($1, $2, $3, $4)
         on conflict do nothing",
        school.as_str(),
        id.get(),
        staff.get(),
        now
    )
    .execute(tx.conn())
    .await?;
    let still_there = find_one(tx, staff, id).await?.is_some();
    if still_there { Ok(inserted.rows_affected() == 1) } else { Err(Error::Stale) }
}
