//! The buttons of a goal's steps over HTTP, on real goals: each has one effect, is somebody's, and is in the trail.

use gatewatch::contracts::engine::state::{EngineState, EngineStatus, StepStatus};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use temporalio_client::WorkflowStartOptions;

use crate::coordinator::callbacks::{goal, state};
use crate::coordinator::rig::{GUEST, MIRA, ONCALL, Rig, answer, nowhere, settings, settled};
use crate::coordinator::routes;
use crate::support;
use crate::workflows::bench::{Bench, bounded, payloads, with};

const DRAFT: &str = "draft-1";

/// What happened, without when.
fn events(state: &EngineState) -> Vec<&str> {
    state.log.iter().map(|entry| entry.event.as_str()).collect()
}

fn step(state: &EngineState, id: &str) -> StepStatus {
    state.open_steps[&id.into()].status
}

/// Tells it twice under one id: the status, and the body of the first. The second must be a repetition.
async fn tell(rig: &Rig, path: &str, body: Value) -> (u16, Value) {
    let body = with(json!({"requestId": support::unique("request")}), body);
    let (status, first) = settled(rig, path, &body, MIRA).await;
    let (again, second) = settled(rig, path, &body, MIRA).await;
    assert_eq!((status, &first), (again, &second), "{path}: the same id, another answer");
    (status.as_u16(), first)
}

async fn taken(rig: &Rig, path: &str, body: Value) {
    let (status, body) = tell(rig, path, body).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("taken")), "{path}: {body}");
}

