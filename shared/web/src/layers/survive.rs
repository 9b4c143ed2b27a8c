//! A handler that hangs or panics costs one request, not the process.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::problem::Problem;

/// Until the head of the answer: a school's import takes up to a minute (issue 2, §3.1), a stream as long as it likes.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn time_and_panics(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Problem::internal(format!("a handler panicked: {}", message(&*panic))).into_response(),
        Err(_) => {
            tracing::warn!(timeout_s = PATIENCE.as_secs(), "a handler took too long and was cut off");
            Problem::uncertain().into_response()
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
