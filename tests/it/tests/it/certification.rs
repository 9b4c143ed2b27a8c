//! The teacher's desk: open, decide, publish, take back (issue 2 §3.5).

use kernel::role::Role;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{City, Visitor};
use time::{Duration, OffsetDateTime};

const SCHOOL: &str = "343303";

/// A teacher and three requests on the desk that nobody has opened yet.
struct Desk {
    city: City,
    teacher: Visitor,
    waiting: Vec<i64>,
    admin: PgConnection,
}

impl Desk {
    async fn up() -> Self {
        let city = City::up().await;
        let mut admin = city.admin().await;
        let staff: i64 = sqlx::query_scalar(
            "select staff_id from certification.desk where school_code = $1 and not selected
             group by staff_id order by count(*) desc, staff_id limit 1",
        )
        .bind(SCHOOL)
        .fetch_one(&mut admin)
        .await
        .expect("a seeded teacher");
        let waiting: Vec<i64> = sqlx::query_scalar(
            "select request_id from certification.desk
              where school_code = $1 and staff_id = $2 and not selected order by sent_at desc, request_id limit 3",
        )
        .bind(SCHOOL)
        .bind(staff)
        .fetch_all(&mut admin)
        .await
        .expect("seeded requests");
        assert_eq!(waiting.len(), 3, "the seed gives some teacher three requests");
        for table in ["decision", "opening"] {
            let undone = format!("delete from certification.{table} where school_code = $1 and request_id = any($2)");
            let undone = sqlx::query(AssertSqlSafe(undone)).bind(SCHOOL).bind(&waiting);
            undone.execute(&mut admin).await.expect("requests that wait");
        }
        let teacher = city.login_staff(Role::CourseTeacher, SCHOOL, staff.into()).await;
        Self { city, teacher, waiting, admin }
    }

    async fn open(&self, request: i64) {
        self.teacher.post_form(&format!("certification/{request}/opening"), &[]).await.expect(303);
    }

    /// Opens and decides; gives the decision.
    async fn decide(&mut self, request: i64, fields: &[(&str, &str)]) -> i64 {
        self.open(request).await;
        self.teacher.post_form(&format!("certification/{request}/decision"), fields).await.expect(303);
        self.standing(request).await.expect("a decision")
    }

    /// The decision of a request that stands.
    async fn standing(&mut self, request: i64) -> Option<i64> {
        sqlx::query_scalar(
            "select id from certification.decision where school_code = $1 and request_id = $2 and revoked_at is null",
        )
        .bind(SCHOOL)
        .bind(request)
        .fetch_optional(&mut self.admin)
        .await
        .expect("decisions")
    }

    async fn publish_at(&mut self, decision: i64) -> Option<OffsetDateTime> {
        sqlx::query_scalar("select publish_at from certification.decision where school_code = $1 and id = $2")
            .bind(SCHOOL)
            .bind(decision)
            .fetch_one(&mut self.admin)
            .await
            .expect("the decision")
    }

    /// How often the student was told under this key, in the application or on the way there.
    async fn told(&mut self, dedupe: &str) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from portfolio.message where school_code = $1 and dedupe = $2)
                  + (select count(*) from app.job where school_code = $1 and kind = 'portfolio.message'
                        and payload->>'dedupe' = $2)",
        )
        .bind(SCHOOL)
        .bind(dedupe)
        .fetch_one(&mut self.admin)
        .await
        .expect("messages")
    }

    /// Passed and failed of the students of the three requests.
    async fn counted(&mut self) -> (i64, i64) {
        sqlx::query_as(
            "select coalesce(sum(passed), 0)::bigint, coalesce(sum(failed), 0)::bigint
               from certification.student_counter where school_code = $1 and student_id in
                    (select student_id from portfolio.certification_request where school_code = $1 and id = any($2))",
        )
        .bind(SCHOOL)
        .bind(&self.waiting)
        .fetch_one(&mut self.admin)
        .await
        .expect("counters")
    }

    async fn change(&mut self, statement: &'static str, request: i64) {
        let changed = sqlx::query(statement).bind(SCHOOL).bind(request).execute(&mut self.admin).await;
        assert!(changed.expect("an arrangement").rows_affected() > 0, "{statement}");
    }
}

