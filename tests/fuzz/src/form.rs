//! Forms with files, as browsers send them and as they never would.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, multipart::MultipartRejection},
    http::{HeaderValue, header},
};
use futures_util::stream;
use std::convert::Infallible;

/// Bytes of a body that are taken.
const MOST_BYTES: usize = 64 * 1024;
/// Bodies arrive in pieces of one of these lengths.
const PIECES: [usize; 3] = [64, 1_000, usize::MAX];
/// Names of files that lead elsewhere, end early, or come twice.
const FILE_NAMES: [&str; 5] = [
    "filename=\"..\\..\\..\\etc/passwd\"",
    "filename*=UTF-8''%00%0d%0a%E5%A0%B1; filename=\"\u{202e}fdp.exe\"",
    "filename=\"a\\\"; name=\\\"year\\\".xlsx\"",
    "filename=\"a.csv\"; filename=\"\"",
    "filename=a b; filename",
];

/// A field: its name, the name of its file if it is one, and its content.
pub type Field<'a> = (&'a str, Option<&'a str>, &'a str);

/// Feeds what reads a form with mutated multipart bodies through axum's extractor; see [`crate::run`]. An input is the
/// value of `content-type`, a line end, and the body.
///
/// # Panics
/// As [`crate::run`].
pub fn run_forms<F: Future<Output = ()>>(
    target: &str,
    fields: &[Field<'_>],
    read: impl Fn(Result<Multipart, MultipartRejection>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    crate::run(target, &samples(fields), |input| {
        if let Some(request) = request(input) {
            runtime.block_on(async { read(Multipart::from_request(request, &()).await).await });
        }
    });
}

fn request(input: &[u8]) -> Option<Request> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let kind = HeaderValue::from_bytes(&input[..end]).ok()?;
    let pieces: Vec<Vec<u8>> =
        input[end + 1..].chunks(PIECES[input.len() % PIECES.len()]).map(<[u8]>::to_vec).collect();
    let mut request = Request::new(Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>))));
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    DefaultBodyLimit::max(MOST_BYTES).apply(&mut request);
    Some(request)
}

fn samples(fields: &[Field<'_>]) -> Vec<Vec<u8>> {
    let browsers = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
    let plain: Vec<String> = fields.iter().map(part).collect();
    let twice = [plain.clone(), plain.iter().rev().cloned().collect()].concat();
    let large: Vec<String> = plain.iter().map(|part| format!("{part}{}", "長".repeat(MOST_BYTES / 4))).collect();
    let mut samples = vec![
        form(browsers, browsers, &plain),
        form("\"a b'()+,-./:=?\"", "a b'()+,-./:=?", &plain),
        form("x", "x", &twice),
        form(browsers, browsers, &large),
        form("one; boundary=two", "two", &plain),
    ];
    samples.extend(FILE_NAMES.iter().map(|name| {
        let tricky = fields.iter().map(|(field, _, content)| {
            format!("Content-Disposition: form-data; name=\"{field}\"; {name}\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n{content}")
        });
        form(browsers, browsers, &tricky.collect::<Vec<_>>())
    }));
    let unended = samples[0].len() - browsers.len() - "--\r\n".len();
    samples.push(samples[0][..unended].to_vec());
    samples
}

fn part((name, file_name, content): &Field<'_>) -> String {
    let file = file_name.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream"));
    format!("Content-Disposition: form-data; name=\"{name}\"{}\r\n\r\n{content}", file.unwrap_or_default())
}

fn form(announced: &str, boundary: &str, parts: &[String]) -> Vec<u8> {
    let parts: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
    format!("multipart/form-data; boundary={announced}\n{parts}--{boundary}--\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples come through, so that what is mutated is worth it.
    #[tokio::test]
    async fn the_first_sample_is_a_form() {
        let samples = samples(&[("year", None, "115"), ("file", Some("名冊.csv"), "學號")]);
        let mut form = Multipart::from_request(request(&samples[0]).unwrap(), &()).await.unwrap();
        let mut read = Vec::new();
        while let Some(field) = form.next_field().await.unwrap() {
            let names = (field.name().map(str::to_owned), field.file_name().map(str::to_owned));
            read.push((names.0.unwrap(), names.1, field.text().await.unwrap()));
        }
        let year = ("year".to_owned(), None, "115".to_owned());
        assert_eq!(read, [year, ("file".to_owned(), Some("名冊.csv".to_owned()), "學號".to_owned())]);
    }
}
