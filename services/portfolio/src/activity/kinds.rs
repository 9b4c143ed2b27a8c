//! The ten kinds of activity as one table: the own columns of each, in the order of domain §5.7.2.
//!
//! The keys are what `portfolio.activity.fields` holds and what roster 25 is built from; they never change.
//! Dates are ISO texts, codes and numbers JSON numbers, decimals texts.

use kernel::codes::{
    ActivityKind, CadreLevel, CertificateCategory, CompetitionLevel, FlexibleLearningKind, GroupActivityKind,
    Participation, WorkplaceKind,
};

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Input {
    /// One line of at most so many characters.
    Text(usize),
    /// A code of exactly so many digits.
    Digits(usize),
    /// A day.
    Date,
    /// One of a code table.
    Code(fn() -> Vec<(i16, &'static str)>),
    /// A whole number within bounds.
    Number(i64, i64),
    /// A number with at most so many digits after the point, up to a bound; never wider than the roster's column.
    Decimal(usize, i64),
    /// An academic year.
    Year,
    /// A term.
    Term,
}

/// One own column of a kind.
pub(crate) struct Column {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) input: Input,
    pub(crate) required: bool,
    /// The roster takes no row without it: what the form does not require is required when the row is selected.
    pub(crate) submitted: bool,
    pub(crate) hint: &'static str,
}

/// A kind with its columns.
pub(crate) struct Kind {
    pub(crate) kind: ActivityKind,
    pub(crate) columns: &'static [Column],
    /// What belongs here, for the student.
    pub(crate) hint: &'static str,
}

macro_rules! codes {
    ($table:ident) => {
        Input::Code(|| $table::ALL.iter().map(|entry| (entry.code(), entry.label())).collect())
    };
}

const fn required(key: &'static str, label: &'static str, input: Input) -> Column {
    Column { key, label, input, required: true, submitted: true, hint: "" }
}

const fn optional(key: &'static str, label: &'static str, input: Input, hint: &'static str) -> Column {
    Column { key, label, input, required: false, submitted: false, hint }
}

const fn later(key: &'static str, label: &'static str, input: Input, hint: &'static str) -> Column {
    Column { key, label, input, required: false, submitted: true, hint }
}

const fn hinted(key: &'static str, label: &'static str, input: Input, hint: &'static str) -> Column {
    Column { key, label, input, required: true, submitted: true, hint }
}

const START: Column = required("started_on", "開始日期", Input::Date);
const END: Column = required("ended_on", "結束日期", Input::Date);
const HOURS: Column = hinted("hours", "時數", Input::Decimal(1, 9_999), "可到小數一位，例如 7.5");

const CADRE: &[Column] = &[
    required("unit_name", "單位名稱", Input::Text(20)),
    START,
    END,
    required("title", "擔任職務", Input::Text(20)),
    required("level", "幹部等級", codes!(CadreLevel)),
];
const COMPETITION: &[Column] = &[
    required("name", "競賽名稱", Input::Text(40)),
    required("event", "項目", Input::Text(20)),
    required("level", "競賽等級", codes!(CompetitionLevel)),
    hinted("award", "獎項", Input::Text(20), "例如：第一名、佳作、入選"),
    required("announced_on", "結果公布日期", Input::Date),
    required("participation", "個人或團體參與", codes!(Participation)),
];
const CERTIFICATE: &[Column] = &[
    // the Ministry's table of codes is not public: whoever has none asks the office before selecting
    later("certificate_code", "證照代碼", Input::Digits(4), "四碼數字；不知道可以先不填，勾選之前請洽學務處補上"),
    required("category", "證照類別", codes!(CertificateCategory)),
    optional("score", "分數", Input::Decimal(2, 99_999), "沒有分數可以不填"),
    optional("sub_results", "分項結果", Input::Text(50), "例如：聽力 90、閱讀 85"),
    required("obtained_on", "取得證照日期", Input::Date),
    required("number", "證照字號", Input::Text(20)),
    optional("group", "檢定組別", Input::Text(20), ""),
];
const SERVICE: &[Column] =
    &[required("name", "服務名稱", Input::Text(20)), required("unit", "服務單位", Input::Text(20)), START, END, HOURS];
const FLEXIBLE: &[Column] = &[
    hinted("kind", "彈性學習時間類別", codes!(FlexibleLearningKind), "自主學習的成果填在「自主學習」"),
    required("content", "內容（開設名稱）", Input::Text(40)),
    required("unit", "開設單位", Input::Text(20)),
    required("year", "開設學年度", Input::Year),
    required("term", "開設學期", Input::Term),
    required("periods_per_week", "每週節數", Input::Number(1, 40)),
    hinted("weeks", "開設週數", Input::Number(1, 18), "1 到 18 週"),
];
const GROUP: &[Column] = &[
    required("kind", "團體活動時間類別", codes!(GroupActivityKind)),
    required("unit", "辦理單位", Input::Text(20)),
    required("content", "團體活動內容名稱", Input::Text(40)),
    required("year", "活動學年度", Input::Year),
    required("term", "活動學期", Input::Term),
    hinted("hours", "節數（或時數）", Input::Decimal(1, 9_999), "可到小數一位"),
];
const WORKPLACE: &[Column] = &[
    required("kind", "職場學習類別", codes!(WorkplaceKind)),
    required("unit", "單位", Input::Text(20)),
    required("title", "職稱", Input::Text(20)),
    START,
    END,
    HOURS,
];
const WORK: &[Column] = &[required("name", "名稱", Input::Text(40)), required("made_on", "作品日期", Input::Date)];
const ADVANCED: &[Column] = &[
    hinted("programme", "計畫專案", Input::Text(20), "例如：大學預修課程"),
    required("unit", "開設單位", Input::Text(20)),
    required("course", "課程名稱", Input::Text(40)),
    START,
    END,
    required("credits", "學分數", Input::Decimal(1, 99)),
    hinted("hours", "總時數", Input::Decimal(1, 9_999), "可到小數一位"),
];
const OTHER: &[Column] =
    &[required("name", "名稱", Input::Text(20)), required("unit", "主辦單位", Input::Text(20)), START, END, HOURS];

/// Every kind, in the sheet order of roster 25.
pub(crate) const KINDS: [Kind; 10] = [
    Kind {
        kind: ActivityKind::Cadre, columns: CADRE, hint: "班級、社團、學生自治組織等幹部，以及任內的事蹟。"
    },
    Kind {
        kind: ActivityKind::Competition, columns: COMPETITION, hint: "校內外競賽，個人或團體都可以。"
    },
    Kind { kind: ActivityKind::Certificate, columns: CERTIFICATE, hint: "語言檢定、技能檢定等證照。" },
    Kind {
        kind: ActivityKind::ServiceLearning, columns: SERVICE, hint: "志工與服務學習（舊稱「志工服務」）。"
    },
    Kind {
        kind: ActivityKind::FlexibleLearning, columns: FLEXIBLE, hint: "自主學習、選手培訓、充實或補強課程等。"
    },
    Kind {
        kind: ActivityKind::GroupActivity, columns: GROUP, hint: "班級活動、社團活動、週會、講座等。"
    },
    Kind {
        kind: ActivityKind::WorkplaceLearning, columns: WORKPLACE, hint: "職場體驗、參訪、實習與工作經驗。"
    },
    Kind { kind: ActivityKind::CreativeWork, columns: WORK, hint: "個人或團體創作的作品。" },
    Kind { kind: ActivityKind::AdvancedCourse, columns: ADVANCED, hint: "在大學或技專校院先修的課程。" },
    Kind { kind: ActivityKind::OtherActivity, columns: OTHER, hint: "不屬於以上各類的活動。" },
];

impl Kind {
    /// The kind's entry of the table.
    pub(crate) fn of(kind: ActivityKind) -> &'static Self {
        KINDS.iter().find(|entry| entry.kind == kind).expect("the table has all ten kinds")
    }

    /// The columns that make its title on lists.
    fn title_keys(&self) -> &'static [&'static str] {
        match self.kind {
            ActivityKind::Cadre => &["unit_name", "title"],
            ActivityKind::Competition => &["name", "award"],
            ActivityKind::Certificate => &["number"],
            ActivityKind::FlexibleLearning | ActivityKind::GroupActivity => &["content"],
            ActivityKind::WorkplaceLearning => &["unit", "title"],
            ActivityKind::AdvancedCourse => &["course"],
            _ => &["name"],
        }
    }

    /// What a row is called on lists.
    pub(crate) fn title(&self, fields: &serde_json::Map<String, serde_json::Value>) -> String {
        let texts = self.title_keys().iter().filter_map(|key| fields.get(*key)?.as_str());
        texts.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §5.7.2: "Own columns", in their order, without 簡述; the keys are those that roster 25 is built from.
    #[test]
    fn the_columns_are_those_of_roster_25() {
        let keys = |kind| Kind::of(kind).columns.iter().map(|column| column.key).collect::<Vec<_>>().join(", ");
        for (kind, expected) in [
            (ActivityKind::Cadre, "unit_name, started_on, ended_on, title, level"),
            (ActivityKind::Competition, "name, event, level, award, announced_on, participation"),
            (ActivityKind::Certificate, "certificate_code, category, score, sub_results, obtained_on, number, group"),
            (ActivityKind::ServiceLearning, "name, unit, started_on, ended_on, hours"),
            (ActivityKind::FlexibleLearning, "kind, content, unit, year, term, periods_per_week, weeks"),
            (ActivityKind::GroupActivity, "kind, unit, content, year, term, hours"),
            (ActivityKind::WorkplaceLearning, "kind, unit, title, started_on, ended_on, hours"),
            (ActivityKind::CreativeWork, "name, made_on"),
            (ActivityKind::AdvancedCourse, "programme, unit, course, started_on, ended_on, credits, hours"),
            (ActivityKind::OtherActivity, "name, unit, started_on, ended_on, hours"),
        ] {
            assert_eq!(keys(kind), expected);
        }
    }

    #[test]
    fn the_table_has_every_kind_in_sheet_order() {
        let kinds: Vec<_> = KINDS.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, ActivityKind::ALL);
        for entry in &KINDS {
            for key in entry.title_keys() {
                assert!(entry.columns.iter().any(|column| column.key == *key), "{key}");
            }
        }
    }

    /// §5.7.2: 單位名稱 20, 擔任職務 20, 競賽名稱 40, 項目 20, 獎項 20; "use 40 characters for names and 20 for
    /// units/titles" where no length is given.
    #[test]
    fn lengths_are_those_of_the_field_tables() {
        let length = |kind, key| {
            let column = Kind::of(kind).columns.iter().find(|column| column.key == key).unwrap();
            if let Input::Text(max) = column.input { max } else { 0 }
        };
        assert_eq!(length(ActivityKind::Cadre, "unit_name"), 20);
        assert_eq!(length(ActivityKind::Cadre, "title"), 20);
        assert_eq!(length(ActivityKind::Competition, "name"), 40);
        assert_eq!(length(ActivityKind::Competition, "event"), 20);
        assert_eq!(length(ActivityKind::Competition, "award"), 20);
        assert_eq!(length(ActivityKind::Certificate, "sub_results"), 50);
        assert_eq!(length(ActivityKind::ServiceLearning, "name"), 20);
        assert_eq!(length(ActivityKind::AdvancedCourse, "course"), 40);
    }
}
