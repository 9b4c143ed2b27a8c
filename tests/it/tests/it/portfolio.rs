//! The student's cabinet: upload to receipt, limits under races, certification requests, selection, isolation.

mod activities;
mod files;
mod limits;
mod requests;

use kernel::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Answer, City, Visitor};

/// A student with a city around them.
pub(crate) struct Pupil {
    pub(crate) city: City,
    pub(crate) me: Visitor,
    pub(crate) school: String,
    id: i64,
}

impl Pupil {
    /// The first student of the first school: no outcomes this term, as the seed has it.
    pub(crate) async fn up() -> Self {
        Self::in_city(City::up().await).await
    }

    pub(crate) async fn in_city(city: City) -> Self {
        let school: String = sqlx::query_scalar("select min(school_code) from school.school where on_city_sis")
            .fetch_one(&mut city.admin().await)
            .await
            .unwrap();
        let me = city.login_as(Role::Student, &school).await;
        let id = me.subject();
        Self { city, me, school, id }
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        self.city.admin().await
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).bind(&self.school).bind(self.id).fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// This term's courses that may carry outcomes and have a certifier.
    async fn courses(&self) -> Vec<i64> {
        sqlx::query_scalar(
            "select c.id from school.course_record c
               join school.window_period w on w.school_code = c.school_code and w.kind = 'outcome_upload'
                and w.academic_year = c.academic_year and w.term = c.term and now() between w.opens_at and w.closes_at
              where c.school_code = $1 and c.student_id = $2 and c.credits > 0 and substr(c.course_code, 17, 1) < '8'
                and exists (select from school.section_teacher t where t.school_code = c.school_code
                              and t.section_id = c.section_id and t.certifies)
              order by c.id",
        )
        .bind(&self.school)
        .bind(self.id)
        .fetch_all(&mut self.admin().await)
        .await
        .unwrap()
    }

    /// Begins an outcome.
    async fn begin(&self, course: i64) -> Answer {
        let course = course.to_string();
        self.me.post_form("outcomes", &[("course_record", &course), ("summary", "以回收零件製作小車")]).await
    }

    /// An outcome for the student's n-th course.
    pub(crate) async fn outcome(&self, nth: usize) -> i64 {
        id_in(self.begin(self.courses().await[nth]).await.expect(303).location())
    }

    /// A competition; needs no file.
    async fn activity(&self) -> i64 {
        id_in(self.me.post_form("activities", &COMPETITION).await.expect(303).location())
    }

    /// Announces a file.
    pub(crate) async fn announce(&self, owner: (&str, i64), slot: &str, name: &str, size: usize) -> Answer {
        let body =
            json!({ "owner": owner.0, "owner_id": owner.1.to_string(), "slot": slot, "name": name, "size": size });
        self.me.post_json("files", &body).await
    }

