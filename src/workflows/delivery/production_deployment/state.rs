//! The state of one deployment: how far it got, why it is stopped, what is known about it. Pure.

use crate::contracts::actor::{Actor, Via};
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{
    DeploymentInput, DeploymentOutput, DeploymentStage, DeploymentStatus, DeploymentSummary, Journey, LiveVersion,
    MonitorSettings, ProductionValidationEvidence, RefusedMessage,
};
use crate::contracts::health::{HealthReport, HealthStatus, Trigger};
use crate::contracts::ids::{CommitSha, DeploymentId, Environment, ServiceName, Version, WorkflowId};
use crate::contracts::phase::PhaseStatus;
use crate::contracts::rollback::{RollbackCause, RollbackReadiness};
use crate::contracts::temporal::activities::{
    Backup, DeploymentRef, GoLive, MigrationReport, MonitorHealth, MonitorMode, RecordRollback, Subject,
    VerifyDeployment,
};
use crate::contracts::temporal::memo::Published;
use crate::workflows::blocks::monitor::Watch;
use crate::workflows::blocks::pause::Pause;
use crate::workflows::blocks::phases::Phases;
use crate::workflows::blocks::publish::{Face, Publisher, Upserts};
use crate::workflows::blocks::refused::RefusedLog;
use crate::workflows::blocks::saga::Rollback;
use crate::workflows::blocks::seen::SeenIds;
use crate::workflows::blocks::text::clip;

/// The phases of a deployment, in their order.
const PHASES: [&str; 8] = ["prepare", "backup", "migrate", "deploy", "verify", "monitor", "accept", "validate"];
const ROLLBACK: &str = "rollback";

/// How far migrating got. The moment it begins is the moment from which only a rollback leads back.
#[derive(Clone, Debug, Default)]
pub(super) enum Migrations {
    #[default]
    NotBegun,
    /// It began, and what it did is not known: it failed, or was interrupted.
    InDoubt,
    Applied(MigrationReport),
}

/// Why the way forward stops.
#[derive(Clone, Debug)]
pub(super) struct Stopped {
    pub(super) cause: RollbackCause,
    pub(super) by: StoppedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoppedBy {
    /// A trigger, or a person.
    Request,
    /// Temporal's own cancel: the workflow ends as cancelled once everything is undone.
    Cancel,
}

/// Everything known about one deployment.
pub(super) struct Deployment {
    workflow_id: WorkflowId,
    id: DeploymentId,
    service: ServiceName,
    commit: CommitSha,
    requested_by: String,
    environment: Environment,
    settings: MonitorSettings,
    stage: DeploymentStage,
    version: Version,
    previous: Option<LiveVersion>,
    /// What the rollback found or made serving.
    restored: Option<LiveVersion>,
    live_since: Option<Timestamp>,
    readiness: RollbackReadiness,
    backup: Backup,
    migrations: Migrations,
    evidence: ProductionValidationEvidence,
    health_validated: bool,
    uat_passed: bool,
    monitoring_active: bool,
    pub(super) stopped: Option<Stopped>,
    rollback: Option<Rollback>,
    /// How often the rollback was asked for again.
    pub(super) asked_again: u64,
    pub(super) seen: SeenIds,
    refused: RefusedLog,
    pub(super) pause: Pause,
    pub(super) watch: Watch,
    phases: Phases,
    publisher: Publisher,
}

impl Deployment {
    /// `run_id` is the first of its chain: a workflow that is reset goes on as the same deployment.
    pub(super) fn new(workflow_id: &str, run_id: &str, input: Option<&DeploymentInput>) -> Self {
        let settings = input.map(|input| input.monitor.clone()).unwrap_or_default();
        Self {
            workflow_id: WorkflowId::from(workflow_id),
            id: deployment_id(workflow_id, run_id),
            service: input.map(|input| input.service.clone()).unwrap_or_default(),
            commit: input.map(|input| input.commit_sha.clone()).unwrap_or_default(),
            requested_by: input.map(|input| input.requested_by.clone()).unwrap_or_default(),
            environment: input.map_or_else(Environment::production, |input| input.environment.clone()),
            stage: DeploymentStage::Preparing,
            version: Version::default(),
            previous: None,
            restored: None,
            live_since: None,
            readiness: RollbackReadiness::default(),
            backup: Backup::default(),
            migrations: Migrations::NotBegun,
            evidence: ProductionValidationEvidence::default(),
            health_validated: false,
            uat_passed: false,
            monitoring_active: false,
            stopped: None,
            rollback: None,
            asked_again: 0,
            seen: SeenIds::default(),
            refused: RefusedLog::default(),
            pause: Pause::new(input.map_or_else(DeploymentInput::default_pause, |input| input.max_pause_ms)),
            watch: Watch::new(settings.duration_ms),
            settings,
            phases: Phases::new(&PHASES),
            publisher: Publisher::default(),
        }
    }

