//! The proof: answers sent three times each, in random order, over eight connections, to goals that continue as new all
//! the time, while coordinator and worker are killed. None is lost, none counts twice, and each has one receipt.
//!
//! Who judges reads the server's histories with Temporal's own CLI, and each goal's own log. `GATEWATCH_PROOF=full`
//! runs it in full size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatewatch::contracts::engine::state::StepStatus;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use temporalio_client::{Client, UntypedSignal, WorkflowHandle, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;
use tokio::process::{Child, Command};

use crate::coordinator::callbacks::state_within;
use crate::coordinator::rig::BUILDERS;
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, payloads};

const WORKER: &str = env!("CARGO_BIN_EXE_gatewatch-worker");
const CONNECTIONS: usize = 8;
const COPIES: usize = 3;
/// Events of history after which a goal continues as new: ten answers, or fewer.
const CONTINUE_AFTER: u32 = 20;

struct Size {
    goals: usize,
    steps: usize,
    kills: usize,
}

impl Size {
    fn wanted() -> Self {
        match std::env::var("GATEWATCH_PROOF").as_deref() {
            Ok("full") => Self { goals: 100, steps: 20, kills: 20 },
            _ => Self { goals: 6, steps: 20, kills: 4 },
        }
    }
}

/// One answer: which goal, which step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    goal: String,
    step: String,
}

impl Sent {
    fn body(&self) -> Value {
        json!({
            "goalId": self.goal, "workflowId": self.goal, "stepId": self.step, "runId": format!("run-of-{}", self.step),
            "agentRole": "worker", "status": "OK", "content": {"said": self.step},
        })
    }
}

/// Goals whose every step waits for an answer.
async fn goals(bench: &Bench, size: &Size) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..size.goals {
        let id = support::unique("proof");
        let work = |at| json!({"type": "REQUEST_WORK", "workKind": "WORK", "stepId": format!("work-{at}")});
        let actions: Vec<_> = (0..size.steps).map(work).collect();
        let input = json!({
            "goalId": id, "specName": "tutorial", "continueAfter": CONTINUE_AFTER,
            "bootDecision": {"decisionId": "boot", "actions": actions}
        });
        let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
        bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
        ids.push(id);
    }
    ids
}

/// Every copy of every answer, shuffled.
fn copies(goals: &[String], size: &Size) -> Vec<Sent> {
    let mut all: Vec<Sent> = goals
        .iter()
        .flat_map(|goal| (0..size.steps).map(move |at| Sent { goal: goal.clone(), step: format!("work-{at}") }))
        .flat_map(|sent| std::iter::repeat_n(sent, COPIES))
        .collect();
    fastrand::Rng::with_seed(20_040).shuffle(&mut all);
    all
}

/// A coordinator and a worker, as processes that can be killed.
pub(super) struct Processes {
    folder: tempfile::TempDir,
    queue: String,
    port: u16,
}

impl Processes {
    /// `more` is added to their `gatewatch.toml`.
    pub(super) fn new(queue: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let digest = Sha256::digest(BUILDERS);
        let account = format!("[[coordinator.service_accounts]]\nname = \"builders\"\ntoken_sha256 = \"{digest:x}\"\n");
        std::fs::write(folder.path().join("gatewatch.toml"), account + more).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder, queue: queue.to_owned(), port }
    }

    /// A file beside their `gatewatch.toml`.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn start(&self, role: &str) -> Child {
        self.start_on(role, &support::server().address().to_string())
    }

    /// On a Temporal of one's own choice.
    pub(super) fn start_on(&self, role: &str, temporal: &str) -> Child {
        let path: PathBuf = self.folder.path().join(format!("{role}.log"));
        let log = std::fs::File::options().create(true).append(true).open(path).unwrap();
        Command::new(WORKER)
            .args([role, "--config"])
            .arg(self.folder.path().join("gatewatch.toml"))
            .args(["--address", temporal, "--task-queue", &self.queue])
            .args(["--coordinator-listen", &format!("127.0.0.1:{}", self.port)])
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}

