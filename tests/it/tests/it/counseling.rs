//! Counselling records: written by counsellors, read by their students alone (domain §4.6, F-106–F-112).

use blob::samples;
use identity::temporary::{self, NewAccount};
use kernel::{calendar::roc_date, ids::StudentId, role::Role};
use reqwest::multipart::{Form, Part};
use testkit::{Answer, City, Visitor};

const SCHOOL: &str = "343303";

/// A counsellor with the students that the office gave to them.
struct Desk {
    city: City,
    counsellor: Visitor,
    /// Number and name, in the order of the form.
    students: Vec<(i64, String)>,
    /// The day in Taiwan, as people write it.
    today: String,
}

impl Desk {
    async fn up() -> Self {
        let city = City::up().await;
        let counsellor = city.login_as(Role::CourseCounsellor, SCHOOL).await;
        let students = sqlx::query_as(
            "select s.id, s.name from school.student s
               join school.counsellor_assignment a on a.school_code = s.school_code and a.class_id = s.class_id
              where s.school_code = $1 and a.staff_id = $2 and s.left_at is null order by s.id limit 5",
        )
        .bind(SCHOOL)
        .bind(counsellor.subject())
        .fetch_all(&mut city.admin().await)
        .await
        .expect("assigned students");
        let today = roc_date(kernel::calendar::taipei_date(city.now()));
        Self { city, counsellor, students, today }
    }

    fn form(&self, topic: &str, students: &[i64]) -> Form {
        let method = if students.len() == 1 { "individual" } else { "group" };
        let form = [("held_on", &*self.today), ("place", "輔導室"), ("method", method)]
            .into_iter()
            .chain([("topic", topic), ("content", "說明課程地圖與選課方式。")])
            .fold(Form::new(), |form, (name, value)| form.text(name, value.to_owned()));
        students.iter().fold(form, |form, id| form.text("students", id.to_string()))
    }

    async fn send(&self, form: Form) -> Answer {
        self.counsellor.post_multipart("counselling-records", form).await
    }

    /// A record that is there afterwards; its path.
    async fn record(&self, topic: &str, students: &[i64]) -> String {
        self.send(self.form(topic, students)).await.expect(303).location().to_owned()
    }

    async fn count(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from counseling.record where school_code = $1").bind(SCHOOL);
        count.fetch_one(&mut self.city.admin().await).await.expect("a count")
    }
}

fn file(name: &str, bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name(name.to_owned())
}

/// Domain §4.6: "One record, many students; each student sees only own row."
#[tokio::test]
async fn a_student_of_a_group_sees_nobody_else_of_it() {
    let desk = Desk::up().await;
    let [(a, a_name), (b, b_name), (c, _)] = &desk.students[..3] else { panic!("three students") };
    let path = desk.record("選修群組說明", &[*a, *b]).await;
    let id = path.rsplit('/').next().unwrap();
    let shown = desk.counsellor.get(&path).await.expect(200).text();
    assert!(shown.contains(a_name.as_str()) && shown.contains(b_name.as_str()));

    let student = desk.city.login_student(SCHOOL, StudentId::from(*a)).await;
    let (list, page) = (student.get("counselling").await, student.get(&format!("counselling/{id}")).await);
    for answer in [list.expect(200), page.expect(200)] {
        let main = answer.texts("main").join(" ");
        assert!(main.contains("選修群組說明") && main.contains("團體諮詢"), "{main}");
        assert!(!main.contains(b_name.as_str()), "the other's name");
        assert!(!main.contains(" 人") && !main.contains("2 位"), "how many they were: {main}");
        assert!(!answer.text().contains("counselling-records"), "no way into the counsellor's pages");
    }
    let stranger = desk.city.login_student(SCHOOL, StudentId::from(*c)).await;
    stranger.get(&format!("counselling/{id}")).await.expect(404);
    assert!(!stranger.get("counselling").await.expect(200).text().contains("選修群組說明"));
    student.get(&path).await.expect(403);

    desk.counsellor.post_form(&format!("{path}/removal"), &[("version", "1")]).await.expect(303);
    student.get(&format!("counselling/{id}")).await.expect(404);
    desk.counsellor.get(&path).await.expect(404);
}

