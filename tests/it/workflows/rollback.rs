//! The way back: from every stage, whatever fails, whoever dies.

use std::time::Duration;

use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::rollback::{RollbackReply, RollbackStep, StepStatus};
use gatewatch::contracts::temporal::activities::FiredTrigger;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use serde_json::json;
use temporalio_client::{WorkflowCancelOptions, WorkflowExecuteUpdateOptions};

use crate::workflows::bench::{Bench, Deployment, bounded, deployment_input, result};
use crate::workflows::deployment::{BACK, backward};
use crate::workflows::world::now;

pub(super) async fn ask(handle: &Deployment, id: &str) -> RollbackReply {
    let request = json!({"requestId": id, "reason": "errors", "actor": {"name": "mira", "via": "console"}});
    let options = WorkflowExecuteUpdateOptions::builder().update_id(id.to_owned()).build();
    handle.execute_update(ProductionDeploymentWorkflow::rollback, Args::of([request]), options).await.unwrap()
}

fn failing() -> FiredTrigger {
    FiredTrigger { trigger: Trigger::ErrorRate, detail: "7.2 % is 3.4× baseline".into(), at: now() }
}

fn status(published: &Published, step: RollbackStep) -> Option<&StepStatus> {
    published.rolling_back.as_ref()?.steps.iter().find(|report| report.step == step).map(|report| &report.status)
}

#[tokio::test]
async fn asked_for_before_anything_changed_it_is_an_abort() {
    bounded(async || {
        for activity in ["getMetrics", "createProductionBackup", "verifyBackup"] {
            let bench = Bench::new().await;
            bench.world.holds(activity);
            let handle = bench.deployment(deployment_input()).await;
            bench.world.reached(activity).await;
            assert!(!ask(&handle, "r-1").await.already);
            let output = result(&handle).await;
            assert!(!output.deployed && !output.rollback_triggered, "{activity}");
            assert!(output.evidence.findings[0].contains("before anything was changed: errors"));
            assert!(backward(&bench).is_empty());
            let summary = bench.published(&handle.info().workflow_id).await.unwrap().deployment.unwrap();
            assert_eq!(summary.stage, DeploymentStage::Failed);
        }
    })
    .await;
}

