//! Whatever is sent, by whomever, in whatever form: obeyed or refused, and never a wedged workflow.

use std::fmt::Write as _;

use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::decision::{Decide, Proof, RefusalCode, Verdict};
use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use gatewatch::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use temporalio_client::{WorkflowGetResultOptions, WorkflowQueryOptions};

use crate::workflows::bench::{
    Bench, Readiness, bounded, decide, deployment_input, garbage, payloads, readiness_input, result, with,
};

const OPEN: fn() -> Value = || json!({"authority": {"signals": "open"}});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

async fn gate_digest(bench: &Bench, id: &str) -> String {
    let published = bench.until(id, "the gate opens", |published| !published.gates.is_empty()).await;
    published.gates[0].digest().unwrap().as_str().to_owned()
}

async fn approved(handle: &Readiness) -> Value {
    serde_json::to_value(handle.get_result(WorkflowGetResultOptions::default()).await.unwrap()).unwrap()
}

fn refused(published: &Published) -> bool {
    published.refused.is_some()
}

#[tokio::test]
async fn decisions_arrive_as_an_object_and_positionally() {
    bounded(async || {
        let bench = Bench::new().await;
        let forms: [fn(&str) -> Vec<Value>; 2] = [
            |digest| {
                vec![json!({"evidence": digest, "actor": {"name": "mira", "via": "coordinator"}, "decisionId": "d"})]
            },
            |digest| vec![json!("mira"), Value::Null, json!(digest)],
        ];
        for form in forms {
            let handle = bench.readiness(with(readiness_input(), OPEN())).await;
            let id = handle.info().workflow_id.clone();
            let digest = gate_digest(&bench, &id).await;
            bench.signal(&id, "approveProduction", payloads(form(&digest))).await;
            let output = approved(&handle).await;
            assert_eq!((&output["approved"], &output["approvedBy"]), (&json!(true), &json!("mira")));
            let decided = bench.published(&id).await.unwrap().decided.unwrap();
            assert_eq!(decided.actor.via, Via::Signal, "nothing proves that it came through a coordinator");
        }
        let handle = bench.readiness(with(readiness_input(), OPEN())).await;
        let id = handle.info().workflow_id.clone();
        gate_digest(&bench, &id).await;
        bench.signal(&id, "rejectProduction", payloads([json!("tom"), json!("not today")])).await;
        assert_eq!(approved(&handle).await["rejectionReason"], json!("not today"));
    })
    .await;
}

#[tokio::test]
async fn an_open_signal_that_does_not_name_the_evidence_approves_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(with(readiness_input(), OPEN())).await;
        let id = handle.info().workflow_id.clone();
        gate_digest(&bench, &id).await;
        bench.signal(&id, "approveProduction", Vec::new()).await;
        let why = bench.until(&id, "it is refused", refused).await.refused.unwrap();
        assert_eq!(why.name, "approveProduction");
        assert!(why.why.starts_with("[stale-evidence] "), "{}", why.why);
    })
    .await;
}

#[tokio::test]
async fn a_signal_counts_with_a_proof_and_not_without() {
    bounded(async || {
        let bench = Bench::new().await;
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let decider = hex(key.public_key().as_ref());
        let handle = bench.readiness(with(readiness_input(), json!({"authority": {"deciders": [decider]}}))).await;
        let id = handle.info().workflow_id.clone();
        let digest = gate_digest(&bench, &id).await;
        let gate = bench.published(&id).await.unwrap().gates.remove(0);
        assert!(gate.needs_proof);

        let bare = Decide {
            decision_id: "d-1".into(),
            gate: gate.id.clone(),
            verdict: Verdict::Reject,
            evidence: Some(digest.as_str().into()),
            reason: Some("no".into()),
            actor: Actor::new("mira", Via::Coordinator),
            proof: None,
        };
        bench.signal(&id, "rejectProduction", payloads([serde_json::to_value(&bare).unwrap()])).await;
        let why = bench.until(&id, "it is refused", refused).await.refused.unwrap();
        assert!(why.why.starts_with("[not-authorised] "), "{}", why.why);
        assert_eq!(decide(&handle, &bare).await.unwrap_err().code, RefusalCode::NotAuthorised, "nor as an update");

        let signature = hex(key.sign(&bare.signed_bytes(&WorkflowId::new(id.as_str()))).as_ref());
        let proof = Proof { key: hex(key.public_key().as_ref()), signature };
        let proven = Decide { proof: Some(proof), ..bare };
        bench.signal(&id, "rejectProduction", payloads([serde_json::to_value(&proven).unwrap()])).await;
        assert_eq!(approved(&handle).await["rejectionReason"], json!("no"));
        assert_eq!(bench.published(&id).await.unwrap().decided.unwrap().actor.via, Via::Coordinator);
    })
    .await;
}

