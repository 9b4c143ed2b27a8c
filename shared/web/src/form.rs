//! What people typed.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{header, request::Parts};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A form as browsers send it (`application/x-www-form-urlencoded`); repeated names fill a `Vec`.
///
/// Give every field a type that any text fits (`String`, `Vec<String>`) and check it by rule, so that a mistake
/// redraws the form; what does not fit the struct at all is a 422 without a form, for nobody meets it by typing.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Problem::unprocessable("表單的格式不是這個網頁送出的格式"));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| Problem::TooLarge)?;
        serde_html_form::from_bytes(&body)
            .map(Self)
            .map_err(|_| Problem::unprocessable("表單缺少欄位，或欄位的格式不對"))
    }
}

/// The query of the URL; repeated names fill a `Vec`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        serde_html_form::from_str(query).map(Self).map_err(|_| Problem::unprocessable("網址裡的查詢條件看不懂"))
    }
}
