//! Commands as a script runs them: data on stdout, words on stderr, the outcome in the exit code.

use std::process::Stdio;

use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::http::GateList;
use gatewatch::contracts::mutation::{Start, Target};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::{ExecutionStatus, WorkflowDetail, WorkflowRow};
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use serde_json::{Value, json};
use temporalio_client::WorkflowTerminateOptions;
use tokio::process::Command;

use crate::cli::shell::Shell;
use crate::coordinator::rig::{GUEST, Rig};
use crate::support::{self, GATEWATCH};
use crate::workflows::bench::{Bench, bounded, deployment_input, readiness_input, with};

/// A readiness workflow with its gate open.
pub(super) async fn waiting(bench: &Bench, more: Value) -> (String, OpenGate) {
    let handle = bench.readiness(with(readiness_input(), more)).await;
    let id = handle.info().workflow_id.clone();
    let open = |published: &Published| !published.gates.is_empty();
    let gate = bench.until(&id, "the gate opens", open).await.gates.remove(0);
    (id, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_names_what_was_seen_and_each_refusal_has_its_code() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let shell = Shell::new(Some(&rig));
        let key = rig.get("/v1/key").send().await.unwrap().json::<Value>().await.unwrap()["publicKey"].clone();
        let (id, gate) = waiting(&bench, json!({"authority": {"deciders": [key]}})).await;
        let digest = gate.digest().unwrap().to_string();

        let ended = shell.run(&["approve", &id, "--yes"]).await;
        assert_eq!(ended.code, 2, "--yes needs --evidence: {ended:?}");
        let ended = shell.run(&["approve", &id]).await;
        assert_eq!(ended.code, 8, "there is nobody to ask: {ended:?}");
        assert!(ended.err.contains(&digest) && ended.err.contains("nothing was sent"), "{ended:?}");
        let stale = "0".repeat(64);
        let ended = shell.run(&["approve", &id, "--yes", "--evidence", &stale]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("is not the one that was seen") && ended.err.contains(&digest), "{ended:?}");
        let ended = shell.run(&["--read-only", "approve", &id, "--yes", "--evidence", &digest]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("read-only"), "{ended:?}");
        let ended = shell.run_as(GUEST, &["approve", &id, "--yes", "--evidence", &digest]).await;
        assert_eq!(ended.code, 7, "a guest may look: {ended:?}");
        assert!(bench.published(&id).await.unwrap().decided.is_none(), "nothing of that had an effect");

        let ended = shell.run(&["approve", &id, "--yes", "--evidence", &digest, "--json"]).await;
        assert_eq!((ended.code, &ended.json()["outcome"]), (0, &json!("applied")), "{ended:?}");
        assert_eq!(ended.json()["record"]["actor"]["name"], "mira");
        let ended = shell.run(&["reject", &id, "--yes", "--reason", "too late"]).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("approved by mira"), "it says who was first: {ended:?}");
        let audit = shell.run(&["audit", "verify", "--json"]).await;
        assert_eq!((audit.code, &audit.json()["whole"]), (0, &json!(true)), "{audit:?}");
        assert!(audit.json()["lines"].as_u64().unwrap() >= 2, "{audit:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_workflow_failed_is_shown_with_it() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        let id = support::unique("broken");
        let workflow = "ProductionReadinessWorkflow";
        let started = shell.run(&["start", workflow, "--id", &id, "--input", "{}", "--task-queue", &bench.queue]).await;
        assert_eq!(started.code, 0, "{started:?}");
        support::wait_until("its end is shown with the reason", support::PATIENCE, async || {
            let shown = shell.run(&["show", &id]).await;
            shown.out.contains("why          The input cannot be read: missing field `service`").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_as_json_is_the_contracts_own() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        let (id, _) = waiting(&bench, json!({})).await;
        support::wait_until("the gate is listed", support::PATIENCE, async || {
            let list: GateList = serde_json::from_value(shell.run(&["gates", "--json"]).await.json()).unwrap();
            list.gates.iter().any(|row| row.workflow_id.as_str() == id).then_some(())
        })
        .await;
        let query = format!("WorkflowId = '{id}'");
        let rows: Vec<WorkflowRow> =
            serde_json::from_value(shell.run(&["list", &query, "--json"]).await.json()).unwrap();
        assert_eq!(rows.len(), 1);
        let detail: WorkflowDetail = serde_json::from_value(shell.run(&["show", &id, "--json"]).await.json()).unwrap();
        assert_eq!(detail.row.id.as_str(), id);
        let shown = shell.run(&["show", &id]).await;
        assert!(shown.out.contains("production approval") && !shown.out.contains('\u{1b}'), "{shown:?}");
        let ended = shell.run(&["show", &support::unique("nobody"), "--json"]).await;
        assert_eq!(ended.code, 5, "{ended:?}");
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        assert_eq!((&error["error"]["kind"], ended.out.as_str()), (&json!("not-found"), ""));
        assert_eq!(shell.run(&["list", "not a query"]).await.code, 2);
        let running: Vec<WorkflowRow> =
            serde_json::from_value(shell.run(&["list", "--view", "running", "--json"]).await.json()).unwrap();
        assert!(running.iter().all(|row| row.status == ExecutionStatus::Running) && !running.is_empty());
        let ended = shell.run(&["list", "--view", "slow"]).await;
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("No view is named `slow`; there are: running, failed."), "{ended:?}");
    })
    .await;
}

