//! What is not done in time: its agent is reminded, then another one takes over, then it has failed and the rules go on.
//! Each happens once, whoever is killed and however many coordinators there are.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use gatewatch::contracts::engine::state::{EngineState, StepStatus};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::workflow::ExecutionStatus;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::dispatch::rig::{PATIENCE, Place, Process, Service, ok};
use crate::support::wait_until;

fn spec(seconds: u32, ladder: &str) -> String {
    format!(
        "name = 'late'\n[guardrails]\nmax-attempts = 4\ndue-seconds = {seconds}\noverdue = [{ladder}]\n\
         [[rules]]\nname = 'it failed'\non = 'completed'\nkind = 'A'\nstatus = 'FAIL'\n\
         then = [{{ request = 'REWORK', payload = {{ reason = '${{response.errors}}' }} }}]\n\
         [[rules]]\nname = 'it was reworked'\non = 'completed'\nkind = 'REWORK'\nstatus = 'OK'\n\
         then = [{{ request = 'A', payload = {{ reworked = true }} }}]\n[finalize]\n"
    )
}

fn goal(spec: &str) -> Value {
    json!({"goalId": "g", "specDocument": spec, "bootDecision":
        {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "A", "payload": {}}]}})
}

/// Takes the work and is never heard of again, unless it was reworked.
fn silent(asked: &Value) -> (StatusCode, HeaderMap, Value) {
    if asked["payload"]["reworked"] == json!(true) {
        return ok(json!({"status": "OK"}));
    }
    (StatusCode::ACCEPTED, HeaderMap::new(), json!({}))
}

async fn place(first: &Service, second: &Service) -> Place {
    Place::with(&format!(
        "[[agents]]\nname = \"first\"\nkinds = [\"A\"]\nadapter = \"http\"\nurl = \"http://{}/\"\nalternates = [\"second\"]\n\
         [[agents]]\nname = \"second\"\nadapter = \"http\"\nurl = \"http://{}/\"\n\
         [[agents]]\nname = \"fixer\"\nkinds = [\"REWORK\"]\nadapter = \"scripted\"\n\
         [dispatcher]\nidle = \"500ms\"\n",
        first.address, second.address
    ))
    .await
}

async fn state(place: &Place, id: &WorkflowId) -> EngineState {
    wait_until("the goal answers", PATIENCE, async || place.gateway.goal(id).await.ok()).await
}

fn times(state: &EngineState, event: &str) -> usize {
    state.log.iter().filter(|entry| entry.event == event).count()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_step_is_reminded_replaced_and_reworked_once_each_by_two_coordinators() {
    let (first, second) = (Service::start(silent).await, Service::start(silent).await);
    let place = place(&first, &second).await;
    let _processes = (place.process().await, place.process().await);
    let id = place.start("EngineWorkflow", goal(&spec(4, "'remind', 'replace', 'fail'"))).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);

    let state = state(&place, &id).await;
    for event in ["REMINDED", "REPLACED", "OVERDUE"] {
        assert_eq!(times(&state, event), 1, "{event}: {:?}", state.log);
    }
    let late = &state.open_steps[&"a-1".into()];
    assert_eq!((late.status, late.agent.as_deref()), (StepStatus::Failed, Some("second")));
    assert_eq!(late.passed_over, ["first"]);
    assert_eq!(state.open_steps[&"rework-1".into()].payload["reason"], "It was not done in time.");

    let asked = first.asked();
    let of = |step: &str| asked.iter().filter(|(_, asked)| asked["stepId"] == step).collect::<Vec<_>>();
    let [work, reminder] = of("a-1")[..] else { panic!("work and one reminder: {:?}", of("a-1")) };
    assert_eq!((&work.1["reminder"], &reminder.1["reminder"]), (&Value::Null, &json!(1)));
    assert_eq!(work.1["runId"], reminder.1["runId"], "it is the same work");
    let keys = (header(&work.0, "idempotency-key"), header(&reminder.0, "idempotency-key"));
    assert_eq!(keys.1, format!("{}-reminder-1", keys.0));
    assert_eq!(of("a-2").len(), 1);
    let taken_over = second.asked();
    assert_eq!(taken_over.len(), 1, "{taken_over:?}");
    assert_ne!(taken_over[0].1["runId"], work.1["runId"], "another attempt");
}

/// Who has a call of this agent.
async fn has_call(process: &Process, agent: &str) -> bool {
    let agent = process.agent(agent).await.unwrap();
    !agent["calls"].as_array().unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_survives_the_coordinator_that_had_the_call() {
    let (first, second) = (Service::start(silent).await, Service::start(silent).await);
    let place = place(&first, &second).await;
    let (one, other) = (place.process().await, place.process().await);
    let id = place.start("EngineWorkflow", goal(&spec(12, "'remind'"))).await;
    wait_until("the agent has the work", PATIENCE, async || (!first.asked().is_empty()).then_some(())).await;
    let _left = if has_call(&one, "first").await {
        one.kill().await;
        other
    } else {
        other.kill().await;
        one
    };
    wait_until("it is reminded", PATIENCE, async || (first.asked().len() > 1).then_some(())).await;
    let reminder = &first.asked()[1].1;
    assert_eq!((&reminder["reminder"], &reminder["stepId"]), (&json!(1), &json!("a-1")), "{reminder}");
    assert_eq!(times(&state(&place, &id).await, "REMINDED"), 1);
}

/// A program that hangs is ended when its step is given to somebody else, long before its own time is up.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_when_its_step_is_taken_away() {
    let place = Place::with("").await;
    let hangs = place.script("hangs.sh", &format!("echo $$ > {}/pid\nexec sleep 300\n", place.folder.path().display()));
    let backup = place.script("backup.sh", "echo '{\"status\":\"OK\"}'\n");
    place.configure(&format!(
        "[[agents]]\nname = \"hangs\"\nkinds = [\"A\"]\nadapter = \"command\"\n{hangs}\ntime_limit = \"5m\"\n\
         alternates = [\"backup\"]\n[[agents]]\nname = \"backup\"\nadapter = \"command\"\n{backup}\n\
         [dispatcher]\nidle = \"500ms\"\n"
    ));
    let process = place.process().await;
    let begun = Instant::now();
    let id = place.start("EngineWorkflow", goal(&spec(3, "'replace'"))).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    assert!(begun.elapsed() < Duration::from_secs(80), "{:?}", begun.elapsed());
    let calls = place.calls();
    assert_eq!(calls.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>(), ["a-1", "a-1"]);
    assert_eq!(process.agent("backup").await.unwrap()["ok"], 1);
    let pid = std::fs::read_to_string(place.folder.path().join("pid")).unwrap();
    let gone = async || (!std::path::Path::new("/proc").join(pid.trim()).exists()).then_some(());
    wait_until("the program that hung is gone", PATIENCE, gone).await;
}