/// Kills one of the two whenever a part of the answers is sent. Returns how often.
async fn kill(processes: &Processes, sent: &AtomicUsize, total: usize, kills: usize) -> (usize, [Child; 2]) {
    let mut running = [processes.start("coordinator"), processes.start("worker")];
    for kill in 0..kills {
        let due = total * (kill + 1) / (kills + 1);
        wait_until("enough is sent", Duration::from_mins(20), async || {
            (sent.load(Ordering::Relaxed) >= due).then_some(())
        })
        .await;
        let (which, role) = if kill % 2 == 0 { (0, "coordinator") } else { (1, "worker") };
        running[which].start_kill().unwrap();
        running[which].wait().await.unwrap();
        running[which] = processes.start(role);
    }
    (kills, running)
}

/// Sends one answer until somebody has taken it; what was said when it was delivered.
async fn send(http: &reqwest::Client, url: &str, sent: &Sent) -> Option<String> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        assert!(Instant::now() < deadline, "nobody takes {sent:?}");
        // Whoever is killed in the middle answers nothing.
        let Ok(response) = http.post(url).bearer_auth(BUILDERS).json(&sent.body()).send().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let status = response.status().as_u16();
        match (status, response.text().await) {
            (200, Ok(body)) => return Some(body),
            (202, Ok(_)) => return None,
            (200 | 202 | 503 | 504, _) => {}
            (status, body) => panic!("{sent:?}: {status} {body:?}"),
        }
    }
}

/// How often each step's answer was signalled, in all runs of a goal, as Temporal's own CLI shows the histories; and how
/// many runs there were.
async fn signals(goal: &str) -> (BTreeMap<String, usize>, usize) {
    let (mut counted, mut runs, mut next) = (BTreeMap::new(), 0, String::new());
    loop {
        let mut show = Command::new(support::temporal_cli());
        show.args(["workflow", "show", "--output", "json", "--workflow-id", goal]);
        show.args(["--address", &support::server().address().to_string()]);
        if !next.is_empty() {
            show.args(["--run-id", &next]);
        }
        let shown = show.output().await.unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let history: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let events = history["events"].as_array().unwrap();
        runs += 1;
        for event in events {
            let signal = &event["workflowExecutionSignaledEventAttributes"];
            if signal["signalName"] == "agentCompleted" {
                // The first argument: as it is, or still encoded.
                let input = &signal["input"];
                let step = input.get(0).unwrap_or(&input["payloads"][0]["data"]);
                assert!(step.is_string(), "{signal}");
                *counted.entry(step.to_string()).or_default() += 1;
            }
        }
        let before = &events[0]["workflowExecutionStartedEventAttributes"]["continuedExecutionRunId"];
        match before.as_str().filter(|run| !run.is_empty()) {
            Some(run) => run.clone_into(&mut next),
            None => return (counted, runs),
        }
    }
}

