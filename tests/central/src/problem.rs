//! Errors of the API as problem details (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// What is wrong with one field of a notice.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    pub(crate) message: &'static str,
}

/// Why a call was not served.
#[derive(Debug)]
pub(crate) enum Problem {
    NotJson,
    WrongKey,
    NotFound,
    NotReady,
    Fields(Vec<FieldError>),
    Simulated,
    Internal(anyhow::Error),
}

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = match &self {
            Self::NotJson => (StatusCode::BAD_REQUEST, "內容不是 JSON"),
            Self::WrongKey => (StatusCode::UNAUTHORIZED, "介接金鑰不正確"),
            Self::NotFound => (StatusCode::NOT_FOUND, "查無資料"),
            Self::NotReady => (StatusCode::CONFLICT, "收訖明細尚未產生"),
            Self::Fields(_) => (StatusCode::UNPROCESSABLE_ENTITY, "通知欄位有誤"),
            Self::Simulated => (StatusCode::SERVICE_UNAVAILABLE, "模擬的服務中斷"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "系統發生錯誤"),
        };
        if let Self::Internal(error) = &self {
            eprintln!("central: a request failed: {error:#}");
        }
        let errors = if let Self::Fields(errors) = self { errors } else { Vec::new() };
        let body = Body { r#type: "about:blank", title, status: status.as_u16(), errors };
        let mut response = (status, serde_json::to_string(&body).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl<E: Into<anyhow::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}
