//! Choosing, looking at the choice once more, and putting it in force.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode};
use kernel::{
    calendar::AcademicYear,
    rules::{Refusal, WindowKind},
};
use serde::Deserialize;
use serde_json::json;
use store::Audit;
use time::OffsetDateTime;
use web::{Answer, FieldErrors, Flash, Form, LoggedIn, May, Page, Problem, Query, need};

use super::{Chosen, Year, store as rows};
use crate::{
    file::{Links, storage, view::FileView},
    room::{Room, own},
    window::WindowView,
};

#[derive(Template)]
#[template(path = "selection/index.html")]
pub(crate) struct Index {
    page: Page,
    year: AcademicYear,
    halves: [Half; 2],
    errors: FieldErrors,
}

#[derive(Template)]
#[template(path = "selection/review.html")]
pub(crate) struct Review {
    page: Page,
    year: AcademicYear,
    halves: [Half; 2],
    /// The way back to the choice, with the choice.
    back: String,
    is_unchanged: bool,
    refused: Vec<String>,
}

/// Outcomes, or activities.
struct Half {
    /// The name of its inputs.
    name: &'static str,
    label: &'static str,
    limit: i64,
    period: &'static str,
    window: WindowView,
    items: Vec<Item>,
    /// Those that can't be chosen, with the reason.
    others: Vec<(String, String)>,
}

impl Half {
    fn count(&self) -> i64 {
        self.items.iter().map(|item| i64::from(item.is_chosen)).sum()
    }
}

/// One item that may be chosen, or is.
struct Item {
    id: i64,
    url: String,
    title: String,
    detail: String,
    summary: String,
    files: Vec<FileView>,
    is_chosen: bool,
    was_chosen: bool,
}

/// What the form sends; `chosen` tells an empty choice from none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    outcome: Vec<i64>,
    activity: Vec<i64>,
    chosen: Option<String>,
}

impl Sent {
    fn chosen(&self) -> Chosen {
        Chosen {
            outcomes: self.outcome.iter().copied().map(Into::into).collect(),
            activities: self.activity.iter().copied().map(Into::into).collect(),
        }
    }

    fn query(&self) -> String {
        let outcomes = self.outcome.iter().map(|id| format!("&outcome={id}"));
        let activities = self.activity.iter().map(|id| format!("&activity={id}"));
        outcomes.chain(activities).collect()
    }
}

pub(crate) async fn index(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Query(sent): Query<Sent>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.selection.show").await?;
    let year = rows::load(&mut tx, own(&may)?).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    let chosen = if sent.chosen.is_some() { sent.chosen() } else { year.current() };
    web::html(&choice(&room, &may, &year, &chosen, FieldErrors::new()))
}

fn choice(room: &Room, who: &LoggedIn, year: &Year, chosen: &Chosen, errors: FieldErrors) -> Index {
    let links = Links::new(room, who.school(), who.now);
    let halves = [outcomes(year, chosen, &links, who.now), activities(year, chosen, &links, who.now)];
    Index { page: who.page("勾選"), year: year.year, halves, errors }
}

fn outcomes(year: &Year, chosen: &Chosen, links: &Links, now: OffsetDateTime) -> Half {
    let rules = &year.ground.rules;
    let slot = year.ground.student.slot(year.year, kernel::calendar::RosterTerm::YEAR);
    let (mut items, mut others) = (Vec::new(), Vec::new());
    for outcome in &year.outcomes {
        let answer = year.ground.may(&year.select_outcome(outcome, 0, now), now);
        match lasting(answer) {
            Some(reason) => others.push((outcome.course.subject.clone(), reason)),
            None => items.push(Item {
                id: outcome.id.get(),
                url: format!("/outcomes/{}", outcome.id),
                title: outcome.course.subject.clone(),
                detail: outcome.course.term.label(),
                summary: outcome.summary.clone(),
                files: outcome.saved().map(|file| FileView::new(file, links)).collect(),
                is_chosen: chosen.has_outcome(outcome),
                was_chosen: outcome.is_selected,
            }),
        }
    }
    let window = WindowView::of(&year.ground, WindowKind::OutcomeSelect, &slot, now);
    let (limit, period) = (rules.outcome_select_max, rules.outcome_select_period.label());
    Half { name: "outcome", label: "課程學習成果", limit, period, window, items, others }
}

