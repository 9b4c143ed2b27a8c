//! `/livez`, `/readyz` and `/metrics`: for probes and scrapers, which come straight to the process. Who comes through a
//! proxy is a person or a stranger, and finds nothing here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::lifecycle::Lifecycle;

type Probe = dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync;

/// Something the process depends on, and how to see whether it is there.
pub struct Check {
    name: &'static str,
    timeout: Duration,
    probe: Box<Probe>,
    /// Whether the last probe failed: only changes are logged, or every probe of an outage would be a line.
    away: AtomicBool,
}

impl Check {
    /// A named check; a probe that takes longer than `timeout` has failed. Keep the name free of addresses: it is shown.
    pub fn new<F, P>(name: &'static str, timeout: Duration, probe: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, timeout, probe: Box::new(move || Box::pin(probe())), away: AtomicBool::new(false) }
    }

    /// The name if it is away.
    async fn away(&self) -> Option<&'static str> {
        let result = match tokio::time::timeout(self.timeout, (self.probe)()).await {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!("no answer within {:?}", self.timeout)),
        };
        let was_away = self.away.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) if !was_away => {
                tracing::warn!(dependency = self.name, error = format!("{error:#}"), "dependency is away");
            }
            Ok(()) if was_away => tracing::info!(dependency = self.name, "dependency is back"),
            _ => {}
        }
        self.away.load(Ordering::Relaxed).then_some(self.name)
    }
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// The process has been asked to stop.
    stopping: bool,
    /// Names of the dependencies that don't answer.
    away: Vec<&'static str>,
}

struct Probed {
    lifecycle: Lifecycle,
    checks: Vec<Check>,
}

/// The routes for probes and scrapers.
pub fn router(lifecycle: &Lifecycle, checks: Vec<Check>, metrics: PrometheusHandle) -> Router {
    let probed = Probed { lifecycle: lifecycle.clone(), checks };
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(Arc::new(probed))
        .route("/metrics", get(move || render(metrics)))
        .layer(middleware::from_fn(straight_only))
}

/// Every proxy that people come through adds this header (README, configuration).
async fn straight_only(request: Request, next: Next) -> Response {
    if request.headers().contains_key("x-forwarded-for") {
        return StatusCode::NOT_FOUND.into_response();
    }
    next.run(request).await
}

async fn readyz(State(probed): State<Arc<Probed>>) -> Response {
    let away = join_all(probed.checks.iter().map(Check::away)).await;
    let away: Vec<_> = away.into_iter().flatten().collect();
    let stopping = !probed.lifecycle.accepts_requests();
    let ready = away.is_empty() && !stopping;
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let readiness = Readiness { ready, stopping, away };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

async fn render(metrics: PrometheusHandle) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.render())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt as _;

    use super::*;

    fn checked(lifecycle: &Lifecycle, checks: Vec<Check>) -> Router {
        router(lifecycle, checks, PrometheusBuilder::new().build_recorder().handle())
    }

    async fn get(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn present() -> Check {
        Check::new("redis", Duration::from_secs(60), || async { Ok(()) })
    }

    #[tokio::test]
    async fn ready_when_every_dependency_answers() {
        let router = checked(&Lifecycle::new(), vec![present()]);
        let ready = r#"{"ready":true,"stopping":false,"away":[]}"#.to_owned();
        assert_eq!(get(router, "/readyz").await, (StatusCode::OK, ready));
    }

    #[tokio::test]
    async fn readyz_names_what_is_away_and_nothing_internal() {
        let refusing = Check::new("database", Duration::from_secs(60), || async {
            anyhow::bail!("password authentication failed for 10.0.0.7")
        });
        let silent = Check::new("storage", Duration::ZERO, std::future::pending);
        let router = checked(&Lifecycle::new(), vec![refusing, present(), silent]);
        let away = r#"{"ready":false,"stopping":false,"away":["database","storage"]}"#.to_owned();
        assert_eq!(get(router, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, away));
    }

    #[tokio::test]
    async fn nothing_is_told_to_who_comes_through_a_proxy() {
        let router = checked(&Lifecycle::new(), vec![present()]);
        for path in ["/livez", "/readyz", "/metrics"] {
            let request = Request::get(path).header("x-forwarded-for", "203.0.113.7").body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
            assert_eq!(get(router.clone(), path).await.0, StatusCode::OK, "{path}");
        }
    }

    #[tokio::test]
    async fn a_stopping_process_is_alive_but_not_ready() {
        let lifecycle = Lifecycle::new();
        lifecycle.stop();
        let router = checked(&lifecycle, vec![present()]);
        let (status, body) = get(router.clone(), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""stopping":true"#), "{body}");
        assert_eq!(get(router, "/livez").await.0, StatusCode::OK);
    }
}