/// A request id that somebody uses again for something else swallows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn under_one_request_id_each_message_has_its_effect_once() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let rig = Rig::with(settings, folder).await;
        let id = goal(&bench, "reused").await;
        let (events, rejected) = (format!("/v1/goals/{id}/events"), format!("/v1/goals/{id}/steps/{DRAFT}/override"));
        for _ in 0..2 {
            for (path, more) in [
                (&events, json!({"eventType": "ping"})),
                (&events, json!({"eventType": "pong"})),
                (&rejected, json!({"status": "FAILED", "reason": "by hand"})),
            ] {
                let body = with(json!({"requestId": "same"}), more);
                let (status, told) = settled(&rig, path, &body, MIRA).await;
                assert_eq!((status.as_u16(), &told["outcome"]), (200, &json!("taken")), "{path}: {told}");
            }
        }
        let known = state(&bench, &id).await;
        assert_eq!(step(&known, DRAFT), StepStatus::Failed);
        let count = |event: &str| known.log.iter().filter(|entry| entry.event == event).count();
        assert_eq!((count("EVENT"), count("OVERRIDDEN")), (2, 1), "{:?}", known.log);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_goes_all_its_way_by_buttons() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let trail = settings.console.audit_file();
        let rig = Rig::with(settings, folder).await;
        let id = goal(&bench, "buttons").await;
        let of = |step: &str, button: &str| format!("/v1/goals/{id}/steps/{step}/{button}");

        taken(&rig, &of(DRAFT, "answer"), json!({"status": "FAIL", "errors": "no idea"})).await;
        taken(&rig, &of("draft-2", "answer"), json!({"status": "OK", "content": {"title": "T", "text": "x"}})).await;
        let (status, body) = tell(&rig, &of("approval-1", "reject"), json!({"reason": " "})).await;
        assert_eq!((status, &body["outcome"]), (409, &json!("refused")), "{body}");
        taken(&rig, &of("approval-1", "reject"), json!({"reason": "too short"})).await;
        taken(&rig, &of("draft-3", "override"), json!({"status": "DONE", "reason": "seen by hand"})).await;
        taken(&rig, &of("approval-2", "approve"), json!({})).await;
        taken(&rig, &format!("/v1/goals/{id}/events"), json!({"eventType": "seen", "payload": {"by": 1}})).await;
        let known = state(&bench, &id).await;
        assert_eq!(step(&known, "publish-1"), StepStatus::Waiting);
        assert_eq!(known.open_steps[&"approval-2".into()].agent.as_deref(), Some("mira"));
        let told = known.log.iter().find(|entry| entry.event == "OVERRIDDEN").unwrap();
        assert_eq!(told.data["by"], json!({"name": "mira", "via": "coordinator"}));
        taken(&rig, &of("publish-1", "answer"), json!({"status": "OK"})).await;

        let (status, body) = answer(rig.get(&format!("/v1/goals/{id}")).bearer_auth(GUEST)).await;
        assert_eq!((status.as_u16(), &body["state"]["status"]), (200, &json!("COMPLETED")), "{body}");
        for event in ["OVERRIDDEN", "REJECTED", "APPROVED", "EVENT", "FINALIZED"] {
            let log = body["state"]["log"].as_array().unwrap();
            assert_eq!(log.iter().filter(|entry| entry["event"] == event).count(), 1, "{event}: {body}");
        }
        // Over: refused, in words.
        let (status, body) = tell(&rig, &of(DRAFT, "nudge"), json!({})).await;
        assert_eq!((status, &body["outcome"]), (409, &json!("refused")), "{body}");
        assert!(body["why"].as_str().is_some_and(|why| why.ends_with('.')), "{body}");

        let listed = async || {
            let (status, body) = answer(rig.get("/v1/goals").bearer_auth(GUEST)).await;
            assert_eq!(status, 200, "{body}");
            let goals = body["goals"].as_array().unwrap().clone();
            goals.into_iter().find(|row| row["id"] == json!(id) && row["status"] == "completed")
        };
        support::wait_until("the goal is listed", support::PATIENCE, listed).await;
        let trail = std::fs::read_to_string(trail).unwrap();
        let asked = |name: &str| trail.lines().any(|line| line.contains(&format!("\"name\":\"{name}\"")));
        assert!(asked("override") && asked("approve") && asked("agentCompleted") && asked("nudge"), "{trail}");
        assert!(trail.contains(r#""actor":{"name":"mira","via":"coordinator"}"#), "{trail}");
        let metrics = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
        for line in [
            r#"goal_messages_total{message="override",outcome="taken"} 2"#,
            r#"goal_messages_total{message="reject",outcome="refused"} 2"#,
        ] {
            assert!(metrics.contains(line), "{line} is not in {metrics}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_nudged_requeued_and_the_goal_cancelled() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "buttons").await;
        let of = |button: &str| format!("/v1/goals/{id}/steps/{DRAFT}/{button}");
        let (status, body) = tell(&rig, &of("nudge"), json!({})).await;
        assert_eq!((status, &body["outcome"]), (409, &json!("refused")), "nobody works on it: {body}");
        let lease = json!({"stepId": DRAFT, "runId": "a1", "agent": "bot"});
        let handle = bench.client.get_workflow_handle::<EngineWorkflow>(id.as_str());
        let options = temporalio_client::WorkflowExecuteUpdateOptions::default();
        handle.execute_update(EngineWorkflow::update_lease, Args::of([lease]), options).await.unwrap();
        taken(&rig, &of("nudge"), json!({})).await;
        taken(&rig, &of("requeue"), json!({"reason": "another one"})).await;
        taken(&rig, &format!("/v1/goals/{id}/work"), json!({"kind": "REVIEW", "payload": {"x": 1}})).await;
        let document =
            include_str!("../../../src/spec/shipped/tutorial.toml").replace("version = \"1\"", "version = \"9\"");
        taken(&rig, &format!("/v1/goals/{id}/spec"), json!({"document": document})).await;
        let (status, body) = tell(&rig, &format!("/v1/goals/{id}/spec"), json!({"document": "name = 5"})).await;
        assert_eq!((status, &body["outcome"]), (409, &json!("refused")), "{body}");
        let known = state(&bench, &id).await;
        assert_eq!(step(&known, DRAFT), StepStatus::Waiting);
        assert_eq!(step(&known, "review-1"), StepStatus::Waiting);
        assert_eq!(known.spec.as_ref().unwrap().version, "9");
        for event in ["NUDGED", "REQUEUED", "REQUEST_WORK", "SPEC_ADOPTED"] {
            assert_eq!(events(&known).iter().filter(|seen| **seen == event).count(), 1, "{event}: {known:?}");
        }
        taken(&rig, &format!("/v1/goals/{id}/cancel"), json!({"reason": "no need"})).await;
        assert_eq!(state(&bench, &id).await.status, EngineStatus::Cancelled);
    })
    .await;
}

/// What a client sends again late, when the goal has continued as new: the server does not know it any more, the goal does.
#[tokio::test(flavor = "multi_thread")]
async fn under_one_id_a_goal_is_told_once_also_in_its_next_run() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = support::unique("again");
        routes::listener(&bench, &id).await;
        let run = async || bench.describe(&id).await.workflow_execution_info.unwrap().execution.unwrap().run_id;
        let lease = json!({"stepId": DRAFT, "runId": "a1", "agent": "bot"});
        let handle = bench.client.get_workflow_handle::<EngineWorkflow>(id.as_str());
        let options = temporalio_client::WorkflowExecuteUpdateOptions::default();
        handle.execute_update(EngineWorkflow::update_lease, Args::of([lease]), options).await.unwrap();
        let of = |part: &str| format!("/v1/goals/{id}/{part}");
        // A long id is as good as a short one.
        let named = |what: &str, body: Value| with(json!({"requestId": format!("{what}{}", "x".repeat(300))}), body);
        let asked = [
            (of("events"), named("event", json!({"eventType": "seen"}))),
            (of("work"), named("work", json!({"kind": "REVIEW"}))),
            (of("steps/draft-1/nudge"), named("nudge", json!({}))),
            (of("steps/draft-1/requeue"), named("requeue", json!({"reason": "another one"}))),
        ];
        let begun = run().await;
        for repeated in [false, true] {
            for (path, body) in &asked {
                let (status, told) = settled(&rig, path, body, MIRA).await;
                assert_eq!((status.as_u16(), &told["reply"]["repeated"]), (200, &json!(repeated)), "{path}: {told}");
            }
            let next = async || {
                bench.signal(&id, "custom", payloads([json!("more")])).await;
                (run().await != begun).then_some(())
            };
            support::wait_until("it continues as new", support::PATIENCE, next).await;
        }
        let known = state(&bench, &id).await;
        let seen = |event: &str| events(&known).iter().filter(|known| **known == event).count();
        assert_eq!((seen("REQUEST_WORK"), seen("NUDGED"), seen("REQUEUED")), (1, 1, 1), "{known:?}");
    })
    .await;
}

