//! What a roster is made from: students, their selected items, the files, the certification each rests on.

use kernel::{
    calendar::AcademicYear,
    identity_number::NationalId,
    ids::{ActivityId, CadreId, ClassId, OutcomeId, StudentId},
    status_change::{self, StatusChange},
};
use std::{collections::BTreeMap, fmt, str::FromStr};
use time::Date;

/// Everything that one roster of one year holds, read at one moment.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) students: BTreeMap<StudentId, Student>,
    /// In the order of the roster: student number, sheet, item.
    pub(crate) items: Vec<Item>,
}

/// A student as the rosters need them. No `Debug`: it holds a national id.
pub(crate) struct Student {
    pub(crate) id: StudentId,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) class: Option<ClassId>,
    pub(crate) class_name: String,
    pub(crate) seat: Option<i16>,
    /// `None`: missing, or not a valid number.
    pub(crate) national_id: Option<NationalId>,
    pub(crate) birth_date: Date,
    pub(crate) standing: Standing,
}

/// Whether this year's items go to the central database with this school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They do.
    Here,
    /// Suspended before the year's end: deferred until the student returns (domain §6.3).
    Suspended { since: Date },
    /// Left before the year's end: the new school submits (domain §6.4).
    Left { since: Date },
}

impl Standing {
    /// Judges a status change (學籍異動, domain appendix C) against the last day of the academic year: who goes
    /// on or after it is still submitted by this school.
    pub(crate) fn of(status_code: &str, status_date: Option<Date>, left: Option<Date>, year: AcademicYear) -> Self {
        let year_end = year.last_day();
        let before_end = |day: &Date| *day < year_end;
        let change = status_code.parse::<StatusChange>().ok().and_then(StatusChange::standing);
        if change == Some(status_change::Standing::Suspended)
            && let Some(since) = status_date.filter(before_end)
        {
            return Self::Suspended { since };
        }
        // no other school submits for a graduate: a transfer alone hands the year over
        if change == Some(status_change::Standing::Graduated) {
            return Self::Here;
        }
        left.filter(before_end).map_or(Self::Here, |since| Self::Left { since })
    }
}

/// What a row of a roster is about; the text form is kept with the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ItemRef {
    Outcome(OutcomeId),
    Activity(ActivityId),
    Cadre(CadreId),
}

impl fmt::Display for ItemRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(id) => write!(f, "outcome:{id}"),
            Self::Activity(id) => write!(f, "activity:{id}"),
            Self::Cadre(id) => write!(f, "cadre:{id}"),
        }
    }
}

/// Not the text form of an item.
#[derive(Debug, thiserror::Error)]
#[error("not an item of a roster")]
pub(crate) struct NotAnItem;

impl FromStr for ItemRef {
    type Err = NotAnItem;
    fn from_str(text: &str) -> Result<Self, NotAnItem> {
        let (kind, id) = text.split_once(':').ok_or(NotAnItem)?;
        let id: i64 = id.parse().map_err(|_| NotAnItem)?;
        match kind {
            "outcome" => Ok(Self::Outcome(id.into())),
            "activity" => Ok(Self::Activity(id.into())),
            "cadre" => Ok(Self::Cadre(id.into())),
            _ => Err(NotAnItem),
        }
    }
}

/// A value before it becomes a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Day(Date),
    Number(i64),
}

/// A file of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) sha256: Vec<u8>,
    pub(crate) media_type: String,
    /// In bytes.
    pub(crate) size: i64,
}

impl File {
    pub(crate) fn hex(&self) -> String {
        hex::encode(&self.sha256)
    }

    /// The ending of its name, told by its checked content.
    pub(crate) fn extension(&self) -> &'static str {
        match self.media_type.as_str() {
            "application/pdf" => "pdf",
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "audio/mpeg" => "mp3",
            "video/mp4" => "mp4",
            _ => "bin",
        }
    }
}

/// The certification that a selected outcome rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certification {
    /// Passed, published, not taken back.
    pub(crate) stands: bool,
    pub(crate) document_sha256: Option<Vec<u8>>,
    pub(crate) media_sha256: Option<Vec<u8>>,
}

/// One item of a student.
pub(crate) struct Item {
    pub(crate) reference: ItemRef,
    pub(crate) student: StudentId,
    /// The kind of course record or activity, which says the sheet it belongs to.
    pub(crate) kind: i16,
    /// Subject or title, for people.
    pub(crate) label: String,
    /// By source, e.g. `course.term`, `orig.year`, `fields.level`.
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) document: Option<File>,
    pub(crate) media: Option<File>,
    /// The school has taken the course record away since the student selected it.
    pub(crate) is_withdrawn: bool,
    /// Of outcomes; others need none (F-082).
    pub(crate) certification: Option<Certification>,
}

impl Item {
    /// Puts every plain member of a JSON object under `prefix.{name}`.
    pub(crate) fn take_fields(&mut self, prefix: &str, fields: &serde_json::Value) {
        for (name, value) in fields.as_object().into_iter().flatten() {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(flag) => flag.to_string(),
                _ => continue,
            };
            self.values.insert(format!("{prefix}.{name}"), Value::Text(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn year() -> AcademicYear {
        AcademicYear::new(115).unwrap()
    }

    /// Domain §6.3: "if D ≥ year-end date → keep selections, submit; else freeze". 115 ends on 116/07/31.
    #[test]
    fn a_suspension_before_the_end_of_the_year_defers() {
        let standing = |code, on| Standing::of(code, Some(on), None, year());
        assert_eq!(standing("341", date!(2027 - 07 - 30)), Standing::Suspended { since: date!(2027 - 07 - 30) });
        assert_eq!(standing("350", date!(2026 - 10 - 01)), Standing::Suspended { since: date!(2026 - 10 - 01) });
        assert_eq!(standing("341", date!(2027 - 07 - 31)), Standing::Here);
        assert_eq!(standing("221", date!(2026 - 10 - 01)), Standing::Here);
    }

    /// Domain §6.4: after the year ends "selection and submission finish at the old school"; within it the new one submits.
    #[test]
    fn who_left_within_the_year_is_the_new_schools() {
        let left = |on| Standing::of("311", Some(on), Some(on), year());
        assert_eq!(left(date!(2027 - 01 - 25)), Standing::Left { since: date!(2027 - 01 - 25) });
        assert_eq!(left(date!(2027 - 08 - 10)), Standing::Here);
    }

    /// Domain §6.4 gives the year of "transfer" to the new school; 501 is graduation (App. C), which lies before 07/31.
    #[test]
    fn a_graduate_is_submitted_by_the_school_that_graduated_them() {
        let on = date!(2027 - 06 - 05);
        assert_eq!(Standing::of("501", Some(on), Some(on), year()), Standing::Here);
    }

    #[test]
    fn an_item_reads_as_it_is_written() {
        for text in ["outcome:12", "activity:7", "cadre:3"] {
            assert_eq!(text.parse::<ItemRef>().unwrap().to_string(), text);
        }
        assert!("person:1".parse::<ItemRef>().is_err());
    }
}
