//! `ProductionReadinessWorkflow`: evidence, the gate, and everything that can be said to it.

use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::decision::{Decide, RefusalCode, Verdict};
use gatewatch::contracts::evidence::{Check, CheckStatus};
use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::ids::{DecisionId, EvidenceDigest, GateId};
use gatewatch::contracts::phase::PhaseStatus;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use gatewatch::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use serde_json::{Value, json};
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{
    Client, WorkflowCancelOptions, WorkflowGetResultOptions, WorkflowHandle, WorkflowQueryOptions,
};

use crate::support::unique;
use crate::workflows::bench::{Bench, Readiness, bounded, decide, deployment_input, readiness_input, with};
use crate::workflows::world::check;

pub(super) fn say(verdict: Verdict, gate: &OpenGate) -> Decide {
    Decide {
        decision_id: DecisionId::new(unique("decision")),
        gate: gate.id.clone(),
        verdict,
        evidence: gate.digest().cloned(),
        reason: Some("because".into()),
        actor: Actor::new("mira", Via::Console),
        proof: None,
    }
}

/// Waits until the gate is open at `revision`, and reads it as an approver would.
pub(super) async fn open_gate(bench: &Bench, handle: &Readiness, revision: u32) -> OpenGate {
    let open = |gates: &[OpenGate]| gates.iter().any(|gate| gate.revision == revision);
    let waiting = |published: &gatewatch::contracts::temporal::memo::Published| {
        open(&published.gates) && published.phases.iter().any(|phase| phase.status == PhaseStatus::Waiting)
    };
    bench.until(handle.info().workflow_id.as_str(), "the gate opens", waiting).await.gates.remove(0)
}

