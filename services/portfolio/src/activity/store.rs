//! The SQL of activities.

use kernel::{
    calendar::AcademicYear,
    codes::ActivityKind,
    ids::{ActivityId, CadreId, StudentId},
};
use serde_json::Value;
use sqlx::types::Json;
use store::{Error, TenantTx};
use time::Date;

use super::{Activity, Fields};
use crate::{file::File, outcome::Submission};

/// Which of the student's activities.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those uploaded in one year.
    Of(AcademicYear),
    /// One.
    One(ActivityId),
}

/// Reads activities with all that their state derives from, newest first.
pub(crate) async fn find(tx: &mut TenantTx, student: StudentId, which: Which) -> Result<Vec<Activity>, Error> {
    let school = tx.school();
    let (id, year) = match which {
        Which::All => (None, None),
        Which::Of(year) => (None, Some(year.get())),
        Which::One(id) => (Some(id.get()), None),
    };
    let rows = sqlx::query!(
        r#"select a.id, a.kind, a.academic_year, a.title, a.fields, a.summary, a.external_url, a.cadre_id, a.version,
                  exists (select from portfolio.activity_selection s
                           where s.school_code = $1 and s.activity_id = a.id) as "selected!",
                  (select case
                       -- a report ends the confirmation, so one that is there is the newer word
                       when exists (select from submission.receipt_confirmation x where x.school_code = $1
                          and x.student_id = $2 and x.academic_year = b.academic_year and x.kind = 'activity') then 'confirmed'
                       when exists (select from submission.receipt_dispute x where x.school_code = $1
                          and x.student_id = $2 and x.academic_year = b.academic_year and x.kind = 'activity') then 'disputed'
                       else 'submitted' end
                     from submission.roster_row w
                     join submission.batch b on b.school_code = $1 and b.id = w.batch_id
                    where w.school_code = $1 and w.student_id = $2 and w.item = 'activity:' || a.id
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
                    where f.school_code = $1 and f.activity_id = a.id
                      and f.removed_at is null and f.refused_at is null) as "files!: Json<Vec<File>>"
             from portfolio.activity a
            where a.school_code = $1 and a.student_id = $2
              and ($3::bigint is null or a.id = $3) and ($4::smallint is null or a.academic_year = $4)
            order by a.academic_year desc, a.kind, a.id desc"#,
        school.as_str(),
        student.get(),
        id,
        year
    )
    .fetch_all(tx.conn())
    .await?;
    let activities = rows.into_iter().map(|row| Activity {
        id: row.id.into(),
        kind: ActivityKind::try_from(row.kind).unwrap_or(ActivityKind::OtherActivity),
        year: AcademicYear::new(row.academic_year).unwrap_or(AcademicYear::FIRST),
        title: row.title,
        fields: if let Value::Object(fields) = row.fields { fields } else { Fields::new() },
        summary: row.summary,
        external_url: row.external_url,
        cadre: row.cadre_id.map(Into::into),
        version: row.version,
        files: row.files.0,
        is_selected: row.selected,
        submission: Submission::from_word(row.submission.as_deref()),
    });
    Ok(activities.collect())
}

/// One activity of the student.
pub(crate) async fn find_one(tx: &mut TenantTx, student: StudentId, id: ActivityId) -> Result<Option<Activity>, Error> {
    Ok(find(tx, student, Which::One(id)).await?.pop())
}

/// An officer post that the school recorded.
pub(crate) struct Cadre {
    pub(crate) id: CadreId,
    pub(crate) unit_name: String,
    pub(crate) title: String,
    pub(crate) started_on: Date,
    pub(crate) ended_on: Date,
    pub(crate) level: i16,
}

