//! The vault with a real S3 server and a real clamd, whose addresses stand in the environment:
//!
//! ```text
//! cargo run -p local --bin components -- cargo test -p blob
//! ```

mod support;

use blob::{Accept, BlobError, Copy, Harm, MediaType, NotStored, Part, Refusal, Sighting, State, samples};
use bytes::Bytes;
use kernel::ids::FileId;
use ring::digest::{SHA256, digest};
use support::{Upload, Yard};
use time::OffsetDateTime;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

fn report() -> Vec<u8> {
    samples::pdf(&["Report"])
}

/// Five and a half megabytes: two parts.
fn long_recording() -> Vec<u8> {
    samples::mp3(1400)
}

/// Design §5: "re-reads the object, computes SHA-256, … writes a second copy …, and only then says saved".
#[tokio::test]
async fn an_upload_is_proven_and_kept_twice() {
    let yard = Yard::new().await;
    let upload = Upload::of(&yard, report(), Accept::Document).await;
    upload.send_all().await;
    let stored = upload.finalise().await.unwrap();

    assert_eq!(stored.sha256, sha256(&report()));
    assert_eq!(hex::encode(stored.md5), support::md5(&report()));
    assert_eq!((stored.size, stored.media_type, stored.copies), (report().len() as u64, MediaType::Pdf, 2));
    assert_eq!(yard.vault.exists(&yard.school, &stored.sha256).await.unwrap(), (true, true));
    for copy in [Copy::Primary, Copy::Replica] {
        let state = yard.vault.inspect(copy, &yard.school, &stored.sha256).await.unwrap();
        assert_eq!(state, State::Whole(report().into()));
    }
    assert_eq!(yard.vault.open(&yard.school, &stored.sha256).await.unwrap(), report());
    assert_eq!(yard.versions(Copy::Primary, &upload.plan.key).await, 0, "the upload's own bytes are gone");
}

/// Domain A-30: "content-addressed; … never overwritten".
#[tokio::test]
async fn the_same_content_is_never_written_again() {
    let yard = Yard::new().await;
    let first = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let second = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    assert_eq!(first, second);
    let key = yard.key(&first.sha256);
    assert_eq!((yard.versions(Copy::Primary, &key).await, yard.versions(Copy::Replica, &key).await), (1, 1));
}

/// Every step is left half-way once, as if the process had been killed there.
#[tokio::test]
async fn finalising_goes_on_after_a_crash_at_any_step() {
    let yard = Yard::new().await;
    // each its own content, so that no step is done by another
    for step in 0..5u64 {
        let content = samples::png(16, 16, step);
        let hash = sha256(&content);
        let upload = Upload::of(&yard, content.clone(), Accept::Document).await;
        upload.send_all().await;
        match step {
            0 => {}
            1 => upload.complete().await,
            2 => {
                upload.complete().await;
                yard.put(Copy::Primary, &yard.key(&hash), &content).await;
            }
            3 => {
                upload.complete().await;
                yard.put(Copy::Primary, &yard.key(&hash), &content).await;
                yard.put(Copy::Replica, &yard.key(&hash), &content).await;
            }
            // answered, but the caller died before its commit
            _ => drop(upload.finalise().await.unwrap()),
        }
        let stored = upload.finalise().await.unwrap_or_else(|error| panic!("step {step}: {error}"));
        assert_eq!(stored, upload.finalise().await.unwrap(), "step {step}: asked again");
        assert_eq!((stored.sha256, stored.media_type), (hash, MediaType::Png), "step {step}");
        let key = yard.key(&hash);
        let versions = (yard.versions(Copy::Primary, &key).await, yard.versions(Copy::Replica, &key).await);
        assert_eq!(versions, (1, 1), "step {step}: written once");
    }
}

#[tokio::test]
async fn two_calls_at_once_agree() {
    let yard = Yard::new().await;
    let upload = Upload::of(&yard, report(), Accept::Document).await;
    upload.send_all().await;
    let (one, other) = tokio::join!(upload.finalise(), upload.finalise());
    assert_eq!(one.unwrap(), other.unwrap());
    let key = yard.key(&sha256(&report()));
    assert_eq!(yard.versions(Copy::Primary, &key).await, 1);
}

