//! The layout of a roster as data: sheets, columns in order, where each value comes from, what it must be.

use serde::Deserialize;

/// A roster's layout in one version.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) version: i16,
    pub(crate) sheets: Vec<Sheet>,
}

/// One data sheet.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// Its place in the workbook, after the cover.
    pub(crate) no: i16,
    pub(crate) name: String,
    /// The kind of course record or activity whose rows it holds.
    pub(crate) holds: i16,
    pub(crate) columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Column {
    /// The heading, as the Ministry writes it.
    pub(crate) title: String,
    /// Where the value is found; alternatives separated by `|`.
    pub(crate) source: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// Most characters.
    #[serde(default)]
    pub(crate) max: Option<usize>,
    #[serde(default)]
    pub(crate) required: bool,
    /// The values of a code.
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

/// What a cell has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A national identity or resident number.
    NationalId,
    /// A day, written as seven digits of the ROC calendar.
    Date,
    /// The day on which something begins.
    Start,
    /// The day on which it ends, not before it begins.
    End,
    Text,
    /// The student's words, at most 100 characters.
    Summary,
    /// 23 characters.
    CourseCode,
    /// Six characters.
    SchoolCode,
    /// An academic year.
    Year,
    /// 1 to 4.
    Term,
    Grade,
    Number,
    /// Weeks of a term, 1 to 18.
    Weeks,
    /// One of `values`.
    Code,
    /// A link to the document.
    Document,
    /// A link to the media file.
    Media,
    /// A link to media elsewhere.
    Link,
}

impl Template {
    /// The sheet for rows of a kind.
    pub(crate) fn for_kind(&self, kind: i16) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.holds == kind)
    }

    /// The sheet at a place.
    pub(crate) fn sheet(&self, no: i16) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.no == no)
    }
}

impl Sheet {
    /// Whether its rows carry files.
    pub(crate) fn has_files(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.kind, Kind::Document | Kind::Media))
    }
}

impl Column {
    /// The places to look for the value, in order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.source.split('|')
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The templates as the migration inserts them, so that the tests read what production reads.
    pub(crate) fn shipped(code: i16) -> Template {
        let sql = include_str!("../../../../migrations/0007_submission.sql");
        let json_after = |marker: &str| -> Vec<Column> {
            let start = sql.find(marker).unwrap_or_else(|| panic!("{marker} is in the migration")) + marker.len();
            let json = &sql[start..];
            let open = json.find('[').unwrap();
            let close = json.find("]'").unwrap();
            serde_json::from_str(&json[open..=close]).unwrap()
        };
        let head = json_after("with head (columns) as (values (jsonb ");
        let tails: BTreeMap<&str, Vec<Column>> =
            ["outcome", "activity", "none"].map(|name| (name, json_after(&format!("('{name}', jsonb ")))).into();
        let begins = format!("  ({code}, ");
        let rows = sql.match_indices(&begins).map(|(at, _)| {
            let line = sql[at..].lines().next().unwrap();
            let mut parts = line.trim().trim_start_matches('(').split(", ");
            let mut next = || parts.next().unwrap();
            let (_, no, name, holds, tail) = (next(), next(), next(), next(), next());
            let own = json_after(line.trim_end_matches('['));
            let columns = [head.clone(), own, tails[tail.trim_matches('\'')].clone()].concat();
            Sheet {
                no: no.parse().unwrap(),
                name: name.trim_matches('\'').to_owned(),
                holds: holds.parse().unwrap(),
                columns,
            }
        });
        Template { version: 1, sheets: rows.collect() }
    }

    fn titles(code: i16, sheet: &str) -> Vec<String> {
        let template = shipped(code);
        let sheet = template.sheets.iter().find(|known| known.name == sheet).unwrap();
        sheet.columns.iter().map(|column| column.title.clone()).collect()
    }

    fn own(code: i16, sheet: &str) -> String {
        let titles = titles(code, sheet);
        let files = if code == 24 { 0 } else { 3 };
        titles[2..titles.len() - files].join(", ")
    }

    /// Domain §5.6, §5.7.2: the sheets in the order of the files.
    #[test]
    fn sheets_stand_in_the_order_of_the_field_tables() {
        let names = |code| shipped(code).sheets.into_iter().map(|sheet| sheet.name).collect::<Vec<_>>();
        let outcomes = [
            "學期課程學習成果",
            "補修課程學習成果",
            "重修課程學習成果",
            "重讀課程學習成果",
            "轉學轉科課程學習成果",
            "借讀課程學習成果",
        ];
        assert_eq!(names(26), outcomes);
        assert_eq!(names(28), ["學期課程學習成果", "轉學轉科課程學習成果", "借讀課程學習成果"]);
        assert_eq!(names(24), ["幹部經歷紀錄"]);
        let activities = [
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
        ];
        assert_eq!(names(25), activities);
    }

