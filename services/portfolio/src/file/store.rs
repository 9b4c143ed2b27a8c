//! The rows of files.

use blob::Stored;
use kernel::ids::{FileId, StudentId};
use store::{Error, TenantTx};
use time::OffsetDateTime;

use super::Place;

/// What a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A course outcome.
    Outcome(i64),
    /// An activity record.
    Activity(i64),
}

impl Owner {
    /// Reads what the page sends.
    pub(crate) fn from_words(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "outcome" => Some(Self::Outcome(id)),
            "activity" => Some(Self::Activity(id)),
            _ => None,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Outcome(_) => "outcome",
            Self::Activity(_) => "activity",
        }
    }

    pub(crate) fn id(self) -> i64 {
        match self {
            Self::Outcome(id) | Self::Activity(id) => id,
        }
    }

    /// Where its page is, below the school.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Outcome(id) => format!("/outcomes/{id}"),
            Self::Activity(id) => format!("/activities/{id}"),
        }
    }

    fn outcome(self) -> Option<i64> {
        if let Self::Outcome(id) = self { Some(id) } else { None }
    }

    fn activity(self) -> Option<i64> {
        if let Self::Activity(id) = self { Some(id) } else { None }
    }

    /// `outcome/12/document`, as receipts name it.
    pub(crate) fn item(self, place: Place) -> String {
        format!("{}/{}/{}", self.word(), self.id(), place.word())
    }
}

/// A file's row, whatever became of it.
pub(crate) struct Row {
    pub(crate) id: FileId,
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) declared_size: i64,
    pub(crate) upload_key: String,
    pub(crate) upload_id: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) sha256: Option<Vec<u8>>,
    pub(crate) size: Option<i64>,
    pub(crate) saved_at: Option<OffsetDateTime>,
    pub(crate) refusal: Option<String>,
    pub(crate) removed_at: Option<OffsetDateTime>,
}

impl Row {
    /// Neither saved nor refused nor removed.
    pub(crate) fn is_coming(&self) -> bool {
        self.saved_at.is_none() && self.refusal.is_none() && self.removed_at.is_none()
    }

    /// What it takes of the student's storage.
    pub(crate) fn bytes(&self) -> i64 {
        self.size.unwrap_or(self.declared_size)
    }
}

/// A file that is about to get its row.
pub(crate) struct NewFile {
    pub(crate) id: FileId,
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) size: i64,
    /// Both empty where the bytes came through the server.
    pub(crate) upload_key: String,
    pub(crate) upload_id: String,
}

