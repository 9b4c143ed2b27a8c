//! Reads what rosters are made from: one statement a roster, never one a row.
//!
//! A cohort is told by the grade of the roster's year, not by today's: in August everybody is a grade further. The
//! grade that a student bears is that of the class's year (without a class, of the year that entry and grade make).

use super::{
    Roster, RosterCode,
    facts::{Certification, Facts, File, Item, ItemRef, Standing, Student, Value},
    template::{Column, Sheet, Template},
};
use kernel::{
    calendar::{AcademicYear, RosterTerm, taipei_date},
    ids::StudentId,
    school::SchoolCode,
    secrets::Keys,
};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use store::{Error, TenantTx};
use time::{Date, OffsetDateTime};

/// The layout of a roster that holds for a year; `None`: there is none.
pub(crate) async fn template(tx: &mut TenantTx, roster: Roster, year: AcademicYear) -> Result<Option<Template>, Error> {
    let version = sqlx::query_scalar!(
        "select max(version) from submission.roster_template where roster_code = $1 and from_year <= $2",
        roster.code(),
        year.get()
    )
    .fetch_one(tx.conn())
    .await?;
    match version {
        Some(version) => of_version(tx, roster, version).await.map(Some),
        None => Ok(None),
    }
}

/// The layout that a batch was built by.
pub(crate) async fn of_version(tx: &mut TenantTx, roster: Roster, version: i16) -> Result<Template, Error> {
    let rows = sqlx::query!(
        "select sheet_no, sheet, holds, columns from submission.roster_template
         where roster_code = $1 and version = $2 order by sheet_no",
        roster.code(),
        version
    )
    .fetch_all(tx.conn())
    .await?;
    let sheet = |row: &Json| serde_json::from_value::<Vec<Column>>(row.clone());
    let sheets = rows.into_iter().map(|row| {
        let columns = sheet(&row.columns).map_err(|error| Error::Database(sqlx::Error::Decode(Box::new(error))))?;
        Ok(Sheet { no: row.sheet_no, name: row.sheet, holds: row.holds, columns })
    });
    Ok(Template { version, sheets: sheets.collect::<Result<_, Error>>()? })
}

/// What a batch is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) code: RosterCode,
    pub(crate) year: AcademicYear,
    /// 0 for yearly rosters.
    pub(crate) term: RosterTerm,
}

/// Everything a roster holds, with the students' national ids opened.
pub(crate) async fn facts(tx: &mut TenantTx, keys: &Keys, scope: &Scope) -> Result<Facts, Error> {
    let items = match scope.code.roster {
        Roster::Outcomes | Roster::EveningOutcomes => outcomes(tx, scope).await?,
        Roster::Activities => activities(tx, scope).await?,
        Roster::Cadres => cadres(tx, scope).await?,
    };
    let ids: BTreeSet<StudentId> = items.iter().map(|item| item.student).collect();
    let students = students(tx, keys, &ids, scope.year).await?;
    Ok(Facts { students, items })
}

struct StudentRow {
    id: i64,
    student_no: String,
    name: String,
    national_id_sealed: Vec<u8>,
    birth_date: Date,
    class_id: Option<i64>,
    class_name: String,
    seat_no: Option<i16>,
    status_code: String,
    status_date: Option<Date>,
    left_at: Option<OffsetDateTime>,
}

