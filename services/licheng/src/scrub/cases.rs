//! What was found and what was proven, in rows.

use blob::{Copy, Harm};
use kernel::{actor::Context, school::SchoolCode};
use serde_json::json;
use store::{Audit, Db, Error, TenantTx};
use time::OffsetDateTime;

/// Who found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBy {
    /// The scrubber.
    Scrub,
    /// A person's reading.
    Reading,
}

impl FoundBy {
    const fn name(self) -> &'static str {
        match self {
            Self::Scrub => "scrub",
            Self::Reading => "reading",
        }
    }
}

/// One copy of an object that is not as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    key: String,
    sha256: Option<[u8; 32]>,
    copy: Copy,
    what: &'static str,
    healed: bool,
}

impl Finding {
    /// A content that some room keeps.
    pub(crate) fn harm(school: SchoolCode, sha256: [u8; 32], copy: Copy, harm: Harm, healed: bool) -> Self {
        Self { key: object_key(school, &sha256), sha256: Some(sha256), copy, what: harm.name(), healed }
    }

    /// An object that nobody knows.
    pub(crate) fn orphan(key: String, sha256: Option<[u8; 32]>, copy: Copy) -> Self {
        Self { key, sha256, copy, what: "orphaned", healed: false }
    }

    /// The content that it is about, if its name is one of ours.
    pub(super) fn hash(&self) -> Option<Vec<u8>> {
        self.sha256.map(|hash| hash.to_vec())
    }
}

fn object_key(school: SchoolCode, sha256: &[u8; 32]) -> String {
    format!("{school}/{}", hex::encode(sha256))
}

/// Tells the collector of every kind of case before there is one: a counter that begins at one has not increased.
pub(crate) fn announce() {
    for copy in Copy::BOTH {
        for what in Harm::ALL.map(Harm::name).into_iter().chain(["orphaned"]) {
            metrics::counter!("licheng_storage_cases_total", "what" => what, "copy" => copy.name()).increment(0);
        }
    }
}

/// Writes down findings at one school. A case that is open already stays the same one: what is found again and again is
/// written and audited once.
pub(crate) async fn record(
    db: &Db,
    school: SchoolCode,
    findings: &[Finding],
    found_by: FoundBy,
    now: OffsetDateTime,
) -> Result<(), Error> {
    if findings.is_empty() {
        return Ok(());
    }
    let ctx = Context::system(school, format!("storage-{}", uuid::Uuid::new_v4()), now);
    let mut tx = db.write(&ctx, "storage.case").await?;
    let mut changed = false;
    for finding in findings {
        changed |= write(&mut tx, finding, found_by).await?;
    }
    if changed { tx.commit().await } else { Ok(()) }
}

