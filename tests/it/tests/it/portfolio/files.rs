//! Files: from the announcement to the receipt, refusals, storage away.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use blob::{Copy, State, receipt::UploadReceipt, samples};
use kernel::calendar::{roc_date, taipei_date};
use reqwest::Method;
use serde_json::Value;
use testkit::City;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::Pupil;
use crate::house::storage::bucket;

/// Design §5: "only then says 'saved', in one transaction with the audit row and a signed receipt", checkable on a
/// public page; the file is served from a cookieless origin.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_a_receipt_that_verifies() {
    let pupil = Pupil::up().await;
    let before = pupil.bytes_used().await;
    let id = pupil.outcome(0).await;
    let pdf = samples::pdf(&["微型太陽能車"]);
    let (file, saved) = pupil.upload(("outcome", id), "document", "報告.pdf", &pdf).await;
    let answer: Value = saved.expect(200).json();
    assert_eq!(answer["receipt_url"], pupil.me.at_school(&format!("/files/{file}/receipt")));
    let again: Value = pupil.complete(file).await.expect(200).json();
    assert_eq!(again, answer, "asked again it answers the same");
    assert_eq!(pupil.bytes_used().await - before, i64::try_from(pdf.len()).unwrap());

    let receipt: UploadReceipt = pupil.me.get(&format!("files/{file}/receipt.json")).await.expect(200).json();
    let page = pupil.city.visitor().get("/receipts/check").await.expect(200);
    let key = page.texts("code.break").pop().expect("the public key is shown");
    let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
    assert!(receipt.verify(&key).iter().all(|check| check.passed));
    assert!(receipt.verify_file(&pdf).iter().all(|check| check.passed));
    assert_eq!(receipt.item, format!("outcome/{id}/document"));
    pupil.me.get(&format!("files/{file}/receipt")).await.expect(200);

    let text = serde_json::to_string(&receipt).unwrap();
    let form = |text: &str| reqwest::multipart::Form::new().text("receipt", text.to_owned());
    let genuine = pupil.city.visitor().post_multipart("/receipts/check", form(&text)).await.expect(200);
    assert!(genuine.summary().contains("這張收據是真的"));
    let checks = genuine.texts("main ul.rows li");
    for what in ["學校代碼", "檔案大小", "SHA-256", "儲存時間", "金鑰簽署", "數位簽章有效"] {
        assert!(checks.iter().any(|check| check.starts_with("通過") && check.contains(what)), "{what}: {checks:?}");
    }
    assert!(checks.iter().any(|check| check.starts_with("未核對")), "no file was given: {checks:?}");
    for (content, outcome) in [(&pdf[..], "通過"), (&pdf[1..], "不通過")] {
        let form = form(&text).part("file", reqwest::multipart::Part::bytes(content.to_vec()).file_name("a.pdf"));
        let checks = pupil.city.visitor().post_multipart("/receipts/check", form).await.expect(200);
        let checks = checks.texts("main ul.rows li");
        let wanted = format!("{outcome} 檔案的 SHA-256 與收據相同");
        assert!(checks.contains(&wanted) && checks.len() == 8, "{wanted}: {checks:?}");
    }
    let forged = text.replace("報告.pdf", "別的.pdf");
    let forged = pupil.city.visitor().post_multipart("/receipts/check", form(&forged)).await.expect(200);
    assert!(forged.summary().contains("沒有通過查驗"));
    pupil.city.visitor().post_multipart("/receipts/check", form("不是收據")).await.expect(422);
    let audits = "select count(*) from app.audit where school_code = $1 and action = 'file.save' and $2 > 0";
    assert_eq!(pupil.number(audits).await, 1);
}

