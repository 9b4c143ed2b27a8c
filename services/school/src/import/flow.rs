//! The three steps: check a file, apply what was checked, take it back.

use super::{
    Import, NewImport,
    apply::Writer,
    diff::{self, Outcome},
    findings::Findings,
    held_reason,
    importer::File,
    kind::{self, NotRecognised, Recognised},
    reading::{self, Frame, Reading},
    source::{Source, Unreadable},
    store as rows,
};
use bytes::Bytes;
use kernel::{actor::Context, ids::ImportId, secrets::Keys};
use store::{Audit, Db, Job, TenantTx};

/// Years before these are typing errors.
const FIRST_YEAR: i16 = 108;

/// A file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum NotImported {
    /// It is not what an office hands in.
    #[error(transparent)]
    NotRecognised(#[from] NotRecognised),
    /// Its cover names another school.
    #[error("名冊封面的學校代碼是 {found}，不是本校的 {own}")]
    OtherSchool {
        /// On the cover.
        found: String,
        /// This school.
        own: String,
    },
    /// Its cover names another term.
    #[error("名冊封面是 {found}，與選擇的學年度學期不同")]
    OtherTerm {
        /// On the cover.
        found: String,
    },
    /// Applying it would leave the school without anyone who may import.
    #[error("套用後學校就沒有任何校管理者了。請在教職員檔的角色欄保留至少一位校管理者")]
    NoAdministrator,
    /// The year is none.
    #[error("學年度應為 {FIRST_YEAR} 以後的民國年")]
    Year,
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<Unreadable> for NotImported {
    fn from(error: Unreadable) -> Self {
        Self::NotRecognised(error.into())
    }
}

/// What the person chose beside the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) year: i16,
    pub(super) term: i16,
}

/// A file that was read.
struct Read {
    file: Recognised,
    reading: Reading,
}

/// Reads a file against what the school has now. The rows are parsed off the async threads.
async fn read(tx: &mut TenantTx, keys: &Keys, bytes: Bytes, choice: Choice) -> Result<Read, NotImported> {
    if !(FIRST_YEAR..=299).contains(&choice.year) {
        return Err(NotImported::Year);
    }
    let school = tx.school();
    let prefix = rows::account_prefix(tx).await?;
    let known = rows::known(tx, choice.year).await?;
    let keys = keys.clone();
    let parse = move || {
        let mut source = Source::open(bytes)?;
        let file = kind::recognise(&mut source)?;
        cover_fits(&file, school.as_str(), choice)?;
        let frame =
            Frame { school, year: choice.year, term: choice.term, account_prefix: &prefix, keys: &keys, known: &known };
        let reading = reading::read(&mut source, &file, &frame)?;
        Ok(Read { file, reading })
    };
    tokio::task::spawn_blocking(parse).await.expect("reading does not panic")
}

fn cover_fits(file: &Recognised, own: &str, choice: Choice) -> Result<(), NotImported> {
    let cover = &file.cover;
    if let Some(found) = cover.school.as_ref().filter(|found| *found != own) {
        return Err(NotImported::OtherSchool { found: found.clone(), own: own.to_owned() });
    }
    let year = cover.year.unwrap_or(choice.year);
    let term = cover.term.filter(|term| *term != 0).unwrap_or(choice.term);
    if (year, term) == (choice.year, choice.term) {
        return Ok(());
    }
    Err(NotImported::OtherTerm { found: format!("{year}學年度第{term}學期") })
}