/// A number for a file that has no row yet: storage names the upload by it.
pub(crate) async fn next_id(tx: &mut TenantTx) -> Result<FileId, Error> {
    let id = sqlx::query_scalar!(r#"select nextval('portfolio.file_id_seq') as "id!""#).fetch_one(tx.conn()).await?;
    Ok(id.into())
}

/// The student's own file.
pub(crate) async fn find(tx: &mut TenantTx, student: StudentId, id: FileId) -> Result<Option<Row>, Error> {
    let school = tx.school();
    let row = sqlx::query!(
        "select id, outcome_id, activity_id, slot, name, declared_size, upload_key, upload_id, created_at, sha256, size,
                saved_at, refusal, removed_at
           from portfolio.file where school_code = $1 and student_id = $2 and id = $3",
        school.as_str(),
        student.get(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.and_then(|row| {
        let owner = row.outcome_id.map(Owner::Outcome).or_else(|| row.activity_id.map(Owner::Activity))?;
        Some(Row {
            id: row.id.into(),
            owner,
            place: Place::from_code(row.slot)?,
            name: row.name,
            declared_size: row.declared_size,
            upload_key: row.upload_key,
            upload_id: row.upload_id,
            created_at: row.created_at,
            sha256: row.sha256,
            size: row.size,
            saved_at: row.saved_at,
            refusal: row.refusal,
            removed_at: row.removed_at,
        })
    }))
}

/// Writes the row of a file that is on its way.
pub(crate) async fn insert(tx: &mut TenantTx, student: StudentId, file: &NewFile) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    sqlx::query!(
        "insert into portfolio.file (school_code, id, student_id, outcome_id, activity_id, slot, name, declared_size,
                                     upload_key, upload_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        school.as_str(),
        file.id.get(),
        student.get(),
        file.owner.outcome(),
        file.owner.activity(),
        file.place.code(),
        file.name,
        file.size,
        file.upload_key,
        file.upload_id,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What stands at a place: the saved file's id and size, and the coming one's id, size and upload.
#[derive(Default)]
pub(crate) struct AtPlace {
    pub(crate) saved: Option<(FileId, i64)>,
    pub(crate) coming: Option<Coming>,
}

/// An upload under way.
pub(crate) struct Coming {
    pub(crate) id: FileId,
    pub(crate) bytes: i64,
    pub(crate) upload_key: String,
    pub(crate) upload_id: String,
}

/// Looks at one place of an item.
pub(crate) async fn at_place(tx: &mut TenantTx, owner: Owner, place: Place) -> Result<AtPlace, Error> {
    let school = tx.school();
    let rows = sqlx::query!(
        r#"select id, coalesce(size, declared_size) as "bytes!", upload_key, upload_id, saved_at is not null as "saved!"
           from portfolio.file
          where school_code = $1 and (outcome_id = $2 or activity_id = $3) and slot = $4
            and removed_at is null and refused_at is null"#,
        school.as_str(),
        owner.outcome(),
        owner.activity(),
        place.code()
    )
    .fetch_all(tx.conn())
    .await?;
    let mut found = AtPlace::default();
    for row in rows {
        if row.saved {
            found.saved = Some((row.id.into(), row.bytes));
        } else {
            let (upload_key, upload_id) = (row.upload_key, row.upload_id);
            found.coming = Some(Coming { id: row.id.into(), bytes: row.bytes, upload_key, upload_id });
        }
    }
    Ok(found)
}

/// Takes a file away from its item. The row stays: certifications and receipts name its hash.
pub(crate) async fn remove(tx: &mut TenantTx, id: FileId) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.file set removed_at = $3 where school_code = $1 and id = $2 and removed_at is null",
        school.as_str(),
        id.get(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Writes that both copies are proven.
pub(crate) async fn save(tx: &mut TenantTx, id: FileId, stored: &Stored) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.file
            set sha256 = $3, md5 = $4, size = $5, media_type = $6, saved_at = $7, verified_at = $7
          where school_code = $1 and id = $2 and saved_at is null and refused_at is null and removed_at is null",
        school.as_str(),
        id.get(),
        stored.sha256.as_slice(),
        stored.md5.as_slice(),
        i64::try_from(stored.size).unwrap_or(i64::MAX),
        stored.media_type.mime(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// Writes why the content was not taken.
pub(crate) async fn refuse(tx: &mut TenantTx, id: FileId, why: &str) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    let done = sqlx::query!(
        "update portfolio.file set refused_at = $3, refusal = $4
          where school_code = $1 and id = $2 and saved_at is null and refused_at is null and removed_at is null",
        school.as_str(),
        id.get(),
        now,
        why
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(done.rows_affected())
}

/// The number that the student bears at the school, for receipts.
pub(crate) async fn student_no(tx: &mut TenantTx, student: StudentId) -> Result<String, Error> {
    let school = tx.school();
    let number = sqlx::query_scalar!(
        "select student_no from school.student where school_code = $1 and id = $2",
        school.as_str(),
        student.get()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(number)
}

/// Keeps the receipt as it was handed out.
pub(crate) async fn keep_receipt(tx: &mut TenantTx, id: FileId, body: &serde_json::Value) -> Result<(), Error> {
    let (school, now) = (tx.school(), tx.now());
    sqlx::query!(
        "insert into portfolio.upload_receipt (school_code, file_id, body, issued_at) values ($1, $2, $3, $4)",
        school.as_str(),
        id.get(),
        body,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The receipt of the student's own file.
pub(crate) async fn receipt(
    tx: &mut TenantTx,
    student: StudentId,
    id: FileId,
) -> Result<Option<serde_json::Value>, Error> {
    let school = tx.school();
    let body = sqlx::query_scalar!(
        "select r.body from portfolio.upload_receipt r
           join portfolio.file f on f.school_code = $1 and f.id = r.file_id
          where r.school_code = $1 and f.student_id = $2 and r.file_id = $3",
        school.as_str(),
        student.get(),
        id.get()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(body)
}