async fn result(handle: &Readiness) -> Value {
    serde_json::to_value(handle.get_result(WorkflowGetResultOptions::default()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn approving_what_was_seen_starts_the_deployment() {
    bounded(async || {
        let bench = Bench::new().await;
        let deployment = unique("deploy");
        let then = json!({"thenDeploy": {"workflowId": deployment, "input": deployment_input()}});
        let handle = bench.readiness(with(readiness_input(), then)).await;
        let id = handle.info().workflow_id.clone();

        let gate = open_gate(&bench, &handle, 1).await;
        assert_eq!(gate.title, "production approval");
        assert_eq!(gate.requested_by, "release-bot");
        assert_eq!(gate.effect, "deploys v42 to production, watched 1 s");
        let evidence = gate.evidence.clone().unwrap();
        assert_eq!((evidence.score, evidence.passed), (100, 3));
        assert_eq!(gate.deadline.unwrap().since(gate.opened_at).0, 72 * 3_600_000);
        assert_eq!(bench.attribute(&id, "gates").await, r#"["production-approval"]"#);
        assert_eq!(bench.attribute(&id, "phase").await, r#""awaiting-approval""#);
        assert_eq!(bench.attribute(&id, "environment").await, r#""production""#);
        assert!(bench.attribute(&id, "gateDeadline").await.contains('T'));
        let options = WorkflowQueryOptions::default;
        let score = handle.query(ProductionReadinessWorkflow::readiness_score, Args::default(), options()).await;
        assert_eq!(score.unwrap(), 100);
        let checks = handle.query(ProductionReadinessWorkflow::gate_status, Args::default(), options()).await.unwrap();
        assert_eq!(checks.len(), 3);

        let reply = decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap();
        assert!(!reply.repeated);
        let output = result(&handle).await;
        assert_eq!((&output["approved"], &output["approvedBy"]), (&json!(true), &json!("mira")));
        assert_eq!(output["readinessScore"], json!(100));
        assert_eq!(bench.attribute(&id, "gates").await, "", "closed gates are not waited for");
        assert_eq!(bench.attribute(&id, "phase").await, r#""approved""#);

        let deployed: WorkflowHandle<Client, ProductionDeploymentWorkflow> =
            bench.client.get_workflow_handle(deployment.as_str());
        let summary = bench.until(&deployment, "it is deploying", |published| published.deployment.is_some()).await;
        let commit = summary.deployment.unwrap().commit;
        assert_eq!(Some(commit), gate.evidence.map(|evidence| evidence.commit), "the very commit that was looked at");
        let deployed = deployed.get_result(WorkflowGetResultOptions::default()).await.unwrap();
        assert!(deployed.deployed, "it outlives the workflow that started it");
        let order = ["validateAllGates", "collectAllEvidence", "generateReadinessReport", "getDeploymentStatus"];
        let begun = bench.world.begun();
        let positions: Vec<_> = order.iter().map(|name| begun.iter().position(|begun| begun == name)).collect();
        assert!(positions.is_sorted() && positions[0].is_some(), "{begun:?}");
    })
    .await;
}

#[tokio::test]
async fn rejecting_needs_a_reason_and_ends_it() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        let silent = Decide { reason: None, ..say(Verdict::Reject, &gate) };
        assert_eq!(decide(&handle, &silent).await.unwrap_err().code, RefusalCode::ReasonRequired);
        decide(&handle, &say(Verdict::Reject, &gate)).await.unwrap();
        let output = result(&handle).await;
        assert_eq!((&output["approved"], &output["rejectionReason"]), (&json!(false), &json!("because")));
        assert_eq!(bench.attribute(&handle.info().workflow_id, "phase").await, r#""rejected""#);
    })
    .await;
}

#[tokio::test]
async fn nobody_deciding_rejects() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(with(readiness_input(), json!({"deadlineMs": 300}))).await;
        let output = result(&handle).await;
        assert_eq!(output["approved"], json!(false));
        let reason = output["rejectionReason"].as_str().unwrap();
        assert!(reason.starts_with("Nobody decided within"), "{reason}");
        let published = bench.published(&handle.info().workflow_id).await.unwrap();
        assert_eq!(published.decided.unwrap().actor.via, Via::Deadline);
        assert!(published.gates.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_decision_after_the_deadline_is_refused_even_when_no_worker_saw_the_deadline() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let handle = bench.readiness(with(readiness_input(), json!({"deadlineMs": 1500}))).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.kill_worker();
        let deadline = gate.deadline.unwrap();
        crate::support::wait_until("the deadline is over", std::time::Duration::from_secs(5), async || {
            (crate::workflows::world::now() > deadline).then_some(())
        })
        .await;
        // Nobody is there to answer: in doubt until the next worker.
        let approve = say(Verdict::Approve, &gate);
        let (reply, ()) = tokio::join!(decide(&handle, &approve), async { bench.start_worker() });
        assert_eq!(reply.unwrap_err().code, RefusalCode::DeadlinePassed);
        assert_eq!(result(&handle).await["approved"], json!(false));
    })
    .await;
}

#[tokio::test]
async fn of_two_decisions_in_doubt_the_first_counts_and_the_second_learns_by_whom() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.kill_worker();
        let (approve, reject) = (say(Verdict::Approve, &gate), say(Verdict::Reject, &gate));
        let second = Decide { actor: Actor::new("tom", Via::Cli), ..reject };
        let (one, other, ()) = tokio::join!(decide(&handle, &approve), decide(&handle, &second), async {
            bench.start_worker();
        });
        // Which one arrives first is the network's choice; that the other is refused is ours.
        let (applied, refused) = match (one, other) {
            (Ok(applied), Err(refused)) | (Err(refused), Ok(applied)) => (applied, refused),
            both => panic!("{both:?}"),
        };
        assert_eq!(refused.code, RefusalCode::AlreadyDecided);
        let who = &applied.record.actor.name;
        assert!(refused.message.contains(&format!("by {who} at")), "{}", refused.message);
        assert_eq!(result(&handle).await["approved"], json!(who == "mira"));
    })
    .await;
}

#[tokio::test]
async fn more_evidence_is_collected_once_per_request_and_makes_the_old_digest_stale() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let first = open_gate(&bench, &handle, 1).await;
        bench.world.checks(vec![
            check("security-scan-clean", CheckStatus::Passed, true),
            check("visual-regression", CheckStatus::Failed, false),
        ]);
        let more = say(Verdict::RequestEvidence, &first);
        assert!(!decide(&handle, &more).await.unwrap().repeated);
        let second = open_gate(&bench, &handle, 2).await;
        assert_eq!(second.deadline, first.deadline, "asking does not wind the clock up");
        assert_eq!((second.id.clone(), second.opened_at), (first.id.clone(), first.opened_at));

        let stale = decide(&handle, &say(Verdict::Approve, &first)).await.unwrap_err();
        assert_eq!(stale.code, RefusalCode::StaleEvidence);
        assert!(stale.message.contains("visual regression is new: failed"), "{}", stale.message);
        let view = handle.query(
            ProductionReadinessWorkflow::evidence_summary,
            Args::default(),
            WorkflowQueryOptions::default(),
        );
        let view = view.await.unwrap();
        assert_eq!((view.revision, view.decisions.len()), (2, 1));

        // The same request under another update id, as a coordinator that lost its answer would send it.
        let again =
            crate::workflows::bench::send_decision(&handle, "another-update", serde_json::to_value(&more).unwrap());
        assert!(again.await.unwrap().repeated);
        assert_eq!(bench.world.count("collectAllEvidence"), 2);
        decide(&handle, &say(Verdict::Approve, &second)).await.unwrap();
        assert_eq!(result(&handle).await["approved"], json!(true));
    })
    .await;
}

