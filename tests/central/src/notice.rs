//! A notice: a school says where a roster lies (通知檔案取得位置, §5.11).

use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{layout, problem::FieldError};

/// Largest workbook that is fetched, in bytes.
pub(crate) const LARGEST_WORKBOOK: u64 = 100 * 1024 * 1024;

/// Where a roster lies and what it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) school_code: String,
    pub(crate) academic_year: i32,
    /// 1 or 2; 0 for yearly rosters.
    pub(crate) term: i32,
    pub(crate) roster_code: u16,
    /// The school's own name of this submission.
    pub(crate) batch: String,
    pub(crate) url: String,
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
    /// RFC 3339.
    pub(crate) expires_at: String,
}

impl Notice {
    /// Reads and checks the fields of a notice; each wrong field is named.
    pub(crate) fn parse(body: &Value, now_ms: i64) -> Result<Self, Vec<FieldError>> {
        let mut form = Form { body, errors: Vec::new() };
        let notice = Self {
            school_code: form.text("school_code", "須為 6 碼大寫英數字", is_school_code),
            academic_year: form
                .number("academic_year", "須為 108 以後的學年度", |year| (108..=999).contains(&year)),
            term: form.number("term", "須為 0、1 或 2", |term| (0..=2).contains(&term)),
            roster_code: form.number("roster_code", "須為已知的名冊別", |code| layout::roster(code).is_some()),
            batch: form.text("batch", "須為 1 至 64 個字", |batch| (1..=64).contains(&batch.chars().count())),
            url: form.text("url", "須為 http 或 https 網址", is_web_address),
            sha256: form.text("sha256", "須為 64 碼小寫十六進位", is_sha256),
            size: form.number("size", "須為 1 至 104857600", |size| (1..=LARGEST_WORKBOOK).contains(&size)),
            expires_at: form.text("expires_at", "須為尚未到期的 RFC 3339 時間", |text| {
                OffsetDateTime::parse(text, &Rfc3339)
                    .is_ok_and(|at| at.unix_timestamp_nanos() / 1_000_000 > i128::from(now_ms))
            }),
        };
        let mut errors = form.errors;
        if let Some(roster) = layout::roster(notice.roster_code)
            && errors.iter().all(|error| error.field != "term")
            && roster.yearly != (notice.term == 0)
        {
            let message =
                if roster.yearly { "年度名冊的學期須為 0" } else { "學期名冊的學期須為 1 或 2" };
            errors.push(FieldError { field: "term", message });
        }
        if errors.is_empty() { Ok(notice) } else { Err(errors) }
    }

    /// The job of this notice: the same for the same roster in the same batch with the same content.
    pub(crate) fn job_id(&self) -> String {
        let key = format!(
            "{}\n{}\n{}\n{}\n{}\n{}",
            self.school_code, self.academic_year, self.term, self.roster_code, self.sha256, self.batch
        );
        hex::encode(&digest::digest(&digest::SHA256, key.as_bytes()).as_ref()[..16])
    }
}

/// The fields of a body, read one by one with their errors collected.
struct Form<'b> {
    body: &'b Value,
    errors: Vec<FieldError>,
}

impl Form<'_> {
    fn text(&mut self, field: &'static str, message: &'static str, good: impl Fn(&str) -> bool) -> String {
        match self.body.get(field).and_then(Value::as_str) {
            Some(text) if good(text) => text.to_owned(),
            _ => {
                self.errors.push(FieldError { field, message });
                String::new()
            }
        }
    }

    fn number<N>(&mut self, field: &'static str, message: &'static str, good: impl Fn(N) -> bool) -> N
    where
        N: TryFrom<u64> + Default + Copy,
    {
        let number = self.body.get(field).and_then(Value::as_u64).and_then(|number| N::try_from(number).ok());
        match number {
            Some(number) if good(number) => number,
            _ => {
                self.errors.push(FieldError { field, message });
                N::default()
            }
        }
    }
}

/// Whether the text is a school code: six characters, digits or capital letters (§7 A-39).
pub(crate) fn is_school_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Whether the text is a SHA-256 in lower-case hex.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether the text is an absolute http or https address.
pub(crate) fn is_web_address(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
