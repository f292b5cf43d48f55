//! Workflows as a client sees them: rows of a list, one in detail, its history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::DeploymentStage;
use crate::contracts::health::{HealthReport, HealthStatus};
use crate::contracts::ids::{Environment, GateId, RunId, WorkflowId, WorkflowType};
use crate::contracts::temporal::memo::Published;

/// Temporal's own status of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionStatus {
    Running,
    Completed,
    Failed,
    Cancelled,
    Terminated,
    ContinuedAsNew,
    TimedOut,
    Paused,
    Unknown,
}

impl ExecutionStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::ContinuedAsNew => "continued as new",
            Self::TimedOut => "timed out",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
        }
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// One row of a list, all of it from a single list call: search attributes and memo, no query, no call per row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowRow {
    pub id: WorkflowId,
    pub run_id: RunId,
    pub workflow_type: WorkflowType,
    pub status: ExecutionStatus,
    pub task_queue: String,
    pub started_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub phase: Option<String>,
    pub environment: Option<Environment>,
    pub health: Option<HealthStatus>,
    pub gates: Vec<GateId>,
    pub gate_deadline: Option<Timestamp>,
    /// The memo `gatewatch`; absent on workflows that publish none.
    pub published: Option<Box<Published>>,
    pub history_length: i64,
}

impl WorkflowRow {
    /// What serves again and when that was seen, once the rollback is over.
    pub fn rolled_back(&self) -> Option<(&str, Timestamp)> {
        let published = self.published.as_deref()?;
        let rolling = published.rolling_back.as_ref()?;
        let is_over = rolling.completed_at.is_some() || !self.status.is_open();
        let previous = published.deployment.as_ref().and_then(|deployment| deployment.previous.as_ref());
        let version = previous.map_or("the previous version", |live| live.version.as_str());
        Some((version, rolling.verified_at.filter(|_| is_over)?))
    }

    /// A deployment whose health is being watched, or that is rolling back: it changes by the second.
    pub fn is_watched(&self) -> bool {
        let moves = matches!(
            self.health,
            Some(HealthStatus::Watching | HealthStatus::Healthy | HealthStatus::Degraded | HealthStatus::RollingBack)
        );
        moves && self.status.is_open()
    }

    /// How it stands, given what holds it up: health while it runs and has one, and where it ended badly, because to
    /// Temporal a deployment that was rolled back is one that completed; Temporal's status otherwise. What it published
    /// of its health says nothing once nobody works on it; but a rollback that is stuck wants a person, worker or not.
    pub fn standing(&self, held_up: Option<HeldUp>) -> Standing {
        match (self.health, held_up) {
            (Some(HealthStatus::Stuck), _) => Standing::Health(HealthStatus::Stuck),
            (Some(_), Some(held_up)) if self.status.is_open() => Standing::HeldUp(held_up),
            (Some(health), _) if self.status.is_open() => Standing::Health(health),
            (Some(HealthStatus::RolledBack), _) => Standing::Health(HealthStatus::RolledBack),
            (Some(_) | None, _) => Standing::Status(self.status),
        }
    }
}

/// How a workflow stands, in one word: the same in every list, wherever it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    HeldUp(HeldUp),
    Health(HealthStatus),
    Status(ExecutionStatus),
}

impl Standing {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::HeldUp(held_up) => held_up.title(),
            Self::Health(health) => health.title(),
            Self::Status(status) => status.as_str(),
        }
    }

    /// As scripts read it: `not-watched`, like the status and the health beside it.
    pub fn word(self) -> String {
        self.title().replace(' ', "-")
    }

    /// As people read it, where it says more than Temporal's status does.
    pub fn health(self) -> Option<&'static str> {
        match self {
            Self::HeldUp(_) | Self::Health(_) => Some(self.title()),
            Self::Status(_) => None,
        }
    }
}

/// Where the next page begins. Opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageToken(pub Vec<u8>);

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowPage {
    pub rows: Vec<WorkflowRow>,
    /// Absent on the last page.
    pub next: Option<PageToken>,
}

/// How many workflows a query matches, by status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowCounts {
    pub total: u64,
    pub by_status: Vec<(ExecutionStatus, u64)>,
}

/// An activity the server is about to run, runs, or tries again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingActivity {
    pub activity_id: String,
    pub activity_type: String,
    pub state: PendingActivityState,
    pub attempt: u32,
    /// 0 is without end.
    pub maximum_attempts: u32,
    pub scheduled_at: Option<Timestamp>,
    pub last_started_at: Option<Timestamp>,
    pub last_heartbeat_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    pub last_failure: Option<String>,
    pub last_worker: Option<String>,
}

impl PendingActivity {
    /// Since when it has been due without a worker that takes it.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        let due = self.next_attempt_at.or(self.scheduled_at);
        due.filter(|_| self.state == PendingActivityState::Scheduled)
    }
}

