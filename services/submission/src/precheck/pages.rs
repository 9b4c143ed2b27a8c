//! The precheck as a page, and in short for the overview.

use super::{Finding, files, of_the_moment, set_aside};
use crate::{
    Room,
    overview::pages::OfYear,
    roster::{
        self, Roster, RosterCode,
        build::{Links, draft},
        facts::{Facts, Student},
        store::Scope,
    },
};
use askama::Template;
use axum::extract::State;
use kernel::{
    calendar::{RosterTerm, Term, taipei_date},
    permission::Scope as Reach,
};
use serde::Deserialize;
use std::sync::Arc;
use web::{Answer, LoggedIn, May, Page, Problem, Query, Routes, need::SelectionView};

pub(crate) fn routes() -> Routes<Arc<Room>> {
    Routes::new().get("/s/{school}/submission/precheck", show)
}

/// More than this is counted and not listed: nobody reads further before mending some.
const LISTED: usize = 300;

/// What the precheck found in one roster.
pub(crate) struct Report {
    pub(crate) scope: Scope,
    pub(crate) facts: Facts,
    pub(crate) rows: usize,
    pub(crate) findings: Vec<Finding>,
    /// Files of the storage could not be looked up.
    pub(crate) storage_away: bool,
}

impl Report {
    pub(crate) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| !finding.trouble.is_warning()).count()
    }

    pub(crate) fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// Checks everything that can be told without the storage. `None`: the year has no such roster.
    pub(crate) async fn of(room: &Arc<Room>, who: &LoggedIn, scope: Scope) -> Result<Option<Self>, Problem> {
        let mut tx = room.db.read(who, "submission.precheck").await?;
        let Some(template) = roster::store::template(&mut tx, scope.code.roster, scope.year).await? else {
            return Ok(None);
        };
        let (_, windows) = ::store::rules::load(&mut tx, scope.year).await?;
        let mut facts = roster::store::facts(&mut tx, &room.keys, &scope).await?;
        drop(tx);
        // whether this person may submit is asked when they do; a looker sees the same findings
        let moment =
            of_the_moment(scope.code, crate::batch::pages::submitter(scope.code), scope.year, &windows, who.now);
        let mut findings: Vec<Finding> = moment.ok().flatten().into_iter().collect();
        findings.extend(set_aside(&mut facts));
        let (room, school, now) = (Arc::clone(room), who.school(), who.now);
        let checked = tokio::task::spawn_blocking(move || {
            let origin = room.web.settings().files_origin.as_str();
            let links = Links { keys: &room.keys, school, origin, expires_at: now + crate::batch::LINKS_LAST };
            let draft = draft(scope.code.roster, scope.year, &template, &facts, &links);
            (facts, draft.rows.len(), draft.findings)
        });
        let (facts, rows, of_rows) = checked.await.map_err(Problem::internal)?;
        findings.extend(of_rows);
        Ok(Some(Self { scope, facts, rows, findings, storage_away: false }))
    }

    /// Looks for every file in the storage as well.
    async fn with_files(mut self, room: &Room, who: &LoggedIn) -> Self {
        match files::lost(&room.vault, who.school(), &self.facts).await {
            Ok(lost) => self.findings.extend(lost),
            Err(error) => {
                tracing::warn!(%error, "the precheck could not look into the storage");
                self.storage_away = true;
            }
        }
        self
    }
}

/// The precheck of a roster in three numbers.
pub(crate) struct Summary {
    pub(crate) scope: Scope,
    pub(crate) rows: usize,
    pub(crate) students: usize,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Summary {
    pub(crate) async fn of(room: &Arc<Room>, who: &LoggedIn, scope: Scope) -> Result<Option<Self>, Problem> {
        let report = Report::of(room, who, scope).await?;
        Ok(report.map(|report| Self {
            scope,
            rows: report.rows,
            students: report.facts.students.len(),
            errors: report.errors(),
            warnings: report.warnings(),
        }))
    }
}

/// Which roster is checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    roster: Option<String>,
    term: Option<String>,
    #[serde(flatten)]
    of: OfYear,
}

impl Asked {
    fn scope(&self, now: time::OffsetDateTime) -> Scope {
        let asked = self.roster.as_deref().and_then(|code| code.parse().ok()).and_then(RosterCode::new);
        let code = asked.unwrap_or(RosterCode { roster: Roster::Outcomes, cohort: roster::Cohort::All });
        let term = self.term.as_deref().and_then(|term| term.parse::<Term>().ok());
        let term = term.unwrap_or_else(|| Term::of_date(taipei_date(now)));
        let term = if code.roster.is_yearly() { RosterTerm::YEAR } else { term.into() };
        Scope { code, year: self.of.get(now), term }
    }
}

/// A finding as the page shows it.
struct Line {
    student: String,
    link: String,
    what: String,
    message: String,
    remedy: &'static str,
}

#[derive(Template)]
#[template(path = "precheck/show.html")]
struct Show {
    page: Page,
    report: Report,
    errors: Vec<Line>,
    warnings: Vec<Line>,
    unlisted: usize,
}

async fn show(may: May<SelectionView>, State(room): State<Arc<Room>>, Query(asked): Query<Asked>) -> Answer {
    if may.scope() != Reach::School {
        return Err(Problem::Forbidden);
    }
    let report = Report::of(&room, &may, asked.scope(may.now)).await?.ok_or(Problem::NotFound)?;
    let report = report.with_files(&room, &may).await;
    let line = |finding: &Finding| line(finding, &report, &may);
    let of = |warning: bool| report.findings.iter().filter(move |finding| finding.trouble.is_warning() == warning);
    let errors: Vec<Line> = of(false).take(LISTED).map(line).collect();
    let warnings: Vec<Line> = of(true).take(LISTED).map(line).collect();
    let unlisted = report.findings.len() - errors.len() - warnings.len();
    web::html(&Show { page: may.page("提交前檢核"), errors, warnings, unlisted, report })
}

fn line(finding: &Finding, report: &Report, who: &LoggedIn) -> Line {
    let student = finding.student.and_then(|id| report.facts.students.get(&id));
    let place = if finding.place.is_empty() { String::new() } else { format!("（{}）", finding.place) };
    Line {
        student: student.map(name).unwrap_or_default(),
        link: student.and_then(|student| link(student, report, who)).unwrap_or_default(),
        what: finding.label.clone(),
        message: format!("{}{place}", finding.trouble.message()),
        remedy: finding.trouble.remedy(),
    }
}

fn name(student: &Student) -> String {
    let seat = student.seat.map(|seat| format!(" {seat} 號")).unwrap_or_default();
    format!("{}{seat} {} {}", student.class_name, student.number, student.name)
}

fn link(student: &Student, report: &Report, who: &LoggedIn) -> Option<String> {
    let year = report.scope.year.get();
    Some(who.url(format_args!("/submission/classes/{}?year={year}#student-{}", student.class?, student.id)))
}
