//! The page that lists the jobs, for people who watch a demo. It shows no personal data.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};
use time::{OffsetDateTime, UtcOffset};

use crate::{job::Job, layout, server::Central};

const STYLE: &str = "\
:root { color-scheme: light; font-family: system-ui, 'Noto Sans TC', sans-serif; color: #1d2a33; background: #f6f8f9 }
body { margin: 0 auto; max-width: 72rem; padding: 1rem }
h1 { font-size: 1.4rem; margin: .5rem 0 }
.table { overflow-x: auto }
table { border-collapse: collapse; width: 100%; background: #fff }
caption { text-align: start; padding: .5rem 0 }
th, td { border: 1px solid #b8c4cb; padding: .4rem .6rem; text-align: start; white-space: nowrap }
th { background: #e4ecf0 }
.rejected { color: #9b1c1c } .receipt_ready { color: #12612f }
a:focus-visible { outline: 3px solid #1463a3; outline-offset: 2px }
";

/// The routes of the page.
pub(crate) fn routes() -> Router<Arc<Central>> {
    Router::new().route("/", get(index)).route("/style.css", get(style))
}

async fn index(State(central): State<Arc<Central>>) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(render(&central.jobs.list())))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

fn render(jobs: &[Job]) -> String {
    let mut rows = String::new();
    for job in jobs {
        rows.push_str(&row(job));
    }
    if jobs.is_empty() {
        rows.push_str("<tr><td colspan=\"8\">尚未收到任何通知</td></tr>");
    }
    format!(
        "<!doctype html>\n<html lang=\"zh-Hant-TW\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>學習歷程中央資料庫（模擬）</title><link rel=\"stylesheet\" href=\"/style.css\"></head>\
         <body><main><h1>學習歷程中央資料庫（模擬）</h1><p><a href=\"/\">重新整理</a></p>\
         <div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"名冊處理情形\"><table>\
         <caption>名冊處理情形，共 {count} 件</caption><thead><tr>\
         <th scope=\"col\">收到時間</th><th scope=\"col\">學校代碼</th><th scope=\"col\">學年度</th>\
         <th scope=\"col\">學期</th><th scope=\"col\">名冊</th><th scope=\"col\">批次</th>\
         <th scope=\"col\">狀態</th><th scope=\"col\">檔案</th></tr></thead>\
         <tbody>{rows}</tbody></table></div></main></body></html>\n",
        count = jobs.len()
    )
}

fn row(job: &Job) -> String {
    let notice = &job.notice;
    let roster = layout::roster(notice.roster_code).map_or("", |roster| roster.name);
    let mut state = job.state.label().to_owned();
    if job.errors_total > 0 {
        // writing to a String can't fail
        let _infallible = write!(state, "，{} 項錯誤", job.errors_total);
    }
    format!(
        "<tr><td>{received}</td><td>{school}</td><td>{year}</td><td>{term}</td><td>{code} {roster}</td>\
         <td>{batch}</td><td class=\"{class}\">{state}</td><td>{done}/{total}</td></tr>",
        received = taipei_time(job.received_at),
        school = escape(&notice.school_code),
        year = notice.academic_year,
        term = notice.term,
        code = notice.roster_code,
        batch = escape(&notice.batch),
        class = match job.state {
            crate::job::State::Rejected => "rejected",
            crate::job::State::ReceiptReady => "receipt_ready",
            _ => "working",
        },
        done = job.progress.files_done,
        total = job.progress.files_total,
    )
}

/// ROC date and time of Taipei, e.g. `115/11/22 14:00`.
fn taipei_time(milliseconds: i64) -> String {
    let taipei = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    let at = OffsetDateTime::from_unix_timestamp(milliseconds / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let at = at.to_offset(taipei);
    format!("{}/{:02}/{:02} {:02}:{:02}", at.year() - 1911, u8::from(at.month()), at.day(), at.hour(), at.minute())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_roc_dates_of_taipei() {
        assert_eq!(taipei_time(1_795_327_200_000), "115/11/22 14:00");
    }

    #[test]
    fn text_of_a_school_can_not_become_markup() {
        assert_eq!(escape("<b>\"&"), "&lt;b&gt;&quot;&amp;");
    }
}