impl Cadre {
    /// The core fields of the row that supplements it.
    pub(crate) fn fields(&self) -> Fields {
        let pairs: [(&str, Value); 5] = [
            ("unit_name", self.unit_name.as_str().into()),
            ("started_on", self.started_on.to_string().into()),
            ("ended_on", self.ended_on.to_string().into()),
            ("title", self.title.as_str().into()),
            ("level", self.level.into()),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// The posts that have no supplement yet; all of them, or one.
pub(crate) async fn cadres(tx: &mut TenantTx, student: StudentId, one: Option<CadreId>) -> Result<Vec<Cadre>, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        "select c.id, c.unit_name, c.title, c.started_on, c.ended_on, c.level
           from school.cadre c
          where c.school_code = $1 and c.student_id = $2 and c.withdrawn_at is null and ($3::bigint is null or c.id = $3)
            and not exists (select from portfolio.activity a
                             where a.school_code = $1 and a.student_id = $2 and a.cadre_id = c.id)
          order by c.started_on desc, c.id",
        school.as_str(),
        student.get(),
        one.map(CadreId::get)
    )
    .fetch_all(tx.conn())
    .await?;
    let cadre = rows.into_iter().map(|row| Cadre {
        id: row.id.into(),
        unit_name: row.unit_name,
        title: row.title,
        started_on: row.started_on,
        ended_on: row.ended_on,
        level: row.level,
    });
    Ok(cadre.collect())
}

/// The student's own rows of a year. Under the student's turn no other one can come in between.
pub(crate) async fn used(tx: &mut TenantTx, student: StudentId, year: AcademicYear) -> Result<i64, Error> {
    let school = tx.school();
    let used = sqlx::query_scalar!(
        r#"select count(*) as "used!" from portfolio.activity
            where school_code = $1 and student_id = $2 and academic_year = $3 and cadre_id is null"#,
        school.as_str(),
        student.get(),
        year.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(used)
}

/// An activity as its form has it.
pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) fields: Fields,
    pub(crate) summary: String,
    pub(crate) external_url: Option<String>,
}

/// A new row.
pub(crate) struct NewActivity {
    pub(crate) kind: ActivityKind,
    pub(crate) year: AcademicYear,
    pub(crate) cadre: Option<CadreId>,
    pub(crate) content: Content,
}

/// Writes a new row.
pub(crate) async fn insert(tx: &mut TenantTx, student: StudentId, new: &NewActivity) -> Result<ActivityId, Error> {
    let (school, now) = (tx.school(), tx.now());
    let NewActivity { kind, year, cadre, content } = new;
    let id = sqlx::query_scalar!(
        "insert into portfolio.activity (school_code, student_id, academic_year, kind, title, fields, summary, external_url,
                                         cadre_id, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning id",
        school.as_str(),
        student.get(),
        year.get(),
        kind.code(),
        content.title,
        Value::Object(content.fields.clone()),
        content.summary,
        content.external_url,
        cadre.map(CadreId::get),
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(id.into())
}

/// Changes the version that the student saw.
pub(crate) async fn update(tx: &mut TenantTx, id: ActivityId, version: i32, content: &Content) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.activity
            set title = $4, fields = $5, summary = $6, external_url = $7, version = version + 1, updated_at = $8
          where school_code = $1 and id = $2 and version = $3",
        school.as_str(),
        id.get(),
        version,
        content.title,
        Value::Object(content.fields.clone()),
        content.summary,
        content.external_url,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Deletes a row with those of its files; says how many bytes come free.
pub(crate) async fn delete(tx: &mut TenantTx, id: ActivityId) -> Result<i64, Error> {
    let school = tx.school();
    let (school, id) = (school.as_str(), id.get());
    sqlx::query!(
        "delete from portfolio.upload_receipt where school_code = $1
            and file_id in (select f.id from portfolio.file f where f.school_code = $1 and f.activity_id = $2)",
        school,
        id
    )
    .execute(tx.conn())
    .await?;
    let bytes = sqlx::query_scalar!(
        r#"with gone as (delete from portfolio.file where school_code = $1 and activity_id = $2 returning *)
           select coalesce(sum(coalesce(size, declared_size))
                    filter (where removed_at is null and refused_at is null), 0)::bigint as "bytes!" from gone"#,
        school,
        id
    )
    .fetch_one(tx.conn())
    .await?;
    let done = sqlx::query!("delete from portfolio.activity where school_code = $1 and id = $2", school, id)
        .execute(tx.conn())
        .await?;
    tx.expect_one(done.rows_affected())?;
    Ok(bytes)
}