#[tokio::test]
async fn asked_for_at_any_moment_after_that_it_interrupts_what_runs() {
    bounded(async || {
        let stages = [
            ("runProductionMigrations", true),
            ("deployToProduction", true),
            ("waitForDeployment", true),
            ("verifyDeployment", false),
            ("monitorHealth", false),
            ("runProductionUAT", false),
            ("validateProduction", false),
            ("setupMonitoring", false),
        ];
        for (activity, changes) in stages {
            let bench = Bench::new().await;
            bench.world.holds(activity);
            let handle = bench.deployment(deployment_input()).await;
            bench.world.reached(activity).await;
            let reply = ask(&handle, "r-1").await;
            assert_eq!((reply.already, reply.cause.actor.name.as_str()), (false, "mira"), "{activity}");
            let output = result(&handle).await;
            assert_eq!(output.rollback_completed, Some(true), "{activity}");
            let progress = output.evidence.rollback.unwrap();
            assert_eq!((progress.cause.trigger, progress.cause.reason.as_str()), (None, "errors"));
            assert_eq!(backward(&bench), BACK, "{activity}");
            if changes {
                let log = bench.world.log();
                let at = |entry: &str| log.iter().position(|logged| logged == entry);
                let stopped = at(&format!("{activity}!cancelled"));
                assert!(stopped.is_some() && stopped < at(BACK[0]), "{activity} must have stopped first: {log:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_hung_monitor_is_not_waited_for() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.hangs("monitorHealth");
        let handle = bench.deployment(deployment_input()).await;
        bench.world.reached("monitorHealth").await;
        bench.world.note("asked");
        ask(&handle, "r-1").await;
        bench.world.reached(BACK[0]).await;
        let waited = bench.world.between("asked", BACK[0]);
        assert!(waited < Duration::from_secs(2), "waited {waited:?} for a monitor that does not answer");
        assert_eq!(result(&handle).await.rollback_completed, Some(true));
        bench.world.heals("monitorHealth");
    })
    .await;
}

#[tokio::test]
async fn many_requests_are_one_rollback() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.holds("monitorHealth");
        bench.world.holds("rollbackToCommit");
        let handle = bench.deployment(deployment_input()).await;
        let id = handle.info().workflow_id.clone();
        bench.world.reached("monitorHealth").await;
        let first = ask(&handle, "r-1").await;
        // The same request as the durable signal, as a client in doubt sends it; then somebody else's.
        let object = json!({"requestId": "r-1", "reason": "errors"});
        bench.signal(&id, "triggerRollback", crate::workflows::bench::payloads([object])).await;
        bench.world.reached("rollbackToCommit").await;
        let again = ask(&handle, "r-2").await;
        assert!(again.already);
        assert_eq!(again.cause, first.cause);
        bench.world.heals("rollbackToCommit");
        result(&handle).await;
        assert_eq!(backward(&bench), BACK);
        for step in BACK {
            assert_eq!(bench.world.count(step), 1, "{step}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_step_may_fail_twice_and_is_done_all_the_same() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fires(failing());
        for step in BACK {
            bench.world.fails(step, 2);
        }
        let handle = bench.deployment(deployment_input()).await;
        let output = result(&handle).await;
        assert_eq!(output.rollback_completed, Some(true));
        // Verifying again serves the old version again first, in case it died; that keeps the order.
        let mut order = backward(&bench);
        order.retain(|step| step != "rollbackVercelDeployment" && step != "verifyDeployment(v41)");
        assert_eq!(order, [BACK[0], BACK[1], BACK[4], BACK[5]]);
        let steps = output.evidence.rollback.unwrap().steps;
        assert_eq!(steps.iter().map(|report| report.step).collect::<Vec<_>>(), RollbackStep::ALL);
        assert!(steps.windows(2).all(|pair| pair[0].ended_at <= pair[1].started_at), "one after the other: {steps:?}");
        for step in [BACK[0], BACK[1], BACK[4], BACK[5]] {
            assert_eq!(bench.world.count(step), 3, "{step}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_went_live_before_it_keeps_the_traffic() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.script().third = true;
        bench.world.fails_for_good("waitForDeployment");
        let output = result(&bench.deployment(deployment_input()).await).await;
        assert_eq!(output.rollback_completed, Some(true));
        assert_eq!(bench.world.count("verifyDeployment(v43)"), 1, "what serves now is what must answer");
        assert_eq!(bench.world.count("verifyDeployment(v41)"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_keeps_failing_is_shown_and_never_given_up() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fires(failing());
        // Permanent errors are the worst: the server does not try them again.
        bench.world.fails_for_good("rollbackToCommit");
        let handle = bench.deployment(deployment_input()).await;
        let id = handle.info().workflow_id.clone();
        let retrying = |published: &Published| {
            matches!(status(published, RollbackStep::Code), Some(StepStatus::Retrying { failure })
                if failure == "rollbackToCommit is broken for good")
        };
        bench.until(&id, "the failing step is shown", retrying).await;
        crate::support::wait_until("a person is called", Duration::from_secs(30), async || {
            (bench.attribute(&id, "health").await == r#""stuck""#).then_some(())
        })
        .await;
        crate::support::wait_until("it goes on trying", Duration::from_secs(30), async || {
            (bench.world.count("rollbackToCommit") >= 4).then_some(())
        })
        .await;
        let published = bench.published(&id).await.unwrap();
        assert_eq!(status(&published, RollbackStep::Deploy), Some(&StepStatus::Pending), "nothing overtakes it");
        bench.world.heals("rollbackToCommit");
        assert_eq!(result(&handle).await.rollback_completed, Some(true));
        assert_eq!(bench.attribute(&id, "health").await, r#""rolled-back""#);
    })
    .await;
}

#[tokio::test]
async fn asking_again_tries_a_failed_step_at_once() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fires(failing());
        bench.world.fails_for_good("rollbackToCommit");
        let handle = bench.deployment(deployment_input()).await;
        // The pause after the fifth failure is eight seconds.
        crate::support::wait_until("it waits for long", Duration::from_mins(1), async || {
            (bench.world.count("rollbackToCommit!failed") >= 5).then_some(())
        })
        .await;
        bench.world.heals("rollbackToCommit");
        bench.world.note("asked");
        assert!(ask(&handle, "r-1").await.already);
        assert_eq!(result(&handle).await.rollback_completed, Some(true));
        let waited = bench.world.between("asked", "documentRollback");
        assert!(waited < Duration::from_secs(4), "{waited:?}");
    })
    .await;
}

#[tokio::test]
async fn cancelling_cannot_stop_a_rollback() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fires(failing());
        bench.world.holds("rollbackVercelDeployment");
        let handle = bench.deployment(deployment_input()).await;
        bench.world.reached("rollbackVercelDeployment").await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        crate::support::wait_until("the cancel is in the history", Duration::from_secs(20), async || {
            bench.cancel_requested(&handle).await.then_some(())
        })
        .await;
        assert_eq!(bench.world.count("rollbackVercelDeployment!cancelled"), 0);
        bench.world.heals("rollbackVercelDeployment");
        let output = result(&handle).await;
        assert_eq!(output.rollback_completed, Some(true));
        assert_eq!(backward(&bench), BACK);
    })
    .await;
}

#[tokio::test]
async fn an_incident_that_cannot_be_opened_holds_nothing_up() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fires(failing());
        bench.world.hangs("createIncidentTicket");
        let handle = bench.deployment(deployment_input()).await;
        let output = result(&handle).await;
        assert_eq!(output.rollback_completed, Some(true));
        assert!(output.evidence.incident_id.is_some(), "documenting names it");
        bench.world.heals("createIncidentTicket");

        let bench = Bench::new().await;
        bench.world.fires(failing());
        bench.world.fails_for_good("createIncidentTicket");
        // Long enough for the failure to be known before the rollback is over.
        bench.world.holds("monitorHealth(recover)");
        let handle = bench.deployment(deployment_input()).await;
        bench.world.reached("createIncidentTicket!failed").await;
        bench.world.reached("monitorHealth(recover)").await;
        bench.world.heals("monitorHealth(recover)");
        let output = result(&handle).await;
        assert_eq!(output.rollback_completed, Some(true));
        assert!(output.evidence.findings.iter().any(|finding| finding.contains("No incident was opened")));
    })
    .await;
}

