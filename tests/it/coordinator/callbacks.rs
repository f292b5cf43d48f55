//! Agents' answers on real goals: each has one effect and one receipt, whatever is sent, resent, cut off or wrong.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatewatch::contracts::clock::{Millis, UnixMillis};
use gatewatch::contracts::engine::state::{EngineState, EngineStatus, StepStatus};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::store::Store;
use gatewatch::store::callbacks::{NewCallback, Phase};
use gatewatch::store::usage::Total;
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use temporalio_client::{Client, WorkflowHandle, WorkflowQueryOptions, WorkflowStartOptions};

use crate::coordinator::proof::Processes;
use crate::coordinator::rig::{BUILDERS, MIRA, QA, Rig, answer, nowhere, settings};
use crate::support::{self, PATIENCE, postgres, wait_until};
use crate::workflows::bench::{Bench, bounded, payloads, with};

/// A goal whose first step, `draft-1`, waits for an agent.
pub(super) async fn goal(bench: &Bench, prefix: &str) -> String {
    let id = support::unique(prefix);
    goal_of(bench, &id).await;
    id
}

async fn goal_of(bench: &Bench, id: &str) {
    let input = json!({
        "goalId": format!("goal-of-{id}"), "specName": "tutorial",
        "bootDecision": {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]}
    });
    let options = WorkflowStartOptions::new(bench.queue(), id).build();
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    // Before it has run, nobody can know who decides: answers would wait.
    state(bench, id).await;
}

pub(super) async fn state(bench: &Bench, id: &str) -> EngineState {
    state_within(bench, id, PATIENCE).await
}

pub(super) async fn state_within(bench: &Bench, id: &str, patience: Duration) -> EngineState {
    let handle: WorkflowHandle<Client, EngineWorkflow> = bench.client.get_workflow_handle(id);
    let query = async || {
        handle.query(EngineWorkflow::current_state, Args::default(), WorkflowQueryOptions::default()).await.ok()
    };
    wait_until("the goal answers", patience, query).await
}

pub(super) fn draft(workflow: &str) -> Value {
    json!({
        "goalId": format!("goal-of-{workflow}"), "workflowId": workflow, "stepId": "draft-1", "runId": "run-1",
        "agentRole": "writer", "status": "OK", "content": {"title": "T", "text": "x"},
        "artifacts": [{"type": "DOC", "url": "https://x", "ref": "1"}],
        "metrics": {"tokens": {"prompt": 120, "completion": 30}, "costUsd": 0.5}
    })
}

pub(super) fn times(state: &EngineState, event: &str) -> usize {
    state.log.iter().filter(|entry| entry.event == event).count()
}

/// What a workflow has cost, once anything is known of it.
async fn spent(store: &Store, workflow: &str) -> Option<Total> {
    store.spent(&[(workflow.into(), UnixMillis(0))]).await.unwrap().get(&workflow.into()).copied()
}

/// What a coordinator has kept of an answer when it is killed.
pub(super) fn left_behind(key: String, response: &Value) -> NewCallback {
    let text = |name: &str| response[name].as_str().unwrap();
    NewCallback {
        key,
        workflow_id: text("workflowId").into(),
        step_id: text("stepId").into(),
        attempt_id: text("runId").into(),
        sender: "builders".into(),
        response: json!({"response": response, "problems": []}).to_string(),
    }
}

/// Its sender was told that it is kept and will be delivered.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_kept_waits_for_its_workflow_to_begin() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let rig = Rig::with(settings, folder).await;
        let id = support::unique("later");
        let request = rig.post("/agent/callback", &draft(&id)).bearer_auth(BUILDERS).header("prefer", "respond-async");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
        let count = async |name: &str| {
            let text = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
            let count = text.lines().find_map(|line| line.strip_prefix(&format!("gatewatch_coordinator_{name} ")));
            count.map_or(0, |count| count.parse::<u64>().unwrap())
        };
        let resumed = async |outcome: &str| count(&format!("resumed_answers_total{{outcome=\"{outcome}\"}}")).await;
        let failed = async || (resumed("failed").await > 0).then_some(());
        wait_until("its workflow was found missing", PATIENCE, failed).await;
        assert_eq!(count("kept_answers").await, 1, "it is kept all the same");
        goal_of(&bench, &id).await;
        let delivered = async || (resumed("delivered").await == 1).then_some(());
        wait_until("it is delivered", PATIENCE, delivered).await;
        assert_eq!(state(&bench, &id).await.open_steps[&"draft-1".into()].status, StepStatus::Done);
        let none_left = async || (count("kept_answers").await == 0).then_some(());
        wait_until("it is written that it is done", PATIENCE, none_left).await;
    })
    .await;
}

