//! `ProductionDeploymentWorkflow`: the way forward, and what turns it around.

use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::phase::PhaseStatus;
use gatewatch::contracts::rollback::{RollbackStep, StepStatus};
use gatewatch::contracts::temporal::activities::FiredTrigger;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use serde_json::json;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{WorkflowCancelOptions, WorkflowGetResultOptions, WorkflowQueryOptions};

use crate::workflows::bench::{Bench, bounded, deployment_input, result, with};
use crate::workflows::world::{journey, now};

/// The ten of the specification, and what is recorded before something is changed.
const FORWARD: [&str; 14] = [
    "getDeploymentStatus",
    "getMetrics",
    "getRollbackReadiness",
    "createProductionBackup",
    "verifyBackup",
    "getRollbackReadiness",
    "runProductionMigrations",
    "deployToProduction",
    "waitForDeployment",
    "verifyDeployment",
    "monitorHealth",
    "runProductionUAT",
    "validateProduction",
    "setupMonitoring",
];

/// The six of the specification.
pub(super) const BACK: [&str; 6] = [
    "rollbackMigration",
    "rollbackToCommit",
    "rollbackVercelDeployment",
    "verifyDeployment(v41)",
    "monitorHealth(recover)",
    "documentRollback",
];

/// What was done backward, in order, without the incident that runs beside it.
pub(super) fn backward(bench: &Bench) -> Vec<String> {
    let mut begun: Vec<String> = bench.world.begun().into_iter().filter(|name| BACK.contains(&name.as_str())).collect();
    begun.dedup();
    begun
}

fn forward(bench: &Bench) -> Vec<String> {
    bench.world.begun().into_iter().filter(|name| FORWARD.contains(&name.as_str())).collect()
}

#[tokio::test]
async fn all_goes_well() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.deployment(deployment_input()).await;
        let output = result(&handle).await;
        assert!(output.deployed && output.health_validated && output.uat_passed && output.monitoring_active);
        assert!(!output.rollback_triggered && output.rollback_completed.is_none());
        assert!(output.deployment_id.as_str().starts_with(&handle.info().workflow_id), "{}", output.deployment_id);
        assert_eq!(bench.world.begun(), FORWARD);
        let baseline = output.evidence.baseline.unwrap();
        assert_eq!(baseline.samples, 10);
        assert_eq!(output.evidence.health.unwrap().baseline, Some(baseline), "it is watched against the baseline");

        let id = handle.info().workflow_id.clone();
        let published = bench.published(&id).await.unwrap();
        assert_eq!(published.title, "checkout v42 → production");
        assert!(published.phases.iter().all(|phase| phase.status == PhaseStatus::Done), "{:?}", published.phases);
        let summary = published.deployment.unwrap();
        assert_eq!((summary.stage, summary.version.as_str()), (DeploymentStage::Live, "v42"));
        assert_eq!(summary.previous.unwrap().version.as_str(), "v41");
        let readiness = published.rollback.unwrap();
        assert!(readiness.backup_verified_at.is_some());
        assert_eq!(readiness.migrations, ["42 retry", "41 index"], "newest first: the order in which they would go");
        assert_eq!(bench.attribute(&id, "phase").await, r#""live""#);
        assert_eq!(bench.attribute(&id, "health").await, r#""healthy""#);

        let options = WorkflowQueryOptions::default;
        let status =
            handle.query(ProductionDeploymentWorkflow::deployment_status, Args::default(), options()).await.unwrap();
        assert_eq!(status.summary.stage, DeploymentStage::Live);
        let uat = handle.query(ProductionDeploymentWorkflow::uat_results, Args::default(), options()).await.unwrap();
        assert_eq!(uat.len(), 2);
        let health =
            handle.query(ProductionDeploymentWorkflow::health_metrics, Args::default(), options()).await.unwrap();
        assert_eq!(health.unwrap().taken, 1);
        let ready =
            handle.query(ProductionDeploymentWorkflow::rollback_status, Args::default(), options()).await.unwrap();
        assert!(ready.ready);
    })
    .await;
}

