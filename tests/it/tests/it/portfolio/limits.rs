//! Counts, quota and selection hold under races (issue §3.4, §3.7).

use futures_util::future::join_all;
use serde_json::Value;

use super::Pupil;

const AT_ONCE: usize = 16;

/// §4.1: "default 6 per term".
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_make_no_seventh_outcome_of_a_term() {
    let pupil = Pupil::up().await;
    let courses = pupil.courses().await;
    assert!(courses.len() * 3 >= AT_ONCE, "courses enough that the subject isn't what limits");
    let begun = join_all((0..AT_ONCE).map(|nth| pupil.begin(courses[nth % courses.len()]))).await;
    let made = begun.iter().filter(|answer| answer.status() == 303).count();
    assert_eq!(made, 6);
    for refused in begun.iter().filter(|answer| answer.status() != 303) {
        assert_eq!(refused.status(), 422, "{}", refused.summary());
    }
    let counter = "select sum(uploaded)::bigint from portfolio.student_counter k where school_code = $1 and student_id = $2
        and academic_year = (select max(academic_year) from portfolio.student_counter where school_code = $1 and student_id = $2)
        and term = (select term from portfolio.outcome where school_code = $1 and student_id = $2 order by id desc limit 1)";
    assert_eq!(pupil.number(counter).await, 6);
}

/// §4.1: "school override, default 3" for one subject; deleting gives the place back.
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_make_no_fourth_outcome_of_a_subject() {
    let pupil = Pupil::up().await;
    let course = pupil.courses().await[0];
    let begun = join_all((0..AT_ONCE).map(|_| pupil.begin(course))).await;
    let made: Vec<_> = begun.iter().filter(|answer| answer.status() == 303).collect();
    assert_eq!(made.len(), 3);
    let one = super::id_in(made[0].location());
    pupil.me.post_form(&format!("outcomes/{one}/deletion"), &[]).await.expect(303);
    pupil.begin(course).await.expect(303);
    pupil.begin(course).await.expect(422);
}

/// §4.2: the quota is hard.
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_do_not_pass_the_quota() {
    let pupil = Pupil::up().await;
    let mut activities = Vec::new();
    for _ in 0..AT_ONCE {
        activities.push(pupil.activity().await);
    }
    let size = 1 << 20;
    let quota = pupil.bytes_used().await + 5 * size;
    sqlx::query("update school.ruleset set quota_bytes = $1")
        .bind(quota)
        .execute(&mut pupil.admin().await)
        .await
        .unwrap();
    let size = usize::try_from(size).unwrap();
    let announced =
        join_all(activities.iter().map(|id| pupil.announce(("activity", *id), "document", "證明.pdf", size))).await;
    assert_eq!(announced.iter().filter(|answer| answer.status() == 201).count(), 5);
    assert_eq!(announced.iter().filter(|answer| answer.status() == 422).count(), AT_ONCE - 5);
    assert_eq!(pupil.bytes_used().await, quota);
    let refused = announced.iter().find(|answer| answer.status() == 422).unwrap();
    assert!(refused.json::<Value>()["detail"].as_str().unwrap().contains("儲存空間"));
}

/// §4.2: "4 MB from 109"; windows by kind and term.
#[tokio::test(flavor = "multi_thread")]
async fn size_type_and_window_are_asked_before_a_byte_is_sent() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let detail = |answer: testkit::Answer| answer.expect(422).json::<Value>()["detail"].as_str().unwrap().to_owned();
    let large = pupil.announce(("outcome", id), "document", "大.pdf", (4 << 20) + 1).await;
    assert!(detail(large).contains("4 MB"));
    pupil.announce(("outcome", id), "document", "剛好.pdf", 4 << 20).await.expect(201);
    assert!(detail(pupil.announce(("outcome", id), "document", "空.pdf", 0).await).contains("空"));
    pupil.announce(("outcome", id), "counselling", "a.pdf", 1).await.expect(422);
    pupil.city.pass(time::Duration::days(40));
    let late = pupil.announce(("outcome", id), "document", "晚.pdf", 10).await;
    assert_eq!(late.status(), 401, "the session is over after so long");
    let me = pupil.city.login_as(kernel::role::Role::Student, &pupil.school).await;
    let late = me.post_form("outcomes", &[("course_record", &pupil.courses().await[1].to_string())]).await.expect(422);
    assert!(late.summary().contains("截止"), "{}", late.summary());
    let page = me.get(&format!("outcomes/{id}")).await.expect(200);
    assert!(!page.has("[data-upload]"), "no upload where it can't be done");
}

/// Certified outcomes with files, as the other rooms would have left them.
async fn passed(pupil: &Pupil, count: i32) -> Vec<i64> {
    sqlx::query_scalar(
        "with course as (select * from school.course_record c where c.school_code = $1 and c.id = any($3)),
         o as (insert into portfolio.outcome (school_code, student_id, course_record_id, academic_year, term, subject_slot,
                   summary, created_at, updated_at)
               select $1, $2, c.id, c.academic_year, c.term, 20 + n, '簡述', now(), now() from course c, generate_series(0, 2) n
               limit $4 returning *),
         f as (insert into portfolio.file (school_code, student_id, outcome_id, slot, name, declared_size, upload_key, upload_id,
                   created_at, sha256, md5, size, media_type, saved_at, verified_at)
               select $1, $2, o.id, 1, 'a.pdf', 10, '', '', now(), sha256(o.id::text::bytea), decode(md5(o.id::text), 'hex'),
                   10, 'application/pdf', now(), now() from o),
         r as (insert into portfolio.certification_request (school_code, outcome_id, attempt, student_id, course_record_id,
                   section_id, academic_year, term, document_sha256, sent_at)
               select $1, o.id, 1, $2, o.course_record_id, c.section_id, o.academic_year, o.term, sha256('x'), now()
                 from o join course c on c.id = o.course_record_id returning *),
         d as (insert into certification.decision (school_code, request_id, outcome_id, student_id, academic_year, term, passed,
                   decided_by, decided_at, publish_at)
               select $1, r.id, r.outcome_id, $2, r.academic_year, r.term, true, 1, now(), $5 from r)
         select id from o",
    )
    .bind(&pupil.school)
    .bind(pupil.id)
    .bind(pupil.courses().await)
    .bind(count)
    .bind(pupil.city.now() - time::Duration::MINUTE)
    .fetch_all(&mut pupil.admin().await)
    .await
    .unwrap()
}

