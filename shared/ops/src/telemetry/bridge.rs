//! Hands each metric of the `metrics` facade to Prometheus and to OpenTelemetry. No kept crate does this for the
//! current OpenTelemetry, and recording twice in every room would leave metrics out sooner or later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::PrometheusRecorder;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter as OtlpCounter, Gauge as OtlpGauge, Histogram as OtlpHistogram, Meter};

use super::{BYTES, SECONDS};

/// The recorder that feeds both.
pub(super) struct Bridge {
    prometheus: PrometheusRecorder,
    meter: Meter,
    counters: Handles<Counter>,
    gauges: Handles<Gauge>,
    histograms: Handles<Histogram>,
}

impl Bridge {
    pub(super) fn new(prometheus: PrometheusRecorder, meter: Meter) -> Self {
        Self {
            prometheus,
            meter,
            counters: Handles::default(),
            gauges: Handles::default(),
            histograms: Handles::default(),
        }
    }
}

impl Recorder for Bridge {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.counters.get(key, || {
            Counter::from_arc(Arc::new(BothCounters {
                prometheus: self.prometheus.register_counter(key, metadata),
                otlp: self.meter.u64_counter(key.name().to_owned()).build(),
                attributes: attributes(key),
                absolute: AtomicU64::new(0),
            }))
        })
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.gauges.get(key, || {
            Gauge::from_arc(Arc::new(BothGauges {
                prometheus: self.prometheus.register_gauge(key, metadata),
                otlp: self.meter.f64_gauge(key.name().to_owned()).build(),
                attributes: attributes(key),
                value: Mutex::new(0.0),
            }))
        })
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.histograms.get(key, || {
            let otlp = self.meter.f64_histogram(key.name().to_owned());
            let otlp = match key.name() {
                name if name.ends_with("_seconds") => otlp.with_boundaries(SECONDS.to_vec()),
                name if name.ends_with("_bytes") => otlp.with_boundaries(BYTES.to_vec()),
                _ => otlp,
            };
            Histogram::from_arc(Arc::new(BothHistograms {
                prometheus: self.prometheus.register_histogram(key, metadata),
                otlp: otlp.build(),
                attributes: attributes(key),
            }))
        })
    }
}

/// Handles by key: the facade's macros ask for theirs on every call.
struct Handles<T>(RwLock<HashMap<Key, T>>);

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Clone> Handles<T> {
    fn get(&self, key: &Key, create: impl FnOnce() -> T) -> T {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = known.get(key) {
            return handle.clone();
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key.clone()).or_insert_with(create).clone()
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

struct BothCounters {
    prometheus: Counter,
    otlp: OtlpCounter<u64>,
    attributes: Vec<KeyValue>,
    /// Highest absolute value so far: OpenTelemetry knows only increments.
    absolute: AtomicU64,
}

impl CounterFn for BothCounters {
    fn increment(&self, value: u64) {
        self.prometheus.increment(value);
        self.otlp.add(value, &self.attributes);
    }

    fn absolute(&self, value: u64) {
        self.prometheus.absolute(value);
        let before = self.absolute.fetch_max(value, Ordering::Relaxed);
        self.otlp.add(value.saturating_sub(before), &self.attributes);
    }
}

struct BothGauges {
    prometheus: Gauge,
    otlp: OtlpGauge<f64>,
    attributes: Vec<KeyValue>,
    /// The current value: OpenTelemetry's gauge knows only whole values.
    value: Mutex<f64>,
}

impl BothGauges {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = change(*value);
        self.otlp.record(*value, &self.attributes);
    }
}

impl GaugeFn for BothGauges {
    fn increment(&self, value: f64) {
        self.prometheus.increment(value);
        self.change(|before| before + value);
    }

    fn decrement(&self, value: f64) {
        self.prometheus.decrement(value);
        self.change(|before| before - value);
    }

    fn set(&self, value: f64) {
        self.prometheus.set(value);
        self.change(|_| value);
    }
}

struct BothHistograms {
    prometheus: Histogram,
    otlp: OtlpHistogram<f64>,
    attributes: Vec<KeyValue>,
}

impl HistogramFn for BothHistograms {
    fn record(&self, value: f64) {
        self.prometheus.record(value);
        self.otlp.record(value, &self.attributes);
    }
}