/// A goal that continues as new again and again takes whatever is told to it meanwhile: between two runs nothing is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_goal_between_two_runs_refuses_nothing() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = support::unique("between");
        routes::listener(&bench, &id).await;
        let path = format!("/v1/goals/{id}/events");
        let tell = async |teller: usize| {
            for at in 0..20 {
                let body = json!({"requestId": format!("{teller}-{at}"), "eventType": "seen", "payload": {"at": at}});
                let (status, told) = settled(&rig, &path, &body, MIRA).await;
                assert_eq!((status.as_u16(), &told["outcome"]), (200, &json!("taken")), "{told}");
            }
        };
        futures_util::future::join_all((0..8).map(tell)).await;
    })
    .await;
}

/// A failed step whose replacement was asked for already: overridden, and the goal still comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_step_that_is_overridden_leaves_no_replacement_open() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "buttons").await;
        let of = |step: &str, button: &str| format!("/v1/goals/{id}/steps/{step}/{button}");
        taken(&rig, &of(DRAFT, "answer"), json!({"status": "FAIL", "errors": "no idea"})).await;
        taken(&rig, &of(DRAFT, "override"), json!({"status": "DONE", "reason": "it was good"})).await;
        assert_eq!(step(&state(&bench, &id).await, "draft-2"), StepStatus::Skipped);
        taken(&rig, &of("approval-1", "approve"), json!({})).await;
        taken(&rig, &of("publish-1", "answer"), json!({"status": "OK"})).await;
        assert_eq!(state(&bench, &id).await.status, EngineStatus::Completed);
    })
    .await;
}

