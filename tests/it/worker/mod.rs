//! The headless worker as a process: what it says it runs, how it waits, and that SIGTERM drains it.

mod roles;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gatewatch::activities::registry as activities;
use gatewatch::activities::services::Services;
use gatewatch::config::settings;
use gatewatch::contracts::temporal::names::{attribute, query, signal, update, workflow};
use gatewatch::worker::options;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::support;

const WORKER: &str = env!("CARGO_BIN_EXE_gatewatch-worker");

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A worker process with nothing of this machine's configuration.
fn start(home: &Path, temporal: &settings::Temporal, listen: SocketAddr, more: &[&str]) -> Child {
    Command::new(WORKER)
        .args(["worker", "--log-format", "json", "--drain", "2s"])
        .args(["--address", temporal.address.as_str(), "--namespace", &temporal.namespace])
        .args(["--task-queue", &temporal.task_queue, "--listen", &listen.to_string()])
        .args(more)
        .env_clear()
        .env("HOME", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Status and body; none while nobody listens.
async fn get(listen: SocketAddr, path: &str) -> Option<(u16, String)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let response = http.get(format!("http://{listen}{path}")).send().await.ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

/// Asks it to stop. Exit code, how long it took, and its log.
async fn terminate(child: Child) -> (Option<i32>, Duration, String) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let asked = Instant::now();
    kill_process(pid, Signal::TERM).unwrap();
    let output =
        tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await.expect("it does not end");
    let output = output.unwrap();
    (output.status.code(), asked.elapsed(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_it_waits_says_so_and_still_stops_at_once() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = settings::Temporal::plain("http://127.0.0.1:1".parse().unwrap(), "default", "nobody");
    let listen = free_port();
    let mut child = start(home.path(), &nowhere, listen, &[]);
    let (status, body) = support::wait_until("it has tried and failed", support::PATIENCE, async || {
        let (status, body) = get(listen, "/readyz").await?;
        let tried = serde_json::from_str::<Value>(&body).ok()?["workers"][0]["why"].is_string();
        tried.then_some((status, body))
    })
    .await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("127.0.0.1:1"), "it says what cannot be reached: {body}");
    assert_eq!(get(listen, "/healthz").await.unwrap().0, 200, "waiting is no illness");
    assert!(child.try_wait().unwrap().is_none(), "it never exits because the server is not there");
    let (code, took, log) = terminate(child).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_polls_counts_and_drains() {
    let home = tempfile::tempdir().unwrap();
    let (temporal, listen) = (support::temporal(), free_port());
    let child = start(home.path(), &temporal, listen, &["--workers", "2"]);
    let body = support::wait_until("both workers poll", Duration::from_mins(1), async || {
        get(listen, "/readyz").await.filter(|(status, _)| *status == 200).map(|(_, body)| body)
    })
    .await;
    let readiness: Value = serde_json::from_str(&body).unwrap();
    let states: Vec<&str> =
        readiness["workers"].as_array().unwrap().iter().filter_map(|one| one["is"].as_str()).collect();
    assert_eq!(states, ["polling", "polling"], "{body}");
    support::wait_until("the SDK's counters are there beside ours", support::PATIENCE, async || {
        let (_, text) = get(listen, "/metrics").await?;
        (text.contains("gatewatch_worker_polling 2") && text.contains("temporal_num_pollers")).then_some(())
    })
    .await;
    let (code, _, log) = terminate(child).await;
    assert_eq!(code, Some(0), "{log}");
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("draining") && log.contains("worker stopped"), "{log}");
    assert!(!log.contains("ignored their cancellation"), "{log}");
}

/// Workflows that set attributes which the namespace lacks are stuck at their first task: no worker may take them.
#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_a_namespace_without_our_search_attributes_and_works_once_they_are_there() {
    let home = tempfile::tempdir().unwrap();
    let (temporal, listen) = (support::bare_namespace().await, free_port());
    let child = start(home.path(), &temporal, listen, &["--workers", "2"]);
    let output = tokio::time::timeout(support::PATIENCE, child.wait_with_output()).await.expect("it does not end");
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [&temporal.namespace, "gateDeadline", "`gatewatch doctor --fix`"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }

    let fix = ["doctor", "--fix", "--address", temporal.address.as_str(), "--namespace", &temporal.namespace];
    Command::new(support::GATEWATCH).args(fix).env_clear().env("HOME", home.path()).output().await.unwrap();
    let child = start(home.path(), &temporal, listen, &[]);
    support::wait_until("the worker polls", support::PATIENCE, async || {
        get(listen, "/readyz").await.filter(|(status, _)| *status == 200)
    })
    .await;
    assert_eq!(terminate(child).await.0, Some(0));
}

async fn described() -> Value {
    let output = Command::new(WORKER).args(["describe", "--json"]).output().await.unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn sorted<const N: usize>(names: [&str; N]) -> Vec<String> {
    let mut names = names.map(str::to_owned).to_vec();
    names.sort();
    names
}

/// The specification's names, all of them and no other.
#[tokio::test(flavor = "multi_thread")]
async fn describe_lists_every_name_with_its_input() {
    let all = described().await;
    let find =
        |name: &str| all["workflows"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    let readiness = find(workflow::PRODUCTION_READINESS);
    assert_eq!(
        names(&readiness["signals"]),
        sorted([signal::APPROVE_PRODUCTION, signal::REJECT_PRODUCTION, signal::REQUEST_MORE_EVIDENCE])
    );
    assert_eq!(
        names(&readiness["queries"]),
        sorted([query::GATE_STATUS, query::EVIDENCE_SUMMARY, query::READINESS_SCORE])
    );
    assert_eq!(names(&readiness["updates"]), [update::DECIDE]);
    let deployment = find(workflow::PRODUCTION_DEPLOYMENT);
    assert_eq!(
        names(&deployment["signals"]),
        sorted([
            signal::TRIGGER_ROLLBACK,
            signal::EXTEND_MONITORING,
            signal::PAUSE_MONITORING,
            signal::RESUME_MONITORING,
            signal::REPORT_BUG,
        ])
    );
    assert_eq!(
        names(&deployment["queries"]),
        sorted([query::DEPLOYMENT_STATUS, query::HEALTH_METRICS, query::UAT_RESULTS, query::ROLLBACK_STATUS])
    );
    assert_eq!(names(&deployment["updates"]), [update::ROLLBACK]);
    for workflow in [&readiness, &deployment] {
        assert!(workflow["input"]["properties"]["commitSha"].is_object(), "{workflow}");
    }
    assert_eq!(names(&all["searchAttributes"]), sorted(attribute::ALL.map(|(name, _)| name)));
}

/// What is described is what the SDK was given, not a second list that could drift.
#[tokio::test(flavor = "multi_thread")]
async fn every_registered_activity_is_described_and_the_other_way_round() {
    let tuning = settings::Worker { workers: 1, concurrency: 4, listen: None, drain: Duration::from_secs(1) };
    let services = std::sync::Arc::new(Services::new([].into()).unwrap());
    let registered = format!("{:?}", options::build("queue", &tuning, &services).unwrap().activities());
    let all = described().await;
    let described = names(&all["activities"]);
    for name in &described {
        assert!(registered.contains(&format!("\"{name}\"")), "{name} is described but not registered: {registered}");
    }
    assert_eq!(registered.matches('"').count() / 2, described.len(), "{registered} against {described:?}");
    assert_eq!(described.len(), activities::DESCRIPTIONS.len());
}