    // ---- the way forward ----------------------------------------------------------------------------------------

    /// What came before is done; `stage` is under way.
    pub(super) fn enter(&mut self, stage: DeploymentStage, now: Timestamp) {
        self.phases.end_active(PhaseStatus::Done, now);
        self.stage = stage;
        if let Some(phase) = phase_of(stage) {
            self.phases.set(phase, PhaseStatus::Running, now);
        }
        if stage == DeploymentStage::Migrating {
            self.migrations = Migrations::InDoubt;
        }
    }

    /// When its first phase began.
    pub(super) fn began_at(&self) -> Option<Timestamp> {
        self.phases.all().into_iter().find_map(|phase| phase.started_at)
    }

    pub(super) fn prepared(&mut self, previous: LiveVersion, readiness: RollbackReadiness) {
        self.previous = Some(previous);
        self.readiness = readiness;
    }

    /// `verified_at` is absent when the service has no database.
    pub(super) fn backed_up(&mut self, backup: Backup, readiness: RollbackReadiness, verified_at: Option<Timestamp>) {
        self.backup = backup;
        self.readiness = RollbackReadiness { backup_verified_at: verified_at, ..readiness };
    }

    /// Whether a rollback would go to something else than what was live when this was prepared: another deployment
    /// went live meanwhile. Deploying the live commit again, a rollback goes further back than that.
    pub(super) fn is_overtaken(&self) -> bool {
        let Some(previous) = &self.previous else { return false };
        let again = previous.commit.as_str().starts_with(self.commit.as_str());
        !again && self.readiness.previous_commit != previous.commit
    }

    pub(super) fn migrated(&mut self, report: MigrationReport) {
        self.readiness.migrations = report.applied.iter().rev().cloned().collect();
        self.readiness.reversible = report.reversible;
        self.migrations = Migrations::Applied(report);
    }

    pub(super) fn started(&mut self, version: Version) {
        self.version = version;
    }

    pub(super) fn went_live(&mut self, live: &LiveVersion) {
        self.version = live.version.clone();
        self.live_since = Some(live.since);
    }

    pub(super) fn accepted(&mut self, journeys: Vec<Journey>) {
        self.uat_passed = journeys.iter().all(|journey| journey.passed || !journey.critical);
        self.evidence.uat = journeys;
    }

    pub(super) fn validated(&mut self, valid: bool, findings: Vec<String>) {
        self.health_validated = valid;
        self.evidence.findings.extend(findings);
    }

    pub(super) fn watched_from_now_on(&mut self, active: bool) {
        self.monitoring_active = active;
    }

    pub(super) fn find(&mut self, finding: String) {
        self.evidence.findings.push(finding);
    }

    pub(super) fn evidence(&mut self) -> &mut ProductionValidationEvidence {
        &mut self.evidence
    }

    pub(super) fn fail(&mut self, why: &str, now: Timestamp) {
        self.phases.end_active(PhaseStatus::Failed, now);
        self.stage = DeploymentStage::Failed;
        self.find(why.to_owned());
    }

    /// Stopped by somebody before anything was changed.
    pub(super) fn abort(&mut self, now: Timestamp) {
        let reason = self.stopped.as_ref().map_or("", |stopped| stopped.cause.reason.as_str());
        self.fail(&format!("Stopped before anything was changed: {reason}"), now);
    }

