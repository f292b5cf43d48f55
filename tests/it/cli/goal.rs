//! Goals on the command line: started, answered, decided, followed, against the real workflow.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::cli::shell::Shell;
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded};

async fn draft(shell: &Shell, bench: &Bench) -> String {
    let id = support::unique("tutorial");
    let ended = shell
        .run(&[
            "goal",
            "start",
            &id,
            "--spec",
            "tutorial",
            "--kind",
            "DRAFT",
            "--goal",
            "Say hello",
            "--set",
            "words=3",
            "--set",
            "about=hello",
            "--tenant",
            "acme",
            "--task-queue",
            &bench.queue,
        ])
        .await;
    assert_eq!(ended.code, 0, "{ended:?}");
    // A tenant's goal is one by its id.
    let id = format!("acme:{id}");
    assert!(ended.out.contains(&format!("{id} started, pinned to spec tutorial")), "{ended:?}");
    id
}

async fn state(shell: &Shell, id: &str) -> Value {
    wait_until("the goal says where it stands", PATIENCE, async || {
        let state = shell.run(&["goal", "show", id, "--json"]).await.json()["state"].clone();
        (!state.is_null()).then_some(state)
    })
    .await
}

async fn drafted(shell: &Shell, id: &str) {
    let content = r#"{"title":"Hello","text":"Hello, world"}"#;
    let ended = shell
        .run(&[
            "goal",
            "answer",
            id,
            "draft-1",
            "--status",
            "ok",
            "--content",
            content,
            "--artifact",
            "DOC:d1=https://docs/1",
        ])
        .await;
    assert_eq!(ended.code, 0, "{ended:?}");
}

