//! What went wrong, as facts; the status is decided in one match and the wording in one place (design §9).

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::field_errors::FieldErrors;

/// The error type of handlers. A layer renders it: RFC 9457 for programs, a page with ways out for people.
#[derive(Clone, Debug)]
pub enum Problem {
    /// 401: log in first.
    LogIn,
    /// 403: visible, but not for the role in use.
    Forbidden,
    /// 403: an unsafe request that did not come from a page of ours.
    CrossSite,
    /// 404: not there, another school's, or not yours to know.
    NotFound,
    /// 405: the route has no such method.
    MethodNotAllowed,
    /// 409: somebody else was faster.
    Stale,
    /// 413: the body is larger than the route takes.
    TooLarge,
    /// 422 without a form to redraw: for programs, and for requests that no form of ours sends.
    Unprocessable {
        /// What is wrong, for people.
        detail: Cow<'static, str>,
        /// And where.
        fields: FieldErrors,
    },
    /// 429: too often.
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
    /// 503: a part of the house is away.
    Unavailable {
        /// What became of what the person entered.
        kept: Cow<'static, str>,
    },
    /// 503: more is asked than can be done; nothing was begun for this request.
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// 500: our fault. The source goes to the log, never to the page.
    Internal(Arc<dyn Error + Send + Sync>),
}

impl Problem {
    /// 422 with a sentence for people.
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unprocessable { detail: detail.into(), fields: FieldErrors::new() }
    }

    /// 422 with messages by field, for JSON endpoints; pages redraw their form instead.
    pub fn invalid(fields: FieldErrors) -> Self {
        let detail = fields.iter().next().map_or_else(String::new, |(_, message)| message.to_owned());
        Self::Unprocessable { detail: detail.into(), fields }
    }

    /// 503, nothing was stored and nothing lost.
    pub fn unavailable() -> Self {
        Self::Unavailable {
            kept: "已經儲存的資料都還在；剛才的動作還沒有生效，請稍後再試一次。".into()
        }
    }

    /// 503, and nobody knows whether the action took effect: the connection was lost in that very moment.
    pub fn uncertain() -> Self {
        Self::Unavailable {
            kept: "系統在儲存的那一刻中斷，不確定剛才的動作有沒有生效；已經儲存的資料都還在。請重新載入頁面，看過之後再決定要不要重做。".into(),
        }
    }

    /// 500; the source is logged once, by the layer.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(source.into()))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::LogIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stale => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unprocessable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } | Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable name for programs: `urn:licheng:problem:{kind}`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LogIn => "log-in",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross-site",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Stale => "stale",
            Self::TooLarge => "too-large",
            Self::Unprocessable { .. } => "unprocessable",
            Self::TooMany { .. } => "too-many",
            Self::Unavailable { .. } => "unavailable",
            Self::Busy { .. } => "busy",
            Self::Internal(_) => "internal",
        }
    }

    /// A heading for people.
    pub fn title(&self) -> &'static str {
        match self {
            Self::LogIn => "請先登入",
            Self::Forbidden => "目前的身分不能使用這個功能",
            Self::CrossSite => "這個動作不是從本系統的網頁送出的",
            Self::NotFound => "找不到這個頁面",
            Self::MethodNotAllowed => "這個網址不接受這種動作",
            Self::Stale => "資料剛剛被更動過",
            Self::TooLarge => "送出的內容太大",
            Self::Unprocessable { .. } => "送出的內容無法處理",
            Self::TooMany { .. } => "操作太頻繁",
            Self::Unavailable { .. } => "系統暫時無法使用",
            Self::Busy { .. } => "目前使用人數很多，請稍候再試",
            Self::Internal(_) => "系統發生錯誤",
        }
    }

    /// What it means and what to do, for people.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::LogIn => "您尚未登入，或登入的時間已過。登入之後會回到原來的頁面。".into(),
            Self::Forbidden => "如果您有其他身分，請在頁面上方切換身分後再試。".into(),
            Self::CrossSite => "為了保護您的資料，動作沒有執行。請回到本系統的網頁重新操作。".into(),
            Self::NotFound => "網址可能有誤，或內容已經移除，或不屬於您目前的學校。".into(),
            Self::MethodNotAllowed => "請回到上一頁，從網頁上的按鈕重新操作。".into(),
            Self::Stale => {
                "您開啟這個頁面之後，有人更動了同一筆資料，所以您的動作沒有執行。請重新載入，確認最新的內容後再操作。"
                    .into()
            }
            Self::TooLarge => "請減少內容或分次送出。已經儲存的資料沒有更動。".into(),
            Self::Unprocessable { detail, .. } => detail.clone(),
            Self::TooMany { retry_after } => format!("請等 {} 秒再試一次。", seconds(*retry_after)).into(),
            Self::Unavailable { kept } => kept.clone(),
            Self::Busy { retry_after } => {
                format!("您已送出的資料都有保留；剛才的動作還沒有執行。請等 {} 秒再試一次。", seconds(*retry_after))
                    .into()
            }
            Self::Internal(_) => {
                "我們已經留下紀錄。您已經儲存的資料不受影響；請稍後再試，若仍發生，請把下方的代碼告訴學校承辦人員。"
                    .into()
            }
        }
    }
}

/// Whole seconds to wait, as headers and people want them.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().max(1)
}

/// Carries the problem to the layer that renders it; alone it is a bare status.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Self::TooMany { retry_after } | Self::Busy { retry_after } = &self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(*retry_after)));
        }
        if matches!(self, Self::Unavailable { .. }) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(10));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

/// A constraint that the room expects is turned into a field error before it gets here; another one is our fault.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(source) => {
                tracing::warn!(error = %source, "the database did not answer");
                Self::unavailable()
            }
            store::Error::InDoubt(source) => {
                tracing::warn!(error = %source, "the database did not answer to a commit");
                Self::uncertain()
            }
            store::Error::Stale => Self::Stale,
            ours => Self::internal(ours),
        }
    }
}

/// Redis away is the only way in which a session or a limit fails.
impl From<redis::RedisError> for Problem {
    fn from(error: redis::RedisError) -> Self {
        tracing::warn!(error = %error, "redis did not answer");
        Self::unavailable()
    }
}

/// Whether the asker is a program: the API, or one who prefers JSON to HTML.
pub(crate) fn wants_json(headers: &HeaderMap, path: &str) -> bool {
    if path == "/api" || path.starts_with("/api/") {
        return true;
    }
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let (mut json, mut html) = (0.0_f32, 0.0_f32);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        match kind.as_str() {
            "application/json" | "application/problem+json" => json = json.max(quality),
            "text/html" | "application/xhtml+xml" => html = html.max(quality),
            _ => {}
        }
    }
    json > html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(accept: &str, path: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        wants_json(&headers, path)
    }

    #[test]
    fn programs_get_json_and_people_get_pages() {
        assert!(asks("application/json", "/s/123456/outcomes"));
        assert!(asks("text/html;q=0.5, application/problem+json", "/"));
        assert!(asks("text/html", "/api/v1/status"));
        assert!(!asks("text/html,application/xhtml+xml,*/*;q=0.8", "/"));
        assert!(!asks("*/*", "/"));
        assert!(!wants_json(&HeaderMap::new(), "/"));
    }

    #[test]
    fn nothing_internal_reaches_people() {
        let problem = Problem::internal("relation \"secret\" does not exist");
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.title().contains("secret") && !problem.detail().contains("secret"));
    }
}
