//! The school office: rosters in, windows, numbers and appointments (issue 2 §3.1; F-021–030, F-125–130).

use blob::{Copy, State};
use kernel::{identity_number::NationalId, role::Role};
use reqwest::multipart::{Form, Part};
use rust_xlsxwriter::Workbook;
use sqlx::{AssertSqlSafe, PgConnection};
use std::fmt::Write;
use testkit::{Answer, City, Visitor};

const SCHOOL: &str = "343303";
/// A national id of nobody in the seed.
const NOBODY: u64 = 9_000_000;
const TABLES: [&str; 10] = [
    "staff",
    "staff_role",
    "class",
    "student",
    "section",
    "section_teacher",
    "course_record",
    "cadre",
    "counsellor_assignment",
    "course_code",
];

struct Office {
    city: City,
    clerk: Visitor,
    admin: PgConnection,
}

/// A student as the seed has them.
#[derive(sqlx::FromRow)]
struct Pupil {
    id: i64,
    student_no: String,
    account: String,
    name: String,
    birth_date: time::Date,
}

impl Office {
    async fn up() -> Self {
        let city = City::up().await;
        let clerk = city.login_as(Role::SchoolAdmin, SCHOOL).await;
        let admin = city.admin().await;
        Self { city, clerk, admin }
    }

    async fn upload(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let file = Part::bytes(bytes.into()).file_name(name.to_owned());
        let form = Form::new().text("year", "115").text("term", "1").part("file", file);
        self.clerk.post_multipart("office/imports", form).await
    }

    /// Uploads a file that can be read; the path of its dry run.
    async fn check(&self, name: &str, bytes: impl Into<Vec<u8>>) -> String {
        self.upload(name, bytes).await.expect(303).location().to_owned()
    }

    /// Checks and applies a file.
    async fn import(&self, name: &str, bytes: impl Into<Vec<u8>>) -> String {
        let import = self.check(name, bytes).await;
        self.clerk.post_form(&format!("{import}/application"), &[("confirm", "yes")]).await.expect(303);
        import
    }

    async fn pupils(&mut self) -> Vec<Pupil> {
        sqlx::query_as(
            "select id, student_no, account, name, birth_date from school.student
             where school_code = $1 and left_at is null order by id",
        )
        .bind(SCHOOL)
        .fetch_all(&mut self.admin)
        .await
        .expect("seeded students")
    }

    /// All rosters of the school, row by row.
    async fn rosters(&mut self) -> Vec<(&'static str, Vec<String>)> {
        let mut rosters = Vec::new();
        for table in TABLES {
            let sql = format!("select t::text from school.{table} t where school_code = $1 order by id");
            let rows = sqlx::query_scalar(AssertSqlSafe(sql)).bind(SCHOOL).fetch_all(&mut self.admin).await;
            rosters.push((table, rows.expect("a table of rosters")));
        }
        rosters
    }

    /// The teachers of a section, and whether they certify.
    async fn certifiers(&mut self, section_no: &str) -> Vec<(i64, bool)> {
        sqlx::query_as(
            "select t.staff_id, t.certifies from school.section_teacher t
               join school.section s on s.school_code = t.school_code and s.id = t.section_id
              where t.school_code = $1 and s.section_no = $2 order by t.staff_id",
        )
        .bind(SCHOOL)
        .bind(section_no)
        .fetch_all(&mut self.admin)
        .await
        .expect("the section's teachers")
    }

    async fn count(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(format!("select count(*) from {sql}"));
        sqlx::query_scalar(sql).bind(SCHOOL).fetch_one(&mut self.admin).await.expect("a count")
    }
}

/// The cells of the one row of counts: new, changed, unchanged, vanished, errors, warnings.
fn counts(page: &Answer) -> Vec<i64> {
    page.texts("#result ~ .table-wrap tbody td").iter().map(|cell| cell.parse().expect("a number")).collect()
}

