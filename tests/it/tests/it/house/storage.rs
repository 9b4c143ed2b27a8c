//! The scrubber (issue 3 §1.2): what is damaged is found, mended and written down; what is read is what was saved.

pub(crate) mod bucket;

use super::{process, workspace};
use blob::{Copy, State};
use bytes::Bytes;
use kernel::school::SchoolCode;
use licheng::scrub::{Pace, Scrubber, Tally};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};
use sqlx::PgConnection;
use std::fs;
use testkit::City;
use time::Duration;

/// A school that no other test's objects lie under: storage is shared with them.
struct Yard {
    city: City,
    school: SchoolCode,
    admin: PgConnection,
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

/// What a row of `app.storage_case` says: copy, what, whether it is healed.
type Case = (String, String, bool);

impl Yard {
    async fn new() -> Self {
        let city = City::up().await;
        let code = hex::encode_upper(random(3));
        let mut admin = city.admin().await;
        sqlx::query(
            "insert into school.school (school_code, name, short_name, kind, ownership, on_city_sis, account_prefix)
             values ($1, 'Scrubbed', 'Scrubbed', 'senior_high', 'public', true, 'scrubbed')",
        )
        .bind(&code)
        .execute(&mut admin)
        .await
        .expect("a school");
        Self { city, school: code.parse().expect("a school code"), admin }
    }

    fn key(&self, sha256: &[u8; 32]) -> String {
        format!("{}/{}", self.school, hex::encode(sha256))
    }

    /// Two copies in storage, and no row.
    async fn store(&self, length: usize) -> Bytes {
        let bytes = Bytes::from(random(length));
        self.city.house.vault.keep_opaque(&self.school, bytes.clone()).await.expect("storage");
        bytes
    }

    /// A row that keeps a content: an import does without students.
    async fn know(&mut self, sha256: &[u8; 32]) {
        sqlx::query(
            "insert into school.import (school_code, kind, academic_year, term, file_name, file_sha256, sealed_sha256,
               file_size, fingerprint, counts, findings, uploaded_by, uploaded_at)
             values ($1, 'students', 115, 1, 'x.csv', $2, $2, 1, '\\x00', '{}', '[]', 1, $3)",
        )
        .bind(self.school.as_str())
        .bind(sha256.as_slice())
        .bind(self.city.now())
        .execute(&mut self.admin)
        .await
        .expect("a row");
    }

    async fn kept(&mut self, length: usize) -> Bytes {
        let bytes = self.store(length).await;
        self.know(&sha256(&bytes)).await;
        bytes
    }

    async fn flip(&self, copy: Copy, content: &Bytes) {
        let mut bytes = content.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bucket::put(&self.city, copy, &self.key(&sha256(content)), &bytes).await;
    }

    async fn cut(&self, copy: Copy, content: &Bytes) {
        bucket::put(&self.city, copy, &self.key(&sha256(content)), &content[..content.len() / 2]).await;
    }

    async fn lose(&self, copy: Copy, content: &Bytes) {
        bucket::delete(&self.city, copy, &self.key(&sha256(content))).await;
    }

    fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.city.db("worker"), self.city.house.vault.clone(), self.city.clock.clone())
    }

    async fn pass(&self) -> Tally {
        let mut pace = Pace::new(None);
        self.scrubber().pass(Some(self.school), &mut pace, |_, _| {}).await.expect("a pass")
    }

    async fn is_whole(&self, content: &Bytes) {
        for copy in Copy::BOTH {
            let found = self.city.house.vault.inspect(copy, &self.school, &sha256(content)).await.expect("storage");
            assert_eq!(found, State::Whole(content.clone()), "{}", copy.name());
        }
    }

    async fn cases(&mut self, sha256: &[u8; 32]) -> Vec<Case> {
        sqlx::query_as(
            "select copy, what, healed_at is not null from app.storage_case
             where school_code = $1 and sha256 = $2 order by copy, found_at, id",
        )
        .bind(self.school.as_str())
        .bind(sha256.as_slice())
        .fetch_all(&mut self.admin)
        .await
        .expect("the cases")
    }

    async fn number(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).bind(self.school.as_str()).fetch_one(&mut self.admin).await.expect(sql)
    }
}

fn case(copy: Copy, what: &str, healed: bool) -> Case {
    (copy.name().to_owned(), what.to_owned(), healed)
}

const AUDITS: &str = "select count(*) from app.audit where school_code = $1 and action like 'storage.%'";
const CASES: &str = "select count(*) from app.storage_case where school_code = $1";

