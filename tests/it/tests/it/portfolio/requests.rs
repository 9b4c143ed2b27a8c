//! Sending for certification and taking back (domain §4.4).

use super::Pupil;

/// §4.4: "`sent` items cannot be edited; student may withdraw only before the teacher opened it".
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_taken_back_only_until_the_teacher_opened_it() {
    let pupil = Pupil::up().await;
    let id = pupil.ready(0).await;
    let show = format!("outcomes/{id}");
    let (send, withdraw) =
        (format!("{show}/certification-request"), format!("{show}/certification-request/withdrawal"));
    pupil.me.post_form(&send, &[]).await.expect(303);
    let page = pupil.me.get(&show).await.expect(200);
    assert!(page.texts(".badge").contains(&"待認證".to_owned()), "{}", page.summary());
    assert!(!page.has("[data-upload]"));
    pupil.me.post_form(&show, &[("summary", "改"), ("version", "1")]).await.expect(422);
    pupil.me.post_form(&format!("{show}/deletion"), &[]).await.expect(303);
    pupil.me.get(&show).await.expect(200);
    let detail = pupil.announce(("outcome", id), "media", "a.mp3", 10).await.expect(422).text();
    assert!(detail.contains("待認證"), "{detail}");

    pupil.me.post_form(&withdraw, &[]).await.expect(303);
    let page = pupil.me.get(&show).await.expect(200);
    assert!(page.texts(".badge").contains(&"草稿".to_owned()), "{}", page.summary());
    pupil.me.post_form(&show, &[("summary", "改過的簡述"), ("version", "1")]).await.expect(303);
    pupil.me.post_form(&show, &[("summary", "又改"), ("version", "1")]).await.expect(409);

    pupil.me.post_form(&send, &[]).await.expect(303);
    sqlx::query(
        "insert into certification.opening (school_code, request_id, staff_id, opened_at)
         select school_code, max(id), 1, now() from portfolio.certification_request
          where school_code = $1 and outcome_id = $2 group by school_code",
    )
    .bind(&pupil.school)
    .bind(id)
    .execute(&mut pupil.admin().await)
    .await
    .unwrap();
    pupil.me.post_form(&withdraw, &[]).await.expect(303);
    let page = pupil.me.get(&show).await.expect(200);
    assert!(page.summary().contains("教師已經開啟這件成果，不能撤回"), "{}", page.summary());
    assert!(page.texts(".badge").contains(&"待認證".to_owned()));
}

/// A request is bound to the files' hashes; two at once make one.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_sent_once_with_its_hashes() {
    let pupil = Pupil::up().await;
    let id = pupil.ready(0).await;
    let send = format!("outcomes/{id}/certification-request");
    futures_util::future::join_all((0..8).map(|_| pupil.me.post_form(&send, &[]))).await;
    let sent = "select count(*) from portfolio.certification_request r
        join portfolio.file f on f.school_code = r.school_code and f.outcome_id = r.outcome_id and f.sha256 = r.document_sha256
        where r.school_code = $1 and r.student_id = $2 and r.outcome_id = (select max(id) from portfolio.outcome
            where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(sent).await, 1);
}

/// F-064: "At least one of document/media".
#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_nothing_is_sent() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    pupil.me.post_form(&format!("outcomes/{id}/certification-request"), &[]).await.expect(303);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(page.texts(".notice--bad").join("").contains("至少要有一個"), "{}", page.summary());
    assert!(page.texts(".badge").contains(&"草稿".to_owned()));
}
