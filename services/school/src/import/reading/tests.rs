//! What the readers make of files, by the rules of the domain.

use super::*;
use crate::import::{
    entity::Entity,
    findings::Finding,
    kind::recognise,
    plan::{Cell, Use, Vanish},
};
use time::macros::date;

const SCHOOL: &str = "403303";

fn keys() -> Keys {
    Keys::derive(&[7; 32]).unwrap()
}

/// A school with two students, two teachers and one class.
fn known() -> Known {
    let student = |id: i64, nth: u64, number: &str| StudentRow {
        id,
        student_no: number.to_owned(),
        index: keys().blind_index(NationalId::nth(nth).expose()),
        birth_date: date!(2009 - 11 - 07),
        grade: 2,
    };
    let staff = |id: i64, account: &str, name: &str| StaffRow { id, account: account.into(), name: name.into() };
    let class = ClassRow { id: 31, code: "201".to_owned(), name: "二年1班".to_owned() };
    Known::new(
        vec![student(11, 1, "114001"), student(12, 2, "114002")],
        vec![staff(21, "t001", "林老師"), staff(22, "t002", "王老師")],
        vec![class],
    )
}

fn read_with(known: &Known, text: &str) -> Reading {
    try_read(known, text).unwrap()
}

fn try_read(known: &Known, text: &str) -> Result<Reading, Unreadable> {
    let mut source = Source::open(bytes::Bytes::copy_from_slice(text.as_bytes())).unwrap();
    let file = recognise(&mut source).unwrap();
    let (school, keys) = (SCHOOL.parse().unwrap(), keys());
    let frame = Frame { school, year: 115, term: 1, account_prefix: "HCSH", keys: &keys, known };
    read(&mut source, &file, &frame)
}

fn read_text(text: &str) -> Reading {
    read_with(&known(), text)
}

fn id(nth: u64) -> String {
    NationalId::nth(nth).expose().to_owned()
}

impl Reading {
    fn group(&self, entity: &str) -> &Group {
        self.plan.groups.iter().find(|group| group.entity.name == entity).unwrap()
    }

    /// The text of a column in the n-th row of a table.
    fn cell(&self, entity: &str, row: usize, column: &str) -> Option<&str> {
        let group = self.group(entity);
        let index = Entity::named(entity).unwrap().column(column);
        let place = group.columns.iter().position(|(column, _)| *column == index).unwrap();
        self.plan.pool.get(group.drafts[row].cells[place])
    }

    fn found(self) -> Vec<Finding> {
        self.findings.into_table()
    }
}

const STUDENTS: &str = "national_id,birth_date,student_no,name,grade,class_code,class_name,seat_no,account\n";

/// Issue 2 §3.1: "National ids are checked (check digit; resident numbers too), stored encrypted with a keyed blind
/// index, shown masked"; F-009: the account is the school's domain with the student number.
#[test]
fn a_new_student_is_read() {
    let reading = read_text(&format!("{STUDENTS}{},0981107,115001,陳同學,1,201,,7,\n", id(3)));
    let cell = |column: &str| reading.cell("student", 0, column).unwrap();
    assert_eq!((cell("birth_date"), cell("class_id"), cell("seat_no")), ("2009-11-07", "31", "7"));
    assert_eq!((cell("account"), cell("entry_year")), ("hcsh115001", "115"));
    assert_eq!(cell("national_id_masked"), NationalId::nth(3).masked());
    let sealed = hex::decode(cell("national_id_sealed").strip_prefix("\\x").unwrap()).unwrap();
    assert_eq!(keys().open(SCHOOL.parse().unwrap(), &sealed).unwrap(), id(3));
    assert!(reading.plan.pool.get(Cell::NULL).is_none());
    assert!(reading.found().is_empty());
}

/// Domain §4.7: "Student account example `hcsh108234567`"; the file may give another.
#[test]
fn an_account_is_made_of_domain_and_number() {
    let made = read_text(&format!("national_id,birth_date,student_no,name,grade\n{},0981107,115A01,陳,1\n", id(3)));
    assert_eq!(made.cell("student", 0, "account"), Some("hcsh115a01"));
    let given = read_text(&format!("{STUDENTS}{},0981107,115001,陳,1,201,,7,Chen.1\n", id(3)));
    assert_eq!(given.cell("student", 0, "account"), Some("chen.1"));
}

