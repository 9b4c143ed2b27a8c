//! How handlers answer.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::{page::Tone, problem::Problem, session::cookie};

/// What a handler returns.
pub type Answer<T = Response> = Result<T, Problem>;

/// The page, 200.
pub fn html(template: &impl Template) -> Answer {
    html_with(StatusCode::OK, template)
}

/// The page with a status: 422 for a form redrawn.
pub fn html_with(status: StatusCode, template: &impl Template) -> Answer {
    Ok((status, Html(template.render()?)).into_response())
}

/// 303 to a path of ours: the answer to a form that did its work.
pub fn redirect(path: impl AsRef<str>) -> Response {
    let target = location(path.as_ref());
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

/// 303 with a sentence that the next page shows once.
pub fn redirect_with(path: impl AsRef<str>, flash: &Flash) -> Response {
    let mut response = redirect(path);
    response.headers_mut().append(header::SET_COOKIE, flash.set_cookie());
    response
}

/// Paths may hold Chinese (queries of filters); headers may not.
fn location(path: &str) -> HeaderValue {
    let encoded: String = path
        .bytes()
        .map(|byte| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    encoded.parse().expect("only visible ASCII is left")
}

const FLASH: &str = "__Host-licheng-flash";

/// A sentence shown once after a redirect: 「已送出認證」.
///
/// It travels in a cookie of its own for at most a minute, so that it costs no round trip to Redis. Not signed:
/// the `__Host-` prefix keeps other hosts from planting it, and it is shown as text. Say nothing personal in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// How it looks.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

impl Flash {
    /// Something went well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into() }
    }

    /// Something to know.
    pub fn note(text: impl Into<String>) -> Self {
        Self { tone: Tone::Note, text: text.into() }
    }

    /// Something did not happen.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, text: text.into() }
    }

    fn set_cookie(&self) -> HeaderValue {
        let text: String = form_urlencoded::byte_serialize(self.text.as_bytes()).collect();
        let cookie =
            format!("{FLASH}={}.{text}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60", self.tone.class());
        cookie.parse().expect("percent-encoded text is ASCII")
    }

    pub(crate) fn clear_cookie() -> HeaderValue {
        let cookie = format!("{FLASH}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        cookie.parse().expect("ASCII makes a header")
    }

    /// The sentence that a request brings along.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let (tone, text) = cookie(headers, FLASH)?.split_once('.')?;
        let tone = Tone::ALL.into_iter().find(|known| known.class() == tone)?;
        let (text, _) = form_urlencoded::parse(text.as_bytes()).next()?;
        Some(Self { tone, text: text.into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_survives_the_journey() {
        let flash = Flash::good("已送出認證；100% = 好 & 快+1");
        let response = redirect_with("/s/123456/outcomes?class=一年甲班", &flash);
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        assert_eq!(location, "/s/123456/outcomes?class=%E4%B8%80%E5%B9%B4%E7%94%B2%E7%8F%AD");
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.split(';').next().unwrap().parse().unwrap());
        assert_eq!(Flash::of(&headers), Some(flash));
    }

    #[test]
    fn a_foreign_cookie_is_no_flash() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "__Host-licheng-flash=loud.hello".parse().unwrap());
        assert_eq!(Flash::of(&headers), None);
    }
}
