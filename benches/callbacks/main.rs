//! What an agent's answer costs the coordinator: `cargo bench --bench callbacks`, on a real Temporal server.
//!
//! First one answer at a time, authenticated, validated, told from a repeated one, stored, audited and signalled;
//! control is the bare signal through the same client. Then as many as come over 256 connections, each answered when
//! it is committed (`Prefer: respond-async`), in turns with two controls: a handler of axum that reads the body and
//! answers, and one that commits it before it does ([`durable`]). The rates of these two say what such a promise costs on
//! this machine; ours beside the second what the coordinator adds. Temporal stands still meanwhile: what it is told of the
//! answers kept would slow the controls. Before that it takes them, and the report says how many of how many.

mod durable;
mod load;
#[path = "../report.rs"]
#[expect(dead_code, reason = "other benchmarks use the rest")]
mod report;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use gatewatch::config::paths::Surroundings;
use gatewatch::config::settings::Settings;
use gatewatch::config::sources::{self, Flags};
use gatewatch::contracts::ids::{RequestId, WorkflowId};
use gatewatch::contracts::mutation::{Signal, Start, Target};
use gatewatch::coordinator::server;
use gatewatch::devstack::child::Launcher;
use gatewatch::devstack::finder::{self, Places};
use gatewatch::devstack::server::{Server, ServerOptions};
use gatewatch::gateway::Gateway;
use gatewatch::worker;
use load::Connection;
use mimalloc::MiMalloc;
use report::{Bound, Line, Series};
use rustix::process::{Pid, Signal as Kill, kill_process};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// As in `gatewatch-worker`; the controls have it as well.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const GATEWATCH: &str = env!("CARGO_BIN_EXE_gatewatch");
const TOKEN: &str = "token-of-builders";
/// Goals that are answered in turn.
const GOALS: usize = 50;
const ROUNDS: usize = 300;
/// The requirement: an answer costs no more than this many signals.
const SIGNALS: f64 = 1.5;
const CONNECTIONS: usize = 256;
const WINDOWS: usize = 7;
const WINDOW: Duration = Duration::from_secs(3);
/// The requirement: this share of a bare handler's rate. Of one that promises as much it is our own yardstick.
const SHARE: f64 = 0.6;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let home = tempfile::tempdir()?;
        let (temporal, settings) = world(home.path()).await?;
        let gateway = Gateway::start(&settings.temporal);
        gateway.connected(Duration::from_secs(10)).await?;
        let goals = goals(&gateway, &settings).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let coordinator = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = settings.clone();
        let serving = tokio::spawn(async move {
            let told = async {
                let _ = stopped.await;
            };
            server::run_with_listener(&served, listener, told).await
        });
        one_by_one(&gateway, coordinator, &goals).await?;
        both(&gateway, coordinator, &goals).await?;
        let controls = [bare().await?, durable::serve(home.path()).await?];
        let temporal_process = temporal.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let temporal_process = temporal_process.context("the server has no process")?;
        kill_process(temporal_process, Kill::STOP)?;
        let compared = together(coordinator, controls, &goals).await;
        kill_process(temporal_process, Kill::CONT)?;
        compared?;
        drop(stop);
        serving.await??;
        drop(temporal);
        Ok(())
    })
}

/// A Temporal server, and settings of a coordinator with everything in this folder.
async fn world(home: &Path) -> anyhow::Result<(Server, Settings)> {
    let cli = finder::find(&Places::of_this_machine(), &mut |_| {}).await?.path;
    let options = ServerOptions { cli, database: home.join("temporal.db"), listen: None, namespaces: Vec::new() };
    let temporal = Server::start(&Launcher::new(GATEWATCH, home)?, options).await?;
    let file = home.join("gatewatch.toml");
    let digest = Sha256::digest(TOKEN);
    fs::write(
        &file,
        format!("[[coordinator.service_accounts]]\nname = \"builders\"\ntoken_sha256 = \"{digest:x}\"\n"),
    )?;
    let surroundings = Surroundings {
        variables: [].into(),
        config_home: home.join("config"),
        state_home: home.join("state"),
        current_dir: home.to_owned(),
        home: home.to_owned(),
    };
    let mut settings = sources::load(&Flags::new(Some(file)), &surroundings)?;
    settings.temporal = temporal.settings("default")?;
    "bench".clone_into(&mut settings.temporal.task_queue);
    Ok((temporal, settings))
}

