//! Declarations of the activities: names, arguments and results that workflows call and `activities/` implements.
//! The compiler holds both sides to them. Each takes one object and is safe to run twice.
//!
//! What workflows rely on:
//!
//! - **One effect per deployment.** A [`DeploymentRef`]'s `deployment_id` is made of the id of the deployment's workflow
//!   and of its run: the same on every attempt, by every worker, and another one when the workflow is started again.
//!   Asked again, an activity answers what it answered before.
//! - **Alive means beating.** An activity that can take longer than a few seconds heartbeats at least every two;
//!   ten seconds of silence and another worker starts over (`monitorHealth`: three intervals and five seconds).
//! - **Cancelled means stopped.** `runProductionMigrations`, `deployToProduction` and `waitForDeployment` change
//!   production. Cancelled, they stop and only then answer: their rollback begins when they have.
//! - **Undone is undone.** After `rollbackVercelDeployment` named a deployment as `undone`, `waitForDeployment` must
//!   not give traffic to it any more, even when a forgotten attempt of it is still running somewhere.
//! - An error that trying again cannot cure is not retryable. In a rollback it is tried again all the same, slowly,
//!   because a person may cure it.

#![expect(clippy::unimplemented, reason = "the SDK's macro demands this body for a declaration")]

use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_sdk::activities::ActivityError;

use crate::contracts::actor::Actor;
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{Journey, LiveVersion, MonitorSettings};
use crate::contracts::evidence::{Check, EvidencePackage};
use crate::contracts::health::{Baseline, HealthReport, Trigger};
use crate::contracts::ids::{CommitSha, DeploymentId, Environment, ServiceName, Version, WorkflowId};
use crate::contracts::rollback::{RollbackCause, RollbackReadiness, StepReport};

/// A service and one commit of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    pub service: ServiceName,
    pub commit: CommitSha,
    /// What people are told; refused when the service is configured for another one.
    pub environment: Environment,
}

/// A service and one deployment of it: the key under which each effect happens once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRef {
    pub service: ServiceName,
    pub deployment_id: DeploymentId,
    pub commit: CommitSha,
}

/// Argument of `collectAllEvidence`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectEvidence {
    pub subject: Subject,
    pub revision: u32,
    pub checks: Vec<Check>,
}

/// Result of `generateReadinessReport`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessReport {
    pub score: u8,
    /// Markdown.
    pub text: String,
}

/// A backup that was written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backup {
    /// Names the backup within the service's backup store. Empty when the service has no database: there was nothing
    /// to back up.
    pub id: String,
    pub bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    pub taken_at: Option<Timestamp>,
    /// The newest migration in it.
    pub schema_version: i64,
}

impl Backup {
    /// Whether something was backed up.
    pub fn is_there(&self) -> bool {
        !self.id.is_empty()
    }
}

/// Argument of `verifyBackup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyBackup {
    pub service: ServiceName,
    pub backup: Backup,
}

/// A backup that was opened, checked and found whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedBackup {
    pub verified_at: Timestamp,
    pub tables: u32,
    pub rows: u64,
}

/// What migrating did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationReport {
    pub from: i64,
    pub to: i64,
    /// Oldest first, such as `42 add retry`.
    pub applied: Vec<String>,
    /// Every one of them has a down script.
    pub reversible: bool,
}

/// Argument of `rollbackMigration`: down to `to`; from `backup` when a down script fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackMigration {
    pub deployment: DeploymentRef,
    pub to: i64,
    pub backup: Backup,
}

/// What rolling migrations back did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationsRolledBack {
    pub reverted: Vec<String>,
    pub restored_from_backup: bool,
    /// Nothing was touched, because a later deployment needs it: what stands on it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<String>,
}

/// A version that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
}

/// Argument of `rollbackToCommit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackToCommit {
    pub deployment: DeploymentRef,
    /// The commit whose content becomes current again.
    pub to: CommitSha,
    pub reason: String,
    pub actor: Actor,
}

/// Result of `rollbackToCommit`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeRolledBack {
    /// The new commit that undoes the release; empty when nothing was undone.
    pub rollback_commit: CommitSha,
    /// As in [`MigrationsRolledBack`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<String>,
}

/// Argument of `waitForDeployment`: send it all traffic, in the place of `replaces`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoLive {
    pub deployment: DeploymentRef,
    /// What served when the deployment was prepared; `None` when nothing did. Where something else serves by now,
    /// another deployment was faster: this one is refused, because its rollback would undo the other.
    pub replaces: Option<DeploymentId>,
}

/// Argument of `rollbackVercelDeployment`: serve `previous` again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedeployPrevious {
    pub service: ServiceName,
    /// The deployment that is being undone.
    pub undone: DeploymentId,
    pub previous: LiveVersion,
}

