//! Decisions and rollbacks through the coordinator, on the real workflows: each has one effect, and each answer is true.

use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::temporal::memo::Published;
use serde_json::{Value, json};

use crate::coordinator::rig::{GUEST, MIRA, ONCALL, Rig, answer, decision, settled};
use crate::support;
use crate::workflows::bench::{Bench, bounded, deployment_input, readiness_input, with};
use crate::workflows::world::check;

/// A readiness workflow that only this coordinator's word opens, with its gate open.
async fn waiting(bench: &Bench, rig: &Rig) -> (String, OpenGate) {
    let key = answer(rig.get("/v1/key")).await.1["publicKey"].clone();
    let handle = bench.readiness(with(readiness_input(), json!({"authority": {"deciders": [key]}}))).await;
    let id = handle.info().workflow_id.clone();
    let open = |published: &Published| !published.gates.is_empty();
    let gate = bench.until(&id, "the gate opens", open).await.gates.remove(0);
    assert!(gate.needs_proof);
    (id, gate)
}

fn on_evidence(mut decision: Value, gate: &OpenGate) -> Value {
    decision["evidence"] = json!(gate.digest());
    decision
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_has_one_effect_however_often_it_is_sent() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let (id, gate) = waiting(&bench, &rig).await;
        let approve = on_evidence(decision(&id, "approve"), &gate);

        let stale = with(approve.clone(), json!({"evidence": "0".repeat(64), "decisionId": "stale"}));
        let (status, body) = settled(&rig, "/v1/decisions", &stale, MIRA).await;
        assert_eq!((status.as_u16(), &body["outcome"]), (409, &json!("refused")), "{body}");
        assert_eq!(body["refusal"]["code"], "stale-evidence");

        let (status, body) = settled(&rig, "/v1/decisions", &approve, MIRA).await;
        assert_eq!((status.as_u16(), &body["outcome"]), (200, &json!("applied")), "{body}");
        assert_eq!(body["record"]["actor"], json!({"name": "mira", "via": "coordinator"}));

        let (status, body) = settled(&rig, "/v1/decisions", &approve, MIRA).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["record"]["decisionId"], approve["decisionId"]);

        let other = with(on_evidence(decision(&id, "reject"), &gate), json!({"reason": "too late"}));
        let (status, body) = settled(&rig, "/v1/decisions", &other, MIRA).await;
        assert_eq!((status.as_u16(), &body["refusal"]["code"]), (409, &json!("already-decided")), "{body}");
        let words = body["refusal"]["message"].as_str().unwrap();
        assert!(words.contains("approved by mira at 20"), "{words}");
        let metrics = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains(r#"gatewatch_coordinator_decisions_total{outcome="refused"} 2"#), "{metrics}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_the_workflow_does_not_know_is_refused() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let stranger = Rig::start(support::temporal()).await;
        let (id, gate) = waiting(&bench, &rig).await;
        let approve = on_evidence(decision(&id, "approve"), &gate);
        let (status, body) = settled(&stranger, "/v1/decisions", &approve, MIRA).await;
        assert_eq!((status.as_u16(), &body["refusal"]["code"]), (409, &json!("not-authorised")), "{body}");
        let published = bench.published(&id).await.unwrap();
        assert!(published.decided.is_none() && !published.gates.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_critical_check_lets_nobody_approve() {
    use gatewatch::contracts::evidence::CheckStatus;
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        bench.world.checks(vec![check("security-scan-clean", CheckStatus::Failed, true)]);
        let (id, gate) = waiting(&bench, &rig).await;
        let approve = on_evidence(decision(&id, "approve"), &gate);
        let (status, body) = settled(&rig, "/v1/decisions", &approve, MIRA).await;
        assert_eq!((status.as_u16(), &body["refusal"]["code"]), (409, &json!("critical-check-failing")), "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_404() {
    bounded(async || {
        let rig = Rig::start(support::temporal()).await;
        let id = support::unique("nobody");
        let (status, body) = answer(rig.post("/v1/decisions", &decision(&id, "approve")).bearer_auth(MIRA)).await;
        assert_eq!((status.as_u16(), &body["error"]["kind"]), (404, &json!("not-found")), "{body}");
        let path = format!("/v1/workflows/{id}/rollback");
        let (status, body) = answer(rig.post(&path, &json!({"requestId": "r"})).bearer_auth(ONCALL)).await;
        assert_eq!(status, 404, "{body}");
        let (status, body) = answer(rig.get(&format!("/v1/deployments/{id}/health")).bearer_auth(GUEST)).await;
        assert_eq!(status, 404, "{body}");
    })
    .await;
}

/// The worker is gone: the rejection is in doubt, is not lost, and is applied once when a worker is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_without_a_worker_is_in_doubt_and_then_applied_once() {
    bounded(async || {
        let (mut bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let (id, gate) = waiting(&bench, &rig).await;
        bench.kill_worker();
        let reject = with(on_evidence(decision(&id, "reject"), &gate), json!({"reason": "not tonight"}));
        let (status, body) = answer(rig.post("/v1/decisions", &reject).bearer_auth(MIRA)).await;
        assert_eq!((status.as_u16(), &body["outcome"]), (202, &json!("in-doubt")), "{body}");
        assert_eq!(body["decisionId"], reject["decisionId"]);

        bench.start_worker();
        let decided =
            bench.until(&id, "it is rejected", |published| published.decided.is_some()).await.decided.unwrap();
        assert_eq!(decided.decision_id.as_str(), reject["decisionId"].as_str().unwrap());
        assert_eq!((decided.actor.name.as_str(), decided.reason.as_deref()), ("mira", Some("not tonight")));
        let published = bench.published(&id).await.unwrap();
        assert!(published.refused.is_none(), "the same decision came twice and is no refusal: {:?}", published.refused);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_twice_is_rolling_back_once() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let handle = bench.watched().await;
        let id = handle.info().workflow_id.clone();
        let path = format!("/v1/workflows/{id}/rollback");
        let first = json!({"requestId": "r1", "reason": "errors"});
        let (status, body) = settled(&rig, &path, &first, ONCALL).await;
        assert_eq!((status.as_u16(), &body["outcome"]), (200, &json!("accepted")), "{body}");
        assert_eq!(
            (&body["reply"]["already"], &body["reply"]["cause"]["actor"]["name"]),
            (&json!(false), &json!("oncall"))
        );
        let second = json!({"requestId": "r2", "reason": "me too"});
        let (status, body) = settled(&rig, &path, &second, MIRA).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!((&body["reply"]["already"], &body["reply"]["cause"]["reason"]), (&json!(true), &json!("errors")));
        bench
            .until(&id, "the old version serves", |published| {
                published.rolling_back.as_ref().is_some_and(|progress| progress.verified_at.is_some())
            })
            .await;
        assert_eq!(bench.world.count("rollbackVercelDeployment"), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_without_a_worker_is_held_until_there_is_one() {
    bounded(async || {
        let (mut bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        bench.world.hangs("monitorHealth");
        let handle = bench.deployment(deployment_input()).await;
        let id = handle.info().workflow_id.clone();
        bench.world.reached("monitorHealth").await;
        bench.kill_worker();
        bench.world.heals("monitorHealth");
        bench.world.holds("monitorHealth");
        let path = format!("/v1/workflows/{id}/rollback");
        let (status, body) = answer(rig.post(&path, &json!({"requestId": "r1"})).bearer_auth(ONCALL)).await;
        assert_eq!((status.as_u16(), &body["outcome"]), (202, &json!("in-doubt")), "{body}");
        bench.start_worker();
        bench
            .until(&id, "it is rolled back", |published| {
                published.rolling_back.as_ref().is_some_and(|progress| progress.verified_at.is_some())
            })
            .await;
        assert_eq!(bench.world.count("rollbackVercelDeployment"), 1, "update and signal are one request");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_come_with_the_earliest_deadline_first() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let mut wanted = Vec::new();
        for hours in [3_u64, 1, 2] {
            let input = with(readiness_input(), json!({"deadlineMs": hours * 3_600_000}));
            wanted.push((hours, bench.readiness(input).await.info().workflow_id.clone()));
        }
        wanted.sort();
        let rows = support::wait_until("all three gates are listed", support::PATIENCE, async || {
            let (status, body) = answer(rig.get("/v1/gates").bearer_auth(GUEST)).await;
            assert_eq!(status, 200, "{body}");
            let rows = body["gates"].as_array().unwrap().clone();
            let ours = |row: &Value| wanted.iter().any(|(_, id)| row["workflowId"] == json!(id));
            let rows: Vec<Value> = rows.into_iter().filter(ours).collect();
            (rows.len() == 3).then_some(rows)
        })
        .await;
        let order: Vec<&str> = rows.iter().map(|row| row["workflowId"].as_str().unwrap()).collect();
        let expected: Vec<&str> = wanted.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(order, expected);
        assert_eq!(rows[0]["environment"], "production");
        assert_eq!(rows[0]["gate"]["id"], "production-approval");
        assert_eq!(rows[0]["gate"]["evidence"]["digest"].as_str().unwrap().len(), 64);
    })
    .await;
}