/// Issue "yearly loop" §3.4: "resume after a lost connection or reload".
#[tokio::test]
async fn an_upload_resumes_where_a_part_is_missing() {
    let yard = Yard::new().await;
    let upload = Upload::of(&yard, long_recording(), Accept::Media).await;
    assert_eq!(upload.plan.parts.len(), 2);
    upload.send(&upload.plan.parts[1]).await;

    let Err(NotStored::Incomplete { missing }) = upload.finalise().await else { panic!("a part is missing") };
    assert_eq!(missing, [1]);
    let plan = upload.resume().await.unwrap();
    assert_eq!(plan.stored.iter().map(|part| part.number).collect::<Vec<_>>(), [2]);
    assert_eq!(plan.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [1]);

    upload.send(&plan.parts[0]).await;
    assert!(upload.resume().await.unwrap().parts.is_empty());
    let stored = upload.finalise().await.unwrap();
    assert_eq!((stored.sha256, stored.media_type), (sha256(&long_recording()), MediaType::Mp3));
    assert!(upload.resume().await.unwrap().parts.is_empty(), "nothing is left to send after the end");
}

/// "A damaged copy is never served": changed, missing, or the whole first copy away.
#[tokio::test]
async fn a_damaged_first_copy_is_mended_from_the_second() {
    let yard = Yard::new().await;
    let stored = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let key = yard.key(&stored.sha256);
    let mut flipped = report();
    flipped[100] ^= 1;
    for damage in [Some(flipped), Some(report()[..50].to_vec()), None] {
        match &damage {
            Some(bytes) => yard.put_over(Copy::Primary, &key, bytes).await,
            None => yard.delete(Copy::Primary, &key).await,
        }
        let before = yard.vault.inspect(Copy::Primary, &yard.school, &stored.sha256).await.unwrap();
        let size = damage.as_ref().map(|bytes| bytes.len() as u64);
        let wanted = if damage.is_some() { State::Damaged { size } } else { State::Missing };
        assert_eq!(before, wanted);
        assert_eq!(yard.vault.probe(Copy::Primary, &yard.school, &stored.sha256).await.unwrap(), before.seen());
        assert_eq!(yard.vault.open(&yard.school, &stored.sha256).await.unwrap(), report());
        yard.becomes_whole(Copy::Primary, &stored.sha256, &report()).await;
    }
    assert_eq!(yard.with_primary_away().open(&yard.school, &stored.sha256).await.unwrap(), report());
}

#[tokio::test]
async fn a_second_copy_is_mended_on_demand_and_a_loss_is_said() {
    let yard = Yard::new().await;
    let stored = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let key = yard.key(&stored.sha256);
    yard.put_over(Copy::Replica, &key, b"rot").await;
    yard.vault.heal(Copy::Replica, &yard.school, &stored.sha256).await.unwrap();
    let mended = yard.vault.inspect(Copy::Replica, &yard.school, &stored.sha256).await.unwrap();
    assert_eq!(mended, State::Whole(report().into()));

    for copy in Copy::BOTH {
        yard.forget(copy, &key).await;
        yard.put(copy, &key, b"rot").await;
    }
    let lost = yard.vault.open(&yard.school, &stored.sha256).await;
    assert!(matches!(lost, Err(BlobError::Lost)), "{lost:?}");
    let unhealed = yard.vault.heal(Copy::Primary, &yard.school, &stored.sha256).await;
    assert!(matches!(unhealed, Err(BlobError::Lost)), "{unhealed:?}");
    let never = yard.vault.open(&yard.school, &[0; 32]).await;
    assert!(matches!(never, Err(BlobError::Lost)), "{never:?}");
}

/// Versioning is the third net: what was overwritten or deleted in both copies is still there as an older version.
#[tokio::test]
async fn with_both_copies_bad_an_older_version_is_given_and_both_are_mended() {
    let yard = Yard::new().await;
    let stored = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let key = yard.key(&stored.sha256);
    yard.put_over(Copy::Primary, &key, b"rot").await;
    yard.delete(Copy::Replica, &key).await;
    assert_eq!(yard.vault.open(&yard.school, &stored.sha256).await.unwrap(), report());
    for copy in Copy::BOTH {
        yard.becomes_whole(copy, &stored.sha256, &report()).await;
    }
}

