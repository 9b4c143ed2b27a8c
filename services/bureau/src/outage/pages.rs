//! `/bureau/outages`: record an outage, end one, and see how many windows were extended.

use super::{
    Typed,
    store::{self, Recorded, School},
};
use crate::{Room, progress::pages::grouped, proposal::REASON_MAX};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use std::sync::Arc;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Tone, need};

const PAGE: &str = "/bureau/outages";

#[derive(Template)]
#[template(path = "outage/index.html")]
struct Index {
    page: Page,
    outages: Vec<Recorded>,
    schools: Vec<School>,
    typed: Typed,
    errors: FieldErrors,
}

impl Index {
    fn reason_max(&self) -> usize {
        REASON_MAX
    }

    fn badge(&self, outage: &Recorded) -> (Tone, String) {
        if outage.ends_at.is_none() {
            return (Tone::Bad, "停機中".to_owned());
        }
        if outage.applied < outage.schools {
            return (Tone::Wait, format!("延長中，{} / {} 校", outage.applied, outage.schools));
        }
        (Tone::Good, format!("已延長 {} 項", grouped(outage.windows)))
    }

    fn schools_of(&self, outage: &Recorded) -> String {
        match outage {
            Recorded { all_schools: true, schools, .. } => format!("全部學校（{schools} 校）"),
            Recorded { schools, names, .. } if *schools > 5 => format!("{names}等 {schools} 校"),
            Recorded { names, .. } => names.clone(),
        }
    }

    fn is_chosen(&self, school: &School) -> bool {
        self.typed.school.contains(&school.code)
    }
}

/// The outages and the form for another.
pub(crate) async fn index(may: May<need::OutageRecord>, State(room): State<Arc<Room>>) -> Answer {
    let (outages, schools) = store::list(&room.db).await?;
    let typed = Typed { scope: "all".to_owned(), ..Typed::default() };
    web::html(&Index { page: may.page("停機延長"), outages, schools, typed, errors: FieldErrors::new() })
}

/// Records an outage.
pub(crate) async fn create(
    may: May<need::OutageRecord>,
    State(room): State<Arc<Room>>,
    Form(typed): Form<Typed>,
) -> Answer {
    let (outages, schools) = store::list(&room.db).await?;
    let known: Vec<String> = schools.iter().map(|school| school.code.clone()).collect();
    let outage = match typed.read(&known, may.now) {
        Ok(outage) => outage,
        Err(errors) => {
            let page = may.page("停機延長");
            return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &Index { page, outages, schools, typed, errors });
        }
    };
    let mut tx = room.db.write(&may, "bureau.outage.create").await?;
    store::insert(&mut tx, &outage).await?;
    tx.commit().await?;
    let done = match outage.ends_at {
        Some(_) => "已登錄停機，受影響的作業時間即將延長",
        None => "已登錄停機；恢復時請按「現在恢復」，作業時間才會延長",
    };
    Ok(web::redirect_with(PAGE, &Flash::good(done)))
}

/// Ends an outage that still lasts.
pub(crate) async fn recover(
    may: May<need::OutageRecord>,
    State(room): State<Arc<Room>>,
    Path(outage): Path<i64>,
) -> Answer {
    let mut tx = room.db.write(&may, "bureau.outage.end").await?;
    if !store::exists(&mut tx, outage).await? {
        return Err(Problem::NotFound);
    }
    store::end(&mut tx, outage).await?;
    tx.commit().await?;
    Ok(web::redirect_with(PAGE, &Flash::good("已記錄恢復時間，受影響的作業時間即將延長")))
}
