//! Traces, metrics and logs arrive at a collector. A file of its own, because telemetry is installed once per process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::routing::post;
use ops::config;
use ops::telemetry::Telemetry;

/// Bodies by signal.
type Received = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

async fn receive(State(received): State<Received>, Path(signal): Path<String>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-protobuf");
    received.lock().unwrap().entry(signal).or_default().extend(body);
}

fn config(endpoint: &str) -> config::Telemetry {
    let lookup = |name: &str| match name {
        "LICHENG_OTLP_ENDPOINT" => Some(endpoint.to_owned()),
        "LICHENG_LOG" => Some("debug".to_owned()),
        _ => None,
    };
    config::Telemetry::from_lookup(&lookup).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_sends_traces_metrics_and_logs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let received = Received::default();
    let collector = Router::new().route("/v1/{signal}", post(receive)).with_state(received.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, collector).await });

    let telemetry = Telemetry::start(&config(&endpoint), "portfolio").unwrap();
    tracing::info_span!("portfolio.outcome.list").in_scope(|| tracing::info!("page rendered"));
    metrics::counter!("licheng_uploads_total", "kind" => "document").increment(2);
    metrics::gauge!("licheng_jobs_waiting").set(3.0);
    metrics::gauge!("licheng_jobs_waiting").decrement(1.0);
    metrics::histogram!("licheng_request_seconds").record(0.02);
    let prometheus = telemetry.prometheus().render();
    tokio::task::spawn_blocking(|| telemetry.shutdown()).await.unwrap();

    assert!(prometheus.contains(r#"licheng_uploads_total{kind="document"} 2"#), "{prometheus}");
    assert!(prometheus.contains("licheng_jobs_waiting 2"), "{prometheus}");
    assert!(prometheus.contains("licheng_build_info{"), "{prometheus}");
    let received = received.lock().unwrap();
    for (signal, expected) in [
        ("traces", "portfolio.outcome.list"),
        ("traces", "licheng-portfolio"),
        ("metrics", "licheng_uploads_total"),
        ("metrics", "licheng_jobs_waiting"),
        ("metrics", "licheng_request_seconds"),
        ("logs", "page rendered"),
    ] {
        // protobuf keeps strings as they are
        let body = received.get(signal).unwrap_or_else(|| panic!("no {signal} arrived"));
        let found = body.windows(expected.len()).any(|bytes| bytes == expected.as_bytes());
        assert!(found, "{expected} is not among the {signal}");
    }
    let logs = String::from_utf8_lossy(&received["logs"]);
    assert!(!logs.contains("hyper"), "export exports itself");
}
