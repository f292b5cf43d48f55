//! Whole goals, unattended.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::text;
use gatewatch::contracts::workflow::ExecutionStatus;
use serde_json::{Value, json};

use crate::dispatch::rig::{PATIENCE, Place, Service, TOKEN, free_address, ok};
use crate::support::{self, wait_until};

/// What an agent of either seed answers to a kind of work.
fn answer(asked: &Value) -> (StatusCode, HeaderMap, Value) {
    let artifacts = match asked["kind"].as_str().unwrap() {
        "REQUIREMENTS" => json!([{"type": "REQ", "url": "https://docs/req"}]),
        "OPEN_PR" | "IMPLEMENTATION" => json!([{"type": "PR", "url": "https://forge/pr/7", "ref": "7"}]),
        _ => json!([]),
    };
    ok(json!({
        "status": "OK", "content": {"branch": "feature/x"}, "artifacts": artifacts,
        "metrics": {"tokens": {"prompt": 10, "completion": 20}, "costUsd": 0.25},
    }))
}

const PROGRAM: &str = r#"
case "$GATEWATCH_STEP" in
  requirements-*) echo '{"status":"OK","artifacts":[{"type":"REQ","url":"https://docs/req"}]}' ;;
  open-pr-*) echo '{"status":"OK","artifacts":[{"type":"PR","url":"https://forge/pr/7","ref":"7"}]}' ;;
  *) echo '{"status":"OK","content":{"branch":"feature/x"}}' ;;
