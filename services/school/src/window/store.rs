//! The SQL of windows.

use ::store::{Audit, Error, TenantTx};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    rules::Window,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A window with its number.
pub(crate) struct Numbered {
    pub(crate) id: i64,
    pub(crate) stage: i16,
    pub(crate) window: Window,
}

struct Row {
    id: i64,
    kind: String,
    academic_year: i16,
    term: i16,
    grade: i16,
    stage: i16,
    opens_at: OffsetDateTime,
    closes_at: OffsetDateTime,
}

impl Row {
    /// The schema's checks make every row one that the rules know.
    fn numbered(self) -> Option<Numbered> {
        let window = Window {
            kind: self.kind.parse().ok()?,
            academic_year: AcademicYear::new(self.academic_year).ok()?,
            term: RosterTerm::new(self.term).ok()?,
            grade: (self.grade != 0).then_some(self.grade),
            opens_at: self.opens_at,
            closes_at: self.closes_at,
        };
        Some(Numbered { id: self.id, stage: self.stage, window })
    }
}

/// The windows of a year, by kind.
pub(super) async fn of_year(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<Numbered>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Row,
        "select id, kind, academic_year, term, grade, stage, opens_at, closes_at from school.window_period
         where school_code = $1 and academic_year = $2 order by kind, term, grade, stage",
        school.as_str(),
        year.get()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().filter_map(Row::numbered).collect())
}

/// One window.
pub(crate) async fn find(tx: &mut TenantTx, id: i64) -> Result<Option<Numbered>, Error> {
    let school = tx.school();
    let row = sqlx::query_as!(
        Row,
        "select id, kind, academic_year, term, grade, stage, opens_at, closes_at from school.window_period
         where school_code = $1 and id = $2",
        school.as_str(),
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.and_then(Row::numbered))
}

/// The windows that were open at some moment of a time, held until the transaction ends.
pub(crate) async fn open_between(
    tx: &mut TenantTx,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Numbered>, Error> {
    let school = tx.school();
    let rows = sqlx::query_as!(
        Row,
        "select id, kind, academic_year, term, grade, stage, opens_at, closes_at from school.window_period
         where school_code = $1 and opens_at < $3 and closes_at > $2 order by id for update",
        school.as_str(),
        from,
        until
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().filter_map(Row::numbered).collect())
}

/// Announces a window; [`Error::Constraint`] if there is one for the same kind, year, term, grade and stage.
pub(super) async fn insert(tx: &mut TenantTx, window: &Window, stage: i16) -> Result<i64, Error> {
    let school = tx.school();
    let id = sqlx::query_scalar!(
        "insert into school.window_period (school_code, kind, academic_year, term, grade, opens_at, closes_at, stage)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        school.as_str(),
        window.kind.code(),
        window.academic_year.get(),
        window.term.get(),
        window.grade.unwrap_or(0),
        window.opens_at,
        window.closes_at,
        stage
    )
    .fetch_one(tx.conn())
    .await?;
    tx.audit(Audit::new("window.open", "window_period", id).after(facts(window)));
    Ok(id)
}

/// Changes a window that still is as it was seen; audited as the `action`.
pub(crate) async fn change(
    tx: &mut TenantTx,
    action: &'static str,
    before: &Numbered,
    (window, stage): (&Window, i16),
) -> Result<(), Error> {
    let school = tx.school();
    let changed = sqlx::query!(
        "update school.window_period
         set kind = $3, academic_year = $4, term = $5, grade = $6, opens_at = $7, closes_at = $8, stage = $11
         where school_code = $1 and id = $2 and opens_at = $9 and closes_at = $10",
        school.as_str(),
        before.id,
        window.kind.code(),
        window.academic_year.get(),
        window.term.get(),
        window.grade.unwrap_or(0),
        window.opens_at,
        window.closes_at,
        before.window.opens_at,
        before.window.closes_at,
        stage
    )
    .execute(tx.conn())
    .await?;
    tx.expect_one(changed.rows_affected())?;
    let audit = Audit::new(action, "window_period", before.id);
    tx.audit(audit.before(facts(&before.window)).after(facts(window)));
    Ok(())
}

fn facts(window: &Window) -> Value {
    json!({
        "kind": window.kind.code(),
        "academic_year": window.academic_year.get(),
        "term": window.term.get(),
        "grade": window.grade,
        "opens_at": window.opens_at.to_string(),
        "closes_at": window.closes_at.to_string(),
    })
}