/// Issue 3 §1.2: "a damaged copy is never served; the other one is", and somebody hears of it.
#[tokio::test]
async fn what_a_reader_finds_bad_is_told_to_the_witness() {
    let yard = Yard::new().await;
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let vault = yard.vault.clone().with_witness(move |sighting| drop(sender.send(sighting)));
    let stored = vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let key = yard.key(&stored.sha256);
    let mut flipped = report();
    flipped[100] ^= 1;
    for (damage, harm) in [(flipped, Harm::Flipped), (report()[..50].to_vec(), Harm::Truncated)] {
        yard.put_over(Copy::Primary, &key, &damage).await;
        assert_eq!(vault.open(&yard.school, &stored.sha256).await.unwrap(), report());
        let (school, sha256) = (yard.school, stored.sha256);
        let wanted = Sighting { school, sha256, copy: Copy::Primary, harm, mended: true };
        assert_eq!(told.recv().await, Some(wanted));
    }
    vault.open(&yard.school, &stored.sha256).await.unwrap();
    assert!(told.try_recv().is_err(), "a whole copy is no news");
}

/// "Memory stays bounded": an object that is larger than any content is damage, and is not taken in.
#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let yard = Yard::new().await;
    let stored = yard.vault.ingest(&yard.school, report().into(), Accept::Document).await.unwrap();
    let huge = vec![7; 40 * 1024 * 1024];
    yard.put_over(Copy::Primary, &yard.key(&stored.sha256), &huge).await;
    let found = yard.vault.inspect(Copy::Primary, &yard.school, &stored.sha256).await.unwrap();
    assert_eq!(found, State::Damaged { size: Some(huge.len() as u64) });
    assert_eq!(yard.vault.open(&yard.school, &stored.sha256).await.unwrap(), report());
}

/// Readers that keep what they were given make later ones wait, and then come back: never more than the budget.
#[tokio::test]
async fn readers_share_a_bounded_memory() {
    let yard = Yard::new().await;
    let film = samples::mp3(2400);
    let stored = yard.vault.ingest(&yard.school, film.into(), Accept::Media).await.unwrap();
    let fit = 128 * 1024 * 1024 / usize::try_from(stored.size).unwrap();
    let mut held = Vec::new();
    let refused = loop {
        match yard.vault.open(&yard.school, &stored.sha256).await {
            Ok(bytes) => held.push(bytes),
            Err(refused) => break refused,
        }
        assert!(held.len() <= fit, "{} files of {} bytes at once", held.len(), stored.size);
    };
    assert!(matches!(refused, BlobError::Busy), "{refused:?}");
    assert!(held.len() + 1 >= fit, "{} of {fit}", held.len());
    held.truncate(held.len() - 1);
    yard.vault.open(&yard.school, &stored.sha256).await.unwrap();
}

#[tokio::test]
async fn a_virus_is_refused_and_nothing_is_kept() {
    let yard = Yard::new().await;
    let infected = samples::pdf(&["Report"]);
    let infected = [&infected[..9], b"%", samples::eicar().as_bytes(), b"\n", &infected[9..]].concat();
    // the comment moves the objects: their places are told anew
    let infected = support::relocated(&infected, samples::eicar().len() + 2);
    assert_eq!(blob::check(&infected, Accept::Document), Ok(MediaType::Pdf), "whole but for the virus");

    let upload = Upload::of(&yard, infected.clone(), Accept::Document).await;
    upload.send_all().await;
    for _ in 0..2 {
        let refused = upload.finalise().await;
        assert!(matches!(refused, Err(NotStored::Refused(Refusal::Infected))), "{refused:?}");
    }
    assert_eq!(yard.vault.exists(&yard.school, &sha256(&infected)).await.unwrap(), (false, false));
    assert_eq!(yard.versions(Copy::Primary, &upload.plan.key).await, 0, "the virus is gone");
}

#[tokio::test]
async fn a_refused_file_gives_the_same_reason_again() {
    let yard = Yard::new().await;
    let renamed = Upload::of(&yard, b"MZ\x90\0 a program".to_vec(), Accept::Document).await;
    renamed.send_all().await;
    for _ in 0..2 {
        let refused = renamed.finalise().await;
        assert!(matches!(refused, Err(NotStored::Refused(Refusal::WrongType { .. }))), "{refused:?}");
    }
    let mut longer = Upload::of(&yard, report(), Accept::Document).await;
    longer.send_all().await;
    longer.complete().await;
    longer.declared += 1;
    let refused = longer.finalise().await;
    assert!(matches!(refused, Err(NotStored::Refused(Refusal::SizeDiffers { .. }))), "{refused:?}");
}