/// Domain §2.4: `outcome.certify` reaches the courses of the teacher; F-094: of a co-taught course, the appointed one.
#[tokio::test]
async fn nobody_finds_what_is_not_on_their_desk() {
    let mut desk = Desk::up().await;
    let [request, ..] = desk.waiting[..] else { unreachable!() };
    let page = desk.teacher.get("certification?status=all").await.expect(200);
    assert!(page.text().contains(&format!("/certification/{request}")), "{}", page.summary());

    let other: i64 = sqlx::query_scalar(
        "select subject_id from identity.membership m where school_code = $1 and role = 'course_teacher'
            and not exists (select from certification.desk d where d.staff_id = m.subject_id and d.request_id = $2)
          order by subject_id limit 1",
    )
    .bind(SCHOOL)
    .bind(request)
    .fetch_one(&mut desk.admin)
    .await
    .expect("another teacher");
    let insert = "insert into school.section_teacher (school_code, section_id, staff_id, certifies)
                  select $1, section_id, $3, false from portfolio.certification_request where school_code = $1 and id = $2";
    let beside = sqlx::query(insert).bind(SCHOOL).bind(request).bind(other);
    beside.execute(&mut desk.admin).await.expect("a co-taught course");

    let other = desk.city.login_staff(Role::CourseTeacher, SCHOOL, other.into()).await;
    let list = other.get("certification?status=all").await.expect(200);
    assert!(!list.text().contains(&format!("/certification/{request}?")), "not the appointed certifier");
    other.get(&format!("certification/{request}")).await.expect(404);
    other.post_form(&format!("certification/{request}/opening"), &[]).await.expect(404);
    other.post_form(&format!("certification/{request}/decision"), &[("result", "pass")]).await.expect(404);
    let decision = desk.decide(request, &[("result", "pass")]).await;
    other.post_form(&format!("certification/decisions/{decision}/revocation"), &[]).await.expect(404);

    let student = desk.city.login_as(Role::Student, SCHOOL).await;
    student.get("certification").await.expect(403);
    let stranger = desk.city.login_as(Role::CourseTeacher, "353302").await;
    stranger.get(&format!("/s/{SCHOOL}/certification/{request}")).await.expect(404);
    stranger.get(&format!("certification/{request}")).await.expect(404);
}

/// Domain §4.4: a request is decided within its window. The queue holds the running year and what is still open for
/// certification, earlier years when asked, so that it doesn't grow with the years.
#[tokio::test]
async fn an_earlier_year_is_shown_when_asked_or_while_its_window_is_open() {
    let mut desk = Desk::up().await;
    let [earlier, running, _] = desk.waiting[..] else { unreachable!() };
    // the same course, a year ago
    let before = "with course as (
                    insert into school.section (school_code, academic_year, term, section_no, name, course_code, subject_name)
                    select e.school_code, e.academic_year - 1, e.term, 'earlier', e.name, e.course_code, e.subject_name
                      from portfolio.certification_request q join school.section e on e.school_code = $1 and e.id = q.section_id
                     where q.school_code = $1 and q.id = $2
                    returning id, academic_year),
                  taught as (
                    insert into school.section_teacher (school_code, section_id, staff_id)
                    select $1, course.id, t.staff_id from course, portfolio.certification_request q
                      join school.section_teacher t on t.school_code = $1 and t.section_id = q.section_id and t.certifies
                     where q.school_code = $1 and q.id = $2)
                  update portfolio.certification_request q set section_id = course.id, academic_year = course.academic_year
                    from course where q.school_code = $1 and q.id = $2";
    desk.change(before, earlier).await;
    let year: i16 = sqlx::query_scalar(
        "select academic_year from portfolio.certification_request where school_code = $1 and id = $2",
    )
    .bind(SCHOOL)
    .bind(earlier)
    .fetch_one(&mut desk.admin)
    .await
    .expect("the earlier year");
    let closed = "update school.window_period set closes_at = $3::timestamptz - interval '1 minute'
                   where school_code = $1 and kind = 'outcome_certify' and closes_at > $3 and academic_year = $2";
    sqlx::query(closed)
        .bind(SCHOOL)
        .bind(year)
        .bind(desk.city.now())
        .execute(&mut desk.admin)
        .await
        .expect("a closed year");

    let shown = async |query: &str| {
        let page = desk.teacher.get(&format!("certification{query}")).await.expect(200);
        [earlier, running].map(|request| page.text().contains(&format!("/certification/{request}")))
    };
    assert_eq!(shown("").await, [false, true]);
    assert_eq!(shown("?year=all").await, [true, true]);
    assert_eq!(shown(&format!("?year={year}")).await, [true, false]);
    assert_eq!(shown(&format!("?year={}", year + 1)).await, [false, true]);

    let open = "insert into school.window_period (school_code, kind, academic_year, term, stage, opens_at, closes_at)
                values ($1, 'outcome_certify', $2, 2, 9, now() - interval '1 day', now() + interval '1 day')";
    sqlx::query(open).bind(SCHOOL).bind(year).execute(&mut desk.admin).await.expect("a window");
    assert_eq!(shown("").await, [true, true]);
}

