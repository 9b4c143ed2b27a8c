//! Log lines, OpenTelemetry export and Prometheus metrics, set up once per process.
//!
//! Rooms use `tracing` and the `metrics` facade and know nothing of this. Every metric goes to `/metrics`; when a
//! collector is configured, the same metrics, the spans and the log events also go there over OTLP.

mod bridge;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{self, HttpUrl, LogFormat};
use bridge::Bridge;

/// Upper bounds of the buckets of every histogram in seconds: from a cached page to a roster import.
const SECONDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of the buckets of every histogram in bytes: up to the largest file the rules know and beyond.
const BYTES: [f64; 8] = [1e3, 1e4, 1e5, 5e5, 1e6, 2e6, 4e6, 1e7];
/// How often histograms are folded, or they grow until somebody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The running telemetry of this process. Call [`Telemetry::shutdown`] last, or the newest seconds are lost.
pub struct Telemetry {
    prometheus: PrometheusHandle,
    exporters: Option<Exporters>,
}

struct Exporters {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: SdkLoggerProvider,
}

impl Telemetry {
    /// Installs the process-wide subscriber and recorder; `target` (`all`, `portfolio`, `migrate`, …) becomes part of
    /// the service name. The rustls crypto provider must be installed before.
    ///
    /// # Errors
    /// When the log filter or the endpoint is malformed, or telemetry runs already.
    pub fn start(config: &config::Telemetry, target: &str) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(&config.log).context("LICHENG_LOG is not a log filter")?;
        let exporters = match &config.otlp_endpoint {
            Some(endpoint) => Some(Exporters::connect(endpoint, target)?),
            None => None,
        };
        let traces = exporters.as_ref().map(|exporters| {
            let tracer = exporters.traces.tracer("licheng");
            let layer = tracing_opentelemetry::layer().with_tracer(tracer);
            layer.with_filter(not_from_export())
        });
        let logs = exporters
            .as_ref()
            .map(|exporters| OpenTelemetryTracingBridge::new(&exporters.logs).with_filter(not_from_export()));
        tracing_subscriber::registry()
            .with(lines(config.log_format))
            .with(traces)
            .with(logs)
            .with(filter)
            .try_init()
            .context("telemetry runs already")?;
        let prometheus = install_recorder(exporters.as_ref())?;
        record_build(target);
        Ok(Self { prometheus, exporters })
    }

    /// Where `/metrics` gets its text.
    pub fn prometheus(&self) -> PrometheusHandle {
        self.prometheus.clone()
    }

    /// Sends what is not sent yet. Blocks for up to some seconds: call it after the runtime's work is done.
    pub fn shutdown(self) {
        let Some(exporters) = self.exporters else {
            return;
        };
        let results = [exporters.traces.shutdown(), exporters.metrics.shutdown(), exporters.logs.shutdown()];
        for error in results.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "the last telemetry was not exported");
        }
    }
}

impl Exporters {
    /// Batch exporters with threads of their own and a blocking client: the asynchronous client panics there, for
    /// want of a runtime.
    fn connect(endpoint: &HttpUrl, target: &str) -> anyhow::Result<Self> {
        let url = |signal| format!("{}/v1/{signal}", endpoint.as_str().trim_end_matches('/'));
        let resource = Resource::builder()
            .with_service_name(format!("licheng-{target}"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let traces = SpanExporter::builder().with_http().with_endpoint(url("traces")).build()?;
        let metrics = MetricExporter::builder().with_http().with_endpoint(url("metrics")).build()?;
        let logs = LogExporter::builder().with_http().with_endpoint(url("logs")).build()?;
        Ok(Self {
            traces: SdkTracerProvider::builder().with_batch_exporter(traces).with_resource(resource.clone()).build(),
            metrics: SdkMeterProvider::builder()
                .with_periodic_exporter(metrics)
                .with_resource(resource.clone())
                .build(),
            logs: SdkLoggerProvider::builder().with_batch_exporter(logs).with_resource(resource).build(),
        })
    }
}

/// Log lines on standard error: standard output belongs to the commands.
fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

/// What exporting itself logs must not be exported, or every export causes the next.
fn not_from_export() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    const OF_EXPORT: [&str; 5] = ["opentelemetry", "hyper", "reqwest", "h2", "rustls"];
    filter_fn(|metadata| {
        let target = metadata.target();
        !OF_EXPORT.iter().any(|prefix| target.starts_with(prefix))
    })
}

fn install_recorder(exporters: Option<&Exporters>) -> anyhow::Result<PrometheusHandle> {
    let prometheus = prometheus_recorder()?;
    let handle = prometheus.handle();
    match exporters {
        Some(exporters) => {
            let bridge = Bridge::new(prometheus, exporters.metrics.meter("licheng"));
            metrics::set_global_recorder(bridge).ok()
        }
        None => metrics::set_global_recorder(prometheus).ok(),
    }
    .context("metrics are recorded already")?;
    let upkeep = handle.clone();
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkeep.run_upkeep();
        }
    })?;
    Ok(handle)
}

fn prometheus_recorder() -> anyhow::Result<PrometheusRecorder> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?;
    Ok(builder.build_recorder())
}

/// `licheng_build_info`: which build runs as which target.
fn record_build(target: &str) {
    metrics::describe_gauge!("licheng_build_info", "Build and target of this process; always 1.");
    let commit = option_env!("LICHENG_COMMIT").unwrap_or("unknown");
    let labels = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("commit", commit.to_owned()),
        ("target", target.to_owned()),
    ];
    metrics::gauge!("licheng_build_info", &labels).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_in_seconds_have_buckets_that_can_be_added_up() {
        let recorder = prometheus_recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("licheng_request_seconds", "route" => "/outcomes").record(0.03);
        });
        let text = recorder.handle().render();
        assert!(text.contains(r#"licheng_request_seconds_bucket{route="/outcomes",le="0.05"} 1"#), "{text}");
        assert!(text.contains(r#"licheng_request_seconds_bucket{route="/outcomes",le="0.025"} 0"#), "{text}");
    }

    #[test]
    fn a_malformed_log_filter_is_refused() {
        let config =
            config::Telemetry { otlp_endpoint: None, log: "no=such=filter".to_owned(), log_format: LogFormat::Text };
        assert!(Telemetry::start(&config, "all").is_err());
    }
}
