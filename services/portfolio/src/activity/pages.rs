//! The list of activities with the posts that the school recorded.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use kernel::{
    calendar::{AcademicYear, RocDate, RosterTerm},
    codes::CadreLevel,
    ids::{ActivityId, CadreId},
    rules::{Action, NewFiles, WindowKind},
};
use serde::Deserialize;
use web::{Answer, May, Page, Problem, Query, Tone, need};

use super::{
    Activity,
    kinds::{KINDS, Kind},
    store as rows, tone,
};
use crate::{
    room::{Room, own},
    student::{Ground, Student},
    window::WindowView,
};

/// The windows whose year the list begins with.
pub(crate) const WINDOWS: [WindowKind; 2] = [WindowKind::ActivityUpload, WindowKind::ActivitySelect];

#[derive(Template)]
#[template(path = "activity/index.html")]
pub(crate) struct Index {
    page: Page,
    year: AcademicYear,
    years: Vec<AcademicYear>,
    windows: Vec<WindowView>,
    used: usize,
    limit: Option<i64>,
    /// Why none can be added; `None`: one can.
    refusal: Option<String>,
    kinds: &'static [Kind],
    groups: Vec<Group>,
    cadres: Vec<CadreRow>,
}

struct Group {
    label: &'static str,
    rows: Vec<Row>,
}

struct Row {
    id: ActivityId,
    title: String,
    summary: String,
    tone: Tone,
    state: &'static str,
    from_school: bool,
    files: Vec<&'static str>,
}

/// A post that waits to be supplemented.
struct CadreRow {
    id: CadreId,
    title: String,
    when: String,
    level: &'static str,
}

/// What the list is narrowed to.
#[derive(Deserialize)]
pub(crate) struct Filter {
    year: Option<String>,
}

pub(crate) async fn index(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Query(filter): Query<Filter>,
) -> Answer {
    let id = own(&may)?;
    let mut tx = room.db.read(&may, "portfolio.activity.list").await?;
    let student = Student::load(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let acting = student.acting_year(&WINDOWS, may.now);
    let year = filter.year.as_deref().and_then(|year| year.parse().ok()).unwrap_or(acting);
    let ground = Ground::of(&mut tx, student, year).await?;
    let all = rows::find(&mut tx, id, rows::Which::All).await?;
    let cadres = rows::cadres(&mut tx, id, None).await?;
    drop(tx);

    let mut years: Vec<_> = all.iter().map(|activity| activity.year).chain([year, acting]).collect();
    years.sort_by_key(|year| std::cmp::Reverse(*year));
    years.dedup();
    let of_year: Vec<&Activity> = all.iter().filter(|activity| activity.year == year).collect();
    let used = of_year.iter().filter(|activity| !activity.is_from_school()).count();
    let slot = ground.student.slot(year, RosterTerm::YEAR);
    let add =
        Action::AddActivity { slot, used_in_year: i64::try_from(used).unwrap_or(i64::MAX), files: NewFiles::default() };
    web::html(&Index {
        page: may.page("多元表現"),
        year,
        years,
        windows: WINDOWS.map(|kind| WindowView::of(&ground, kind, &slot, may.now)).into(),
        used,
        limit: ground.rules.activity_upload_per_year,
        refusal: ground.may(&add, may.now).err().map(|refusal| refusal.to_string()),
        kinds: &KINDS,
        groups: groups(&of_year),
        cadres: cadres.into_iter().map(cadre_row).collect(),
    })
}

fn groups(activities: &[&Activity]) -> Vec<Group> {
    let group = |kind: &Kind| Group {
        label: kind.kind.label(),
        rows: activities.iter().filter(|activity| activity.kind == kind.kind).map(|activity| row(activity)).collect(),
    };
    KINDS.iter().map(group).filter(|group| !group.rows.is_empty()).collect()
}

fn row(activity: &Activity) -> Row {
    let state = activity.state();
    Row {
        id: activity.id,
        title: activity.title.clone(),
        summary: activity.summary.clone(),
        tone: tone(state),
        state: state.label(),
        from_school: activity.is_from_school(),
        files: activity.saved().map(|file| file.place().label()).collect(),
    }
}

fn cadre_row(cadre: rows::Cadre) -> CadreRow {
    CadreRow {
        id: cadre.id,
        title: format!("{} {}", cadre.unit_name, cadre.title),
        when: format!("{} 至 {}", RocDate::from(cadre.started_on), RocDate::from(cadre.ended_on)),
        level: CadreLevel::try_from(cadre.level).map_or("", CadreLevel::label),
    }
}