async fn students(
    tx: &mut TenantTx,
    keys: &Keys,
    ids: &BTreeSet<StudentId>,
    year: AcademicYear,
) -> Result<BTreeMap<StudentId, Student>, Error> {
    let (school, ids): (SchoolCode, Vec<i64>) = (tx.school(), ids.iter().map(|id| id.get()).collect());
    let rows = sqlx::query_as!(
        StudentRow,
        r#"select s.id, s.student_no, s.name, s.national_id_sealed, s.birth_date, s.class_id, s.seat_no,
                  s.status_code, s.status_date, s.left_at, coalesce(c.name, '') as "class_name!"
           from school.student s left join school.class c on c.school_code = s.school_code and c.id = s.class_id
           where s.school_code = $1 and s.id = any($2)"#,
        school.as_str(),
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    let student = |row: StudentRow| Student {
        id: row.id.into(),
        number: row.student_no,
        name: row.name,
        class: row.class_id.map(Into::into),
        class_name: row.class_name,
        seat: row.seat_no,
        // one that does not open or does not check is a finding of the precheck
        national_id: keys.open(school, &row.national_id_sealed).ok().and_then(|number| number.parse().ok()),
        birth_date: row.birth_date,
        standing: Standing::of(&row.status_code, row.status_date, row.left_at.map(taipei_date), year),
    };
    Ok(rows.into_iter().map(student).map(|student| (student.id, student)).collect())
}

/// The divisions and course types that count periods and so belong to roster 28 (domain §5.1 班別, §5.13, A-37) are
/// told in the statement: the school's kind, the student's division, the tenth character of the course code.
async fn outcomes(tx: &mut TenantTx, scope: &Scope) -> Result<Vec<Item>, Error> {
    let (school, now) = (tx.school(), tx.now());
    let rows = sqlx::query!(
        r#"select o.id, o.student_id, o.summary, r.kind, r.academic_year, r.term, r.course_code, r.subject_name, r.grade, r.credits, r.orig,
                  r.withdrawn_at is not null as "is_withdrawn!",
                  d.sha256 as "document_sha256?", d.media_type as "document_type?",
                  d.size as "document_size?", m.sha256 as "media_sha256?", m.media_type as "media_type?", m.size as "media_size?",
                  coalesce(c.passed and c.revoked_at is null and c.publish_at <= $7, false) as "stands!",
                  c.document_sha256 as "certified_document?", c.media_sha256 as "certified_media?"
           from portfolio.outcome_selection sel
           join portfolio.outcome o on o.school_code = sel.school_code and o.id = sel.outcome_id
           join school.course_record r on r.school_code = o.school_code and r.id = o.course_record_id
           join school.student s on s.school_code = sel.school_code and s.id = sel.student_id
           join school.school on school.school_code = sel.school_code
           left join school.class k on k.school_code = s.school_code and k.id = s.class_id
           left join portfolio.file d on d.school_code = o.school_code and d.outcome_id = o.id and d.slot = 1
             and d.removed_at is null and d.refused_at is null and d.saved_at is not null
           left join portfolio.file m on m.school_code = o.school_code and m.outcome_id = o.id and m.slot = 2
             and m.removed_at is null and m.refused_at is null and m.saved_at is not null
           left join certification.decision c on c.school_code = sel.school_code and c.id = sel.decision_id
           where sel.school_code = $1 and sel.academic_year = $2
             and ($3::smallint is null or s.grade - (coalesce(k.academic_year, s.entry_year + s.grade - 1) - $2) = $3)
             and (school.unit_kind = 'period' or s.division in ('2', '5', '01', '04')
                  or substr(r.course_code, 10, 1) in ('C', 'F')) = $4
             and not exists (
               select from submission.batch b
               join submission.roster_row x on x.school_code = b.school_code and x.batch_id = b.id
               where b.school_code = $1 and b.academic_year = $2 and b.term = $5 and b.roster_code = any($6)
                 and b.state in ('accepted', 'receipt_ready') and x.student_id = sel.student_id
                 and x.item = 'outcome:' || o.id)
           order by s.student_no collate "C", r.kind, o.id"#,
        school.as_str(),
        scope.year.get(),
        scope.code.cohort.grade(),
        scope.code.roster == Roster::EveningOutcomes,
        scope.term.get(),
        &scope.code.siblings(),
        now
    )
    .fetch_all(tx.conn())
    .await?;
    let items = rows.into_iter().map(|row| {
        let values = [
            ("course.year", Value::Number(row.academic_year.into())),
            ("course.term", Value::Number(row.term.into())),
            // positions 4–9 of a course code are the school that issued it (domain §5.8)
            ("course.school_code", Value::Text(row.course_code.get(3..9).unwrap_or_default().to_owned())),
            ("course.course_code", Value::Text(row.course_code)),
            ("course.subject_name", Value::Text(row.subject_name.clone())),
            ("course.grade", Value::Number(row.grade.into())),
            ("course.credits", Value::Number(row.credits.into())),
            ("item.summary", Value::Text(row.summary)),
        ];
        let mut item = Item {
            reference: ItemRef::Outcome(row.id.into()),
            student: row.student_id.into(),
            kind: row.kind,
            label: row.subject_name,
            values: named(values),
            document: file(row.document_sha256, row.document_type, row.document_size),
            media: file(row.media_sha256, row.media_type, row.media_size),
            is_withdrawn: row.is_withdrawn,
            certification: Some(Certification {
                stands: row.stands,
                document_sha256: row.certified_document,
                media_sha256: row.certified_media,
            }),
        };
        item.take_fields("orig", &row.orig);
        item
    });
    Ok(items.collect())
}

async fn activities(tx: &mut TenantTx, scope: &Scope) -> Result<Vec<Item>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"select a.id, a.student_id, a.kind, a.title, a.fields, a.summary, a.external_url,
                  d.sha256 as "document_sha256?", d.media_type as "document_type?",
                  d.size as "document_size?", m.sha256 as "media_sha256?", m.media_type as "media_type?", m.size as "media_size?",
                  c.unit_name as "unit_name?", c.title as "cadre_title?", c.started_on as "started_on?",
                  c.ended_on as "ended_on?", c.level as "level?"
           from portfolio.activity_selection sel
           join portfolio.activity a on a.school_code = sel.school_code and a.id = sel.activity_id
           join school.student s on s.school_code = sel.school_code and s.id = sel.student_id
           left join school.class k on k.school_code = s.school_code and k.id = s.class_id
           left join school.cadre c on c.school_code = a.school_code and c.id = a.cadre_id
           left join portfolio.file d on d.school_code = a.school_code and d.activity_id = a.id and d.slot = 1
             and d.removed_at is null and d.refused_at is null and d.saved_at is not null
           left join portfolio.file m on m.school_code = a.school_code and m.activity_id = a.id and m.slot = 2
             and m.removed_at is null and m.refused_at is null and m.saved_at is not null
           where sel.school_code = $1 and sel.academic_year = $2
             and ($3::smallint is null or s.grade - (coalesce(k.academic_year, s.entry_year + s.grade - 1) - $2) = $3)
             and not exists (
               select from submission.batch b
               join submission.roster_row x on x.school_code = b.school_code and x.batch_id = b.id
               where b.school_code = $1 and b.academic_year = $2 and b.term = $4 and b.roster_code = any($5)
                 and b.state in ('accepted', 'receipt_ready') and x.student_id = sel.student_id
                 and x.item = 'activity:' || a.id)
           order by s.student_no collate "C", a.kind, a.id"#,
        school.as_str(),
        scope.year.get(),
        scope.code.cohort.grade(),
        scope.term.get(),
        &scope.code.siblings()
    )
    .fetch_all(tx.conn())
    .await?;
    let items = rows.into_iter().map(|row| {
        let mut item = Item {
            reference: ItemRef::Activity(row.id.into()),
            student: row.student_id.into(),
            kind: row.kind,
            label: row.title,
            values: named([("item.summary", Value::Text(row.summary))]),
            document: file(row.document_sha256, row.document_type, row.document_size),
            media: file(row.media_sha256, row.media_type, row.media_size),
            is_withdrawn: false,
            certification: None,
        };
        if let Some(url) = row.external_url {
            item.values.insert("item.external_url".to_owned(), Value::Text(url));
        }
        if let (Some(unit), Some(title), Some(start), Some(end), Some(level)) =
            (row.unit_name, row.cadre_title, row.started_on, row.ended_on, row.level)
        {
            item.values.extend(cadre_values(unit, title, (start, end), level));
        }
        item.take_fields("fields", &row.fields);
        item
    });
    Ok(items.collect())
}