/// Argument of `verifyDeployment`: traffic must be answered by this version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyDeployment {
    pub service: ServiceName,
    pub version: Version,
    pub commit: CommitSha,
}

/// A version that was seen serving.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedDeployment {
    pub version: Version,
    pub commit: CommitSha,
    pub verified_at: Timestamp,
}

/// Argument of `getMetrics`: looks at the service before anything changes, as many and as far apart as the settings say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureBaseline {
    pub service: ServiceName,
    pub settings: MonitorSettings,
}

/// What `monitorHealth` watches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MonitorMode {
    /// Until the time is over or a trigger fires.
    Watch,
    /// Until `recovery_samples` consecutive looks were good.
    Recover,
}

/// Argument of `monitorHealth`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorHealth {
    pub service: ServiceName,
    pub mode: MonitorMode,
    pub settings: MonitorSettings,
    pub baseline: Option<Baseline>,
    /// When watching began. Its end, extensions and pauses are read from the workflow's memo on every look.
    pub started_at: Timestamp,
}

/// Result of `monitorHealth`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorOutcome {
    /// Absent when the time passed without a trigger.
    pub fired: Option<FiredTrigger>,
    pub report: HealthReport,
}

/// A trigger that asks for the rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FiredTrigger {
    pub trigger: Trigger,
    /// What was measured, as a sentence.
    pub detail: String,
    pub at: Timestamp,
}

/// Result of `runProductionUAT`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UatResults {
    pub journeys: Vec<Journey>,
}

/// Argument of `validateProduction`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateProduction {
    pub deployment: DeploymentRef,
    pub version: Version,
    pub report: HealthReport,
    pub uat: Vec<Journey>,
}

/// Result of `validateProduction`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    pub valid: bool,
    pub findings: Vec<String>,
}

/// Result of `setupMonitoring`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringSetup {
    pub active: bool,
    pub dashboards: Vec<String>,
}

/// Argument of `createIncidentTicket` and `documentRollback`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordRollback {
    pub workflow_id: WorkflowId,
    pub deployment: DeploymentRef,
    pub version: Version,
    pub previous: LiveVersion,
    pub cause: RollbackCause,
    pub steps: Vec<StepReport>,
    pub verified_at: Option<Timestamp>,
}

/// Result of `createIncidentTicket` and `documentRollback`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentTicket {
    pub incident_id: String,
}

/// Checks and evidence of a release.
pub struct Checks;

#[activity_definitions]
impl Checks {
    /// Runs the catalogue of gates against the commit and the live service.
    #[activity(name = "validateAllGates")]
    pub fn validate_all_gates(_subject: Subject) -> Result<Vec<Check>, ActivityError> {
        unimplemented!()
    }

    /// Puts checks, commit and rollback readiness together.
    #[activity(name = "collectAllEvidence")]
    pub fn collect_all_evidence(_collect: CollectEvidence) -> Result<EvidencePackage, ActivityError> {
        unimplemented!()
    }

    /// The score and a report for people.
    #[activity(name = "generateReadinessReport")]
    pub fn generate_readiness_report(_package: EvidencePackage) -> Result<ReadinessReport, ActivityError> {
        unimplemented!()
    }

    /// Whether the change is documented.
    #[activity(name = "checkDocumentation")]
    pub fn check_documentation(_subject: Subject) -> Result<Check, ActivityError> {
        unimplemented!()
    }

    /// Whether the live service can be watched at all.
    #[activity(name = "checkMonitoring")]
    pub fn check_monitoring(_subject: Subject) -> Result<Check, ActivityError> {
        unimplemented!()
    }

    /// The user journeys, against the live service.
    #[activity(name = "runProductionUAT")]
    pub fn run_production_uat(_deployment: DeploymentRef) -> Result<UatResults, ActivityError> {
        unimplemented!()
    }

    /// The last word on a deployment that was watched: everything measured, held together.
    #[activity(name = "validateProduction")]
    pub fn validate_production(_validate: ValidateProduction) -> Result<Validation, ActivityError> {
        unimplemented!()
    }
}

/// The database of a service.
pub struct Database;

#[activity_definitions]
impl Database {
    /// A full backup, once per deployment; none of a service without a database.
    #[activity(name = "createProductionBackup")]
    pub fn create_production_backup(_deployment: DeploymentRef) -> Result<Backup, ActivityError> {
        unimplemented!()
    }

    /// Opens the backup and checks that it is whole.
    #[activity(name = "verifyBackup")]
    pub fn verify_backup(_verify: VerifyBackup) -> Result<VerifiedBackup, ActivityError> {
        unimplemented!()
    }

