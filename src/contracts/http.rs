//! Bodies of the coordinator's HTTP interface: what it serves and what the gateway's client sends.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::contracts::agent::{AgentStatus, Artifact};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::EngineState;
use crate::contracts::failure::Failure;
use crate::contracts::gate::OpenGate;
use crate::contracts::health::{Baseline, HealthReport, TriggerRules, TriggerState};
use crate::contracts::ids::{
    AttemptId, DecisionId, Environment, EvidenceDigest, GateId, RequestId, RunId, SpecName, WorkKind, WorkflowId,
};
use crate::contracts::rollback::RollbackReply;
use crate::contracts::roster::{HeldBack, Spent};
use crate::contracts::workflow::WorkflowRow;

/// Body of `POST /v1/decisions`. Who decides comes from the bearer token, never from the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRequest {
    /// Made once by the client and sent again with every retry.
    pub decision_id: DecisionId,
    pub workflow_id: WorkflowId,
    pub gate: GateId,
    pub verdict: Verdict,
    #[serde(default)]
    pub evidence: Option<EvidenceDigest>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Answer of `POST /v1/decisions`: 200 applied or repeated, 202 in doubt, 409 refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionResponse {
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Body of `POST /v1/workflows/{id}/rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackBody {
    pub request_id: RequestId,
    #[serde(default)]
    pub reason: Option<String>,
}

/// What became of a rollback request: 200 accepted, 202 sent as a durable signal because no worker answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum RollbackOutcome {
    /// The workflow has it.
    Accepted { reply: RollbackReply },
    /// The server holds it durably; a worker will act on it as soon as there is one.
    InDoubt {
        #[serde(rename = "requestId")]
        request_id: RequestId,
    },
}

/// One row of `GET /v1/gates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateRow {
    pub workflow_id: WorkflowId,
    #[serde(default)]
    pub environment: Option<Environment>,
    pub gate: OpenGate,
}

/// Answer of `GET /v1/gates`, earliest deadline first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateList {
    pub gates: Vec<GateRow>,
    pub at: Timestamp,
}

/// Answer of `GET /v1/goals`: a hint, some hundred milliseconds old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalList {
    /// The newest first.
    pub goals: Vec<WorkflowRow>,
    pub at: Timestamp,
}

/// Answer of `GET /v1/goals/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalView {
    pub workflow_id: WorkflowId,
    pub state: EngineState,
    /// What holds its waiting steps back, though agents take them; as this coordinator counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<HeldBack>,
    pub at: Timestamp,
}

/// Answer of `GET /v1/goals/{id}/usage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalUsage {
    pub workflow_id: WorkflowId,
    pub spent: Spent,
    /// What holds its waiting steps back, though agents take them; as this coordinator counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<HeldBack>,
    pub at: Timestamp,
}

/// Body of `POST /v1/goals`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartBody {
    /// Made once by the client and sent again with every retry.
    pub request_id: RequestId,
    /// Workflow id of the goal; with a tenant it begins with `TENANT:`, written or not.
    pub workflow_id: WorkflowId,
    /// Whose goal it is. Left out, the caller's own tenant when they are bound to one, else the one that the id begins with.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The work to begin with, such as `REQUIREMENTS`; instead of a `bootDecision` or a plan that is one.
    #[serde(default)]
    pub kind: Vec<WorkKind>,
    /// Inputs: kept as notes of the goal, and given to the work of `kind`.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// What it is about and begins with. `specName` is one of `GET /v1/specs`: its text of now is put in, and so pinned.
    #[serde(default)]
    pub input: EngineInput,
}

/// Answer of `POST /v1/goals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedGoal {
    pub workflow_id: WorkflowId,
    pub run_id: RunId,
    /// What it is pinned to, when this very request had started it before as well: then with the beginning of the hash
    /// where the text has changed since. Until a worker has begun it, what was sent now.
    pub spec: SpecPin,
}

/// Body of what a goal is told without more words: `approve` and `nudge` of a step. Who tells it comes from the bearer
/// token, never from the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToldBody {
    /// Made once by the client and sent again with every retry.
    pub request_id: RequestId,
}

