//! The SQL of outcomes.

use kernel::{
    calendar::{AcademicYear, Term},
    ids::{CourseRecordId, OutcomeId, StudentId},
};
use sqlx::types::Json;
use store::{Error, TenantTx};
use time::OffsetDateTime;

use super::{Course, Decision, Outcome, Request, Submission};
use crate::file::File;

/// Which of the student's outcomes.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// Those of one year.
    Of(AcademicYear),
    /// One.
    One(OutcomeId),
}

/// Reads outcomes with all that their state derives from, newest term first.
pub(crate) async fn find(tx: &mut TenantTx, student: StudentId, which: Which) -> Result<Vec<Outcome>, Error> {
    let school = tx.school();
    let (id, year) = match which {
        Which::Of(year) => (None, Some(year.get())),
        Which::One(id) => (Some(id.get()), None),
    };
    let rows = sqlx::query!(
        r#"select o.id, o.summary, o.version,
                  c.id as course_id, c.academic_year, c.term, c.subject_name, c.course_code, c.kind, c.credits, c.section_id,
                  c.withdrawn_at is not null as "is_withdrawn!",
                  exists (select from school.section_teacher t
                           where t.school_code = $1 and t.section_id = c.section_id and t.certifies) as "has_certifier!",
                  r.id as "request_id?",
                  exists (select from certification.opening p
                           where p.school_code = $1 and p.request_id = r.id) as "opened!",
                  d.id as "decision_id?", d.passed as "passed?", d.reason as "reason?", d.publish_at as "publish_at?",
                  exists (select from portfolio.outcome_selection s
                           where s.school_code = $1 and s.outcome_id = o.id) as "selected!",
                  (select case
                       -- a report ends the confirmation, so one that is there is the newer word
                       when exists (select from submission.receipt_confirmation x where x.school_code = $1
                          and x.student_id = $2 and x.academic_year = b.academic_year and x.kind = 'outcome') then 'confirmed'
                       when exists (select from submission.receipt_dispute x where x.school_code = $1
                          and x.student_id = $2 and x.academic_year = b.academic_year and x.kind = 'outcome') then 'disputed'
                       else 'submitted' end
                     from submission.roster_row w
                     join submission.batch b on b.school_code = $1 and b.id = w.batch_id
                    where w.school_code = $1 and w.student_id = $2 and w.item = 'outcome:' || o.id
                      and b.state in ('notified', 'accepted', 'receipt_ready')
                      -- a later attempt that was accepted replaces an earlier one, with what was taken back since
                      and not exists (select from submission.batch n where n.school_code = $1
                         and n.academic_year = b.academic_year and n.term = b.term and n.roster_code = b.roster_code
                         and n.id > b.id and n.state in ('accepted', 'receipt_ready')) limit 1) as submission,
                  (select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'slot', f.slot, 'name', f.name,
                            'size', coalesce(f.size, f.declared_size), 'media_type', f.media_type,
                            'sha256', encode(f.sha256, 'hex'), 'saved_at', f.saved_at,
                            'verified_at', greatest(f.verified_at, (select k.verified_at from app.stored_object k
                               where k.school_code = $1 and k.sha256 = f.sha256)),
                            'bad_copies', (select count(distinct x.copy) from app.storage_case x
                               where x.school_code = $1 and x.sha256 = f.sha256 and x.healed_at is null
                                 and x.what <> 'orphaned')) order by f.slot, f.id), '[]')
                     from portfolio.file f
                    where f.school_code = $1 and f.outcome_id = o.id
                      and f.removed_at is null and f.refused_at is null) as "files!: Json<Vec<File>>"
             from portfolio.outcome o
             join school.course_record c on c.school_code = $1 and c.id = o.course_record_id
             left join lateral (
                  select q.id from portfolio.certification_request q
                   where q.school_code = $1 and q.outcome_id = o.id and q.withdrawn_at is null
                   order by q.attempt desc limit 1) r on true
             left join certification.decision d on d.school_code = $1 and d.request_id = r.id and d.revoked_at is null
            where o.school_code = $1 and o.student_id = $2
              and ($3::bigint is null or o.id = $3) and ($4::smallint is null or o.academic_year = $4)
            order by o.academic_year desc, o.term desc, c.subject_name, o.id"#,
        school.as_str(),
        student.get(),
        id,
        year
    )
    .fetch_all(tx.conn())
    .await?;
    let outcomes = rows.into_iter().map(|row| {
        let decision = |id| Decision {
            id,
            passed: row.passed.unwrap_or(false),
            reason: row.reason.clone().unwrap_or_default(),
            publish_at: row.publish_at,
        };
        Outcome {
            id: row.id.into(),
            course: Course {
                id: row.course_id.into(),
                year: AcademicYear::new(row.academic_year).unwrap_or(AcademicYear::FIRST),
                term: Term::new(row.term).unwrap_or(Term::FIRST),
                subject: row.subject_name,
                code: row.course_code,
                kind: row.kind,
                credits: row.credits,
                section: row.section_id.map(Into::into),
                has_certifier: row.has_certifier,
                is_withdrawn: row.is_withdrawn,
            },
            summary: row.summary,
            version: row.version,
            files: row.files.0,
            request: row.request_id.map(|_| Request { opened: row.opened }),
            decision: row.decision_id.map(decision),
            is_selected: row.selected,
            submission: Submission::from_word(row.submission.as_deref()),
        }
    });
    Ok(outcomes.collect())
}