/// What is listed as waiting for a person, from lists alone.
async fn listed(shell: &Shell, id: &str) -> Value {
    wait_until("the approval is listed", PATIENCE, async || {
        let list = shell.run(&["gates", "--json"]).await.json();
        list["gates"].as_array()?.iter().find(|row| row["workflowId"] == id).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_started_answered_approved_and_shown_by_commands_alone() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let id = draft(&shell, &bench).await;
        let begun = state(&shell, &id).await;
        assert_eq!(
            (&begun["artifacts"]["words"], &begun["openSteps"]["draft-1"]["payload"]["about"]),
            (&json!(3), &json!("hello"))
        );
        assert_eq!(begun["goal"]["description"], "Say hello");
        drafted(&shell, &id).await;

        let row = listed(&shell, &id).await;
        assert_eq!((&row["gate"]["id"], &row["gate"]["isStep"]), (&json!("approval-1"), &json!(true)), "{row}");
        assert_eq!(row["gate"]["title"], r#"Publish "Hello"?"#);
        // What decides gates does not decide it.
        let ended = shell.run(&["reject", &id, "--yes", "--reason", "r"]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("gatewatch goal approve"), "{ended:?}");
        let ended = shell.run(&["goal", "nudge", &id, "approval-1"]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("Not done: approval-1 is WAITING: nobody works on it."), "{ended:?}");
        let ended = shell.run(&["--read-only", "goal", "approve", &id]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        let ended = shell.run(&["goal", "approve", &id, "--json"]).await;
        assert_eq!((ended.code, &ended.json()["outcome"]), (0, &json!("taken")), "{ended:?}");

        let decided = state(&shell, &id).await;
        assert_eq!(decided["openSteps"]["approval-1"]["agent"], "mira", "{decided}");
        let log = decided["log"].as_array().unwrap();
        let approved = log.iter().find(|entry| entry["event"] == "APPROVED").unwrap();
        assert_eq!(approved["data"]["by"], json!({"name": "mira", "via": "cli"}));
        let shown = shell.run(&["show", &id]).await;
        assert!(shown.out.contains("approval-1 approved by mira"), "everybody sees who was first: {shown:?}");
        let ended = shell.run(&["goal", "approve", &id]).await;
        assert_eq!(ended.code, 5, "nothing is open: {ended:?}");

        let shown = shell.run(&["goal", "show", &id]).await;
        for line in [
            "draft-1",
            "└ approval-1",
            "  └ publish-1",
            "DOC:d1  https://docs/1",
            "APPROVED         approval-1  by mira",
        ] {
            assert!(shown.out.contains(line), "{line}: {}", shown.out);
        }
        let over = ["goal", "override", &id, "publish-1", "--status", "done", "--reason", "sent by hand"];
        let ended = shell.run(&over).await;
        assert!(ended.code == 0 && ended.out.contains("COMPLETED"), "{ended:?}");
        let audit = shell.run(&["audit", "--json"]).await;
        let lines: Vec<Value> = serde_json::from_str(&audit.out).unwrap();
        let asked: Vec<&str> = lines.iter().filter_map(|line| line["stage"]["name"].as_str()).collect();
        assert_eq!(
            asked,
            ["start", "agentCompleted", "reject", "nudge", "approve", "approve", "override"],
            "{audit:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn following_tells_each_step_and_ends_as_the_goal_does() {
    bounded(async || {
        let (mut bench, shell) = (Bench::new().await, Shell::new(None));
        let id = draft(&shell, &bench).await;
        let address = support::temporal().address.to_string();
        let mut command = shell.command(&["goal", "follow", &id, "--json", "--address", &address]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        let mut until = async |what: &str, text: &str| {
            while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect(text).unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap();
                let found = line["what"] == what && line["text"].as_str().unwrap().contains(text);
                seen.push(line);
                if found {
                    return;
                }
            }
            panic!("it ended without {what} {text}: {seen:?}");
        };
        until("step", "draft-1  waits for an agent").await;
        // No worker: it goes on from what is published, and says so.
        bench.kill_worker();
        let ended = shell.run(&["goal", "nudge", &id, "draft-1", "--wait", "0"]).await;
        assert_eq!(ended.code, 4, "{ended:?}");
        assert!(ended.err.contains("in doubt") && ended.err.contains("--request-id"), "{ended:?}");
        let ended = shell.run(&["goal", "show", &id]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.err.contains("No worker says") && ended.out.contains("draft"), "{ended:?}");
        bench.start_worker();
        let answer =
            ["goal", "answer", &id, "draft-1", "--status", "OK", "--content", r#"{"title":"Hello"}"#, "--wait", "30"];
        assert_eq!(shell.run(&answer).await.code, 0);
        until("step", "waits for a person").await;
        assert_eq!(shell.run(&["goal", "approve", &id]).await.code, 0);
        until("step", "publish-1  waits for an agent").await;
        assert_eq!(shell.run(&["goal", "lease", &id, "publish-1", "--agent", "zoe", "--run-id", "r1"]).await.code, 0);
        until("step", "publish-1  in progress by zoe, due").await;
        let late = shell.run(&["goal", "answer", &id, "publish-1", "--status", "OK", "--run-id", "r0"]).await;
        assert_eq!(late.code, 3, "{late:?}");
        assert_eq!(shell.run(&["goal", "answer", &id, "publish-1", "--status", "OK", "--run-id", "r1"]).await.code, 0);
        until("step", "publish-1  done by zoe").await;
        until("status", "completed: The goal is reached.").await;
        assert_eq!(tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code(), Some(0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_continues_as_new_is_followed_and_one_that_is_cancelled_ends_with_1() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let id = support::unique("long");
        let input = json!({"goalId": "g", "specName": "tutorial", "continueAfter": 8, "bootDecision":
            {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]}});
        let started =
            ["start", "EngineWorkflow", "--id", &id, "--task-queue", &bench.queue, "--input", &input.to_string()];
        assert_eq!(shell.run(&started).await.code, 0);
        let address = support::temporal().address.to_string();
        let mut command = shell.command(&["goal", "follow", &id, "--address", &address]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for note in 0..12 {
            let payload = json!({ "n": note }).to_string();
            assert_eq!(shell.run(&["goal", "event", &id, "noted", &payload]).await.code, 0);
        }
        let first = shell.run(&["show", &id, "--json"]).await.json()["row"]["historyLength"].as_i64().unwrap();
        assert!(first < 60, "it has continued as new: {first}");
        assert_eq!(shell.run(&["goal", "cancel", &id, "--reason", "r"]).await.code, 8, "nobody can be asked");
        assert_eq!(shell.run(&["goal", "cancel", &id, "--reason", "not wanted", "--yes"]).await.code, 0);
        let ended =
            tokio::time::timeout(PATIENCE + Duration::from_secs(5), child.wait_with_output()).await.unwrap().unwrap();
        let (out, err) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
        assert_eq!(ended.status.code(), Some(1), "{out}{err}");
        assert!(out.contains("cancelled: not wanted") && out.contains("EVENT  noted"), "{out}");
        assert!(err.contains("is cancelled: not wanted"), "{err}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_is_checked_before_anything_is_sent_and_pinned_whole() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let file = shell.home.path().join("mine.toml");
        std::fs::write(
            &file,
            "name = \"mine\"\n[[rules]]\nname = \"r\"\non = \"completed\"\nwhen = \"1 +\"\nthen = []\n",
        )
        .unwrap();
        let path = file.to_str().unwrap();
        let id = support::unique("mine");
        let ended = shell.run(&["goal", "start", &id, "--spec", path]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("mine.toml:"), "{ended:?}");
        assert_eq!(shell.run(&["show", &id]).await.code, 5, "nothing was sent");
        let ended = shell.run(&["goal", "start", &id, "--spec", "codgen"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("no spec and no file `codgen`"), "{ended:?}");

        std::fs::write(&file, "name = \"mine\"\nversion = \"1\"\n").unwrap();
        let ended =
            shell.run(&["goal", "start", &id, "--spec", path, "--kind", "A", "--task-queue", &bench.queue]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let one = state(&shell, &id).await["spec"].clone();
        std::fs::write(&file, "name = \"mine\"\nversion = \"2\"\n").unwrap();
        assert_eq!(state(&shell, &id).await["spec"], one, "the file means nothing to a goal that runs");
        assert_eq!(shell.run(&["goal", "adopt", &id, "--spec", path]).await.code, 0);
        let two = state(&shell, &id).await["spec"].clone();
        assert_eq!((&one["version"], &two["version"]), (&json!("1"), &json!("2")));
        assert_ne!(one["hash"], two["hash"]);
        assert_eq!(shell.run(&["goal", "show", "nobody"]).await.code, 5);
    })
    .await;
}
