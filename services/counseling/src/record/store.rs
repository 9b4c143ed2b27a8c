//! The SQL of records.

use kernel::ids::{CounsellingRecordId, StaffId, StudentId};
use store::{Error, TenantTx};
use time::Date;

use super::{
    Content, Method, Record,
    roster::{Pupil, Roster},
};
use crate::{file::File, paging};

/// What the list is narrowed to.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) method: Option<Method>,
    /// Part of the topic; empty for any.
    pub(crate) topic: String,
}

/// One line of the list.
pub(crate) struct Row {
    pub(crate) id: CounsellingRecordId,
    pub(crate) held_on: Date,
    pub(crate) place: String,
    pub(crate) topic: String,
    pub(crate) method: String,
    pub(crate) counsellor: String,
    pub(crate) has_file: bool,
    pub(crate) headcount: i64,
    /// Of all pages.
    pub(crate) total: i64,
}

impl Row {
    pub(crate) fn method_label(&self) -> &'static str {
        method(&self.method).label()
    }
}

/// The schema allows no third word.
pub(crate) fn method(code: &str) -> Method {
    Method::from_code(code).unwrap_or(Method::Group)
}

/// `%` and `_` stand for themselves in what people search for.
fn like(part: &str) -> Option<String> {
    let plain = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    (!part.is_empty()).then(|| format!("%{plain}%"))
}

/// One page of the records of one counsellor, or of the school; newest first.
pub(crate) async fn list(
    tx: &mut TenantTx,
    of: Option<StaffId>,
    search: &Search,
    page: i64,
) -> Result<Vec<Row>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Row,
        r#"select r.id, r.held_on, r.place, r.topic, r.method, t.name as counsellor,
                  r.file_name is not null as "has_file!",
                  (select count(*) from counseling.record_student x
                    where x.school_code = $1 and x.record_id = r.id) as "headcount!",
                  count(*) over () as "total!"
             from counseling.record r
             join school.staff t on t.school_code = $1 and t.id = r.staff_id
            where r.school_code = $1 and r.removed_at is null and ($2::bigint is null or r.staff_id = $2)
              and ($3::date is null or r.held_on >= $3) and ($4::date is null or r.held_on <= $4)
              and ($5::text is null or r.method = $5) and ($6::text is null or r.topic ilike $6)
            order by r.held_on desc, r.id desc limit $7 offset $8"#,
        school.as_str(),
        of.map(StaffId::get),
        search.from,
        search.to,
        search.method.map(Method::code),
        like(&search.topic),
        paging::PER_PAGE,
        paging::offset(page)
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// One record of a counsellor, or of the school, with its students.
pub(crate) async fn find(
    tx: &mut TenantTx,
    of: Option<StaffId>,
    id: CounsellingRecordId,
) -> Result<Option<Record>, Error> {
    let school = tx.school();
    let row = sqlx::query!(
        "select r.held_on, r.place, r.method, r.topic, r.content, r.version, t.name as counsellor,
                r.file_name, r.file_sha256, r.file_size, r.file_media_type
           from counseling.record r
           join school.staff t on t.school_code = $1 and t.id = r.staff_id
          where r.school_code = $1 and r.id = $2 and r.removed_at is null
            and ($3::bigint is null or r.staff_id = $3)",
        school.as_str(),
        id.get(),
        of.map(StaffId::get)
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let pupils = pupils(tx, id).await?;
    Ok(Some(Record {
        id,
        content: Content {
            held_on: row.held_on,
            place: row.place,
            method: method(&row.method),
            topic: row.topic,
            text: row.content,
            students: pupils.iter().map(|pupil| pupil.id).collect(),
        },
        counsellor: row.counsellor,
        file: File::of_row(row.file_name, row.file_sha256, row.file_size, row.file_media_type),
        version: row.version,
        pupils,
    }))
}

async fn pupils(tx: &mut TenantTx, id: CounsellingRecordId) -> Result<Vec<Pupil>, Error> {
    let school = tx.school();
    let pupils = sqlx::query_as!(
        Pupil,
        r#"select s.id, coalesce(c.name, '未編班') as "class_name!", s.seat_no, s.name
             from counseling.record_student x
             join school.student s on s.school_code = $1 and s.id = x.student_id
             left join school.class c on c.school_code = $1 and c.id = s.class_id
            where x.school_code = $1 and x.record_id = $2
            order by c.grade, c.code, c.id, s.seat_no, s.id"#,
        school.as_str(),
        id.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(pupils)
}

/// The students assigned to a counsellor, by class or one by one (F-111), or all of the school; and those who stand
/// in a record already, for an assignment ends and what was held stays true.
pub(crate) async fn roster(tx: &mut TenantTx, of: Option<StaffId>, also: &[StudentId]) -> Result<Roster, Error> {
    let school = tx.school();
    let also: Vec<i64> = also.iter().map(|id| id.get()).collect();
    let pupils = sqlx::query_as!(
        Pupil,
        r#"select s.id, coalesce(c.name, '未編班') as "class_name!", s.seat_no, s.name
             from school.student s
             left join school.class c on c.school_code = $1 and c.id = s.class_id
            where s.school_code = $1 and (s.id = any($3) or s.left_at is null and ($2::bigint is null
               or s.class_id in (select a.class_id from school.counsellor_assignment a
                                  where a.school_code = $1 and a.staff_id = $2)
               or s.id in (select a.student_id from school.counsellor_assignment a
                            where a.school_code = $1 and a.staff_id = $2)))
            order by c.grade, c.code, c.id, s.seat_no, s.id"#,
        school.as_str(),
        of.map(StaffId::get),
        &also
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Roster::new(pupils))
}

/// Writes a new record of `writer`, whose reach is `of`.
pub(crate) async fn insert(
    tx: &mut TenantTx,
    (writer, of): (StaffId, Option<StaffId>),
    content: &Content,
    file: Option<&File>,
) -> Result<CounsellingRecordId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let id = sqlx::query_scalar!(
        "insert into counseling.record (school_code, held_on, place, method, topic, content, staff_id,
                file_name, file_sha256, file_size, file_media_type, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) returning id",
        school.as_str(),
        content.held_on,
        content.place,
        content.method.code(),
        content.topic,
        content.text,
        writer.get(),
        file.map(|file| file.name.as_str()),
        file.map(|file| file.sha256.as_slice()),
        file.map(|file| file.size),
        file.map(|file| file.media_type.as_str()),
        now
    )
    .fetch_one(tx.conn())
    .await?;
    let id = id.into();
    let students: Vec<i64> = content.students.iter().map(|id| id.get()).collect();
    add_students(tx, of, id, &students).await?;
    Ok(id)
}