/// No worker: in doubt, and taken in once when there is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_button_without_a_worker_is_in_doubt_and_counts_once() {
    bounded(async || {
        let (mut bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "buttons").await;
        bench.kill_worker();
        let path = format!("/v1/goals/{id}/steps/{DRAFT}/override");
        let body = json!({"requestId": support::unique("request"), "status": "FAILED", "reason": "by hand"});
        for _ in 0..2 {
            let (status, body) = answer(rig.post(&path, &body).bearer_auth(MIRA)).await;
            assert_eq!((status.as_u16(), &body["outcome"]), (202, &json!("in-doubt")), "{body}");
        }
        bench.start_worker();
        let settled = async || {
            let (status, body) = answer(rig.post(&path, &body).bearer_auth(MIRA)).await;
            (status == 200).then_some(body)
        };
        support::wait_until("a worker has it", support::PATIENCE, settled).await;
        let known = state(&bench, &id).await;
        assert_eq!(events(&known).iter().filter(|event| **event == "OVERRIDDEN").count(), 1, "{known:?}");
        assert_eq!(known.open_steps.len(), 2, "one draft follows it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_or_asks_for_nothing_is_told_so() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "buttons").await;
        let told = json!({"requestId": "r"});
        let reason = json!({"requestId": "r", "reason": "because"});
        let over = json!({"requestId": "r", "reason": "because", "status": "DONE"});
        let status = async |path: &str, body: &Value, token: &str| {
            answer(rig.post(path, body).bearer_auth(token)).await.0.as_u16()
        };
        for (button, body) in [
            ("approve", &told),
            ("reject", &reason),
            ("override", &over),
            ("nudge", &told),
            ("requeue", &reason),
            ("answer", &json!({"requestId": "r", "status": "OK"})),
        ] {
            let path = format!("/v1/goals/{id}/steps/{DRAFT}/{button}");
            assert_eq!(status(&path, body, ONCALL).await, 403, "{button}");
            assert_eq!(status(&path, body, "nobody").await, 401, "{button}");
            assert_eq!(status(&path, &json!({}), MIRA).await, 422, "{button}");
            let nobody = format!("/v1/goals/{id}-none/steps/{DRAFT}/{button}");
            assert_eq!(status(&nobody, body, MIRA).await, 404, "{button}");
            let nothing = format!("/v1/goals/{id}/steps/none-1/{button}");
            assert_eq!(status(&nothing, body, MIRA).await, 409, "{button}");
        }
        let path = format!("/v1/goals/{id}/steps/{DRAFT}/override");
        assert_eq!(status(&path, &with(over, json!({"status": "WAITING"})), MIRA).await, 422);
        let away = Rig::start(nowhere()).await;
        let (status, _) = answer(away.post(&path, &reason).bearer_auth(MIRA)).await;
        assert_eq!(status, 422, "the body comes first");
        let (status, _) = answer(away.get("/v1/goals").bearer_auth(MIRA)).await;
        assert_eq!(status, 503);
        // Of no goal: its workflow does not know the message.
        let known = state(&bench, &id).await;
        assert_eq!(events(&known).iter().filter(|event| **event == "OVERRIDDEN").count(), 0, "{known:?}");
    })
    .await;
}

/// A goal that waits for a person from the first.
pub(super) async fn with_approval(bench: &Bench, prefix: &str) -> String {
    let id = support::unique(prefix);
    let actions = json!([
        {"type": "REQUEST_WORK", "workKind": "DRAFT"}, {"type": "REQUEST_APPROVAL", "payload": {"title": "Go?"}}
    ]);
    let input = json!({
        "goalId": id, "specName": "tutorial", "bootDecision": {"decisionId": "boot", "actions": actions}
    });
    let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    state(bench, &id).await;
    id
}