/// The seed numbers its people by their ids.
fn national_id(pupil: i64) -> String {
    NationalId::nth(pupil.unsigned_abs()).expose().to_owned()
}

fn students_csv(pupils: &[Pupil], change: impl Fn(&Pupil) -> String) -> String {
    let mut csv = "national_id,birth_date,student_no,name,account\n".to_owned();
    for pupil in pupils {
        let (id, account, number) = (national_id(pupil.id), &pupil.account, &pupil.student_no);
        writeln!(csv, "{id},{},{number},{},{account}", pupil.birth_date, change(pupil)).expect("a string takes it");
    }
    csv
}

/// Issue 2 §3.1: dry run, "held when more than 10 % would vanish … until confirmed; one click reverts the last import".
#[tokio::test]
async fn an_import_is_checked_held_confirmed_applied_and_taken_back() {
    let mut office = Office::up().await;
    let before = office.rosters().await;
    let pupils = office.pupils().await;
    let staying = pupils.len() / 2;
    let mut csv = students_csv(&pupils[..staying], |pupil| format!("{}改", pupil.name));
    let new = NationalId::nth(NOBODY);
    writeln!(csv, "{},0991231,999001,新同學,", new.expose()).expect("a string takes it");
    writeln!(csv, "A123456788,0991231,999002,錯同學,").expect("a string takes it");

    // an id that is wrong hides whose row it is: nobody may be marked as left
    let doubtful = office.check("students.csv", csv.clone()).await;
    assert_eq!(counts(&office.clerk.get(&doubtful).await)[3], 0);

    let clean: String = csv.lines().filter(|line| !line.contains("錯同學")).map(|line| format!("{line}\n")).collect();
    let import = office.check("students.csv", clean).await;
    let page = office.clerk.get(&import).await.expect(200);
    let (changed, vanished) = (staying as i64, (pupils.len() - staying) as i64);
    assert_eq!(counts(&page), [1, changed, 0, vanished, 0, 0]);
    assert!(page.has("#confirm") && page.text().contains("變動很大"));
    assert_eq!(office.rosters().await, before, "a dry run changes nothing");

    let application = format!("{import}/application");
    let refused = office.clerk.post_form(&application, &[]).await.expect(422);
    assert!(refused.has("#confirm-error"));
    assert_eq!(office.rosters().await, before);

    office.clerk.post_form(&application, &[("confirm", "yes")]).await.expect(303);
    let left = "school.student where school_code = $1 and left_at is not null";
    assert_eq!(office.count(left).await, vanished);
    let stored: (String, String, Vec<u8>) = sqlx::query_as(
        "select account, national_id_masked, national_id_sealed from school.student
         where school_code = $1 and student_no = '999001'",
    )
    .bind(SCHOOL)
    .fetch_one(&mut office.admin)
    .await
    .expect("the new student");
    assert_eq!(stored.1, new.masked());
    let sealed = office.city.house.keys.open(SCHOOL.parse().expect("a code"), &stored.2);
    assert_eq!(sealed.as_deref(), Ok(new.expose()), "stored encrypted, for this school");
    assert_eq!(office.count("app.audit where school_code = $1 and action = 'import.apply'").await, 1);
    // the first round of a new Redis only makes the queue
    office.city.drain_jobs().await;
    office.city.drain_jobs().await;
    let account = "identity.membership where school_code = $1 and name = '新同學'";
    assert_eq!(office.count(account).await, 1, "identity followed the roster");

    // twice is stale, not double
    office.clerk.post_form(&application, &[("confirm", "yes")]).await.expect(409);

    office.clerk.post_form(&format!("{import}/reversal"), &[]).await.expect(303);
    assert_eq!(office.rosters().await, before, "every row is exactly as it was");
    assert_eq!(office.count("school.import_undo where school_code = $1").await, 0);
    office.clerk.post_form(&format!("{import}/reversal"), &[]).await.expect(409);
    office.city.drain_jobs().await;
    assert_eq!(office.count(account).await, 0, "identity followed back");
}

