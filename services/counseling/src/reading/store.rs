//! The SQL of reading.

use kernel::ids::{CounsellingRecordId, StaffId, StudentId};
use store::{Error, TenantTx};

use super::{Reader, Reading};
use crate::{file::File, paging, record::store::method};

/// Which of the records within the reader's sight.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// One page of them, newest first.
    Page(i64),
    /// One.
    One(CounsellingRecordId),
}

impl Which {
    /// The id, if one; and the offset.
    fn parts(self) -> (Option<i64>, i64) {
        match self {
            Self::Page(page) => (None, paging::offset(page)),
            Self::One(id) => (Some(id.get()), 0),
        }
    }
}

/// What the reader sees.
pub(crate) async fn find(tx: &mut TenantTx, reader: Reader, which: Which) -> Result<Vec<Reading>, Error> {
    match reader {
        Reader::Student(student) => of_student(tx, student, which).await,
        Reader::Homeroom(staff) => of_classes(tx, (Some(staff), None), which).await,
        Reader::Guidance(staff) => of_classes(tx, (None, Some(staff)), which).await,
    }
}

async fn of_student(tx: &mut TenantTx, student: StudentId, which: Which) -> Result<Vec<Reading>, Error> {
    let (school, (id, offset)) = (tx.school(), which.parts());
    let rows = sqlx::query!(
        r#"select r.id, r.held_on, r.place, r.method, r.topic, r.content, t.name as counsellor,
                  r.file_name, r.file_sha256, r.file_size, r.file_media_type, count(*) over () as "total!"
             from counseling.record_student x
             join counseling.record r on r.school_code = $1 and r.id = x.record_id and r.removed_at is null
             join school.staff t on t.school_code = $1 and t.id = r.staff_id
            where x.school_code = $1 and x.student_id = $2 and ($3::bigint is null or x.record_id = $3)
            order by r.held_on desc, r.id desc limit $4 offset $5"#,
        school.as_str(),
        student.get(),
        id,
        paging::PER_PAGE,
        offset
    )
    .fetch_all(tx.conn())
    .await?;
    let readings = rows.into_iter().map(|row| Reading {
        id: row.id.into(),
        held_on: row.held_on,
        place: row.place,
        method: method(&row.method),
        topic: row.topic,
        text: row.content,
        counsellor: row.counsellor,
        file: File::of_row(row.file_name, row.file_sha256, row.file_size, row.file_media_type),
        pupils: Vec::new(),
        total: row.total,
    });
    Ok(readings.collect())
}

async fn of_classes(
    tx: &mut TenantTx,
    (homeroom, guidance): (Option<StaffId>, Option<StaffId>),
    which: Which,
) -> Result<Vec<Reading>, Error> {
    let (school, (id, offset)) = (tx.school(), which.parts());
    let rows = sqlx::query!(
        r#"select r.id, r.held_on, r.place, r.method, r.topic, r.content, t.name as counsellor,
                  r.file_name, r.file_sha256, r.file_size, r.file_media_type, count(*) over () as "total!",
                  array_agg(concat_ws(' ', c.name, lpad(s.seat_no::text, 2, '0'), s.name)
                            order by c.code, s.seat_no, s.id) as "pupils!"
             from school.class c
             join school.student s on s.school_code = $1 and s.class_id = c.id and s.left_at is null
             join counseling.record_student x on x.school_code = $1 and x.student_id = s.id
             join counseling.record r on r.school_code = $1 and r.id = x.record_id and r.removed_at is null
             join school.staff t on t.school_code = $1 and t.id = r.staff_id
            where c.school_code = $1 and (c.homeroom_staff_id = $2 or c.guidance_staff_id = $3)
              and ($4::bigint is null or x.record_id = $4)
            group by r.school_code, r.id, t.name
            order by r.held_on desc, r.id desc limit $5 offset $6"#,
        school.as_str(),
        homeroom.map(StaffId::get),
        guidance.map(StaffId::get),
        id,
        paging::PER_PAGE,
        offset
    )
    .fetch_all(tx.conn())
    .await?;
    let readings = rows.into_iter().map(|row| Reading {
        id: row.id.into(),
        held_on: row.held_on,
        place: row.place,
        method: method(&row.method),
        topic: row.topic,
        text: row.content,
        counsellor: row.counsellor,
        file: File::of_row(row.file_name, row.file_sha256, row.file_size, row.file_media_type),
        pupils: row.pupils,
        total: row.total,
    });
    Ok(readings.collect())
}
