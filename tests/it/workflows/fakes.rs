//! Every activity, as the [`World`] has it.

#![expect(unreachable_pub, dead_code, reason = "the SDK's macro makes public markers that only the worker uses")]

use std::sync::Arc;

use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::delivery::LiveVersion;
use gatewatch::contracts::evidence::{Check, CheckStatus, EvidencePackage, score};
use gatewatch::contracts::health::{Baseline, HealthReport};
use gatewatch::contracts::ids::{CommitSha, DeploymentId, ServiceName, Version};
use gatewatch::contracts::rollback::RollbackReadiness;
use gatewatch::contracts::temporal::activities::{
    Backup, CodeRolledBack, CollectEvidence, Deployed, DeploymentRef, GoLive, IncidentTicket, MeasureBaseline,
    MigrationReport, MigrationsRolledBack, MonitorHealth, MonitorMode, MonitorOutcome, MonitoringSetup,
    ReadinessReport, RecordRollback, RedeployPrevious, RollbackMigration, RollbackToCommit, Subject, UatResults,
    ValidateProduction, Validation, VerifiedBackup, VerifiedDeployment, VerifyBackup, VerifyDeployment, definition,
};
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::workflows::world::{World, check, live, now, readiness};

/// Activities on a [`World`].
pub struct Fakes(pub(crate) Arc<World>);

#[activities]
impl Fakes {
    #[activity(definition = definition::ValidateAllGates)]
    pub async fn validate_all_gates(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: Subject,
    ) -> Result<Vec<Check>, ActivityError> {
        self.0.play(&ctx, "validateAllGates").await?;
        Ok(self.0.script().checks.clone())
    }

    #[activity(definition = definition::CheckDocumentation)]
    pub async fn check_documentation(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: Subject,
    ) -> Result<Check, ActivityError> {
        self.0.play(&ctx, "checkDocumentation").await?;
        Ok(check("documentation-updated", CheckStatus::Passed, false))
    }

    #[activity(definition = definition::CheckMonitoring)]
    pub async fn check_monitoring(self: Arc<Self>, ctx: ActivityContext, _: Subject) -> Result<Check, ActivityError> {
        self.0.play(&ctx, "checkMonitoring").await?;
        Ok(check("monitoring-configured", CheckStatus::Passed, true))
    }

    #[activity(definition = definition::CollectAllEvidence)]
    pub async fn collect_all_evidence(
        self: Arc<Self>,
        ctx: ActivityContext,
        collect: CollectEvidence,
    ) -> Result<EvidencePackage, ActivityError> {
        self.0.play(&ctx, "collectAllEvidence").await?;
        Ok(EvidencePackage {
            // In full, however short the name that was asked for.
            commit: CommitSha::new(format!("{:0<40}", collect.subject.commit.as_str())),
            version: Version::from("v42"),
            subject: "retry idempotent payments".into(),
            author: "agent-3".into(),
            checks: collect.checks,
            rollback: readiness(None),
            collected_at: now(),
        })
    }

    #[activity(definition = definition::GenerateReadinessReport)]
    pub async fn generate_readiness_report(
        self: Arc<Self>,
        ctx: ActivityContext,
        package: EvidencePackage,
    ) -> Result<ReadinessReport, ActivityError> {
        self.0.play(&ctx, "generateReadinessReport").await?;
        Ok(ReadinessReport { score: score(&package.checks), text: "# fit".into() })
    }

    #[activity(definition = definition::RunProductionUat)]
    pub async fn run_production_uat(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: DeploymentRef,
    ) -> Result<UatResults, ActivityError> {
        self.0.play(&ctx, "runProductionUAT").await?;
        Ok(UatResults { journeys: self.0.script().journeys.clone() })
    }

    #[activity(definition = definition::ValidateProduction)]
    pub async fn validate_production(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: ValidateProduction,
    ) -> Result<Validation, ActivityError> {
        self.0.play(&ctx, "validateProduction").await?;
        let valid = self.0.script().valid;
        Ok(Validation { valid, findings: if valid { Vec::new() } else { vec!["p95 drifts".into()] } })
    }

    #[activity(definition = definition::CreateProductionBackup)]
    pub async fn create_production_backup(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: DeploymentRef,
    ) -> Result<Backup, ActivityError> {
        self.0.play(&ctx, "createProductionBackup").await?;
        if self.0.script().no_database {
            return Ok(Backup::default());
        }
        let id = format!("backup-{}", of.deployment_id);
        Ok(Backup { id, bytes: 4096, sha256: "ab".into(), taken_at: Some(now()), schema_version: 40 })
    }

    #[activity(definition = definition::VerifyBackup)]
    pub async fn verify_backup(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: VerifyBackup,
    ) -> Result<VerifiedBackup, ActivityError> {
        self.0.play(&ctx, "verifyBackup").await?;
        Ok(VerifiedBackup { verified_at: now(), tables: 3, rows: 9 })
    }

    #[activity(definition = definition::RunProductionMigrations)]
    pub async fn run_production_migrations(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: DeploymentRef,
    ) -> Result<MigrationReport, ActivityError> {
        self.0.play(&ctx, "runProductionMigrations").await?;
        Ok(MigrationReport { from: 40, to: 42, applied: self.0.script().migrations.clone(), reversible: true })
    }

    #[activity(definition = definition::RollbackMigration)]
    pub async fn rollback_migration(
        self: Arc<Self>,
        ctx: ActivityContext,
        rollback: RollbackMigration,
    ) -> Result<MigrationsRolledBack, ActivityError> {
        self.0.play(&ctx, "rollbackMigration").await?;
        assert_eq!(rollback.to, 40, "down to where the backup was taken");
        Ok(MigrationsRolledBack { reverted: vec!["42 retry".into()], restored_from_backup: false, kept_for: None })
    }

