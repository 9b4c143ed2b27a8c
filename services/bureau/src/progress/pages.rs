//! `/bureau`: one page, and the same numbers as a file.

use super::{
    Age, SchoolProgress, Totals, Years,
    chart::Picture,
    kind_label, store,
    view::{Column, View, Wish},
};
use crate::Room;
use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use kernel::calendar::{self, AcademicYear};
use std::sync::Arc;
use time::OffsetDateTime;
use web::{Answer, May, Page, Problem, Query, need};

const PAGE: &str = "/bureau";
const FILE: &str = "/bureau/progress.csv";

#[derive(Template)]
#[template(path = "progress/index.html")]
struct Index {
    page: Page,
    years: Years,
    view: View,
    kinds: Vec<String>,
    age: Option<Age>,
    totals: Totals,
    schools: Vec<SchoolProgress>,
}

pub(crate) async fn index(
    may: May<need::ProgressView>,
    Query(wish): Query<Wish>,
    State(room): State<Arc<Room>>,
) -> Answer {
    let Shown { years, view, all } = read(&room, wish, may.now).await?;
    let title = format!("各校進度，{} 學年度", view.year);
    let kinds = kinds(&all);
    let age = Age::of(&all, may.now);
    let schools = view.of(all);
    web::html(&Index { page: may.page(title), years, view, kinds, age, totals: Totals::of(&schools), schools })
}

/// What was asked for, and every school in its year.
struct Shown {
    years: Years,
    view: View,
    all: Vec<SchoolProgress>,
}

async fn read(room: &Room, wish: Wish, now: OffsetDateTime) -> Answer<Shown> {
    let years = Years::at(now);
    let mut all = store::list(&room.db, years).await?;
    let year = years.shown(&wish.year, &all, now);
    all.retain(|school| school.academic_year == year.get());
    Ok(Shown { years, view: View::new(wish, year), all })
}

/// The kinds of school there are, to filter by.
fn kinds(schools: &[SchoolProgress]) -> Vec<String> {
    let mut kinds: Vec<String> = schools.iter().map(|school| school.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

impl Index {
    fn columns(&self) -> [Column; 8] {
        Column::ALL
    }

    fn pictures(&self) -> Vec<Picture> {
        self.schools.iter().map(Picture::of).collect()
    }

    fn kind_label(&self, kind: &str) -> &'static str {
        kind_label(kind)
    }

    /// Templates pass fields by reference.
    fn grouped(&self, number: &(impl Copy + Into<i64>)) -> String {
        grouped(*number)
    }

    fn sort_url(&self, column: &Column) -> String {
        self.view.sorted_by(*column).url(PAGE)
    }

    fn years(&self) -> [AcademicYear; 2] {
        self.years.both()
    }

    fn shows(&self, year: &AcademicYear) -> bool {
        self.view.year == *year
    }

    fn year_url(&self, year: &AcademicYear) -> String {
        self.view.in_year(*year).url(PAGE)
    }

    fn file_url(&self) -> String {
        self.view.url(FILE)
    }
}

pub(crate) async fn download(
    may: May<need::ProgressView>,
    Query(wish): Query<Wish>,
    State(room): State<Arc<Room>>,
) -> Answer {
    let Shown { view, all, .. } = read(&room, wish, may.now).await?;
    let schools = view.of(all);
    let disposition = format!("attachment; filename=\"progress-{}.csv\"", view.year);
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    let body = csv(&schools).map_err(Problem::internal)?;
    Ok::<Response, Problem>((headers, body).into_response())
}

/// A spreadsheet takes a cell that begins like a formula for one.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// With a byte order mark: without it, spreadsheets in Taiwan take the file for Big5.
fn csv(schools: &[SchoolProgress]) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record([
        "學年度",
        "學校代碼",
        "學校",
        "類別",
        "學生數",
        "上傳件數",
        "認證通過",
        "勾選件數",
        "勾選人數",
        "提交筆數",
        "確認收訖人數",
        "勾選截止",
        "逾期",
        "統計時間",
    ])?;
    for school in schools {
        writer.write_record([
            school.academic_year.to_string(),
            school.code.clone(),
            harmless(&school.name),
            school.kind_label().to_owned(),
            school.students.to_string(),
            school.uploaded.to_string(),
            school.certified.to_string(),
            school.selected.to_string(),
            school.selecting_students.to_string(),
            school.submitted_rows.to_string(),
            school.confirmed_students.to_string(),
            school.select_closes_at.map_or(String::new(), calendar::roc_date_time),
            if school.overdue { "逾期" } else { "" }.to_owned(),
            calendar::roc_date_time(school.updated_at),
        ])?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// `1,204`
pub(crate) fn grouped(number: impl Into<i64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::school;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([grouped(0), grouped(999), grouped(1204), grouped(1_234_567)], ["0", "999", "1,204", "1,234,567"]);
    }

    #[test]
    fn the_file_opens_in_a_spreadsheet() {
        let odd = SchoolProgress { name: "甲,\"乙\"校".to_owned(), overdue: true, ..school("351C01", 5) };
        let text = String::from_utf8(csv(&[odd]).unwrap()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].starts_with("\u{feff}學年度,學校代碼"));
        assert!(lines[1].starts_with("115,351C01,\"甲,\"\"乙\"\"校\",高級中學,5,10,8,6,3,0,1,,逾期,115/11/22 14:00"));
    }
}
