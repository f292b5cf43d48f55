//! What the demo service counts: business requests alone, so that looking at it does not change what is seen.

use std::time::Duration;

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
    database_up: IntGauge,
}

impl Metrics {
    pub fn new() -> anyhow::Result<Self> {
        let requests =
            IntCounterVec::new(Opts::new("http_requests_total", "Business requests, by HTTP status."), &["status"])?;
        let duration = Histogram::with_opts(
            HistogramOpts::new("http_request_duration_seconds", "How long business requests took.")
                .buckets(BUCKETS.to_vec()),
        )?;
        let database_up = IntGauge::new("database_up", "1 when the database answered just now.")?;
        // A counter that appears with its first error would hide that error from whoever takes differences.
        for status in ["200", "500", "503"] {
            requests.with_label_values(&[status]).reset();
        }
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(database_up.clone()))?;
        Ok(Self { registry, requests, duration, database_up })
    }

    /// Counts a business request.
    pub fn served(&self, status: StatusCode, took: Duration) {
        self.requests.with_label_values(&[status.as_str()]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self, database: DatabaseState) -> anyhow::Result<String> {
        self.database_up.set(i64::from(database == DatabaseState::Ok));
        TextEncoder::new().encode_to_string(&self.registry.gather()).context("the metrics cannot be written")
    }
}

/// What a look at the database found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseState {
    Ok,
    Lost,
}