    /// Applies the migrations of the commit.
    #[activity(name = "runProductionMigrations")]
    pub fn run_production_migrations(_deployment: DeploymentRef) -> Result<MigrationReport, ActivityError> {
        unimplemented!()
    }

    /// Takes migrations back, or restores the backup, then checks the data.
    #[activity(name = "rollbackMigration")]
    pub fn rollback_migration(_rollback: RollbackMigration) -> Result<MigrationsRolledBack, ActivityError> {
        unimplemented!()
    }
}

/// Where versions run.
pub struct Deploy;

#[activity_definitions]
impl Deploy {
    /// What serves the traffic now.
    #[activity(name = "getDeploymentStatus")]
    pub fn get_deployment_status(_service: ServiceName) -> Result<LiveVersion, ActivityError> {
        unimplemented!()
    }

    /// What a rollback from the given deployment would do.
    #[activity(name = "getRollbackReadiness")]
    pub fn get_rollback_readiness(_subject: Subject) -> Result<RollbackReadiness, ActivityError> {
        unimplemented!()
    }

    /// Starts the version beside the live one.
    #[activity(name = "deployToProduction")]
    pub fn deploy_to_production(_deployment: DeploymentRef) -> Result<Deployed, ActivityError> {
        unimplemented!()
    }

    /// Waits until it is healthy, then sends it all traffic.
    #[activity(name = "waitForDeployment")]
    pub fn wait_for_deployment(_go_live: GoLive) -> Result<LiveVersion, ActivityError> {
        unimplemented!()
    }

    /// Asks through the public address which version answers.
    #[activity(name = "verifyDeployment")]
    pub fn verify_deployment(_verify: VerifyDeployment) -> Result<VerifiedDeployment, ActivityError> {
        unimplemented!()
    }

    /// Serves the previous version again, starting it where it is gone, and answers what serves now: where the undone
    /// deployment never had the traffic, what took it meanwhile keeps it. The seed's name; the target is configured.
    #[activity(name = "rollbackVercelDeployment")]
    pub fn rollback_deployment(_redeploy: RedeployPrevious) -> Result<LiveVersion, ActivityError> {
        unimplemented!()
    }
}

/// The repository of a service.
pub struct Git;

#[activity_definitions]
impl Git {
    /// A commit on the release branch that restores the content of an earlier one and says why.
    #[activity(name = "rollbackToCommit")]
    pub fn rollback_to_commit(_rollback: RollbackToCommit) -> Result<CodeRolledBack, ActivityError> {
        unimplemented!()
    }
}

/// Watching a live service.
pub struct Monitor;

#[activity_definitions]
impl Monitor {
    /// The baseline.
    #[activity(name = "getMetrics")]
    pub fn get_metrics(_measure: MeasureBaseline) -> Result<Baseline, ActivityError> {
        unimplemented!()
    }

    /// Looks at the service until told otherwise; each heartbeat carries the whole report.
    #[activity(name = "monitorHealth")]
    pub fn monitor_health(_monitor: MonitorHealth) -> Result<MonitorOutcome, ActivityError> {
        unimplemented!()
    }

    /// Leaves the standing watch over the service in place.
    #[activity(name = "setupMonitoring")]
    pub fn setup_monitoring(_deployment: DeploymentRef) -> Result<MonitoringSetup, ActivityError> {
        unimplemented!()
    }
}

/// Records for people.
pub struct Incident;

#[activity_definitions]
impl Incident {
    /// Level-4 escalation: one incident per rolled-back deployment.
    #[activity(name = "createIncidentTicket")]
    pub fn create_incident_ticket(_record: RecordRollback) -> Result<IncidentTicket, ActivityError> {
        unimplemented!()
    }

    /// The sixth rollback step: the reason, in the repository's history and in the incident.
    #[activity(name = "documentRollback")]
    pub fn document_rollback(_record: RecordRollback) -> Result<IncidentTicket, ActivityError> {
        unimplemented!()
    }
}

/// Markers of the declarations above, for `#[activity(definition = …)]` in `activities/`: the SDK's macro hides them.
pub mod definition {
    pub use super::checks::{
        CheckDocumentation, CheckMonitoring, CollectAllEvidence, GenerateReadinessReport, RunProductionUat,
        ValidateAllGates, ValidateProduction,
    };
    pub use super::database::{CreateProductionBackup, RollbackMigration, RunProductionMigrations, VerifyBackup};
    pub use super::deploy::{
        DeployToProduction, GetDeploymentStatus, GetRollbackReadiness, RollbackDeployment, VerifyDeployment,
        WaitForDeployment,
    };
    pub use super::git::RollbackToCommit;
    pub use super::incident::{CreateIncidentTicket, DocumentRollback};
    pub use super::monitor::{GetMetrics, MonitorHealth, SetupMonitoring};
}
