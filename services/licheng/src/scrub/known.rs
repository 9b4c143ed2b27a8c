//! What the rooms say they keep.

use kernel::school::SchoolCode;
use store::{Db, Error};

/// A content without a size of its own, or too small to count, costs as much as this many bytes: its round trip.
pub(super) const OBJECT_COST: u64 = 64 * 1024;

/// A content that some room keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) sha256: [u8; 32],
    /// In bytes, where the room knows.
    pub(super) size: Option<u64>,
}

/// Every school, in order.
pub(super) async fn schools(db: &Db) -> Result<Vec<SchoolCode>, Error> {
    let mut tx = db.system("storage.schools").await?;
    let codes =
        sqlx::query_scalar!("select school_code from school.school order by school_code").fetch_all(tx.conn()).await?;
    Ok(codes.iter().filter_map(|code| code.parse().ok()).collect())
}

/// The contents of a school whose keys come after one, in order of their keys.
pub(super) async fn after(db: &Db, school: SchoolCode, key: &str, most: usize) -> Result<Vec<Known>, Error> {
    let mut tx = db.system("storage.known").await?;
    let rows = sqlx::query!(
        r#"select sha256 as "sha256!", max(size) as size from app.kept_object
           where school_code = $1 and (school_code || '/' || encode(sha256, 'hex')) collate "C" > $2
           group by sha256 order by sha256 limit $3"#,
        school.as_str(),
        key,
        i64::try_from(most).unwrap_or(i64::MAX)
    )
    .fetch_all(tx.conn())
    .await?;
    let known = |sha256: Vec<u8>, size: Option<i64>| {
        Some(Known { sha256: sha256.try_into().ok()?, size: size.and_then(|size| u64::try_from(size).ok()) })
    };
    Ok(rows.into_iter().filter_map(|row| known(row.sha256, row.size)).collect())
}

/// What reading both copies of everything costs, in bytes.
pub(super) async fn cost(db: &Db) -> Result<u64, Error> {
    let mut cost = 0;
    // school by school: no statement takes long, however large the city
    for school in schools(db).await? {
        let mut tx = db.system("storage.cost").await?;
        let found = sqlx::query!(
            r#"select count(*) as "objects!", coalesce(sum(size), 0)::bigint as "bytes!"
               from (select max(size) as size from app.kept_object where school_code = $1 group by sha256) known"#,
            school.as_str()
        )
        .fetch_one(tx.conn())
        .await?;
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        cost += 2 * (number(found.bytes) + number(found.objects) * OBJECT_COST);
    }
    Ok(cost)
}