    /// Sends the parts as a browser would, straight to storage.
    pub(crate) async fn send_parts(&self, plan: &Value, bytes: &[u8]) {
        let part_size = usize::try_from(plan["part_size"].as_u64().unwrap()).unwrap();
        for part in plan["parts"].as_array().unwrap() {
            let number = usize::try_from(part["number"].as_u64().unwrap()).unwrap();
            let from = (number - 1) * part_size;
            let until = (from + part_size).min(bytes.len());
            let put = reqwest::Client::new().put(part["url"].as_str().unwrap()).body(bytes[from..until].to_vec());
            let answer = put.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    }

    /// Announces and sends a file, and asks to complete it.
    pub(crate) async fn upload(&self, owner: (&str, i64), slot: &str, name: &str, bytes: &[u8]) -> (i64, Answer) {
        let plan: Value = self.announce(owner, slot, name, bytes.len()).await.expect(201).json();
        self.send_parts(&plan, bytes).await;
        let file = plan["file_id"].as_i64().unwrap();
        (file, self.complete(file).await)
    }

    pub(crate) async fn complete(&self, file: i64) -> Answer {
        let path = self.me.at_school(&format!("/files/{file}/completion"));
        self.me.send(self.me.request(Method::POST, &path).header("accept", "application/json")).await
    }

    /// An outcome with a document, ready to be sent.
    pub(crate) async fn ready(&self, nth: usize) -> i64 {
        let id = self.outcome(nth).await;
        let pdf = blob::samples::pdf(&["成果"]);
        self.upload(("outcome", id), "document", "報告.pdf", &pdf).await.1.expect(200);
        id
    }

    async fn bytes_used(&self) -> i64 {
        self.number(
            "select coalesce((select bytes_used from portfolio.student_storage where school_code = $1 and student_id = $2), 0)",
        )
        .await
    }
}

const COMPETITION: [(&str, &str); 8] = [
    ("of_kind", "competition"),
    ("name", "全國科學展覽會"),
    ("event", "物理科"),
    ("level", "3"),
    ("award", "佳作"),
    ("announced_on", "2026-10-01"),
    ("participation", "2"),
    ("summary", "負責實驗設計"),
];

/// The last number of a path.
fn id_in(path: &str) -> i64 {
    let path = path.split(['#', '?']).next().unwrap();
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// Design §7: the first screen says what is due until when, what is done and what comes next (F-031–036).
#[tokio::test(flavor = "multi_thread")]
async fn the_cabinet_says_what_comes_next() {
    let pupil = Pupil::up().await;
    let page = pupil.me.get("home").await.expect(200);
    assert!(page.texts("h2").contains(&"接下來要做的事".to_owned()));
    assert!(page.has("time[data-countdown]"), "a countdown for what is open");
    assert!(page.texts(".meter__text").iter().any(|text| text.contains("200 MB")), "F-032");
    assert!(page.texts(".tile__label").contains(&"課程諮詢紀錄".to_owned()), "F-031");
    let id = pupil.outcome(0).await;
    let page = pupil.me.get("home").await.expect(200);
    assert!(page.texts("main").join("").contains("有 1 件草稿還沒有檔案"), "{}", page.summary());
    let list = pupil.me.get("outcomes").await.expect(200);
    assert!(list.attributes("main a", "href").contains(&pupil.me.at_school(&format!("/outcomes/{id}"))));
}

/// F-036: a message appears once, however often its job runs, and can be put away.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_appears_once_and_is_put_away() {
    let pupil = Pupil::up().await;
    sqlx::query("delete from portfolio.message where school_code = $1 and student_id = $2")
        .bind(&pupil.school)
        .bind(pupil.id)
        .execute(&mut pupil.admin().await)
        .await
        .unwrap();
    let payload = json!({ "student_id": pupil.id, "body": "「國語文」認證通過。", "link": pupil.me.at_school("/outcomes"),
                          "dedupe": "test.1" });
    for _ in 0..2 {
        let ctx = pupil.city.system(&pupil.school);
        let mut tx = pupil.city.db("portfolio").write(&ctx, "test.message").await.unwrap();
        tx.audit(store::Audit::general("test", "test"));
        tx.enqueue(store::Job::new("portfolio.message", &payload));
        tx.commit().await.unwrap();
    }
    pupil.city.drain_jobs().await;
    pupil.city.drain_jobs().await;
    assert_eq!(
        pupil.number("select count(*) from portfolio.message where school_code = $1 and student_id = $2").await,
        1
    );
    assert_eq!(pupil.number("select count(*) from app.job where school_code = $1 and $2 > 0").await, 0);
    let page = pupil.me.get("home").await.expect(200);
    assert!(page.summary().contains("「國語文」認證通過。"));
    let message =
        pupil.number("select max(id) from portfolio.message where school_code = $1 and student_id = $2").await;
    let read = pupil.me.post_form(&format!("messages/{message}/reading"), &[]).await.expect(303);
    assert_eq!(read.location(), pupil.me.at_school("/outcomes"));
    assert!(!pupil.me.get("home").await.expect(200).summary().contains("「國語文」認證通過。"));
    let other = pupil.city.login_as_nth(Role::Student, &pupil.school, 1).await;
    other.post_form(&format!("messages/{message}/reading"), &[]).await.expect(404);
}

/// Isolation: what is another student's or another school's is not there (404).
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_is_not_there() {
    let pupil = Pupil::up().await;
    let id = pupil.ready(0).await;
    let file = pupil.number("select max(id) from portfolio.file where school_code = $1 and student_id = $2").await;
    let activity = pupil.activity().await;
    let classmate = pupil.city.login_as_nth(Role::Student, &pupil.school, 1).await;
    for path in [
        format!("outcomes/{id}"),
        format!("activities/{activity}"),
        format!("activities/{activity}/edit"),
        format!("files/{file}/receipt"),
        format!("files/{file}/receipt.json"),
        format!("files/{file}/parts"),
    ] {
        pupil.me.get(&path).await;
        classmate.get(&path).await.expect(404);
    }
    classmate.delete(&format!("files/{file}")).await.expect(404);
    classmate.post_form(&format!("outcomes/{id}/certification-request"), &[]).await.expect(404);
    classmate.post_form(&format!("outcomes/{id}/deletion"), &[]).await.expect(404);
    let foreign = pupil.courses().await[1].to_string();
    classmate.post_form("outcomes", &[("course_record", &foreign)]).await.expect(404);
    let outsider =
        json!({ "owner": "outcome", "owner_id": id.to_string(), "slot": "media", "name": "a.mp3", "size": 10 });
    classmate.post_json("files", &outsider).await.expect(404);

    let elsewhere: String = sqlx::query_scalar("select max(school_code) from school.school")
        .fetch_one(&mut pupil.admin().await)
        .await
        .unwrap();
    pupil.me.get(&format!("/s/{elsewhere}/home")).await.expect(404);
    let stranger = pupil.city.login_as(Role::Student, &elsewhere).await;
    stranger.get(&pupil.me.at_school(&format!("/outcomes/{id}"))).await.expect(404);
    stranger.get(&format!("outcomes/{id}")).await.expect(404);
}