/// Changes the version that the person saw, and who took part.
pub(crate) async fn update(
    tx: &mut TenantTx,
    of: Option<StaffId>,
    (record, version): (&Record, i32),
    (content, file): (&Content, Option<&File>),
) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update counseling.record
            set held_on = $4, place = $5, method = $6, topic = $7, content = $8, file_name = $9, file_sha256 = $10,
                file_size = $11, file_media_type = $12, updated_at = $13, version = version + 1
          where school_code = $1 and id = $2 and version = $3 and removed_at is null",
        school.as_str(),
        record.id.get(),
        version,
        content.held_on,
        content.place,
        content.method.code(),
        content.topic,
        content.text,
        file.map(|file| file.name.as_str()),
        file.map(|file| file.sha256.as_slice()),
        file.map(|file| file.size),
        file.map(|file| file.media_type.as_str()),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())?;
    let before = &record.content.students;
    let gone: Vec<i64> = before.difference(&content.students).map(|id| id.get()).collect();
    let new: Vec<i64> = content.students.difference(before).map(|id| id.get()).collect();
    sqlx::query!(
        "delete from counseling.record_student where school_code = $1 and record_id = $2 and student_id = any($3)",
        school.as_str(),
        record.id.get(),
        &gone
    )
    .execute(tx.conn())
    .await?;
    add_students(tx, of, record.id, &new).await
}

/// The statement itself asks once more whether each is within reach: an assignment may have ended since the form was
/// checked.
async fn add_students(
    tx: &mut TenantTx,
    of: Option<StaffId>,
    record: CounsellingRecordId,
    students: &[i64],
) -> Result<(), Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "insert into counseling.record_student (school_code, record_id, student_id)
         select $1, $2, s.id from school.student s
          where s.school_code = $1 and s.id = any($3) and s.left_at is null and ($4::bigint is null
             or s.class_id in (select a.class_id from school.counsellor_assignment a
                                where a.school_code = $1 and a.staff_id = $4)
             or s.id in (select a.student_id from school.counsellor_assignment a
                          where a.school_code = $1 and a.staff_id = $4))",
        school.as_str(),
        record.get(),
        students,
        of.map(StaffId::get)
    )
    .execute(tx.conn())
    .await?;
    let expected = u64::try_from(students.len()).unwrap_or(u64::MAX);
    if done.rows_affected() == expected { Ok(()) } else { Err(Error::Stale) }
}

/// Marks a record as removed: it leaves every list, and the audit can still explain it.
pub(crate) async fn remove(tx: &mut TenantTx, id: CounsellingRecordId, version: i32) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update counseling.record set removed_at = $4, updated_at = $4, version = version + 1
          where school_code = $1 and id = $2 and version = $3 and removed_at is null",
        school.as_str(),
        id.get(),
        version,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_no_pattern() {
        assert_eq!(like("100%_\\"), Some("%100\\%\\_\\\\%".to_owned()));
        assert_eq!(like(""), None);
    }
}