/// The posts that the school recorded go without selection (domain §4.5).
async fn cadres(tx: &mut TenantTx, scope: &Scope) -> Result<Vec<Item>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"select c.id, c.student_id, c.unit_name, c.title, c.started_on, c.ended_on, c.level
           from school.cadre c
           join school.student s on s.school_code = c.school_code and s.id = c.student_id
           left join school.class k on k.school_code = s.school_code and k.id = s.class_id
           where c.school_code = $1 and c.academic_year = $2 and c.term = $3 and c.withdrawn_at is null
             and ($4::smallint is null or s.grade - (coalesce(k.academic_year, s.entry_year + s.grade - 1) - $2) = $4)
             and not exists (
               select from submission.batch b
               join submission.roster_row x on x.school_code = b.school_code and x.batch_id = b.id
               where b.school_code = $1 and b.academic_year = $2 and b.term = $3 and b.roster_code = any($5)
                 and b.state in ('accepted', 'receipt_ready') and x.student_id = c.student_id
                 and x.item = 'cadre:' || c.id)
           order by s.student_no collate "C", c.id"#,
        school.as_str(),
        scope.year.get(),
        scope.term.get(),
        scope.code.cohort.grade(),
        &scope.code.siblings()
    )
    .fetch_all(tx.conn())
    .await?;
    let items = rows.into_iter().map(|row| Item {
        reference: ItemRef::Cadre(row.id.into()),
        student: row.student_id.into(),
        kind: 1,
        label: format!("{} {}", row.unit_name, row.title),
        values: cadre_values(row.unit_name, row.title, (row.started_on, row.ended_on), row.level),
        document: None,
        media: None,
        is_withdrawn: false,
        certification: None,
    });
    Ok(items.collect())
}

fn cadre_values(unit: String, title: String, (start, end): (Date, Date), level: i16) -> BTreeMap<String, Value> {
    named([
        ("cadre.unit_name", Value::Text(unit)),
        ("cadre.title", Value::Text(title)),
        ("cadre.started_on", Value::Day(start)),
        ("cadre.ended_on", Value::Day(end)),
        ("cadre.level", Value::Number(level.into())),
    ])
}

fn named<const N: usize>(values: [(&str, Value); N]) -> BTreeMap<String, Value> {
    values.into_iter().map(|(source, value)| (source.to_owned(), value)).collect()
}

fn file(sha256: Option<Vec<u8>>, media_type: Option<String>, size: Option<i64>) -> Option<File> {
    Some(File { sha256: sha256?, media_type: media_type.unwrap_or_default(), size: size.unwrap_or_default() })
}
