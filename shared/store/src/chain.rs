//! The hash chain over each school's audit: sealed in batches by the worker, checked by anyone.
//!
//! A chain link per row would make every writer of a school wait for the one before. So rows are
//! sealed afterwards, in the order (transaction id, row id), and only those whose transactions are
//! all over: nothing can join the order before them any more.

use crate::{Db, Error};
use kernel::{clock::Clock, school::SchoolCode};
use ring::digest::{Context as Digest, SHA256, digest};

/// Rows sealed in one link.
const BATCH: i64 = 5_000;

/// Seals what is settled, school by school. Says how many rows were sealed.
pub async fn seal(db: &Db, clock: &Clock) -> Result<usize, Error> {
    let mut sealed = 0;
    for school in schools_with_unsealed_rows(db).await? {
        sealed += seal_school(db, clock, &school).await?;
    }
    Ok(sealed)
}

/// One look into the index for each school: the audit grows for ever, this doesn't.
async fn schools_with_unsealed_rows(db: &Db) -> Result<Vec<String>, Error> {
    let mut tx = db.system("audit.unsealed").await?;
    let schools = sqlx::query_scalar!(
        r#"select c.code as "school_code!"
           from (select school_code from school.school union select $1) as c (code)
           left join lateral (select last_xid, last_id from app.audit_seal s where s.school_code = c.code
                              order by seq desc limit 1) s on true
           where exists (select from app.audit a where a.school_code = c.code
                           and (a.xid, a.id) > (coalesce(s.last_xid, '0'::xid8), coalesce(s.last_id, 0))
                           and a.xid < pg_snapshot_xmin(pg_current_snapshot()))"#,
        SchoolCode::CITY.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(schools)
}

/// A row of the audit as the chain sees it.
struct Row {
    id: i64,
    at: String,
    xid: String,
    text: String,
}

impl Row {
    fn hash(&self) -> [u8; 32] {
        digest(&SHA256, self.text.as_bytes()).as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }
}

async fn seal_school(db: &Db, clock: &Clock, school: &str) -> Result<usize, Error> {
    let mut tx = db.system("audit.seal").await?;
    // one sealer a school at a time; whoever comes second finds nothing left to do
    sqlx::query!("select pg_advisory_xact_lock(hashtext('audit'), hashtext($1))", school).execute(tx.conn()).await?;
    let last = sqlx::query!(
        r#"select seq, last_xid::text as "last_xid!", last_id, chain_hash from app.audit_seal
           where school_code = $1 order by seq desc limit 1"#,
        school
    )
    .fetch_optional(tx.conn())
    .await?;
    let (seq, after_xid, after_id, previous) =
        last.map_or((0, "0".to_owned(), 0, vec![0; 32]), |l| (l.seq, l.last_xid, l.last_id, l.chain_hash));
    let rows = rows(&mut tx, school, (&after_xid, after_id), None).await?;
    let Some(end) = rows.last() else { return Ok(0) };
    let hashes: Vec<u8> = rows.iter().flat_map(Row::hash).collect();
    let chain = link(&previous, &hashes);
    sqlx::query!(
        "insert into app.audit_seal (school_code, seq, last_xid, last_id, row_count, row_hashes, chain_hash, sealed_at)
         values ($1, $2, $3::text::xid8, $4, $5, $6, $7, $8)",
        school,
        seq + 1,
        end.xid,
        end.id,
        i32::try_from(rows.len()).expect("a batch is small"),
        hashes,
        chain.as_slice(),
        clock.now()
    )
    .execute(tx.conn())
    .await?;
    let sealed = rows.len();
    tx.commit().await?;
    Ok(sealed)
}

/// The settled rows after a position, at most one batch; up to `until` when a link is checked.
async fn rows(
    tx: &mut crate::SystemTx,
    school: &str,
    after: (&str, i64),
    until: Option<(&str, i64)>,
) -> Result<Vec<Row>, Error> {
    let (until_xid, until_id) = until.unzip();
    let limit = if until.is_some() { i64::MAX } else { BATCH };
    let rows = sqlx::query_as!(
        Row,
        r#"select id, at::text as "at!", xid::text as "xid!",
                  jsonb_build_array(id, xid::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                    actor_person, actor_role, actor_subject, transaction, action, entity, entity_id,
                    before, after, request_id)::text as "text!"
           from app.audit
           where school_code = $1 and (xid, id) > ($2::text::xid8, $3)
             and xid < pg_snapshot_xmin(pg_current_snapshot())
             and ($4::text is null or (xid, id) <= ($4::text::xid8, $5))
           order by xid, id limit $6"#,
        school,
        after.0,
        after.1,
        until_xid,
        until_id,
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

fn link(previous: &[u8], hashes: &[u8]) -> [u8; 32] {
    let mut chain = Digest::new(&SHA256);
    chain.update(previous);
    chain.update(hashes);
    chain.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// Every school whose audit has been sealed.
pub async fn sealed_schools(db: &Db) -> Result<Vec<SchoolCode>, Error> {
    let mut tx = db.system("audit.sealed_schools").await?;
    let codes =
        sqlx::query_scalar!("select distinct school_code from app.audit_seal order by 1").fetch_all(tx.conn()).await?;
    Ok(codes.iter().filter_map(|code| code.parse().ok()).collect())
}

/// What a check of one school's audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every sealed row is as it was; so many rows in so many links.
    Whole {
        /// Rows covered by seals.
        rows: usize,
        /// Links of the chain.
        links: usize,
    },
    /// The first place where the audit is not what was sealed.
    Broken {
        /// The link of the chain, counted from 1.
        link: i64,
        /// What is wrong, naming the row.
        what: String,
    },
}

/// Checks one school's chain from its beginning and names the first broken row.
pub async fn verify(db: &Db, school: SchoolCode) -> Result<Verdict, Error> {
    let mut tx = db.system("audit.verify").await?;
    let links = sqlx::query!(
        r#"select seq, last_xid::text as "last_xid!", last_id, row_count, row_hashes, chain_hash from app.audit_seal
           where school_code = $1 order by seq"#,
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    let (mut after, mut previous, mut checked) = (("0".to_owned(), 0), vec![0; 32], 0);
    for (n, seal) in links.iter().enumerate() {
        let broken = |what: String| Ok(Verdict::Broken { link: seal.seq, what });
        if usize::try_from(seal.seq) != Ok(n + 1) {
            return broken(format!("link {} is missing", n + 1));
        }
        if link(&previous, &seal.row_hashes).as_slice() != seal.chain_hash {
            return broken("the seal itself was changed".to_owned());
        }
        let rows = rows(&mut tx, school.as_str(), (&after.0, after.1), Some((&seal.last_xid, seal.last_id))).await?;
        if let Some(what) = first_difference(&rows, &seal.row_hashes) {
            return broken(what);
        }
        checked += rows.len();
        after = (seal.last_xid.clone(), seal.last_id);
        previous.clone_from(&seal.chain_hash);
    }
    Ok(Verdict::Whole { rows: checked, links: links.len() })
}

fn first_difference(rows: &[Row], sealed: &[u8]) -> Option<String> {
    let sealed: Vec<&[u8]> = sealed.chunks(32).collect();
    for (n, hash) in sealed.iter().enumerate() {
        let Some(row) = rows.get(n) else {
            return Some(format!("the last {} sealed rows are missing", sealed.len() - n));
        };
        if row.hash().as_slice() != *hash {
            let follows = sealed.get(n + 1).is_some_and(|next| row.hash().as_slice() == *next);
            let happened = if follows { "a row was removed before" } else { "changed or put in:" };
            return Some(format!("{happened} row {} of {} (entry {} of the link)", row.id, row.at, n + 1));
        }
    }
    (rows.len() > sealed.len()).then(|| format!("row {} was put in after sealing", rows[sealed.len()].id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, text: &str) -> Row {
        Row { id, at: "then".to_owned(), xid: id.to_string(), text: text.to_owned() }
    }

    fn sealed(rows: &[Row]) -> Vec<u8> {
        rows.iter().flat_map(Row::hash).collect()
    }

    /// Issue 2 §1.5: the check "names the first broken row".
    #[test]
    fn a_changed_a_missing_and_an_added_row_are_named() {
        let seal = sealed(&[row(1, "a"), row(2, "b"), row(3, "c")]);
        assert_eq!(first_difference(&[row(1, "a"), row(2, "b"), row(3, "c")], &seal), None);
        let changed = first_difference(&[row(1, "a"), row(2, "x"), row(3, "c")], &seal).unwrap();
        assert!(changed.contains("changed") && changed.contains("row 2"), "{changed}");
        let removed = first_difference(&[row(1, "a"), row(3, "c")], &seal).unwrap();
        assert!(removed.contains("removed before row 3"), "{removed}");
        let cut = first_difference(&[row(1, "a")], &seal).unwrap();
        assert!(cut.contains("last 2"), "{cut}");
        let added = first_difference(&[row(1, "a"), row(2, "b"), row(3, "c"), row(4, "d")], &seal).unwrap();
        assert!(added.contains("row 4 was put in"), "{added}");
    }
}
