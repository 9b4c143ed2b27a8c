//! The overview and a class of it.

use super::{ClassRow, store};
use crate::{
    Room,
    batch::{self, Adapter, Batch},
    precheck::pages::Summary,
    roster::{Cohort, Roster, RosterCode, store::Scope},
};
use ::store::TenantTx;
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{
    calendar::{AcademicYear, RosterTerm, Term, taipei_date},
    ids::ClassId,
    permission::Scope as Reach,
    rules::{Window, WindowKind},
};
use serde::Deserialize;
use std::sync::Arc;
use web::{Answer, FieldErrors, LoggedIn, May, Page, Problem, Query, Routes, need::SelectionView};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new().get("/s/{school}/submission", index).get("/s/{school}/submission/classes/{class}", class)
}

/// Which year is looked at; none: the current one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OfYear {
    year: Option<String>,
}

impl From<Option<String>> for OfYear {
    fn from(year: Option<String>) -> Self {
        Self { year }
    }
}

impl OfYear {
    /// The year that is asked for; one that can't be read is none: it is a view, nothing is lost.
    pub(crate) fn asked(&self) -> Option<AcademicYear> {
        self.year.as_deref().and_then(|year| year.parse().ok())
    }

    /// The year that is asked for, or the current one.
    pub(crate) fn get(&self, now: time::OffsetDateTime) -> AcademicYear {
        self.asked().unwrap_or_else(|| AcademicYear::of_date(taipei_date(now)))
    }
}

/// What the building form was sent with, to be shown again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) roster: String,
    pub(crate) year: String,
    pub(crate) term: String,
    pub(crate) adapter: String,
    /// Ticked: submit although students may still change their selection.
    pub(crate) open_selection: String,
}

#[derive(Template)]
#[template(path = "overview/index.html")]
pub(crate) struct Index {
    page: Page,
    year: AcademicYear,
    windows: Vec<Window>,
    summaries: Vec<Summary>,
    batches: Vec<Batch>,
    classes: Vec<ClassRow>,
    total: ClassRow,
    /// The rosters that this person may submit.
    rosters: Vec<RosterCode>,
    has_api: bool,
    ask_open: bool,
    typed: Typed,
    errors: FieldErrors,
}

async fn index(may: May<SelectionView>, State(room): State<Arc<Room>>, Query(of): Query<OfYear>) -> Answer {
    let year = of.get(may.now);
    draw(&room, &may, may.scope(), year, Typed::default(), FieldErrors::new()).await
}

/// The overview; with errors it is the building form redrawn.
pub(crate) async fn draw(
    room: &Arc<Room>,
    who: &LoggedIn,
    reach: Reach,
    year: AcademicYear,
    typed: Typed,
    errors: FieldErrors,
) -> Answer {
    let homeroom = match reach {
        Reach::School => None,
        Reach::Class => Some(who.staff().ok_or(Problem::Forbidden)?),
        _ => return Err(Problem::Forbidden),
    };
    let mut tx = room.db.read(who, "submission.overview").await?;
    let classes = store::classes(&mut tx, year, homeroom).await?;
    let windows = windows(&mut tx, year).await?;
    let batches = if homeroom.is_none() { batch::store::list(&mut tx, year).await? } else { Vec::new() };
    drop(tx);
    let summaries = if homeroom.is_none() { summaries(room, who, year).await? } else { Vec::new() };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mine = Roster::ALL.into_iter().filter(|roster| who.reach(roster.permission()).is_some());
    let rosters = mine.flat_map(|roster| Cohort::ALL.map(|cohort| RosterCode { roster, cohort }));
    let index = Index {
        page: who.page(if homeroom.is_none() { "提交" } else { "勾選情形" }),
        year,
        windows,
        summaries,
        batches,
        total: ClassRow::total(&classes),
        classes,
        rosters: rosters.collect(),
        has_api: room.central.api().is_some(),
        ask_open: errors.has("open_selection"),
        typed,
        errors,
    };
    web::html_with(status, &index)
}

async fn windows(tx: &mut TenantTx, year: AcademicYear) -> Result<Vec<Window>, Problem> {
    let (_, windows) = ::store::rules::load(tx, year).await?;
    let kinds = [WindowKind::OutcomeSelect, WindowKind::ActivitySelect, WindowKind::ReceiptConfirm];
    Ok(windows.0.into_iter().filter(|window| kinds.contains(&window.kind)).collect())
}

/// The precheck of every roster that has something in it, without a look into the storage.
async fn summaries(room: &Arc<Room>, who: &LoggedIn, year: AcademicYear) -> Result<Vec<Summary>, Problem> {
    let term = Term::of_date(taipei_date(who.now));
    let mut summaries = Vec::new();
    for roster in Roster::ALL {
        let term = if roster.is_yearly() { RosterTerm::YEAR } else { term.into() };
        let scope = Scope { code: RosterCode { roster, cohort: Cohort::All }, year, term };
        let summary = Summary::of(room, who, scope).await?;
        summaries.extend(summary.filter(|summary| summary.rows > 0 || roster == Roster::Outcomes));
    }
    Ok(summaries)
}

#[derive(Template)]
#[template(path = "overview/class.html")]
struct ClassPage {
    page: Page,
    year: AcademicYear,
    students: Vec<store::StudentRow>,
}

async fn class(
    may: May<SelectionView>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ClassId)>,
    Query(of): Query<OfYear>,
) -> Answer {
    let year = of.get(may.now);
    let mut tx = room.db.read(&may, "submission.class").await?;
    let class = store::class(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    match may.scope() {
        Reach::School => {}
        Reach::Class if may.staff().is_some_and(|staff| class.homeroom_staff_id == Some(staff.get())) => {}
        Reach::Class => return Err(Problem::NotFound),
        _ => return Err(Problem::Forbidden),
    }
    let students = store::students(&mut tx, id, year).await?;
    drop(tx);
    web::html(&ClassPage { page: may.page(format!("{}的勾選情形", class.name)), year, students })
}

/// Whether the adapter was chosen in the form, or is the one that is there.
pub(crate) fn adapter(room: &Room, typed: &Typed) -> Adapter {
    match (room.central.api(), Adapter::of(&typed.adapter)) {
        (Some(_), Some(chosen)) => chosen,
        (Some(_), None) => Adapter::Api,
        (None, _) => Adapter::Manual,
    }
}