/// Issue 3 §1.2: "finds flipped, truncated, missing and orphaned objects in either copy, heals from the good one,
/// records each case".
#[tokio::test(flavor = "multi_thread")]
async fn every_damage_is_found_mended_and_written_down() {
    let mut yard = Yard::new().await;
    let untouched = yard.kept(3000).await;
    let mut damaged = Vec::new();
    for copy in Copy::BOTH {
        for what in ["flipped", "truncated", "missing"] {
            let content = yard.kept(5000).await;
            match what {
                "flipped" => yard.flip(copy, &content).await,
                "truncated" => yard.cut(copy, &content).await,
                _ => yard.lose(copy, &content).await,
            }
            damaged.push((content, vec![case(copy, what, true)]));
        }
    }
    // both at once: buckets keep older versions
    let both = yard.kept(4000).await;
    yard.flip(Copy::Primary, &both).await;
    yard.lose(Copy::Replica, &both).await;
    damaged.push((both, vec![case(Copy::Primary, "flipped", true), case(Copy::Replica, "missing", true)]));
    // never there at all: nothing can bring it back
    let lost = Bytes::from(random(2000));
    yard.know(&sha256(&lost)).await;
    let orphan = yard.store(1000).await;
    let young = yard.pass().await;
    assert_eq!((young.orphans, young.bad, young.healed), (0, 10, 8), "an object of today may be on its way: {young:?}");
    assert_eq!((young.objects, young.copies), (9, 16), "{young:?}");

    for (content, wanted) in &damaged {
        yard.is_whole(content).await;
        assert_eq!(yard.cases(&sha256(content)).await, *wanted);
    }
    yard.is_whole(&untouched).await;
    assert_eq!(yard.cases(&sha256(&untouched)).await, []);
    let gone = [case(Copy::Primary, "missing", false), case(Copy::Replica, "missing", false)];
    assert_eq!(yard.cases(&sha256(&lost)).await, gone);
    assert_eq!(yard.scrubber().unhealed().await.expect("the cases"), 2);
    assert_eq!(yard.number(AUDITS).await, 10 + 8, "each found and each mended once");
    let proven = "select count(*) from app.stored_object where school_code = $1";
    assert_eq!(yard.number(proven).await, 8);

    // a second pass finds the same two again and writes nothing; tomorrow the orphan is one
    yard.city.pass(Duration::days(2));
    let later = yard.pass().await;
    assert_eq!((later.bad, later.healed, later.orphans), (2, 0, 2), "{later:?}");
    assert_eq!(yard.cases(&sha256(&orphan)).await, Copy::BOTH.map(|copy| case(copy, "orphaned", false)));
    assert_eq!((yard.number(CASES).await, yard.number(AUDITS).await), (12, 20));
    yard.is_whole(&orphan).await;

    // what comes back closes its cases, and so does an orphan that somebody keeps after all
    yard.city.house.vault.keep_opaque(&yard.school, lost.clone()).await.expect("storage");
    yard.know(&sha256(&orphan)).await;
    let last = yard.pass().await;
    assert_eq!((last.objects, last.copies, last.bad, last.orphans), (10, 20, 0, 0), "{last:?}");
    assert_eq!(
        yard.number("select count(*) from app.storage_case where school_code = $1 and healed_at is null").await,
        0
    );
    assert_eq!(yard.number(CASES).await, 12);

    let school = yard.school.to_string();
    let printed = process::run(&yard.city, &["audit", "storage", "--school", &school]).await;
    assert!(printed.contains(&format!("{school}  10 files, 20 whole copies")) && printed.contains("MB/s"), "{printed}");
}

/// The worker's slices: all schools, once a day at most, and what is open is tried again in between.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_goes_round_and_what_is_open_is_tried_again() {
    let mut yard = Yard::new().await;
    let known = yard.kept(3000).await;
    let lost = Bytes::from(random(2000));
    yard.know(&sha256(&lost)).await;
    // proven long ago, and kept by nobody since
    sqlx::query("insert into app.stored_object values ($1, sha256('gone'), 1, $2 - interval '40 days')")
        .bind(yard.school.as_str())
        .bind(yard.city.now())
        .execute(&mut yard.admin)
        .await
        .expect("a row");
    let finished =
        "select count(*) from app.scrub where last_finished_at is not null and began_at is null and $1 <> ''";
    for _ in 0..30 {
        yard.city.round("storage.scrub").await;
        if yard.number(finished).await == 1 {
            break;
        }
    }
    assert_eq!(yard.number(finished).await, 1, "a small city is read in a few slices");
    let kept = "select count(*) from (select distinct school_code, sha256 from app.kept_object) kept where $1 <> ''";
    let proven =
        "select count(*) from app.stored_object where verified_at = (select last_began_at from app.scrub) and $1 <> ''";
    assert_eq!(yard.number(proven).await, yard.number(kept).await - 1, "all but the lost one");
    let of_mine = "select count(*) from app.stored_object where school_code = $1";
    assert_eq!(yard.number(of_mine).await, 1, "what nobody keeps is forgotten");
    let counted = "select last_copies from app.scrub where $1 <> ''";
    assert_eq!(yard.number(counted).await, 2 * (yard.number(kept).await - 1));

    // not again today; but a case that is open is tried in every round
    yard.lose(Copy::Replica, &known).await;
    yard.city.house.vault.keep_opaque(&yard.school, lost.clone()).await.expect("storage");
    yard.city.pass(Duration::hours(1));
    yard.city.round("storage.scrub").await;
    assert_eq!(yard.cases(&sha256(&lost)).await, Copy::BOTH.map(|copy| case(copy, "missing", true)));
    assert_eq!(yard.cases(&sha256(&known)).await, []);
    assert_eq!(yard.number(finished).await, 1);
    yard.city.pass(Duration::days(1));
    yard.city.round("storage.scrub").await;
    assert_eq!(yard.cases(&sha256(&known)).await, [case(Copy::Replica, "missing", true)]);
    yard.is_whole(&known).await;
}