    /// Domain §5.6: "Every sheet: 身分證號, 出生日期, … , 文件檔連結, 影音檔連結, 成果簡述(100) at the end";
    /// §5.7.2: "then 證明文件連結, 影音檔案連結, 外部影音連結 (links ≤500)".
    #[test]
    fn every_sheet_begins_with_the_student_and_ends_with_the_files() {
        for code in [24, 25, 26, 28] {
            let end: &[&str] = match code {
                24 => &[],
                25 => &["證明文件連結", "影音檔案連結", "外部影音連結"],
                _ => &["文件檔連結", "影音檔連結", "成果簡述"],
            };
            for sheet in shipped(code).sheets {
                let titles: Vec<&str> = sheet.columns.iter().map(|column| column.title.as_str()).collect();
                assert_eq!(titles[..2], ["身分證號", "出生日期"], "{}", sheet.name);
                assert_eq!(titles[titles.len() - end.len()..], *end, "{}", sheet.name);
            }
        }
    }

    /// Domain §5.6, the table of middle columns.
    #[test]
    fn outcome_columns_stand_in_the_order_of_the_field_table() {
        assert_eq!(own(26, "學期課程學習成果"), "實際修課學期, 課程代碼, 科目名稱, 開課年級, 修課學分");
        assert_eq!(
            own(26, "補修課程學習成果"),
            "應修課學年度, 應修課學期, 實際修課學期, 課程代碼, 科目名稱, 開課年級, 修課學分, 補修方式"
        );
        assert_eq!(
            own(26, "重修課程學習成果"),
            "原修課學年度, 原修課學期, 實際修課學期, 原修課課程代碼, 原修課科目名稱, 原修課開課年級, 原修課修課學分, 重修方式"
        );
        assert_eq!(own(26, "重讀課程學習成果"), "實際修課學期, 課程代碼, 科目名稱, 開課年級, 修課學分");
        assert_eq!(
            own(26, "轉學轉科課程學習成果"),
            "原修課學校代碼, 原修課學年度, 原修課學期, 原修課課程代碼, 原修課科目名稱, 原修課開課年級, 原修課修課學分"
        );
        assert_eq!(
            own(26, "借讀課程學習成果"),
            "借讀學校代碼, 借讀修課學年度, 借讀修課學期, 借讀校課程代碼, 借讀校科目名稱, 借讀校開課年級, 借讀校修課學分"
        );
    }

    /// Domain §5.6: roster 28 "with 節數".
    #[test]
    fn the_evening_roster_counts_periods() {
        assert_eq!(own(28, "學期課程學習成果"), "實際修課學期, 課程代碼, 科目名稱, 開課年級, 修課節數");
        assert!(own(28, "轉學轉科課程學習成果").ends_with("原修課修課節數"));
        assert!(own(28, "借讀課程學習成果").ends_with("借讀校修課節數"));
    }

    /// Domain §5.7.2: "in `cadre` it stands before 幹部等級, in `competition` before 團體參與代碼; in the rest it is
    /// the last own column".
    #[test]
    fn the_summary_stands_where_the_kind_has_it() {
        assert_eq!(own(25, "幹部經歷暨事蹟紀錄"), "單位名稱, 開始日期, 結束日期, 擔任職務, 內容簡述, 幹部等級");
        assert_eq!(own(25, "競賽參與紀錄"), "競賽名稱, 項目, 競賽等級代碼, 獎項, 結果公布日期, 內容簡述, 團體參與代碼");
        for sheet in &shipped(25).sheets[2..] {
            assert!(own(25, &sheet.name).ends_with(", 內容簡述"), "{}", sheet.name);
        }
    }

    /// Domain §5.7.1: "單位名稱(20), 開始日期(7), 結束日期(7), 擔任職務(20), 幹部等級(1…)".
    #[test]
    fn the_cadre_roster_has_its_columns_and_lengths() {
        let sheet = shipped(24).sheets.remove(0);
        let columns: Vec<(&str, usize)> =
            sheet.columns[2..].iter().map(|column| (column.title.as_str(), column.max.unwrap())).collect();
        assert_eq!(columns, [("單位名稱", 20), ("開始日期", 7), ("結束日期", 7), ("擔任職務", 20), ("幹部等級", 1)]);
    }

    /// Domain §5.7.2 lengths: competition 40, 20, 1, 20, 7, 100, 1; cadre 20, 7, 7, 20, 100, 1.
    #[test]
    fn the_two_kinds_filled_now_have_their_lengths() {
        let lengths = |no: i16| {
            let template = shipped(25);
            let columns = &template.sheet(no).unwrap().columns;
            columns[2..columns.len() - 3].iter().map(|column| column.max.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(2), [40, 20, 1, 20, 7, 100, 1]);
        assert_eq!(lengths(1), [20, 7, 7, 20, 100, 1]);
    }
}