/// §4.1: "6 per year, hard"; "counts are enforced at select time inside one transaction per student-year".
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_select_no_seventh() {
    let pupil = Pupil::up().await;
    let certified = passed(&pupil, 9).await;
    assert_eq!(certified.len(), 9);
    let chosen = "select count(*) from portfolio.outcome_selection where school_code = $1 and student_id = $2
        and academic_year = (select max(academic_year) from portfolio.outcome where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(chosen).await, 0, "a student of the seed without a selection this year");
    let select = |ids: Vec<i64>| {
        let pupil = &pupil;
        async move {
            let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
            let fields: Vec<_> = ids.iter().map(|id| ("outcome", id.as_str())).collect();
            pupil.me.post_form("selection", &fields).await
        }
    };
    let rotated = |nth: usize| (0..6).map(|k| certified[(nth + k) % 9]).collect::<Vec<_>>();
    let answers = join_all((0..AT_ONCE).map(|nth| select(rotated(nth)))).await;
    assert!(answers.iter().any(|answer| answer.status() == 303));
    assert_eq!(pupil.number(chosen).await, 6);
    select(certified[..7].to_vec()).await.expect(422);
    assert_eq!(pupil.number(chosen).await, 6, "all of it or nothing");

    // changed freely until it closes, frozen afterwards
    select(certified[..2].to_vec()).await.expect(303);
    assert_eq!(pupil.number(chosen).await, 2);
    let review = pupil.me.get(&format!("selection/review?outcome={}", certified[5])).await.expect(200);
    assert!(review.texts("main").join("").contains("這次取消"));
    assert!(review.texts("main").join("").contains("新選的"));
    pupil.city.pass(time::Duration::days(30));
    let me = pupil.city.login_as(kernel::role::Role::Student, &pupil.school).await;
    me.post_form("selection", &[("outcome", &certified[0].to_string())]).await.expect(422);
    assert_eq!(pupil.number(chosen).await, 2);
}

/// §4.4: "Only `passed` items are selectable", also when the teacher takes the decision back in the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_being_revoked_is_not_selected() {
    let pupil = Pupil::up().await;
    let outcome = passed(&pupil, 1).await[0].to_string();
    let (mut admin, mut other) = (pupil.admin().await, pupil.admin().await);
    let mut revocation = sqlx::Connection::begin(&mut admin).await.unwrap();
    for statement in [
        "select id from certification.decision where outcome_id = $1 for update",
        "update certification.decision set revoked_at = decided_at where outcome_id = $1",
    ] {
        let outcome: i64 = outcome.parse().unwrap();
        sqlx::query(statement).bind(outcome).execute(&mut *revocation).await.unwrap();
    }
    let fields = [("outcome", outcome.as_str())];
    let (answer, ()) = tokio::join!(pupil.me.post_form("selection", &fields), async {
        let waiting = "select count(*) from pg_locks where not granted
            and pid in (select pid from pg_stat_activity where datname = current_database())";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut other).await.unwrap() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        revocation.commit().await.unwrap();
    });
    answer.expect(409);
    let chosen = "select count(*) from portfolio.outcome_selection where school_code = $1 and student_id = $2
        and academic_year = (select max(academic_year) from portfolio.outcome where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(chosen).await, 0);
}

/// §4.4: "Only `passed` items are selectable"; F-078: an activity needs a file.
#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_activities_without_a_file_are_not_selected() {
    let pupil = Pupil::up().await;
    let (draft, activity) = (pupil.ready(0).await, pupil.activity().await);
    let refused = pupil.me.post_form("selection", &[("outcome", &draft.to_string())]).await.expect(422);
    assert!(refused.summary().contains("認證通過"), "{}", refused.summary());
    pupil.me.post_form("selection", &[("activity", &activity.to_string())]).await.expect(422);
    let pdf = blob::samples::pdf(&["獎狀"]);
    pupil.upload(("activity", activity), "document", "獎狀.pdf", &pdf).await.1.expect(200);
    let mine = "select count(*) from portfolio.activity_selection where school_code = $1 and student_id = $2";
    let before = pupil.number(mine).await;
    let page = pupil.me.get("selection").await.expect(200);
    let mut fields: Vec<(String, String)> = Vec::new();
    for name in ["outcome", "activity"] {
        let selector = format!("input[name={name}][checked], input[type=hidden][name={name}]");
        fields.extend(page.attributes(&selector, "value").into_iter().map(|value| (name.to_owned(), value)));
    }
    fields.push(("activity".to_owned(), activity.to_string()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pupil.me.post_form("selection", &fields).await.expect(303);
    assert_eq!(pupil.number(mine).await, before + 1);
    let page = pupil.me.get(&format!("activities/{activity}")).await.expect(200);
    assert!(page.summary().contains("已勾選"), "{}", page.summary());
    pupil.me.post_form(&format!("activities/{activity}/deletion"), &[]).await.expect(303);
    pupil.me.get(&format!("activities/{activity}")).await.expect(200);
}