/// F-091: "Must open the file before certifying"; a decision is bound to the files' hashes.
#[tokio::test]
async fn a_request_is_decided_after_its_file_was_opened() {
    let mut desk = Desk::up().await;
    let [request, ..] = desk.waiting[..] else { unreachable!() };
    let unopened = desk.teacher.get(&format!("certification/{request}")).await.expect(200);
    assert!(unopened.has("fieldset[disabled]") && !unopened.has(".split > section > figure"), "the file is closed");
    let path = format!("certification/{request}/decision");
    let refused = desk.teacher.post_form(&path, &[("result", "pass")]).await.expect(422);
    assert!(refused.text().contains("請先開啟學生的檔案"), "{}", refused.summary());
    assert_eq!(desk.standing(request).await, None);

    desk.open(request).await;
    let opened = desk.teacher.get(&format!("certification/{request}")).await.expect(200);
    assert!(opened.has(".split > section > figure") && !opened.has("fieldset[disabled]"), "{}", opened.summary());
    let before = desk.counted().await;
    let decision = desk.decide(request, &[("result", "pass"), ("publish", "now")]).await;
    assert_eq!(desk.counted().await, (before.0 + 1, before.1));
    let bound: bool = sqlx::query_scalar(
        "select d.document_sha256 is not distinct from q.document_sha256 and d.media_sha256 is not distinct from q.media_sha256
           from certification.decision d join portfolio.certification_request q on q.id = d.request_id
          where d.id = $1",
    )
    .bind(decision)
    .fetch_one(&mut desk.admin)
    .await
    .expect("the decision");
    assert!(bound, "the hashes of the request");
    desk.teacher.post_form(&path, &[("result", "fail"), ("reason", "改變心意")]).await.expect(409);
}

/// Domain §4.4: the reason is mandatory on fail, ≤ 100 characters; house: bad input redraws the form with the text kept.
#[tokio::test]
async fn a_fail_needs_a_reason_and_the_form_keeps_what_was_typed() {
    let mut desk = Desk::up().await;
    let [request, ..] = desk.waiting[..] else { unreachable!() };
    desk.open(request).await;
    let path = format!("certification/{request}/decision");
    let missing = desk.teacher.post_form(&path, &[("result", "fail"), ("reason", " ")]).await.expect(422);
    assert_eq!(missing.texts("#reason-error"), ["認證不通過時，請填寫原因。"]);
    assert!(missing.has("input[name=result][value=fail][checked]"), "the choice is kept");
    let long = "與本課程無關".repeat(20);
    let refused = desk.teacher.post_form(&path, &[("result", "fail"), ("reason", &long)]).await.expect(422);
    assert_eq!(refused.texts("textarea[name=reason]"), [long]);
    assert_eq!(refused.texts("#reason-error"), ["原因最多 100 個字，目前 120 個字。"]);
    let unchosen = desk.teacher.post_form(&path, &[("reason", "很好")]).await.expect(422);
    assert_eq!(unchosen.texts("#result-error"), ["請選擇通過或不通過。"]);
    assert_eq!(desk.standing(request).await, None);
}

