//! Course codes (課程代碼, domain §5.8): 23 characters that say which year, school, programme and subject.

mod credits;
mod tables;

use std::fmt;
use std::str::FromStr;

pub use credits::{Credits, CreditsError};
use tables::{Table, tables};

use crate::calendar::AcademicYear;
use crate::text::half_width;

/// A well-formed course code. Values that the tables don't know are no fault: tables evolve ([`CourseCode::warnings`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CourseCode(String);

/// What a course is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// 學分
    Credit,
    /// 節數, in evening divisions and evening programmes
    Period,
}

impl UnitKind {
    /// 學分 or 節數.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Credit => "學分",
            Self::Period => "節數",
        }
    }
}

impl CourseCode {
    /// 1–3: the academic year of entry that the plan is for (適用入學學年度).
    pub fn entry_year(&self) -> AcademicYear {
        self.part(1, 3).parse().expect("checked when the code was read")
    }

    /// 4–9: the school (學校代碼).
    pub fn school_code(&self) -> &str {
        self.part(4, 9)
    }

    /// 10: 課程類型
    pub fn programme_type(&self) -> char {
        self.at(10)
    }

    /// 11–12: 群別
    pub fn group_code(&self) -> &str {
        self.part(11, 12)
    }

    /// 13–15: 科別
    pub fn department_code(&self) -> &str {
        self.part(13, 15)
    }

    /// 16: 班群
    pub fn class_cluster(&self) -> char {
        self.at(16)
    }

    /// 17: 課程類別
    pub fn course_category(&self) -> char {
        self.at(17)
    }

    /// 18: 開課方式
    pub fn offering_mode(&self) -> char {
        self.at(18)
    }

    /// 19: 科目屬性
    pub fn subject_attribute(&self) -> char {
        self.at(19)
    }

    /// 20–21: 領域
    pub fn field_code(&self) -> &str {
        self.part(20, 21)
    }

    /// 22–23: 科目名稱代碼, fixed or assigned by the school
    pub fn subject_name_code(&self) -> &str {
        self.part(22, 23)
    }

    /// 1–16: the programme (群科班) that the code belongs to.
    pub fn programme_key(&self) -> &str {
        self.part(1, 16)
    }

    /// All 23 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 普通型高中 …, where the table knows it.
    pub fn programme_type_label(&self) -> Option<&'static str> {
        tables().name(Table::ProgrammeType, self.part(10, 10))
    }

    /// 學術學程 …, where the table knows it.
    pub fn group_label(&self) -> Option<&'static str> {
        tables().name(Table::Group, self.group_code())
    }

    /// 普通班 …, where the table knows it.
    pub fn department_label(&self) -> Option<&'static str> {
        tables().name(Table::Department, self.department_code())
    }

    /// 不分班群 …; letters are the school's own (domain A.4).
    pub fn class_cluster_label(&self) -> Option<&'static str> {
        let schools_own = self.class_cluster().is_ascii_uppercase().then_some("學校自訂班群");
        tables().name(Table::ClassCluster, self.part(16, 16)).or(schools_own)
    }

    /// 部定必修 …, where the table knows it.
    pub fn course_category_label(&self) -> Option<&'static str> {
        tables().name(Table::CourseCategory, self.part(17, 17))
    }

    /// 原班級 …, where the table knows it. Mode C means across programmes in comprehensive schools, and across the
    /// departments of one group elsewhere.
    pub fn offering_mode_label(&self) -> Option<&'static str> {
        match (self.offering_mode(), self.programme_type()) {
            ('C', 'M') => Some("跨學程"),
            ('C', _) => Some("同群跨科選修"),
            _ => tables().name(Table::OfferingMode, self.part(18, 18)),
        }
    }

    /// 一般科目 …, where the table knows it.
    pub fn subject_attribute_label(&self) -> Option<&'static str> {
        tables().name(Table::SubjectAttribute, self.part(19, 19))
    }

    /// 語文領域 …, where the table knows it.
    pub fn field_label(&self) -> Option<&'static str> {
        tables().name(Table::Field, self.field_code())
    }

    /// The subject's name where it is fixed for category, attribute, field and code; none: the school's own.
    pub fn fixed_subject_name(&self) -> Option<&'static str> {
        tables().subject(self.part(17, 17), self.part(19, 23))
    }

    /// Values at positions 10–21 that the tables don't know (domain §5.8.3 rule 2: a warning, not a failure).
    pub fn warnings(&self) -> Vec<CourseCodeWarning> {
        let known = [
            (10, 10, "課程類型", self.programme_type_label()),
            (11, 12, "群別", self.group_label()),
            (13, 15, "科別", self.department_label()),
            (16, 16, "班群", self.class_cluster_label()),
            (17, 17, "課程類別", self.course_category_label()),
            (18, 18, "開課方式", self.offering_mode_label()),
            (19, 19, "科目屬性", self.subject_attribute_label()),
            (20, 21, "領域名稱", self.field_label()),
        ];
        let unknown = known.into_iter().filter(|(.., label)| label.is_none());
        unknown
            .map(|(first, last, table, _)| CourseCodeWarning {
                first,
                last,
                table,
                found: self.part(first, last).to_owned(),
            })
            .collect()
    }

    /// Whether its courses may carry learning outcomes: those of group activity time (8) and flexible learning time
    /// (9) have no credit and no grade, except with attribute D (domain §5.8.3 rule 6).
    pub fn carries_outcomes(&self) -> bool {
        !matches!(self.course_category(), '8' | '9') || self.subject_attribute() == 'D'
    }

    /// What its courses are counted in: programme types C and F have periods (domain §5.13).
    pub fn unit_kind(&self) -> UnitKind {
        if matches!(self.programme_type(), 'C' | 'F') { UnitKind::Period } else { UnitKind::Credit }
    }

    /// Characters `first` to `last`, counted from 1 as in the tables.
    fn part(&self, first: usize, last: usize) -> &str {
        &self.0[first - 1..last]
    }

    fn at(&self, position: usize) -> char {
        char::from(self.0.as_bytes()[position - 1])
    }
}