#[test]
fn a_wrong_check_digit_leaves_the_row_out_and_nobody_vanishes() {
    let wrong = format!("{}{}", &id(1)[..9], if id(1).ends_with('0') { '1' } else { '0' });
    let reading =
        read_text(&format!("{STUDENTS}{wrong},0981107,114001,陳,2,201,,7,\n{},0981107,115001,陳,1,201,,8,\n", id(3)));
    assert_eq!((reading.rows, reading.left_out), (2, 1));
    assert!(reading.plan.uncertain, "whose row it was is not known, so nobody may be marked as left");
    let findings = reading.found();
    assert_eq!(
        (findings[0].row, findings[0].severity, findings[0].column.as_str()),
        (2, Severity::Error, "national_id")
    );
    assert!(findings[0].value.contains("****") && !findings[0].value.contains(&wrong));
}

/// Domain §5.1: 部別, 班別, 班級座號代碼 of the agency's older layout; §5: "remark columns … 學生姓名 … 學號".
#[test]
fn the_agencys_roster_finds_students_by_id_and_makes_new_ones_from_the_remarks() {
    let head =
        "身分證號,出生日期,所屬學校代碼,科/班/學程別代碼,部別,班別,班級座號代碼,備註(學生姓名),備註(資料當學期學號)\n";
    let old = format!("{},0981107,{SCHOOL},101,1,1,20107,陳同學,114001\n", id(1));
    let new = format!("{},0981108,{SCHOOL},101,5,1,20399,李同學,115009\n", id(9));
    let elsewhere = format!("{},0981108,311401,101,1,1,20108,吳同學,114002\n", id(2));
    let reading = read_text(&format!("{head}{old}{new}{elsewhere}"));
    assert_eq!(reading.group("student").drafts[0].id, Some(11));
    assert_eq!(reading.group("student").drafts[1].id, None);
    assert_eq!(reading.cell("student", 0, "seat_no"), Some("7"));
    assert_eq!(reading.cell("student", 1, "division"), Some("5"));
    // class 203 is not there yet: it comes with the students
    assert_eq!(reading.cell("class", 0, "code"), Some("203"));
    assert_eq!(reading.cell("student", 1, "class_id"), Some("-1"));
    assert_eq!(reading.left_out, 1);
    assert!(reading.group("student").spared_ids.contains(&12), "a borrowed student's own row stays");
    assert!(reading.found()[0].what.contains("另一所學校"));
}

#[test]
fn an_empty_template_is_refused_and_does_not_empty_the_school() {
    assert_eq!(try_read(&known(), STUDENTS).err(), Some(Unreadable::Empty));
}

#[test]
fn a_new_student_without_a_number_is_named() {
    let reading = read_text(&format!("身分證號,出生日期,部別,班別\n{},0981107,1,1\n", id(9)));
    assert_eq!(reading.left_out, 1);
    assert!(reading.found().iter().any(|finding| finding.what.contains("學號")));
}

/// Domain App. C: "407/402/405 corrections must update identity keys without losing history".
#[test]
fn corrected_numbers_and_ids_keep_the_student() {
    let by_id = read_text(&format!("{STUDENTS}{},0981107,999999,陳,2,201,,7,\n", id(1)));
    assert_eq!(by_id.group("student").drafts[0].id, Some(11));
    let by_number = read_text(&format!("{STUDENTS}{},0981107,114001,陳,2,201,,7,\n", id(5)));
    assert_eq!(by_number.group("student").drafts[0].id, Some(11));
    let swapped = read_text(&format!("{STUDENTS}{},0981107,114002,陳,2,201,,7,\n", id(1)));
    assert_eq!(swapped.left_out, 1);
}

