//! Where the worker's pass is: one row, held by one worker at a time.

use super::{Tally, known};
use anyhow::Result;
use kernel::school::SchoolCode;
use store::Db;
use time::{Duration, OffsetDateTime};

/// A pass is to be over by then; the promise is 30 days, and storage may be away for a while.
const GOAL: Duration = Duration::days(25);
/// A small city is not read more often than this.
const REST: Duration = Duration::days(1);
/// No pass is slower than this many bytes a second.
const SLOWEST: u64 = 4 * 1024 * 1024;
/// A worker that hasn't saved for so long is gone.
const LEASE: Duration = Duration::minutes(3);

/// The pass under way.
pub(super) struct Position {
    holder: String,
    began_at: OffsetDateTime,
    school: Option<SchoolCode>,
    after_key: Option<String>,
    /// The school was walked to its end.
    left: bool,
    cost: u64,
    spent: u64,
}

impl Position {
    /// Takes the pass, or begins one when it is time; `None` when another worker has it, or the last one is young.
    pub(super) async fn take(db: &Db, holder: &str, now: OffsetDateTime) -> Result<Option<Self>> {
        let mut tx = db.system("storage.scrub.take").await?;
        let row = sqlx::query!(
            "update app.scrub set holder = $1, held_until = $2
             where (holder is null or holder = $1 or held_until < $3)
               and (began_at is not null or last_began_at is null or last_began_at <= $4)
             returning began_at, school_code, after_key, cost, spent",
            holder,
            now + LEASE,
            now,
            now - REST
        )
        .fetch_optional(tx.conn())
        .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        let mut position = Self {
            holder: holder.to_owned(),
            began_at: row.began_at.unwrap_or(now),
            school: row.school_code.and_then(|code| code.parse().ok()),
            after_key: row.after_key,
            left: false,
            cost: number(row.cost),
            spent: number(row.spent),
        };
        if row.began_at.is_none() {
            position.begin(db).await?;
        }
        Ok(Some(position))
    }

    async fn begin(&mut self, db: &Db) -> Result<()> {
        self.cost = known::cost(db).await?;
        (self.spent, self.school, self.after_key) = (0, None, None);
        let mut tx = db.system("storage.scrub.begin").await?;
        sqlx::query!(
            "update app.scrub set began_at = $2, school_code = null, after_key = null, cost = $3, spent = 0,
                    objects = 0, copies = 0, bytes = 0
             where holder = $1",
            self.holder,
            self.began_at,
            signed(self.cost)
        )
        .execute(tx.conn())
        .await?;
        Ok(tx.commit().await?)
    }

    /// When the pass began.
    pub(super) fn began_at(&self) -> OffsetDateTime {
        self.began_at
    }

    /// Bytes a second that end the pass in time.
    pub(super) fn rate(&self, now: OffsetDateTime) -> u64 {
        let left = (self.began_at + GOAL - now).max(Duration::DAY).whole_seconds();
        (self.cost.saturating_sub(self.spent) / left.unsigned_abs()).max(SLOWEST)
    }

    /// The school to walk: the one it is in, then the next one.
    pub(super) async fn school(&self, db: &Db) -> Result<Option<SchoolCode>> {
        if let (Some(school), false) = (self.school, self.left) {
            return Ok(Some(school));
        }
        let last = self.school.map_or(String::new(), |school| school.to_string());
        let mut tx = db.system("storage.scrub.school").await?;
        let next = sqlx::query_scalar!(
            "select school_code from school.school where school_code > $1 order by school_code limit 1",
            last
        );
        Ok(next.fetch_optional(tx.conn()).await?.and_then(|code| code.parse().ok()))
    }

    /// The last key that is done.
    pub(super) fn after_key(&self) -> Option<String> {
        self.after_key.clone()
    }

    /// The school is done.
    pub(super) fn leave(&mut self, school: SchoolCode) {
        (self.school, self.after_key, self.left) = (Some(school), None, true);
    }

