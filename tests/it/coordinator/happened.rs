//! Where the coordinator decides, it decides on whatever happens: each time once, on the very document that the goal is
//! pinned to, and whoever is killed in between. And it starts goals with specs of its folder.

use std::fs;

use gatewatch::contracts::engine::state::{EngineState, EngineStatus};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use temporalio_client::{WorkflowExecuteUpdateOptions, WorkflowStartOptions};

use crate::coordinator::callbacks::state;
use crate::coordinator::rig::{BUILDERS, GUEST, MIRA, Rig, answer, settings, settled};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, payloads};

/// Nothing of it is shipped.
const SPEC: &str = "name = 'not-shipped'\nversion = '1'\n[guardrails]\ndue-seconds = 1\noverdue = ['fail']\n\
    [[rules]]\nname = 'late'\non = 'completed'\nkind = 'A'\nstatus = 'FAIL'\nthen = [{ request = 'B' }]\n\
    [[rules]]\nname = 'by hand'\non = 'completed'\nkind = 'A'\nstatus = 'OK'\nthen = [{ request = 'C' }]\n\
    [[rules]]\nname = 'told'\non = 'event'\nevent = 'ci'\nthen = [{ approval = 'CI is ${event.payload.status}. Go on?' }]\n\
    [[rules]]\nname = 'approved'\non = 'approved'\nthen = [{ request = 'D' }]\n\
    [[rules]]\nname = 'answered'\non = 'completed'\nkind = 'D'\nstatus = 'OK'\nthen = [{ request = 'E' }]\n\
    [finalize]\nwhen = \"done('E') && done('C') && done('B')\"\n";

async fn goal(bench: &Bench) -> String {
    let id = support::unique("outside");
    let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
    let plan = json!([{"type": "REQUEST_WORK", "workKind": "A"}]);
    let input = json!({"goalId": "g", "decider": "coordinator", "specName": "not-shipped", "specDocument": SPEC, "initialPlan": plan});
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    id
}

async fn until(bench: &Bench, id: &str, what: &str, wanted: impl Fn(&EngineState) -> bool) -> EngineState {
    wait_until(what, PATIENCE, async || Some(state(bench, id).await).filter(&wanted)).await
}

fn has(step: &'static str) -> impl Fn(&EngineState) -> bool {
    move |state| state.open_steps.contains_key(&step.into())
}

fn is_decided(state: &EngineState) -> bool {
    state.undecided.as_ref().is_some_and(Vec::is_empty)
}