#[tokio::test]
async fn a_failure_before_anything_changed_ends_it_with_nothing_changed() {
    bounded(async || {
        for (index, activity) in FORWARD.iter().enumerate().take(5) {
            let bench = Bench::new().await;
            bench.world.fails_for_good(activity);
            let handle = bench.deployment(deployment_input()).await;
            let ended = handle.get_result(WorkflowGetResultOptions::default()).await.unwrap_err();
            let why = format!("{ended:?}");
            assert!(why.contains(activity) && why.contains("Nothing was changed in production"), "{why}");
            assert_eq!(bench.world.begun(), FORWARD[..=index], "it stops there");
            let id = handle.info().workflow_id.clone();
            assert_eq!(bench.attribute(&id, "phase").await, r#""failed""#);
            assert_eq!(bench.attribute(&id, "health").await, "");
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_way_back_nothing_is_changed() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.no_way_back("Migration 42 has no down script.");
        let handle = bench.deployment(deployment_input()).await;
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await.unwrap_err();
        assert!(
            format!("{ended:?}").contains("a rollback could not run: Migration 42 has no down script."),
            "{ended:?}"
        );
        assert_eq!(bench.world.begun(), FORWARD[..6]);
        let readiness = bench.published(&handle.info().workflow_id).await.unwrap().rollback.unwrap();
        assert!(!readiness.ready && readiness.backup_verified_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_workflow_id_used_again_is_another_deployment() {
    bounded(async || {
        let bench = Bench::new().await;
        let first = bench.deployment(deployment_input()).await;
        let (id, once) = (first.info().workflow_id.clone(), result(&first).await);
        let again = result(&bench.deployment_as(id, deployment_input()).await).await;
        assert_ne!(again.deployment_id, once.deployment_id, "the backup of one is not the backup of the other");
    })
    .await;
}

#[tokio::test]
async fn without_a_database_nothing_is_backed_up_and_it_says_so() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.script().no_database = true;
        let handle = bench.deployment(deployment_input()).await;
        let output = result(&handle).await;
        assert!(output.deployed, "{output:?}");
        assert_eq!(bench.world.count("verifyBackup"), 0);
        assert_eq!(output.evidence.findings, ["The service has no database: nothing was backed up."]);
        let readiness = bench.published(&handle.info().workflow_id).await.unwrap().rollback.unwrap();
        assert_eq!(readiness.backup_verified_at, None, "nobody may believe in a backup");
    })
    .await;
}

#[tokio::test]
async fn overtaken_by_another_deployment_it_changes_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.script().overtaken = true;
        let ended = bench.deployment(deployment_input()).await.get_result(WorkflowGetResultOptions::default()).await;
        let why = format!("{:?}", ended.unwrap_err());
        assert!(why.contains("another deployment went live meanwhile"), "{why}");
        assert_eq!(bench.world.begun(), FORWARD[..6]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_after_something_changed_rolls_back_and_names_the_trigger() {
    bounded(async || {
        let cases = [
            ("runProductionMigrations", Trigger::MigrationFailure),
            ("deployToProduction", Trigger::DeploymentFailure),
            ("waitForDeployment", Trigger::DeploymentFailure),
            ("verifyDeployment", Trigger::DeploymentFailure),
            ("monitorHealth", Trigger::DeploymentFailure),
            ("runProductionUAT", Trigger::UserAcceptance),
        ];
        for (activity, trigger) in cases {
            let bench = Bench::new().await;
            bench.world.fails_for_good(activity);
            let handle = bench.deployment(deployment_input()).await;
            let output = result(&handle).await;
            assert!(output.rollback_triggered && !output.deployed, "{activity}");
            assert_eq!(output.rollback_completed, Some(true), "{activity}");
            let progress = output.evidence.rollback.unwrap();
            assert_eq!(progress.cause.trigger, Some(trigger), "{activity}");
            assert!(progress.cause.reason.contains("is broken for good"), "{}", progress.cause.reason);
            assert_eq!(backward(&bench), BACK, "{activity}");
            assert_eq!(forward(&bench).last().map(String::as_str), Some(activity), "nothing goes forward any more");
        }
    })
    .await;
}

#[tokio::test]
async fn each_trigger_of_the_monitor_rolls_back() {
    bounded(async || {
        let triggers =
            [Trigger::HealthEndpoint, Trigger::ErrorRate, Trigger::ResponseTime, Trigger::DatabaseConnection];
        for trigger in triggers {
            let bench = Bench::new().await;
            let fired = FiredTrigger { trigger, detail: "3.4× the baseline".into(), at: now() };
            bench.world.fires(fired.clone());
            let handle = bench.deployment(deployment_input()).await;
            let output = result(&handle).await;
            let progress = output.evidence.rollback.unwrap();
            assert_eq!((progress.cause.trigger, progress.cause.at), (Some(trigger), fired.at));
            assert_eq!(progress.cause.reason, "3.4× the baseline");
            assert_eq!(backward(&bench), BACK);
            assert!(!output.health_validated && !output.uat_passed, "neither was looked at");
            let verified = progress.verified_at.unwrap();
            assert!(progress.completed_at.unwrap() >= fired.at && verified >= fired.at);
            assert!(progress.steps.iter().all(|step| matches!(step.status, StepStatus::Done { .. })));
            let id = handle.info().workflow_id.clone();
            assert_eq!(bench.attribute(&id, "health").await, r#""rolled-back""#);
            assert_eq!(output.evidence.incident_id.unwrap(), format!("INC-{}", output.deployment_id));
        }
    })
    .await;
}

#[tokio::test]
async fn only_a_critical_journey_rolls_back() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.journeys(vec![journey("pay", true, true), journey("browse", false, false)]);
        let output = result(&bench.deployment(deployment_input()).await).await;
        assert!(output.deployed && output.uat_passed && !output.rollback_triggered);

        let bench = Bench::new().await;
        bench.world.journeys(vec![journey("pay", true, false), journey("browse", false, true)]);
        let output = result(&bench.deployment(deployment_input()).await).await;
        assert!(!output.deployed && !output.uat_passed);
        let cause = output.evidence.rollback.unwrap().cause;
        assert_eq!(cause.trigger, Some(Trigger::UserAcceptance));
        assert!(cause.reason.contains("pay") && !cause.reason.contains("browse"), "{}", cause.reason);
    })
    .await;
}

#[tokio::test]
async fn what_validation_finds_is_told_and_left_to_a_person() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.invalid();
        bench.world.fails_for_good("setupMonitoring");
        let handle = bench.deployment(deployment_input()).await;
        let output = result(&handle).await;
        assert!(output.deployed && !output.health_validated && !output.monitoring_active);
        let findings = output.evidence.findings.join("; ");
        assert!(findings.contains("p95 drifts") && findings.contains("standing watch"), "{findings}");
        assert_eq!(bench.attribute(&handle.info().workflow_id, "health").await, r#""degraded""#);
    })
    .await;
}