/// Whether there was anything new.
async fn write(tx: &mut TenantTx, finding: &Finding, found_by: FoundBy) -> Result<bool, Error> {
    let (school, now) = (tx.school(), tx.now());
    let new = sqlx::query_scalar!(
        "insert into app.storage_case (school_code, object_key, sha256, copy, what, found_by, found_at, seen_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)
         on conflict (school_code, object_key, copy) where healed_at is null do nothing
         returning id",
        school.as_str(),
        finding.key,
        finding.hash(),
        finding.copy.name(),
        finding.what,
        found_by.name(),
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(id) = new {
        metrics::counter!("licheng_storage_cases_total", "what" => finding.what, "copy" => finding.copy.name())
            .increment(1);
        let after = json!({ "object": finding.key, "copy": finding.copy.name(), "what": finding.what,
                            "found_by": found_by.name() });
        tx.audit(Audit::new("storage.find", "storage_case", id).after(after));
    }
    let healed = finding.healed && close(tx, &finding.key, Some(finding.copy)).await?;
    Ok(new.is_some() || healed)
}

/// Ends the open cases of an object, of one copy or of both; whether there were any.
async fn close(tx: &mut TenantTx, key: &str, copy: Option<Copy>) -> Result<bool, Error> {
    let (school, now) = (tx.school(), tx.now());
    let closed = sqlx::query_scalar!(
        "update app.storage_case set healed_at = $4, seen_at = $4
         where school_code = $1 and object_key = $2 and healed_at is null and ($3::text is null or copy = $3)
         returning id",
        school.as_str(),
        key,
        copy.map(Copy::name),
        now
    )
    .fetch_all(tx.conn())
    .await?;
    for id in &closed {
        tx.audit(Audit::new("storage.heal", "storage_case", *id).after(json!({ "object": key })));
    }
    Ok(!closed.is_empty())
}

/// Writes when both copies of contents were read and whole, and ends the cases that were open about them.
pub(super) async fn verified(
    db: &Db,
    school: SchoolCode,
    whole: &[([u8; 32], u64)],
    now: OffsetDateTime,
) -> Result<(), Error> {
    if whole.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<u8>> = whole.iter().map(|(hash, _)| hash.to_vec()).collect();
    let sizes: Vec<i64> = whole.iter().map(|(_, size)| i64::try_from(*size).unwrap_or(i64::MAX)).collect();
    let mut tx = db.system("storage.verified").await?;
    sqlx::query!(
        "insert into app.stored_object (school_code, sha256, size, verified_at)
         select $1, sha256, size, $4 from unnest($2::bytea[], $3::bigint[]) as whole (sha256, size)
         on conflict (school_code, sha256) do update set size = excluded.size, verified_at = excluded.verified_at",
        school.as_str(),
        &hashes,
        &sizes,
        now
    )
    .execute(tx.conn())
    .await?;
    let open = sqlx::query_scalar!(
        "select distinct object_key from app.storage_case
         where school_code = $1 and healed_at is null and sha256 = any($2)",
        school.as_str(),
        &hashes
    )
    .fetch_all(tx.conn())
    .await?;
    tx.commit().await?;
    if open.is_empty() {
        return Ok(());
    }
    let ctx = Context::system(school, format!("storage-{}", uuid::Uuid::new_v4()), now);
    let mut tx = db.write(&ctx, "storage.whole").await?;
    let mut changed = false;
    for key in &open {
        changed |= close(&mut tx, key, None).await?;
    }
    if changed { tx.commit().await } else { Ok(()) }
}

/// Nobody keeps these contents any more: when they were proven is of no interest.
pub(super) async fn forget(db: &Db, school: SchoolCode, hashes: &[Vec<u8>]) -> Result<(), Error> {
    if hashes.is_empty() {
        return Ok(());
    }
    let mut tx = db.system("storage.forget").await?;
    sqlx::query!("delete from app.stored_object where school_code = $1 and sha256 = any($2)", school.as_str(), hashes)
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// At the end of a pass over all schools: what it neither proved nor found bad is kept by nobody any more.
pub(super) async fn forget_unseen(db: &Db, began_at: OffsetDateTime) -> Result<(), Error> {
    let mut tx = db.system("storage.forget_unseen").await?;
    sqlx::query!(
        "delete from app.stored_object o
         where verified_at < $1
           and not exists (select from app.storage_case c where c.school_code = o.school_code and c.sha256 = o.sha256
                             and c.healed_at is null and c.what <> 'orphaned')",
        began_at
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// A case that waits to be healed.
pub(super) struct Case {
    pub(super) school: SchoolCode,
    pub(super) sha256: [u8; 32],
    pub(super) copy: Copy,
}

/// The cases that were tried longest ago; orphans are no damage.
pub(super) async fn open(db: &Db, most: i64) -> Result<Vec<Case>, Error> {
    let mut tx = db.system("storage.open").await?;
    let rows = sqlx::query!(
        r#"select school_code, sha256 as "sha256!", copy from app.storage_case
           where healed_at is null and what <> 'orphaned' order by seen_at, school_code, id limit $1"#,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    let case = |school: &str, sha256: Vec<u8>, copy: &str| {
        let copy = Copy::BOTH.into_iter().find(|known| known.name() == copy)?;
        Some(Case { school: school.parse().ok()?, sha256: sha256.try_into().ok()?, copy })
    };
    Ok(rows.into_iter().filter_map(|row| case(&row.school_code, row.sha256, &row.copy)).collect())
}

/// A case was tried again.
pub(super) async fn retried(db: &Db, case: &Case, whole: bool, now: OffsetDateTime) -> Result<(), Error> {
    let key = object_key(case.school, &case.sha256);
    if whole {
        let ctx = Context::system(case.school, format!("storage-{}", uuid::Uuid::new_v4()), now);
        let mut tx = db.write(&ctx, "storage.healed").await?;
        let closed = close(&mut tx, &key, Some(case.copy)).await?;
        return if closed { tx.commit().await } else { Ok(()) };
    }
    let mut tx = db.system("storage.retried").await?;
    sqlx::query!(
        "update app.storage_case set seen_at = $4
         where school_code = $1 and object_key = $2 and copy = $3 and healed_at is null",
        case.school.as_str(),
        key,
        case.copy.name(),
        now
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

/// Copies that are bad now.
pub(super) async fn unhealed(db: &Db) -> Result<i64, Error> {
    let mut tx = db.system("storage.unhealed").await?;
    let open = sqlx::query_scalar!(
        r#"select count(*) as "open!" from app.storage_case where healed_at is null and what <> 'orphaned'"#
    );
    Ok(open.fetch_one(tx.conn()).await?)
}
