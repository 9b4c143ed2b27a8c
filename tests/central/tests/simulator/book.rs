//! Workbooks as a school makes them. The headers are typed from domain §5.0, 5.6 and 5.7 once more.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

/// A course code of §5.8.
pub(crate) const COURSE: &str = "108353302H11101A1010101";
/// 353302 is the school of every test.
pub(crate) const SCHOOL: &str = "353302";
/// The academic year of every test but those about older rules.
pub(crate) const YEAR: &str = "114";

const HEAD: [&str; 2] = ["身分證號", "出生日期"];
const OUTCOME_TAIL: [&str; 3] = ["文件檔連結", "影音檔連結", "成果簡述"];
const ACTIVITY_TAIL: [&str; 3] = ["證明文件連結", "影音檔案連結", "外部影音連結"];

/// A workbook in the making: sheets of rows of texts, the header first.
#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) sheets: Vec<(String, Vec<Vec<String>>)>,
}

impl Book {
    /// An empty roster with its cover.
    pub(crate) fn new(roster_code: u16) -> Self {
        let (term, own, tail): (_, &[(&str, &str)], &[&str]) = match roster_code {
            26 => ("0", &DAY, &OUTCOME_TAIL),
            28 => ("0", &EVENING, &OUTCOME_TAIL),
            25 => ("0", &ACTIVITIES, &ACTIVITY_TAIL),
            24 => ("1", &CADRES, &[]),
            other => panic!("no roster {other}"),
        };
        let mut book = Self { sheets: Vec::new() };
        book.sheets.push(("封面".into(), vec![texts(&["學校代碼", "學年度", "學期", "名冊別"])]));
        book.add("封面", &[SCHOOL, YEAR, term, &roster_code.to_string()]);
        for (name, middle) in own {
            let header: Vec<&str> = HEAD.into_iter().chain(middle.split('|')).chain(tail.iter().copied()).collect();
            book.sheets.push(((*name).into(), vec![texts(&header)]));
        }
        book
    }

    pub(crate) fn add(&mut self, sheet: &str, cells: &[&str]) {
        self.rows(sheet).push(texts(cells));
    }

    pub(crate) fn rows(&mut self, sheet: &str) -> &mut Vec<Vec<String>> {
        &mut self.sheets.iter_mut().find(|(name, _)| name == sheet).unwrap().1
    }

    /// Changes one cell of a row as Excel counts it.
    pub(crate) fn set(&mut self, sheet: &str, row: usize, column: &str, value: &str) {
        let rows = self.rows(sheet);
        let index = rows[0].iter().position(|header| header == column).unwrap();
        rows[row - 1][index] = value.into();
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut workbook = Workbook::new();
        // else the time of writing stands in the file, and the same roster has another hash each time
        let created = ExcelDateTime::from_ymd(2026, 1, 1).unwrap();
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        for (name, rows) in &self.sheets {
            let sheet = workbook.add_worksheet().set_name(name).unwrap();
            for (row, cells) in (0..).zip(rows) {
                for (column, text) in (0..).zip(cells) {
                    sheet.write_string(row, column, text).unwrap();
                }
            }
        }
        workbook.save_to_buffer().unwrap()
    }
}

fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// An identity number of its own for each number, with the right check digit.
pub(crate) fn student(number: u32) -> String {
    let digits = format!("1{number:07}");
    let sum: u32 = digits.chars().zip((1..=8).rev()).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    // A counts 10: 1 + 0 * 9
    format!("A{digits}{}", (10 - (1 + sum) % 10) % 10)
}

/// A good row of 學期課程學習成果 of roster 26 or 28.
pub(crate) fn outcome<'r>(student: &'r str, subject: &'r str, document: &'r str) -> [&'r str; 10] {
    [student, "0970703", "1", COURSE, subject, "1", "4", document, "", "以訪談紀錄比較三代人的通勤經驗。"]
}

const DAY: [(&str, &str); 6] = [
    ("學期課程學習成果", "實際修課學期|課程代碼|科目名稱|開課年級|修課學分"),
    ("補修課程學習成果", "應修課學年度|應修課學期|實際修課學期|課程代碼|科目名稱|開課年級|修課學分|補修方式"),
    (
        "重修課程學習成果",
        "原修課學年度|原修課學期|實際修課學期|原修課課程代碼|原修課科目名稱|原修課開課年級|原修課修課學分|重修方式",
    ),
    ("重讀課程學習成果", "實際修課學期|課程代碼|科目名稱|開課年級|修課學分"),
    (
        "轉學轉科課程學習成果",
        "原修課學校代碼|原修課學年度|原修課學期|原修課課程代碼|原修課科目名稱|原修課開課年級|原修課修課學分",
    ),
    (
        "借讀課程學習成果",
        "借讀學校代碼|借讀修課學年度|借讀修課學期|借讀校課程代碼|借讀校科目名稱|借讀校開課年級|借讀校修課學分",
    ),
];

const EVENING: [(&str, &str); 3] = [
    ("學期課程學習成果", "實際修課學期|課程代碼|科目名稱|開課年級|修課節數"),
    (
        "轉學轉科課程學習成果",
        "原修課學校代碼|原修課學年度|原修課學期|原修課課程代碼|原修課科目名稱|原修課開課年級|原修課修課節數",
    ),
    (
        "借讀課程學習成果",
        "借讀學校代碼|借讀修課學年度|借讀修課學期|借讀校課程代碼|借讀校科目名稱|借讀校開課年級|借讀校修課節數",
    ),
];

const CADRES: [(&str, &str); 1] = [("幹部經歷紀錄", "單位名稱|開始日期|結束日期|擔任職務|幹部等級")];

const ACTIVITIES: [(&str, &str); 10] = [
    ("幹部經歷暨事蹟紀錄", "單位名稱|開始日期|結束日期|擔任職務|內容簡述|幹部等級"),
    ("競賽參與紀錄", "競賽名稱|項目|競賽等級代碼|獎項|結果公布日期|內容簡述|團體參與代碼"),
    ("檢定證照紀錄", "證照代碼|註1|分數|分項結果|取得證照日期|證照字號|檢定組別|內容簡述"),
    ("服務學習紀錄", "服務名稱|服務單位|開始日期|結束日期|時數|內容簡述"),
    (
        "彈性學習時間紀錄",
        "彈性學習時間類別(種類)代碼|內容(開設名稱)|開設單位|開設學年度|開設學期|每週節數|開設週數|內容簡述",
    ),
    ("團體活動時間紀錄", "團體活動時間類別代碼|辦理單位|團體活動內容名稱|活動學年度|活動學期|節數(或時數)|內容簡述"),
    ("職場學習紀錄", "職場學習類別代碼|單位|職稱|開始日期|結束日期|時數|內容簡述"),
    ("作品成果紀錄", "名稱|作品日期|內容簡述"),
    ("大學及技專校院先修課程紀錄", "計畫專案|開設單位|課程名稱|開始日期|結束日期|學分數|總時數|內容簡述"),
    ("其他多元表現紀錄", "名稱|主辦單位|開始日期|結束日期|時數|內容簡述"),
];