/// Design §9: 409 when somebody else was faster, here the student.
#[tokio::test]
async fn what_the_student_changed_meanwhile_is_not_decided() {
    let mut desk = Desk::up().await;
    let [withdrawn, changed, _] = desk.waiting[..] else { unreachable!() };
    desk.open(withdrawn).await;
    desk.open(changed).await;
    desk.change(
        "update portfolio.certification_request set withdrawn_at = now() where school_code = $1 and id = $2",
        withdrawn,
    )
    .await;
    desk.change(
        "update portfolio.file set removed_at = now() where school_code = $1 and outcome_id =
            (select outcome_id from portfolio.certification_request where school_code = $1 and id = $2)",
        changed,
    )
    .await;
    for request in [withdrawn, changed] {
        let path = format!("certification/{request}/decision");
        desk.teacher.post_form(&path, &[("result", "pass")]).await.expect(409);
        assert_eq!(desk.standing(request).await, None);
    }
    let shown = desk.teacher.get(&format!("certification/{withdrawn}")).await.expect(303);
    assert_eq!(shown.location(), desk.teacher.at_school("/certification"));
}

/// Domain §4.2: while another file is on its way, the saved one stays, and it is what the teacher decides on.
#[tokio::test]
async fn a_replacement_that_was_never_finished_is_no_hindrance() {
    let mut desk = Desk::up().await;
    let [request, ..] = desk.waiting[..] else { unreachable!() };
    desk.change(
        "insert into portfolio.file (school_code, student_id, outcome_id, slot, name, declared_size, upload_key,
                                     upload_id, created_at)
         select q.school_code, q.student_id, q.outcome_id, slot, '還沒傳完.pdf', 7, 'key', 'upload', now()
           from portfolio.certification_request q cross join (values (1), (2)) as slots (slot)
          where q.school_code = $1 and q.id = $2",
        request,
    )
    .await;
    desk.decide(request, &[("result", "pass")]).await;
}

/// Issue 2 §3.5: "several at once with a preview and 10 minutes undo"; what was taken back is never told.
#[tokio::test]
async fn several_are_decided_at_once_and_taken_back() {
    let mut desk = Desk::up().await;
    let [first, second, unopened] = desk.waiting[..] else { unreachable!() };
    desk.open(first).await;
    desk.open(second).await;
    let query = format!("certification/batches/new?request={first}&request={second}&request={unopened}");
    let preview = desk.teacher.get(&query).await.expect(200);
    assert_eq!(preview.attributes("form input[name=request]", "value").len(), 2, "only what was opened");
    assert!(preview.text().contains("請先開啟學生的檔案"), "{}", preview.summary());

    let before = desk.counted().await;
    let (first_id, second_id, unopened_id) = (first.to_string(), second.to_string(), unopened.to_string());
    let all = [("request", &*first_id), ("request", &*second_id), ("request", &*unopened_id), ("result", "pass")];
    desk.teacher.post_form("certification/batches", &all).await.expect(422);
    assert_eq!(desk.counted().await, before, "all or none");

    let batch = desk.teacher.post_form("certification/batches", &[all[0], all[1], all[3]]).await.expect(303);
    let batch = batch.location().to_owned();
    assert_eq!(desk.counted().await, (before.0 + 2, before.1));
    let decision = desk.standing(first).await.expect("a decision");
    assert_eq!(desk.publish_at(decision).await, Some(whole(desk.city.now() + Duration::minutes(10))));
    desk.city.drain_jobs().await;
    assert_eq!(desk.told(&format!("certification:{decision}")).await, 0, "not before the undo is over");

    desk.city.pass(Duration::minutes(9));
    desk.teacher.post_form(&format!("{batch}/revocation"), &[]).await.expect(303);
    assert_eq!((desk.standing(first).await, desk.standing(second).await), (None, None));
    assert_eq!(desk.counted().await, before);
    desk.city.pass(Duration::minutes(5));
    desk.city.drain_jobs().await;
    assert_eq!(desk.told(&format!("certification:{decision}")).await, 0);
    let shown = desk.teacher.get(&batch).await.expect(200);
    assert!(shown.text().contains("已經全部復原"), "{}", shown.summary());
}

