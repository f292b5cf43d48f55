//! What the coordinator counts about itself, in Prometheus' text format.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::contracts::agent::{AgentMetrics, AgentStatus};
use crate::contracts::engine::budget::BudgetLevel;
use crate::contracts::roster::WaitingWork;
use crate::coordinator::clock::now;

/// Kinds of waiting work that are told apart.
const KINDS: usize = 50;

/// The coordinator's own registry: nothing global, so that two coordinators in one process never mix.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    decisions: IntCounterVec,
    rollbacks: IntCounterVec,
    told: IntCounterVec,
    answers: IntCounterVec,
    resumed: IntCounterVec,
    kept: IntGauge,
    routed: IntCounterVec,
    tokens: IntCounterVec,
    cost: CounterVec,
    queue: QueueMetrics,
    listeners: IntGauge,
    pollers: IntGauge,
    calls: CallMetrics,
}

/// What comes from the queue. Registered when there is one.
#[derive(Clone, Debug)]
struct QueueMetrics {
    messages: IntCounterVec,
    up: IntGauge,
}

/// What agents are given and answer. Labels are names of the settings, never ids.
#[derive(Clone, Debug)]
struct CallMetrics {
    dispatched: IntCounterVec,
    answers: IntCounterVec,
    broken: IntCounterVec,
    reminders: IntCounterVec,
    budgets: IntCounterVec,
    in_flight: IntGaugeVec,
    waiting: IntGaugeVec,
    waiting_seconds: GaugeVec,
}

/// A metric of the coordinator.
fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("gatewatch_coordinator")
}

