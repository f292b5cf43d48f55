//! Retry policies by name (design §6 C30), and the options of an activity made of them. An error that the
//! activity calls permanent is never tried again, whatever the policy.

use std::time::Duration;

use temporalio_common::RetryPolicy;
use temporalio_sdk::{ActivityCancellationType, ActivityOptions, WorkflowCancellationToken};

/// How often, and how fast, an activity is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Agents: 5 attempts, 1 s doubling to 30 s.
    Agent,
    /// 3 attempts, 1 s doubling to 10 s.
    Default,
    /// Interfaces of other systems: 4 attempts.
    Api,
    /// Whatever the network can break: 6 attempts.
    Network,
    /// So many attempts, half a second doubling to 10 s.
    Attempts(u16),
    /// For ever, half a second doubling to 30 s: steps that must not be given up.
    Critical,
}

impl Retry {
    pub fn policy(self) -> RetryPolicy {
        let (attempts, initial, longest) = match self {
            Self::Agent => (5, 1_000, 30_000),
            Self::Default => (3, 1_000, 10_000),
            Self::Api => (4, 1_000, 10_000),
            Self::Network => (6, 1_000, 10_000),
            Self::Attempts(attempts) => (u32::from(attempts), 500, 10_000),
            // Temporal's word for "for ever".
            Self::Critical => (0, 500, 30_000),
        };
        RetryPolicy::builder()
            .initial_interval(Duration::from_millis(initial))
            .backoff_coefficient(2.0)
            .maximum_interval(Duration::from_millis(longest))
            .maximum_attempts(attempts)
            .build()
    }
}

/// How long an activity may be silent before another worker takes over (see the contract in `activities`).
pub const SILENCE: Duration = Duration::from_secs(10);

/// How an activity is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub retry: Retry,
    /// The longest one attempt may take.
    pub attempt: Duration,
    /// An attempt that is silent for longer is dead, and so is its worker: the next attempt need not wait for
    /// `attempt` to pass.
    pub heartbeat: Option<Duration>,
    pub cancelling: ActivityCancellationType,
}

impl Plan {
    pub const fn new(retry: Retry, attempt: Duration) -> Self {
        Self { retry, attempt, heartbeat: None, cancelling: ActivityCancellationType::TryCancel }
    }

    #[must_use]
    pub const fn heartbeat(mut self, silence: Duration) -> Self {
        self.heartbeat = Some(silence);
        self
    }

    /// Cancelling it waits until it has really stopped: it changes the world outside.
    #[must_use]
    pub const fn stops_before_going_on(mut self) -> Self {
        self.cancelling = ActivityCancellationType::WaitCancellationCompleted;
        self
    }

    /// Options under `token`; a token of one's own is out of reach of the workflow's cancellation.
    pub fn options(self, token: WorkflowCancellationToken) -> ActivityOptions {
        ActivityOptions::with_start_to_close_timeout(self.attempt)
            .maybe_heartbeat_timeout(self.heartbeat)
            .retry_policy(self.retry.policy())
            .cancellation_type(self.cancelling)
            .cancellation_token(token)
            .build()
    }
}