/// Issue 2 §3.1: what was checked is what is applied, or nothing.
#[tokio::test]
async fn a_dry_run_that_others_overtook_is_stale_and_can_be_renewed() {
    let mut office = Office::up().await;
    let pupils = office.pupils().await;
    let first = office.check("a.csv", students_csv(&pupils, |pupil| format!("{}甲", pupil.name))).await;
    let second = office.import("b.csv", students_csv(&pupils, |pupil| format!("{}乙", pupil.name))).await;
    let between = office.rosters().await;
    let stale = office.clerk.post_form(&format!("{first}/application"), &[("confirm", "yes")]).await.expect(409);
    assert!(stale.text().contains("重新檢查"));
    assert_eq!(office.rosters().await, between);

    let renewed = office.clerk.post_form(&format!("{first}/renewal"), &[]).await.expect(303).location().to_owned();
    assert_ne!(renewed, first);
    assert_eq!(counts(&office.clerk.get(&renewed).await)[1], pupils.len() as i64);
    office.clerk.post_form(&format!("{renewed}/application"), &[("confirm", "yes")]).await.expect(303);
    // only the last one may be taken back
    office.clerk.post_form(&format!("{second}/reversal"), &[]).await.expect(409);
    assert!(!office.clerk.get(&second).await.has("form[action$='/reversal']"));
    assert!(office.clerk.get(&renewed).await.has("form[action$='/reversal']"));
}

/// The files of §5.13 and the agency's workbook, one after the other, and each taken back in turn.
#[tokio::test]
async fn a_school_is_built_up_from_files_and_taken_down_again() {
    let mut office = Office::up().await;
    let code = format!("115{SCHOOL}H11101A1010101");
    let mut steps = vec![office.rosters().await];
    let staff = "帳號,姓名,電子郵件,角色\nnew01,新老師,new01@example.edu.tw,課程學習成果提交人員\nnew02,另一老師,,\n";
    // a staff list without the clerk would lock the school out: this one adds to the seeded list
    let seeded: Vec<(String, String)> =
        sqlx::query_as("select account, name from school.staff where school_code = $1 and left_at is null")
            .bind(SCHOOL)
            .fetch_all(&mut office.admin)
            .await
            .expect("seeded staff");
    let alone = office.check("staff.csv", staff).await;
    let refused = office.clerk.post_form(&format!("{alone}/application"), &[("confirm", "yes")]).await.expect(422);
    assert!(refused.text().contains("校管理者"));

    let mut without_roles = "account,name\nnew01,新老師\nnew02,另一老師\n".to_owned();
    seeded.iter().for_each(|(account, name)| writeln!(without_roles, "{account},{name}").expect("a string takes it"));
    let mut imports = vec![office.import("staff.csv", without_roles).await];
    steps.push(office.rosters().await);

    imports.push(office.import("class.csv", "班級代碼,班級名稱,年級,導師帳號\nZ01,實驗一班,1,new01\n").await);
    steps.push(office.rosters().await);

    let roster = {
        let mut book = Workbook::new();
        let cover = book.add_worksheet().set_name("學生資料名冊封面").expect("a sheet");
        cover.write_row(0, 0, ["學校代碼", "學年度", "學期", "名冊別"]).expect("cells");
        cover.write_row(1, 0, [SCHOOL, "115", "1", "2"]).expect("cells");
        let sheet = book.add_worksheet().set_name("學生資料名冊").expect("a sheet");
        let headings = "身分證號,出生日期,所屬學校代碼,科/班/學程別代碼,部別,班別,班級座號代碼,備註(學生姓名),備註(資料當學期學號)";
        sheet.write_row(0, 0, headings.split(',')).expect("cells");
        let nobody = NationalId::nth(NOBODY);
        let row = [nobody.expose(), "0991231", SCHOOL, "101", "1", "1", "Z0105", "新同學", "999001"];
        sheet.write_row(1, 0, row).expect("cells");
        book.save_to_buffer().expect("a workbook")
    };
    imports.push(office.import("學生資料名冊.xlsx", roster).await);
    let seat = "school.student s join school.class c on c.id = s.class_id and c.school_code = s.school_code
                where s.school_code = $1 and s.student_no = '999001' and s.seat_no = 5 and c.code = 'Z01'";
    assert_eq!(office.count(seat).await, 1);
    steps.push(office.rosters().await);

    let codes = format!("{code},國語文,444440\n");
    imports.push(office.import("codes.csv", codes).await);
    steps.push(office.rosters().await);

    let enrolments = format!(
        "學號,學生年級,開課班級代碼,開課班級名稱,課程代碼,科目名稱,學分/時數,修課類別,授課教師代碼\n\
         999001,1,Z01A,實驗國文,{code},國語文,4,1,\"new02,new01\"\n"
    );
    imports.push(office.import("enrolments.csv", enrolments).await);
    let certifier =
        "school.section_teacher t join school.staff p on p.id = t.staff_id and p.school_code = t.school_code
                     where t.school_code = $1 and p.account = 'new02' and t.certifies";
    assert_eq!(office.count(certifier).await, 1);
    steps.push(office.rosters().await);

    let scores = format!(
        "身分證號,出生日期,課程代碼,科目名稱,開課年級,修課學分,學期學業成績,成績及格,補考成績,補考及格,是否採計學分,質性文字描述\n\
         {},0991231,{code},國語文,1,4,85.5,1,-1,-1,1,努力\n",
        NationalId::nth(NOBODY).expose()
    );
    imports.push(office.import("scores.csv", scores).await);
    let scored =
        "school.course_record where school_code = $1 and score_x100 = 8550 and passed and section_id is not null";
    assert_eq!(office.count(scored).await, 1);

    while let (Some(import), Some(before)) = (imports.pop(), steps.pop()) {
        office.clerk.post_form(&format!("{import}/reversal"), &[]).await.expect(303);
        assert_eq!(office.rosters().await, before, "{import}");
    }
}

