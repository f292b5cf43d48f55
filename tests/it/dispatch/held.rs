//! Work that a limit holds back says so wherever people look, and goes on when a call ends.

use std::process::Stdio;

use axum::http::{HeaderMap, StatusCode};
use gatewatch::contracts::ids::WorkflowId;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::dispatch::rig::{PATIENCE, Place, Process, Service, TOKEN};
use crate::support::{GATEWATCH, wait_until};

/// The command against this place and its coordinator, with nothing of this machine's environment.
fn gatewatch(place: &Place, process: &Process, arguments: &[&str]) -> Command {
    let mut command = Command::new(GATEWATCH);
    command
        .args(arguments)
        .args(["--address", place.temporal.address.as_str(), "--namespace", &place.temporal.namespace])
        .args(["--coordinator", &process.url("")])
        .env_clear()
        .env("HOME", place.folder.path())
        .env("GATEWATCH_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn shown(place: &Place, process: &Process, id: &WorkflowId, more: &[&str]) -> String {
    let arguments = [&["goal", "show", id.as_str()], more].concat();
    let output = gatewatch(place, process, &arguments).output();
    String::from_utf8(tokio::time::timeout(PATIENCE, output).await.expect("it hangs").unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_holds_back_says_so_and_goes_on_when_a_callback_comes() {
    let service = Service::start(|_| (StatusCode::ACCEPTED, HeaderMap::new(), json!({}))).await;
    let place = Place::with(&format!(
        "[[agents]]\nname = \"slow\"\nkinds = [\"*\"]\nadapter = \"http\"\nurl = \"http://{}/\"\nconcurrency = 4\n\
         [dispatcher]\nidle = \"500ms\"\ntenant_quota = 1\n",
        service.address
    ))
    .await;
    let process = place.process().await;
    let input = |tenant: &str| {
        json!({"goalId": "g", "specName": "tutorial", "tenant": tenant, "bootDecision":
            {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT", "payload": {}}]}})
    };
    let first = place.start("EngineWorkflow", input("acme")).await;
    wait_until("the first is given out", PATIENCE, async || (service.asked().len() == 1).then_some(())).await;
    let second = place.start("EngineWorkflow", input("acme")).await;
    let other = place.start("EngineWorkflow", input("other")).await;

    let held = json!({"tenant": "acme", "calls": 1, "calledBack": 1, "most": 1, "steps": 1});
    let roster = async || {
        let roster = process.get("/v1/agents").await?;
        (roster["heldBack"] == json!([held]) && service.asked().len() == 2).then_some(())
    };
    wait_until("the roster says so, and another tenant is served", PATIENCE, roster).await;
    for path in [format!("/v1/goals/{second}"), format!("/v1/goals/{second}/usage")] {
        assert_eq!(process.get(&path).await.unwrap()["heldBack"], held, "{path}");
    }
    for id in [&first, &other] {
        let usage = process.get(&format!("/v1/goals/{id}/usage")).await.unwrap();
        assert!(usage.get("heldBack").is_none(), "{usage}");
    }
    let words = "tenant acme has 1 of 1 calls under way, 1 of them until their callback \
                 (dispatcher.tenant_quota or dispatcher.tenants)";
    let human = shown(&place, &process, &second, &[]).await;
    assert!(human.lines().any(|line| line.contains("held back") && line.ends_with(words)), "{human}");
    let report: Value = serde_json::from_str(&shown(&place, &process, &second, &["--json"]).await).unwrap();
    assert_eq!(report["heldBack"], held, "{report}");

    let mut following = gatewatch(&place, &process, &["goal", "follow", second.as_str(), "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut until = async |text: &str| {
        while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect(text).unwrap() {
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["what"] == "waits" && line["text"] == text {
                return;
            }
        }
        panic!("it ended without {text}");
    };
    until(&format!("held back: {words}")).await;
    let (_, asked) = service.asked().remove(0);
    let answer = json!({"goalId": "g", "workflowId": first, "stepId": asked["stepId"], "runId": asked["runId"],
        "agentRole": "slow", "status": "OK", "content": {"title": "Hello"}});
    assert!(process.post("/agent/callback", &answer).await.is_success());
    until("held back no more").await;
    wait_until("the second is given out", PATIENCE, async || (service.asked().len() == 3).then_some(())).await;
    let free = async || process.get("/v1/agents").await?.get("heldBack").is_none().then_some(());
    wait_until("nothing is held back", PATIENCE, free).await;
}