fn activities(year: &Year, chosen: &Chosen, links: &Links, now: OffsetDateTime) -> Half {
    let slot = year.ground.student.slot(year.year, kernel::calendar::RosterTerm::YEAR);
    let (mut items, mut others) = (Vec::new(), Vec::new());
    for activity in &year.activities {
        match lasting(year.ground.may(&year.select_activity(activity, 0), now)) {
            Some(reason) => others.push((activity.title.clone(), reason)),
            None => items.push(Item {
                id: activity.id.get(),
                url: format!("/activities/{}", activity.id),
                title: activity.title.clone(),
                detail: activity.kind.label().to_owned(),
                summary: activity.summary.clone(),
                files: activity.saved().map(|file| FileView::new(file, links)).collect(),
                is_chosen: chosen.has_activity(activity),
                was_chosen: activity.is_selected,
            }),
        }
    }
    let window = WindowView::of(&year.ground, WindowKind::ActivitySelect, &slot, now);
    let limit = year.ground.rules.activity_select_max;
    Half { name: "activity", label: "多元表現", limit, period: "每學年", window, items, others }
}

/// Why an item can't be chosen even while the window is open; being chosen already is no such reason, and an item
/// that was submitted stays in sight.
fn lasting(answer: Result<(), Refusal>) -> Option<String> {
    match answer {
        Ok(())
        | Err(
            Refusal::AlreadySelected
            | Refusal::AlreadySubmitted
            | Refusal::NotAnnounced { .. }
            | Refusal::NotYetOpen { .. }
            | Refusal::Closed { .. },
        ) => None,
        Err(refusal) => Some(refusal.to_string()),
    }
}

/// 「這樣對嗎？」: the chosen set with its files, before it counts.
pub(crate) async fn review(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Query(sent): Query<Sent>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.selection.review").await?;
    let year = rows::load(&mut tx, own(&may)?).await?.ok_or(Problem::NotFound)?;
    drop(tx);
    let chosen = sent.chosen();
    let difference = year.difference(&chosen);
    let links = Links::new(&room, may.school(), may.now);
    let refused = year.check(&difference, may.now);
    web::html(&Review {
        page: may.page("這樣對嗎？"),
        year: year.year,
        halves: [outcomes(&year, &chosen, &links, may.now), activities(&year, &chosen, &links, may.now)],
        back: format!("/selection?chosen=1{}", sent.query()),
        is_unchanged: difference.is_empty(),
        refused: refused.into_iter().map(|(title, refusal)| format!("「{title}」：{refusal}")).collect(),
    })
}

/// Puts the choice in force, all of it or nothing.
pub(crate) async fn update(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Form(sent): Form<Sent>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.selection.update").await?;
    storage::take_turn(&mut tx, student).await?;
    let year = rows::load(&mut tx, student).await?.ok_or(Problem::NotFound)?;
    let chosen = sent.chosen();
    let difference = year.difference(&chosen);
    let refused = year.check(&difference, may.now);
    if !refused.is_empty() {
        drop(tx);
        let mut errors = FieldErrors::new();
        for (title, refusal) in &refused {
            errors.add("", format!("「{title}」：{refusal}"));
        }
        return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &choice(&room, &may, &year, &chosen, errors));
    }
    let done = || may.url("/selection");
    if difference.is_empty() {
        return Ok(web::redirect_with(done(), &Flash::note("勾選沒有變動。")));
    }
    rows::apply(&mut tx, student, &year, &difference).await?;
    let (before, after) = (year.current(), &chosen);
    let audit = Audit::new("selection.update", "student", student.get());
    let state =
        |set: &Chosen| json!({ "academic_year": year.year, "outcomes": set.outcomes, "activities": set.activities });
    tx.audit(audit.before(state(&before)).after(state(after)));
    tx.commit().await?;
    Ok(web::redirect_with(done(), &Flash::good("勾選已生效。截止之前都可以再更換。")))
}
