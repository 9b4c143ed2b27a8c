//! An activity record (多元表現): ten kinds of one shape, without certification (domain §4.5).

pub(crate) mod change;
pub(crate) mod form;
pub(crate) mod kinds;
pub(crate) mod pages;
pub(crate) mod show;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, RocDate, RosterTerm, Term},
    codes::ActivityKind,
    ids::{ActivityId, CadreId},
    rules::{Action, ActivityState, NewFiles, Slot},
};
use serde_json::{Map, Value};
use time::{Date, macros::format_description};
use web::Tone;

use crate::{
    file::{File, Place},
    outcome::Submission,
    student::Student,
};
use kinds::{Input, Kind};

/// The own columns of a kind, by key.
pub(crate) type Fields = Map<String, Value>;

/// One activity with everything that its state derives from.
pub(crate) struct Activity {
    pub(crate) id: ActivityId,
    pub(crate) kind: ActivityKind,
    /// Of the upload.
    pub(crate) year: AcademicYear,
    pub(crate) title: String,
    pub(crate) fields: Fields,
    pub(crate) summary: String,
    pub(crate) external_url: Option<String>,
    /// The school-recorded post that it supplements.
    pub(crate) cadre: Option<CadreId>,
    pub(crate) version: i32,
    pub(crate) files: Vec<File>,
    pub(crate) is_selected: bool,
    pub(crate) submission: Submission,
}

impl Activity {
    /// Where it stands.
    pub(crate) fn state(&self) -> ActivityState {
        match self.submission {
            Submission::Submitted => ActivityState::Submitted,
            Submission::Confirmed => ActivityState::Confirmed,
            Submission::Disputed => ActivityState::Disputed,
            Submission::None if self.is_selected => ActivityState::Selected,
            Submission::None => ActivityState::Saved,
        }
    }

    /// The windows of activities are the year's.
    pub(crate) fn slot(&self, student: &Student) -> Slot {
        student.slot(self.year, RosterTerm::YEAR)
    }

    pub(crate) fn is_from_school(&self) -> bool {
        self.cadre.is_some()
    }

    pub(crate) fn saved(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_saved())
    }

    pub(crate) fn has_file(&self) -> bool {
        self.saved().next().is_some()
    }

    pub(crate) fn has_media(&self) -> bool {
        self.saved().any(|file| file.place() == Place::Media)
    }

    /// The first field that the roster does not do without and that is empty: the form lets some of them wait.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let is_empty = |key: &str| self.fields.get(key).is_none_or(|value| value == "");
        let columns = Kind::of(self.kind).columns.iter();
        columns.filter(|column| column.submitted).find(|column| is_empty(column.key)).map(|column| column.label)
    }

    /// Changing it; `core_changed`: a field other than summary, files and link.
    pub(crate) fn edit(&self, student: &Student, core_changed: bool, files: NewFiles) -> Action {
        let (slot, state, from_school) = (self.slot(student), self.state(), self.is_from_school());
        Action::EditActivity { slot, state, from_school, core_changed, files }
    }

    pub(crate) fn delete(&self) -> Action {
        Action::DeleteActivity { state: self.state(), from_school: self.is_from_school() }
    }

    /// 「限學生高中就學期間取得之多元表現」 (domain §4.1): it ended on or after the first day of the year of entry.
    pub(crate) fn is_of_high_school(&self, entry_year: i16) -> bool {
        let Ok(entry) = AcademicYear::new(entry_year) else { return true };
        let ended = ["ended_on", "announced_on", "obtained_on", "made_on"]
            .iter()
            .find_map(|key| iso_date(self.fields.get(*key)?.as_str()?));
        let year = self.fields.get("year").and_then(Value::as_i64);
        ended.is_none_or(|day| day >= entry.first_day()) && year.is_none_or(|year| year >= i64::from(entry.get()))
    }
}

