//! The first page a student sees.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use kernel::{
    calendar::AcademicYear,
    rules::{Ruleset, SelectPeriod, WindowKind},
};
use web::{Answer, May, Page, Problem, need};

use super::{
    Due, Step, due, steps,
    store::{self as rows, Cabinet, Unread},
};
use crate::{
    room::{Room, own},
    student::Student,
};

/// The windows whose year is the cabinet's.
const KINDS: [WindowKind; 5] = [
    WindowKind::OutcomeUpload,
    WindowKind::OutcomeCertify,
    WindowKind::OutcomeSelect,
    WindowKind::ActivityUpload,
    WindowKind::ActivitySelect,
];

#[derive(Template)]
#[template(path = "home/show.html")]
pub(crate) struct Home {
    page: Page,
    year: AcademicYear,
    student_no: String,
    class_name: Option<String>,
    seat_no: Option<i16>,
    steps: Vec<Step>,
    due: Vec<Due>,
    counts: rows::Counts,
    quota: i64,
    years: Vec<YearDots>,
    messages: Vec<Unread>,
}

/// n of 6 and n of 10 for one year (F-034, F-035).
struct YearDots {
    label: String,
    outcomes: i64,
    outcome_limit: i64,
    activities: i64,
    activity_limit: i64,
}

impl YearDots {
    fn new(of: rows::Selected) -> Self {
        let rules = Ruleset::of(of.year);
        let periods = if rules.outcome_select_period == SelectPeriod::Term { 2 } else { 1 };
        Self {
            label: of.year.label(),
            outcomes: of.outcomes,
            outcome_limit: rules.outcome_select_max * periods,
            activities: of.activities,
            activity_limit: rules.activity_select_max,
        }
    }
}

pub(crate) async fn show(may: May<need::PortfolioView>, State(room): State<Arc<Room>>) -> Answer {
    let id = own(&may)?;
    let mut tx = room.db.read(&may, "portfolio.home").await?;
    let student = Student::load(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let year = student.acting_year(&KINDS, may.now);
    let due = due(&student, may.now);
    let Cabinet { rules, counts, messages } = rows::cabinet(&mut tx, id, year, &confirming(&due)).await?;
    drop(tx);
    web::html(&Home {
        page: may.page("我的檔案櫃"),
        year,
        steps: steps(&due, &counts, (rules.outcome_select_max, rules.activity_select_max)),
        due,
        quota: rules.quota_bytes,
        years: counts.selected.iter().copied().map(YearDots::new).collect(),
        counts,
        messages,
        student_no: student.student_no,
        class_name: student.class_name,
        seat_no: student.seat_no,
    })
}

/// The years whose receipts may be confirmed now.
fn confirming(due: &[Due]) -> Vec<i16> {
    let open = due.iter().filter(|due| due.kind == WindowKind::ReceiptConfirm && due.closes_at().is_some());
    open.map(|due| due.year.get()).collect()
}
