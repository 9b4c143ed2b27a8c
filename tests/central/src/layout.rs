//! The rosters as the field tables say (domain §5.0, 5.6, 5.7): sheets, columns, lengths.
//!
//! This is the simulator's own reading, on purpose not shared with the submission service.
//! Where the domain description itself spells a column in more than one way (its tables
//! abbreviate, §5.9 writes some names out), each of its spellings is accepted.

mod activities;
mod codes;
mod outcomes;

pub(crate) use codes::CodeTable;

/// Name of the first sheet of every roster (§5.0).
pub(crate) const COVER: &str = "封面";
/// Columns of the cover, in order (§5.0).
pub(crate) const COVER_COLUMNS: [&str; 4] = ["學校代碼", "學年度", "學期", "名冊別"];
/// Longest link (§5.7.2).
pub(crate) const LONGEST_LINK: usize = 500;
/// Longest summary (§4.2).
pub(crate) const LONGEST_SUMMARY: usize = 100;

/// What a cell has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// National identity or resident number with its check digit.
    IdentityNumber,
    /// ROC date of seven digits.
    Date,
    /// ROC date at which something begins.
    Start,
    /// ROC date at which it ends, not before its beginning.
    End,
    /// At most so many characters.
    Text(usize),
    /// At most 100 characters.
    Summary,
    /// 23 characters, digits or capital letters (§5.8.3).
    CourseCode,
    /// Six characters, digits or capital letters.
    SchoolCode,
    /// ROC academic year, from 108 to the year of the roster.
    Year,
    /// 1 or 2.
    Term,
    /// 1, 2 or 3.
    Grade,
    /// A decimal of at most so many characters.
    Number(usize),
    /// Weeks of a term, 1 to 18 (§4.5).
    Weeks,
    /// Exactly so many digits.
    Digits(usize),
    /// A value of a code table (§5.7.3).
    Code(&'static CodeTable),
    /// Link to a document: pdf, jpg or png.
    Document,
    /// Link to a media file: mp3 or mp4.
    Media,
    /// Link to media elsewhere; not fetched.
    External,
}

/// A column of a sheet.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// Other spellings of the domain description.
    pub(crate) also: &'static [&'static str],
    pub(crate) rule: Rule,
    pub(crate) required: bool,
}

impl Column {
    /// Whether a header names this column; brackets may be full width.
    pub(crate) fn is_named(&self, header: &str) -> bool {
        let header = header.replace('（', "(").replace('）', ")");
        self.name == header || self.also.contains(&header.as_str())
    }

    const fn also(mut self, spellings: &'static [&'static str]) -> Self {
        self.also = spellings;
        self
    }
}

/// A column that every row must fill.
const fn must(name: &'static str, rule: Rule) -> Column {
    Column { name, also: &[], rule, required: true }
}

/// A column that a row may leave empty.
const fn may(name: &'static str, rule: Rule) -> Column {
    Column { name, also: &[], rule, required: false }
}

/// A data sheet.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) name: &'static str,
    own: &'static [Column],
    tail: &'static [Column],
}

/// Every data sheet begins with these (§5).
static HEAD: [Column; 2] = [must("身分證號", Rule::IdentityNumber), must("出生日期", Rule::Date)];

impl Sheet {
    /// The columns in the order of the file.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static Column> {
        HEAD.iter().chain(self.own).chain(self.tail)
    }

    /// Whether rows carry files.
    pub(crate) fn has_files(&self) -> bool {
        !self.tail.is_empty()
    }
}

/// What a roster is about; names its part of the receipt (§5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Outcomes,
    Activities,
    Cadres,
}

impl Kind {
    /// The name in the receipt.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outcomes => "課程學習成果",
            Self::Activities => "多元表現",
            Self::Cadres => "校內幹部經歷",
        }
    }

    /// Rows of one student that a year may have over all sheets (§4.1).
    pub(crate) fn most_rows_of_a_student(self) -> Option<usize> {
        match self {
            Self::Outcomes => Some(6),
            Self::Activities => Some(10),
            Self::Cadres => None,
        }
    }
}

/// A roster.
#[derive(Debug)]
pub(crate) struct Roster {
    /// 名冊別 for all grades, and for the first and second batch of grade 3 (§5.0).
    pub(crate) codes: [u16; 3],
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Roster of the evening division, which counts periods.
    pub(crate) evening: bool,
    /// Yearly rosters have term 0 on the cover.
    pub(crate) yearly: bool,
    pub(crate) sheets: &'static [Sheet],
}