/// One outcome of the student.
pub(crate) async fn find_one(tx: &mut TenantTx, student: StudentId, id: OutcomeId) -> Result<Option<Outcome>, Error> {
    Ok(find(tx, student, Which::One(id)).await?.pop())
}

/// The courses that the student takes or took, newest term first; all of them, or one. What the school took away is
/// there while it has outcomes: they are not lost from sight, and one that is selected must be found to be unselected.
pub(crate) async fn courses(
    tx: &mut TenantTx,
    student: StudentId,
    one: Option<CourseRecordId>,
) -> Result<Vec<Course>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"select c.id, c.academic_year, c.term, c.subject_name, c.course_code, c.kind, c.credits, c.section_id,
                  c.withdrawn_at is not null as "is_withdrawn!",
                  exists (select from school.section_teacher t
                           where t.school_code = $1 and t.section_id = c.section_id and t.certifies) as "has_certifier!"
             from school.course_record c
            where c.school_code = $1 and c.student_id = $2 and ($3::bigint is null or c.id = $3)
              and (c.withdrawn_at is null or exists (select from portfolio.outcome o
                                                      where o.school_code = $1 and o.course_record_id = c.id))
            order by c.academic_year desc, c.term desc, c.course_code"#,
        school.as_str(),
        student.get(),
        one.map(CourseRecordId::get)
    )
    .fetch_all(tx.conn())
    .await?;
    let course = rows.into_iter().map(|row| Course {
        id: row.id.into(),
        year: AcademicYear::new(row.academic_year).unwrap_or(AcademicYear::FIRST),
        term: Term::new(row.term).unwrap_or(Term::FIRST),
        subject: row.subject_name,
        code: row.course_code,
        kind: row.kind,
        credits: row.credits,
        section: row.section_id.map(Into::into),
        has_certifier: row.has_certifier,
        is_withdrawn: row.is_withdrawn,
    });
    Ok(course.collect())
}

/// Outcomes in use: of the course's term, and of the course itself.
pub(crate) async fn used(tx: &mut TenantTx, student: StudentId, course: &Course) -> Result<(i64, i64), Error> {
    let school = tx.school();
    let used = sqlx::query!(
        r#"select coalesce((select uploaded::bigint from portfolio.student_counter
                             where school_code = $1 and student_id = $2 and academic_year = $3 and term = $4), 0) as "term!",
                  (select count(*) from portfolio.outcome where school_code = $1 and course_record_id = $5) as "subject!""#,
        school.as_str(),
        student.get(),
        course.year.get(),
        course.term.get(),
        course.id.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((used.term, used.subject))
}

/// Counts one more outcome of the term, unless there are `limit` already: false. The row lock is the queue.
pub(crate) async fn count_up(
    tx: &mut TenantTx,
    student: StudentId,
    course: &Course,
    limit: i64,
) -> Result<bool, Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "insert into portfolio.student_counter as k (school_code, student_id, academic_year, term, uploaded)
         values ($1, $2, $3, $4, 1)
         on conflict (school_code, student_id, academic_year, term)
         do update set uploaded = k.uploaded + 1 where k.uploaded < $5",
        school.as_str(),
        student.get(),
        course.year.get(),
        course.term.get(),
        i16::try_from(limit).unwrap_or(i16::MAX)
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes one off again.
pub(crate) async fn count_down(tx: &mut TenantTx, student: StudentId, course: &Course) -> Result<(), Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "update portfolio.student_counter set uploaded = uploaded - 1
          where school_code = $1 and student_id = $2 and academic_year = $3 and term = $4",
        school.as_str(),
        student.get(),
        course.year.get(),
        course.term.get()
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Writes a draft into the course's first free place of `limit`; `None`: all are taken.
///
/// The place is part of a unique key, so that no race passes the limit (tenancy §5).
pub(crate) async fn insert(
    tx: &mut TenantTx,
    student: StudentId,
    course: &Course,
    summary: &str,
    limit: i64,
) -> Result<Option<OutcomeId>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        "insert into portfolio.outcome (school_code, student_id, course_record_id, academic_year, term, subject_slot,
                                        summary, created_at, updated_at)
         select $1, $2, $3, $4, $5, min(place), $6, $7, $7 from generate_series(1, $8::integer) place
          where not exists (select from portfolio.outcome o where o.school_code = $1
                              and o.course_record_id = $3 and o.subject_slot = place)
         having min(place) is not null
         on conflict (school_code, course_record_id, subject_slot) do nothing
         returning id",
        school.as_str(),
        student.get(),
        course.id.get(),
        course.year.get(),
        course.term.get(),
        summary,
        now,
        i32::try_from(limit).unwrap_or(i32::MAX).min(30)
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(id.map(Into::into))
}