/// A worker goes on where the last one stopped, and two don't read the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_held_by_one_and_taken_up_by_the_next() {
    let mut yard = Yard::new().await;
    let contents = [yard.kept(100).await, yard.kept(100).await, yard.kept(100).await];
    let mut hashes: Vec<[u8; 32]> = contents.iter().map(|content| sha256(content)).collect();
    hashes.sort_unstable();
    let (before, now) = (yard.key(&hashes[0]), yard.city.now());
    // somebody has it
    sqlx::query(
        "update app.scrub set began_at = $1, school_code = $2, after_key = $3, holder = 'another', held_until = $4",
    )
    .bind(now)
    .bind(yard.school.as_str())
    .bind(before)
    .bind(now + Duration::minutes(3))
    .execute(&mut yard.admin)
    .await
    .expect("the administrator may");
    let proven = "select count(*) from app.stored_object where school_code = $1";
    yard.city.round("storage.scrub").await;
    assert_eq!(yard.number(proven).await, 0, "another worker is at it");
    // and is gone
    yard.city.pass(Duration::minutes(4));
    yard.city.round("storage.scrub").await;
    assert_eq!(yard.number(proven).await, 2, "from where it was, not from the beginning");
    let first = sqlx::query_scalar::<_, i64>("select count(*) from app.stored_object where sha256 = $1")
        .bind(hashes[0].as_slice())
        .fetch_one(&mut yard.admin)
        .await
        .expect("a count");
    assert_eq!(first, 0);
}

/// How fast a pass is where nobody slows it down; the worker's least pace must be well within.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_measured() {
    let mut yard = Yard::new().await;
    for _ in 0..24 {
        yard.kept(1_000_000).await;
    }
    let mut pace = Pace::new(None);
    let tally = yard.scrubber().pass(Some(yard.school), &mut pace, |_, _| {}).await.expect("a pass");
    let rate = tally.bytes as f64 / pace.elapsed().as_secs_f64() / 1e6;
    println!("scrubbed {} files, {} bytes in {:.2?}: {rate:.1} MB/s", tally.objects, tally.bytes, pace.elapsed());
    assert_eq!((tally.objects, tally.copies, tally.bytes), (24, 48, 48_000_000));
    assert!(rate > 8.4, "{rate} MB/s is less than a slice's least pace");
    // and with a pace it takes as long as it should
    let mut slow = Pace::new(Some(24_000_000));
    yard.scrubber().pass(Some(yard.school), &mut slow, |_, _| {}).await.expect("a pass");
    assert!(slow.elapsed().as_secs_f64() >= 1.9, "{:?}", slow.elapsed());
}

/// A room that puts something into storage names it in its view, or the scrubber would never read it.
#[test]
fn rooms_that_keep_files_name_them() {
    let root = workspace();
    let migrations: String = fs::read_dir(root.join("migrations"))
        .expect("the migrations")
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("a readable migration"))
        .collect();
    let mut keepers = Vec::new();
    for entry in fs::read_dir(root.join("services")).expect("the services") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let keeps = |text: &str| [".ingest(", ".keep_opaque(", ".finalise("].iter().any(|call| text.contains(call));
        if name == "licheng"
            || !super::rooms::sources(&path).iter().any(|path| keeps(&fs::read_to_string(path).expect("a source")))
        {
            continue;
        }
        assert!(migrations.contains(&format!("create view {name}.kept_object ")), "{name} keeps files and names none");
        assert!(migrations.contains(&format!("from {name}.kept_object")), "{name}'s files are not in app.kept_object");
        keepers.push(name);
    }
    keepers.sort();
    assert_eq!(keepers, ["counseling", "portfolio", "school"]);
}
