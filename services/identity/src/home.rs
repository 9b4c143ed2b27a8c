//! The public home page, and the welcome page of roles that have no pages of their own yet.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use web::{Answer, Page, Visitor};

use crate::Room;

#[derive(Template)]
#[template(path = "home/show.html")]
struct Home {
    page: Page,
    /// Where the person's own pages begin; `None`: nobody is logged in, or their role has no pages yet.
    own: Option<String>,
}

/// `GET /`.
pub(crate) async fn show(visitor: Visitor, State(_): State<Arc<Room>>) -> Answer {
    let own = visitor.session().map(|session| web::home_path(session.hat())).filter(|path| path != "/");
    web::html(&Home { page: visitor.page("臺北市學生學習歷程檔案"), own })
}
