//! What an agent's answer costs the coordinator: `cargo bench --bench callbacks`, on a real Temporal server.
//!
//! First one answer at a time, authenticated, validated, told from a repeated one, stored, audited and signalled;
//! control is the bare signal through the same client. Then as many as come over 256 connections, each answered when
//! it is committed (`Prefer: respond-async`); control is a handler of axum that reads the body and answers. Ours and
//! control take turns; what was kept is delivered in the background of both.

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
use report::{Bound, Line, Series};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

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
/// The requirement: this share of a bare handler's rate.
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
        together(coordinator, bare().await?, &goals).await?;
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

async fn together(coordinator: SocketAddr, bare: SocketAddr, goals: &[WorkflowId]) -> anyhow::Result<()> {
    let more = format!("authorization: Bearer {TOKEN}\r\nprefer: respond-async\r\n");
    let [mut ours, mut control, mut rates, mut bare_rates] = [const { Series::new() }; 4];
    for window in 0..WINDOWS {
        let goals = goals.to_vec();
        let body = move |connection: usize, sent: u64| {
            let goal = goals.get(connection % goals.len()).cloned().unwrap_or_default();
            answer(&goal, &format!("w{window}-{connection}-{sent}")).to_string()
        };
        let rate = load::rate(&coordinator.to_string(), &more, CONNECTIONS, WINDOW, body.clone()).await?;
        rates.add(rate);
        ours.add(1e6 / rate);
        let rate = load::rate(&bare.to_string(), &more, CONNECTIONS, WINDOW, body).await?;
        bare_rates.add(rate);
        control.add(1e6 / rate);
    }
    report::say(&format!(
        "\nOver {CONNECTIONS} connections: {:.0} answers a second are committed, a bare handler answers {:.0}: {:.2} of it.\n",
        rates.median(),
        bare_rates.median(),
        rates.median() / bare_rates.median()
    ))?;
    report::head()?;
    let bound = Bound::Median(control.median() / SHARE);
    Line { name: "a committed answer, µs", ours: &ours, control: Some(&control), bound, peer: "" }.say()
}

/// A handler that does no more than read and answer.
async fn bare() -> anyhow::Result<SocketAddr> {
    let handler = async |body: Bytes| (StatusCode::ACCEPTED, Json(json!({"ok": true, "bytes": body.len()})));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/agent/callback", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
