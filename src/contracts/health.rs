//! Health of a live deployment: samples, the baseline they are held against, and the eight rollback triggers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::{Millis, Timestamp};

/// One look at a live service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Counts up from 1 within one monitoring; what an event stream resumes from.
    pub seq: u64,
    pub at: Timestamp,
    /// The health endpoint answered 2xx.
    pub healthy: bool,
    /// Its HTTP status; absent when nothing answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Failed share of the requests since the last sample, 0 to 1; absent without traffic or without metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// Response times in milliseconds over the same requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Requests since the last sample.
    #[serde(default)]
    pub requests: u64,
    /// The service reached its database; absent when it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_ok: Option<bool>,
    /// The version that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The same measurements before the deploy: what "normal" means for this service now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    pub samples: u32,
    /// Mean failed share, 0 to 1.
    pub error_rate: f64,
    /// Median of the samples' p95, in milliseconds.
    pub p95_ms: f64,
}

/// When a live deployment is rolled back. Defaults are the seeds' production numbers (requirements §3.10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TriggerRules {
    /// Rolls back when more than this many consecutive health checks fail.
    pub health_failures: u32,
    /// Rolls back when the error rate is above this multiple of the baseline...
    pub error_rate_factor: f64,
    /// ...and above this share, so that a spotless baseline does not make one failed request a disaster...
    pub error_rate_floor: f64,
    /// ...in this many consecutive samples.
    pub error_rate_samples: u32,
    /// Rolls back when p95 is above this multiple of the baseline...
    pub response_time_factor: f64,
    /// ...and above this many milliseconds...
    pub response_time_floor_ms: f64,
    /// ...without a break for longer than this.
    pub response_time_sustained_ms: Millis,
    /// Rolls back when this many consecutive samples found the database gone.
    pub database_failures: u32,
    /// A sample with fewer requests says nothing about errors and response times.
    pub min_requests: u64,
}

impl Default for TriggerRules {
    fn default() -> Self {
        Self {
            health_failures: 3,
            error_rate_factor: 3.0,
            error_rate_floor: 0.01,
            error_rate_samples: 2,
            response_time_factor: 5.0,
            response_time_floor_ms: 50.0,
            response_time_sustained_ms: Millis::from_secs(300),
            database_failures: 3,
            min_requests: 5,
        }
    }
}

/// The eight triggers of the specification, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    MigrationFailure,
    DeploymentFailure,
    HealthEndpoint,
    ErrorRate,
    ResponseTime,
    UserAcceptance,
    SevereBug,
    DatabaseConnection,
}

impl Trigger {
    pub const ALL: [Self; 8] = [
        Self::MigrationFailure,
        Self::DeploymentFailure,
        Self::HealthEndpoint,
        Self::ErrorRate,
        Self::ResponseTime,
        Self::UserAcceptance,
        Self::SevereBug,
        Self::DatabaseConnection,
    ];

    /// The specification's words.
    pub fn title(self) -> &'static str {
        match self {
            Self::MigrationFailure => "database migration",
            Self::DeploymentFailure => "deployment",
            Self::HealthEndpoint => "health endpoint",
            Self::ErrorRate => "error rate",
            Self::ResponseTime => "response time",
            Self::UserAcceptance => "user acceptance",
            Self::SevereBug => "P0/P1 bug",
            Self::DatabaseConnection => "database connection",
        }
    }
}

/// Where a trigger stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum TriggerStatus {
    /// Nothing measured yet.
    Unknown,
    Ok,
    /// Above its limit, not for long enough yet: `count` of `of` failing looks. `fires_in_ms` is when it
    /// rolls back if nothing gets better.
    #[serde(rename_all = "camelCase")]
    Failing {
        count: u32,
        of: u32,
        fires_in_ms: Millis,
    },
    /// It has asked for the rollback.
    Fired,
}

