//! The memo `gatewatch`: what a workflow publishes about itself, readable with every worker down.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::decision::DecisionRecord;
use crate::contracts::delivery::{DeploymentSummary, RefusedMessage};
use crate::contracts::engine::budget::Budget;
use crate::contracts::engine::input::Decider;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::StepState;
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::{AttemptId, Environment, ServiceName, StepId, WorkKind};
use crate::contracts::phase::Phase;
use crate::contracts::rollback::{RollbackProgress, RollbackReadiness};

/// Version 1 of the memo. At most 2 KB: server and SDK warn beyond that. Workflows in any language may publish it;
/// every field but `v` may be absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Published {
    pub v: u32,
    /// What this is, for people: `checkout v42 → production`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Who asked for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub started_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<OpenGate>,
    /// The latest decision, so that the next person sees who was first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<DecisionRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackReadiness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_back: Option<RollbackProgress>,
    /// Steps that wait for an agent, the most urgent first, as many as have room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<WaitingStep>,
    /// Reminders for agents that have a step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<Reminder>,
    /// The latest message that was not obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident_id: Option<String>,
    /// Of a goal: who decides what follows an answer; left out when its spec does.
    #[serde(skip_serializing_if = "Decider::is_spec")]
    pub decider: Decider,
    /// Of a goal: the spec it is pinned to, with the beginning of its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<SpecPin>,
    /// Of a goal: what it may cost, when its spec says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    pub updated_at: Option<Timestamp>,
}

impl Published {
    pub const VERSION: u32 = 1;
    /// Where server and SDK begin to warn.
    pub const MAX_BYTES: usize = 2048;
}

/// A step that waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingStep {
    pub id: StepId,
    pub kind: WorkKind,
    /// 1 is done before 5.
    #[serde(default = "ordinary", skip_serializing_if = "is_ordinary")]
    pub priority: u8,
    /// Since when it waits.
    #[serde(default)]
    pub since: UnixMillis,
    /// Agents that had it until it was overdue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
}

/// Somebody must be told that a step is overdue, or that a person waits for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reminder {
    pub id: StepId,
    pub kind: WorkKind,
    pub agent: String,
    /// The attempt that has the step.
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
    /// Counts over all attempts of the step.
    pub number: u32,
}

/// Temporal's own default.
fn ordinary() -> u8 {
    StepState::ORDINARY
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde dictates it")]
fn is_ordinary(priority: &u8) -> bool {
    *priority == StepState::ORDINARY
}
