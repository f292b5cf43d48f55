//! Commands as a script runs them: data on stdout, words on stderr, the outcome in the exit code.

use std::process::Stdio;

use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::health::{Trigger, TriggerState, TriggerStatus};
use gatewatch::contracts::http::GateList;
use gatewatch::contracts::ids::RunId;
use gatewatch::contracts::mutation::{Start, Target};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::{ExecutionStatus, HeldUp, WorkflowDetail, WorkflowRow};
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use serde_json::{Value, json};
use temporalio_client::WorkflowTerminateOptions;
use tokio::process::Command;

use crate::cli::shell::Shell;
use crate::coordinator::rig::{GUEST, Rig};
use crate::support::{self, GATEWATCH};
use crate::workflows::bench::{Bench, bounded, deployment_input, readiness_input, with};
use crate::workflows::world::now;

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
        crate::workflows::bench::result(&handle).await;
        for arguments in [["rollback", &id, "--yes"].as_slice(), &["rollback", &id, "--yes", "--no-wait"]] {
            let again = shell.run(arguments).await;
            assert_eq!(again.code, 0, "{again:?}");
            let said = format!("{}{}", again.out, again.err);
            assert!(said.contains("Rolled back already: v41 verified at "), "{again:?}");
            assert!(!said.contains("rolling back already"), "{again:?}");
        }
    })
    .await;
}

/// The board and the word are the console's: a health endpoint that answers is not health.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_shown_with_the_eight_triggers_and_a_word_that_agrees_with_them() {
    bounded(async || {
        let bench = Bench::new().await;
        let shell = Shell::new(None);
        let failing = TriggerStatus::Failing { count: 1, of: 2, fires_in_ms: Millis(60_000) };
        let errors = TriggerState {
            trigger: Trigger::ErrorRate,
            status: failing,
            now: "20.0 %".to_owned(),
            limit: "> 1.0 %".to_owned(),
        };
        bench.world.arms(0.2, vec![errors]);
        let id = bench.watched().await.info().workflow_id.clone();
        let shown = support::wait_until("it beats", support::PATIENCE, async || {
            let shown = shell.run(&["show", &id]).await;
            shown.out.contains("TRIGGER").then_some(shown)
        })
        .await;
        let lines: Vec<Vec<&str>> = shown
            .out
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect())
            .collect();
        assert!(lines.contains(&vec!["health", "degraded"]), "{shown:?}");
        assert!(lines.contains(&vec!["error rate", "20.0 %", "> 1.0 %", "failing 1 of 2"]), "{shown:?}");
        for trigger in Trigger::ALL.into_iter().filter(|trigger| *trigger != Trigger::ErrorRate) {
            assert!(lines.contains(&vec![trigger.title(), "-", "-", "not yet"]), "{trigger:?}: {shown:?}");
        }
        assert!(shown.out.contains("endpoint ok  errors 20.0 %") && !shown.out.contains("healthy"), "{shown:?}");
        let json = shell.run(&["show", &id, "--json"]).await.json();
        assert_eq!((&json["standing"], &json["waits"]), (&json!("degraded"), &Value::Null), "{json}");
        assert_eq!(json["health"]["triggers"][0]["status"]["is"], "failing", "{json}");
    })
    .await;
}

