//! What a goal's workflow knows: the union of what both seeds ask of it, as `currentState` answers.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::budget::Budget;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::engine::fact::Undecided;
use crate::contracts::engine::input::Decider;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::ids::{AttemptId, GoalId, StepId, WorkKind, WorkflowId};

/// Where a goal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EngineStatus {
    /// Agents can work.
    #[default]
    Running,
    /// Nothing can go on until somebody unblocks a step.
    Blocked,
    /// Nothing is open but approvals of people.
    AwaitingApproval,
    Completed,
    Failed,
    Cancelled,
}

impl EngineStatus {
    /// Whether it has ended: nothing changes any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Running | Self::Blocked | Self::AwaitingApproval => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Blocked => "BLOCKED",
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepStatus {
    /// Nobody works on it yet.
    #[default]
    Waiting,
    /// Leased to an agent, or reported on.
    InProgress,
    Done,
    Failed,
    /// Out of attempts or out of budget: a person must say what next.
    Blocked,
    /// Not wanted any more: what it was to replace was overridden, or another step is the same. It counts for nothing.
    Skipped,
}

impl StepStatus {
    /// Whether something is still to come of it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::InProgress | Self::Blocked => true,
            Self::Done | Self::Failed | Self::Skipped => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::InProgress => "IN_PROGRESS",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Blocked => "BLOCKED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// One requested piece of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    pub kind: WorkKind,
    pub status: StepStatus,
    #[serde(default)]
    pub requested_at: UnixMillis,
    #[serde(default)]
    pub updated_at: UnixMillis,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// When it should be done; the spec's rules say what happens then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
    /// Workflows started for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<WorkflowId>,
    /// The attempt that has the lease; an answer of another one is late.
    #[serde(default, rename = "runId", skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<AttemptId>,
    /// Who works on it, or did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// When the lease ends by itself: whoever took the step is gone, and it is offered again. Absent when it was taken
    /// without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<UnixMillis>,
    /// How often it was leased.
    #[serde(default)]
    pub attempts: u32,
    /// How often somebody was reminded of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminders: u32,
    /// When the agent that has it now was reminded last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<UnixMillis>,
    /// Agents that had it until it was overdue: it is for somebody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
    /// Why it failed, is blocked, or was overridden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The steps whose answers asked for it: the edges of the plan's graph.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// Its place in the order in which steps were requested.
    #[serde(default)]
    pub order: u64,
    /// What its agent answered last; left out when it is large.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub content: Value,
}

impl StepState {
    /// The priority of a step that names none, as Temporal has it.
    pub const ORDINARY: u8 = 3;

    /// How urgent it is, 1 before 5: `priority` of its payload.
    pub fn priority(&self) -> u8 {
        let named = self.payload.get("priority").and_then(Value::as_u64);
        named.and_then(|number| u8::try_from(number.clamp(1, 5)).ok()).unwrap_or(Self::ORDINARY)
    }

    /// Whether a person decides it, not an agent.
    pub fn is_approval(&self) -> bool {
        self.kind.as_str() == APPROVAL
    }

    /// Where it stands, in words.
    pub fn standing(&self) -> &'static str {
        match self.status {
            StepStatus::Waiting if self.is_approval() => "waits for a person",
            StepStatus::Done if self.is_approval() => "approved",
            StepStatus::Failed if self.is_approval() => "rejected",
            StepStatus::Waiting => "waits for an agent",
            StepStatus::InProgress => "in progress",
            StepStatus::Done => "done",
            StepStatus::Failed => "failed",
            StepStatus::Blocked => "blocked",
            StepStatus::Skipped => "not wanted any more",
        }
    }

    /// Takes an agent's answer in.
    pub fn take(&mut self, response: &AgentResponse) {
        self.content = response.content.clone();
        if !response.attempt_id.is_empty() {
            self.attempt_id = Some(response.attempt_id.clone());
        }
        if !response.agent_role.is_empty() && self.agent.is_none() {
            self.agent = Some(response.agent_role.clone());
        }
        (self.status, self.reason) = match response.status {
            AgentStatus::Ok => (StepStatus::Done, None),
            AgentStatus::Partial => (StepStatus::InProgress, None),
            AgentStatus::Fail => (StepStatus::Failed, Some(told(&response.errors))),
        };
        if !self.status.is_open() {
            (self.due, self.lease_until) = (None, None);
        }
    }
}

/// Errors of an answer as one text.
fn told(errors: &Value) -> String {
    match errors.as_str() {
        Some(text) => text.to_owned(),
        None if errors.is_null() => "No reason was given.".to_owned(),
        None => errors.to_string(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde dictates it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the job is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Goal {
    pub description: String,
    pub constraints: Vec<String>,
    pub acceptance_criteria: Vec<String>,
}

/// How and why it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    pub done: bool,
    pub reason: String,
    pub at: UnixMillis,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    pub at: UnixMillis,
    /// What, such as `AGENT_COMPLETED`.
    pub event: String,
    pub data: Value,
}

/// A goal's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EngineState {
    pub goal_id: GoalId,
    pub status: EngineStatus,
    pub goal: Goal,
    /// The plan as it was given; the graph as it came to be is in each step's `after`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub plan: Value,
    /// Every step, open or not, by id. The seeds' name.
    pub open_steps: BTreeMap<StepId, StepState>,
    /// By `TYPE:ref`, and annotations by their key.
    pub artifacts: BTreeMap<String, Value>,
    /// Oldest first, bounded.
    #[schema(value_type = Vec<LogEntry>)]
    pub log: VecDeque<LogEntry>,
    /// Older entries that the bound has pushed out.
    pub log_dropped: u64,
    pub completion: Option<Completion>,
    /// The rules that decide, when the spec does.
    pub spec: Option<SpecPin>,
    /// Who decides; left out when the spec does.
    #[serde(skip_serializing_if = "Decider::is_spec")]
    pub decider: Decider,
    /// What happened and waits for a decision from outside, oldest first; absent when the spec decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Vec<Undecided>>,
    /// What it may cost, when its spec says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl EngineState {
    /// The step of a kind that was requested last: what counts when one was done, then asked for again.
    pub fn latest(&self, kind: &str) -> Option<(&StepId, &StepState)> {
        let counts = |step: &StepState| step.kind.as_str() == kind && step.status != StepStatus::Skipped;
        self.open_steps.iter().filter(|(_, step)| counts(step)).max_by_key(|(_, step)| step.order)
    }

    /// Whether nothing is open, something was done, and the latest step of every kind is done: the least that must
    /// hold before a goal can be complete. An earlier step may have failed; what replaced it counts.
    pub fn is_settled(&self) -> bool {
        let mut latest: BTreeMap<&WorkKind, &StepState> = BTreeMap::new();
        for step in self.open_steps.values().filter(|step| step.status != StepStatus::Skipped) {
            let known = latest.entry(&step.kind).or_insert(step);
            if step.order > known.order {
                *known = step;
            }
        }
        let open = self.open_steps.values().any(|step| step.status.is_open());
        !open && !latest.is_empty() && latest.values().all(|step| step.status == StepStatus::Done)
    }

    /// Steps in the order in which they were requested.
    pub fn in_order(&self) -> Vec<(&StepId, &StepState)> {
        let mut steps: Vec<_> = self.open_steps.iter().collect();
        steps.sort_by_key(|(_, step)| step.order);
        steps
    }
}
