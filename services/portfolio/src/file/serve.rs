//! Files as browsers get them: on an origin of their own, by a link that dies, verified on the way.

use std::{ops::RangeInclusive, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use blob::MediaType;
use kernel::file_link::FileLink;
use web::{Answer, Problem};

use super::upload::storage_away;
use crate::room::Room;

/// One file, or the part of it that a player asks for.
pub(crate) async fn show(
    State(room): State<Arc<Room>>,
    Path((token, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let now = room.web.clock().now();
    let link = FileLink::read(&token, room.keys(), now).map_err(|_| Problem::NotFound)?;
    let kind: MediaType = link.mime.parse().map_err(|_| Problem::NotFound)?;
    let hash = hex::decode(&link.sha256).ok().and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    let hash = hash.ok_or(Problem::NotFound)?;
    let content = room.vault.open(&link.school, &hash).await;
    let content = content.map_err(|error| storage_away(&error, "檔案都還在，只是現在讀不到，請稍後再試。"))?;
    let mut response = part(content, headers.get(header::RANGE));
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.mime()));
    set.insert(header::CONTENT_DISPOSITION, disposition(link.download_as.as_deref()));
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let left = (link.expires - now.unix_timestamp()).max(0);
    set.insert(header::CACHE_CONTROL, text(format!("private, max-age={left}, immutable")));
    if kind != MediaType::Pdf {
        // not every browser's PDF viewer works in a sandbox; a PDF's own scripts never reach a page
        let origin = &room.web.settings().origin;
        let policy = format!("sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors {origin}");
        set.insert(header::CONTENT_SECURITY_POLICY, text(policy));
    }
    Ok(response)
}

fn text(value: String) -> HeaderValue {
    value.parse().expect("only ASCII goes in")
}

/// The whole, or one range of it: 206; a range beyond the end: 416.
fn part(content: Bytes, range: Option<&HeaderValue>) -> Response {
    let size = content.len();
    match range.and_then(|value| value.to_str().ok()).and_then(|value| wanted(value, size)) {
        None => content.into_response(),
        Some(Some(range)) => {
            let (from, to) = (*range.start(), *range.end());
            let place = text(format!("bytes {from}-{to}/{size}"));
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], content.slice(range)).into_response()
        }
        Some(None) => {
            let place = text(format!("bytes */{size}"));
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, place)]).into_response()
        }
    }
}

/// Reads `bytes=from-to`. `None`: not one that we follow, the whole is sent (RFC 9110 allows); `Some(None)`: beyond.
fn wanted(range: &str, size: usize) -> Option<Option<RangeInclusive<usize>>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = size.checked_sub(1)?;
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => (from, to.min(last)),
        (Ok(from), Err(_)) if to.is_empty() => (from, last),
        // the last so many bytes
        (Err(_), Ok(count)) if from.is_empty() => {
            (size.saturating_sub(count), if count == 0 { return Some(None) } else { last })
        }
        _ => return None,
    };
    if from > last {
        return Some(None);
    }
    (from <= to).then_some(Some(from..=to))
}

/// Shown in the page, or saved under its own name; the name in both writings of RFC 6266.
fn disposition(download_as: Option<&str>) -> HeaderValue {
    let Some(name) = download_as else { return HeaderValue::from_static("inline") };
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
    let encoded: String = name
        .bytes()
        .map(|byte| {
            let kept = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~');
            if kept { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        })
        .collect();
    text(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_players_are_understood() {
        assert_eq!(wanted("bytes=0-99", 1000), Some(Some(0..=99)));
        assert_eq!(wanted("bytes=900-", 1000), Some(Some(900..=999)));
        assert_eq!(wanted("bytes=900-5000", 1000), Some(Some(900..=999)));
        assert_eq!(wanted("bytes=-100", 1000), Some(Some(900..=999)));
        assert_eq!(wanted("bytes=-5000", 1000), Some(Some(0..=999)));
        assert_eq!(wanted("bytes=1000-", 1000), Some(None), "beyond the end: 416");
        for whole in ["bytes=0-1,5-6", "items=0-1", "bytes=5-1", "bytes=-", "bytes=a-b"] {
            assert_eq!(wanted(whole, 1000), None, "{whole}");
        }
    }

    /// RFC 5987: names beyond ASCII are percent-encoded UTF-8.
    #[test]
    fn a_chinese_name_survives_the_header() {
        let header = disposition(Some("報告 \"1\".pdf"));
        assert_eq!(
            header.to_str().unwrap(),
            "attachment; filename=\"____1_.pdf\"; filename*=UTF-8''%E5%A0%B1%E5%91%8A%20%221%22.pdf"
        );
        assert_eq!(disposition(None), "inline");
    }
}