/// However many send, and go on sending. Their own workflow is unknown: Temporal has little to do with them.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_rush_what_was_kept_is_delivered_all_the_same() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let rig = Rig::with(settings, folder).await;
        let id = goal(&bench, "rush").await;
        let send = async |body: &Value| {
            let request = rig.post("/agent/callback", body).bearer_auth(BUILDERS).header("prefer", "respond-async");
            request.send().await.unwrap().status().as_u16()
        };
        let noise = async |sender: usize| {
            for sent in 0.. {
                let body = json!({ "workflowId": "nowhere", "goalId": "g", "stepId": "s", "agentRole": "a",
                    "runId": format!("{sender}-{sent}"), "status": "OK" });
                assert_eq!(send(&body).await, 202);
            }
        };
        let delivered = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(send(&draft(&id)).await, 202);
            wait_until("it is delivered", PATIENCE, async || {
                let draft = state(&bench, &id).await.open_steps[&"draft-1".into()].status;
                (draft == StepStatus::Done).then_some(())
            })
            .await;
        };
        tokio::select! {
            _ = join_all((0..64).map(noise)) => unreachable!("they never end"),
            () = delivered => {}
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_one_effect_and_one_receipt_however_often_it_is_sent() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let place = settings.coordinator.store.clone();
        let rig = Rig::with(settings, folder).await;
        let id = goal(&bench, "goal").await;
        let send = async || {
            let response = rig.post("/agent/callback", &draft(&id)).bearer_auth(BUILDERS).send().await.unwrap();
            let repeated = response.headers().contains_key("gatewatch-repeated");
            (response.status().as_u16(), repeated, response.text().await.unwrap())
        };
        let mut answers = join_all((0..8).map(|_| send())).await;
        answers.push(send().await);
        assert_eq!(answers.iter().filter(|(_, repeated, _)| !repeated).count(), 1, "{answers:?}");
        for (status, _, body) in &answers {
            assert_eq!((*status, body), (200, &answers[0].2));
        }
        let receipt: Value = serde_json::from_str(&answers[0].2).unwrap();
        assert_eq!(
            (&receipt["ok"], &receipt["outcome"], &receipt["runId"]),
            (&json!(true), &json!("delivered"), &json!("run-1"))
        );

        let state = state(&bench, &id).await;
        assert_eq!(state.open_steps[&"draft-1".into()].status, StepStatus::Done);
        assert_eq!((times(&state, "AGENT_COMPLETED"), state.open_steps.len()), (1, 2), "{state:?}");
        let whole = serde_json::to_string(&state).unwrap();
        assert!(!whole.contains("costUsd") && !whole.contains("tokens"), "metrics stay out of histories: {whole}");

        let store = Store::open(&place).await.unwrap();
        let spent = wait_until("what it cost is written", PATIENCE, async || spent(&store, &id).await).await;
        assert_eq!(spent, Total { tokens: 150, cost_micros: 500_000 });
        let metrics = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
        for line in [
            r#"gatewatch_coordinator_agent_tokens_total{account="builders",kind="prompt"} 120"#,
            r#"gatewatch_coordinator_agent_cost_usd_total{account="builders"} 0.5"#,
            r#"gatewatch_coordinator_agent_answers_total{outcome="delivered",repeated="false"} 1"#,
            r#"gatewatch_coordinator_agent_answers_total{outcome="delivered",repeated="true"} 8"#,
        ] {
            assert!(metrics.contains(line), "{line} is not in {metrics}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_answered_otherwise_again_is_told_that_only_the_first_counts() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "goal").await;
        let post = async |body: &Value| answer(rig.post("/agent/callback", body).bearer_auth(BUILDERS)).await;
        let (status, first) = post(&draft(&id)).await;
        assert_eq!((status.as_u16(), first.get("message")), (200, None), "{first}");
        let differs = "What was sent now differs from what was taken in for this attempt, and was not taken in.";
        for other in [json!({"status": "FAIL", "errors": "no"}), json!({"content": {"title": "Another"}})] {
            // The first receipt may be written a moment after it was told.
            let told = async || {
                let (status, again) = post(&with(draft(&id), other.clone())).await;
                assert_eq!(status, 200, "{again}");
                (again["message"] == differs).then_some(again)
            };
            let again = support::wait_until("it says so", support::PATIENCE, told).await;
            assert_eq!(with(again, json!({"message": null})), with(first.clone(), json!({"message": null})));
        }
        // Who gives it, and what it cost, is not what it says.
        let same = with(draft(&id), json!({"metrics": null}));
        assert_eq!(post(&same).await, (status, first));
        let state = state(&bench, &id).await;
        assert_eq!(
            (state.open_steps[&"draft-1".into()].status, times(&state, "AGENT_COMPLETED")),
            (StepStatus::Done, 1)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_is_refused_in_full_and_its_workflow_is_told() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "goal").await;
        let wrong = with(draft(&id), json!({"status": "GREAT", "agentRole": 5, "metrics": {"costUsd": "much"}}));
        for _ in 0..2 {
            let (status, body) = answer(rig.post("/agent/callback", &wrong).bearer_auth(BUILDERS)).await;
            assert_eq!(status, 422, "{body}");
            let fields: Vec<_> =
                body["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
            assert_eq!(fields, ["agentRole", "status", "metrics.costUsd"]);
        }
        let state = state(&bench, &id).await;
        let step = &state.open_steps[&"draft-1".into()];
        assert_eq!((step.status, times(&state, "AGENT_COMPLETED")), (StepStatus::Failed, 1));
        assert!(step.reason.as_deref().unwrap().contains("\"GREAT\" is none of OK, PARTIAL and FAIL."), "{step:?}");
        // The attempt is over: what comes for it now is told so.
        let (status, body) = answer(rig.post("/agent/callback", &draft(&id)).bearer_auth(BUILDERS)).await;
        assert_eq!((status.as_u16(), body["errors"].as_array().unwrap().len()), (422, 3), "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_served_is_told_why() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "goal").await;
        let post = async |body: &Value, token: &str| answer(rig.post("/agent/callback", body).bearer_auth(token)).await;
        assert_eq!(post(&draft("nobody-at-all"), BUILDERS).await.0, 404);
        assert_eq!(post(&draft("nobody-at-all"), BUILDERS).await.0, 404, "nothing was kept of it");
        assert_eq!(post(&draft(&id), MIRA).await.0, 401, "a person is no agent");
        assert_eq!(post(&draft(&id), "token-of-nobody").await.0, 401);
        assert_eq!(answer(rig.post("/agent/callback", &draft(&id))).await.0, 401);
        let (status, body) = post(&draft(&id), QA).await;
        assert_eq!(status, 403, "{body}");
        let qa = json!({"agentRole": "qa"});
        let (status, body) = post(&with(draft(&id), qa.clone()), QA).await;
        assert!(status == 403 && body["error"]["message"].as_str().unwrap().contains("tenant"), "{body}");
        assert_eq!(post(&with(draft("acme:gone"), qa), QA).await.0, 404, "it may, but there is no such goal");
        let plain = rig.request(reqwest::Method::POST, "/agent/callback").bearer_auth(BUILDERS);
        let plain = plain.header("content-type", "text/plain").body(draft(&id).to_string());
        assert_eq!(answer(plain).await.0, 415);
        let large = with(draft(&id), json!({"content": "x".repeat(2 * 1024 * 1024)}));
        assert_eq!(post(&large, BUILDERS).await.0, 413);
        assert_eq!(state(&bench, &id).await.open_steps[&"draft-1".into()].status, StepStatus::Waiting);

        bench.signal(&id, "cancel", payloads([json!("enough")])).await;
        wait_until("it ends", PATIENCE, async || {
            Some(state(&bench, &id).await).filter(|s| s.status == EngineStatus::Cancelled)
        })
        .await;
        let late = async || post(&draft(&id), BUILDERS).await;
        let (status, body) =
            wait_until("the server knows, too", PATIENCE, async || Some(late().await).filter(|a| a.0 == 409)).await;
        assert_eq!((&body["ok"], &body["outcome"]), (&json!(false), &json!("late")), "{status} {body}");
        assert_eq!(post(&draft(&id), BUILDERS).await.1, body, "everybody is told the same");
    })
    .await;
}

/// What a coordinator that was killed had in its hands is gone on with by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_cut_off_is_resumed() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let store = Store::open(&settings.coordinator.store).await.unwrap();
        let (received, signalled) = (goal(&bench, "received").await, goal(&bench, "signalled").await);
        for id in [&received, &signalled] {
            let callback = left_behind(format!("key-of-{id}"), &draft(id));
            // Whoever had it was killed this moment.
            let now = UnixMillis(chrono::Utc::now().timestamp_millis());
            store.receive(callback.clone(), now, Millis::from_hours(1)).await.unwrap();
        }
        let arguments = payloads([json!("draft-1"), draft(&signalled)]);
        bench.signal(&signalled, "agentCompleted", arguments).await;
        store.signalled(&format!("key-of-{signalled}"), UnixMillis(1)).await.unwrap();
        drop(store);
        let place = settings.coordinator.store.clone();
        let rig = Rig::with(settings, folder).await;
        let store = Store::open(&place).await.unwrap();
        for id in [&received, &signalled] {
            let done =
                async || store.callback(&format!("key-of-{id}")).await.unwrap().filter(|c| c.phase == Phase::Done);
            let kept = wait_until("it is done", PATIENCE, done).await;
            assert!(kept.answer.unwrap().contains("delivered"));
            let state = state(&bench, id).await;
            assert_eq!((times(&state, "AGENT_COMPLETED"), times(&state, "REFUSED")), (1, 0), "{state:?}");
        }
        rig.stop().await.unwrap();
    })
    .await;
}

