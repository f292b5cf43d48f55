//! Inputs, states and outputs of the delivery workflows, as the seeds name them (requirements §3).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::DecisionRecord;
use crate::contracts::evidence::{Check, EvidencePackage};
use crate::contracts::health::{Baseline, HealthReport, TriggerRules};
use crate::contracts::ids::{CommitSha, DeploymentId, Environment, RequestId, ServiceName, Version, WorkflowId};
use crate::contracts::rollback::{RollbackProgress, RollbackReadiness};

/// Whether signals that need authority are obeyed without proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignalPolicy {
    /// Recorded as refused.
    #[default]
    Proven,
    /// Obeyed, whoever sent them.
    Open,
}

/// Who may decide the gates of a workflow. Public keys only: inputs are readable by everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Authority {
    pub signals: SignalPolicy,
    /// Ed25519 public keys, in hex, of the coordinators whose proof counts. Without any, an update needs no proof.
    pub deciders: Vec<String>,
}

/// Input of `ProductionReadinessWorkflow`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessInput {
    pub service: ServiceName,
    pub commit_sha: CommitSha,
    #[serde(default)]
    pub requirement_id: Option<String>,
    #[serde(default)]
    pub requested_by: String,
    /// How long the human gate stays open; then it is rejected, never approved.
    #[serde(default = "ReadinessInput::default_deadline")]
    pub deadline_ms: Millis,
    #[serde(default)]
    pub authority: Authority,
    /// The deployment to start when the gate is approved, as a workflow of its own. Its `commit_sha` must be this one.
    #[serde(default)]
    pub then_deploy: Option<ThenDeploy>,
}

impl ReadinessInput {
    /// 72 h (requirements §6.1).
    pub fn default_deadline() -> Millis {
        Millis::from_hours(72)
    }
}

/// What readiness starts once approved.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThenDeploy {
    pub workflow_id: WorkflowId,
    pub input: DeploymentInput,
}

/// Output of `ProductionReadinessWorkflow`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessOutput {
    pub approved: bool,
    pub readiness_score: u8,
    pub gate_results: Vec<Check>,
    #[serde(default)]
    pub approved_by: Option<String>,
    #[serde(default)]
    pub approved_at: Option<Timestamp>,
    #[serde(default)]
    pub rejection_reason: Option<String>,
}

/// Answer of `getEvidenceSummary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    pub revision: u32,
    pub package: Option<EvidencePackage>,
    pub decisions: Vec<DecisionRecord>,
    /// Messages that were not obeyed, newest last, bounded.
    pub refused: Vec<RefusedMessage>,
}

/// A message that was not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedMessage {
    pub at: Timestamp,
    /// Name of the signal.
    pub name: String,
    pub why: String,
}

/// How a live deployment is watched. Defaults are the seeds' production numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MonitorSettings {
    pub interval_ms: Millis,
    pub duration_ms: Millis,
    /// Looks taken before the deploy for the baseline.
    pub baseline_samples: u32,
    /// Consecutive good looks after which a rolled-back service counts as healthy.
    pub recovery_samples: u32,
    pub rules: TriggerRules,
}

impl MonitorSettings {
    /// Between two looks. More often would be an attack on the service.
    pub const SHORTEST_INTERVAL: Millis = Millis(50);
    pub const LONGEST_INTERVAL: Millis = Millis::from_hours(1);
    /// The furthest ahead that a watch may end.
    pub const LONGEST_WATCH: Millis = Millis::from_hours(24);
    /// Looks for the baseline, and for the recovery: as many as a [`HealthReport`] keeps.
    pub const MOST_SAMPLES: u32 = 120;
}

const _: () = assert!(MonitorSettings::MOST_SAMPLES as usize == HealthReport::KEPT, "more could never be seen");

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            interval_ms: Millis::from_secs(15),
            duration_ms: Millis::from_secs(600),
            baseline_samples: 10,
            recovery_samples: 3,
            rules: TriggerRules::default(),
        }
    }
}