/// Every roster that this side of the central database takes (§5.0; §7 A-07: four of them).
static ROSTERS: [Roster; 4] = [
    Roster {
        codes: [24, 34, 74],
        name: "校內幹部經歷名冊",
        kind: Kind::Cadres,
        evening: false,
        yearly: false,
        sheets: &activities::CADRE_SHEETS,
    },
    Roster {
        codes: [25, 35, 75],
        name: "學生自填多元表現名冊",
        kind: Kind::Activities,
        evening: false,
        yearly: true,
        sheets: &activities::ACTIVITY_SHEETS,
    },
    Roster {
        codes: [26, 36, 76],
        name: "學生課程學習成果名冊",
        kind: Kind::Outcomes,
        evening: false,
        yearly: true,
        sheets: &outcomes::DAY_SHEETS,
    },
    Roster {
        codes: [28, 38, 78],
        name: "進修部(學校)學生課程學習成果名冊",
        kind: Kind::Outcomes,
        evening: true,
        yearly: true,
        sheets: &outcomes::EVENING_SHEETS,
    },
];

/// The roster of a 名冊別.
pub(crate) fn roster(code: u16) -> Option<&'static Roster> {
    ROSTERS.iter().find(|roster| roster.codes.contains(&code))
}

/// Whether a header after the last column is a remark, which the Ministry ignores (§5).
pub(crate) fn is_remark(header: &str) -> bool {
    header.is_empty() || ["備註", "當學期", "次學期", "學生姓名"].iter().any(|word| header.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roster_codes_are_those_of_the_cover_table() {
        let known: Vec<u16> = (0..100).filter(|code| roster(*code).is_some()).collect();
        assert_eq!(known, [24, 25, 26, 28, 34, 35, 36, 38, 74, 75, 76, 78]);
    }

    #[test]
    fn sheets_follow_the_order_of_the_field_tables() {
        let names = |code| roster(code).expect("known").sheets.iter().map(|sheet| sheet.name).collect::<Vec<_>>();
        assert_eq!(
            names(26),
            [
                "學期課程學習成果",
                "補修課程學習成果",
                "重修課程學習成果",
                "重讀課程學習成果",
                "轉學轉科課程學習成果",
                "借讀課程學習成果"
            ]
        );
        assert_eq!(names(28), ["學期課程學習成果", "轉學轉科課程學習成果", "借讀課程學習成果"]);
        assert_eq!(
            names(25),
            [
                "幹部經歷暨事蹟紀錄",
                "競賽參與紀錄",
                "檢定證照紀錄",
                "服務學習紀錄",
                "彈性學習時間紀錄",
                "團體活動時間紀錄",
                "職場學習紀錄",
                "作品成果紀錄",
                "大學及技專校院先修課程紀錄",
                "其他多元表現紀錄",
            ]
        );
        assert_eq!(names(24), ["幹部經歷紀錄"]);
    }

    #[test]
    fn outcome_sheets_have_the_tail_and_the_middle_columns_of_the_table() {
        // "Every sheet: 身分證號, 出生日期, … , 文件檔連結, 影音檔連結, 成果簡述(100)"
        for roster in ROSTERS.iter().filter(|roster| roster.kind == Kind::Outcomes) {
            for sheet in roster.sheets {
                let names: Vec<_> = sheet.columns().map(|column| column.name).collect();
                assert_eq!(names[..2], ["身分證號", "出生日期"]);
                assert_eq!(names[names.len() - 3..], ["文件檔連結", "影音檔連結", "成果簡述"]);
            }
        }
        let own: Vec<_> = ROSTERS[2].sheets.iter().map(|sheet| sheet.own.len()).collect();
        assert_eq!(own, [5, 8, 8, 5, 7, 7]);
    }

    #[test]
    fn summary_stands_before_the_level_in_cadre_and_before_team_in_competition() {
        // "in `cadre` it stands before 幹部等級, in `competition` before 團體參與代碼; in the rest it is the last own column"
        for (index, sheet) in activities::ACTIVITY_SHEETS.iter().enumerate() {
            let place = sheet.own.iter().position(|column| matches!(column.rule, Rule::Summary)).expect("a summary");
            let from_end = if index < 2 { 2 } else { 1 };
            assert_eq!(place, sheet.own.len() - from_end, "{}", sheet.name);
        }
    }
}
