//! The pages of windows.

use super::{
    Typed, advice,
    store::{self, Numbered},
};
use crate::{
    Room,
    office::When,
    outage::store::{self as outages, Extended},
    proposal::store::{self as proposals, Proposal},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    rules::{Window, WindowKind},
};
use std::sync::Arc;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, Tone, need};

/// The name that PostgreSQL gives to the key (kind, year, term, grade, stage).
const SAME_WINDOW: &str = "window_period_school_code_kind_academic_year_term_grade_sta_key";

/// How the audit calls what the office changes itself.
const CHANGE: &str = "window.change";

#[derive(Template)]
#[template(path = "window/index.html")]
struct Index {
    page: Page,
    year: AcademicYear,
    windows: Vec<Numbered>,
    /// What the bureau proposes and the office has not answered.
    proposals: Vec<Proposal>,
    /// The one that can't be adopted as it is.
    refused: Option<Refused>,
    /// What outages did lately.
    extended: Vec<Extended>,
    typed: Typed,
    errors: FieldErrors,
}

impl Index {
    fn refusal(&self, proposal: &Proposal) -> Option<&str> {
        self.refused.as_ref().filter(|refused| refused.proposal == proposal.id).map(|refused| refused.message.as_str())
    }
}

/// Why a proposal can't be adopted.
pub(crate) struct Refused {
    pub(crate) proposal: i64,
    pub(crate) message: String,
}

#[derive(Template)]
#[template(path = "window/edit.html")]
struct Edit {
    page: Page,
    id: i64,
    typed: Typed,
    errors: FieldErrors,
}

/// Kinds, terms and grades to choose from.
const KINDS: &[WindowKind] = WindowKind::ALL;
const TERMS: [(&str, &str); 3] = [("0", "全學年"), ("1", "第1學期"), ("2", "第2學期")];
const GRADES: [(&str, &str); 5] =
    [("0", "全部年級"), ("1", "一年級"), ("2", "二年級"), ("3", "三年級"), ("4", "四年級")];

/// The badge of a window.
fn badge(page: &Page, window: &Window) -> (Tone, &'static str) {
    if page.now < window.opens_at {
        (Tone::Note, "尚未開放")
    } else if page.now < window.closes_at {
        (Tone::Good, "開放中")
    } else {
        (Tone::Quiet, "已結束")
    }
}

fn term_label(term: &RosterTerm) -> String {
    term.label()
}

fn grade_label(grade: &Option<i16>) -> String {
    grade.as_ref().map_or_else(|| "全部".to_owned(), |grade| format!("{grade} 年級"))
}

/// Of a row that has both as numbers.
fn slot_label(term: &i16, grade: &i16) -> String {
    let term = RosterTerm::new(*term).map_or_else(|_| String::new(), RosterTerm::label);
    format!("{term}，{}", grade_label(&(*grade != 0).then_some(*grade)))
}

fn is_open(page: &Page, window: &Window) -> bool {
    window.opens_at <= page.now && page.now < window.closes_at
}

/// The windows of a year and the form for another.
pub(super) async fn index(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
) -> Answer {
    let year = when.year(may.now);
    draw_index(&may, &room, year, Said::Nothing).await
}

/// The list again, with the reason why a proposal can't be adopted beside it.
pub(crate) async fn redraw(
    may: &May<need::SettingsWrite>,
    room: &Room,
    year: AcademicYear,
    refused: Refused,
) -> Answer {
    draw_index(may, room, year, Said::Refused(refused)).await
}

/// What the page has to say to what was sent, if anything was.
enum Said {
    Nothing,
    Wrong(Typed, FieldErrors),
    Refused(Refused),
}