/// Checks a file: says what applying it would do, and keeps that.
pub(super) async fn check(db: &Db, keys: &Keys, ctx: &Context, upload: Upload<'_>) -> Result<ImportId, NotImported> {
    let mut tx = db.write(ctx, "school.import.check").await?;
    rows::patience(&mut tx).await?;
    let read = read(&mut tx, keys, upload.file.bytes.clone(), upload.choice).await?;
    let outcome = compare(&mut tx, &read.reading).await?;
    let Reading { findings, left_out, .. } = read.reading;
    let counts = totals(&outcome, &findings, left_out);
    let import = NewImport {
        kind: read.file.kind,
        academic_year: upload.choice.year,
        term: upload.choice.term,
        file_name: upload.file.name,
        file_sha256: upload.sha256,
        sealed_sha256: upload.file.sealed_sha256,
        file_size: upload.file.bytes.len(),
        fingerprint: outcome.fingerprint,
        counts,
        findings: findings.into_table(),
        held_reason: held_reason(&counts),
    };
    let id = rows::insert(&mut tx, &import).await?;
    tx.audit(Audit::new("import.check", "import", id.get()).after(counts));
    tx.commit().await?;
    Ok(id)
}

/// A file in hand.
pub(super) struct Upload<'a> {
    pub(super) file: File<'a>,
    pub(super) sha256: [u8; 32],
    pub(super) choice: Choice,
}

async fn compare(tx: &mut TenantTx, reading: &Reading) -> Result<Outcome, store::Error> {
    let school = tx.school();
    diff::compare(tx.conn(), school.as_str(), &reading.plan).await
}

fn totals(outcome: &Outcome, findings: &Findings, left_out: usize) -> diff::Counts {
    diff::Counts { errors: left_out, warnings: findings.warnings, ..outcome.counts }
}

/// Applies what was checked, in one transaction. [`store::Error::Stale`] when the school's data changed since the
/// check, or when the import was applied already.
pub(super) async fn apply(
    db: &Db,
    keys: &Keys,
    ctx: &Context,
    import: &Import,
    bytes: Bytes,
) -> Result<(), NotImported> {
    let mut tx = db.write(ctx, "school.import.apply").await?;
    rows::patience(&mut tx).await?;
    // one import of a school at a time: what is compared must be what is written over
    rows::lock(&mut tx).await?;
    rows::mark_applied(&mut tx, import.id).await?;
    let choice = Choice { year: import.academic_year, term: import.term };
    let read = read(&mut tx, keys, bytes, choice).await?;
    let outcome = compare(&mut tx, &read.reading).await?;
    if outcome.fingerprint.as_slice() != import.fingerprint {
        return Err(store::Error::Stale.into());
    }
    let (school, now) = (tx.school(), tx.now());
    let administered = rows::has_administrator(&mut tx).await?;
    let mut writer = Writer { conn: tx.conn(), school: school.as_str(), import: import.id, now, seq: 0 };
    writer.apply(&read.reading.plan, &outcome).await?;
    rows::keep_certifiers(&mut tx, import.id).await?;
    if administered && !rows::has_administrator(&mut tx).await? {
        return Err(NotImported::NoAdministrator);
    }
    rows::drop_old_undo(&mut tx, now).await?;
    tx.audit(Audit::new("import.apply", "import", import.id.get()).after(import.counts));
    tx.enqueue(Job::new("identity.sync_school", serde_json::json!({})));
    Ok(tx.commit().await?)
}

/// Takes the school's last applied import back. [`store::Error::Stale`] when it is not the last one,
/// [`store::Error::Constraint`] when somebody has built on a row that it made.
pub(super) async fn revert(db: &Db, ctx: &Context, import: ImportId) -> Result<usize, store::Error> {
    let mut tx = db.write(ctx, "school.import.revert").await?;
    rows::patience(&mut tx).await?;
    rows::lock(&mut tx).await?;
    if rows::last_applied(&mut tx).await? != Some(import) {
        return Err(store::Error::Stale);
    }
    rows::mark_reverted(&mut tx, import).await?;
    let (school, now) = (tx.school(), tx.now());
    let mut writer = Writer { conn: tx.conn(), school: school.as_str(), import, now, seq: 0 };
    let rows = writer.revert().await?;
    tx.audit(Audit::new("import.revert", "import", import.get()).after(serde_json::json!({ "rows": rows })));
    tx.enqueue(Job::new("identity.sync_school", serde_json::json!({})));
    tx.commit().await?;
    Ok(rows)
}
