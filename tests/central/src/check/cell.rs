//! One cell against the rule of its column.

use crate::{
    finding::Flaw,
    identity::{is_identity_number, roc_date},
    layout::{LONGEST_LINK, LONGEST_SUMMARY, Rule},
    notice::{is_school_code, is_web_address},
    roster::Link,
};

/// What is wrong with a cell that is not empty.
pub(super) fn wrong(rule: Rule, text: &str, upload_year: i32) -> Option<(Flaw, String)> {
    let length = text.chars().count();
    let refuse = |good: bool, code: Flaw, message: &str| (!good).then(|| (code, message.to_owned()));
    match rule {
        Rule::IdentityNumber => refuse(is_identity_number(text), Flaw::NationalId, "身分證號的格式或檢查碼不正確"),
        Rule::Date | Rule::Start | Rule::End => {
            refuse(roc_date(text).is_some(), Flaw::Date, "須為民國年 7 碼的有效日期，例如 1081107")
        }
        Rule::Text(most) => (length > most).then(|| (Flaw::TooLong, format!("最多 {most} 個字，現有 {length} 個字"))),
        Rule::Summary => (length > LONGEST_SUMMARY)
            .then(|| (Flaw::SummaryLength, format!("簡述最多 {LONGEST_SUMMARY} 個字，現有 {length} 個字"))),
        Rule::CourseCode => refuse(
            text.len() == 23 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()),
            Flaw::CourseCode,
            "課程代碼須為 23 碼數字或大寫英文字母",
        ),
        Rule::SchoolCode => refuse(is_school_code(text), Flaw::SchoolCode, "學校代碼須為 6 碼"),
        Rule::Year => refuse(
            whole(text).is_some_and(|year| (108..=upload_year).contains(&year)),
            Flaw::Number,
            "學年度須為 108 至上傳學年度",
        ),
        Rule::Term => refuse(matches!(text, "1" | "2"), Flaw::Number, "學期須為 1 或 2"),
        Rule::Grade => refuse(matches!(text, "1" | "2" | "3"), Flaw::Number, "年級須為 1 至 3"),
        Rule::Number(most) => {
            refuse(is_decimal(text) && length <= most, Flaw::Number, "須為數字，含小數點不得超過欄位長度")
        }
        Rule::Weeks => {
            refuse(whole(text).is_some_and(|weeks| (1..=18).contains(&weeks)), Flaw::Number, "週數須為 1 至 18")
        }
        Rule::Digits(exactly) => refuse(
            length == exactly && text.bytes().all(|byte| byte.is_ascii_digit()),
            Flaw::CodeTable,
            "代碼的長度或字元不正確",
        ),
        Rule::Code(table) => (!table.has(text)).then(|| {
            let known: Vec<_> = table.values.iter().map(|(value, label)| format!("{value} {label}")).collect();
            (Flaw::CodeTable, format!("{}須為：{}", table.name, known.join("、")))
        }),
        Rule::Document | Rule::Media | Rule::External if length > LONGEST_LINK => {
            Some((Flaw::TooLong, format!("連結最多 {LONGEST_LINK} 個字")))
        }
        Rule::Document | Rule::Media => {
            refuse(Link::parse(text, true).is_some(), Flaw::LinkFormat, "連結的末段須為檔案的 SHA-256 與副檔名")
        }
        Rule::External => refuse(is_web_address(text), Flaw::ExternalLink, "外部影音連結須為網址"),
    }
}

fn whole(text: &str) -> Option<i32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_decimal(text: &str) -> bool {
    let (before, after) = text.split_once('.').unwrap_or((text, "0"));
    [before, after].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