/// State of a pending activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PendingActivityState {
    Scheduled,
    Started,
    CancelRequested,
    Paused,
    Unknown,
}

/// A child of a workflow that is still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingChild {
    pub id: WorkflowId,
    pub run_id: RunId,
    pub workflow_type: WorkflowType,
}

/// One workflow in detail, all of it from a single describe call: the truth, where a list is a hint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetail {
    pub row: WorkflowRow,
    pub activities: Vec<PendingActivity>,
    pub children: Vec<PendingChild>,
    /// Of a live `monitorHealth`: its last heartbeat.
    pub health: Option<Box<HealthReport>>,
    /// A workflow task that keeps failing wedges the workflow; its attempt count shows it.
    pub workflow_task_attempt: u32,
    /// Since when its next workflow task has waited for a worker; none while none waits.
    pub workflow_task_waiting_since: Option<Timestamp>,
}

/// What holds up, or nothing, whatever was looked at one by one; by run.
pub type LookedAt = BTreeMap<RunId, Option<HeldUp>>;

/// Watched deployments that were not looked at: nothing is known of them but what they published.
pub fn not_looked_at<'a>(rows: &'a [WorkflowRow], looked_at: &'a LookedAt) -> impl Iterator<Item = &'a WorkflowRow> {
    rows.iter().filter(|row| row.is_watched() && !looked_at.contains_key(&row.run_id))
}

/// Why nothing moves, though it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldUp {
    /// The monitor of a live deployment has not looked for so long: no trigger fires by itself.
    NoLook(Millis),
    /// The next task has waited so long, and no worker has taken it.
    NoWorker(Millis),
}

impl HeldUp {
    /// In two words.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoLook(_) => "not watched",
            Self::NoWorker(_) => "no worker",
        }
    }

    /// What does not happen, and for how long.
    pub fn what(self) -> (&'static str, Millis) {
        match self {
            Self::NoLook(late) => ("no look", late),
            Self::NoWorker(waits) => ("no worker takes its next task", waits),
        }
    }

    /// What follows from it, or helps.
    pub fn so(self) -> &'static str {
        match self {
            Self::NoLook(_) => {
                "the monitor's worker is gone or stuck, and nothing rolls back by itself until one is back"
            }
            Self::NoWorker(_) => "start a worker of its queue, and it goes on",
        }
    }
}

impl WorkflowDetail {
    /// A healthy worker takes a task within milliseconds; a busy one may need this long.
    const PATIENCE: Millis = Millis::from_secs(5);

    /// What holds it up at a moment, the one with the worse consequence first.
    pub fn held_up(&self, now: Timestamp) -> Option<HeldUp> {
        if !self.row.status.is_open() {
            return None;
        }
        let stage = self.row.published.as_ref().and_then(|published| published.deployment.as_ref());
        let is_watched = stage.is_some_and(|deployment| deployment.stage == DeploymentStage::Monitoring);
        let overdue = self.health.as_deref().filter(|_| is_watched).and_then(|report| report.overdue(now));
        overdue.map(HeldUp::NoLook).or_else(|| {
            let unclaimed = self.activities.iter().filter_map(PendingActivity::waiting_since);
            let since = unclaimed.chain(self.workflow_task_waiting_since).min()?;
            let waits = now.since(since);
            (waits > Self::PATIENCE).then_some(HeldUp::NoWorker(waits))
        })
    }
}

/// What a history event belongs to; one filter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    Workflow,
    WorkflowTask,
    Activity,
    Timer,
    Signal,
    Update,
    Child,
    Marker,
    SearchAttributes,
    Other,
}

/// A payload of an event, as text: pretty JSON, or a note of what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayloadText {
    /// `input`, `result`, `details`...
    pub name: String,
    pub encoding: String,
    pub bytes: u64,
    pub text: String,
}

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEvent {
    pub id: i64,
    pub at: Option<Timestamp>,
    pub kind: EventKind,
    /// Temporal's name of the event: `ActivityTaskScheduled`.
    pub event_type: String,
    /// What it is about: the activity type, the signal's name...
    pub subject: String,
    /// The event that opened the group this one belongs to; its own id when it opens one.
    pub group: i64,
    pub attempt: Option<u32>,
    pub failure: Option<String>,
    /// Who did it, where Temporal says so.
    pub identity: Option<String>,
    pub payloads: Vec<PayloadText>,
}

/// A page of a history, newest event first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    pub events: Vec<HistoryEvent>,
    /// Absent when the first event is on this page.
    pub next: Option<PageToken>,
}

/// Events as they happened, oldest first, of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryBatch {
    /// Changes when a workflow continues as new; event ids then start again at 1.
    pub run_id: RunId,
    pub events: Vec<HistoryEvent>,
}
