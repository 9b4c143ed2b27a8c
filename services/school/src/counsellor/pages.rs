//! The page of counsellors' assignments.

use super::{Assignment, Choice, store};
use crate::{Room, office::When};
use ::store::Job;
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::calendar::AcademicYear;
use serde::Deserialize;
use std::sync::Arc;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Query, need};

#[derive(Template)]
#[template(path = "counsellor/index.html")]
struct Index {
    page: Page,
    year: AcademicYear,
    assignments: Vec<Assignment>,
    classes: Vec<Choice>,
    staff: Vec<Choice>,
    typed: Typed,
    errors: FieldErrors,
}

/// The form as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    staff: String,
    class: Vec<String>,
}

impl Typed {
    fn chose_class(&self, id: &i64) -> bool {
        self.class.contains(&id.to_string())
    }

    fn chose_staff(&self, id: &i64) -> bool {
        self.staff == id.to_string()
    }
}

/// Who advises whom.
pub(super) async fn index(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
) -> Answer {
    draw(&may, &room, when.year(may.now), (Typed::default(), FieldErrors::new())).await
}

async fn draw(
    may: &May<need::RoleAssign>,
    room: &Room,
    year: AcademicYear,
    (typed, errors): (Typed, FieldErrors),
) -> Answer {
    let mut tx = room.db.read(may, "school.counsellor.list").await?;
    let assignments = store::list(&mut tx, year.get()).await?;
    let classes = store::classes(&mut tx, year.get()).await?;
    let staff = store::staff(&mut tx).await?;
    drop(tx);
    let page = may.page("課程諮詢教師");
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &Index { page, year, assignments, classes, staff, typed, errors })
}

/// Assigns classes to a counsellor.
pub(super) async fn assign(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
    Form(typed): Form<Typed>,
) -> Answer {
    let year = when.year(may.now);
    let mut errors = FieldErrors::new();
    let staff = typed.staff.parse::<i64>().map_err(|_| errors.add("staff", "請選擇課程諮詢教師"));
    let classes: Vec<i64> = typed.class.iter().filter_map(|class| class.parse().ok()).collect();
    if classes.is_empty() {
        errors.add("class", "請至少勾選一個班級");
    }
    let (Ok(staff), true) = (staff, errors.is_empty()) else {
        return draw(&may, &room, year, (typed, errors)).await;
    };
    let mut tx = room.db.write(&may, "school.counsellor.assign").await?;
    match store::assign(&mut tx, staff, &classes).await {
        Ok(()) => {}
        // a class or a person that the school doesn't have
        Err(::store::Error::Constraint(_)) => {
            drop(tx);
            let errors = FieldErrors::one("class", "選擇的教師或班級已經不在，請重新選擇");
            return draw(&may, &room, year, (typed, errors)).await;
        }
        Err(error) => return Err(error.into()),
    }
    // the assignment is what makes somebody a course counsellor
    tx.enqueue(Job::new("identity.sync_school", serde_json::json!({})));
    tx.commit().await?;
    let list = may.url(format_args!("/office/counsellors?year={year}"));
    Ok(web::redirect_with(list, &Flash::good("已分派班級")))
}

/// Takes an assignment away.
pub(super) async fn remove(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, assignment)): Path<(String, i64)>,
    Query(when): Query<When>,
) -> Answer {
    let mut tx = room.db.write(&may, "school.counsellor.remove").await?;
    store::remove(&mut tx, assignment).await?;
    tx.enqueue(Job::new("identity.sync_school", serde_json::json!({})));
    tx.commit().await?;
    let list = may.url(format_args!("/office/counsellors?year={}", when.year(may.now)));
    Ok(web::redirect_with(list, &Flash::good("已取消分派")))
}