/// Domain §2.4: `counselling.write` of a course counsellor reaches "assigned", a school administrator's the school.
#[tokio::test]
async fn only_assigned_students_and_own_records() {
    let desk = Desk::up().await;
    let mut admin = desk.city.admin().await;
    sqlx::query("delete from school.counsellor_assignment where school_code = $1 and staff_id = $2")
        .bind(SCHOOL)
        .bind(desk.counsellor.subject())
        .execute(&mut admin)
        .await
        .unwrap();
    // by a single student instead of by class (F-111)
    let (mine, other) = (desk.students[0].0, desk.students[1].0);
    sqlx::query("insert into school.counsellor_assignment (school_code, staff_id, student_id) values ($1, $2, $3)")
        .bind(SCHOOL)
        .bind(desk.counsellor.subject())
        .bind(mine)
        .execute(&mut admin)
        .await
        .unwrap();
    let before = desk.count().await;
    let refused = desk.send(desk.form("進路討論", &[mine, other])).await.expect(422);
    assert_eq!(refused.attributes("#topic", "value"), ["進路討論"], "the typed text is kept");
    assert!(refused.texts("#students-error")[0].contains("不在您的諮詢名單"));
    assert_eq!(desk.count().await, before, "nothing is saved");

    let office = desk.city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let made = office.post_multipart("counselling-records", desk.form("全校說明", &[mine, other])).await.expect(303);
    desk.counsellor.get(made.location()).await.expect(404);
    let own = desk.record("個別討論", &[mine]).await;
    let listed = office.get("counselling-records").await.expect(200).texts("tbody th");
    assert!(listed.contains(&"全校說明".to_owned()) && listed.contains(&"個別討論".to_owned()), "{listed:?}");
    office.get(&own).await.expect(200);
    office.post_form(&format!("{own}/removal"), &[("version", "7")]).await.expect(409);

    let elsewhere = desk.city.login_as(Role::CourseCounsellor, "353302").await;
    elsewhere.get(&own).await.expect(404);
    let id = own.rsplit('/').next().unwrap();
    elsewhere.get(&format!("counselling-records/{id}")).await.expect(404);
}

/// Domain §4.6: "File optional, pdf/jpg/png"; §4.2: "sniff content, not extension".
#[tokio::test]
async fn a_file_is_proven_before_the_record_is_saved() {
    let desk = Desk::up().await;
    let students = [desk.students[0].0];
    let before = desk.count().await;
    let program = [b"MZ".as_slice(), &[0; 4000]].concat();
    let infected = format!("%PDF-1.4\n{}", samples::eicar()).into_bytes();
    let large = vec![b'x'; 4 * 1024 * 1024 + 1];
    for (name, bytes) in [("程式.pdf", program), ("病毒.pdf", infected), ("太大.pdf", large), ("空.pdf", Vec::new())]
    {
        let refused = desk.send(desk.form("附檔測試", &students).part("file", file(name, bytes))).await.expect(422);
        assert_eq!(refused.texts("#file-error").len(), 1, "{name}");
        assert_eq!(refused.attributes("#topic", "value"), ["附檔測試"], "{name}: the text is kept");
        assert_eq!(refused.attributes("input[name=students][checked]", "value"), [students[0].to_string()]);
    }
    assert_eq!(desk.count().await, before);

    let form = desk.form("附檔測試", &students).part("file", file("說明.pdf", samples::pdf(&["course plan"])));
    let path = desk.send(form).await.expect(303).location().to_owned();
    let shown = desk.counsellor.get(&path).await.expect(200);
    assert!(shown.attributes("iframe", "src")[0].contains("/f/"), "on the files origin");
    let student = desk.city.login_student(SCHOOL, StudentId::from(students[0])).await;
    let page = student.get(&path.replace("counselling-records", "counselling")).await.expect(200);
    assert!(page.attributes("iframe", "src")[0].starts_with("http://127.0.0.1"), "cookieless");

    // an edit without a file keeps it, a tick takes it away
    let form = desk.form("附檔保留", &students).text("version", "1");
    desk.counsellor.post_multipart(&path, form).await.expect(303);
    assert!(desk.counsellor.get(&path).await.has("iframe"));
    let form = desk.form("附檔移除", &students).text("version", "2").text("without_file", "1");
    desk.counsellor.post_multipart(&path, form).await.expect(303);
    assert!(!desk.counsellor.get(&path).await.has("iframe"));
}

/// 409: the second of two edits of one version does not overwrite the first, and loses no text.
#[tokio::test]
async fn a_stale_edit_changes_nothing() {
    let desk = Desk::up().await;
    let students: Vec<i64> = desk.students.iter().map(|(id, _)| *id).take(3).collect();
    let path = desk.record("第一版", &students).await;
    let edited = desk.form("第二版", &students[1..]).text("version", "1");
    desk.counsellor.post_multipart(&path, edited).await.expect(303);
    let late = desk.form("遲到的修改", &students).text("version", "1");
    let refused = desk.counsellor.post_multipart(&path, late).await.expect(409);
    assert_eq!(refused.attributes("#topic", "value"), ["遲到的修改"]);
    let shown = desk.counsellor.get(&path).await.expect(200);
    assert_eq!(shown.texts("h1"), ["第二版"]);
    assert!(shown.texts("#students")[0].contains("2 人"));
    let actions: Vec<String> = sqlx::query_scalar(
        "select action from app.audit where school_code = $1 and entity = 'counselling_record' order by id",
    )
    .bind(SCHOOL)
    .fetch_all(&mut desk.city.admin().await)
    .await
    .unwrap();
    assert_eq!(actions, ["counselling.create", "counselling.update"], "what was refused left no trace of a change");
}