/// Answers that had no effect, and answers that had more than one.
async fn judge(bench: &Bench, goals: &[String], size: &Size) -> (usize, usize) {
    let (mut lost, mut doubled) = (0, 0);
    for goal in goals {
        // A worker that was killed just now is waited for on its sticky queue.
        let state = state_within(bench, goal, Duration::from_mins(3)).await;
        assert_eq!(state.log_dropped, 0, "the log would not tell");
        for at in 0..size.steps {
            let step = format!("work-{at}");
            let taken = state.log.iter().filter(|e| e.event == "AGENT_COMPLETED" && e.data["stepId"] == json!(step));
            let taken = taken.count();
            let done = state.open_steps[&step.as_str().into()].status == StepStatus::Done;
            lost += usize::from(taken == 0 || !done);
            doubled += usize::from(taken > 1);
        }
    }
    (lost, doubled)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_lost_and_none_counts_twice_whatever_is_killed() {
    let size = Size::wanted();
    let bench = Bench::without_worker().await;
    let processes = Processes::new(bench.queue(), "");
    let goals = goals(&bench, &size).await;
    let copies = Arc::new(copies(&goals, &size));
    let (next, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let url = processes.url("/agent/callback");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let begun = Instant::now();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let (copies, next, sent, url) = (Arc::clone(&copies), Arc::clone(&next), Arc::clone(&sent), url.clone());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(25)).build().unwrap();
        connections.push(tokio::spawn(async move {
            let mut told = Vec::new();
            while let Some(answer) = copies.get(next.fetch_add(1, Ordering::Relaxed)) {
                let said = send(&http, &url, answer).await;
                told.extend(said.map(|said| (answer.clone(), said)));
                sent.fetch_add(1, Ordering::Relaxed);
            }
            told
        }));
    }
    let killing = kill(&processes, &sent, copies.len(), size.kills);
    let (told, (kills, _running)) = tokio::join!(join_all(connections), killing);
    let took = begun.elapsed();
    let mut receipts: BTreeMap<Sent, BTreeSet<String>> = BTreeMap::new();
    for (answer, said) in told.into_iter().flat_map(Result::unwrap) {
        receipts.entry(answer).or_default().insert(said);
    }
    let mut verdict = (usize::MAX, 0);
    let deadline = Instant::now() + Duration::from_mins(3);
    // What waited for somebody who was killed is resumed meanwhile.
    while verdict.0 > 0 && Instant::now() < deadline {
        verdict = judge(&bench, &goals, &size).await;
    }
    let (lost, doubled) = verdict;
    let (mut runs, mut resent) = (0, 0);
    for goal in &goals {
        let (signals, of_goal) = signals(goal).await;
        assert_eq!(signals.len(), size.steps, "each step's answer is in the histories: {signals:?}");
        runs += of_goal;
        resent += signals.values().filter(|count| **count > 1).count();
    }
    eprintln!(
        "{} answers sent {} times in {took:.1?} to {} goals in {runs} runs, {kills} kills: {lost} lost, {doubled} doubled, \
         {resent} signalled more than once",
        copies.len() / COPIES,
        copies.len(),
        goals.len()
    );
    assert_eq!((lost, doubled), (0, 0));
    assert!(runs > goals.len(), "they continued as new");
    for (answer, told) in receipts {
        assert_eq!(told.len(), 1, "{answer:?} has one receipt");
    }
}

/// The judge has teeth: by the server's dedupe of request ids alone, which is per run, answers arrive more than once.
#[tokio::test(flavor = "multi_thread")]
async fn request_ids_alone_let_answers_through_twice() {
    let size = Size { goals: 2, steps: 20, kills: 0 };
    let bench = Bench::new().await;
    let goals = goals(&bench, &size).await;
    let rounds: Vec<Sent> = {
        let once: BTreeSet<Sent> = copies(&goals, &size).into_iter().collect();
        (0..COPIES).flat_map(|_| once.iter().cloned().collect::<Vec<_>>()).collect()
    };
    for (at, sent) in rounds.iter().enumerate() {
        if at == goals.len() * size.steps {
            let taken = async || (judge(&bench, &goals, &size).await.0 == 0).then_some(());
            wait_until("the first round is taken in", PATIENCE, taken).await;
        }
        let handle: WorkflowHandle<Client, UntypedWorkflow> = bench.client.get_workflow_handle(&sent.goal);
        let arguments = RawValue::new(payloads([json!(sent.step), sent.body()]));
        let id = format!("{}-{}", sent.goal, sent.step);
        let options = WorkflowSignalOptions::builder().request_id(id).build();
        handle.signal(UntypedSignal::new("agentCompleted"), arguments, options).await.unwrap();
    }
    let taken = async || Some(judge(&bench, &goals, &size).await).filter(|(lost, _)| *lost == 0);
    let (_, doubled) = wait_until("all are taken in", PATIENCE, taken).await;
    assert_eq!(doubled, 0, "the goals themselves know what they have taken in");
    let mut twice = 0;
    for goal in &goals {
        let (signals, runs) = signals(goal).await;
        assert!(signals.len() == size.steps && runs > 1, "{runs} runs: {signals:?}");
        twice += signals.values().filter(|count| **count > 1).count();
    }
    assert!(twice > 0, "no workflow continued as new between two copies");
    eprintln!("by request ids alone {twice} of {} answers arrive more than once", size.goals * size.steps);
}
