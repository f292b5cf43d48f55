//! The console while what it stands on dies: the Temporal server, the coordinator. It says what it knows and how old that
//! is, goes on by itself when they are back, and rolls back without a coordinator.

use std::fs;
use std::path::{Path, PathBuf};

use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::mutation::{Start, Target};
use gatewatch::contracts::workflow::WorkflowDetail;
use gatewatch::devstack::child::{Child, Launcher};
use gatewatch::devstack::port;
use gatewatch::devstack::story::cast::Cast;
use gatewatch::devstack::story::customer::Customer;
use gatewatch::devstack::story::person::{Person, Wait};
use gatewatch::devstack::tell::Tell;
use gatewatch::devstack::world::build::{World, WorldOptions, build, client};
use gatewatch::devstack::world::folder::Keep;
use gatewatch::devstack::world::releases;
use gatewatch::devstack::world::site::Plan;
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pty::rig::{Pty, Setup};
use crate::support::{GATEWATCH, OwnServer, PATIENCE};

fn kill(pid: Option<u32>) {
    let pid = i32::try_from(pid.unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

async fn start_workflow(server: &OwnServer, id: &str) {
    let temporal = server.temporal();
    let gateway = Gateway::start(&temporal);
    gateway.connected(PATIENCE).await.unwrap();
    let start = Start {
        target: Target { workflow_id: WorkflowId::new(id), request_id: request_id() },
        workflow_type: "Order".into(),
        task_queue: temporal.task_queue,
        input: vec![json!({})],
    };
    gateway.start_workflow(&start).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_old_data_with_its_age_and_comes_back_by_itself() {
    let mut server = OwnServer::start().await;
    start_workflow(&server, "order-before").await;
    let mut console = Pty::start(&server.address(), 80, 24);
    console.wait_for("● temporal");
    console.press("3");
    console.wait_for("order-before");
    server.kill();
    console.wait_for("✗ temporal");
    console.wait_for("No answer from Temporal for");
    console.assert_shows(&["shown as of", "Ctrl-r tries now", "default ▸ default", "order-before"]);
    // The keys are alive, and what was known stays.
    console.press("1");
    console.wait_for("What needs somebody now");
    console.press("3");
    console.wait_for("order-before");
    server.resume().await;
    console.wait_for("● temporal");
    console.wait_until_gone("No answer from Temporal");
    start_workflow(&server, "order-after").await;
    console.wait_for("order-after");
    console.assert_shows(&["order-before"]);
    console.press("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

/// A world with a release that is live and watched, and a coordinator apart from the worker that nobody starts again.
struct Stage {
    world: World,
    cast: Cast,
    coordinator: Child,
    url: String,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = WorldOptions {
            folder: folder.path().join("demo"),
            keep: Keep::Fresh,
            services: vec![Plan { name: "checkout", releases: releases::checkout() }],
            temporal: None,
            gatewatch: GATEWATCH.into(),
        };
        let world = build(&options, Tell::on_stderr()).await.unwrap();
        let address = port::free().unwrap();
        let config = world.running.config.display().to_string();
        let listen = address.to_string();
        let words = [GATEWATCH, "worker-process", "coordinator", "--config", &config, "--coordinator-listen", &listen];
        let launcher = Launcher::new(GATEWATCH, folder.path().join("apart")).unwrap();
        let mut coordinator = launcher.spawn("coordinator", &words.map(Into::into)).unwrap();
        let url = format!("http://{address}");
        let http = client().unwrap();
        let ready = format!("{url}/readyz");
        let is_ready = || async { http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) };
        coordinator.ready(PATIENCE, is_ready).await.unwrap();
        let service = world.running.service("checkout").unwrap().clone();
        let cast = Cast { service, watched: Millis::from_secs(1800), bad_looks: 1000 };
        Self { world, cast, coordinator, url, folder }
    }

    fn person(&self) -> Person {
        Person::new(&self.world.settings).unwrap()
    }

    async fn deploy(&self, person: &Person) {
        person.connected(PATIENCE).await.unwrap();
        person.deploy(&self.cast).await.unwrap();
        let watched = |detail: &WorkflowDetail| {
            let stage = detail.row.published.as_ref()?.deployment.as_ref()?.stage;
            (stage == DeploymentStage::Monitoring).then_some(())
        };
        let wait = Wait { what: "it is live and watched", within: PATIENCE * 2 };
        person.until(&self.cast.deployment_id(), wait, watched).await.unwrap();
    }

    /// A console that asks the coordinator that stands apart.
    fn console(&self, config: &Path) -> Pty {
        Pty::open(&Setup {
            arguments: &["--config", config.to_str().unwrap()],
            variables: &[("GATEWATCH_COORDINATOR_URL", &self.url)],
            ..Setup::default()
        })
    }

    /// The same settings, but for a console that must not roll back past the coordinator.
    fn without_direct_rollback(&self) -> PathBuf {
        let mut settings: Value = toml::from_str(&fs::read_to_string(&self.world.running.config).unwrap()).unwrap();
        settings["console"]["direct_rollback"] = json!(false);
        let file = self.folder.path().join("strict.toml");
        fs::write(&file, toml::to_string(&settings).unwrap()).unwrap();
        file
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_coordinator_the_header_says_so_and_rolling_back_goes_straight_to_temporal() {
    let mut stage = Stage::set().await;
    let person = stage.person();
    stage.deploy(&person).await;
    let mut strict = stage.console(&stage.without_direct_rollback());
    let mut console = stage.console(&stage.world.running.config);
    for console in [&mut strict, &mut console] {
        console.wait_for("● coordinator");
        console.wait_for("4 Deployment 1");
        console.press("4");
        console.wait_for("all quiet");
    }
    kill(stage.coordinator.pid());
    for console in [&mut strict, &mut console] {
        console.wait_for("✗ coordinator");
        console.assert_shows(&["● temporal"]);
        console.press("R");
        console.wait_for("R rolls back now");
    }
    // Where policy says that only the coordinator may, it is not done, and the person is told.
    strict.press("R");
    strict.wait_for("rollback not sent · R sends the same request again");
    strict.wait_for("Not rolled back: checkout v42 → v41");
    console.press("R");
    console.wait_for("Rolling back checkout v42 → v41  asked by mira");
    // Leaving in the middle of it stops nothing.
    strict.signal(Signal::TERM);
    strict.exit_code();
    strict.assert_given_back();
    console.wait_until_verified();
    let customer = Customer::of(&stage.cast.service).unwrap();
    customer.is_served_by_again(stage.cast.old_release().unwrap()).await.unwrap();
    assert!(stage.coordinator.ended().unwrap().is_some(), "nobody started it again");
    console.press("q");
    assert_eq!(console.exit_code(), 0);
    stage.world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_opens_rings_and_is_told_where_nobody_looks_and_its_workflow_is_copied() {
    let stage = Stage::set().await;
    let person = stage.person();
    let mut looking = stage.console(&stage.world.running.config);
    let mut away = stage.console(&stage.world.running.config);
    for console in [&looking, &away] {
        console.wait_for("● temporal");
        console.wait_for("No gate waits for anybody");
    }
    // What a terminal says when its window gets the focus.
    looking.send("\x1b[I");
    person.connected(PATIENCE).await.unwrap();
    let decider = person.public_key().await.unwrap();
    person.ask_for(&stage.cast, &decider).await.unwrap();
    for console in [&mut looking, &mut away] {
        console.wait_for("production approval");
        console.wait_until("a bell", |_| console.bells() == 1);
    }
    away.wait_for_bytes("\x1b]9;production approval waits: checkout v42");
    assert_eq!(looking.count("\x1b]9;"), 0);
    // There is no desktop here, and nobody has to read that.
    assert!(!away.screen().contains('✗'), "{}", away.screen());
    away.press("2");
    away.wait_for("approve → deploys v42 to production");
    away.press("y");
    away.wait_for("through the terminal (OSC 52)");
    // `prod-checkout-42` in base64.
    away.wait_for_bytes("\x1b]52;c;cHJvZC1jaGVja291dC00Mg==\x07");
    for console in [&mut looking, &mut away] {
        console.press("q");
        assert_eq!(console.exit_code(), 0);
    }
    stage.world.stop().await.unwrap();
}
