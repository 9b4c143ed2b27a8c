//! Activities of ten kinds, and posts that the school recorded (domain §4.5, F-074–081).

use serde_json::Value;

use super::{COMPETITION, Pupil};

/// Bad input: 422, the message at its field, the typed text kept, nothing changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_keeps_what_was_typed() {
    let pupil = Pupil::up().await;
    let count = "select count(*) from portfolio.activity where school_code = $1 and student_id = $2";
    let before = pupil.number(count).await;
    pupil.me.get("activities/new?kind=competition").await.expect(200);
    let mut wrong = COMPETITION;
    wrong[3] = ("level", "9");
    wrong[5] = ("announced_on", "昨天");
    let page = pupil.me.post_form("activities", &wrong).await.expect(422);
    assert!(page.texts("#level-error").join("").contains("競賽等級"), "{}", page.summary());
    assert!(page.has("#announced_on[aria-invalid=true]"));
    assert_eq!(page.attributes("#name", "value"), ["全國科學展覽會"]);
    assert_eq!(page.attributes("#announced_on", "value"), ["昨天"]);
    assert_eq!(pupil.number(count).await, before);

    let id = pupil.activity().await;
    let fields: Value = sqlx::query_scalar("select fields from portfolio.activity where school_code = $1 and id = $2")
        .bind(&pupil.school)
        .bind(id)
        .fetch_one(&mut pupil.admin().await)
        .await
        .unwrap();
    let stored = serde_json::json!({ "name": "全國科學展覽會", "event": "物理科", "level": 3, "award": "佳作",
                                     "announced_on": "2026-10-01", "participation": 2 });
    assert_eq!(fields, stored, "what roster 25 reads");
    let mut link = COMPETITION.to_vec();
    link.extend([("version", "1"), ("external_url", "https://video.example.tw/1")]);
    let refused = pupil.me.post_form(&format!("activities/{id}"), &link).await.expect(422);
    assert!(
        refused.texts(".field__error").join("").contains("影音檔") || refused.summary().contains("影音檔"),
        "F-079"
    );
    for kind in kernel::codes::ActivityKind::ALL {
        pupil.me.get(&format!("activities/new?kind={}", kind.slug())).await.expect(200);
    }
    pupil.me.post_form(&format!("activities/{id}/deletion"), &[]).await.expect(303);
    pupil.me.get(&format!("activities/{id}")).await.expect(404);
}

/// F-077: "SIS-sourced cadre rows cannot be deleted; student may supplement and then select".
#[tokio::test(flavor = "multi_thread")]
async fn a_post_from_the_school_is_supplemented_not_changed() {
    let pupil = Pupil::up().await;
    let cadre: i64 = sqlx::query_scalar(
        "insert into school.cadre (school_code, student_id, academic_year, term, unit_name, title, started_on, ended_on, level)
         values ($1, $2, 115, 1, '測試社', '社長', '2026-09-01', '2027-01-20', 3) returning id",
    )
    .bind(&pupil.school)
    .bind(pupil.id)
    .fetch_one(&mut pupil.admin().await)
    .await
    .unwrap();
    let list = pupil.me.get("activities").await.expect(200);
    assert!(list.summary().contains("測試社 社長"), "{}", list.summary());
    pupil.me.get(&format!("activities/new?cadre={cadre}")).await.expect(200);
    let cadre = cadre.to_string();
    let made =
        pupil.me.post_form("activities", &[("of_cadre", &cadre), ("summary", "辦理成果展"), ("title", "總統")]).await;
    let id = super::id_in(made.expect(303).location());
    pupil.me.post_form("activities", &[("of_cadre", &cadre), ("summary", "再一次")]).await.expect(404);
    let page = pupil.me.get(&format!("activities/{id}")).await.expect(200);
    assert!(page.summary().contains("社長") && !page.summary().contains("總統"), "core fields are the school's");
    pupil
        .me
        .post_form(&format!("activities/{id}"), &[("version", "1"), ("title", "總統"), ("summary", "改")])
        .await
        .expect(303);
    pupil.me.post_form(&format!("activities/{id}/deletion"), &[]).await.expect(303);
    let page = pupil.me.get(&format!("activities/{id}")).await.expect(200);
    assert!(page.texts(".notice--bad").join("").contains("不能刪除"), "{}", page.summary());
    assert!(page.summary().contains("社長") && page.summary().contains("改"));
}

/// §5.7.2: a certificate's row begins with 證照代碼. A draft may wait for it, a selection may not: one row without it
/// would keep the roster of the whole school from being built.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_its_code_is_kept_and_not_selected() {
    let pupil = Pupil::up().await;
    let form = [("of_kind", "certificate"), ("category", "1"), ("obtained_on", "2026-10-01"), ("number", "A-1")];
    let wrong = [&form[..], &[("certificate_code", "12A"), ("score", "優等")]].concat();
    let refused = pupil.me.post_form("activities", &wrong).await.expect(422);
    assert!(refused.has("#certificate_code-error") && refused.has("#score-error"), "{}", refused.summary());
    let id = super::id_in(pupil.me.post_form("activities", &form).await.expect(303).location());
    let pdf = blob::samples::pdf(&["證照"]);
    pupil.upload(("activity", id), "document", "證照.pdf", &pdf).await.1.expect(200);
    assert!(pupil.me.get(&format!("activities/{id}")).await.expect(200).text().contains("請補上「證照代碼」"));
    let choice = [("activity", id.to_string())];
    let choice = [(choice[0].0, choice[0].1.as_str())];
    let refused = pupil.me.post_form("selection", &choice).await.expect(422);
    assert!(refused.text().contains("「證照代碼」還沒有填"), "{}", refused.summary());
    let mended = [&form[1..], &[("version", "1"), ("certificate_code", "0123")]].concat();
    pupil.me.post_form(&format!("activities/{id}"), &mended).await.expect(303);
    pupil.me.post_form("selection", &choice).await.expect(303);
}