/// Changes the summary of the version that the student saw.
pub(crate) async fn update(tx: &mut TenantTx, id: OutcomeId, version: i32, summary: &str) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.outcome set summary = $4, version = version + 1, updated_at = $5
          where school_code = $1 and id = $2 and version = $3",
        school.as_str(),
        id.get(),
        version,
        summary,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Deletes a draft with its files' rows and withdrawn requests; says how many bytes come free.
pub(crate) async fn delete(tx: &mut TenantTx, id: OutcomeId) -> Result<i64, Error> {
    let school = tx.school();
    let (school, id) = (school.as_str(), id.get());
    sqlx::query!(
        "delete from portfolio.upload_receipt where school_code = $1
            and file_id in (select f.id from portfolio.file f where f.school_code = $1 and f.outcome_id = $2)",
        school,
        id
    )
    .execute(tx.conn())
    .await?;
    let bytes = sqlx::query_scalar!(
        r#"with gone as (delete from portfolio.file where school_code = $1 and outcome_id = $2 returning *)
           select coalesce(sum(coalesce(size, declared_size))
                    filter (where removed_at is null and refused_at is null), 0)::bigint as "bytes!" from gone"#,
        school,
        id
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "delete from portfolio.certification_request where school_code = $1 and outcome_id = $2 and withdrawn_at is not null",
        school,
        id
    )
    .execute(tx.conn())
    .await?;
    let done = sqlx::query!("delete from portfolio.outcome where school_code = $1 and id = $2", school, id)
        .execute(tx.conn())
        .await?;
    tx.expect_one(done.rows_affected())?;
    Ok(bytes)
}

/// One sending, for the history of an outcome.
pub(crate) struct Sending {
    pub(crate) sent_at: OffsetDateTime,
    pub(crate) withdrawn_at: Option<OffsetDateTime>,
    pub(crate) opened_at: Option<OffsetDateTime>,
    pub(crate) decision: Option<Decided>,
}

/// A published decision.
pub(crate) struct Decided {
    pub(crate) passed: bool,
    pub(crate) reason: String,
    pub(crate) at: OffsetDateTime,
    pub(crate) by: String,
}

/// Every sending of an outcome, the latest first. Decisions that the student may not know yet are not read at all.
pub(crate) async fn history(tx: &mut TenantTx, id: OutcomeId) -> Result<Vec<Sending>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let rows = sqlx::query!(
        r#"select r.sent_at, r.withdrawn_at,
                  (select min(p.opened_at) from certification.opening p
                    where p.school_code = $1 and p.request_id = r.id) as opened_at,
                  d.passed as "passed?", d.reason as "reason?", d.publish_at as "publish_at?", t.name as "teacher?"
             from portfolio.certification_request r
             left join certification.decision d on d.school_code = $1 and d.request_id = r.id
                   and d.revoked_at is null and d.publish_at <= $3
             left join school.staff t on t.school_code = $1 and t.id = d.decided_by
            where r.school_code = $1 and r.outcome_id = $2
            order by r.attempt desc"#,
        school.as_str(),
        id.get(),
        now
    )
    .fetch_all(tx.conn())
    .await?;
    let sending = rows.into_iter().map(|row| Sending {
        sent_at: row.sent_at,
        withdrawn_at: row.withdrawn_at,
        opened_at: row.opened_at,
        decision: row.publish_at.map(|at| Decided {
            passed: row.passed.unwrap_or(false),
            reason: row.reason.unwrap_or_default(),
            at,
            by: row.teacher.unwrap_or_default(),
        }),
    });
    Ok(sending.collect())
}