async fn draw_index(may: &May<need::SettingsWrite>, room: &Room, year: AcademicYear, said: Said) -> Answer {
    let mut tx = room.db.read(may, "school.window.list").await?;
    let windows = store::of_year(&mut tx, year).await?;
    let proposals = proposals::waiting(&mut tx, None).await?;
    let extended = outages::recent(&mut tx).await?;
    drop(tx);
    let blank = || {
        let [term, grade, stage] = ["0", "0", "1"].map(str::to_owned);
        Typed { year: year.to_string(), term, grade, stage, ..Typed::default() }
    };
    let (status, typed, errors, refused) = match said {
        Said::Nothing => (StatusCode::OK, blank(), FieldErrors::new(), None),
        Said::Wrong(typed, errors) => (StatusCode::UNPROCESSABLE_ENTITY, typed, errors, None),
        Said::Refused(refused) => (StatusCode::UNPROCESSABLE_ENTITY, blank(), FieldErrors::new(), Some(refused)),
    };
    let page = may.page("作業時間");
    web::html_with(status, &Index { page, year, windows, proposals, refused, extended, typed, errors })
}

/// Announces a window.
pub(super) async fn create(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Form(typed): Form<Typed>,
) -> Answer {
    let year = typed.year.parse().unwrap_or_else(|_| When::default().year(may.now));
    let (window, stage) = match typed.read() {
        Ok(read) => read,
        Err(errors) => return draw_index(&may, &room, year, Said::Wrong(typed, errors)).await,
    };
    let mut tx = room.db.write(&may, "school.window.create").await?;
    match store::insert(&mut tx, &window, stage).await {
        Ok(_) => tx.commit().await?,
        Err(error) if error.is_constraint(SAME_WINDOW) => {
            drop(tx);
            return draw_index(&may, &room, year, Said::Wrong(typed, already_there())).await;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(saved(&may, &window))
}

fn already_there() -> FieldErrors {
    FieldErrors::one("kind", "同一種類、學年期、年級、梯次已經有作業時間，請直接修改那一筆")
}

/// Back to the list, with advice where there is some.
fn saved(may: &May<need::SettingsWrite>, window: &Window) -> axum::response::Response {
    let list = may.url(format_args!("/office/windows?year={}", window.academic_year));
    let flash = advice(window).map_or_else(
        || Flash::good("已儲存作業時間"),
        |advice| Flash { tone: Tone::Wait, text: format!("已儲存作業時間。{advice}") },
    );
    web::redirect_with(list, &flash)
}

async fn find(may: &May<need::SettingsWrite>, room: &Room, id: i64) -> Result<Numbered, Problem> {
    let mut tx = room.db.read(may, "school.window.find").await?;
    store::find(&mut tx, id).await?.ok_or(Problem::NotFound)
}

/// The form of one window.
pub(super) async fn edit(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
) -> Answer {
    let Numbered { id, stage, window } = find(&may, &room, id).await?;
    web::html(&Edit {
        page: may.page("修改作業時間"),
        id,
        typed: Typed::of(&window, stage),
        errors: FieldErrors::new(),
    })
}

/// Changes a window.
pub(super) async fn update(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
    Form(typed): Form<Typed>,
) -> Answer {
    let before = find(&may, &room, id).await?;
    let redraw = |typed: Typed, errors: FieldErrors| {
        web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &Edit { page: may.page("修改作業時間"), id, typed, errors })
    };
    let (window, stage) = match typed.read() {
        Ok(read) => read,
        Err(errors) => return redraw(typed, errors),
    };
    let mut tx = room.db.write(&may, "school.window.update").await?;
    match store::change(&mut tx, CHANGE, &before, (&window, stage)).await {
        Ok(()) => tx.commit().await?,
        Err(error) if error.is_constraint(SAME_WINDOW) => return redraw(typed, already_there()),
        Err(error) => return Err(error.into()),
    }
    Ok(saved(&may, &window))
}

/// Closes an open window now.
pub(super) async fn close(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, i64)>,
) -> Answer {
    let before = find(&may, &room, id).await?;
    if may.now <= before.window.opens_at || before.window.closes_at <= may.now {
        return Err(Problem::Stale);
    }
    let closed = Window { closes_at: may.now, ..before.window.clone() };
    let mut tx = room.db.write(&may, "school.window.close").await?;
    store::change(&mut tx, CHANGE, &before, (&closed, before.stage)).await?;
    tx.commit().await?;
    let list = may.url(format_args!("/office/windows?year={}", closed.academic_year));
    Ok(web::redirect_with(list, &Flash::good("已提前結束")))
}
