//! What an agent answers, in the seeds' form.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::state::Goal;
use crate::contracts::ids::{AttemptId, GoalId, StepId, WorkKind, WorkflowId};

/// How a piece of work ended, or that it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AgentStatus {
    /// Done.
    Ok,
    /// A report on the way: the step goes on.
    Partial,
    /// Not done, and this attempt is over.
    Fail,
}

impl AgentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Partial => "PARTIAL",
            Self::Fail => "FAIL",
        }
    }
}

/// Something the work left behind: a pull request, a document, a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// What it is, such as `PR`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What tells two artifacts of one type apart, such as a pull request's number.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub meta: Value,
}

/// Tokens of a language model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    pub prompt: u64,
    pub completion: u64,
}

/// What the work cost. The coordinator takes it off the response: it never enters a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentMetrics {
    pub tokens: Option<Tokens>,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// What an agent is asked to do: one attempt of one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentRequest {
    pub goal_id: GoalId,
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    /// To be sent back with the answer. Work that comes twice under one id is to be done once.
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
    /// `stepId:runId`.
    pub correlation_id: String,
    pub kind: WorkKind,
    /// What the rules say of it.
    pub payload: Value,
    pub goal: Goal,
    /// Counts from 1.
    pub attempt: u32,
    /// Who is asked.
    pub agent: String,
    /// What its configuration says it is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// After this the step is somebody else's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
    /// Above 0 it has this work already, and is reminded of it for the n-th time.
    #[serde(skip_serializing_if = "is_zero")]
    pub reminder: u32,
    /// Where an answer that comes later is posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

impl AgentRequest {
    /// The work was not done, and why: said in its agent's place.
    pub fn failed(&self, why: &str) -> AgentResponse {
        AgentResponse {
            goal_id: self.goal_id.clone(),
            workflow_id: self.workflow_id.clone(),
            step_id: self.step_id.clone(),
            attempt_id: self.attempt_id.clone(),
            agent_role: self.agent.clone(),
            status: AgentStatus::Fail,
            content: Value::Null,
            artifacts: Vec::new(),
            metrics: None,
            errors: Value::String(why.to_owned()),
        }
    }
}

/// An agent's answer for one attempt of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentResponse {
    /// For people: an answer counts by its workflow, step and attempt, and where this names another goal the goal's log
    /// says so.
    #[serde(default)]
    #[schema(required = true)]
    pub goal_id: GoalId,
    #[serde(default)]
    #[schema(required = true)]
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    /// Which attempt of the step this answers. `runId` on the wire, as the seeds have it; not a Temporal run.
    #[serde(default, rename = "runId")]
    #[schema(required = true)]
    pub attempt_id: AttemptId,
    #[serde(default)]
    #[schema(required = true)]
    pub agent_role: String,
    pub status: AgentStatus,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub content: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<AgentMetrics>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub errors: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde dictates it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl AgentMetrics {
    /// The cost in millionths of a US dollar; nothing for what is no amount of money.
    pub fn cost_micros(&self) -> u64 {
        let cost = self.cost_usd.filter(|cost| cost.is_finite() && *cost > 0.0).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
        let micros = (cost * 1e6).round() as u64;
        micros
    }
}

impl AgentResponse {
    /// Its artifacts by the key they are kept under, `TYPE:ref`. One without a name of its own is named after where it
    /// came from: the same on every replay.
    pub fn keyed_artifacts(&self) -> Vec<(String, Value)> {
        let keyed = |(position, artifact): (usize, &Artifact)| {
            let name = artifact.reference.clone().unwrap_or_else(|| format!("{}.{}", self.step_id, position + 1));
            (format!("{}:{name}", artifact.kind), serde_json::to_value(artifact).unwrap_or_default())
        };
        self.artifacts.iter().enumerate().map(keyed).collect()
    }
}
