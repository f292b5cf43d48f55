//! Siblings: work that a workflow of its own does. Begun once, its end told once, whoever is killed in between; cancelled
//! when nobody wants it any more.

use gatewatch::contracts::agent::AgentRequest;
use gatewatch::contracts::clock::{Millis, UnixMillis};
use gatewatch::contracts::engine::state::{EngineState, StepStatus};
use gatewatch::contracts::failure::FailureKind;
use gatewatch::contracts::ids::{RequestId, WorkflowId, WorkflowType};
use gatewatch::contracts::mutation::{Signal, Start, Stop, Target};
use gatewatch::contracts::workflow::ExecutionStatus;
use gatewatch::coordinator::siblings::plan::Plan;
use gatewatch::gateway::signal::request_id;
use gatewatch::gateway::work::{Lease, Sent};
use gatewatch::store::Store;
use serde_json::{Value, json};

use crate::dispatch::rig::{PATIENCE, Place};
use crate::support::{self, wait_until};

/// A goal that asks for QA by a workflow of its own, and for docs when that is done.
fn goal(extra: &Value) -> Value {
    let spec = "name = 'release'\n\
         [[rules]]\nname = 'qa was good'\non = 'completed'\nkind = 'QA'\nstatus = 'OK'\n\
         then = [{ request = 'DOCS', payload = { said = '${response.content.goalId}' } }]\n\
         [[rules]]\nname = 'qa ended'\non = 'child-completed'\nevent = 'QA'\n\
         then = [{ annotate = 'ended', value = '${child.result.status}' }]\n[finalize]\n";
    let mut goal = json!({"goalId": "g", "specDocument": spec, "bootDecision": {"decisionId": "boot", "actions":
        [{"type": "REQUEST_WORK", "workKind": "QA", "payload": {"branch": "feat/x"}}]}});
    goal.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    goal
}

/// QA is a goal itself: what it says of its own end is its result.
fn agents(more: &str) -> String {
    format!(
        "[[agents]]\nname = \"qa\"\nkinds = [\"QA\"]\nadapter = \"workflow\"\nworkflow_type = \"EngineWorkflow\"\n\
         input = {{ goalId = \"qa-of-${{goal.id}}\", specName = \"tutorial\", repo = \"${{step.payload.branch}}\", \
         bootDecision = {{ decisionId = \"boot\", actions = [{{ type = \"REQUEST_WORK\", workKind = \"BY_HAND\" }}] }} }}\n\
         {more}[[agents]]\nname = \"writer\"\nkinds = [\"DOCS\"]\nadapter = \"scripted\"\n[dispatcher]\nidle = \"500ms\"\n"
    )
}

async fn state(place: &Place, id: &WorkflowId) -> EngineState {
    wait_until("the goal answers", PATIENCE, async || place.gateway.goal(id).await.ok()).await
}

fn times(state: &EngineState, event: &str) -> usize {
    state.log.iter().filter(|entry| entry.event == event).count()
}

/// The workflow that does the QA, once it runs.
async fn child(place: &Place, id: &WorkflowId) -> WorkflowId {
    let begun = async || {
        let state = place.gateway.goal(id).await.ok()?;
        let child = state.open_steps.get(&"qa-1".into())?.children.first()?.clone();
        place.gateway.goal(&child).await.ok().map(|_| child)
    };
    wait_until("the sibling is begun", PATIENCE, begun).await
}

