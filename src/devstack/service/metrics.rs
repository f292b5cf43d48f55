//! What the demo service counts: business requests alone, so that looking at it does not change what is seen.

use std::time::Instant;

use anyhow::Context as _;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use reqwest::StatusCode;

/// Seconds. Dense where a healthy version answers and where a slow one does.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The counters of one version.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: Histogram,
    in_flight: IntGauge,
    database_up: IntGauge,
}

/// A business request under way. Dropped before it is served, it was given up by who asked.
#[derive(Debug)]
pub struct Request<'a> {
    metrics: &'a Metrics,
    began: Instant,
}

impl Metrics {
    pub fn new() -> anyhow::Result<Self> {
        let requests =
            IntCounterVec::new(Opts::new("http_requests_total", "Business requests, by HTTP status."), &["status"])?;
        let duration = Histogram::with_opts(
            HistogramOpts::new("http_request_duration_seconds", "How long business requests took.")
                .buckets(BUCKETS.to_vec()),
        )?;
        let in_flight = IntGauge::new("http_requests_in_flight", "Business requests under way.")?;
        let database_up = IntGauge::new("database_up", "1 when the database answered just now.")?;
        // A counter that appears with its first error would hide that error from whoever takes differences.
        for status in ["200", "500", "503"] {
            requests.with_label_values(&[status]).reset();
        }
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(database_up.clone()))?;
        Ok(Self { registry, requests, duration, in_flight, database_up })
    }

    /// A business request begins.
    pub fn begin(&self) -> Request<'_> {
        self.in_flight.inc();
        Request { metrics: self, began: Instant::now() }
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self, database: DatabaseState) -> anyhow::Result<String> {
        self.database_up.set(i64::from(database == DatabaseState::Ok));
        TextEncoder::new().encode_to_string(&self.registry.gather()).context("the metrics cannot be written")
    }
}

impl Request<'_> {
    /// It was answered.
    pub fn served(self, status: StatusCode) {
        self.metrics.requests.with_label_values(&[status.as_str()]).inc();
        self.metrics.duration.observe(self.began.elapsed().as_secs_f64());
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}

/// What a look at the database found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseState {
    Ok,
    Lost,
}