esac
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_example_flow_of_seed_000_runs_to_its_end_with_agents_over_http() {
    let service = Service::start(answer).await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"all-rounder\"\nkinds = [\"*\"]\nadapter = \"http\"\nurl = \"http://{}/work\"\nconcurrency = 3\n",
        service.address
    ))
    .await;
    let process = place.process().await;
    let plan = json!([{"type": "REQUEST_REQUIREMENTS", "payload": {}}, {"type": "REQUEST_ACCEPTANCE_CRITERIA", "payload": {}}]);
    let input = json!({"goalId": "goal-123", "specName": "codegen-coordinator", "initialPlan": plan,
        "tenant": "acme", "goal": {"description": "Say hello"}});
    let id = place.start("CodegenWorkflow", input).await;
    let (status, _) = place.ended(&id).await;
    assert_eq!(status, ExecutionStatus::Completed);

    let asked = service.asked();
    let kinds: Vec<&str> = asked.iter().filter_map(|(_, asked)| asked["kind"].as_str()).collect();
    let all = ["ACCEPTANCE_CRITERIA", "DOCS", "IMPLEMENTATION", "PR_REVIEW", "QA", "REQUIREMENTS", "TICKET_CREATION"];
    assert_eq!(kinds.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(all));
    assert_eq!(kinds.len(), all.len(), "each once: {kinds:?}");
    let review = &asked.iter().find(|(_, asked)| asked["kind"] == "PR_REVIEW").unwrap().1;
    assert_eq!(review["payload"]["prUrl"], "https://forge/pr/7", "{review}");
    assert_eq!((&review["goalId"], &review["goal"]["description"]), (&json!("goal-123"), &json!("Say hello")));

    let agent = process.agent("all-rounder").await.unwrap();
    assert_eq!((&agent["ok"], &agent["dispatched"], &agent["tokens"]), (&json!(7), &json!(7), &json!(210)), "{agent}");
    assert!((agent["costUsd"].as_f64().unwrap() - 1.75).abs() < 1e-9 && agent["calls"] == json!([]), "{agent}");
    let metrics = process.get("/metrics").await.unwrap();
    let line = r#"gatewatch_coordinator_agent_calls_answered_total{agent="all-rounder",status="OK"} 7"#;
    assert!(metrics.as_str().unwrap().contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codegen_flow_of_seed_001_runs_to_its_end_with_programs() {
    let place = Place::with("").await;
    let program = place.script("agent.sh", PROGRAM);
    place.configure(&format!(
        "[[agents]]\nname = \"program\"\nkinds = [\"*\"]\nadapter = \"command\"\n{program}\nconcurrency = 3\n"
    ));
    let _process = place.process().await;
    let boot = json!({"decisionId": "boot", "actions": [
        {"type": "ANNOTATE", "key": "title", "value": "Hello"},
        {"type": "REQUEST_WORK", "workKind": "REQUIREMENTS", "payload": {"prompt": "Build it"}}]});
    let id = place.start("CodegenWorkflow", json!({"goalId": "g-1", "bootDecision": boot})).await;
    // The last word is CI's, which tells it as its webhook does.
    let reviewed = async || place.phases(&id).await.contains(&"pr-review".to_owned()).then_some(());
    wait_until("the pull request is open", PATIENCE, reviewed).await;
    place.custom(&id, "ciStatusChanged", json!({"status": "SUCCESS"})).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let steps: Vec<String> = place.calls().into_iter().map(|(step, _)| step).collect();
    let each: BTreeSet<&String> = steps.iter().collect();
    assert_eq!((steps.len(), each.len()), (8, 8), "{steps:?}");
}

/// Two steps side by side; done when both are.
const SPEC: &str = "name = 'pair'\n[guardrails]\nmax-attempts = 3\n[finalize]\n";

fn pair() -> Value {
    let work = |kind: &str| json!({"type": "REQUEST_WORK", "workKind": kind, "payload": {}});
    json!({"goalId": "g-2", "specDocument": SPEC, "bootDecision": {"decisionId": "boot", "actions": [work("A"), work("B")]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_that_is_killed_loses_nothing_and_doubles_nothing() {
    let place = Place::with("").await;
    let hold = place.folder.path().join("hold");
    std::fs::write(&hold, "").unwrap();
    // Whoever is asked first never gets to its answer.
    let program = place.script(
        "agent.sh",
        &format!("if [ -e {0} ]; then rm {0}; sleep 30; fi\necho '{{\"status\":\"OK\"}}'\n", hold.display()),
    );
    place.configure(&format!(
        "[[agents]]\nname = \"program\"\nkinds = [\"*\"]\nadapter = \"command\"\n{program}\ntime_limit = \"3s\"\n"
    ));
    let first = place.process().await;
    let id = place.start("EngineWorkflow", pair()).await;
    wait_until("the agent is asked", PATIENCE, async || (!hold.exists()).then_some(())).await;
    first.kill().await;
    let _second = place.process().await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let calls = place.calls();
    let of = |step: &str| calls.iter().filter(|(called, _)| called == step).count();
    assert_eq!(of("a-1") + of("b-1"), 3, "one was asked twice, under another attempt: {calls:?}");
    assert_eq!(calls.iter().map(|(_, attempt)| attempt).collect::<BTreeSet<_>>().len(), 3, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alternate_finishes_what_the_first_agent_cannot() {
    let place = Place::with("").await;
    let broken = place.script("broken.sh", "echo 'the model is down' >&2\nexit 3\n");
    let backup = place.script("backup.sh", "echo '{\"status\":\"OK\"}'\n");
    place.configure(&format!(
        "[[agents]]\nname = \"first\"\nkinds = [\"*\"]\nadapter = \"command\"\n{broken}\nalternates = [\"backup\"]\n\
         [[agents]]\nname = \"backup\"\nadapter = \"command\"\n{backup}\nconcurrency = 2\n"
    ));
    let process = place.process().await;
    let id = place.start("EngineWorkflow", pair()).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let first = process.agent("first").await.unwrap();
    let why = first["lastTrouble"]["why"].as_str().unwrap();
    assert!(why.contains("exit status: 3") && why.contains("the model is down"), "{first}");
    assert_eq!(process.agent("backup").await.unwrap()["ok"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_share_the_work_and_each_step_is_done_once() {
    let service = Service::start(|_| ok(json!({"status": "OK"}))).await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"a\"\nkinds = [\"A\", \"B\"]\nadapter = \"http\"\nurl = \"http://{}/\"\nconcurrency = 4\n",
        service.address
    ))
    .await;
    let _processes = (place.process().await, place.process().await);
    let mut goals = Vec::new();
    for _ in 0..8 {
        goals.push(place.start("EngineWorkflow", pair()).await);
    }
    for goal in &goals {
        assert_eq!(place.ended(goal).await.0, ExecutionStatus::Completed);
    }
    let asked = service.asked();
    let each: BTreeSet<String> =
        asked.iter().map(|(_, one)| format!("{}/{}", one["workflowId"], one["stepId"])).collect();
    assert_eq!((asked.len(), each.len()), (16, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_left_to_people_and_a_busy_agent_is_asked_again() {
    let busy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let service = Service::start(move |_| {
        if busy.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let after = HeaderMap::from_iter([(axum::http::header::RETRY_AFTER, "1".parse().unwrap())]);
            return (StatusCode::TOO_MANY_REQUESTS, after, json!({}));
        }
        ok(json!({"status": "OK"}))
    })
    .await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"a\"\nkinds = [\"*\"]\nadapter = \"http\"\nurl = \"http://{}/\"\n",
        service.address
    ))
    .await;
    let process = place.process().await;
    let boot = json!({"decisionId": "boot", "actions": [
        {"type": "REQUEST_APPROVAL", "payload": {"title": "May it?"}}, {"type": "REQUEST_WORK", "workKind": "A"}]});
    let id = place.start("EngineWorkflow", json!({"goalId": "g", "specDocument": SPEC, "bootDecision": boot})).await;
    let done = async || Some(process.agent("a").await?).filter(|agent| agent["ok"] == 1);
    let agent = wait_until("the work is done", PATIENCE, done).await;
    assert_eq!((&agent["dispatched"], &agent["broken"]), (&json!(2), &json!(0)), "{agent}");
    let kinds: BTreeSet<String> = service.asked().iter().map(|(_, asked)| asked["kind"].to_string()).collect();
    assert_eq!(kinds, BTreeSet::from(["\"A\"".to_owned()]), "H7");
    assert!(place.gateway.describe(&id, None).await.unwrap().row.status.is_open());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_followed_and_a_wrong_one_changes_nothing() {
    let agent = |name: &str| format!("[[agents]]\nname = \"{name}\"\nkinds = [\"*\"]\nadapter = \"scripted\"\n");
    let place = Place::with(&agent("one")).await;
    let process = place.process().await;
    assert!(process.agent("one").await.is_some());
    place.configure(&format!("{}tyme_limit = \"1s\"\n", agent("two")));
    let told = async || process.get("/v1/agents").await?["trouble"].as_str().map(str::to_owned);
    let trouble = wait_until("the wrong file is told of", PATIENCE, told).await;
    assert!(trouble.contains("tyme_limit") && trouble.contains("gatewatch.toml:"), "{trouble}");
    assert!(process.agent("one").await.is_some() && process.agent("two").await.is_none());
    place.configure(&agent("two"));
    wait_until("the new agent is there", PATIENCE, async || process.agent("two").await).await;
    let id = place.start("EngineWorkflow", pair()).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    assert_eq!(process.agent("two").await.unwrap()["ok"], 2);
    tokio::time::timeout(Duration::from_secs(5), process.get("/v1/agents")).await.unwrap();
}

/// One place, two steps: the second one's turn comes only when the first one's answer has come.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_answer_later_and_holds_its_place_until_then() {
    let runtime = tokio::runtime::Handle::current();
    let service = Service::start(move |asked| {
        let asked = asked.clone();
        runtime.spawn(async move {
            let answer = json!({"goalId": asked["goalId"], "workflowId": asked["workflowId"], "stepId": asked["stepId"],
                "runId": asked["runId"], "agentRole": "later", "status": "OK"});
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let url = asked["callbackUrl"].as_str().unwrap();
            let sent = http.post(url).bearer_auth(TOKEN).json(&answer).send().await.unwrap();
            assert_eq!(sent.status(), StatusCode::OK, "{:?}", sent.text().await);
        });
        (StatusCode::ACCEPTED, HeaderMap::new(), json!({}))
    })
    .await;
    let listen = free_address();
    let place = Place::with(&format!(
        "[[agents]]\nname = \"later\"\nkinds = [\"*\"]\nadapter = \"http\"\nurl = \"http://{}/\"\n\
         [dispatcher]\ncallback_url = \"http://{listen}/agent/callback\"\n",
        service.address
    ))
    .await;
    let process = place.process_at(listen).await;
    let id = place.start("EngineWorkflow", pair()).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    let agent = process.agent("later").await.unwrap();
    assert_eq!((&agent["ok"], &agent["dispatched"], &agent["broken"]), (&json!(2), &json!(2), &json!(0)), "{agent}");
}

/// Lists show an id safe to print; whoever does the work answers for the goal as it is called.
#[tokio::test(flavor = "multi_thread")]
async fn a_goal_whose_id_needs_escaping_is_found_again_by_its_answer() {
    let service = Service::start(|_| ok(json!({"status": "OK"}))).await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"a\"\nkinds = [\"DRAFT\"]\nadapter = \"http\"\nurl = \"http://{}/\"\n[dispatcher]\nidle = \"500ms\"\n",
        service.address
    ))
    .await;
    let _process = place.process().await;
    let name = format!("{}\u{200b}\\u{{41}}", support::unique("goal"));
    let id = WorkflowId::new(text::id(&name));
    let spec = "name = 'one'\n[finalize]\n";
    let input = json!({"goalId": "g", "specDocument": spec, "bootDecision":
        {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]}});
    place.start_as(&id, "EngineWorkflow", input).await;
    assert_eq!(place.ended(&id).await.0, ExecutionStatus::Completed);
    assert_eq!(service.asked()[0].1["workflowId"], json!(name));
}