/// Ends it as its own agent would.
async fn finish(place: &Place, child: &WorkflowId) {
    let target = Target { workflow_id: child.clone(), request_id: request_id() };
    let decision = json!({"decisionId": "end", "actions": [], "finalize": true});
    let said = json!({"stepId": "by-hand-1", "runId": "r", "status": "OK", "agentRole": "a person"});
    for (name, args) in [("agentCompleted", vec![json!("by-hand-1"), said]), ("applyDecision", vec![decision])] {
        let signal = Signal { target: target.clone(), run_id: None, name: name.into(), args };
        let target = Target { request_id: request_id(), ..signal.target.clone() };
        // It may have ended by the first.
        let _ = place.gateway.signal(&Signal { target, ..signal }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_is_begun_once_and_its_end_told_once_though_its_coordinators_are_killed() {
    let place = Place::with(&agents("")).await;
    let (first, worker) = (place.process().await, place.process().await);
    let id = place.start("EngineWorkflow", goal(&json!({}))).await;
    let child = child(&place, &id).await;
    assert_eq!(child.as_str(), format!("{id}/qa-1/1"));
    let step = state(&place, &id).await.open_steps[&"qa-1".into()].clone();
    assert_eq!((step.status, step.attempts, step.lease_until), (StepStatus::InProgress, 1, None));
    assert_eq!(state(&place, &child).await.goal_id.as_str(), "qa-of-g");
    // Nobody is left: it ends meanwhile, by a worker that comes later.
    first.kill().await;
    worker.kill().await;
    finish(&place, &child).await;
    let left = place.process().await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let state = state(&place, &id).await;
    let qa = &state.open_steps[&"qa-1".into()];
    assert_eq!((qa.status, qa.attempts, qa.children.len()), (StepStatus::Done, 1, 1), "{:?}", state.log);
    assert_eq!((times(&state, "CHILD_COMPLETED"), times(&state, "REFUSED"), times(&state, "LEASED")), (1, 0, 2));
    assert_eq!(state.artifacts["ended"], json!("OK"));
    // Its whole result is the content, as rules and people see it.
    assert_eq!(state.open_steps[&"docs-1".into()].payload["said"], json!("qa-of-g"));
    assert_eq!(left.agent("writer").await.unwrap()["ok"], 1);
    // Whoever was killed before it knew that it had begun it begins it again: nothing happens twice, though it has ended.
    let attempt = qa.attempt_id.clone().unwrap();
    let again = |request: &str| Start {
        target: Target { workflow_id: child.clone(), request_id: RequestId::from(request) },
        workflow_type: WorkflowType::from("EngineWorkflow"),
        task_queue: place.temporal.task_queue.clone(),
        input: Vec::new(),
    };
    place.gateway.start_once(&again(attempt.as_str()), None).await.unwrap();
    let somebody_else = place.gateway.start_once(&again("another"), None).await.unwrap_err();
    assert_eq!(somebody_else.kind, FailureKind::Conflict, "{somebody_else}");
    assert_eq!(place.ended(&child).await.0, ExecutionStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_that_fails_or_cannot_begin_fails_its_step() {
    // The second finds the id of the first taken.
    let place = Place::with(&agents("workflow_id = \"only-${goal.id}\"\n")).await;
    let _process = place.process().await;
    let unique = support::unique("g");
    let spec = "name = 'twice'\n[guardrails]\nmax-attempts = 2\n[[rules]]\nname = 'again'\non = 'completed'\nkind = 'QA'\n\
        status = 'FAIL'\nthen = [{ request = 'QA' }]\n[finalize]\n";
    let input = goal(&json!({"goalId": unique, "specDocument": spec}));
    let id = place.start("EngineWorkflow", input).await;
    let child = child(&place, &id).await;
    assert_eq!(child.as_str(), format!("only-{unique}"));
    let target = Target { workflow_id: child.clone(), request_id: RequestId::from("stop") };
    place.gateway.terminate(&Stop { target, run_id: None, reason: "by hand".into() }).await.unwrap();
    let failed = async || {
        let state = place.gateway.goal(&id).await.ok()?;
        let second = state.open_steps.get(&"qa-2".into())?.clone();
        (second.status == StepStatus::Failed).then_some((state, second))
    };
    let (state, second) = wait_until("both have failed", PATIENCE, failed).await;
    let first = state.open_steps[&"qa-1".into()].reason.clone().unwrap();
    assert!(first.contains("was terminated: by hand"), "{first}");
    let second = second.reason.unwrap();
    assert!(second.contains("Cannot start only-"), "{second}");
    assert_eq!(times(&state, "CHILD_COMPLETED"), 2, "{:?}", state.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_goal_cancels_its_sibling_unless_that_is_not_wanted() {
    for (more, expected) in [("", ExecutionStatus::Cancelled), ("cancel = false\n", ExecutionStatus::Running)] {
        let place = Place::with(&agents(more)).await;
        let process = place.process().await;
        let id = place.start("EngineWorkflow", goal(&json!({}))).await;
        let child = child(&place, &id).await;
        process.kill().await;
        let target = Target { workflow_id: id.clone(), request_id: request_id() };
        let signal = Signal { target, run_id: None, name: "cancel".into(), args: vec![json!("enough")] };
        place.gateway.signal(&signal).await.unwrap();
        let _left = place.process().await;
        assert_eq!(place.ended(&id).await.0, ExecutionStatus::Cancelled);
        let log = async || place.logs().contains("nobody waits for a sibling workflow").then_some(());
        wait_until("it is let go", PATIENCE, log).await;
        let status = async || {
            let status = place.gateway.describe(&child, None).await.ok()?.row.status;
            (status == expected).then_some(())
        };
        wait_until(&format!("the sibling is {expected:?}"), PATIENCE, status).await;
    }
}

/// A goal that is terminated has no time to say that it has ended: its last state says that it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_goal_cancels_its_sibling() {
    let place = Place::with(&agents("")).await;
    let _process = place.process().await;
    let id = place.start("EngineWorkflow", goal(&json!({}))).await;
    let child = child(&place, &id).await;
    let target = Target { workflow_id: id.clone(), request_id: RequestId::from("stop") };
    place.gateway.terminate(&Stop { target, run_id: None, reason: "by hand".into() }).await.unwrap();
    assert_eq!(place.ended(&child).await.0, ExecutionStatus::Cancelled);
    assert!(!state(&place, &id).await.status.is_over(), "whoever asks the goal itself is told that it runs");
}

/// The coordinator is killed between taking the step and beginning the workflow, and meanwhile the step goes to
/// somebody else: the goal still answers that the step was taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_is_not_begun_for_a_step_that_was_lost_meanwhile() {
    let nobody = "[[agents]]\nname = \"writer\"\nkinds = [\"DOCS\"]\nadapter = \"scripted\"\n";
    for is_begun in [false, true] {
        let place = Place::with(nobody).await;
        let process = place.process().await;
        let id = place.start("EngineWorkflow", goal(&json!({}))).await;
        let child = WorkflowId::new(format!("{id}/qa-1/1"));
        wait_until("the step is offered", PATIENCE, async || {
            state(&place, &id).await.open_steps.contains_key(&"qa-1".into()).then_some(())
        })
        .await;
        let lease = |attempt: &str, child: Option<&WorkflowId>| Lease {
            step_id: "qa-1".into(),
            attempt_id: attempt.into(),
            agent: "qa".into(),
            child: child.cloned(),
            ..Lease::default()
        };
        let taken = place.gateway.lease_step(&id, &lease("first", Some(&child))).await.unwrap();
        assert!(matches!(taken, Sent::Done(_)), "{taken:?}");
        let plan = Plan {
            request: AgentRequest {
                workflow_id: id.clone(),
                step_id: "qa-1".into(),
                attempt_id: "first".into(),
                kind: "QA".into(),
                agent: "qa".into(),
                ..AgentRequest::default()
            },
            child: child.clone(),
            workflow_type: WorkflowType::from("EngineWorkflow"),
            task_queue: place.temporal.task_queue.clone(),
            input: json!({"goalId": "qa", "specName": "tutorial", "bootDecision":
                {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "BY_HAND"}]}}),
            limit: None,
            cancel: true,
            max_output: 1000,
            wrong: None,
        };
        if is_begun {
            let start = Start {
                target: Target { workflow_id: child.clone(), request_id: RequestId::from("first") },
                workflow_type: plan.workflow_type.clone(),
                task_queue: plan.task_queue.clone(),
                input: vec![plan.input.clone()],
            };
            place.gateway.start_once(&start, None).await.unwrap();
        }
        place.gateway.requeue_step(&id, &"qa-1".into(), &"first".into(), "it is gone").await.unwrap();
        let taken = place.gateway.lease_step(&id, &lease("second", None)).await.unwrap();
        assert!(matches!(taken, Sent::Done(_)), "{taken:?}");
        process.kill().await;
        let store = Store::open(&place.store()).await.unwrap();
        let kept = serde_json::to_string(&plan).unwrap();
        store.want_sibling(&"first".into(), &kept, UnixMillis(0), Millis(0)).await.unwrap();
        drop(store);
        let _left = place.process().await;
        if is_begun {
            assert_eq!(place.ended(&child).await.0, ExecutionStatus::Cancelled);
            continue;
        }
        let settled = async || {
            let is_begun = place.gateway.describe(&child, None).await.is_ok();
            (is_begun || place.logs().contains("a sibling workflow is not begun")).then_some(is_begun)
        };
        assert!(!wait_until("it is known", PATIENCE, settled).await, "nobody wants it\n{}", place.logs());
    }
}

/// Nobody could ever begin it: the step fails, and the roster of agents says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_whose_id_would_be_too_long_fails_its_step() {
    let place = Place::with(&agents("")).await;
    let process = place.process().await;
    let id = WorkflowId::new(format!("{:x<995}", support::unique("goal")));
    place.start_as(&id, "EngineWorkflow", goal(&json!({}))).await;
    let failed = async || {
        let step = place.gateway.goal(&id).await.ok()?.open_steps.get(&"qa-1".into())?.clone();
        (step.status == StepStatus::Failed).then_some(step.reason.unwrap_or_default())
    };
    let why = wait_until("the step has failed", PATIENCE, failed).await;
    assert!(why.contains("longer than 1000 bytes"), "{why}");
    let told = wait_until("it is counted", PATIENCE, async || {
        process.agent("qa").await?["lastTrouble"]["why"].as_str().map(str::to_owned)
    })
    .await;
    assert!(told.contains("longer than 1000 bytes"), "{told}");
}

/// The end of one is handed in again and again while the database does not answer, and counts once.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_sibling_counts_once_however_often_it_is_told() {
    let place = Place::with(&agents("")).await;
    let process = place.process().await;
    let id = place.start("EngineWorkflow", goal(&json!({}))).await;
    let child = child(&place, &id).await;
    sqlx::any::install_default_drivers();
    let database = sqlx::AnyPool::connect(&format!("sqlite://{}", place.database().display())).await.unwrap();
    sqlx::query("ALTER TABLE callbacks RENAME TO put_away").execute(&database).await.unwrap();
    finish(&place, &child).await;
    let in_vain = async || (place.logs().matches("a sibling workflow waits").count() > 1).then_some(());
    wait_until("it is told in vain", PATIENCE, in_vain).await;
    sqlx::query("ALTER TABLE put_away RENAME TO callbacks").execute(&database).await.unwrap();
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let counted = async || process.agent("qa").await.filter(|agent| agent["ok"] != 0);
    let agent = wait_until("it is counted", PATIENCE, counted).await;
    assert_eq!((&agent["dispatched"], &agent["ok"]), (&json!(1), &json!(1)), "{agent}");
}
