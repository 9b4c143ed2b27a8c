//! A counselling record and what makes one valid (domain §4.6, F-109).

pub(crate) mod form;
pub(crate) mod pages;
pub(crate) mod roster;
pub(crate) mod store;
mod typed;

use std::collections::BTreeSet;

use kernel::{
    calendar::RocDate,
    ids::{CounsellingRecordId, StudentId},
    rules::Ruleset,
    text::{self, TextError},
};
use serde_json::{Value, json};
use time::{Date, macros::date};
use web::FieldErrors;

use crate::file::File;
use roster::{Pupil, Roster};
use typed::Typed;

/// Characters of the place; the domain sets none.
const PLACE_MAX: usize = 50;
/// Characters of the topic; the domain sets none.
const TOPIC_MAX: usize = 100;
/// The regulation on course counsellors is in force from 2018 (domain §4.6): an earlier year is a slip, such as
/// `15/11/22` for `115/11/22`.
const FIRST_DAY: Date = date!(2018 - 01 - 01);

/// How the session was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// 個別諮詢
    Individual,
    /// 團體諮詢
    Group,
}

impl Method {
    pub(crate) const ALL: [Self; 2] = [Self::Individual, Self::Group];

    /// The word in rows and forms.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Individual => "個別諮詢",
            Self::Group => "團體諮詢",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.code() == code)
    }

    /// What is wrong with this many students; an individual session has one, a group more.
    fn headcount(self, students: usize) -> Option<String> {
        match (self, students) {
            (_, 0) => Some("請勾選參加的學生".to_owned()),
            (Self::Individual, 2..) => Some(format!("個別諮詢只有 1 位學生，目前勾選 {students} 位；多位請選團體諮詢")),
            (Self::Group, 1) => Some("團體諮詢至少 2 位學生；只有 1 位請選個別諮詢".to_owned()),
            _ => None,
        }
    }
}

/// What the counsellor says of a session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) held_on: Date,
    pub(crate) place: String,
    pub(crate) method: Method,
    pub(crate) topic: String,
    pub(crate) text: String,
    pub(crate) students: BTreeSet<StudentId>,
}

/// A record as it stands.
pub(crate) struct Record {
    pub(crate) id: CounsellingRecordId,
    pub(crate) content: Content,
    pub(crate) counsellor: String,
    pub(crate) file: Option<File>,
    pub(crate) version: i32,
    /// The students with name and class, by class and seat.
    pub(crate) pupils: Vec<Pupil>,
}

impl Content {
    /// Reads the form; required are date, place, method, people, topic and content (domain §4.6).
    pub(crate) fn check(typed: &Typed, roster: &Roster, rules: &Ruleset, today: Date) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let held_on = said(&mut errors, "held_on", day(&typed.held_on, today));
        let place = said(&mut errors, "place", line(&typed.place, "地點", PLACE_MAX));
        let method = Method::from_code(&typed.method).ok_or_else(|| "請選擇諮詢方式".to_owned());
        let method = said(&mut errors, "method", method);
        let students = said(&mut errors, "students", people(typed, method, roster));
        let topic = said(&mut errors, "topic", line(&typed.topic, "主題", TOPIC_MAX));
        let max = usize::try_from(rules.counselling_max_chars).unwrap_or_default();
        let text = said(&mut errors, "content", filled(paragraphs(&typed.content, max), "內容"));
        match (held_on, place, method, topic, text, students) {
            (Some(held_on), Some(place), Some(method), Some(topic), Some(text), Some(students)) => {
                Ok(Self { held_on, place, method, topic, text, students })
            }
            _ => Err(errors),
        }
    }

    /// For the audit: everything but the bytes of the file; students as numbers.
    pub(crate) fn snapshot(&self, file: Option<&File>) -> Value {
        json!({
            "held_on": self.held_on.to_string(), "place": self.place, "method": self.method.code(),
            "topic": self.topic, "content": self.text, "students": self.students,
            "file": file.map(|file| json!({ "name": file.name, "sha256": hex::encode(&file.sha256) })),
        })
    }
}

/// Notes what is wrong under the field's name.
fn said<T>(errors: &mut FieldErrors, field: &str, checked: Result<T, String>) -> Option<T> {
    checked.map_err(|message| errors.add(field, message)).ok()
}

/// A day as people type it, ROC or AD; a record tells of what has been.
fn day(typed: &str, today: Date) -> Result<Date, String> {
    if typed.trim().is_empty() {
        return Err("請填寫日期".to_owned());
    }
    let day = typed.parse::<RocDate>().map_err(|error| error.to_string())?.date();
    match day {
        late if late > today => Err("日期不能晚於今天：紀錄要在諮詢之後才寫".to_owned()),
        early if early < FIRST_DAY => Err(format!("日期是 {}，請確認年份", RocDate::from(early))),
        day => Ok(day),
    }
}

fn line(typed: &str, label: &str, max: usize) -> Result<String, String> {
    filled(text::line(typed, max), label)
}

fn filled(read: Result<String, TextError>, label: &str) -> Result<String, String> {
    match read {
        Ok(text) if text.is_empty() => Err(format!("請填寫{label}")),
        Ok(text) => Ok(text),
        Err(error) => Err(format!("{label}：{error}")),
    }
}