fn implemented(workflow: &str) -> Value {
    with(
        draft(workflow),
        json!({
            "stepId": "implementation-1", "content": {"branch": "feat/x"},
            "artifacts": [{"type": "PR", "url": "https://x/pr/42", "ref": "42"}]
        }),
    )
}

/// A goal on which the coordinator decides; its first step waits.
async fn decided_outside(bench: &Bench) -> String {
    let id = support::unique("outside");
    let plan = json!([{"type": "REQUEST_IMPLEMENTATION"}]);
    let input = json!({"goalId": "g", "decider": "coordinator", "initialPlan": plan});
    let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    state(bench, &id).await;
    id
}

/// Seed 000's order: signal, ask for the state, evaluate, signal the decision. Once, whoever sends the answer again.
#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_decides_where_the_workflow_does_not() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = decided_outside(&bench).await;
        let post = async |body: &Value| answer(rig.post("/agent/callback", body).bearer_auth(BUILDERS)).await;
        let implemented = implemented(&id);
        let answers = join_all((0..4).map(|_| post(&implemented))).await;
        let (status, receipt) = &answers[0];
        assert_eq!(*status, 200, "{receipt}");
        assert!(answers.iter().all(|(_, other)| other == receipt), "{answers:?}");
        let actions = receipt["applied"]["actions"].as_array().unwrap();
        let kinds: Vec<_> = actions.iter().filter_map(|action| action["workKind"].as_str()).collect();
        assert_eq!(kinds, ["PR_REVIEW", "QA"], "{receipt}");
        assert_eq!(receipt["applied"]["basedOn"], json!({"stepId": "implementation-1", "runId": "run-1"}));

        // Both at once: neither decision may be made without having seen the other.
        let next = |step: &str| with(draft(&id), json!({"stepId": step, "artifacts": [], "content": {}}));
        let (review, qa) = (next("pr-review-1"), next("qa-1"));
        let (first, second) = tokio::join!(post(&review), post(&qa));
        assert!(first.0 == 200 && second.0 == 200, "{first:?} {second:?}");
        let (status, last) = post(&next("docs-1")).await;
        assert_eq!((status.as_u16(), &last["applied"]["finalize"]), (200, &json!(true)), "{last}");
        let over = async || Some(state(&bench, &id).await).filter(|state| state.status == EngineStatus::Completed);
        let state = wait_until("it is complete", PATIENCE, over).await;
        assert_eq!((state.open_steps.len(), times(&state, "AGENT_COMPLETED")), (4, 4), "{state:?}");
    })
    .await;
}