/// A row that somebody has built on is not pulled away from under them.
#[tokio::test]
async fn an_import_in_use_is_not_taken_back() {
    let mut office = Office::up().await;
    let import = office.import("class.csv", "班級代碼,班級名稱,年級\nZ01,實驗一班,1\n").await;
    let class: i64 = sqlx::query_scalar("select id from school.class where school_code = $1 and code = 'Z01'")
        .bind(SCHOOL)
        .fetch_one(&mut office.admin)
        .await
        .expect("the class");
    let staff: i64 = sqlx::query_scalar("select min(id) from school.staff where school_code = $1")
        .bind(SCHOOL)
        .fetch_one(&mut office.admin)
        .await
        .expect("somebody");
    let form = [("staff", staff.to_string()), ("class", class.to_string())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    office.clerk.post_form("office/counsellors?year=115", &form).await.expect(303);
    let refused = office.clerk.post_form(&format!("{import}/reversal"), &[]).await.expect(422);
    assert!(refused.text().contains("已經有人使用"));
    assert_eq!(office.count("school.class where school_code = $1 and code = 'Z01'").await, 1);
}

#[tokio::test]
async fn a_file_that_is_no_roster_of_this_school_is_refused_with_its_reason() {
    let mut office = Office::up().await;
    let refused = |page: Answer, reason: &str| {
        let message = page.expect(422).texts("#file-error").join("");
        assert!(message.contains(reason), "{message}");
    };
    refused(office.upload("a.csv", "甲欄,乙欄\n1,2\n").await, "看不出這是哪一種名冊");
    refused(office.upload("a.csv", "身分證號,出生日期,缺勤種類代碼,缺勤節數\n").await, "缺勤紀錄名冊");
    assert_eq!(office.upload("a.xlsx", "%PDF-1.7\n").await.status(), 422);
    assert_eq!(office.upload("a.csv", "").await.status(), 422);
    let mut book = Workbook::new();
    let cover = book.add_worksheet().set_name("封面").expect("a sheet");
    cover.write_row(0, 0, ["學校代碼", "學年度", "學期", "名冊別"]).expect("cells");
    cover.write_row(1, 0, ["311401", "115", "1", "2"]).expect("cells");
    let sheet = book.add_worksheet().set_name("班級").expect("a sheet");
    sheet.write_row(0, 0, ["班級代碼", "班級名稱", "年級"]).expect("cells");
    refused(office.upload("a.xlsx", book.save_to_buffer().expect("a workbook")).await, "不是本校");
    let form = Form::new().text("year", "2026").text("term", "9");
    let page = office.clerk.post_multipart("office/imports", form).await.expect(422);
    assert!(page.has("#year-error") && page.has("#term-error"));
    assert_eq!(page.attributes("#year", "value"), ["2026"], "what was typed is kept");
    assert_eq!(office.count("school.import where school_code = $1").await, 0);
}

/// Issue 2 §3.1: the table of errors, "downloadable as xlsx"; national ids masked.
#[tokio::test]
async fn findings_are_shown_masked_and_can_be_downloaded() {
    let office = Office::up().await;
    let file = "national_id,birth_date,student_no,name\nA123456788,0991231,999001,=1+1\n";
    let import = office.check("students.csv", file).await;
    let page = office.clerk.get(&import).await.expect(200);
    let cells = page.texts("#findings ~ .table-wrap tbody td");
    assert!(cells.contains(&"A12****788".to_owned()), "{cells:?}");
    assert!(!page.text().contains("A123456788"));
    let book = office.clerk.get(&format!("{import}/findings.xlsx")).await.expect(200);
    assert!(book.header("content-disposition").is_some_and(|name| name.starts_with("attachment")));
    assert!(book.bytes().starts_with(b"PK"));
    assert!(!book.text().contains("A123456788"));
}

#[tokio::test]
async fn another_school_and_other_roles_stay_outside() {
    let office = Office::up().await;
    let import = office.check("class.csv", "班級代碼,班級名稱,年級\nZ01,實驗一班,1\n").await;
    let other: String =
        sqlx::query_scalar("select school_code from school.school where school_code <> $1 order by 1 limit 1")
            .bind(SCHOOL)
            .fetch_one(&mut office.city.admin().await)
            .await
            .expect("another school");
    let stranger = office.city.login_as(Role::SchoolAdmin, &other).await;
    stranger.get(&import).await.expect(404);
    let own_path = import.replace(SCHOOL, &other);
    stranger.get(&own_path).await.expect(404);
    stranger.post_form(&format!("{own_path}/application"), &[]).await.expect(404);
    stranger.get(&format!("{own_path}/findings.xlsx")).await.expect(404);
    let teacher = office.city.login_as(Role::CourseTeacher, SCHOOL).await;
    for path in ["office", "office/imports", "office/windows", "office/settings", "office/certifiers"] {
        teacher.get(path).await.expect(403);
        office.clerk.get(path).await.expect(200);
    }
}

/// Domain §4.9: "Receipt confirmation period ≥ 3 days"; windows are audited (F-129).
#[tokio::test]
async fn a_window_is_announced_changed_and_closed() {
    let mut office = Office::up().await;
    let form = |opens: &'static str, closes: &'static str| {
        [
            ("kind", "receipt_confirm"),
            ("year", "120"),
            ("term", "0"),
            ("grade", "0"),
            ("stage", "1"),
            ("opens", opens),
            ("closes", closes),
        ]
    };
    let short = office.clerk.post_form("office/windows", &form("2031-11-20T08:00", "2031-11-21T08:00")).await;
    let short = short.expect(422);
    assert!(short.texts("#closes-error")[0].contains("3 天"));
    assert_eq!(short.attributes("#opens", "value"), ["2031-11-20T08:00"]);
    office.clerk.post_form("office/windows", &form("2020-11-20T08:00", "2031-11-30T08:00")).await.expect(303);
    let twice = office.clerk.post_form("office/windows", &form("2020-11-20T08:00", "2031-11-30T08:00")).await;
    assert!(twice.expect(422).has("#kind-error"));
    let list = office.clerk.get("office/windows?year=120").await.expect(200);
    assert!(list.text().contains("109/11/20 08:00") && list.text().contains("開放中"));
    let id: i64 =
        sqlx::query_scalar("select id from school.window_period where school_code = $1 and academic_year = 120")
            .bind(SCHOOL)
            .fetch_one(&mut office.admin)
            .await
            .expect("the window");
    let path = format!("office/windows/{id}");
    office.clerk.get(&path).await.expect(200);
    office.clerk.post_form(&path, &form("2020-11-21T08:00", "2031-11-30T08:00")).await.expect(303);
    office.clerk.post_form(&format!("{path}/closing"), &[]).await.expect(303);
    office.clerk.post_form(&format!("{path}/closing"), &[]).await.expect(409);
    assert!(office.clerk.get("office/windows?year=120").await.text().contains("已結束"));
    assert_eq!(office.count("app.audit where school_code = $1 and entity = 'window_period'").await, 3);
}

/// Domain §4.1: "school override, default 6 per term, city ceiling e.g. 30".
#[tokio::test]
async fn a_school_sets_its_numbers_below_the_citys() {
    let mut office = Office::up().await;
    let beyond = [("outcome_upload_per_term", "31"), ("certify_hours", "24")];
    let refused = office.clerk.post_form("office/settings?year=115", &beyond).await.expect(422);
    assert!(refused.has("#outcome_upload_per_term-error"));
    assert_eq!(refused.attributes("#certify_hours", "value"), ["24"]);
    let within = [("outcome_upload_per_term", "9"), ("certify_hours", "24")];
    office.clerk.post_form("office/settings?year=115", &within).await.expect(303);
    let set = "school.ruleset_override where school_code = $1 and academic_year = 115 and outcome_upload_per_term = 9
               and certify_hours = 24 and outcome_per_subject is null";
    assert_eq!(office.count(set).await, 1);
}

/// F-094: a co-taught course has one appointed certifier.
#[tokio::test]
async fn a_co_taught_course_gets_one_certifier() {
    let mut office = Office::up().await;
    let (section, first, second): (i64, i64, i64) = sqlx::query_as(
        "select t.section_id, t.staff_id, (select min(id) from school.staff where school_code = $1 and id <> t.staff_id)
         from school.section_teacher t join school.section s on s.school_code = t.school_code and s.id = t.section_id
         where t.school_code = $1
           and not exists (select from school.section_teacher o
                           where o.school_code = $1 and o.section_id = t.section_id and o.staff_id <> t.staff_id)
         order by 1 limit 1",
    )
    .bind(SCHOOL)
    .fetch_one(&mut office.admin)
    .await
    .expect("a section with one teacher");
    let add =
        "insert into school.section_teacher (school_code, section_id, staff_id, certifies) values ($1, $2, $3, false)";
    sqlx::query(add)
        .bind(SCHOOL)
        .bind(section)
        .bind(second)
        .execute(&mut office.admin)
        .await
        .expect("a second teacher");
    let term: (i16, i16) =
        sqlx::query_as("select academic_year, term from school.section where school_code = $1 and id = $2")
            .bind(SCHOOL)
            .bind(section)
            .fetch_one(&mut office.admin)
            .await
            .expect("its term");
    let list = office.clerk.get(&format!("office/certifiers?year={}&term={}", term.0, term.1)).await.expect(200);
    assert!(list.has(&format!("form[action*='/sections/{section}/certifier'] input[value='{first}'][checked]")));
    let path = format!("office/sections/{section}/certifier");
    office.clerk.post_form(&path, &[("staff", &second.to_string())]).await.expect(303);
    office.clerk.post_form(&path, &[("staff", "999999999")]).await.expect(409);
    let certifier: Vec<i64> = sqlx::query_scalar(
        "select staff_id from school.section_teacher where school_code = $1 and section_id = $2 and certifies",
    )
    .bind(SCHOOL)
    .bind(section)
    .fetch_all(&mut office.admin)
    .await
    .expect("who certifies");
    assert_eq!(certifier, [second]);
}

/// A file proposes who certifies; the office's appointment stands when the file comes again with more teachers.
#[tokio::test]
async fn an_import_adds_no_second_certifier() {
    let mut office = Office::up().await;
    let pupils = office.pupils().await;
    let staff: Vec<(i64, String)> = sqlx::query_as(
        "select id, account from school.staff where school_code = $1 and left_at is null order by id limit 3",
    )
    .bind(SCHOOL)
    .fetch_all(&mut office.admin)
    .await
    .expect("three teachers");
    let [(a, a_account), (b, b_account), (c, c_account)] = &staff[..] else { panic!("{staff:?}") };
    let code = format!("115{SCHOOL}H11101A1010101");
    office.import("codes.csv", format!("{code},國語文,444440\n")).await;
    let file = |teachers: &str| {
        format!(
            "學號,學生年級,開課班級代碼,開課班級名稱,課程代碼,科目名稱,學分/時數,修課類別,授課教師代碼\n\
             {},1,Z01A,實驗國文,{code},國語文,4,1,\"{teachers}\"\n",
            pupils[0].student_no
        )
    };
    office.import("a.csv", file(a_account)).await;
    assert_eq!(office.certifiers("Z01A").await, [(*a, true)]);
    office.import("b.csv", file(&format!("{b_account},{a_account}"))).await;
    assert_eq!(office.certifiers("Z01A").await, [(*a, true), (*b, false)]);

    let section: i64 =
        sqlx::query_scalar("select id from school.section where school_code = $1 and section_no = 'Z01A'")
            .bind(SCHOOL)
            .fetch_one(&mut office.admin)
            .await
            .expect("the section");
    let appointed = [("staff", &*b.to_string())];
    office.clerk.post_form(&format!("office/sections/{section}/certifier"), &appointed).await.expect(303);
    office.import("c.csv", file(&format!("{c_account},{b_account}"))).await;
    assert_eq!(office.certifiers("Z01A").await, [(*b, true), (*c, false)]);
    // with the certifier gone, the file's proposal counts again
    office.import("d.csv", file(a_account)).await;
    assert_eq!(office.certifiers("Z01A").await, [(*a, true)]);
}

/// Issue 2 §3.1: national ids are stored encrypted; in storage as well, while the file waits to be applied.
#[tokio::test]
async fn an_uploaded_roster_lies_nowhere_in_the_open() {
    let mut office = Office::up().await;
    let pupils = office.pupils().await;
    let csv = students_csv(&pupils, |pupil| format!("{}封", pupil.name));
    let import = office.check("students.csv", csv.clone()).await;
    let (clear, sealed): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("select file_sha256, sealed_sha256 from school.import where school_code = $1 and id = $2")
            .bind(SCHOOL)
            .bind(import.rsplit('/').next().expect("a number").parse::<i64>().expect("a number"))
            .fetch_one(&mut office.admin)
            .await
            .expect("the import");
    let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).expect("32 bytes");
    let (school, house) = (SCHOOL.parse().expect("a code"), &office.city.house);
    assert_eq!(house.vault.exists(&school, &hash(clear)).await.expect("storage"), (false, false));
    let sealed = hash(sealed);
    let id = national_id(pupils[0].id);
    for copy in [Copy::Primary, Copy::Replica] {
        let State::Whole(kept) = house.vault.inspect(copy, &school, &sealed).await.expect("storage") else {
            panic!("the {} copy is not whole", copy.name())
        };
        assert!(!kept.windows(id.len()).any(|bytes| bytes == id.as_bytes()));
        assert_eq!(house.keys.open_bytes(school, &kept).expect("ours"), csv.as_bytes());
    }
}