/// A worker that is gone looks at nothing: no command says that it does, and a rollback is said to wait. It is as old as it
/// was asked for, whenever a worker takes it up.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_nobody_watches_is_called_so_and_its_rollback_waits() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let shell = Shell::new(None);
        let (now_is, limit) = ("0.0 %".to_owned(), "> 1.0 %".to_owned());
        let errors = TriggerState { trigger: Trigger::ErrorRate, status: TriggerStatus::Ok, now: now_is, limit };
        bench.world.arms(0.0, vec![errors]);
        let id = bench.watched().await.info().workflow_id.clone();
        let (queue, address) = (bench.queue.clone(), support::temporal().address.to_string());
        let workers = async || {
            let place = [("TEMPORAL_TASK_QUEUE", queue.as_str())];
            let checks = shell.run_with(&place, &["doctor", "--json", "--address", &address]).await.json();
            checks.as_array().unwrap().iter().find(|check| check["name"] == "workers").unwrap().clone()
        };
        let check = support::wait_until("it is listed", support::PATIENCE, async || {
            let listed = shell.run(&["list", &format!("WorkflowId = '{id}'")]).await;
            listed.out.contains("watching").then_some(())?;
            Some(workers().await)
        })
        .await;
        assert_eq!(check["verdict"], "ok", "{check}");
        assert!(check["detail"].as_str().unwrap().contains("the latest "), "{check}");
        let calm = shell.run(&["rollback", &id]).await;
        assert!(calm.code == 8 && !calm.err.contains("Nobody watches"), "{calm:?}");

        bench.kill_worker();
        let shown = support::wait_until("nobody looks", support::PATIENCE, async || {
            let shown = shell.run(&["show", &id, "--json"]).await.json();
            (shown["standing"] == "not-watched").then_some(shown)
        })
        .await;
        assert!(shown["waits"].as_str().unwrap().starts_with("no look for "), "{shown}");
        let shown = shell.run(&["show", &id]).await;
        assert!(shown.out.contains("not watched") && !shown.out.contains("watching"), "{shown:?}");
        assert!(shown.out.contains("  was ok\n") && shown.out.contains(" ago  endpoint ok"), "{shown:?}");
        let query = format!("WorkflowId = '{id}'");
        let listed = shell.run(&["list", &query]).await;
        assert!(listed.out.contains("not watched") && !listed.out.contains("watching"), "{listed:?}");
        assert_eq!(shell.run(&["list", &query, "--json"]).await.json()[0]["standing"], "not-watched");
        let check = workers().await;
        assert_eq!(check["verdict"], "warning", "the server still counts it: {check}");
        assert!(check["detail"].as_str().unwrap().contains(&format!("but {id}: no look for ")), "{check}");
        let preview = shell.run(&["rollback", &id]).await;
        assert!(preview.code == 8 && preview.err.contains("Nobody watches it for "), "{preview:?}");
        assert!(!preview.err.contains("It will wait"), "another worker may take it at once: {preview:?}");

        // What cannot be looked at is told apart from what is fine, and another run's health is not taken for it.
        let gateway = Gateway::start(&support::temporal());
        let mut rows = gateway.list(&query, None, 1).await.unwrap().rows;
        let listed = rows.clone();
        rows[0].run_id = RunId::new("00000000-0000-4000-8000-000000000000");
        rows.extend(listed.clone());
        // A list lags behind: what the look shows is of one moment, so that nobody reads a health without its cause.
        rows[1].published = None;
        let seen = gateway.look_closer(&mut rows, 8).await;
        let is_silent = |seen: &Option<HeldUp>| matches!(seen, Some(HeldUp::NoLook(_)));
        assert_eq!(seen.keys().collect::<Vec<_>>(), [&listed[0].run_id], "{seen:?}");
        assert!(seen.values().all(is_silent), "{seen:?}");
        assert!(rows[1].published.is_some(), "{:?}", rows[1]);
        assert!(gateway.look_closer(&mut rows, 1).await.is_empty(), "the second is beyond the limit");

        let before = now();
        let ended = shell.run(&["rollback", &id, "--yes", "--no-wait"]).await;
        assert_eq!(ended.code, 4, "it is kept: {ended:?}");
        let sent = now();
        bench.start_worker();
        let rolling =
            bench.until(&id, "it rolls back", |published| published.rolling_back.is_some()).await.rolling_back;
        let asked_at = rolling.unwrap().cause.at;
        assert!(before <= asked_at && asked_at < sent, "asked between {before} and {sent}, not at {asked_at}");
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