/// Issue §3.4: preview "from a cookieless origin"; players ask for ranges.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_served_from_their_own_origin() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let mp4 = samples::mp4(7);
    pupil.upload(("outcome", id), "media", "影片.mp4", &mp4).await.1.expect(200);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    let url = page.attributes("video", "src").pop().expect("a player in the page");
    assert!(!url.starts_with(pupil.me.origin()), "{url}");

    let visitor = pupil.city.visitor();
    let whole = visitor.get(&url).await.expect(200);
    assert_eq!(whole.bytes(), mp4);
    assert_eq!(whole.header("content-type"), Some("video/mp4"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    assert!(whole.header("content-security-policy").unwrap().starts_with("sandbox"));
    assert!(whole.header("cache-control").unwrap().starts_with("private"));
    assert_eq!(whole.header("set-cookie"), None);
    let part = visitor.send(visitor.request(Method::GET, &url).header("range", "bytes=4-7")).await.expect(206);
    assert_eq!(part.bytes(), &mp4[4..8]);
    assert_eq!(part.header("content-range"), Some(format!("bytes 4-7/{}", mp4.len()).as_str()));
    let beyond = visitor.send(visitor.request(Method::GET, &url).header("range", "bytes=99999999-")).await;
    assert_eq!(beyond.status(), 416);

    let path = url.splitn(4, '/').nth(3).unwrap();
    visitor.get(&format!("{}/{path}", pupil.me.origin())).await.expect(404);
    let forged = url.replacen("/f/7b", "/f/7c", 1);
    visitor.get(&forged).await.expect(404);
    pupil.city.pass(time::Duration::hours(2));
    let late = visitor.get(&url).await.expect(404);
    assert!(late.summary().contains("檔案連結已失效"), "{}", late.summary());
    let download = page.attributes("a.button--small", "href").into_iter().find(|link| link.contains("/f/"));
    assert!(download.is_some());
}

/// Issue 3 §1.2: "a damaged copy is never served; the other one is"; whole, in part, and with both copies bad.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_never_served() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    // a content that no other test touches
    let pdf = samples::pdf(&[&format!(
        "{:?}",
        ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new()).unwrap().expose()
    )]);
    pupil.upload(("outcome", id), "document", "報告.pdf", &pdf).await.1.expect(200);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(page.summary().contains("已保存兩份"), "{}", page.summary());
    let url =
        page.attributes("main a", "href").into_iter().find(|link| link.contains("/f/")).expect("a link to the file");
    let hash = ring::digest::digest(&ring::digest::SHA256, &pdf);
    let key = format!("{}/{}", pupil.school, hex::encode(hash));
    let mut flipped = pdf.clone();
    flipped[20] ^= 1;
    let visitor = pupil.city.visitor();
    let written = "select count(*) from app.storage_case where school_code = $1 and found_by = 'reading'
                     and healed_at is not null and $2 > 0";
    let (first, both) = (&[Copy::Primary][..], &Copy::BOTH[..]);
    let damages = [(Some(&flipped[..]), first), (Some(&pdf[..40]), first), (None, first), (Some(&flipped[..]), both)];
    let mut cases = 0;
    for (damage, copies) in damages {
        for range in [Some("bytes=15-30"), None] {
            for copy in copies {
                match damage {
                    Some(bytes) => bucket::put(&pupil.city, *copy, &key, bytes).await,
                    None => bucket::delete(&pupil.city, *copy, &key).await,
                }
            }
            let request = visitor.request(Method::GET, &url);
            match range {
                Some(range) => {
                    let part = visitor.send(request.header("range", range)).await.expect(206);
                    assert_eq!(part.bytes(), &pdf[15..31]);
                }
                None => assert_eq!(visitor.send(request).await.expect(200).bytes(), pdf),
            }
            cases += i64::try_from(copies.len()).unwrap();
            for patience in (0..200).rev() {
                let found = pupil.number(written).await;
                if found == cases {
                    break;
                }
                assert!(patience > 0, "{found} cases of {cases} were written and mended");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    let vault = &pupil.city.house.vault;
    let school = pupil.school.parse().unwrap();
    for copy in Copy::BOTH {
        let found = vault.inspect(copy, &school, hash.as_ref().try_into().unwrap()).await.unwrap();
        assert_eq!(found, State::Whole(pdf.clone().into()), "{}", copy.name());
    }
}

/// Issue 3 §1.5: the page says "two copies, last verified …", and says it only while it is true.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_when_both_copies_were_last_read_back() {
    let pupil = Pupil::up().await;
    let id = pupil.ready(0).await;
    let says = async || pupil.me.get(&format!("outcomes/{id}")).await.expect(200).summary();
    let read_back = |days: i64| roc_date(taipei_date(pupil.city.now() - time::Duration::days(days)));
    assert!(says().await.contains(&format!("已保存兩份，最近一次核對：{}", read_back(0))));
    let mut admin = pupil.admin().await;
    let of_mine =
        "school_code = $1 and sha256 in (select sha256 from portfolio.file where school_code = $1 and outcome_id = $2)";
    for (sql, said) in [
        // saved nine days ago, read back by the scrubber four days ago
        ("update portfolio.file set verified_at = now() - interval '9 days' where ", ("已保存兩份", 9)),
        ("insert into app.stored_object select distinct school_code, sha256, size, now() - interval '4 days' from portfolio.file where ", ("已保存兩份", 4)),
        ("insert into app.storage_case (school_code, object_key, sha256, copy, what, found_by, found_at, seen_at)
          select distinct school_code, 'a', sha256, 'primary', 'flipped', 'scrub', now(), now() from portfolio.file where ", ("一份完好，另一份正在修復", 4)),
        ("insert into app.storage_case (school_code, object_key, sha256, copy, what, found_by, found_at, seen_at)
          select distinct school_code, 'b', sha256, 'replica', 'missing', 'scrub', now(), now() from portfolio.file where ", ("兩份都有損壞", 4)),
        ("update app.storage_case set healed_at = now() where ", ("已保存兩份", 4)),
    ] {
        let sql = format!("{sql}{of_mine}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&pupil.school).bind(id).execute(&mut admin).await.unwrap();
        let page = says().await;
        assert!(page.contains(said.0) && page.contains(&read_back(said.1)), "{said:?}: {page}");
    }
}

/// Issue §3.4: "a renamed exe, a truncated PDF, an mp4 without moov, an HTML polyglot are refused with a reason"; what
/// was set aside is given back.
#[tokio::test(flavor = "multi_thread")]
async fn content_that_is_not_what_it_claims_is_refused_with_a_reason() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let before = pupil.bytes_used().await;
    let pdf = samples::pdf(&["一頁"]);
    let mp4 = samples::mp4(1);
    let moov = mp4.windows(4).position(|window| window == b"moov").unwrap();
    let mut without_moov = mp4.clone();
    without_moov[moov..moov + 4].copy_from_slice(b"free");
    let polyglot = [b"<html><script>alert(1)</script>\n".as_slice(), &pdf].concat();
    let exe = [b"MZ\x90\0".as_slice(), &[0; 600], b"PE\0\0"].concat();
    for (slot, name, bytes) in [
        ("document", "作業.pdf", exe.as_slice()),
        ("document", "報告.pdf", &pdf[..pdf.len() / 2]),
        ("document", "網頁.pdf", &polyglot),
        ("media", "影片.mp4", &without_moov),
        ("document", "文件在影音.pdf", &mp4),
    ] {
        let (file, refused) = pupil.upload(("outcome", id), slot, name, bytes).await;
        let detail = refused.expect(422).json::<Value>()["detail"].as_str().unwrap().to_owned();
        assert!(detail.chars().count() > 8, "{name}: {detail}");
        let again: Value = pupil.complete(file).await.expect(422).json();
        assert_eq!(again["detail"], detail, "asked again it answers the same");
    }
    assert_eq!(pupil.bytes_used().await, before, "bytes given back");
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(page.summary().contains("沒有") || !page.has(".viewer"), "nothing of it is shown");
    pupil.upload(("outcome", id), "document", "報告.pdf", &pdf).await.1.expect(200);
}

/// Replacing keeps the saved file until its successor is saved.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_replacement_costs_nothing() {
    let pupil = Pupil::up().await;
    let id = pupil.ready(0).await;
    let used = pupil.bytes_used().await;
    let (_, refused) = pupil.upload(("outcome", id), "document", "新.pdf", b"%PDF-1.7 no more").await;
    refused.expect(422);
    assert_eq!(pupil.bytes_used().await, used);
    assert!(pupil.me.get(&format!("outcomes/{id}")).await.expect(200).has(".viewer"), "the first file is still there");
    let png = samples::png(64, 48, 3);
    let (second, saved) = pupil.upload(("outcome", id), "document", "新.png", &png).await;
    saved.expect(200);
    let live = "select count(*) from portfolio.file where school_code = $1 and student_id = $2 and saved_at is not null
                   and removed_at is null and outcome_id = (select max(id) from portfolio.outcome
                       where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(live).await, 1);
    pupil.me.delete(&format!("files/{second}")).await.expect(204);
    assert_eq!(pupil.number(live).await, 0);
}

/// An upload that was cut goes on where it stopped; what is never finished is given back after a day.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_resumed_or_expires() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let before = pupil.bytes_used().await;
    let pdf = samples::pdf(&["接續"]);
    let plan: Value = pupil.announce(("outcome", id), "document", "a.pdf", pdf.len()).await.expect(201).json();
    let file = plan["file_id"].as_i64().unwrap();
    pupil.complete(file).await.expect(422);
    let fresh: Value = pupil.me.get_json(&format!("files/{file}/parts")).await.expect(200).json();
    assert_eq!(fresh["parts"].as_array().unwrap().len(), 1);
    pupil.send_parts(&fresh, &pdf).await;
    let none: Value = pupil.me.get_json(&format!("files/{file}/parts")).await.expect(200).json();
    assert_eq!(none["parts"].as_array().unwrap().len(), 0);
    pupil.complete(file).await.expect(200);

    let plan: Value = pupil.announce(("outcome", id), "media", "b.mp3", 1000).await.expect(201).json();
    // the row grows old and not the clock: storage is shared with the other tests, whose uploads are as young as ever
    sqlx::query("update portfolio.file set created_at = created_at - interval '25 hours' where id = $1")
        .bind(plan["file_id"].as_i64())
        .execute(&mut pupil.admin().await)
        .await
        .unwrap();
    pupil.city.round("portfolio.file.sweep").await;
    assert_eq!(pupil.bytes_used().await - before, i64::try_from(pdf.len()).unwrap());
    let me = pupil.city.login_as(kernel::role::Role::Student, &pupil.school).await;
    me.get_json(&format!("files/{}/parts", plan["file_id"])).await.expect(404);
}

/// Design §9: "503 with what was kept"; the same request succeeds when the scanner is back, without sending again.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_scanner_away_the_file_is_kept_and_saved_later() {
    let door = Door::before(&variable("LICHENG_CLAMD_ADDRESS")).await;
    let pupil = Pupil::in_city(City::with(&[("LICHENG_CLAMD_ADDRESS", &door.address)]).await).await;
    let id = pupil.outcome(0).await;
    door.open.store(false, Ordering::SeqCst);
    let pdf = samples::pdf(&["稍後"]);
    let (file, away) = pupil.upload(("outcome", id), "document", "報告.pdf", &pdf).await;
    let away = away.expect(503);
    assert!(away.json::<Value>()["detail"].as_str().unwrap().contains("不必重新傳送"), "{}", away.text());
    assert!(away.header("retry-after").is_some());
    door.open.store(true, Ordering::SeqCst);
    pupil.complete(file).await.expect(200);
}