/// Killed after the answer was signalled and before it was decided on; then again when all was done and nobody knew.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_a_crash_cut_off_is_made_once() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let id = decided_outside(&bench).await;
        let store = Store::open(&settings.coordinator.store).await.unwrap();
        let rig = Rig::with(settings, folder).await;
        let callback = left_behind("k".repeat(64), &implemented(&id));
        bench.signal(&id, "agentCompleted", payloads([json!("implementation-1"), implemented(&id)])).await;
        let decision = format!("dec-{}", "k".repeat(32));
        for _ in 0..2 {
            store.receive(callback.clone(), UnixMillis(0), Millis(0)).await.unwrap();
            store.signalled(&callback.key, UnixMillis(0)).await.unwrap();
            let done = async || store.callback(&callback.key).await.unwrap().filter(|c| c.phase == Phase::Done);
            let answer = wait_until("it is done", PATIENCE, done).await.answer.unwrap();
            assert!(answer.contains(&decision), "{answer}");
            let applied = async || Some(state(&bench, &id).await).filter(|state| state.open_steps.len() > 1);
            let state = wait_until("the decision is applied", PATIENCE, applied).await;
            let made =
                state.log.iter().filter(|e| e.event == "APPLY_DECISION" && e.data["decisionId"] == json!(decision));
            assert_eq!((state.open_steps.len(), made.count()), (3, 1), "{state:?}");
            store.forget_done_before(UnixMillis(i64::MAX)).await.unwrap();
        }
        rig.stop().await.unwrap();
    })
    .await;
}