fn decisions(state: &EngineState) -> usize {
    state.log.iter().filter(|entry| entry.event == "APPLY_DECISION").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_is_decided_on_once() {
    bounded(async || {
        let bench = Bench::new().await;
        let rig = Rig::start(support::temporal()).await;
        let id = goal(&bench).await;
        let of = |step: &str, button: &str| format!("/v1/goals/{id}/steps/{step}/{button}");
        let press = async |rig: &Rig, path: &str, mut body: Value| {
            body["requestId"] = json!(support::unique("request"));
            let (status, told) = settled(rig, path, &body, MIRA).await;
            assert_eq!((status.as_u16(), &told["outcome"]), (200, &json!("taken")), "{path}: {told}");
        };
        bench.signal(&id, "custom", payloads([json!("nobody asked"), json!({})])).await;
        // Overdue.
        let handle = bench.client.get_workflow_handle::<EngineWorkflow>(id.as_str());
        let lease = Args::of([json!({"stepId": "a-1", "runId": "r", "agent": "x"})]);
        handle
            .execute_update(EngineWorkflow::update_lease, lease, WorkflowExecuteUpdateOptions::default())
            .await
            .unwrap();
        let late = until(&bench, &id, "what is overdue is decided on", has("b-1")).await;
        assert_eq!(late.open_steps[&"b-1".into()].after, ["a-1".into()]);
        // Overridden.
        press(&rig, &of("a-1", "override"), json!({"status": "DONE", "reason": "seen"})).await;
        until(&bench, &id, "an override is decided on", has("c-1")).await;

        // What happens while no coordinator is there waits for the next one.
        rig.stop().await.unwrap();
        bench.signal(&id, "custom", payloads([json!("ci"), json!({"status": "green"})])).await;
        let waiting = until(&bench, &id, "the event is there", |state| !is_decided(state)).await;
        assert_eq!(waiting.undecided.as_ref().unwrap().len(), 1, "{waiting:?}");
        let rig = Rig::start(support::temporal()).await;
        let asked = until(&bench, &id, "an event is decided on", has("approval-1")).await;
        assert_eq!(asked.open_steps[&"approval-1".into()].payload["title"], "CI is green. Go on?");
        press(&rig, &of("approval-1", "approve"), json!({})).await;
        until(&bench, &id, "an approval is decided on", has("d-1")).await;

        // An answer that comes in is decided on where it does, one that is given by hand as well.
        let said =
            json!({"goalId": "g", "workflowId": id, "stepId": "d-1", "runId": "d", "agentRole": "x", "status": "OK"});
        let (status, receipt) = answer(rig.post("/agent/callback", &said).bearer_auth(BUILDERS)).await;
        assert_eq!((status.as_u16(), &receipt["applied"]["actions"][0]["workKind"]), (200, &json!("E")), "{receipt}");
        for step in ["e-1", "b-1", "c-1"] {
            press(&rig, &of(step, "answer"), json!({"status": "OK"})).await;
            until(&bench, &id, "it is decided on", |state| state.status.is_over() || is_decided(state)).await;
        }
        let ended = until(&bench, &id, "it is complete", |state| state.status == EngineStatus::Completed).await;
        let facts = ["nobody asked", "overdue", "overridden", "ci", "approved", "d-1", "e-1", "b-1", "c-1"];
        assert_eq!(decisions(&ended), facts.len() + 1, "with the plan, one for each: {:?}", ended.log);
        assert!(ended.open_steps.values().all(|step| !step.status.is_open()), "{ended:?}");
        rig.stop().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goals_are_started_and_moved_with_specs_of_the_folder() {
    bounded(async || {
        let bench = Bench::new().await;
        let (mut settings, folder) = settings(support::temporal());
        let specs = folder.path().join("specs");
        fs::create_dir(&specs).unwrap();
        settings.specs_folder = specs.clone();
        settings.temporal.task_queue.clone_from(&bench.queue);
        let text = |version: u32| format!("name = 'mine'\nversion = '{version}'\n");
        fs::write(specs.join("mine.toml"), text(1)).unwrap();
        let rig = Rig::with(settings, folder).await;
        let start = async |id: &str, spec: &str| {
            let boot = json!({"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "A"}]});
            let input = json!({"specName": spec, "bootDecision": boot});
            let body = json!({"requestId": format!("start-{id}"), "workflowId": id, "input": input});
            answer(rig.post("/v1/goals", &body).bearer_auth(MIRA)).await
        };
        let [one, two, three] = ["one", "two", "three"].map(support::unique);
        let (status, started) = start(&one, "mine").await;
        assert_eq!((status.as_u16(), &started["spec"]["version"]), (200, &json!("1")), "{started}");
        fs::write(specs.join("mine.toml"), text(2)).unwrap();
        assert_eq!(start(&two, "mine").await.1["spec"]["version"], "2");
        state(&bench, &one).await;
        let (_, again) = start(&one, "mine").await;
        assert_eq!(again["runId"], started["runId"], "it is started once");
        assert_eq!(again["spec"]["version"], "1", "and says what it is pinned to, not what it would be now: {again}");
        let other = json!({"requestId": "other", "workflowId": one, "input": {"specName": "mine"}});
        assert_eq!(answer(rig.post("/v1/goals", &other).bearer_auth(MIRA)).await.0, 409);
        // A broken file serves its last good text, and says what is wrong.
        fs::write(specs.join("mine.toml"), format!("{}rulez = 1\n", text(3))).unwrap();
        assert_eq!(start(&three, "mine").await.1["spec"]["version"], "2");
        let (_, listed) = answer(rig.get("/v1/specs").bearer_auth(GUEST)).await;
        let trouble = listed["troubles"][0]["message"].as_str().unwrap();
        assert!(trouble.contains("mine.toml:3: rulez:"), "{listed}");
        let (status, unknown) = start(&support::unique("four"), "yours").await;
        assert!(status == 422 && unknown["error"]["hint"].as_str().unwrap().contains("mine"), "{unknown}");

        let version = async |id: &str| state(&bench, id).await.spec.unwrap().version;
        assert_eq!((version(&one).await, version(&two).await), ("1".to_owned(), "2".to_owned()));
        let body = json!({"requestId": "adopt", "spec": "mine"});
        let (status, told) = settled(&rig, &format!("/v1/goals/{one}/spec"), &body, MIRA).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(version(&one).await, "2");
        let both = json!({"requestId": "both", "spec": "mine", "document": "name = 'x'\n"});
        assert_eq!(answer(rig.post(&format!("/v1/goals/{one}/spec"), &both).bearer_auth(MIRA)).await.0, 422);
        let denied = rig.post("/v1/goals", &json!({"requestId": "r", "workflowId": "w"}));
        assert_eq!(answer(denied.bearer_auth(GUEST)).await.0, 403);
    })
    .await;
}
