//! The end of a deleted file (issue 3 §1.1, domain A-31).

use super::Pupil;
use blob::{Copy, State, samples};
use kernel::{clock::Clock, school::SchoolCode};
use licheng::scrub::Scrubber;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};
use testkit::City;
use time::Duration;

const YEARS: Duration = Duration::days(5 * 365 + 2);

/// A student and what storage holds of theirs.
struct Shelf {
    pupil: Pupil,
    school: SchoolCode,
}

impl Shelf {
    async fn of(city: City) -> Self {
        let pupil = Pupil::in_city(city).await;
        let school = pupil.school.parse().expect("a school code");
        Self { pupil, school }
    }

    /// A content that no other test stores.
    fn content() -> Vec<u8> {
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).expect("the system gives random bytes");
        samples::pdf(&[&hex::encode(random)])
    }

    async fn upload(&self, outcome: usize, slot: &str, content: &[u8]) -> i64 {
        let id = self.pupil.outcome(outcome).await;
        let (file, saved) = self.pupil.upload(("outcome", id), slot, "報告.pdf", content).await;
        saved.expect(200);
        file
    }

    async fn delete(&self, file: i64) {
        self.pupil.me.delete(&format!("files/{file}")).await.expect(204);
    }

    /// The student left so long ago.
    async fn left(&self, ago: Duration) {
        sqlx::query("update school.student set left_at = $2 where school_code = $1 and id = $3")
            .bind(self.school.as_str())
            .bind(self.pupil.city.now() - ago)
            .bind(self.pupil.me.subject())
            .execute(&mut self.pupil.admin().await)
            .await
            .expect("a student");
    }

    /// The worker's round, so many days from now.
    async fn erase(&self, days: i64) {
        let city = &self.pupil.city;
        let clock = Clock::standing_at(city.now() + Duration::days(days));
        Scrubber::new(city.db("worker"), city.house.vault.clone(), clock).erase().await.expect("a round");
    }

    async fn is_there(&self, content: &[u8]) -> bool {
        let hash = digest(&SHA256, content).as_ref().try_into().expect("32 bytes");
        let vault = &self.pupil.city.house.vault;
        let mut there = Vec::new();
        for copy in Copy::BOTH {
            there.push(vault.inspect(copy, &self.school, &hash).await.expect("storage") != State::Missing);
        }
        assert_eq!(there[0], there[1], "both copies go the same way");
        there[0]
    }

    async fn trail(&self) -> Vec<String> {
        sqlx::query_scalar(
            "select action from app.audit where school_code = $1 and (action like 'object.%' or action = 'file.retire')
              order by at, id",
        )
        .bind(self.school.as_str())
        .fetch_all(&mut self.pupil.admin().await)
        .await
        .expect("the audit")
    }
}

/// The second copy lies in a bucket that object storage does not lock: the usual one is locked for 30 days.
async fn without_lock() -> City {
    let of_backup = |what: &str| super::files::variable(&format!("LICHENG_BACKUP_S3_{what}"));
    let [bucket, access_key, secret_key] = ["BUCKET", "ACCESS_KEY", "SECRET_KEY"].map(of_backup);
    let settings = [
        ("LICHENG_S3_REPLICA_BUCKET", bucket.as_str()),
        ("LICHENG_S3_REPLICA_ACCESS_KEY", &access_key),
        ("LICHENG_S3_REPLICA_SECRET_KEY", &secret_key),
        // one bucket can't be both
        ("LICHENG_BACKUP_S3_ENDPOINT", ""),
        ("LICHENG_BACKUP_S3_BUCKET", ""),
        ("LICHENG_BACKUP_S3_ACCESS_KEY", ""),
        ("LICHENG_BACKUP_S3_SECRET_KEY", ""),
    ];
    City::with(&settings).await
}

/// Domain A-31: "until graduation + 5 years"; the number is the ruleset's.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_kept_until_its_student_has_left_for_five_years() {
    let shelf = Shelf::of(without_lock().await).await;
    let [gone, theirs, shared] = [Shelf::content(), Shelf::content(), Shelf::content()];
    let deleted = shelf.upload(0, "document", &gone).await;
    shelf.delete(deleted).await;
    shelf.upload(1, "document", &theirs).await;
    let twice = shelf.upload(2, "document", &shared).await;
    shelf.delete(twice).await;
    shelf.upload(3, "document", &shared).await;

    for (ago, retired) in [(None, 0), (Some(YEARS - Duration::days(4)), 0), (Some(YEARS), 2)] {
        if let Some(ago) = ago {
            shelf.left(ago).await;
        }
        shelf.pupil.city.round("portfolio.file.retire").await;
        let count =
            "select count(*) from portfolio.file where school_code = $1 and student_id = $2 and retired_at is not null";
        assert_eq!(shelf.pupil.number(count).await, retired, "{ago:?}");
        shelf.erase(0).await;
    }
    assert!(!shelf.is_there(&gone).await, "hidden");
    shelf.erase(6).await;
    assert_eq!(
        shelf.trail().await,
        ["file.retire", "file.retire", "object.retire", "object.mark"],
        "not before a week is over"
    );
    shelf.erase(8).await;
    assert_eq!(shelf.trail().await.last().map(String::as_str), Some("object.erase"));
    for kept in [&theirs, &shared] {
        assert!(shelf.is_there(kept).await, "what a file still keeps is never touched");
    }
    shelf.erase(30).await;
    assert_eq!(shelf.trail().await.len(), 5, "once is enough");
}

/// The content comes again in the week between: whoever stored it has it for good.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_again_before_its_end_stays() {
    let shelf = Shelf::of(City::up().await).await;
    let content = Shelf::content();
    let deleted = shelf.upload(0, "document", &content).await;
    shelf.delete(deleted).await;
    shelf.left(YEARS).await;
    shelf.pupil.city.round("portfolio.file.retire").await;
    shelf.erase(0).await;
    assert!(!shelf.is_there(&content).await);
    shelf.upload(1, "document", &content).await;
    assert!(shelf.is_there(&content).await);
    for days in [1, 8, 20] {
        shelf.erase(days).await;
    }
    assert!(shelf.is_there(&content).await);
    assert_eq!(shelf.trail().await.last().map(String::as_str), Some("object.keep"));
}

/// A lock of object storage is stronger than our rule: the content waits, hidden and whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_locked_waits() {
    let shelf = Shelf::of(City::up().await).await;
    let house = &shelf.pupil.city.house;
    house.vault.prepare(house.config.http.origin.as_str()).await.expect("a second bucket that locks");
    let content = Shelf::content();
    let deleted = shelf.upload(0, "document", &content).await;
    shelf.delete(deleted).await;
    shelf.left(YEARS).await;
    shelf.pupil.city.round("portfolio.file.retire").await;
    for days in [0, 8] {
        shelf.erase(days).await;
    }
    assert_eq!(shelf.trail().await.last().map(String::as_str), Some("object.mark"));
    let hash = digest(&SHA256, &content).as_ref().try_into().expect("32 bytes");
    let read = shelf.pupil.city.house.vault.open(&shelf.school, &hash).await.expect("an older version");
    assert_eq!(read, content);
}