/// Whichever of two coordinators on one PostgreSQL an answer is sent to, it has one effect and one receipt; what one
/// of them left behind is gone on with by either.
#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_share_one_database() {
    let Some(place) = postgres::database("two_coordinators_share_one_database").await else { return };
    bounded(async || {
        let bench = Bench::new().await;
        let start = async || {
            let (mut settings, folder) = settings(support::temporal());
            settings.coordinator.store = place.clone();
            Rig::with(settings, folder).await
        };
        let rigs = [start().await, start().await];
        let store = Store::open(&place).await.unwrap();
        for _ in 0..3 {
            let id = goal(&bench, "shared").await;
            let body = draft(&id);
            let post = async |rig: &Rig| answer(rig.post("/agent/callback", &body).bearer_auth(BUILDERS)).await;
            let answers = join_all((0..8).map(|at| post(&rigs[at % 2]))).await;
            assert!(answers.iter().all(|told| told.0 == 200 && told.1 == answers[0].1), "{answers:?}");
            assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 1);
            let spent = wait_until("what it cost is written", PATIENCE, async || spent(&store, &id).await).await;
            assert_eq!(spent.tokens, 150, "it counts once");
        }
        let id = goal(&bench, "left").await;
        let callback = left_behind(format!("key-of-{id}"), &draft(&id));
        store.receive(callback.clone(), UnixMillis(0), Millis(0)).await.unwrap();
        let done = async || store.callback(&callback.key).await.unwrap().filter(|c| c.phase == Phase::Done);
        assert_eq!(wait_until("either goes on", PATIENCE, done).await.tries, 2, "one of them took it");
        assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 1);
        for rig in rigs {
            assert_eq!(rig.get("/healthz").send().await.unwrap().status(), 200);
            rig.stop().await.unwrap();
        }
    })
    .await;
}

/// Who does not want to wait is told when it is kept; it is delivered all the same, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_first_and_delivered_later_where_that_is_preferred() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = goal(&bench, "later").await;
        let post = async |body: Value| {
            let request = rig.post("/agent/callback", &body).bearer_auth(BUILDERS);
            let response = request.header("prefer", "wait=10, Respond-Async; x").send().await.unwrap();
            assert_eq!(response.headers()["preference-applied"], "respond-async");
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        };
        let (status, receipt) = post(draft(&id)).await;
        assert_eq!((status, &receipt["outcome"], &receipt["ok"]), (202, &json!("pending"), &json!(true)), "{receipt}");
        let done = async || Some(post(draft(&id)).await).filter(|(status, _)| *status == 200);
        assert_eq!(wait_until("it is delivered", PATIENCE, done).await.1["outcome"], json!("delivered"));
        let (_, receipt) = post(with(draft(&id), json!({"status": "FAIL"}))).await;
        assert!(receipt["message"].as_str().unwrap().contains("was not taken in"), "{receipt}");
        assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 1);
    })
    .await;
}

