//! When there is more to do than can be done: some wait, some are told to come back, before anything is done for them.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{admission, problem::Problem, state::Web};

pub(super) async fn in_turn(State(web): State<Web>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let Some(kind) = admission::kind(request.method().as_str(), route) else { return next.run(request).await };
    match web.admission().enter(kind).await {
        Some(_place) => next.run(request).await,
        None => {
            metrics::counter!("licheng_shed_total", "kind" => kind.code()).increment(1);
            Problem::Busy { retry_after: web.retry_after() }.into_response()
        }
    }
}