impl FromStr for CourseCode {
    type Err = CourseCodeError;

    /// Reads a code; spaces around it and full-width characters are forgiven, lower case is not a code.
    fn from_str(text: &str) -> Result<Self, CourseCodeError> {
        let code = half_width(text).trim().to_owned();
        let length = code.chars().count();
        if length != 23 {
            return Err(CourseCodeError::Length { found: length });
        }
        let is_foreign = |c: char| !(c.is_ascii_digit() || c.is_ascii_uppercase());
        if let Some((index, found)) = code.chars().enumerate().find(|(_, c)| is_foreign(*c)) {
            return Err(CourseCodeError::Character { position: index + 1, found });
        }
        let year: Option<AcademicYear> = code[..3].parse().ok();
        if year.is_none_or(|year| year < AcademicYear::FIRST) {
            return Err(CourseCodeError::EntryYear { found: code[..3].to_owned() });
        }
        Ok(Self(code))
    }
}

impl TryFrom<String> for CourseCode {
    type Error = CourseCodeError;
    fn try_from(text: String) -> Result<Self, CourseCodeError> {
        text.parse()
    }
}

impl From<CourseCode> for String {
    fn from(code: CourseCode) -> String {
        code.0
    }
}

impl fmt::Display for CourseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CourseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no course code (domain §5.8.3 rule 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourseCodeError {
    /// Not 23 characters.
    #[error("課程代碼應為 23 碼，這裡有 {found} 碼")]
    Length {
        /// How many there were.
        found: usize,
    },
    /// Neither a digit nor a capital letter.
    #[error("課程代碼第 {position} 碼是「{found}」，應為數字或大寫英文字母")]
    Character {
        /// Its place, from 1.
        position: usize,
        /// What stood there.
        found: char,
    },
    /// Before the first year of the plan.
    #[error("課程代碼前 3 碼是適用入學學年度，應為 108 以後，這裡是「{found}」")]
    EntryYear {
        /// What stood there.
        found: String,
    },
}

/// A value of a course code that the tables don't know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("課程代碼{}的{table}「{found}」不在代碼表中，請核對", positions(*.first, *.last))]
pub struct CourseCodeWarning {
    /// The first position, from 1.
    pub first: usize,
    /// The last position.
    pub last: usize,
    /// The table, as people call it.
    pub table: &'static str,
    /// The value.
    pub found: String,
}

fn positions(first: usize, last: usize) -> String {
    if first == last { format!("第 {first} 碼") } else { format!("第 {first} 至 {last} 碼") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> CourseCode {
        text.parse().unwrap()
    }

    /// §5.8 test vector: "`108011302H11101A1010101` 國語文, … attribute `1101`".
    #[test]
    fn the_parts_of_a_code() {
        let code = code("108011302H11101A1010101");
        assert_eq!((code.entry_year().get(), code.school_code(), code.programme_type()), (108, "011302", 'H'));
        assert_eq!((code.group_code(), code.department_code(), code.class_cluster()), ("11", "101", 'A'));
        assert_eq!((code.course_category(), code.offering_mode(), code.subject_attribute()), ('1', '0', '1'));
        assert_eq!((code.field_code(), code.subject_name_code()), ("01", "01"));
        assert_eq!(code.programme_key(), "108011302H11101A");
        assert_eq!(code.fixed_subject_name(), Some("國語文"));
        assert_eq!(code.warnings(), []);
    }

    /// §5.8 test vectors: "`1090603xxH11101A1010101` 國語文 and `1091904xxV233050102000B`", the latter 微處理機.
    /// The two digits that the source hides are made up here.
    #[test]
    fn fixed_subject_names() {
        assert_eq!(code("109060301H11101A1010101").fixed_subject_name(), Some("國語文"));
        let microprocessors = code("109190401V233050102000B");
        assert_eq!(microprocessors.fixed_subject_name(), Some("微處理機"));
        assert_eq!(microprocessors.department_label(), Some("資訊科"));
        assert_eq!(microprocessors.class_cluster_label(), Some("不分班群"));
        assert_eq!(code("109060301H11101A50100ZZ").fixed_subject_name(), None, "assigned by the school");
    }

    #[test]
    fn labels_are_the_official_names() {
        let code = code("115353302H11101A3010102");
        assert_eq!(code.programme_type_label(), Some("普通型高中"));
        assert_eq!((code.group_label(), code.department_label()), (Some("學術學程"), Some("普通班")));
        assert_eq!(
            (code.course_category_label(), code.offering_mode_label()),
            (Some("選修-加深加廣選修"), Some("原班級"))
        );
        assert_eq!((code.subject_attribute_label(), code.field_label()), (Some("一般科目"), Some("語文領域")));
        assert_eq!(code.fixed_subject_name(), Some("語文表達與傳播應用"));
        assert_eq!(code.class_cluster_label(), Some("學校自訂班群"));
    }

    /// "store code, label by programme type".
    #[test]
    fn offering_mode_c_is_told_by_the_programme_type() {
        assert_eq!(code("115353302M11197A5C10111").offering_mode_label(), Some("跨學程"));
        assert_eq!(code("115353302V233050DC20011").offering_mode_label(), Some("同群跨科選修"));
    }

    /// §5.8.3 rule 1: "Exactly 23 characters, all in `[0-9A-Z]`; year ≥ 108".
    #[test]
    fn malformed_codes_are_refused() {
        let error = |text: &str| text.parse::<CourseCode>().unwrap_err();
        assert_eq!(error("108011302H11101A101010"), CourseCodeError::Length { found: 22 });
        assert_eq!(error("1090603xxH11101A1010101"), CourseCodeError::Character { position: 8, found: 'x' });
        assert_eq!(error("108011302H11101A10101國1"), CourseCodeError::Character { position: 22, found: '國' });
        assert_eq!(error("107011302H11101A1010101"), CourseCodeError::EntryYear { found: "107".into() });
        assert_eq!(error("A08011302H11101A1010101"), CourseCodeError::EntryYear { found: "A08".into() });
        assert_eq!(code(" １08011302H11101A1010101\u{3000}").as_str(), "108011302H11101A1010101");
    }

    /// §5.8.3 rule 2: "Positions 10–21 checked against tables A.1–A.8; unknown value = warning, not failure".
    #[test]
    fn unknown_values_are_warned_of() {
        let warnings = code("115353302X99ZZZ9GZZZZ11").warnings();
        let places: Vec<_> = warnings.iter().map(|w| (w.first, w.last, w.found.as_str())).collect();
        let (programme, subject) = ([(10, 10, "X"), (11, 12, "99"), (13, 15, "ZZZ"), (16, 16, "9")], [(17, 17, "G")]);
        assert_eq!(places[..5], [programme.as_slice(), &subject].concat());
        assert_eq!(places[5..], [(18, 18, "Z"), (19, 19, "Z"), (20, 21, "ZZ")]);
        assert_eq!(warnings[2].to_string(), "課程代碼第 13 至 15 碼的科別「ZZZ」不在代碼表中，請核對");
    }

    /// §5.8.3 rule 6: "Category 8 and 9 with attribute ≠ D: no credit, no grade → not eligible for learning outcomes".
    #[test]
    fn group_activity_and_flexible_learning_carry_no_outcomes() {
        assert!(code("115353302H11101A1010101").carries_outcomes());
        assert!(!code("115353302H11101A8000001").carries_outcomes());
        assert!(!code("115353302H11101A90A0011").carries_outcomes());
        assert!(!code("115353302H11101A90C0011").carries_outcomes());
        assert!(code("115353302H11101A90D0011").carries_outcomes());
    }

    /// §5.13: "programme type C or F → periods".
    #[test]
    fn evening_programmes_count_periods() {
        let unit = |programme: char| code(&format!("115353302{programme}11101A1010101")).unit_kind();
        assert_eq!((unit('C'), unit('F')), (UnitKind::Period, UnitKind::Period));
        assert_eq!((unit('H'), unit('V'), unit('E')), (UnitKind::Credit, UnitKind::Credit, UnitKind::Credit));
    }
}
