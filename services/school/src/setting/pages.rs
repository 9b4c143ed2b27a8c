//! The page of the school's numbers.

use super::{Typed, store};
use crate::{Room, office::When};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use kernel::{
    calendar::AcademicYear,
    rules::{MIB, Ruleset},
};
use std::sync::Arc;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Query, need};

#[derive(Template)]
#[template(path = "setting/show.html")]
struct Show {
    page: Page,
    year: AcademicYear,
    city: Ruleset,
    typed: Typed,
    errors: FieldErrors,
}

impl Show {
    fn hint(&self, field: &str) -> String {
        let Ruleset { outcome_upload_ceiling: most, .. } = self.city;
        match field {
            "outcome_upload_per_term" => {
                format!("全市 {} 件，學校最多可設 {most} 件", self.city.outcome_upload_per_term)
            }
            "outcome_per_subject" => format!("全市 {} 件，學校最多可設 {most} 件", self.city.outcome_per_subject),
            "activity_upload_per_year" => match self.city.activity_upload_per_year {
                Some(limit) => format!("全市 {limit} 件"),
                None => "全市不限件數".to_owned(),
            },
            "certify_hours" => format!("全市 {} 小時", self.city.certify_hours),
            _ => format!("全市 {} MB，學校可以調低", self.city.counselling_max_bytes / MIB),
        }
    }
}

/// The numbers of a year.
pub(super) async fn show(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
) -> Answer {
    let year = when.year(may.now);
    let mut tx = room.db.read(&may, "school.setting.show").await?;
    let own = store::own(&mut tx, year).await?;
    let city = store::city(&mut tx, year).await?;
    drop(tx);
    let (typed, errors) = (Typed::of(&own), FieldErrors::new());
    web::html(&Show { page: may.page("學校參數"), year, city, typed, errors })
}

/// Sets them.
pub(super) async fn update(
    may: May<need::SettingsWrite>,
    State(room): State<Arc<Room>>,
    Query(when): Query<When>,
    Form(typed): Form<Typed>,
) -> Answer {
    let year = when.year(may.now);
    let mut tx = room.db.write(&may, "school.setting.update").await?;
    let before = store::own(&mut tx, year).await?;
    let city = store::city(&mut tx, year).await?;
    let own = match typed.read(&city) {
        Ok(own) => own,
        Err(errors) => {
            drop(tx);
            let page = may.page("學校參數");
            return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &Show { page, year, city, typed, errors });
        }
    };
    store::set(&mut tx, year, &before, &own).await?;
    tx.commit().await?;
    let list = may.url(format_args!("/office/settings?year={year}"));
    Ok(web::redirect_with(list, &Flash::good("已儲存學校參數")))
}
