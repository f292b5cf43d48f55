//! The worker's counters: the SDK's, which only its own exporter can gather, and ours, as one text.
//!
//! The SDK keeps its registry to itself behind a listener of its own. So that listener is on the loopback at a free
//! port, and `/metrics` asks it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use prometheus::{IntGauge, Opts, Registry, TextEncoder};
use temporalio_common::telemetry::metrics::CoreMeter;
use temporalio_common::telemetry::{PrometheusExporterOptions, start_prometheus_metric_exporter};
use tokio::task::AbortHandle;

use crate::worker::status::Status;

/// A scrape that hangs must not hang ours.
const SCRAPE: Duration = Duration::from_secs(2);

/// Both registries.
pub struct Metrics {
    own: Registry,
    polling: IntGauge,
    exporter: SocketAddr,
    task: AbortHandle,
    http: reqwest::Client,
}

impl Metrics {
    /// Starts the SDK's exporter; the meter goes into the SDK's runtime. Must be called inside a tokio runtime.
    pub fn start() -> anyhow::Result<(Self, Arc<dyn CoreMeter>)> {
        let options = PrometheusExporterOptions::builder()
            .socket_addr((Ipv4Addr::LOCALHOST, 0).into())
            .counters_total_suffix(true)
            .unit_suffix(true)
            .use_seconds_for_durations(true)
            .build();
        let started = start_prometheus_metric_exporter(options).context("the SDK's metrics cannot be exported")?;
        // Whoever was first is fine: every part of gatewatch installs the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(SCRAPE).build().context("no HTTP client")?;
        let own = Registry::new();
        let polling = IntGauge::with_opts(Opts::new("gatewatch_worker_polling", "Workers that take tasks."))?;
        own.register(Box::new(polling.clone()))?;
        let (exporter, task) = (started.bound_addr, started.abort_handle);
        Ok((Self { own, polling, exporter, task, http }, started.meter))
    }

    /// Everything in Prometheus' text format. Ours are there even when the SDK's are not.
    pub async fn text(&self, status: &Status) -> anyhow::Result<String> {
        self.polling.set(i64::try_from(status.polling()).unwrap_or(i64::MAX));
        let mut text = TextEncoder::new().encode_to_string(&self.own.gather())?;
        match self.sdk().await {
            Ok(sdk) => text.push_str(&sdk),
            Err(error) => tracing::warn!(%error, "the SDK's metrics did not answer"),
        }
        Ok(text)
    }

    async fn sdk(&self) -> anyhow::Result<String> {
        let answer = self.http.get(format!("http://{}/metrics", self.exporter)).send().await?;
        if !answer.status().is_success() {
            return Err(anyhow!("the exporter answered {}", answer.status()));
        }
        Ok(answer.text().await?)
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.task.abort();
    }
}