/// Input of `ProductionDeploymentWorkflow`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentInput {
    pub service: ServiceName,
    #[serde(default)]
    pub branch_name: String,
    pub commit_sha: CommitSha,
    #[serde(default = "Environment::production")]
    pub environment: Environment,
    #[serde(default)]
    pub requested_by: String,
    #[serde(default)]
    pub monitor: MonitorSettings,
    /// The longest that `pauseMonitoring` may hold the triggers back.
    #[serde(default = "DeploymentInput::default_pause")]
    pub max_pause_ms: Millis,
}

impl DeploymentInput {
    pub fn default_pause() -> Millis {
        Millis::from_secs(600)
    }
}

/// Where a deployment stands, in the order of its ten activities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentStage {
    /// Recording what is live, and the baseline.
    #[default]
    Preparing,
    BackingUp,
    Migrating,
    Deploying,
    Verifying,
    Monitoring,
    Accepting,
    Validating,
    Live,
    RollingBack,
    RolledBack,
    /// It failed before anything was changed in production.
    Failed,
}

impl DeploymentStage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::BackingUp => "backing-up",
            Self::Migrating => "migrating",
            Self::Deploying => "deploying",
            Self::Verifying => "verifying",
            Self::Monitoring => "monitoring",
            Self::Accepting => "accepting",
            Self::Validating => "validating",
            Self::Live => "live",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }
}

/// A deployment in a few fields, small enough for a memo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentSummary {
    pub service: ServiceName,
    pub deployment_id: DeploymentId,
    pub commit: CommitSha,
    #[serde(default)]
    pub version: Version,
    pub stage: DeploymentStage,
    /// What was live before: where a rollback goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<LiveVersion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_since: Option<Timestamp>,
    /// The monitor reads these two on every look: extending and pausing reach it through the memo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
}

/// What serves a service's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveVersion {
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
    pub since: Timestamp,
}

/// Answer of `getDeploymentStatus`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    pub summary: DeploymentSummary,
    pub rollback: RollbackReadiness,
    pub rolling_back: Option<RollbackProgress>,
    pub refused: Vec<RefusedMessage>,
}

/// What a deployment leaves behind as proof.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProductionValidationEvidence {
    pub baseline: Option<Baseline>,
    pub health: Option<HealthReport>,
    pub uat: Vec<Journey>,
    pub findings: Vec<String>,
    pub rollback: Option<RollbackProgress>,
    /// Level-4 escalation (requirements §6.6): the incident that was recorded.
    pub incident_id: Option<String>,
}

/// One user journey of the acceptance test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    pub name: String,
    pub critical: bool,
    pub passed: bool,
    pub detail: String,
}

/// Output of `ProductionDeploymentWorkflow`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentOutput {
    pub deployed: bool,
    pub deployment_id: DeploymentId,
    pub health_validated: bool,
    pub uat_passed: bool,
    pub rollback_triggered: bool,
    #[serde(default)]
    pub rollback_completed: Option<bool>,
    pub evidence: ProductionValidationEvidence,
    pub monitoring_active: bool,
}

/// Argument of `extendMonitoring`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtendMonitoring {
    #[serde(default)]
    pub request_id: RequestId,
    pub by_ms: Millis,
    #[serde(default)]
    pub actor: Actor,
}

/// Argument of `pauseMonitoring`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PauseMonitoring {
    #[serde(default)]
    pub request_id: RequestId,
    /// Cut to the input's `max_pause_ms`; then monitoring resumes by itself.
    pub for_ms: Millis,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub actor: Actor,
}

/// How bad a bug is. Only the worst two roll back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Severity {
    P0,
    P1,
    P2,
    P3,
    P4,
}

impl Severity {
    /// Bad enough for the trigger `severe-bug`.
    pub fn rolls_back(self) -> bool {
        matches!(self, Self::P0 | Self::P1)
    }
}

/// Argument of `reportBug`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportBug {
    #[serde(default)]
    pub request_id: RequestId,
    pub severity: Severity,
    /// What is wrong, in a sentence.
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub actor: Actor,
}