/// A namespace that has never heard of gatewatch is read as far as it goes, and it is said what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn without_our_search_attributes_there_are_still_lists() {
    bounded(async || {
        let temporal = support::bare_namespace().await;
        let gateway = Gateway::start(&temporal);
        let id = support::unique("theirs");
        let target = Target { workflow_id: id.as_str().into(), request_id: request_id() };
        let workflow_type = "TheirWorkflow".into();
        gateway
            .start_workflow(&Start { target, workflow_type, task_queue: "theirs".to_owned(), input: Vec::new() })
            .await
            .unwrap();
        let (shell, place) = (Shell::new(None), ["--namespace", &temporal.namespace]);
        let run = async |command: &[&str]| shell.run(&[command, &place[..]].concat()).await;
        let ended = support::wait_until("it is listed", support::PATIENCE, async || {
            let ended = run(&["list"]).await;
            ended.out.contains(&id).then_some(ended)
        })
        .await;
        assert_eq!(ended.code, 0, "{ended:?}");
        for part in [&temporal.namespace, "gateDeadline", "`gatewatch doctor --fix` registers them"] {
            assert!(ended.err.contains(part), "{part} is not in {ended:?}");
        }
        let ended = run(&["gates", "--json"]).await;
        assert_eq!((ended.code, &ended.json()["gates"]), (1, &json!([])), "not seen is not none: {ended:?}");
        assert!(ended.err.contains("doctor --fix"), "{ended:?}");
        support::wait_until("it is said that no worker takes it", support::PATIENCE, async || {
            let ended = run(&["show", &id]).await;
            ended.out.contains("no worker takes its next task for ").then_some(())
        })
        .await;
        let ended = run(&["rollback", &id, "--yes"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("is a TheirWorkflow: there is no deployment to roll back in it"), "{ended:?}");
        let ended = run(&["list", "phase = 'live'"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("'phase' is not a valid search attribute") && ended.err.contains("doctor --fix"));

        assert_eq!(run(&["doctor"]).await.code, 1);
        let ended = run(&["doctor", "--fix"]).await;
        assert!(ended.out.contains("registered: goalId"), "{ended:?}");
        let ended = run(&["gates"]).await;
        assert_eq!((ended.code, ended.err.trim()), (0, "No gate is open."), "{ended:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_follows_until_the_old_version_serves() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        let handle = bench.watched().await;
        let id = handle.info().workflow_id.clone();
        let ended = shell.run(&["rollback", &id]).await;
        assert_eq!(ended.code, 8, "nobody to ask: {ended:?}");
        for part in ["back to", "v41", "deploy previous version", "--yes"] {
            assert!(ended.err.contains(part), "the preview lacks {part}: {ended:?}");
        }
        assert_eq!(bench.world.count("rollbackVercelDeployment"), 0);
        let ended = shell.run(&["rollback", &id, "--yes", "--reason", "errors"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.out.contains("verified: the previous version serves again"), "{ended:?}");
        assert!(bench.published(&id).await.unwrap().rolling_back.unwrap().verified_at.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_before_anything_was_changed_ends_the_deployment_and_says_so() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        bench.world.holds("getMetrics");
        let handle = bench.deployment(deployment_input()).await;
        let id = handle.info().workflow_id.clone();
        bench.world.reached("getMetrics").await;
        let ended = shell.run(&["rollback", &id, "--yes"]).await;
        assert_eq!(ended.code, 0, "what was live still serves: {ended:?}");
        assert!(ended.out.contains("ended before it changed anything"), "{ended:?}");
        assert_eq!(bench.world.count("deployToProduction"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_to_run_instead_can_be_pasted_whatever_the_id() {
    bounded(async || {
        let bench = Bench::new().await;
        let id = support::unique("deploy it's; reboot ");
        bench.watched_as(id.clone()).await;
        let ended = Shell::new(None).run(&["rollback", &id]).await;
        let instead = format!("gatewatch rollback '{}' --yes", id.replace('\'', r"'\''"));
        assert!(ended.code == 8 && ended.err.contains(&instead), "`{instead}` is not in {ended:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_ended_well_is_no_rollback() {
    bounded(async || {
        let bench = Bench::new().await;
        let handle = bench.deployment(deployment_input()).await;
        let id = handle.info().workflow_id.clone();
        crate::workflows::bench::result(&handle).await;
        let ended = Shell::new(None).run(&["rollback", &id, "--yes"]).await;
        assert_ne!(ended.code, 0, "0 means that the old version serves: {ended:?}");
        assert_eq!(bench.world.count("rollbackVercelDeployment"), 0);
    })
    .await;
}

/// Somebody ends the workflow in the middle of its rollback: whoever follows is told that nothing was verified.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_cut_off_is_no_success() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        let handle = bench.watched().await;
        let id = handle.info().workflow_id.clone();
        bench.world.hangs("rollbackVercelDeployment");
        let cut_off = async {
            bench.world.reached("rollbackVercelDeployment").await;
            handle.terminate(WorkflowTerminateOptions::default()).await.unwrap();
        };
        let arguments = ["rollback", &id, "--yes", "--json"];
        let (ended, ()) = tokio::join!(shell.run(&arguments), cut_off);
        assert_eq!((ended.code, &ended.json()["verified"]), (1, &json!(false)), "{ended:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_a_decision_is_in_doubt_and_can_be_asked_for_again() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let shell = Shell::new(None);
        let (id, gate) = waiting(&bench, json!({})).await;
        bench.kill_worker();
        let digest = gate.digest().unwrap().to_string();
        let approve = ["approve", &id, "--gate", "production-approval", "--yes", "--evidence", &digest, "--json"];
        let ended = shell.run(&[&approve[..], &["--wait", "0", "--decision-id", "d1"]].concat()).await;
        assert_eq!((ended.code, &ended.json()["outcome"]), (4, &json!("in-doubt")), "{ended:?}");
        bench.start_worker();
        let ended = shell.run(&[&approve[..], &["--decision-id", "d1"]].concat()).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let decided = bench.until(&id, "it is decided", |published| published.decided.is_some()).await.decided.unwrap();
        assert_eq!(decided.decision_id.as_str(), "d1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_and_not_waited_for() {
    let shell = Shell::at("127.0.0.1:1");
    let ended = shell.run(&["gates"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (6, ""), "{ended:?}");
    assert!(ended.err.contains("127.0.0.1:1"), "{ended:?}");
    let ended = shell.run(&["doctor", "--json"]).await;
    assert_eq!(ended.code, 6, "{ended:?}");
    let checks = ended.json();
    let connection = checks.as_array().unwrap().iter().find(|check| check["name"] == "connection").unwrap();
    assert_eq!(connection["verdict"], "failed");
    assert!(!connection["remedy"].as_str().unwrap().is_empty(), "{connection}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_a_whole_cluster() {
    bounded(async || {
        let rig = Rig::start(support::temporal()).await;
        support::wait_until("the coordinator is ready", support::PATIENCE, async || {
            (rig.get("/readyz").send().await.ok()?.status() == 200).then_some(())
        })
        .await;
        let ended = Shell::new(Some(&rig)).run(&["doctor", "--json"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let checks = ended.json();
        let verdict =
            |name: &str| checks.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["verdict"].clone();
        for name in ["connection", "search attributes", "coordinator", "token", "clock"] {
            assert_eq!(verdict(name), "ok", "{name}: {checks:#}");
        }
        assert_eq!(verdict("workers"), "warning", "nobody polls the default queue here");
    })
    .await;
}

/// A reader that has gone is no failure of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_pipe_is_quiet() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(GATEWATCH)
        .args(["config", "--example"])
        .env_clear()
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = tokio::time::timeout(support::PATIENCE, child.wait_with_output()).await.expect("it hangs").unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
