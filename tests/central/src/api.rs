//! The calls of the schools' systems.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    finding::Finding,
    job::{Job, Progress, RowResult, State as JobState},
    notice::{Notice, is_school_code},
    page,
    problem::Problem,
    receipt,
    server::{Central, now_ms},
};

/// Longest that an answer is held back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Every route of the simulator.
pub(crate) fn router(central: Arc<Central>) -> Router {
    let api = Router::new()
        .route("/notices", post(notify))
        .route("/jobs/{id}", get(status))
        .route("/jobs/{id}/receipt", get(job_receipt))
        .route("/jobs/{id}/receipt/password", get(job_password))
        .route("/schools/{school}/receipt", get(school_receipt))
        .route("/schools/{school}/receipt/password", get(school_password))
        .fallback(|| async { Problem::NotFound })
        .layer(middleware::from_fn_with_state(central.clone(), gate))
        .layer(DefaultBodyLimit::max(64 * 1024));
    Router::new().nest("/api", api).merge(page::routes()).with_state(central)
}

/// Lets a call through that shows the key, unless this one shall fail.
async fn gate(State(central): State<Arc<Central>>, request: Request, next: Next) -> Response {
    if central.faults.before_request() {
        return Problem::Simulated.into_response();
    }
    if let Some(key) = &central.key {
        let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if shown.and_then(|value| value.strip_prefix("Bearer ")) != Some(key) {
            return Problem::WrongKey.into_response();
        }
    }
    next.run(request).await
}

/// 通知檔案取得位置.
async fn notify(State(central): State<Arc<Central>>, body: Bytes) -> Result<Response, Problem> {
    let body: Value = serde_json::from_slice(&body).map_err(|_| Problem::NotJson)?;
    let now = now_ms();
    let notice = Notice::parse(&body, now).map_err(Problem::Fields)?;
    let (id, is_work) = central.jobs.take(notice, now)?;
    if is_work {
        central.enqueue(id.clone());
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "job_id": id }))).into_response())
}

#[derive(Deserialize)]
struct Wait {
    seen: Option<u64>,
    wait_ms: Option<u64>,
}

#[derive(Serialize)]
struct Status {
    job_id: String,
    version: u64,
    state: JobState,
    progress: Progress,
    errors_total: usize,
    errors: Vec<Finding>,
    results: Vec<RowResult>,
}

/// 查詢狀態.
async fn status(
    State(central): State<Arc<Central>>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Json<Status>, Problem> {
    if let Some(seen) = wait.seen {
        let longest = wait.wait_ms.map_or(LONGEST_WAIT, Duration::from_millis).min(LONGEST_WAIT);
        // when time is up the answer is the job as it is
        let _in_time = tokio::time::timeout(longest, central.jobs.newer(&id, seen)).await;
    }
    let job = central.jobs.get(&id).ok_or(Problem::NotFound)?;
    Ok(Json(Status {
        job_id: job.id,
        version: job.version,
        state: job.state,
        progress: job.progress,
        errors_total: job.errors_total,
        errors: job.errors,
        results: job.results,
    }))
}

async fn job_receipt(State(central): State<Arc<Central>>, Path(id): Path<String>) -> Result<Response, Problem> {
    ready(&central, &id)?;
    Ok(zip_file(tokio::fs::read(central.library.receipt(&id)).await?))
}

async fn job_password(State(central): State<Arc<Central>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    ready(&central, &id)?;
    Ok(Json(json!({ "password": central.passwords.of_job(&id) })))
}

fn ready(central: &Central, id: &str) -> Result<(), Problem> {
    let job = central.jobs.get(id).ok_or(Problem::NotFound)?;
    if job.state == JobState::ReceiptReady { Ok(()) } else { Err(Problem::NotReady) }
}

/// The period of a merged receipt; without a term, the whole year.
#[derive(Deserialize)]
struct Period {
    year: i32,
    term: Option<i32>,
}

async fn school_receipt(
    State(central): State<Arc<Central>>,
    Path(school): Path<String>,
    Query(period): Query<Period>,
) -> Result<Response, Problem> {
    let rosters = newest_accepted(&central, &school, &period)?;
    let password = central.passwords.of_period(&school, period.year, period.term);
    Ok(zip_file(spawn_blocking(move || receipt::zip(&rosters, &password)).await??))
}

async fn school_password(
    State(central): State<Arc<Central>>,
    Path(school): Path<String>,
    Query(period): Query<Period>,
) -> Result<Json<Value>, Problem> {
    newest_accepted(&central, &school, &period)?;
    Ok(Json(json!({ "password": central.passwords.of_period(&school, period.year, period.term) })))
}

/// The newest accepted roster of each code and term, with its workbook.
fn newest_accepted(central: &Central, school: &str, period: &Period) -> Result<Vec<(Notice, PathBuf)>, Problem> {
    if !is_school_code(school) {
        return Err(Problem::NotFound);
    }
    let mut newest: BTreeMap<(u16, i32), Job> = BTreeMap::new();
    for job in central.jobs.list() {
        let notice = &job.notice;
        let is_asked_for = notice.school_code == school
            && notice.academic_year == period.year
            && period.term.is_none_or(|term| term == notice.term)
            && matches!(job.state, JobState::Accepted | JobState::ReceiptReady);
        let key = (notice.roster_code, notice.term);
        if is_asked_for && newest.get(&key).is_none_or(|known| known.accepted_at < job.accepted_at) {
            newest.insert(key, job);
        }
    }
    if newest.is_empty() {
        return Err(Problem::NotFound);
    }
    Ok(newest.into_values().map(|job| (job.notice, central.library.workbook(&job.id))).collect())
}

fn zip_file(bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"receipt.zip\""),
    ];
    (headers, bytes).into_response()
}