/// One row of the trigger board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerState {
    pub trigger: Trigger,
    pub status: TriggerStatus,
    /// What is measured now, in words: `3.4×`.
    pub now: String,
    /// What it is held against, in words: `> 3×`.
    pub limit: String,
}

/// Details of each heartbeat of `monitorHealth`, and its result: all anybody needs to draw, to judge and to resume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthReport {
    /// The newest last; at most [`HealthReport::KEPT`].
    pub samples: Vec<Sample>,
    pub baseline: Option<Baseline>,
    pub rules: TriggerRules,
    pub triggers: Vec<TriggerState>,
    pub interval_ms: Millis,
    pub started_at: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Triggers are measured but do not act before this.
    pub paused_until: Option<Timestamp>,
    /// How many samples were taken in all.
    pub taken: u64,
    pub consecutive_health_failures: u32,
    pub consecutive_error_rate_failures: u32,
    pub consecutive_database_failures: u32,
    /// Since when p95 has been above its limit without a break.
    pub response_time_above_since: Option<Timestamp>,
    /// Counters of the last scrape, for the next difference.
    pub last_scrape: Option<Scrape>,
}

impl HealthReport {
    /// Ten minutes at the seeds' 15 s are 40 samples; this leaves room for extensions.
    pub const KEPT: usize = 120;

    /// A look may take this long, whatever the interval.
    const PATIENCE: Millis = Millis::from_secs(5);

    /// How long a look at a service that hangs takes: the next one is not begun before.
    pub fn longest_look(interval: Millis) -> Millis {
        interval.min(Self::PATIENCE)
    }

    /// Whether a trigger is on its way to firing.
    pub fn is_arming(&self) -> bool {
        self.triggers.iter().any(|trigger| matches!(trigger.status, TriggerStatus::Failing { .. }))
    }

    /// A trigger that has asked for the rollback.
    pub fn fired(&self) -> Option<&TriggerState> {
        self.triggers.iter().find(|state| state.status == TriggerStatus::Fired)
    }

    /// How long ago the last look was, once the next one is overdue: whoever looks is gone or stuck, and no trigger fires
    /// until it is back. None before the first look.
    pub fn overdue(&self, now: Timestamp) -> Option<Millis> {
        let late = now.since(self.samples.last()?.at);
        let patience = Millis(self.interval_ms.0.saturating_mul(2)).max(Self::PATIENCE);
        (late > patience).then_some(late)
    }

    /// A baseline of no samples is none.
    pub fn measured_baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref().filter(|baseline| baseline.samples > 0)
    }

    /// Failed share above which a look counts against the deployment. Without a baseline the floor stands for it: a
    /// first deployment is watched too.
    pub fn error_rate_limit(&self) -> f64 {
        let baseline = self.measured_baseline().map_or(self.rules.error_rate_floor, |baseline| baseline.error_rate);
        (baseline * self.rules.error_rate_factor).max(self.rules.error_rate_floor)
    }

    /// p95, in milliseconds, above which a look counts against the deployment; none without a baseline.
    pub fn response_time_limit(&self) -> Option<f64> {
        let baseline = self.measured_baseline()?;
        Some((baseline.p95_ms * self.rules.response_time_factor).max(self.rules.response_time_floor_ms))
    }
}

/// Counters of one scrape of `/metrics`. They start again at zero when another process answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Scrape {
    pub requests: f64,
    pub errors: f64,
    /// Cumulative histogram buckets: upper bound in seconds (`None` is +Inf), count.
    pub buckets: Vec<(Option<f64>, f64)>,
}

/// Health in one word, for lists and the `health` search attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthStatus {
    Watching,
    Healthy,
    Degraded,
    RollingBack,
    RolledBack,
    /// The rollback is stuck and wants a person.
    Stuck,
}

impl HealthStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
            Self::Stuck => "stuck",
        }
    }

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::Watching | Self::Healthy | Self::Degraded | Self::Stuck => self.as_str(),
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Watching, Self::Healthy, Self::Degraded, Self::RollingBack, Self::RolledBack, Self::Stuck]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}