    #[activity(definition = definition::GetDeploymentStatus)]
    pub async fn get_deployment_status(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: ServiceName,
    ) -> Result<LiveVersion, ActivityError> {
        self.0.play(&ctx, "getDeploymentStatus").await?;
        Ok(live("v41", "9b7d00f0"))
    }

    #[activity(definition = definition::GetRollbackReadiness)]
    pub async fn get_rollback_readiness(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: Subject,
    ) -> Result<RollbackReadiness, ActivityError> {
        self.0.play(&ctx, "getRollbackReadiness").await?;
        let ready = readiness(self.0.script().no_way_back);
        if self.0.script().overtaken && self.0.count("createProductionBackup") > 0 {
            return Ok(RollbackReadiness { previous_commit: CommitSha::from("c0ffee00"), ..ready });
        }
        Ok(ready)
    }

    #[activity(definition = definition::DeployToProduction)]
    pub async fn deploy_to_production(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: DeploymentRef,
    ) -> Result<Deployed, ActivityError> {
        self.0.play(&ctx, "deployToProduction").await?;
        Ok(Deployed { deployment_id: of.deployment_id, version: Version::from("v42"), commit: of.commit })
    }

    #[activity(definition = definition::WaitForDeployment)]
    pub async fn wait_for_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        go_live: GoLive,
    ) -> Result<LiveVersion, ActivityError> {
        self.0.play(&ctx, "waitForDeployment").await?;
        assert_eq!(go_live.replaces, Some(DeploymentId::from("deploy-v41")), "it takes the traffic from what was live");
        Ok(live("v42", go_live.deployment.commit.as_str()))
    }

    #[activity(definition = definition::VerifyDeployment)]
    pub async fn verify_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        verify: VerifyDeployment,
    ) -> Result<VerifiedDeployment, ActivityError> {
        let activity = match verify.version.as_str() {
            "v41" => "verifyDeployment(v41)",
            "v43" => "verifyDeployment(v43)",
            _ => "verifyDeployment",
        };
        self.0.play(&ctx, activity).await?;
        Ok(VerifiedDeployment { version: verify.version, commit: verify.commit, verified_at: now() })
    }

    #[activity(definition = definition::RollbackDeployment)]
    pub async fn rollback_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        redeploy: RedeployPrevious,
    ) -> Result<LiveVersion, ActivityError> {
        self.0.play(&ctx, "rollbackVercelDeployment").await?;
        if self.0.script().third {
            return Ok(live("v43", "c0ffee00"));
        }
        Ok(redeploy.previous)
    }

    #[activity(definition = definition::RollbackToCommit)]
    pub async fn rollback_to_commit(
        self: Arc<Self>,
        ctx: ActivityContext,
        rollback: RollbackToCommit,
    ) -> Result<CodeRolledBack, ActivityError> {
        self.0.play(&ctx, "rollbackToCommit").await?;
        assert_eq!(rollback.to, CommitSha::from("9b7d00f0"));
        Ok(CodeRolledBack { rollback_commit: CommitSha::from("77777777"), kept_for: None })
    }

    #[activity(definition = definition::GetMetrics)]
    pub async fn get_metrics(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: MeasureBaseline,
    ) -> Result<Baseline, ActivityError> {
        self.0.play(&ctx, "getMetrics").await?;
        Ok(Baseline { samples: 10, error_rate: 0.002, p95_ms: 190.0 })
    }

    #[activity(definition = definition::MonitorHealth)]
    pub async fn monitor_health(
        self: Arc<Self>,
        ctx: ActivityContext,
        monitor: MonitorHealth,
    ) -> Result<MonitorOutcome, ActivityError> {
        let recovering = monitor.mode == MonitorMode::Recover;
        self.0.play(&ctx, if recovering { "monitorHealth(recover)" } else { "monitorHealth" }).await?;
        let fired = if recovering { None } else { self.0.script().fired.clone() };
        let report = HealthReport {
            baseline: monitor.baseline,
            started_at: Some(monitor.started_at),
            interval_ms: Millis(100),
            taken: 1,
            ..HealthReport::default()
        };
        Ok(MonitorOutcome { fired, report })
    }

    #[activity(definition = definition::SetupMonitoring)]
    pub async fn setup_monitoring(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: DeploymentRef,
    ) -> Result<MonitoringSetup, ActivityError> {
        self.0.play(&ctx, "setupMonitoring").await?;
        Ok(MonitoringSetup { active: true, dashboards: Vec::new() })
    }

    #[activity(definition = definition::CreateIncidentTicket)]
    pub async fn create_incident_ticket(
        self: Arc<Self>,
        ctx: ActivityContext,
        record: RecordRollback,
    ) -> Result<IncidentTicket, ActivityError> {
        self.0.play(&ctx, "createIncidentTicket").await?;
        Ok(IncidentTicket { incident_id: format!("INC-{}", record.deployment.deployment_id) })
    }

    #[activity(definition = definition::DocumentRollback)]
    pub async fn document_rollback(
        self: Arc<Self>,
        ctx: ActivityContext,
        record: RecordRollback,
    ) -> Result<IncidentTicket, ActivityError> {
        self.0.play(&ctx, "documentRollback").await?;
        assert!(record.verified_at.is_some(), "documented before it was verified");
        Ok(IncidentTicket { incident_id: format!("INC-{}", record.deployment.deployment_id) })
    }
}