/// Body of `reject` and `requeue` of a step, and of `cancel` of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonBody {
    pub request_id: RequestId,
    pub reason: String,
}

/// How a step ended, as a person says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ended {
    Done,
    Failed,
}

/// Body of `override` of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideBody {
    pub request_id: RequestId,
    pub status: Ended,
    pub reason: String,
}

/// Body of `answer` of a step: what its agent, CI, a reviewer or QA would say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerBody {
    pub request_id: RequestId,
    pub status: AgentStatus,
    /// The attempt it answers; the current one when it is absent.
    #[serde(default, rename = "runId")]
    pub attempt_id: AttemptId,
    #[serde(default)]
    pub agent_role: String,
    #[serde(default)]
    pub content: Value,
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    #[serde(default)]
    pub errors: Value,
}

/// Body of `POST /v1/goals/{id}/events`: something outside happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    pub request_id: RequestId,
    /// Such as `ciStatusChanged`.
    pub event_type: String,
    #[serde(default)]
    pub payload: Value,
}

/// Body of `POST /v1/goals/{id}/work`: one more piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkBody {
    pub request_id: RequestId,
    pub kind: WorkKind,
    #[serde(default)]
    pub payload: Value,
}

/// Body of `POST /v1/goals/{id}/spec`: other rules from now on. Either the whole spec, or the name of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdoptBody {
    pub request_id: RequestId,
    /// The whole spec, in TOML.
    #[serde(default)]
    pub document: Option<String>,
    /// The name of one of `GET /v1/specs`.
    #[serde(default)]
    pub spec: Option<SpecName>,
}

/// A spec that goals can be started with by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpecView {
    #[serde(flatten)]
    pub pin: SpecPin,
    pub description: String,
    /// Its file; absent of those that come with gatewatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Answer of `GET /v1/specs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpecList {
    pub specs: Vec<SpecView>,
    /// What is wrong with files of the folder. One that was good before serves its last good text.
    pub troubles: Vec<Failure>,
    pub at: Timestamp,
}

/// Event `board` of `GET /v1/deployments/{id}/health`: what samples are held against, and where each trigger stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthBoard {
    pub baseline: Option<Baseline>,
    pub rules: TriggerRules,
    pub triggers: Vec<TriggerState>,
    pub interval_ms: Millis,
    pub started_at: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub paused_until: Option<Timestamp>,
}

impl HealthBoard {
    pub fn of(report: &HealthReport) -> Self {
        Self {
            baseline: report.baseline.clone(),
            rules: report.rules.clone(),
            triggers: report.triggers.clone(),
            interval_ms: report.interval_ms,
            started_at: report.started_at,
            until: report.until,
            paused_until: report.paused_until,
        }
    }
}

/// Event `gap` of the same stream: samples that a listener missed and that nobody keeps any more, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthGap {
    pub from: u64,
    pub to: u64,
}

/// Event `end` of the same stream: nothing follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthEnd {
    /// As a sentence.
    pub why: String,
}

/// Answer of `GET /readyz` when ready; an [`ErrorBody`] says why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    pub since: Timestamp,
    /// The coordinator's clock.
    pub at: Timestamp,
    /// Where answers of agents come from beside the webhook. Away, it makes nobody unready: it is not needed to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueStanding>,
}

/// A queue as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueStanding {
    pub address: String,
    pub stream: String,
    pub consumer: String,
    /// Messages can be taken.
    pub up: bool,
    /// Why they cannot; empty when they can.
    pub trouble: String,
}

/// Answer of `GET /v1/key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    pub algorithm: String,
    /// In hex: what workflows are started with among their deciders.
    pub public_key: String,
}

/// Body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    pub error: Failure,
    /// What is wrong with the body, field by field, where several things can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

impl From<Failure> for ErrorBody {
    fn from(error: Failure) -> Self {
        Self { error, errors: Vec::new() }
    }
}

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Where, such as `artifacts[1].type`; empty when it is the whole.
    pub field: String,
    /// As a sentence.
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