/// F-067: told when the result is published; once, however often the job and its cause come.
#[tokio::test]
async fn a_batch_is_published_when_its_undo_is_over_and_told_once() {
    let mut desk = Desk::up().await;
    let [first, second, _] = desk.waiting[..] else { unreachable!() };
    desk.open(first).await;
    desk.open(second).await;
    let (first_id, second_id) = (first.to_string(), second.to_string());
    let fields =
        [("request", &*first_id), ("request", &*second_id), ("result", "fail"), ("reason", "不是這門課的作品")];
    let batch = desk.teacher.post_form("certification/batches", &fields).await.expect(303).location().to_owned();
    let decisions = [desk.standing(first).await.expect("decided"), desk.standing(second).await.expect("decided")];
    let keys = decisions.map(|decision| format!("certification:{decision}"));
    // one of them is published by hand, both when their time comes
    let by_hand = format!("certification/decisions/{}/publication", decisions[0]);
    desk.teacher.post_form(&by_hand, &[]).await.expect(303);
    desk.city.drain_jobs().await;
    assert_eq!((desk.told(&keys[0]).await, desk.told(&keys[1]).await), (1, 0));
    desk.teacher.post_form(&by_hand, &[]).await.expect(422);

    desk.city.pass(Duration::minutes(11));
    desk.city.drain_jobs().await;
    desk.city.drain_jobs().await;
    assert_eq!((desk.told(&keys[0]).await, desk.told(&keys[1]).await), (1, 1));
    let late = desk.teacher.post_form(&format!("{batch}/revocation"), &[]).await.expect(422);
    assert!(late.text().contains("10 分鐘"), "{}", late.summary());
}

/// Issue 2 §3.5: "“decide now, publish later” stays possible"; an unpublished decision may be made anew.
#[tokio::test]
async fn a_decision_is_published_later_on_the_teachers_word() {
    let mut desk = Desk::up().await;
    let [request, ..] = desk.waiting[..] else { unreachable!() };
    let first = desk.decide(request, &[("result", "pass"), ("publish", "later")]).await;
    assert_eq!(desk.publish_at(first).await, None);
    let before = desk.counted().await;
    let fail = [("result", "fail"), ("reason", "檔案打不開"), ("publish", "later")];
    let second = desk.decide(request, &fail).await;
    assert_ne!(first, second);
    assert_eq!(desk.counted().await, (before.0 - 1, before.1 + 1));
    desk.city.drain_jobs().await;
    assert_eq!(desk.told(&format!("certification:{second}")).await, 0);

    let ticked = second.to_string();
    desk.teacher.post_form("certification/publications", &[("decision", &ticked)]).await.expect(303);
    assert_eq!(desk.publish_at(second).await, Some(whole(desk.city.now())));
    desk.city.drain_jobs().await;
    assert_eq!(desk.told(&format!("certification:{second}")).await, 1);
}

/// Issue 2 §3.5: 10 minutes undo, "refused if the student has selected it since"; who was told is told again.
#[tokio::test]
async fn a_published_decision_is_taken_back_unless_it_was_selected() {
    let mut desk = Desk::up().await;
    let [told, selected, _] = desk.waiting[..] else { unreachable!() };
    let decision = desk.decide(told, &[("result", "pass")]).await;
    desk.city.drain_jobs().await;
    desk.teacher.post_form(&format!("certification/decisions/{decision}/revocation"), &[]).await.expect(303);
    assert_eq!(desk.standing(told).await, None);
    assert_eq!(desk.told(&format!("certification-revoked:{decision}")).await, 1);
    desk.teacher.post_form(&format!("certification/decisions/{decision}/revocation"), &[]).await.expect(409);

    desk.decide(selected, &[("result", "pass")]).await;
    let decision = desk.standing(selected).await.expect("a decision");
    desk.change(
        "insert into portfolio.outcome_selection (school_code, student_id, academic_year, term, slot, outcome_id, decision_id,
                                                  selected_at)
         select $1, student_id, 199, 0, 1, outcome_id, id, now() from certification.decision
          where school_code = $1 and request_id = $2 and revoked_at is null",
        selected,
    )
    .await;
    desk.teacher.post_form(&format!("certification/decisions/{decision}/revocation"), &[]).await.expect(422);
    assert_eq!(desk.standing(selected).await, Some(decision));
}

/// PostgreSQL keeps microseconds.
fn whole(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(moment.nanosecond() / 1000 * 1000).expect("a part of a second")
}
