//! Readers that everybody may call: values of the kernel, and the content checks of uploaded files.

use blob::{Accept, check, samples};
use kernel::{
    calendar::{AcademicYear, RocDate, Term, YearTerm, parse_date_time},
    course_code::CourseCode,
    identity_number::NationalId,
    school::SchoolCode,
};
use std::str::FromStr;

/// What is read is read the same from what it is written as.
fn holds<T: FromStr>(text: &str, written: impl Fn(&T) -> String) {
    if let Ok(value) = text.parse::<T>() {
        let again = written(&value).parse::<T>().ok().map(|again| written(&again));
        assert_eq!(again, Some(written(&value)), "{text:?}");
    }
}

fn texts(samples: &[&str]) -> Vec<Vec<u8>> {
    samples.iter().map(|sample| sample.as_bytes().to_vec()).collect()
}

#[test]
fn fuzz_course_codes() {
    let samples = texts(&["109343303V0H1110A1010101", "111380301H11101A1010101", "１０９", "109353302H11101B2010201"]);
    fuzz::run("course-codes", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        holds::<CourseCode>(&text, |code| code.as_str().to_owned());
        if let Ok(code) = text.parse::<CourseCode>() {
            let _parts =
                (code.entry_year(), code.warnings(), code.carries_outcomes(), code.unit_kind(), code.field_label());
        }
        holds::<SchoolCode>(&text, ToString::to_string);
    });
}

#[test]
fn fuzz_national_ids() {
    let samples: Vec<Vec<u8>> = (0..8).map(|n| NationalId::nth(n * 7919).expose().as_bytes().to_vec()).collect();
    fuzz::run("national-ids", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        holds::<NationalId>(&text, |id| id.expose().to_owned());
        if let Ok(id) = text.parse::<NationalId>() {
            assert!(!id.masked().contains(id.expose()), "masked is not the id");
            let _kind = id.kind();
        }
    });
}

#[test]
fn fuzz_roc_dates() {
    let samples = texts(&[
        "0990305",
        "990305",
        "115/11/22",
        "115.2.29",
        "民國115年11月22日",
        "2026-11-22T14:05",
        "115學年度第1學期",
        "1151",
    ]);
    fuzz::run("roc-dates", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        // years beyond ROC 999 are read (as AD) and have no seven digits to be written in
        if text.parse::<RocDate>().is_ok_and(|date| date.date().year() <= 1911 + 999) {
            holds::<RocDate>(&text, |date| kernel::calendar::roc7(date.date()));
        }
        let _ignored =
            (text.parse::<AcademicYear>().is_ok(), text.parse::<Term>().is_ok(), text.parse::<YearTerm>().is_ok());
        let _moment = parse_date_time(&text).is_ok();
    });
}

/// The door of uploads: whatever is announced as whatever.
fn media(target: &str, samples: &[Vec<u8>]) {
    fuzz::run(target, samples, |bytes| {
        for accept in [Accept::Document, Accept::Media, Accept::Workbook] {
            let _verdict = check(bytes, accept).map_err(|refusal| refusal.to_string());
        }
    });
}

#[test]
fn fuzz_media_pdf() {
    media("media-pdf", &[samples::pdf(&["一頁"]), samples::pdf(&["一", "二"])]);
}

#[test]
fn fuzz_media_png() {
    media("media-png", &[samples::png(8, 8, 1), samples::png(64, 48, 3)]);
}

#[test]
fn fuzz_media_jpeg() {
    media("media-jpeg", &[samples::jpeg(16, 16, 1), samples::jpeg(64, 48, 3)]);
}

#[test]
fn fuzz_media_mp3() {
    media("media-mp3", &[samples::mp3(1)]);
}

#[test]
fn fuzz_media_mp4() {
    media("media-mp4", &[samples::mp4(1)]);
}
