//! A goal that has spent its budget is given nothing more, by any coordinator, until a person says so.

use axum::http::{HeaderMap, StatusCode};
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::engine::message::{Message, Told};
use gatewatch::contracts::engine::state::{EngineState, StepStatus};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::mutation::{Target, Tell};
use gatewatch::contracts::workflow::ExecutionStatus;
use gatewatch::gateway::signal::request_id;
use serde_json::{Value, json};

use crate::dispatch::rig::{PATIENCE, Place, Service, ok};
use crate::support::wait_until;

/// A, then B, then C, one after the other.
const SPEC: &str = "name = 'dear'\n[guardrails]\nbudget-usd = 1.0\n\
    [[rules]]\nname = 'a is done'\non = 'completed'\nkind = 'A'\nstatus = 'OK'\nthen = [{ request = 'B' }]\n\
    [[rules]]\nname = 'b is done'\non = 'completed'\nkind = 'B'\nstatus = 'OK'\nthen = [{ request = 'C' }]\n\
    [finalize]\nwhen = \"done('C')\"\n";

/// A costs enough for a warning, B more than two budgets.
fn dear(asked: &Value) -> (StatusCode, HeaderMap, Value) {
    let cost = match asked["kind"].as_str() {
        Some("A") => 0.85,
        Some("B") => 2.4,
        _ => 0.5,
    };
    ok(json!({"status": "OK", "metrics": {"tokens": {"prompt": 10, "completion": 20}, "costUsd": cost}}))
}

async fn state(place: &Place, id: &WorkflowId) -> EngineState {
    wait_until("the goal answers", PATIENCE, async || place.gateway.goal(id).await.ok()).await
}

fn times(state: &EngineState, event: &str) -> usize {
    state.log.iter().filter(|entry| entry.event == event).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_has_spent_its_budget_waits_for_a_person_and_goes_on_then() {
    let service = Service::start(dear).await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"dear\"\nkinds = [\"*\"]\nadapter = \"http\"\nurl = \"http://{}/\"\n\
         [dispatcher]\nidle = \"500ms\"\n",
        service.address
    ))
    .await;
    let process = place.process().await;
    let input = json!({"goalId": "g", "specDocument": SPEC, "bootDecision":
        {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "A", "payload": {}}]}});
    let id = place.start("EngineWorkflow", input.clone()).await;
    let held = wait_until("it is held", PATIENCE, async || {
        let state = state(&place, &id).await;
        state.open_steps.get(&"c-1".into()).is_some_and(|step| step.status == StepStatus::Blocked).then_some(state)
    })
    .await;
    assert_eq!((times(&held, "BUDGET_WARNING"), times(&held, "BUDGET_SPENT")), (1, 1), "{:?}", held.log);
    assert!(!serde_json::to_string(&held).unwrap().contains("0.85"), "what it cost is the coordinator's to keep");
    let kinds = |asked: Vec<(HeaderMap, Value)>| -> Vec<String> {
        asked.into_iter().map(|(_, asked)| asked["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(service.asked()), ["A", "B"], "nobody is given C");

    let usage = process.get(&format!("/v1/goals/{id}/usage")).await.unwrap();
    assert_eq!(usage["spent"], json!({"usd": 3.25, "tokens": 60, "budgetUsd": 1.0}), "{usage}");
    let metrics = process.get("/metrics").await.unwrap();
    for level in ["warning", "spent"] {
        let line = format!("gatewatch_coordinator_goal_budgets_total{{level=\"{level}\"}} 1");
        assert!(metrics.as_str().unwrap().contains(&line), "{line}: {metrics}");
    }
    // What another goal of the same kind may cost is its own.
    let other = place.start("EngineWorkflow", input).await;
    wait_until("the other is held, too", PATIENCE, async || {
        let state = state(&place, &other).await;
        (times(&state, "BUDGET_SPENT") == 1).then_some(())
    })
    .await;

    let target = Target { workflow_id: id.clone(), request_id: request_id() };
    let message = Message::Requeue { step_id: "c-1".into(), reason: "it is worth it".into() };
    let told = place.gateway.tell_goal(&Tell { target, message }, &Actor::new("mira", Via::Cli)).await.unwrap();
    assert!(matches!(told, Told::Taken { .. }), "{told:?}");
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let ended = state(&place, &id).await;
    assert_eq!((times(&ended, "BUDGET_RAISED"), times(&ended, "BUDGET_SPENT")), (1, 1), "{:?}", ended.log);
    let usage = process.get(&format!("/v1/goals/{id}/usage")).await.unwrap();
    assert_eq!(usage["spent"], json!({"usd": 3.75, "tokens": 90, "budgetUsd": 4.25}), "once was enough: {usage}");
}

/// A model that answers what cannot be used is paid all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_said_in_vain_counts_against_the_budget() {
    let service = Service::start(|_| {
        ok(json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "fake-model",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Never."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
        }))
    })
    .await;
    let place = Place::with("").await;
    std::fs::write(place.folder.path().join("key"), "sk-test").unwrap();
    place.configure(&format!(
        "[[agents]]\nname = \"model\"\nkinds = [\"A\"]\nadapter = \"llm\"\nmodel = \"openai::fake-model\"\n\
         endpoint = \"http://{}/v1/\"\ntoken_file = \"key\"\nprompt = \"Do it.\"\n\
         usd_per_million_prompt = 500.0\nusd_per_million_completion = 1000.0\n[dispatcher]\nidle = \"500ms\"\n",
        service.address
    ));
    let process = place.process().await;
    let input = json!({"goalId": "g", "specDocument": SPEC, "bootDecision":
        {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "A", "payload": {}}]}});
    let id = place.start("EngineWorkflow", input).await;
    let failed = async || {
        let state = state(&place, &id).await;
        state.open_steps.get(&"a-1".into()).filter(|step| step.status == StepStatus::Failed).map(drop)
    };
    wait_until("the step has failed", PATIENCE, failed).await;
    let usage = process.get(&format!("/v1/goals/{id}/usage")).await.unwrap();
    assert_eq!(usage["spent"], json!({"usd": 1.0, "tokens": 1500, "budgetUsd": 1.0}), "{usage}");
}