/// Reads what the fields hold.
pub(crate) fn iso_date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// How a state looks.
pub(crate) fn tone(state: ActivityState) -> Tone {
    match state {
        ActivityState::Saved => Tone::Quiet,
        ActivityState::Selected | ActivityState::Submitted => Tone::Note,
        ActivityState::Confirmed => Tone::Good,
        ActivityState::Disputed => Tone::Bad,
    }
}

/// Label and content of every own column, as people read it.
pub(crate) fn lines(kind: &Kind, fields: &Fields) -> Vec<(&'static str, String)> {
    let line = |column: &kinds::Column| {
        let value = fields.get(column.key)?;
        let text = match column.input {
            Input::Date => RocDate::from(iso_date(value.as_str()?)?).to_string(),
            Input::Code(table) => {
                let code = value.as_i64()?;
                let entry = table().into_iter().find(|(entry, _)| i64::from(*entry) == code);
                entry.map_or_else(|| code.to_string(), |(_, label)| label.to_owned())
            }
            Input::Term => Term::new(i16::try_from(value.as_i64()?).ok()?).ok()?.label(),
            Input::Year => format!("{}學年度", value.as_i64()?),
            _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        };
        Some((column.label, text)).filter(|(_, text)| !text.is_empty())
    };
    kind.columns.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn competition(announced_on: &str) -> Activity {
        let fields = json!({ "name": "全國科學展覽會", "event": "物理科", "level": 3, "award": "佳作",
                             "announced_on": announced_on, "participation": 2 });
        let Value::Object(fields) = fields else { unreachable!() };
        Activity {
            id: 1.into(),
            kind: ActivityKind::Competition,
            year: AcademicYear::new(115).unwrap(),
            title: String::new(),
            fields,
            summary: String::new(),
            external_url: None,
            cadre: None,
            version: 1,
            files: Vec::new(),
            is_selected: false,
            submission: Submission::None,
        }
    }

    /// §4.1: "限學生高中就學期間取得之多元表現，不限上傳學年度".
    #[test]
    fn only_what_took_place_since_the_entry_counts() {
        assert!(competition("2026-08-01").is_of_high_school(115));
        assert!(!competition("2026-07-31").is_of_high_school(115));
        assert!(competition("2026-07-31").is_of_high_school(114));
    }

    /// §5.7.2: 證照代碼 is a column of the certificate's sheet, which the form lets wait.
    #[test]
    fn a_certificate_without_its_code_is_incomplete() {
        assert_eq!(competition("2026-08-01").missing(), None);
        let Value::Object(fields) = json!({ "category": 1, "obtained_on": "2026-10-01", "number": "A-1" }) else {
            unreachable!()
        };
        let kind = ActivityKind::Certificate;
        let mut certificate = Activity { kind, fields, ..competition("2026-08-01") };
        assert_eq!(certificate.missing(), Some("證照代碼"));
        certificate.fields.insert("certificate_code".to_owned(), "0123".into());
        assert_eq!(certificate.missing(), None);
    }

    /// §4.5, F-077: rows from the school are not deleted; §4.4's freeze holds for activities as well.
    #[test]
    fn state_and_origin_are_told_to_the_rules() {
        let own = competition("2026-08-01");
        assert_eq!(own.delete(), Action::DeleteActivity { state: ActivityState::Saved, from_school: false });
        let school = Activity { cadre: Some(3.into()), is_selected: true, ..competition("2026-08-01") };
        assert_eq!(school.delete(), Action::DeleteActivity { state: ActivityState::Selected, from_school: true });
        let sent = Activity { submission: Submission::Submitted, ..school };
        assert_eq!(sent.state(), ActivityState::Submitted);
    }

    #[test]
    fn fields_are_shown_in_words() {
        let activity = competition("2026-08-01");
        let shown = lines(Kind::of(activity.kind), &activity.fields);
        assert!(shown.contains(&("競賽等級", "全國".to_owned())));
        assert!(shown.contains(&("結果公布日期", "115/08/01".to_owned())));
        assert!(shown.contains(&("個人或團體參與", "團體".to_owned())));
        assert_eq!(Kind::of(activity.kind).title(&activity.fields), "全國科學展覽會 佳作");
    }
}