/// Without scripts a plain form does the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_form_uploads_too() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let part = |bytes: Vec<u8>| reqwest::multipart::Part::bytes(bytes).file_name("照片.jpg");
    let form = reqwest::multipart::Form::new().part("document", part(samples::jpeg(64, 48, 5)));
    pupil.me.post_multipart(&format!("outcomes/{id}/files"), form).await.expect(303);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(page.has(".viewer img"), "{}", page.summary());
    let form = reqwest::multipart::Form::new().part("document", part(b"MZ\x90 no picture".to_vec()));
    pupil.me.post_multipart(&format!("outcomes/{id}/files"), form).await.expect(303);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(page.has(".notice--bad") && page.has(".viewer img"), "{}", page.summary());
}

/// Uploads are limited whichever way they come, and so is the page that anybody may send a file to.
#[tokio::test(flavor = "multi_thread")]
async fn plain_uploads_and_checks_are_limited() {
    let pupil = Pupil::in_city(City::with(&[("LICHENG_UPLOAD_RATE", "2")]).await).await;
    let id = pupil.outcome(0).await;
    for status in [303, 303, 429] {
        let part = reqwest::multipart::Part::bytes(samples::jpeg(64, 48, 5)).file_name("照片.jpg");
        let form = reqwest::multipart::Form::new().part("document", part);
        pupil.me.post_multipart(&format!("outcomes/{id}/files"), form).await.expect(status);
    }
    let visitor = pupil.city.visitor();
    let check = async |receipt: String| {
        visitor.post_multipart("/receipts/check", reqwest::multipart::Form::new().text("receipt", receipt)).await
    };
    check("不是收據".to_owned()).await.expect(422);
    check("{".repeat(65 * 1024)).await.expect(413);
    for _ in 0..58 {
        check(String::new()).await.expect(422);
    }
    check(String::new()).await.expect(429);
}

/// A way to a component that can be shut.
struct Door {
    address: String,
    open: Arc<AtomicBool>,
}

impl Door {
    async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(AtomicBool::new(true));
        let (target, is_open) = (target.to_owned(), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                if is_open.load(Ordering::SeqCst)
                    && let Ok(mut there) = TcpStream::connect(&target).await
                {
                    tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await });
                }
            }
        });
        Self { address, open }
    }
}

#[expect(clippy::disallowed_methods, reason = "the component's address, from the runner of the tests")]
fn variable(name: &str) -> String {
    std::env::var(name).expect("set by the runner of the tests")
}

/// The size was announced, checked against limit and quota, and signed into the address.
#[tokio::test]
async fn storage_takes_a_part_of_the_announced_length_only() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let plan: Value = pupil.announce(("outcome", id), "document", "報告.pdf", 10).await.expect(201).json();
    let url = plan["parts"][0]["url"].as_str().unwrap();
    for (length, expected) in [(11, 403), (9, 403), (10, 200)] {
        let answer = reqwest::Client::new().put(url).body(vec![b'x'; length]).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{length} bytes");
    }
}