/// F-106: "date-range and title search; paging"; F-108: the report.
#[tokio::test]
async fn records_are_searched_leafed_and_counted() {
    let desk = Desk::up().await;
    for n in 1..=21 {
        desk.record(&format!("第{n}次 50%_"), &[desk.students[0].0]).await;
    }
    let found = |path: &'static str| async { desk.counsellor.get(path).await.expect(200).texts("tbody th") };
    let search = "counselling-records?q=50%25_";
    assert_eq!(found(search).await.len(), 20);
    let first = desk.counsellor.get(search).await;
    assert_eq!(first.texts(".pager__summary"), ["第 1–20 筆，共 21 筆"]);
    let next = first.attributes("a[rel=next]", "href");
    assert_eq!(desk.counsellor.get(&next[0]).await.expect(200).texts("tbody th"), ["第1次 50%_"]);
    assert!(found("counselling-records?q=5%25%25").await.is_empty(), "a percent sign is no wildcard");
    assert!(found("counselling-records?to=115/01/01").await.is_empty());
    let range = format!("counselling-records?from={}&to={}&q=50", desk.today, desk.today);
    assert_eq!(desk.counsellor.get(&range).await.expect(200).texts("tbody th").len(), 20);
    let wrong = desk.counsellor.get("counselling-records?from=115/02/30").await.expect(422);
    assert!(wrong.has("#from[aria-invalid]"));

    let report = desk.counsellor.get("counselling-report").await.expect(200);
    assert!(report.has("tbody tr"));
    let csv = desk.counsellor.get("counselling-report.csv").await.expect(200);
    assert!(csv.text().contains(",21,0,21,21") || csv.text().contains(",22,1,23,"), "{}", csv.text());
    let student = desk.city.login_student(SCHOOL, StudentId::from(desk.students[0].0)).await;
    student.get("counselling-report").await.expect(403);
}

/// Domain §2.4 `counselling.view`: class for the homeroom teacher, assigned for guidance; nobody else of the staff.
#[tokio::test]
async fn teachers_of_a_class_read_of_their_own_students() {
    let desk = Desk::up().await;
    let (student, name) = desk.students[0].clone();
    let (homeroom, guidance, foreign): (i64, i64, i64) = sqlx::query_as(
        "select c.homeroom_staff_id, c.guidance_staff_id,
                (select s.id from school.student s where s.school_code = $1 and s.left_at is null
                    and s.class_id <> c.id order by s.id limit 1)
           from school.class c join school.student s on s.school_code = c.school_code and s.class_id = c.id
          where c.school_code = $1 and s.id = $2",
    )
    .bind(SCHOOL)
    .bind(student)
    .fetch_one(&mut desk.city.admin().await)
    .await
    .unwrap();
    let foreign_name: String = sqlx::query_scalar("select name from school.student where school_code = $1 and id = $2")
        .bind(SCHOOL)
        .bind(foreign)
        .fetch_one(&mut desk.city.admin().await)
        .await
        .unwrap();
    let office = desk.city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let made = office.post_multipart("counselling-records", desk.form("跨班說明", &[student, foreign])).await;
    let id = made.expect(303).location().rsplit('/').next().unwrap().to_owned();
    let teacher = desk.city.login_staff(Role::HomeroomTeacher, SCHOOL, homeroom.into()).await;
    let page = teacher.get(&format!("counselling/{id}")).await.expect(200).texts("main").join(" ");
    assert!(page.contains(&name) && !page.contains(&foreign_name), "{page}");
    let guide = desk.city.login_staff(Role::GuidanceCounsellor, SCHOOL, guidance.into()).await;
    guide.get(&format!("counselling/{id}")).await.expect(200);
    let course_teacher = desk.city.login_as(Role::CourseTeacher, SCHOOL).await;
    course_teacher.get("counselling").await.expect(403);
    let counsellor = desk.counsellor.get("counselling").await.expect(303);
    assert!(counsellor.location().ends_with("/counselling-records"));
}

/// An administrator whom no roster names yet has no name to write under: the form is not offered, nor opened.
#[tokio::test]
async fn who_cannot_write_a_record_is_not_led_to_the_form() {
    let city = City::up().await;
    let account = NewAccount {
        login: "temp.office".to_owned(),
        name: "新來的管理者".to_owned(),
        school: SCHOOL.parse().unwrap(),
        role: Role::SchoolAdmin,
        roster_account: None,
        expires_at: None,
    };
    let password = "first-password-22";
    temporary::create(&city.db("identity"), "test", city.now(), &account, password).await.expect("an account");
    sqlx::query("update identity.temporary_account set must_change = false")
        .execute(&mut city.admin().await)
        .await
        .expect("a password of their own");
    let office = city.visitor();
    let typed = [("temporary_login", "temp.office"), ("temporary_password", password)];
    office.post_form("/login/account", &typed).await.expect(303);
    let list = office.get(&format!("/s/{SCHOOL}/counselling-records")).await.expect(200);
    assert!(!list.has("a[href$='/counselling-records/new']"));
    office.get(&format!("/s/{SCHOOL}/counselling-records/new")).await.expect(403);

    let clerk = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    assert!(clerk.get("counselling-records").await.expect(200).has("a[href$='/counselling-records/new']"));
    clerk.get("counselling-records/new").await.expect(200);
}