impl QueueMetrics {
    fn new() -> prometheus::Result<Self> {
        Ok(Self {
            messages: IntCounterVec::new(
                opts("queue_messages_total", "Messages of the queue: done, to be offered again, refused."),
                &["outcome"],
            )?,
            up: IntGauge::with_opts(opts("queue_up", "Whether messages can be taken from the queue."))?,
        })
    }
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(opts("requests_total", "Requests answered."), &["route", "method", "status"])?,
            seconds: HistogramVec::new(
                opts("request_duration_seconds", "Time to the answer's head.").into(),
                &["route"],
            )?,
            decisions: IntCounterVec::new(opts("decisions_total", "Decisions by outcome."), &["outcome"])?,
            rollbacks: IntCounterVec::new(opts("rollbacks_total", "Rollback requests by outcome."), &["outcome"])?,
            told: IntCounterVec::new(
                opts("goal_messages_total", "What people told goals, by message and outcome."),
                &["message", "outcome"],
            )?,
            answers: IntCounterVec::new(
                opts("agent_answers_total", "Answers of agents by outcome; repeated ones apart."),
                &["outcome", "repeated"],
            )?,
            resumed: IntCounterVec::new(
                opts("resumed_answers_total", "Tries to deliver answers that were kept, by what became of them."),
                &["outcome"],
            )?,
            kept: IntGauge::with_opts(opts("kept_answers", "Answers that are kept and not delivered yet."))?,
            routed: IntCounterVec::new(
                opts("routed_answers_total", "Answers told to further workflows, by route and what became of a try."),
                &["route", "outcome"],
            )?,
            tokens: IntCounterVec::new(
                opts("agent_tokens_total", "Tokens that agents report, by who sent the report."),
                &["account", "kind"],
            )?,
            cost: CounterVec::new(
                opts("agent_cost_usd_total", "US dollars that agents report, by who sent the report."),
                &["account"],
            )?,
            queue: QueueMetrics::new()?,
            listeners: IntGauge::with_opts(opts("stream_listeners", "Open health streams."))?,
            pollers: IntGauge::with_opts(opts("stream_pollers", "Deployments looked at for them."))?,
            calls: CallMetrics::new()?,
        };
        for agents in metrics.calls.all() {
            metrics.registry.register(agents)?;
        }
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.decisions.clone()))?;
        metrics.registry.register(Box::new(metrics.rollbacks.clone()))?;
        metrics.registry.register(Box::new(metrics.told.clone()))?;
        metrics.registry.register(Box::new(metrics.answers.clone()))?;
        metrics.registry.register(Box::new(metrics.resumed.clone()))?;
        metrics.registry.register(Box::new(metrics.kept.clone()))?;
        metrics.registry.register(Box::new(metrics.routed.clone()))?;
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

    /// What somebody told a goal.
    pub fn told(&self, message: &str, outcome: &str) {
        self.told.with_label_values(&[message, outcome]).inc();
    }

    pub fn answer_taken(&self, outcome: &str, repeated: bool) {
        self.answers.with_label_values(&[outcome, if repeated { "true" } else { "false" }]).inc();
    }

    /// How many answers are not delivered yet.
    pub fn kept(&self, answers: i64) {
        self.kept.set(answers);
    }

    pub fn answer_resumed(&self, outcome: &str) {
        self.resumed.with_label_values(&[outcome]).inc();
    }

    /// An answer was told to a further workflow, or could not be now.
    pub fn routed(&self, route: &str, outcome: &str) {
        self.routed.with_label_values(&[route, outcome]).inc();
    }

    /// `account` is a configured name: roles are whatever an agent writes, and labels would grow without end.
    pub fn used(&self, account: &str, metrics: &AgentMetrics) {
        let tokens = metrics.tokens.unwrap_or_default();
        self.tokens.with_label_values(&[account, "prompt"]).inc_by(tokens.prompt);
        self.tokens.with_label_values(&[account, "completion"]).inc_by(tokens.completion);
        let cost = metrics.cost_usd.filter(|cost| cost.is_finite() && *cost > 0.0);
        self.cost.with_label_values(&[account]).inc_by(cost.unwrap_or_default());
    }

    /// From now on the queue's counters are among the others.
    pub fn with_queue(&self) -> prometheus::Result<()> {
        self.registry.register(Box::new(self.queue.messages.clone()))?;
        self.registry.register(Box::new(self.queue.up.clone()))
    }

    pub fn queue_message(&self, outcome: &str) {
        self.queue.messages.with_label_values(&[outcome]).inc();
    }

    pub fn queue_up(&self, up: bool) {
        self.queue.up.set(i64::from(up));
    }

    /// Counts one open stream for as long as the guard lives.
    pub fn listening(&self) -> Listening {
        self.listeners.inc();
        Listening(self.listeners.clone())
    }

    pub fn dispatched(&self, agent: &str) {
        self.calls.dispatched.with_label_values(&[agent]).inc();
    }

    pub fn agent_answered(&self, agent: &str, status: AgentStatus) {
        self.calls.answers.with_label_values(&[agent, status.as_str()]).inc();
    }

    pub fn agent_broke(&self, agent: &str, how: &str) {
        self.calls.broken.with_label_values(&[agent, how]).inc();
    }

    pub fn reminded(&self, agent: &str, outcome: &str) {
        self.calls.reminders.with_label_values(&[agent, outcome]).inc();
    }

    pub fn budget_reached(&self, level: BudgetLevel) {
        self.calls.budgets.with_label_values(&[level.as_str()]).inc();
    }

    /// What waited at the last look. Kinds are whatever goals ask for: of many, the first count.
    pub fn waiting(&self, waiting: &[WaitingWork]) {
        let now = now();
        self.calls.waiting.reset();
        self.calls.waiting_seconds.reset();
        for work in waiting.iter().take(KINDS) {
            let kind = work.kind.as_str();
            self.calls.waiting.with_label_values(&[kind]).set(i64::try_from(work.steps).unwrap_or(i64::MAX));
            let seconds = now.since(work.since).as_duration().as_secs_f64();
            self.calls.waiting_seconds.with_label_values(&[kind]).set(seconds);
        }
    }

    /// `calls` is how many each agent has under way.
    pub fn text(&self, pollers: usize, calls: &BTreeMap<String, usize>) -> prometheus::Result<String> {
        self.calls.in_flight.reset();
        for (agent, calls) in calls {
            let calls = i64::try_from(*calls).unwrap_or(i64::MAX);
            self.calls.in_flight.with_label_values(&[agent.as_str()]).set(calls);
        }
        self.pollers.set(i64::try_from(pollers).unwrap_or(i64::MAX));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl CallMetrics {
    fn new() -> prometheus::Result<Self> {
        Ok(Self {
            dispatched: IntCounterVec::new(opts("agent_calls_total", "Steps leased for an agent."), &["agent"])?,
            answers: IntCounterVec::new(
                opts("agent_calls_answered_total", "Answers by status."),
                &["agent", "status"],
            )?,
            broken: IntCounterVec::new(
                opts("agent_calls_failed_total", "Calls that brought no answer, by how."),
                &["agent", "how"],
            )?,
            reminders: IntCounterVec::new(
                opts("agent_reminders_total", "Reminders of agents, by what became of them."),
                &["agent", "outcome"],
            )?,
            budgets: IntCounterVec::new(
                opts("goal_budgets_total", "Goals of which this much of the budget was used."),
                &["level"],
            )?,
            in_flight: IntGaugeVec::new(opts("agent_calls_in_flight", "Calls under way."), &["agent"])?,
            waiting: IntGaugeVec::new(opts("waiting_steps", "Steps that wait for an agent."), &["kind"])?,
            waiting_seconds: GaugeVec::new(
                opts("waiting_oldest_seconds", "How long the oldest step has waited."),
                &["kind"],
            )?,
        })
    }

    fn all(&self) -> [Box<dyn Collector>; 8] {
        [
            Box::new(self.dispatched.clone()),
            Box::new(self.answers.clone()),
            Box::new(self.broken.clone()),
            Box::new(self.reminders.clone()),
            Box::new(self.budgets.clone()),
            Box::new(self.in_flight.clone()),
            Box::new(self.waiting.clone()),
            Box::new(self.waiting_seconds.clone()),
        ]
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