/// Several lines of text; a line break counts one character, as in the page's counter.
fn paragraphs(typed: &str, max: usize) -> Result<String, TextError> {
    let lines = typed.trim().lines().map(|line| text::line(line, usize::MAX)).collect::<Result<Vec<_>, _>>()?;
    let joined = lines.join("\n");
    match joined.chars().count() {
        found if found > max => Err(TextError::TooLong { max, found }),
        _ => Ok(joined),
    }
}

/// The ticked students, all of whom must be on the counsellor's list (domain §2.4 "assigned").
fn people(typed: &Typed, method: Option<Method>, roster: &Roster) -> Result<BTreeSet<StudentId>, String> {
    let ids: BTreeSet<StudentId> = typed.students.iter().filter_map(|id| id.parse().ok()).collect();
    let strangers = ids.iter().filter(|id| !roster.has(**id)).count();
    if strangers > 0 {
        return Err(format!("有 {strangers} 位學生不在您的諮詢名單裡，請重新勾選"));
    }
    match method.and_then(|method| method.headcount(ids.len())) {
        Some(problem) => Err(problem),
        None => Ok(ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::calendar::AcademicYear;

    const TODAY: Date = date!(2026 - 11 - 22);

    fn roster() -> Roster {
        let pupil = |id: i64| Pupil {
            id: id.into(),
            class_name: "一年01班".to_owned(),
            seat_no: i16::try_from(id).ok(),
            name: format!("學生{id}"),
        };
        Roster::new([1, 2, 3].map(pupil).into())
    }

    fn typed() -> Typed {
        Typed {
            held_on: "115/11/20".to_owned(),
            place: "輔導室".to_owned(),
            method: "group".to_owned(),
            topic: "選課說明".to_owned(),
            content: "說明課程地圖".to_owned(),
            students: vec!["1".to_owned(), "2".to_owned()],
            ..Typed::default()
        }
    }

    fn check(typed: &Typed) -> Result<Content, FieldErrors> {
        Content::check(typed, &roster(), &Ruleset::of(AcademicYear::new(115).unwrap()), TODAY)
    }

    fn wrong(change: impl FnOnce(&mut Typed)) -> Vec<String> {
        let mut typed = typed();
        change(&mut typed);
        let errors = check(&typed).err().expect("a mistake");
        errors.iter().map(|(field, _)| field.to_owned()).collect()
    }

    /// Domain §4.6: "Required: date, place, method, people, topic, content. File optional".
    #[test]
    fn date_place_method_people_topic_and_content_are_required() {
        assert!(check(&typed()).is_ok());
        let errors = check(&Typed::default()).err().unwrap();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            ["held_on", "place", "method", "topic", "content"],
            "who came is asked once the method is known"
        );
        assert_eq!(wrong(|typed| typed.students.clear()), ["students"]);
        assert_eq!(wrong(|typed| typed.place = "　 ".to_owned()), ["place"]);
    }

    /// F-107 individual, F-106 group: one student, or at least two.
    #[test]
    fn an_individual_session_has_one_student_and_a_group_more() {
        let one = |typed: &mut Typed| typed.students = vec!["3".to_owned()];
        assert_eq!(wrong(one), ["students"]);
        assert_eq!(wrong(|typed| typed.method = "individual".to_owned()), ["students"]);
        let mut individual = Typed { method: "individual".to_owned(), ..typed() };
        one(&mut individual);
        assert!(check(&individual).is_ok());
        assert_eq!(wrong(|typed| typed.students = vec!["1".into(), "1".into()]), ["students"], "the same one twice");
    }

    /// Domain §2.4: `counselling.write` of a course counsellor is "assigned".
    #[test]
    fn a_student_off_the_list_is_refused() {
        assert_eq!(wrong(|typed| typed.students.push("4".to_owned())), ["students"]);
    }

    /// Domain §4.6: "Content 100 characters".
    #[test]
    fn the_content_has_at_most_a_hundred_characters() {
        assert!(check(&Typed { content: "字".repeat(100), ..typed() }).is_ok());
        assert_eq!(wrong(|typed| typed.content = "字".repeat(101)), ["content"]);
        let lines = Typed { content: format!(" {}\r\n{} ", "字".repeat(50), "字".repeat(49)), ..typed() };
        assert_eq!(check(&lines).ok().unwrap().text, format!("{}\n{}", "字".repeat(50), "字".repeat(49)));
        assert_eq!(wrong(|typed| typed.content = "好\u{202E}壞".to_owned()), ["content"]);
    }

    #[test]
    fn a_day_is_read_in_roc_and_ad_and_lies_in_the_past() {
        assert_eq!(day("115/11/22", TODAY), Ok(TODAY));
        assert_eq!(day("2026-11-22", TODAY), Ok(TODAY));
        for typed in ["115/11/23", "15/11/22", "115/02/30", "昨天", " "] {
            assert!(day(typed, TODAY).is_err(), "{typed}");
        }
    }

    /// The audit says what changed without naming anybody.
    #[test]
    fn a_snapshot_names_nobody() {
        let snapshot = check(&typed()).ok().unwrap().snapshot(None).to_string();
        assert!(snapshot.contains("\"students\":[1,2]") && !snapshot.contains("學生"), "{snapshot}");
    }
}