    // ---- the way back -------------------------------------------------------------------------------------------

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    pub(super) fn was_cancelled(&self) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| stopped.by == StoppedBy::Cancel)
    }

    /// A trigger asks for the rollback. The first cause stands.
    pub(super) fn fire(&mut self, trigger: Trigger, reason: String, at: Timestamp) {
        let cause = RollbackCause { trigger: Some(trigger), reason, actor: Actor::new("gatewatch", Via::Trigger), at };
        self.stopped.get_or_insert(Stopped { cause, by: StoppedBy::Request });
    }

    pub(super) fn cancel(&mut self, now: Timestamp) {
        let cause = RollbackCause {
            trigger: None,
            reason: "The workflow was cancelled.".to_owned(),
            actor: Actor::new("temporal", Via::Signal),
            at: now,
        };
        self.stopped.get_or_insert(Stopped { cause, by: StoppedBy::Cancel });
    }

    pub(super) fn begin_rollback(&mut self, now: Timestamp) {
        let Some(stopped) = &self.stopped else { return };
        self.rollback = Some(Rollback::begin(stopped.cause.clone()));
        self.watch.end();
        self.pause.stop(now);
        self.phases.end_active(PhaseStatus::Failed, now);
        self.phases.set(ROLLBACK, PhaseStatus::RollingBack, now);
        self.stage = DeploymentStage::RollingBack;
    }

    pub(super) fn rolled_back(&mut self, now: Timestamp) {
        self.phases.set(ROLLBACK, PhaseStatus::RolledBack, now);
        self.stage = DeploymentStage::RolledBack;
    }

    pub(super) fn restored(&mut self, live: &LiveVersion) {
        self.restored = Some(live.clone());
    }

    pub(super) fn rollback(&mut self) -> Option<&mut Rollback> {
        self.rollback.as_mut()
    }

    // ---- what activities are told -------------------------------------------------------------------------------

    pub(super) fn subject(&self) -> Subject {
        Subject { service: self.service.clone(), commit: self.commit.clone(), environment: self.environment.clone() }
    }

    /// The key under which every effect of this deployment happens once.
    pub(super) fn reference(&self) -> DeploymentRef {
        DeploymentRef { service: self.service.clone(), deployment_id: self.id.clone(), commit: self.commit.clone() }
    }

    pub(super) fn go_live(&self) -> GoLive {
        let replaces = self.previous.as_ref().map(|previous| previous.deployment_id.clone());
        GoLive { deployment: self.reference(), replaces }
    }

    /// What a rollback must see serving.
    pub(super) fn verify_rollback(&self, record: &RecordRollback) -> VerifyDeployment {
        let LiveVersion { version, commit, .. } = self.restored.clone().unwrap_or_else(|| record.previous.clone());
        VerifyDeployment { service: self.service.clone(), version, commit }
    }

    pub(super) fn watch_input(&self, mode: MonitorMode, now: Timestamp) -> MonitorHealth {
        MonitorHealth {
            service: self.service.clone(),
            mode,
            settings: self.settings.clone(),
            baseline: self.evidence.baseline.clone(),
            started_at: now,
        }
    }

    /// What the incident and the rollback's documentation say. Absent only before it is known what was live.
    pub(super) fn record(&self) -> Option<RecordRollback> {
        let progress = &self.rollback.as_ref()?.progress;
        Some(RecordRollback {
            workflow_id: self.workflow_id.clone(),
            deployment: self.reference(),
            version: self.version.clone(),
            previous: self.previous.clone()?,
            cause: progress.cause.clone(),
            steps: progress.steps.clone(),
            verified_at: progress.verified_at,
        })
    }

    pub(super) fn migrations(&self) -> &Migrations {
        &self.migrations
    }

    pub(super) fn backup(&self) -> &Backup {
        &self.backup
    }

    pub(super) fn settings(&self) -> &MonitorSettings {
        &self.settings
    }

    pub(super) fn version(&self) -> &Version {
        &self.version
    }

    // ---- what the world is told ---------------------------------------------------------------------------------

    pub(super) fn refuse(&mut self, now: Timestamp, name: &str, why: &str) {
        self.refused.note(now, name, why);
    }

    pub(super) fn status(&self) -> DeploymentStatus {
        DeploymentStatus {
            summary: self.summary(),
            rollback: self.readiness.clone(),
            rolling_back: self.rollback.as_ref().map(|rollback| rollback.progress.clone()),
            refused: self.refused.all(),
        }
    }

    pub(super) fn health_report(&self) -> Option<HealthReport> {
        self.evidence.health.clone()
    }

    pub(super) fn uat(&self) -> Vec<Journey> {
        self.evidence.uat.clone()
    }

    pub(super) fn readiness(&self) -> RollbackReadiness {
        self.readiness.clone()
    }

    pub(super) fn output(&self) -> DeploymentOutput {
        let progress = self.rollback.as_ref().map(|rollback| rollback.progress.clone());
        DeploymentOutput {
            deployed: self.stage == DeploymentStage::Live,
            deployment_id: self.id.clone(),
            health_validated: self.health_validated,
            uat_passed: self.uat_passed,
            rollback_triggered: progress.is_some(),
            rollback_completed: progress.as_ref().map(|progress| progress.completed_at.is_some()),
            evidence: ProductionValidationEvidence { rollback: progress, ..self.evidence.clone() },
            monitoring_active: self.monitoring_active,
        }
    }

    pub(super) fn publish(&mut self, now: Timestamp) -> Upserts {
        let memo = Published {
            title: self.title(),
            started_by: self.requested_by.clone(),
            service: Some(self.service.clone()),
            environment: Some(self.environment.clone()),
            phases: self.phases.all(),
            deployment: Some(self.summary()),
            rollback: Some(self.readiness.clone()),
            rolling_back: self.rollback.as_ref().map(|rollback| rollback.progress.clone()),
            refused: self.newest_refused(),
            incident_id: self.evidence.incident_id.clone(),
            ..Published::default()
        };
        let face = Face {
            memo,
            phase: self.stage.as_str().to_owned(),
            environment: Some(self.environment.clone()),
            health: self.health(),
        };
        self.publisher.next(face, now)
    }

    fn newest_refused(&self) -> Option<RefusedMessage> {
        self.refused.newest().cloned()
    }

    fn health(&self) -> Option<HealthStatus> {
        match self.stage {
            DeploymentStage::Preparing
            | DeploymentStage::BackingUp
            | DeploymentStage::Migrating
            | DeploymentStage::Deploying
            | DeploymentStage::Verifying
            | DeploymentStage::Failed => None,
            DeploymentStage::Monitoring | DeploymentStage::Accepting | DeploymentStage::Validating => {
                Some(HealthStatus::Watching)
            }
            DeploymentStage::Live if self.health_validated => Some(HealthStatus::Healthy),
            DeploymentStage::Live => Some(HealthStatus::Degraded),
            DeploymentStage::RollingBack | DeploymentStage::RolledBack => self.rollback.as_ref().map(Rollback::health),
        }
    }

    fn summary(&self) -> DeploymentSummary {
        DeploymentSummary {
            service: self.service.clone(),
            deployment_id: self.id.clone(),
            commit: self.commit.clone(),
            version: self.version.clone(),
            stage: self.stage,
            previous: self.previous.clone(),
            live_since: self.live_since,
            monitor_until: self.watch.until(),
            paused_until: self.pause.until(),
        }
    }

    fn title(&self) -> String {
        let release = if self.version.is_empty() { self.commit.short() } else { self.version.as_str() };
        format!("{} {} → {}", clip(self.service.as_str(), 60), clip(release, 40), clip(self.environment.as_str(), 40))
    }
}

/// A workflow's id may be used again once it is closed; what the first run backed up and undid is not the second's.
fn deployment_id(workflow_id: &str, run_id: &str) -> DeploymentId {
    // The end of a run's id is random in every version of UUID.
    let run = run_id.get(run_id.len().saturating_sub(8)..).unwrap_or(run_id);
    DeploymentId::new(format!("{workflow_id}-{run}"))
}

fn phase_of(stage: DeploymentStage) -> Option<&'static str> {
    let [prepare, backup, migrate, deploy, verify, monitor, accept, validate] = PHASES;
    match stage {
        DeploymentStage::Preparing => Some(prepare),
        DeploymentStage::BackingUp => Some(backup),
        DeploymentStage::Migrating => Some(migrate),
        DeploymentStage::Deploying => Some(deploy),
        DeploymentStage::Verifying => Some(verify),
        DeploymentStage::Monitoring => Some(monitor),
        DeploymentStage::Accepting => Some(accept),
        DeploymentStage::Validating => Some(validate),
        DeploymentStage::Live
        | DeploymentStage::RollingBack
        | DeploymentStage::RolledBack
        | DeploymentStage::Failed => None,
    }
}