#[tokio::test]
async fn where_no_migration_was_applied_none_is_taken_back() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.migrations(Vec::new());
        bench.world.fails_for_good("verifyDeployment");
        let output = result(&bench.deployment(deployment_input()).await).await;
        let steps = output.evidence.rollback.unwrap().steps;
        assert_eq!(steps[0].step, RollbackStep::Migrations);
        assert_eq!(steps[0].status, StepStatus::Skipped { why: "no migration was applied".into() });
        assert_eq!(backward(&bench), BACK[1..]);
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_input_fails_and_wedges_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        let too_fast = with(deployment_input(), json!({"monitor": {"intervalMs": 1}}));
        for input in [json!({}), json!([1, 2]), too_fast] {
            let ended = bench.deployment(input).await.get_result(WorkflowGetResultOptions::default()).await;
            let why = format!("{:?}", ended.unwrap_err());
            assert!(why.contains("The input cannot be read"), "{why}");
        }
        assert!(bench.world.begun().is_empty());
    })
    .await;
}

#[tokio::test]
async fn cancelling_before_anything_changed_just_ends_it() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.holds("createProductionBackup");
        let handle = bench.deployment(deployment_input()).await;
        bench.world.reached("createProductionBackup").await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })), "{ended:?}");
        assert!(backward(&bench).is_empty());
    })
    .await;
}

#[tokio::test]
async fn cancelling_a_live_deployment_undoes_it_and_ends_as_cancelled() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.watched().await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })), "{ended:?}");
        assert_eq!(backward(&bench), BACK);
        let published = bench.published(&handle.info().workflow_id).await.unwrap();
        let progress = published.rolling_back.unwrap();
        assert_eq!(progress.cause.reason, "The workflow was cancelled.");
        assert!(progress.verified_at.is_some());
    })
    .await;
}
