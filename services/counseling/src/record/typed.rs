//! The form of a record as it was sent, mistakes and all.

use axum::{
    extract::{Multipart, multipart::MultipartError},
    http::StatusCode,
};
use bytes::Bytes;
use kernel::calendar::roc_date;
use time::Date;
use web::{Answer, Problem};

use super::Record;
use crate::file::clean_name;

/// The file field.
#[derive(Default)]
pub(super) enum Sent {
    /// Left empty.
    #[default]
    Nothing,
    /// More than the route takes; its bytes were not read.
    TooLarge,
    /// A file under its cleaned name.
    File(String, Bytes),
}

/// Every field as text.
#[derive(Default)]
pub(crate) struct Typed {
    pub(super) held_on: String,
    pub(super) place: String,
    pub(super) method: String,
    pub(super) topic: String,
    pub(super) content: String,
    pub(super) students: Vec<String>,
    /// The version that the person saw; empty for a new record.
    pub(super) version: String,
    /// Take the old file away.
    pub(super) without_file: bool,
    pub(super) sent: Sent,
}

impl Typed {
    /// An empty form: most sessions are written down the day they were held.
    pub(super) fn today(today: Date) -> Self {
        Self { held_on: roc_date(today), ..Self::default() }
    }

    /// The form of a record that stands.
    pub(super) fn of(record: &Record) -> Self {
        let content = &record.content;
        Self {
            held_on: roc_date(content.held_on),
            place: content.place.clone(),
            method: content.method.code().to_owned(),
            topic: content.topic.clone(),
            content: content.text.clone(),
            students: content.students.iter().map(ToString::to_string).collect(),
            version: record.version.to_string(),
            ..Self::default()
        }
    }

    /// Reads the form. The file is its last field, so that a file too large for the route costs none of the text.
    pub(super) async fn read(mut form: Multipart) -> Answer<Self> {
        let mut typed = Self::default();
        loop {
            match typed.read_field(&mut form).await {
                Ok(true) => {}
                Ok(false) => return Ok(typed),
                Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                    typed.sent = Sent::TooLarge;
                    return Ok(typed);
                }
                Err(_) => return Err(Problem::unprocessable("表單沒有完整送達，請再試一次。")),
            }
        }
    }

    /// Whether there was one more.
    async fn read_field(&mut self, form: &mut Multipart) -> Result<bool, MultipartError> {
        let Some(field) = form.next_field().await? else { return Ok(false) };
        match field.name().unwrap_or_default() {
            "held_on" => self.held_on = field.text().await?,
            "place" => self.place = field.text().await?,
            "method" => self.method = field.text().await?,
            "topic" => self.topic = field.text().await?,
            "content" => self.content = field.text().await?,
            "students" => self.students.push(field.text().await?),
            "version" => self.version = field.text().await?,
            "without_file" => self.without_file = true,
            "file" => {
                if let Some(name) = field.file_name().and_then(clean_name) {
                    self.sent = Sent::File(name, field.bytes().await?);
                }
            }
            _ => {}
        }
        Ok(true)
    }

    /// Whether a file has to be chosen again when the form is redrawn: browsers don't keep it.
    pub(super) fn had_file(&self) -> bool {
        !matches!(self.sent, Sent::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_multipart() {
        let fields = [
            ("held_on", None, "1150901"),
            ("content", None, "選課與升學方向"),
            ("students", None, "11500101"),
            ("students", None, "11500102"),
            ("version", None, "1"),
            ("file", Some("紀錄.pdf"), "%PDF-1.4"),
        ];
        fuzz::run_forms("multipart-counselling", &fields, |form| async {
            let Ok(form) = form else { return };
            let Ok(Typed { sent: Sent::File(name, _), .. }) = Typed::read(form).await else { return };
            assert!(!name.is_empty());
            assert!(!name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()), "{name:?}");
        });
    }
}