#[tokio::test]
async fn a_gate_is_rejected_while_evidence_is_collected_again() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.world.holds("collectAllEvidence");
        decide(&handle, &say(Verdict::RequestEvidence, &gate)).await.unwrap();
        crate::support::wait_until("it collects again", std::time::Duration::from_secs(20), async || {
            (bench.world.count("collectAllEvidence") == 2).then_some(())
        })
        .await;
        assert_eq!(decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap_err().code, RefusalCode::NotOpen);
        decide(&handle, &say(Verdict::Reject, &gate)).await.unwrap();
        assert_eq!(result(&handle).await["approved"], json!(false), "without waiting for the evidence");
    })
    .await;
}

#[tokio::test]
async fn evidence_that_cannot_be_collected_again_leaves_the_gate_as_it_was() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.world.fails_for_good("validateAllGates");
        decide(&handle, &say(Verdict::RequestEvidence, &gate)).await.unwrap();
        let id = handle.info().workflow_id.clone();
        let published = bench.until(&id, "it says why", |published| published.refused.is_some()).await;
        assert!(published.refused.unwrap().why.contains("validateAllGates is broken for good"));
        decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap();
        assert_eq!(result(&handle).await["approved"], json!(true));
    })
    .await;
}

#[tokio::test]
async fn a_failing_critical_check_cannot_be_approved_away() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.checks(vec![check("security-scan-clean", CheckStatus::Failed, true)]);
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        let refusal = decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::CriticalCheckFailing);
        assert!(refusal.message.contains("security scan clean"), "{}", refusal.message);
        let other = Decide { gate: GateId::from("plan-approval"), ..say(Verdict::Approve, &gate) };
        assert_eq!(decide(&handle, &other).await.unwrap_err().code, RefusalCode::NotOpen);
        let blind = Decide { evidence: Some(EvidenceDigest::from("0badc0de")), ..say(Verdict::Approve, &gate) };
        assert_eq!(decide(&handle, &blind).await.unwrap_err().code, RefusalCode::StaleEvidence);
    })
    .await;
}