#[tokio::test]
async fn the_death_of_a_worker_while_monitoring_changes_nothing() {
    bounded(async || {
        let ends: [fn(&mut Bench); 2] = [
            |bench| {
                bench.kill_worker();
                bench.start_worker();
            },
            Bench::replace_worker,
        ];
        for end in ends {
            let mut bench = Bench::new().await;
            bench.world.holds("monitorHealth");
            let handle = bench.deployment(deployment_input()).await;
            bench.world.reached("monitorHealth").await;
            bench.world.fires(failing());
            end(&mut bench);
            crate::support::wait_until("another worker watches", Duration::from_secs(30), async || {
                (bench.world.count("monitorHealth") == 2).then_some(())
            })
            .await;
            bench.world.heals("monitorHealth");
            let output = result(&handle).await;
            assert_eq!(output.evidence.rollback.unwrap().cause.trigger, Some(Trigger::ErrorRate));
            assert_eq!(bench.world.count("deployToProduction"), 1, "what was done is not done again");
        }
    })
    .await;
}

#[tokio::test]
async fn the_death_of_a_worker_in_a_step_delays_it_and_no_more() {
    bounded(async || {
        // One early, one late: each waits for a heartbeat timeout of ten seconds.
        for step in ["rollbackMigration", "documentRollback"] {
            let mut bench = Bench::new().await;
            bench.world.fires(failing());
            bench.world.hangs(step);
            let handle = bench.deployment(deployment_input()).await;
            bench.world.reached(step).await;
            bench.kill_worker();
            bench.world.heals(step);
            bench.start_worker();
            let output = result(&handle).await;
            assert_eq!(output.rollback_completed, Some(true), "{step}");
            assert_eq!(backward(&bench), BACK, "{step}");
            for other in BACK.into_iter().filter(|other| *other != step) {
                assert_eq!(bench.world.count(other), 1, "{other} while {step} was interrupted");
            }
        }
    })
    .await;
}