    /// Remembers how far it came and goes on holding it; `false` when another worker took it over.
    pub(super) async fn save(
        &mut self,
        db: &Db,
        school: SchoolCode,
        after_key: &str,
        tally: Tally,
        now: OffsetDateTime,
    ) -> Result<bool> {
        (self.school, self.after_key, self.left) = (Some(school), Some(after_key.to_owned()), false);
        self.spent += tally.cost();
        let mut tx = db.system("storage.scrub.save").await?;
        let saved = sqlx::query!(
            "update app.scrub set school_code = $2, after_key = $3, spent = $4, objects = objects + $5,
                    copies = copies + $6, bytes = bytes + $7, held_until = $8
             where holder = $1",
            self.holder,
            school.as_str(),
            after_key,
            signed(self.spent),
            signed(tally.objects),
            signed(tally.copies),
            signed(tally.bytes),
            now + LEASE
        )
        .execute(tx.conn())
        .await?;
        tx.commit().await?;
        Ok(saved.rows_affected() == 1)
    }

    /// The pass is over.
    pub(super) async fn finish(&self, db: &Db, tally: Tally, now: OffsetDateTime) -> Result<()> {
        let mut tx = db.system("storage.scrub.finish").await?;
        sqlx::query!(
            "update app.scrub set last_began_at = began_at, last_finished_at = $2, last_objects = objects,
                    last_copies = copies, last_bytes = bytes, began_at = null, school_code = null, after_key = null
             where holder = $1",
            self.holder,
            now
        )
        .execute(tx.conn())
        .await?;
        tx.commit().await?;
        tracing::info!(orphans_outside = tally.orphans, "both copies of every file were read");
        Ok(())
    }

    /// Lets another worker have it.
    pub(super) async fn release(&self, db: &Db) -> Result<()> {
        let mut tx = db.system("storage.scrub.release").await?;
        sqlx::query!("update app.scrub set holder = null, held_until = null where holder = $1", self.holder)
            .execute(tx.conn())
            .await?;
        Ok(tx.commit().await?)
    }
}

/// A pass that was made by hand is as good as the worker's: what it read need not be read again at once.
pub(super) async fn note_pass(db: &Db, began_at: OffsetDateTime, ended_at: OffsetDateTime, tally: Tally) -> Result<()> {
    let mut tx = db.system("storage.scrub.note").await?;
    sqlx::query!(
        "update app.scrub set last_began_at = $1, last_finished_at = $2, last_objects = $3, last_copies = $4,
                last_bytes = $5
         where last_began_at is null or last_began_at < $1",
        began_at,
        ended_at,
        signed(tally.objects),
        signed(tally.copies),
        signed(tally.bytes)
    )
    .execute(tx.conn())
    .await?;
    Ok(tx.commit().await?)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const BEGAN: OffsetDateTime = datetime!(2026-11-01 00:00 UTC);

    fn position(cost: u64, spent: u64) -> Position {
        let holder = String::new();
        Position { holder, began_at: BEGAN, school: None, after_key: None, left: false, cost, spent }
    }

    /// Issue 3 §1.2: "a full pass at least every 30 days".
    #[test]
    fn the_rate_ends_a_pass_within_25_days_and_catches_up_after_a_break() {
        const TIB: u64 = 1 << 40;
        let day = 24 * 60 * 60;
        assert_eq!(position(50 * TIB, 0).rate(BEGAN), 50 * TIB / (25 * day));
        assert_eq!(position(50 * TIB, 0).rate(BEGAN + Duration::days(15)), 50 * TIB / (10 * day));
        assert_eq!(position(50 * TIB, 40 * TIB).rate(BEGAN + Duration::days(24)), 10 * TIB / day);
        assert_eq!(
            position(50 * TIB, 40 * TIB).rate(BEGAN + Duration::days(90)),
            10 * TIB / day,
            "late, but no stampede"
        );
        assert_eq!(position(0, 0).rate(BEGAN), SLOWEST);
    }
}
