//! What the coordinator counts about itself, in Prometheus' text format.

use std::time::Duration;

use prometheus::{CounterVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::contracts::agent::AgentMetrics;

/// The coordinator's own registry: nothing global, so that two coordinators in one process never mix.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    decisions: IntCounterVec,
    rollbacks: IntCounterVec,
    answers: IntCounterVec,
    tokens: IntCounterVec,
    cost: CounterVec,
    listeners: IntGauge,
    pollers: IntGauge,
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("gatewatch_coordinator");
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(opts("requests_total", "Requests answered."), &["route", "method", "status"])?,
            seconds: HistogramVec::new(
                HistogramOpts::new("request_duration_seconds", "Time to the answer's head.")
                    .namespace("gatewatch_coordinator"),
                &["route"],
            )?,
            decisions: IntCounterVec::new(opts("decisions_total", "Decisions by outcome."), &["outcome"])?,
            rollbacks: IntCounterVec::new(opts("rollbacks_total", "Rollback requests by outcome."), &["outcome"])?,
            answers: IntCounterVec::new(
                opts("agent_answers_total", "Answers of agents by outcome; repeated ones apart."),
                &["outcome", "repeated"],
            )?,
            tokens: IntCounterVec::new(
                opts("agent_tokens_total", "Tokens that agents report, by who sent the report."),
                &["account", "kind"],
            )?,
            cost: CounterVec::new(
                opts("agent_cost_usd_total", "US dollars that agents report, by who sent the report."),
                &["account"],
            )?,
            listeners: IntGauge::with_opts(opts("stream_listeners", "Open health streams."))?,
            pollers: IntGauge::with_opts(opts("stream_pollers", "Deployments looked at for them."))?,
        };
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.decisions.clone()))?;
        metrics.registry.register(Box::new(metrics.rollbacks.clone()))?;
        metrics.registry.register(Box::new(metrics.answers.clone()))?;
        metrics.registry.register(Box::new(metrics.tokens.clone()))?;
        metrics.registry.register(Box::new(metrics.cost.clone()))?;
        metrics.registry.register(Box::new(metrics.listeners.clone()))?;
        metrics.registry.register(Box::new(metrics.pollers.clone()))?;
        Ok(metrics)
    }

    /// `route` is the pattern, never the path: ids in labels would grow without end.
    pub fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, method, &status.to_string()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub fn decided(&self, outcome: &str) {
        self.decisions.with_label_values(&[outcome]).inc();
    }

    pub fn rolled_back(&self, outcome: &str) {
        self.rollbacks.with_label_values(&[outcome]).inc();
    }

    pub fn answer_taken(&self, outcome: &str, repeated: bool) {
        self.answers.with_label_values(&[outcome, if repeated { "true" } else { "false" }]).inc();
    }

    /// `account` is a configured name: roles are whatever an agent writes, and labels would grow without end.
    pub fn used(&self, account: &str, metrics: &AgentMetrics) {
        let tokens = metrics.tokens.unwrap_or_default();
        self.tokens.with_label_values(&[account, "prompt"]).inc_by(tokens.prompt);
        self.tokens.with_label_values(&[account, "completion"]).inc_by(tokens.completion);
        let cost = metrics.cost_usd.filter(|cost| cost.is_finite() && *cost > 0.0);
        self.cost.with_label_values(&[account]).inc_by(cost.unwrap_or_default());
    }

    /// Counts one open stream for as long as the guard lives.
    pub fn listening(&self) -> Listening {
        self.listeners.inc();
        Listening(self.listeners.clone())
    }

    pub fn text(&self, pollers: usize) -> prometheus::Result<String> {
        self.pollers.set(i64::try_from(pollers).unwrap_or(i64::MAX));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// One open stream.
#[derive(Debug)]
pub struct Listening(IntGauge);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.dec();
    }
}
