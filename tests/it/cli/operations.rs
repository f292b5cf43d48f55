//! The commands that work on any workflow, and those that look after the installation, as processes.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::cli::shell::Shell;
use crate::support::{self, PATIENCE, temporal_cli, unique, wait_until};
use crate::workflows::bench::bounded;

/// A workflow that nobody works on.
async fn started(shell: &Shell) -> String {
    let id = unique("idle");
    let ended = shell.run(&["start", "Idle", "--id", &id, "--input", r#"{"a":1}"#, "--json"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!((&ended.json()["done"], &ended.json()["already"]), (&json!("started"), &json!(false)), "{ended:?}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_once_and_its_input_is_what_was_given() {
    bounded(async || {
        let shell = Shell::new(None);
        let id = started(&shell).await;
        let ended = shell.run(&["start", "Idle", "--id", &id]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("already running") && ended.err.contains("gatewatch show"), "{ended:?}");
        let file = shell.home.path().join("input.json");
        std::fs::write(&file, r#"{"from":"a file"}"#).unwrap();
        let second = unique("idle");
        let input = format!("@{}", file.display());
        let ended =
            shell.run(&["start", "Idle", "--id", &second, "--input", &input, "--task-queue", "elsewhere"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let shown = shell.run(&["show", &second, "--json"]).await.json();
        assert_eq!(shown["row"]["taskQueue"], "elsewhere", "{shown}");
        let ended = shell.run(&["start", "Idle", "--id", &unique("idle"), "--input", "no json"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        let ended = shell.run(&["--read-only", "start", "Idle", "--id", &unique("idle")]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_arrives_with_each_argument_and_the_trail_says_who_sent_it() {
    bounded(async || {
        let shell = Shell::new(None);
        let id = started(&shell).await;
        let ended = shell.run(&["signal", &id, "note", "7", r#"{"x":2}"#, "hello", "--json"]).await;
        assert_eq!((ended.code, &ended.json()["done"]), (0, &json!("signalled")), "{ended:?}");
        assert_eq!((&ended.json()["workflowId"], &ended.json()["signal"]), (&json!(id), &json!("note")));
        let shown = shell.run(&["show", &id, "--history"]).await;
        assert!(shown.out.contains("WorkflowExecutionSignaled  note"), "{shown:?}");
        assert_eq!(shell.run(&["signal", &unique("nobody"), "note"]).await.code, 5);
        assert_eq!(shell.run(&["--read-only", "signal", &id, "note"]).await.code, 3);

        let audit = shell.run(&["audit", "--json"]).await;
        let lines: Vec<Value> = serde_json::from_str(&audit.out).unwrap();
        let asked: Vec<&str> = lines.iter().filter_map(|line| line["stage"]["name"].as_str()).collect();
        assert_eq!(
            asked,
            ["start", "signal", "signal", "signal"],
            "what read-only stopped is in the trail too: {audit:?}"
        );
        assert!(lines.iter().all(|line| line["actor"]["name"] == "mira"), "{audit:?}");
        let last = shell.run(&["audit", "--last", "1"]).await;
        assert_eq!(last.out.lines().count(), 2, "a heading and one line: {last:?}");
        // Somebody mends the trail.
        let trail = shell.home.path().join(".local/state/gatewatch/audit.jsonl");
        let text = std::fs::read_to_string(&trail).unwrap();
        std::fs::write(&trail, text.replacen("note", "tone", 1).replacen("mira", "arim", 1)).unwrap();
        let ended = shell.run(&["audit", "verify"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.contains("was changed after it was written"), "{ended:?}");
    })
    .await;
}

/// Temporal takes a signal of any name, and the workflow drops it: what is known to be wrong is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_the_type_is_known_not_to_have_is_sent_only_when_it_is_meant() {
    bounded(async || {
        let shell = Shell::new(None);
        let id = unique("deploy");
        let start = ["start", "ProductionDeploymentWorkflow", "--id", &id, "--task-queue", "nobody"];
        assert_eq!(shell.run(&start).await.code, 0);
        let ended = shell.run(&["signal", &id, "trigerRollback"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
        for part in ["Not sent: ", "Did you mean `triggerRollback`?", "pauseMonitoring", "--force"] {
            assert!(ended.err.contains(part), "{part} is not in {ended:?}");
        }
        let history = async || shell.run(&["show", &id, "--history"]).await.out;
        assert!(!history().await.contains("Signaled"), "{}", history().await);
        assert_eq!(shell.run(&["signal", &id, "trigerRollback", "--force"]).await.code, 0);
        assert!(history().await.contains("WorkflowExecutionSignaled  trigerRollback"), "{}", history().await);
        assert_eq!(shell.run(&["signal", &id, "resumeMonitoring"]).await.code, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_prints_a_line_each_and_ends_with_the_workflow_the_reader_or_ctrl_c() {
    bounded(async || {
        let shell = Shell::new(None);
        let id = started(&shell).await;
        let address = support::temporal().address.to_string();
        let watch = || {
            let mut command = shell.command(&["watch", &id, "--json", "--address", &address]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        // Three who watch the same workflow.
        let (mut to_its_end, mut interrupted, mut unread) = (watch(), watch(), watch());
        let mut lines = Vec::new();
        for child in [&mut to_its_end, &mut interrupted, &mut unread] {
            let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
            let line = out.next_line().await.unwrap().unwrap();
            let change: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&change["what"], &change["text"]), (&json!("status"), &json!("running")), "{line}");
            assert!(change["at"].is_string(), "{line}");
            lines.push(out);
        }
        // The workflow is quiet: nothing more would ever be written to whoever has gone.
        drop(lines.pop());
        let ended =
            tokio::time::timeout(PATIENCE, unread.wait_with_output()).await.expect("it watches for nobody").unwrap();
        assert_eq!((ended.status.code(), ended.stderr.is_empty()), (Some(0), true), "{ended:?}");
        kill_process(Pid::from_raw(interrupted.id().unwrap().cast_signed()).unwrap(), Signal::INT).unwrap();
        let ended = tokio::time::timeout(PATIENCE, interrupted.wait_with_output()).await.unwrap().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("goes on"), "{ended:?}");
        let waits = lines[0].next_line().await.unwrap().unwrap();
        assert!(waits.contains("no worker takes its next task for 5 s: start a worker of its queue"), "{waits}");
        temporal(&["workflow", "terminate", "--workflow-id", &id]).await;
        let status = tokio::time::timeout(PATIENCE, to_its_end.wait()).await.expect("it has ended").unwrap();
        assert_eq!(status.code(), Some(0));
        let last = lines[0].next_line().await.unwrap().unwrap();
        assert!(last.contains("terminated"), "{last}");
        assert_eq!(lines[0].next_line().await.unwrap(), None, "no worker has it again");
        assert_eq!(shell.run(&["watch", &unique("nobody")]).await.code, 5);
    })
    .await;
}

/// A namespace made while the server runs has none of our search attributes: a cluster that never saw gatewatch.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_fixes_a_cluster_that_never_saw_gatewatch() {
    bounded(async || {
        let shell = Shell::new(None);
        let namespace = unique("bare");
        temporal(&["operator", "namespace", "create", "--namespace", &namespace]).await;
        let doctor = async |more: &[&str]| {
            let ended = shell.run(&[&["doctor", "--json", "-n", &namespace][..], more].concat()).await;
            let checks: Vec<Value> = serde_json::from_str(&ended.out).ok()?;
            let check = checks.into_iter().find(|check| check["name"] == "search attributes")?;
            // The server itself learns of a new namespace a moment later.
            (!check["detail"].as_str()?.contains("not found")).then_some((ended.code, check))
        };
        let (code, check) = wait_until("the namespace is known", PATIENCE, async || doctor(&[]).await).await;
        assert_eq!((code, &check["verdict"]), (1, &json!("failed")), "{check}");
        assert!(check["detail"].as_str().unwrap().contains("gateDeadline"), "{check}");
        assert_eq!(check["remedy"], "Run `gatewatch doctor --fix`.");
        let (code, check) = doctor(&["--fix", "--read-only"]).await.unwrap();
        assert_eq!((code, &check["verdict"]), (3, &json!("failed")), "{check}");
        let (code, check) = doctor(&["--fix"]).await.unwrap();
        assert_eq!((code, &check["verdict"]), (0, &json!("ok")), "{check}");
        assert!(check["detail"].as_str().unwrap().starts_with("registered: "), "{check}");
        let (code, check) = wait_until("they are seen", PATIENCE, async || {
            doctor(&[]).await.filter(|(_, check)| check["verdict"] == "ok")
        })
        .await;
        assert_eq!((code, &check["detail"]), (0, &json!("all are registered")));
        let ended = shell.run(&["doctor", "-n", &namespace]).await;
        assert!(ended.out.contains("ok    search attributes") && !ended.out.contains('\u{1b}'), "{ended:?}");
    })
    .await;
}

/// The `temporal` CLI against the server of the tests.
async fn temporal(arguments: &[&str]) {
    let address = support::temporal().cluster().address;
    let output = Command::new(temporal_cli()).args(arguments).args(["--address", &address]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}