#[tokio::test]
async fn without_checks_or_evidence_it_fails_and_says_so() {
    bounded(async || {
        for activity in ["validateAllGates", "collectAllEvidence"] {
            let bench = Bench::new().await;
            bench.world.fails_for_good(activity);
            let handle = bench.readiness(readiness_input()).await;
            let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
            let why = format!("{:?}", ended.unwrap_err());
            assert!(why.contains(&format!("{activity} is broken for good")), "{why}");
            let id = handle.info().workflow_id.clone();
            assert_eq!(bench.attribute(&id, "phase").await, r#""failed""#, "{activity}");
            let published = bench.published(&id).await.unwrap();
            assert!(published.phases.iter().any(|phase| phase.status == PhaseStatus::Failed), "{activity}");
            assert!(published.gates.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_check_that_cannot_be_carried_out_is_a_failed_check() {
    bounded(async || {
        for (activity, critical) in [("checkDocumentation", 0), ("checkMonitoring", 1), ("generateReadinessReport", 0)]
        {
            let bench = Bench::new().await;
            bench.world.fails_for_good(activity);
            let handle = bench.readiness(readiness_input()).await;
            let gate = open_gate(&bench, &handle, 1).await;
            let evidence = gate.evidence.clone().unwrap();
            let failed = u32::from(activity != "generateReadinessReport");
            assert_eq!((evidence.failed, evidence.critical_failing), (failed, critical), "{activity}");
            let approved = decide(&handle, &say(Verdict::Approve, &gate)).await;
            assert_eq!(approved.is_ok(), critical == 0, "{activity}: {approved:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_check_that_cannot_be_carried_out_counts_as_much_as_before() {
    bounded(async || {
        let bench = Bench::new().await;
        let known = Check { weight: 10, ..check("monitoring-configured", CheckStatus::Passed, true) };
        bench.world.checks(vec![check("security-scan-clean", CheckStatus::Passed, true), known.clone()]);
        bench.world.fails_for_good("checkMonitoring");
        let handle = bench.readiness(readiness_input()).await;
        open_gate(&bench, &handle, 1).await;
        let options = WorkflowQueryOptions::default;
        let checks = handle.query(ProductionReadinessWorkflow::gate_status, Args::default(), options()).await.unwrap();
        let found = checks.into_iter().find(|check| check.id == known.id).unwrap();
        let detail = found.detail.clone();
        assert!(detail.starts_with("could not be checked: checkMonitoring is broken"), "{detail}");
        assert_eq!(found, Check { status: CheckStatus::Failed, detail, ..known });
        let score = handle.query(ProductionReadinessWorkflow::readiness_score, Args::default(), options()).await;
        assert_eq!(score.unwrap(), 16, "two of twelve");
    })
    .await;
}

#[tokio::test]
async fn the_death_of_a_worker_while_checking_delays_it_and_no_more() {
    bounded(async || {
        let mut bench = Bench::new().await;
        bench.world.hangs("validateAllGates");
        let handle = bench.readiness(readiness_input()).await;
        bench.world.reached("validateAllGates").await;
        bench.kill_worker();
        bench.world.heals("validateAllGates");
        bench.start_worker();
        // After a heartbeat timeout of ten seconds, not after the hour that checking may take.
        open_gate(&bench, &handle, 1).await;
    })
    .await;
}

#[tokio::test]
async fn activities_that_recover_are_no_failure() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.fails("validateAllGates", 1);
        bench.world.fails("collectAllEvidence", 1);
        let handle = bench.readiness(readiness_input()).await;
        assert_eq!(open_gate(&bench, &handle, 1).await.evidence.unwrap().score, 100);
    })
    .await;
}

#[tokio::test]
async fn cancelling_closes_the_gate() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        open_gate(&bench, &handle, 1).await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })), "{ended:?}");
        let id = handle.info().workflow_id.clone();
        assert!(bench.published(&id).await.unwrap().gates.is_empty());
        assert_eq!(bench.attribute(&id, "gates").await, "");
        assert_eq!(bench.attribute(&id, "phase").await, r#""cancelled""#);
    })
    .await;
}

#[tokio::test]
async fn cancelling_while_checks_run_ends_it_at_once() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.holds("validateAllGates");
        let handle = bench.readiness(readiness_input()).await;
        bench.world.reached("validateAllGates").await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })), "{ended:?}");
        bench.world.reached("validateAllGates!cancelled").await;
    })
    .await;
}

#[tokio::test]
async fn an_input_that_cannot_be_read_fails_it_and_wedges_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        let other = with(deployment_input(), json!({"commitSha": "another"}));
        let then = json!({"thenDeploy": {"workflowId": "x", "input": other}});
        // Search attributes have a limit: publishing it would fail the workflow's task for ever.
        let long = with(deployment_input(), json!({"environment": "x".repeat(5000)}));
        let then_long = json!({"thenDeploy": {"workflowId": "x", "input": long}});
        for input in [
            json!({"nonsense": true}),
            json!({"service": "a", "commitSha": ""}),
            with(readiness_input(), then),
            with(readiness_input(), then_long),
        ] {
            let handle = bench.readiness(input).await;
            let ended = handle.get_result(WorkflowGetResultOptions::default()).await.unwrap_err();
            assert!(format!("{ended:?}").contains("The input cannot be read"), "{ended:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_deployment_id_that_is_taken_is_said_not_hidden() {
    bounded(async || {
        let bench = Bench::new().await;
        let taken = bench.deployment(deployment_input()).await;
        let id = taken.info().workflow_id.clone();
        taken.get_result(WorkflowGetResultOptions::default()).await.unwrap();
        let then = json!({"thenDeploy": {"workflowId": id, "input": deployment_input()}});
        let handle = bench.readiness(with(readiness_input(), then)).await;
        let gate = open_gate(&bench, &handle, 1).await;
        decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap();
        let ended = handle.get_result(WorkflowGetResultOptions::default()).await.unwrap_err();
        assert!(format!("{ended:?}").contains("was not started"), "{ended:?}");
    })
    .await;
}

#[tokio::test]
async fn a_gate_outlives_its_worker() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let handle = bench.readiness(readiness_input()).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.kill_worker();
        bench.start_worker();
        decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap();
        assert_eq!(result(&handle).await["approved"], json!(true));
        assert_eq!(bench.world.count("validateAllGates"), 1, "what was done is not done again");
    })
    .await;
}