/// Goals whose own rules decide. The worker that has begun them is gone: a signal needs none.
async fn goals(gateway: &Gateway, settings: &Settings) -> anyhow::Result<Vec<WorkflowId>> {
    let (stop, stopped) = oneshot::channel::<()>();
    let settings = settings.clone();
    let working = tokio::spawn(async move {
        let told = async {
            let _ = stopped.await;
        };
        worker::run::run(&settings, told).await
    });
    let mut ids = Vec::new();
    for at in 0..GOALS {
        let id = WorkflowId::new(format!("bench-{at}"));
        let start = Start {
            target: Target { workflow_id: id.clone(), request_id: RequestId::new(format!("start-{at}")) },
            workflow_type: "EngineWorkflow".into(),
            task_queue: "bench".to_owned(),
            input: vec![json!({"goalId": id, "specName": "tutorial"})],
        };
        gateway.start_workflow(&start).await?;
        ids.push(id);
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    for id in &ids {
        while gateway.goal(id).await.is_err() {
            anyhow::ensure!(Instant::now() < deadline, "{id} does not begin");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    drop(stop);
    working.await??;
    Ok(ids)
}

/// The seed's sample of an answer.
fn answer(goal: &WorkflowId, step: &str) -> Value {
    json!({
        "goalId": "goal-123", "workflowId": goal, "stepId": step, "runId": "run-xyz", "agentRole": "builder",
        "status": "OK", "content": {"summary": "Implemented X", "diffUrl": "https://x/diff", "branch": "feature/x"},
        "artifacts": [{"type": "PR", "url": "https://x/pr/42", "ref": "42"}],
        "metrics": {"tokens": {"prompt": 1000, "completion": 2200}, "costUsd": 0.35}, "errors": null
    })
}

async fn one_by_one(gateway: &Gateway, coordinator: SocketAddr, goals: &[WorkflowId]) -> anyhow::Result<()> {
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let mut connection = Connection::open(&coordinator.to_string(), &bearer).await?;
    let [mut ours, mut control] = [const { Series::new() }; 2];
    for round in 0..ROUNDS {
        let goal = goals.get(round % goals.len()).context("no goals")?;
        let body = answer(goal, &format!("ours-{round}")).to_string();
        let begun = Instant::now();
        let status = connection.post(&body).await?;
        ours.add_millis(begun.elapsed());
        anyhow::ensure!(status == 200, "an answer was not delivered: {status}");

        let step = format!("control-{round}");
        let signal = Signal {
            target: Target { workflow_id: goal.clone(), request_id: RequestId::new(step.as_str()) },
            run_id: None,
            name: "agentCompleted".to_owned(),
            args: vec![json!(step), answer(goal, &step)],
        };
        let begun = Instant::now();
        gateway.signal(&signal).await?;
        control.add_millis(begun.elapsed());
    }
    report::say("One answer at a time; control is a bare signal.\n")?;
    report::head()?;
    let bound = Bound::Median(SIGNALS * control.median());
    Line { name: "an answer, ms", ours: &ours, control: Some(&control), bound, peer: "" }.say()
}

/// The head of a request that is answered as soon as the answer is kept.
fn later() -> String {
    format!("authorization: Bearer {TOKEN}\r\nprefer: respond-async\r\n")
}

/// Sends answers, each once, for a window; how many were taken a second.
async fn rate(to: SocketAddr, window: &str, goals: &[WorkflowId]) -> anyhow::Result<f64> {
    let (goals, window) = (goals.to_vec(), window.to_owned());
    let body = move |connection: usize, sent: u64| {
        let goal = goals.get(connection % goals.len()).cloned().unwrap_or_default();
        answer(&goal, &format!("{window}-{connection}-{sent}")).to_string()
    };
    load::rate(&to.to_string(), &later(), CONNECTIONS, WINDOW, body).await
}

/// Answers are kept, and delivered at once.
async fn both(gateway: &Gateway, coordinator: SocketAddr, goals: &[WorkflowId]) -> anyhow::Result<()> {
    let told = async || {
        let mut events = 0;
        for goal in goals {
            events += gateway.describe(goal, None).await?.row.history_length;
        }
        anyhow::Ok(events)
    };
    let (before, begun) = (told().await?, Instant::now());
    let rate = rate(coordinator, "both", goals).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let told = (told().await? - before) as f64 / begun.elapsed().as_secs_f64();
    report::say(&format!(
        "\nWhile Temporal takes {told:.0} a second of them, {rate:.0} answers a second are committed."
    ))
}

async fn together(coordinator: SocketAddr, controls: [SocketAddr; 2], goals: &[WorkflowId]) -> anyhow::Result<()> {
    let mut all = [coordinator, controls[0], controls[1]].map(|address| (address, Series::new()));
    for window in 0..WINDOWS {
        for turn in 0..all.len() {
            let at = (window + turn) % all.len();
            let (address, series) = &mut all[at];
            series.add(1e6 / rate(*address, &format!("w{window}"), goals).await?);
        }
    }
    let [ours, bare, durable] = all.map(|(_, series)| series);
    let rate = |series: &Series| 1e6 / series.median();
    report::say(&format!(
        "Over {CONNECTIONS} connections, with Temporal away, {:.0} are committed. A bare handler answers {:.0}, one that \
         commits {:.0}: {:.2} of it.\n",
        rate(&ours),
        rate(&bare),
        rate(&durable),
        rate(&durable) / rate(&bare),
    ))?;
    report::head()?;
    for (name, control) in [("a committed answer, µs", &durable), ("  beside one that is only read, µs", &bare)] {
        let bound = Bound::Median(control.median() / SHARE);
        Line { name, ours: &ours, control: Some(control), bound, peer: "" }.say()?;
    }
    Ok(())
}

/// A handler that does no more than read and answer.
async fn bare() -> anyhow::Result<SocketAddr> {
    let handler = async |body: Bytes| (StatusCode::ACCEPTED, Json(json!({"ok": true, "bytes": body.len()})));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/agent/callback", post(handler));
    tokio::spawn(async move { axum::serve(listener, router.into_make_service()).await });
    Ok(address)
}