/// With Temporal down an answer is kept, and that is what its sender is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_temporal() {
    bounded(async || {
        let (settings, folder) = settings(nowhere());
        let place = settings.coordinator.store.clone();
        let rig = Rig::with(settings, folder).await;
        let (status, body) = answer(rig.post("/agent/callback", &draft("w")).bearer_auth(BUILDERS)).await;
        assert_eq!((status.as_u16(), &body["outcome"], &body["ok"]), (202, &json!("pending"), &json!(true)), "{body}");
        let otherwise = with(draft("w"), json!({"status": "FAIL"}));
        for (again, differs) in [(draft("w"), false), (otherwise, true)] {
            let (status, body) = answer(rig.post("/agent/callback", &again).bearer_auth(BUILDERS)).await;
            assert_eq!(status, 202);
            assert_eq!(body["message"].as_str().unwrap().contains("was not taken in"), differs, "{body}");
        }
        let store = Store::open(&place).await.unwrap();
        let tried = async || {
            let due = store.take_due(UnixMillis(i64::MAX), Millis(0), 9).await.unwrap();
            due.first().filter(|callback| callback.tries > 3).cloned()
        };
        let kept = wait_until("it was tried again", PATIENCE, tried).await;
        assert_eq!(kept.phase, Phase::Received);
    })
    .await;
}

/// However much waits for Temporal, a look tries no more of it than it takes to know that it is still away.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_temporal_is_not_tried_all_the_time() {
    const ANSWERS: usize = 400;
    bounded(async || {
        let (settings, folder) = settings(nowhere());
        let place = settings.coordinator.store.clone();
        let rig = Rig::with(settings, folder).await;
        let begun = Instant::now();
        let keep = async |at: usize| {
            let body = with(draft("w"), json!({"stepId": format!("s-{at}")}));
            let request = rig.post("/agent/callback", &body).bearer_auth(BUILDERS).header("prefer", "respond-async");
            assert_eq!(request.send().await.unwrap().status(), 202);
        };
        join_all((0..ANSWERS).map(keep)).await;
        let gatewatch::config::settings::Store::Sqlite(file) = place else { panic!("another store") };
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        let many = async || {
            // Each was begun once when it came.
            let sum = sqlx::query_scalar::<_, i64>("SELECT CAST(SUM(tries) AS BIGINT) FROM callbacks");
            let tries = usize::try_from(sum.fetch_one(&pool).await.unwrap()).unwrap() - ANSWERS;
            Some(tries).filter(|tries| *tries > 100)
        };
        let tries = wait_until("it was tried again and again", PATIENCE, many).await;
        let looks = usize::try_from(begun.elapsed().as_millis()).unwrap() / 500 + 2;
        assert!(tries <= looks * 32, "{tries} tries in {looks} looks");
    })
    .await;
}

/// Killed after it has said that the answer is kept, and before anybody could be told: the next one tells, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_kept_survives_a_kill_before_its_delivery() {
    let bench = Bench::new().await;
    let id = goal(&bench, "kept").await;
    let processes = Processes::new(bench.queue(), "");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(25)).build().unwrap();
    let post = async |prefer: &str| {
        let sent = async || {
            let request = http.post(processes.url("/agent/callback")).bearer_auth(BUILDERS).header("prefer", prefer);
            let response = request.json(&draft(&id)).send().await.ok()?;
            Some((response.status().as_u16(), response.json::<Value>().await.ok()?))
        };
        wait_until("the coordinator answers", PATIENCE, sent).await
    };
    // It reaches no Temporal.
    let mut coordinator = processes.start_on("coordinator", "127.0.0.1:1");
    let (status, receipt) = post("respond-async").await;
    assert_eq!((status, &receipt["outcome"]), (202, &json!("pending")), "{receipt}");
    coordinator.start_kill().unwrap();
    coordinator.wait().await.unwrap();
    assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 0);
    let _coordinator = processes.start("coordinator");
    let done = async || Some(state(&bench, &id).await).filter(|state| times(state, "AGENT_COMPLETED") > 0);
    wait_until("it is delivered, though nobody sends it again", PATIENCE, done).await;
    let (status, receipt) = post("wait=10").await;
    assert_eq!((status, &receipt["outcome"]), (200, &json!("delivered")), "{receipt}");
    assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 1);
}