/// Domain App. C: 310–314 transfer out and 501 graduation leave the school, 340–350 suspension does not.
#[test]
fn a_status_code_says_who_has_left() {
    let head = "national_id,birth_date,student_no,name,status_code,status_date\n";
    let rows = format!("{},0981107,114001,陳,311,1150820\n{},0981107,114002,林,341,1150820\n", id(1), id(2));
    let reading = read_text(&format!("{head}{rows}"));
    assert_eq!(reading.cell("student", 0, "left_at"), Some("2026-08-19T16:00:00Z"));
    assert_eq!(reading.cell("student", 1, "left_at"), None);
    assert_eq!(reading.group("student").vanish, Vanish::Mark("left_at"));
}

#[test]
fn a_column_that_nobody_asked_for_is_named_and_not_kept() {
    let reading =
        read_text(&format!("身分證號,出生日期,學號,姓名,電話,父親身分證號\n{0},0981107,114001,陳,0912,{0}\n", id(1)));
    assert_eq!(reading.cell("student", 0, "extra"), Some(r#"{"phone": "0912"}"#));
    assert_eq!(reading.found()[0].column, "父親身分證號");
}

/// F-024: homeroom and course teachers come from the SIS's classes and sections, not from a list of roles.
#[test]
fn staff_bring_the_roles_that_nothing_else_implies() {
    let reading =
        read_text("帳號,姓名,角色\nT001,林老師,導師、校管理者;授課教師\nt009,趙老師,outcome_submitter 教育局 總統\n");
    assert_eq!(reading.cell("staff", 0, "account"), Some("t001"));
    let roles: Vec<_> = (0..2).map(|row| reading.cell("staff_role", row, "role").unwrap()).collect();
    assert_eq!(roles, ["school_admin", "outcome_submitter"]);
    assert_eq!(reading.cell("staff_role", 1, "staff_id"), Some("-2"));
    assert_eq!(reading.group("staff_role").vanish, Vanish::RemoveOf { owner: "staff_id" });
    let warned: Vec<_> = reading.found().into_iter().map(|finding| finding.what).collect();
    assert!(warned[0].contains("教育局") && warned[1].contains("總統"), "{warned:?}");
}

#[test]
fn a_file_without_roles_leaves_them_alone() {
    let reading = read_text("account,name,email\nt001,林老師,lin@example.edu.tw\n");
    assert!(reading.plan.groups.iter().all(|group| group.entity.name == "staff"));
}

const ENROLMENTS: &str = "學號,學生年級,開課班級代碼,開課班級名稱,課程代碼,科目名稱,學分/時數,修課類別,是否為預選課程,授課教師代碼,原修課學年度\n";
const CODE: &str = "115403303H11101A1010101";

/// Domain §5.13: "several, comma separated → co-teaching"; F-094: a co-taught course has one certifier.
#[test]
fn a_section_is_made_once_and_its_first_teacher_certifies() {
    let row = |number: &str| format!("{number},2,A01,國文甲,{CODE},國語文,4,1,0,\"t002,t001,nobody\",\n");
    let reading = read_text(&format!("{ENROLMENTS}{}{}", row("114001"), row("114002")));
    assert_eq!(reading.group("section").drafts.len(), 1);
    assert_eq!(reading.group("course_record").drafts.len(), 2);
    assert_eq!(reading.cell("course_record", 1, "section_id"), Some("-1"));
    let teachers: Vec<_> = (0..2)
        .map(|row| {
            (reading.cell("section_teacher", row, "staff_id"), reading.cell("section_teacher", row, "certifies"))
        })
        .collect();
    assert_eq!(teachers, [(Some("22"), Some("true")), (Some("21"), Some("false"))]);
    // what the school has appointed since is not undone by the next import
    let certifies = Entity::named("section_teacher").unwrap().column("certifies");
    assert!(reading.group("section_teacher").columns.contains(&(certifies, Use::Create)));
    let findings = reading.found();
    assert!(findings.iter().any(|finding| finding.what.contains("nobody")));
    assert!(findings.iter().any(|finding| finding.what.contains("合開課程")));
}

/// Domain §5.13: 修課類別 "1 新修, 2 重修, 3 補修"; 是否為預選課程: a preselected course is no course record.
#[test]
fn kinds_of_enrolment_are_told_apart() {
    let row = |kind: &str, preselected: &str, year: &str| {
        format!("114001,2,A{kind}{preselected},國文,{CODE},國語文,4,{kind},{preselected},t001,{year}\n")
    };
    let rows = [row("1", "0", "114"), row("2", "0", "114"), row("3", "0", "113"), row("1", "1", ""), row("9", "0", "")];
    let reading = read_text(&format!("{ENROLMENTS}{}", rows.concat()));
    let kinds: Vec<_> = (0..3).map(|row| reading.cell("course_record", row, "kind").unwrap()).collect();
    assert_eq!(kinds, ["1", "2", "3"]);
    assert_eq!(reading.cell("course_record", 0, "orig"), Some("{}"));
    assert_eq!(reading.cell("course_record", 2, "orig"), Some(r#"{"year": "113"}"#));
    assert_eq!(reading.left_out, 1);
    assert!(reading.found().iter().any(|finding| finding.what.contains("預選")));
}

#[test]
fn the_same_course_twice_is_an_error_of_the_second_row() {
    let row = format!("114001,2,A01,國文甲,{CODE},國語文,4,1,0,t001,\n");
    let reading = read_text(&format!("{ENROLMENTS}{row}{row}"));
    assert_eq!(reading.left_out, 1);
    assert!(reading.found()[0].what.contains("第 2 列"));
}

/// Domain §5.8.3: "unknown value = warning, not failure"; F-028: the school must verify the codes.
#[test]
fn course_codes_are_held_against_the_course_plan() {
    let mut known = known();
    known.course_codes.insert(CODE.to_owned(), ("國文".to_owned(), "004400".to_owned()));
    let row = |code: &str, name: &str, credits: &str| format!("114001,2,A01,甲,{code},{name},{credits},1,0,t001,\n");
    let reading = read_with(&known, &format!("{ENROLMENTS}{}", row(CODE, "國語文", "3")));
    let whats: Vec<_> = reading.found().into_iter().map(|finding| finding.what).collect();
    assert!(whats.iter().any(|what| what.contains("「國文」")), "{whats:?}");
    assert!(whats.iter().any(|what| what.contains("學分（節數）與課程計畫不同")), "{whats:?}");
    let reading = read_with(&known, &format!("{ENROLMENTS}{}", row("115403303H11101A10101ZZ", "別的", "3")));
    assert_eq!(reading.left_out, 0);
    assert!(reading.found().iter().any(|finding| finding.what.contains("沒有這個代碼")));
    let reading = read_with(&known, &format!("{ENROLMENTS}{}", row("115", "國文", "3")));
    assert_eq!((reading.left_out, reading.group("course_record").spared_keys.len()), (1, 1));
}

const SCORES: &str = "身分證號,出生日期,課程代碼,科目名稱,開課年級,修課學分,學期學業成績,成績及格,補考成績,補考及格,是否採計學分,質性文字描述\n";

/// Domain §5.4: "score default −1; pass: 1 pass, 0 fail, −1 no score"; "score 60 marked fail … a precheck must warn";
/// "class category 8 or 9 and attribute ≠ D must not carry a grade".
#[test]
fn scores_are_read_in_hundredths() {
    let flexible = "115403303H11101A90091ZZ";
    let rows = [
        format!("{},0981107,{CODE},國語文,2,4,85.5,1,-1,-1,1,認真\n", id(1)),
        format!("{},0981107,{CODE},國語文,2,4,60,0,,,1,\n", id(2)),
        format!("{},0981107,{flexible},自主學習,2,1,90,1,-1,-1,2,\n", id(2)),
        format!("{},0981107,115403303H11101A1010102,英語文,2,4,101,1,-1,-1,1,\n", id(2)),
    ];
    let reading = read_text(&format!("{SCORES}{}", rows.concat()));
    assert_eq!(reading.cell("course_record", 0, "score_x100"), Some("8550"));
    assert_eq!(reading.cell("course_record", 0, "makeup_score_x100"), None);
    assert_eq!(reading.cell("course_record", 0, "passed"), Some("true"));
    assert_eq!(reading.cell("course_record", 1, "passed"), Some("false"));
    assert_eq!((reading.left_out, reading.group("course_record").vanish), (1, Vanish::Keep));
    let findings = reading.found();
    assert!(findings.iter().any(|finding| finding.row == 3 && finding.what.contains("60 分")));
    assert!(findings.iter().any(|finding| finding.row == 4 && finding.what.contains("不應有成績")));
    assert!(findings.iter().any(|finding| finding.row == 5 && finding.severity == Severity::Error));
}

#[test]
fn a_score_of_somebody_unknown_is_an_error() {
    let reading = read_text(&format!("{SCORES}{},0981107,{CODE},國語文,2,4,85,1,-1,-1,1,\n", id(77)));
    assert_eq!(reading.left_out, 1);
    assert!(reading.found()[0].mend.contains("先匯入學生資料"));
}

/// Domain §5.7.1: 單位名稱(20), 擔任職務(20), 幹部等級; ROC dates of seven digits.
#[test]
fn cadres_are_read() {
    let head = "身分證號,出生日期,單位名稱,開始日期,結束日期,擔任職務,幹部等級\n";
    let row = |end: &str, level: &str| format!("{},0981107,二年1班{level},1150901,{end},班長,{level}\n", id(1));
    let reading = read_text(&format!("{head}{}{}{}", row("1160115", "2"), row("1150831", "1"), row("1160115", "7")));
    assert_eq!(reading.cell("cadre", 0, "ended_on"), Some("2027-01-15"));
    assert_eq!((reading.left_out, reading.group("cadre").spared_keys.len()), (2, 3));
}

/// Domain §5.8.1: "If original code is given and new code too → modify; original only → delete".
#[test]
fn a_file_of_changes_names_what_it_removes() {
    let head = "課程代碼,科目名稱,學分,原課程代碼,原科目名稱\n";
    let (old, gone) = ("115403303H11101A1010109", "115403303H11101A1010108");
    let text = format!("{head}{CODE},國語文,444440,{old},國文\n,,,{gone},書法\n");
    let reading = read_text(&text);
    let removed = &reading.plan.groups[0];
    assert_eq!((removed.vanish, removed.drafts.len()), (Vanish::Remove, 0));
    assert!(matches!(&removed.scope, crate::import::plan::Scope::Codes(codes) if *codes == [gone, old]));
    assert_eq!(reading.plan.groups[1].vanish, Vanish::Keep);
}

/// Domain §5.8.1: the six characters of the credits.
#[test]
fn a_full_file_of_codes_speaks_for_its_programmes() {
    let reading = read_text(&format!("{CODE},國語文,444440\n115403303H11101A1010102,英語文,4X4440\n"));
    assert_eq!((reading.rows, reading.left_out), (2, 1));
    let codes = &reading.plan.groups[0];
    assert_eq!((codes.vanish, codes.drafts.len()), (Vanish::Remove, 1));
    assert!(reading.plan.uncertain, "a code that can't be read is not a code that is gone");
}

#[test]
fn classes_name_their_teachers_by_account() {
    let head = "學年度,班級代碼,班級名稱,年級,導師帳號\n";
    let reading = read_text(&format!("{head}115,201,二年1班,2,T001\n115,202,二年2班,2,t999\n114,203,二年3班,2,\n"));
    assert_eq!(reading.cell("class", 0, "homeroom_staff_id"), Some("21"));
    assert_eq!(reading.cell("class", 1, "homeroom_staff_id"), None);
    assert_eq!(reading.left_out, 1);
}

#[test]
fn counsellors_are_assigned_by_class_or_student() {
    let reading = read_text("課程諮詢教師帳號,班級代碼,學號\nt001,201,\nt002,,114002\nt001,999,\n");
    assert_eq!(reading.cell("counsellor_assignment", 0, "class_id"), Some("31"));
    assert_eq!(reading.cell("counsellor_assignment", 1, "student_id"), Some("12"));
    assert_eq!(reading.left_out, 1);
    assert!(reading.plan.uncertain);
}