/// A part that is away costs nothing but a later try.
#[tokio::test]
async fn without_the_scanner_or_the_second_copy_nothing_is_saved() {
    let yard = Yard::new().await;
    for (vault, part) in [(yard.with_scanner_away(), Part::Scanner), (yard.with_replica_away(), Part::Replica)] {
        let content = samples::pdf(&[part.name()]);
        let upload = Upload::of(&yard, content.clone(), Accept::Document).await;
        upload.send_all().await;
        let failed = upload.finalise_with(&vault).await;
        let Err(NotStored::Failed(BlobError::Unavailable { part: away, .. })) = failed else { panic!("{failed:?}") };
        assert_eq!(away, part);
        assert!(vault.check(part).await.is_err());
        assert!(yard.vault.check(part).await.is_ok());
        assert!(!yard.vault.exists(&yard.school, &sha256(&content)).await.unwrap().1, "no second copy");
        assert_eq!(upload.finalise().await.unwrap().sha256, sha256(&content), "later it is saved");
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_school_and_can_be_forgotten() {
    let yard = Yard::new().await;
    let other = Yard::new().await;
    let upload = Upload::of(&yard, report(), Accept::Document).await;
    upload.send_all().await;
    let foreign = other.vault.resume(&other.school, &upload.plan.key, &upload.plan.upload_id, upload.declared).await;
    assert!(matches!(foreign, Err(BlobError::ForeignKey)), "{foreign:?}");

    yard.vault.abandon(&yard.school, &upload.plan.key, &upload.plan.upload_id).await.unwrap();
    let unknown = upload.finalise().await;
    assert!(matches!(unknown, Err(NotStored::Failed(BlobError::UnknownUpload))), "{unknown:?}");
    let unknown = upload.resume().await;
    assert!(matches!(unknown, Err(BlobError::UnknownUpload)), "{unknown:?}");
}

#[tokio::test]
async fn what_uploads_leave_behind_is_swept() {
    let yard = Yard::new().await;
    let open = Upload::of(&yard, report(), Accept::Document).await;
    let finished = Upload::of(&yard, report(), Accept::Document).await;
    finished.send_all().await;
    let stored = finished.finalise().await.unwrap();
    let now = kernel::clock::Clock::System.now();
    assert_eq!(yard.vault.sweep(&yard.school, now - time::Duration::hours(1)).await.unwrap(), 0, "nothing is old");
    assert_eq!(yard.vault.sweep(&yard.school, now + time::Duration::hours(1)).await.unwrap(), 2);
    assert!(open.resume().await.is_err());
    let left = yard.vault.list(Copy::Primary, yard.school.as_str(), None).await.unwrap();
    let keys: Vec<String> = left.objects.into_iter().map(|object| object.key).collect();
    assert_eq!(keys, [yard.key(&stored.sha256)], "content stays");
}

#[tokio::test]
async fn a_listing_goes_on_after_a_key() {
    let yard = Yard::new().await;
    for seed in 0..3 {
        let picture: Bytes = samples::png(8, 8, seed).into();
        yard.vault.ingest(&yard.school, picture, Accept::Document).await.unwrap();
    }
    let prefix = format!("{}/", yard.school);
    let all = yard.vault.list(Copy::Replica, &prefix, None).await.unwrap();
    assert_eq!((all.objects.len(), all.more), (3, false));
    assert!(all.objects.iter().all(|object| object.size > 0 && object.written_at > OffsetDateTime::UNIX_EPOCH));
    let rest = yard.vault.list(Copy::Replica, &prefix, Some(&all.objects[0].key)).await.unwrap();
    assert_eq!(rest.objects, all.objects[1..]);
}

/// Pages of the app's origin may send parts and read their ETag; pages of others may not.
#[tokio::test]
async fn browsers_may_upload_from_the_app_alone() {
    let yard = Yard::new().await;
    let file = FileId::from(1);
    let plan = yard.vault.begin_upload(&yard.school, file, 10).await.unwrap();
    let allowed = support::preflight(&plan.parts[0].url, support::ORIGIN).await.to_lowercase();
    assert!(allowed.contains(&format!("access-control-allow-origin: {}", support::ORIGIN)), "{allowed}");
    let foreign = support::preflight(&plan.parts[0].url, "https://evil.example").await.to_lowercase();
    assert!(!foreign.contains("access-control-allow-origin"), "{foreign}");
}

#[tokio::test]
async fn an_upload_of_nothing_is_refused_at_once() {
    let yard = Yard::new().await;
    let refused = yard.vault.begin_upload(&yard.school, FileId::from(1), 0).await;
    assert!(matches!(refused, Err(NotStored::Refused(Refusal::Empty))), "{refused:?}");
}
