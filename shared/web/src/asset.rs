//! Styles and modules, part of the binary, under URLs that change with their content.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ring::digest;

use crate::{answer::Answer, problem::Problem};

struct Asset {
    url: String,
    mime: &'static str,
    body: &'static [u8],
}

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../assets/", $name)))),+]
    };
}

/// The one style sheet, in the order of its layers: one file per component.
const STYLES: &[(&str, &[u8])] = files![
    "css/tokens.css",
    "css/base.css",
    "css/layout.css",
    "css/button.css",
    "css/form.css",
    "css/pieces.css",
    "css/lists.css",
    "css/bars.css",
    "css/heat.css",
    "css/upload.css",
    "css/people.css",
    "css/dialog.css",
    "css/problem.css",
    "css/entrance.css",
    "css/utilities.css",
    "css/print.css"
];

const FILES: &[(&str, &[u8])] = files![
    "icon.svg",
    "page.js",
    "upload.js",
    "counter.js",
    "countdown.js",
    "queue.js",
    "opening.js",
    "progress.js",
    "people.js"
];

static STYLE_SHEET: LazyLock<Vec<u8>> = LazyLock::new(|| STYLES.iter().flat_map(|(_, css)| css.to_vec()).collect());

static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    let style = ("app.css", STYLE_SHEET.as_slice());
    let all = FILES.iter().copied().chain([style]);
    all.map(|(name, body)| (name, asset(name, body))).collect()
});

static BY_FILE: LazyLock<HashMap<&'static str, &'static Asset>> = LazyLock::new(|| {
    let file = |asset: &'static Asset| asset.url.trim_start_matches("/assets/");
    ASSETS.values().map(|asset| (file(asset), asset)).collect()
});

fn asset(name: &str, body: &'static [u8]) -> Asset {
    let (stem, extension) = name.rsplit_once('.').expect("every asset has an extension");
    let hash = hex::encode(&digest::digest(&digest::SHA256, body).as_ref()[..6]);
    let mime = match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Asset { url: format!("/assets/{stem}.{hash}.{extension}"), mime, body }
}

/// The URL of an asset. Every template is rendered in a test, so a wrong name never leaves the workshop.
pub(crate) fn url(name: &str) -> &'static str {
    &ASSETS.get(name).unwrap_or_else(|| panic!("a template names the unknown asset {name}")).url
}

/// Serves an asset. A year in caches: another content has another URL.
pub(crate) async fn show(Path(file): Path<String>) -> Answer {
    let asset = BY_FILE.get(file.as_str()).ok_or(Problem::NotFound)?;
    let headers = [(header::CONTENT_TYPE, asset.mime), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok::<Response, Problem>((headers, asset.body).into_response())
}
