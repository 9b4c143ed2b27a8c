//! Sheets of the rosters of learning outcomes: 26 and, for the evening division, 28 (domain §5.6).

use super::{Column, Rule, Sheet, may, must};

/// Longest subject name (§5.8.1).
const SUBJECT_NAME: usize = 30;
/// Credits or periods: a decimal such as `4` or `1.5`.
const CREDITS: usize = 4;
/// 補修方式, 重修方式: one character whose table is unknown (§7 A-08).
const MODE: usize = 1;

static TAIL: [Column; 3] =
    [may("文件檔連結", Rule::Document), may("影音檔連結", Rule::Media), may("成果簡述", Rule::Summary)];

/// Roster 26.
pub(super) static DAY_SHEETS: [Sheet; 6] = [
    Sheet {
        name: "學期課程學習成果",
        own: &[
            must("實際修課學期", Rule::Term),
            must("課程代碼", Rule::CourseCode),
            must("科目名稱", Rule::Text(SUBJECT_NAME)),
            must("開課年級", Rule::Grade),
            must("修課學分", Rule::Number(CREDITS)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "補修課程學習成果",
        own: &[
            must("應修課學年度", Rule::Year),
            must("應修課學期", Rule::Term),
            must("實際修課學期", Rule::Term),
            must("課程代碼", Rule::CourseCode),
            must("科目名稱", Rule::Text(SUBJECT_NAME)),
            must("開課年級", Rule::Grade),
            must("修課學分", Rule::Number(CREDITS)),
            may("補修方式", Rule::Text(MODE)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "重修課程學習成果",
        own: &[
            must("原修課學年度", Rule::Year),
            must("原修課學期", Rule::Term),
            must("實際修課學期", Rule::Term),
            must("原修課課程代碼", Rule::CourseCode),
            must("原修課科目名稱", Rule::Text(SUBJECT_NAME)),
            must("原修課開課年級", Rule::Grade),
            must("原修課修課學分", Rule::Number(CREDITS)),
            may("重修方式", Rule::Text(MODE)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "重讀課程學習成果",
        own: &[
            must("實際修課學期", Rule::Term),
            must("課程代碼", Rule::CourseCode),
            must("科目名稱", Rule::Text(SUBJECT_NAME)),
            must("開課年級", Rule::Grade),
            must("修課學分", Rule::Number(CREDITS)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "轉學轉科課程學習成果",
        own: &[
            must("原修課學校代碼", Rule::SchoolCode),
            must("原修課學年度", Rule::Year),
            must("原修課學期", Rule::Term),
            must("原修課課程代碼", Rule::CourseCode),
            must("原修課科目名稱", Rule::Text(SUBJECT_NAME)),
            must("原修課開課年級", Rule::Grade),
            must("原修課修課學分", Rule::Number(CREDITS)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "借讀課程學習成果",
        own: &[
            must("借讀學校代碼", Rule::SchoolCode),
            must("借讀修課學年度", Rule::Year),
            must("借讀修課學期", Rule::Term),
            must("借讀校課程代碼", Rule::CourseCode),
            must("借讀校科目名稱", Rule::Text(SUBJECT_NAME)),
            must("借讀校開課年級", Rule::Grade),
            must("借讀校修課學分", Rule::Number(CREDITS)),
        ],
        tail: &TAIL,
    },
];

/// Roster 28: periods (節數) instead of credits.
pub(super) static EVENING_SHEETS: [Sheet; 3] = [
    Sheet {
        name: "學期課程學習成果",
        own: &[
            must("實際修課學期", Rule::Term),
            must("課程代碼", Rule::CourseCode),
            must("科目名稱", Rule::Text(SUBJECT_NAME)),
            must("開課年級", Rule::Grade),
            must("修課節數", Rule::Number(CREDITS)),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "轉學轉科課程學習成果",
        own: &[
            must("原修課學校代碼", Rule::SchoolCode),
            must("原修課學年度", Rule::Year),
            must("原修課學期", Rule::Term),
            must("原修課課程代碼", Rule::CourseCode),
            must("原修課科目名稱", Rule::Text(SUBJECT_NAME)),
            must("原修課開課年級", Rule::Grade),
            must("原修課修課節數", Rule::Number(CREDITS)).also(&["原修課節數"]),
        ],
        tail: &TAIL,
    },
    Sheet {
        name: "借讀課程學習成果",
        own: &[
            must("借讀學校代碼", Rule::SchoolCode),
            must("借讀修課學年度", Rule::Year),
            must("借讀修課學期", Rule::Term),
            must("借讀校課程代碼", Rule::CourseCode),
            must("借讀校科目名稱", Rule::Text(SUBJECT_NAME)),
            must("借讀校開課年級", Rule::Grade),
            must("借讀校修課節數", Rule::Number(CREDITS)).also(&["借讀校節數"]),
        ],
        tail: &TAIL,
    },
];