#[tokio::test]
async fn garbage_is_refused_by_readiness_and_wedges_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.readiness(with(readiness_input(), OPEN())).await;
        let id = handle.info().workflow_id.clone();
        let digest = gate_digest(&bench, &id).await;
        let bad = [
            garbage(),
            payloads([json!({"reason": {"deep": [1]}})]),
            payloads(vec![json!(1); 12]),
            payloads([json!([[[[]]]])]),
            payloads([json!({"verdict": "approve", "reason": "x".repeat(100_000)})]),
        ];
        for payloads in bad.clone() {
            bench.signal(&id, "rejectProduction", payloads).await;
        }
        bench.signal(&id, "noSuchSignal", garbage()).await;
        let options = WorkflowQueryOptions::default();
        let view = handle.query(ProductionReadinessWorkflow::evidence_summary, Args::default(), options).await.unwrap();
        assert_eq!(view.refused.len(), bad.len(), "{:?}", view.refused);
        assert!(view.refused.iter().all(|message| message.why.starts_with("[malformed] ")), "{:?}", view.refused);
        bench.signal(&id, "approveProduction", payloads([json!({"evidence": digest})])).await;
        assert_eq!(approved(&handle).await["approved"], json!(true), "and it goes on");
    })
    .await;
}

#[tokio::test]
async fn garbage_is_refused_by_a_deployment_and_wedges_nothing() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.watched().await;
        let id = handle.info().workflow_id.clone();
        for name in ["reportBug", "extendMonitoring", "pauseMonitoring"] {
            bench.signal(&id, name, garbage()).await;
            bench.signal(&id, name, payloads(vec![json!({"x": 1}); 9])).await;
        }
        bench.signal(&id, "resumeMonitoring", garbage()).await;
        let options = WorkflowQueryOptions::default();
        let status =
            handle.query(ProductionDeploymentWorkflow::deployment_status, Args::default(), options).await.unwrap();
        assert_eq!(status.refused.len(), 6, "{:?}", status.refused);
        assert_eq!(status.summary.stage, DeploymentStage::Monitoring);
        bench.world.heals("monitorHealth");
        assert!(result(&handle).await.deployed);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_signal_is_obeyed_in_every_form() {
    bounded(async || {
        let forms = [
            ("garbage", garbage(), "cannot be read"),
            ("nothing", Vec::new(), "somebody unnamed"),
            ("positional", payloads([json!("it burns"), json!("r-1"), json!("mira")]), "it burns"),
            ("object", payloads([json!({"reason": "it burns", "actor": {"name": "mira"}})]), "it burns"),
        ];
        for (form, payloads, reason) in forms {
            let bench = Bench::new().await;
            bench.world.holds("monitorHealth");
            let handle = bench.deployment(deployment_input()).await;
            bench.world.reached("monitorHealth").await;
            bench.signal(&handle.info().workflow_id, "triggerRollback", payloads).await;
            let progress = result(&handle).await.evidence.rollback.unwrap();
            assert!(progress.cause.reason.contains(reason), "{form}: {}", progress.cause.reason);
        }
    })
    .await;
}

#[tokio::test]
async fn a_severe_bug_rolls_back_and_a_small_one_does_not() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.watched().await;
        let id = handle.info().workflow_id.clone();
        bench.signal(&id, "reportBug", payloads([json!("P3"), json!("a typo")])).await;
        let why = bench.until(&id, "it is refused", refused).await.refused.unwrap();
        assert!(why.why.contains("only P0 and P1"), "{}", why.why);
        bench.signal(&id, "reportBug", payloads([json!({"severity": "P1", "title": "money is lost"})])).await;
        let cause = result(&handle).await.evidence.rollback.unwrap().cause;
        assert_eq!(cause.trigger, Some(Trigger::SevereBug));
        assert!(cause.reason.contains("money is lost"), "{}", cause.reason);
    })
    .await;
}

#[tokio::test]
async fn extending_pausing_and_resuming_reach_the_monitor_through_the_memo() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.holds("monitorHealth");
        let handle = bench.deployment(with(deployment_input(), json!({"maxPauseMs": 60_000}))).await;
        let id = handle.info().workflow_id.clone();
        bench.world.reached("monitorHealth").await;
        let summary = |published: Published| published.deployment.unwrap();
        let until = |published: &Published| published.deployment.as_ref().and_then(|summary| summary.monitor_until);
        let paused = |published: &Published| published.deployment.as_ref().and_then(|summary| summary.paused_until);
        let before = summary(bench.until(&id, "it is watched", |published| until(published).is_some()).await);
        let end = before.monitor_until.unwrap();

        let extend = || payloads([json!({"requestId": "e-1", "byMs": 5_000})]);
        bench.signal(&id, "extendMonitoring", extend()).await;
        bench.signal(&id, "extendMonitoring", extend()).await;
        let extended = summary(bench.until(&id, "it is extended", |published| until(published) > Some(end)).await);
        assert_eq!(extended.monitor_until.unwrap().since(end).0, 5_000, "once, however often it is sent");
        bench.signal(&id, "extendMonitoring", payloads([json!(1_000)])).await;
        bench
            .until(&id, "a position is read too", |published| {
                until(published).is_some_and(|until| until.since(end).0 == 6_000)
            })
            .await;

        let asked = crate::workflows::world::now();
        bench.signal(&id, "pauseMonitoring", payloads([json!({"forMs": 86_400_000, "reason": "dns change"})])).await;
        let held = summary(bench.until(&id, "it is paused", |published| paused(published).is_some()).await);
        let held_for = held.paused_until.unwrap().since(asked).0;
        assert!((50_000..70_000).contains(&held_for), "cut to what the input allows, not {held_for} ms");
        bench.signal(&id, "resumeMonitoring", Vec::new()).await;
        bench.until(&id, "it acts again", |published| paused(published).is_none()).await;

        bench.world.heals("monitorHealth");
        assert!(result(&handle).await.deployed);
    })
    .await;
}
