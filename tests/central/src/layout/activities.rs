//! Sheets of the rosters that are not academic: 24 and 25 (domain §5.7).
//!
//! "Where a length is not given, use 40 characters for names and 20 for units/titles."

use super::{Column, Rule, Sheet, codes, may, must};

const NAME: usize = 40;
const UNIT: usize = 20;
/// Hours, credits, periods: "decimal, 3 digits" in at most five characters.
const HOURS: usize = 5;

static NO_FILES: [Column; 0] = [];

static TAIL: [Column; 3] =
    [may("證明文件連結", Rule::Document), may("影音檔案連結", Rule::Media), may("外部影音連結", Rule::External)];

const SUMMARY: Column = may("內容簡述", Rule::Summary).also(&["簡述"]);
const START: Column = must("開始日期", Rule::Start).also(&["開始"]);
const END: Column = must("結束日期", Rule::End).also(&["結束"]);

/// Roster 24 (§5.7.1).
pub(super) static CADRE_SHEETS: [Sheet; 1] = [Sheet {
    name: "幹部經歷紀錄",
    own: &[
        must("單位名稱", Rule::Text(UNIT)),
        START,
        END,
        must("擔任職務", Rule::Text(UNIT)).also(&["擔任職務名稱"]),
        must("幹部等級", Rule::Code(&codes::CADRE_LEVEL)).also(&["幹部等級代碼"]),
    ],
    tail: &NO_FILES,
}];

/// Roster 25 (§5.7.2).
pub(super) static ACTIVITY_SHEETS: [Sheet; 10] = [
    Sheet {
        name: "幹部經歷暨事蹟紀錄",
        own: &[
            must("單位名稱", Rule::Text(20)),
            START,
            END,
            must("擔任職務", Rule::Text(20)).also(&["擔任職務名稱"]),
            SUMMARY,
            must("幹部等級", Rule::Code(&codes::CADRE_LEVEL)).also(&["幹部等級代碼"]),
        ],
        tail: &TAIL,
    },
    // 競賽領域代碼 stood after 項目 in 2018 only
    Sheet {
        name: "競賽參與紀錄",
        own: &[
            must("競賽名稱", Rule::Text(40)),
            may("項目", Rule::Text(20)).also(&["競賽項目", "競賽項目組別", "項目組別"]),
            must("競賽等級代碼", Rule::Code(&codes::COMPETITION_LEVEL)).also(&["競賽等級"]),
            may("獎項", Rule::Text(20)).also(&["競賽獎項"]),
            must("結果公布日期", Rule::Date),
            SUMMARY,
            must("團體參與代碼", Rule::Code(&codes::TEAM)).also(&["團體或個人參與代碼"]),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "檢定證照紀錄",
        own: &[
            must("證照代碼", Rule::Digits(4)).also(&["檢定證照代碼"]),
            must("註1", Rule::Code(&codes::CERTIFICATE_TYPE)).also(&[
                "註1(類別)",
                "註1 (類別)",
                "類別",
                "證照類別",
                "檢定證照類型代碼",
            ]),
            may("分數", Rule::Number(5)).also(&["檢定證照結果分數"]),
            may("分項結果", Rule::Text(50)),
            must("取得證照日期", Rule::Date).also(&["取得檢定證照日期"]),
            may("證照字號", Rule::Text(20)).also(&["檢定證照字號"]),
            may("檢定組別", Rule::Text(20)).also(&["檢定證照組別"]),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "服務學習紀錄",
        own: &[
            must("服務名稱", Rule::Text(20)),
            must("服務單位", Rule::Text(20)).also(&["服務單位名稱"]),
            START,
            END,
            must("時數", Rule::Number(HOURS)).also(&["服務學習時數"]),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "彈性學習時間紀錄",
        own: &[
            must("彈性學習時間類別(種類)代碼", Rule::Code(&codes::FLEXIBLE_TYPE))
                .also(&["彈性學習時間類別代碼", "彈性學習時間類別種類代碼"]),
            must("內容(開設名稱)", Rule::Text(NAME)).also(&["內容", "開設名稱"]),
            must("開設單位", Rule::Text(UNIT)),
            must("開設學年度", Rule::Year),
            must("開設學期", Rule::Term),
            must("每週節數", Rule::Number(HOURS)),
            must("開設週數", Rule::Weeks),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "團體活動時間紀錄",
        own: &[
            must("團體活動時間類別代碼", Rule::Code(&codes::GROUP_TYPE)),
            must("辦理單位", Rule::Text(UNIT)),
            must("團體活動內容名稱", Rule::Text(NAME)),
            must("活動學年度", Rule::Year),
            must("活動學期", Rule::Term),
            must("節數(或時數)", Rule::Number(HOURS)).also(&["節數", "時數"]),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "職場學習紀錄",
        own: &[
            must("職場學習類別代碼", Rule::Code(&codes::WORKPLACE_TYPE)),
            must("單位", Rule::Text(UNIT)).also(&["職場學習單位"]),
            must("職稱", Rule::Text(UNIT)).also(&["職場學習職稱"]),
            START,
            END,
            must("時數", Rule::Number(HOURS)),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "作品成果紀錄",
        own: &[must("名稱", Rule::Text(NAME)).also(&["作品名稱"]), must("作品日期", Rule::Date), SUMMARY],
        tail: &TAIL,
    },
    Sheet {
        name: "大學及技專校院先修課程紀錄",
        own: &[
            must("計畫專案", Rule::Text(NAME)),
            must("開設單位", Rule::Text(UNIT)),
            must("課程名稱", Rule::Text(NAME)),
            START,
            END,
            may("學分數", Rule::Number(HOURS)),
            may("總時數", Rule::Number(HOURS)),
            SUMMARY,
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "其他多元表現紀錄",
        own: &[
            must("名稱", Rule::Text(20)).also(&["活動名稱"]),
            must("主辦單位", Rule::Text(20)),
            START,
            END,
            must("時數", Rule::Number(5)),
            SUMMARY,
        ],
        tail: &TAIL,
    },
];
