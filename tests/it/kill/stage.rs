//! A delivery with nothing fake in it: a git repository, a SQLite database, a traffic switch, versions that serve, a
//! worker process. The server is the tests' own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use gatewatch::activities::deploy::process::record::{Record, Records};
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::mutation::{Start, Target};
use gatewatch::contracts::rollback::{RollbackProgress, RollbackRequest, RollbackStep, StepStatus};
use gatewatch::contracts::temporal::names::workflow;
use gatewatch::contracts::workflow::{HistoryEvent, PendingActivity, PendingActivityState, WorkflowDetail};
use gatewatch::devstack::port;
use gatewatch::devstack::world::build;
use gatewatch::devstack::world::configuration::{self, Addresses};
use gatewatch::devstack::world::folder::{Folder, Keep};
use gatewatch::devstack::world::releases;
use gatewatch::devstack::world::site::{Builder, Plan, Site};
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tokio::process::{Child, Command};

use crate::kill::wire::Wire;
use crate::support::{self, wait_until};

const WORKER: &str = env!("CARGO_BIN_EXE_gatewatch-worker");

/// Nothing here takes longer unless it hangs: the longest is a worker's death, known after ten seconds of silence.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// How a stage differs from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    /// Taking back the older migration takes some seconds.
    pub(super) slow_migration: bool,
    /// Good looks after which the old version counts as healthy; five a second.
    pub(super) recovery_samples: u32,
}

/// The old and the new version.
pub(super) const OLD: &str = "v41";
pub(super) const NEW: &str = "v42";

pub(super) struct Stage {
    worker: Option<Worker>,
    pub(super) gateway: Gateway,
    pub(super) id: WorkflowId,
    pub(super) site: Site,
    queue: String,
    config: PathBuf,
    folder: Folder,
    // Last: everything above lives in it.
    root: tempfile::TempDir,
}

/// A worker process, and its wire.
pub(super) struct Worker {
    process: Child,
    wire: Wire,
}

impl Worker {
    /// Nobody hears it from now on, and it does not know.
    pub(super) fn cut_off(&self) {
        self.wire.cut();
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id().expect("it has ended")).unwrap()).unwrap()
    }

    /// `kill -9`.
    pub(super) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits until it ends by itself: its exit code.
    pub(super) async fn ended(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("it does not end").unwrap().code()
    }
}

impl Stage {
    /// The old version serves customers, the new one waits to be deployed, nobody works.
    pub(super) async fn set(script: Script) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::take(&root.path().join("world"), Keep::Fresh).unwrap();
        let launcher = support::launcher(folder.path("logs"));
        let http = build::client().unwrap();
        let plan = Plan { name: "checkout", releases: releases(script).await };
        let builder = Builder { launcher: &launcher, http: &http, keep: Keep::Fresh, now: SystemTime::now().into() };
        let site = builder.build(&folder, &plan).await.unwrap();
        let addresses = Addresses {
            temporal: support::server().address(),
            coordinator: port::free().unwrap(),
            worker: port::free().unwrap(),
        };
        let config = configuration::write(&folder, &launcher, addresses, &[&site.places]).unwrap();
        let mut temporal = support::temporal();
        temporal.task_queue = support::unique("kill");
        let gateway = Gateway::start(&temporal);
        gateway.connected(support::PATIENCE).await.unwrap();
        let id = WorkflowId::new(support::unique("deploy"));
        let stage = Self { worker: None, gateway, id, site, queue: temporal.task_queue, config, folder, root };
        stage.hire(script).await
    }

    /// Starts the deployment and a worker, and waits until the new version is watched.
    async fn hire(mut self, script: Script) -> Self {
        let input = json!({
            "service": "checkout",
            "commitSha": self.site.releases.last().unwrap().commit,
            "requestedBy": "release-bot",
            "monitor": {
                "intervalMs": 200,
                "durationMs": 600_000,
                "baselineSamples": 2,
                "recoverySamples": script.recovery_samples,
            },
        });
        let start = Start {
            target: Target { workflow_id: self.id.clone(), request_id: request_id() },
            workflow_type: workflow::PRODUCTION_DEPLOYMENT.into(),
            task_queue: self.queue.clone(),
            input: vec![input],
        };
        self.gateway.start_workflow(&start).await.unwrap();
        self.start_worker().await;
        self.until("the new version is watched", |detail| {
            let published = detail.row.published.as_deref();
            let stage = published.and_then(|published| published.deployment.as_ref()).map(|summary| summary.stage);
            stage == Some(DeploymentStage::Monitoring) && detail.health.as_ref().is_some_and(|report| report.taken >= 2)
        })
        .await;
        self
    }

    /// Another worker, on a wire of its own. The one before is handed back, alive.
    pub(super) async fn start_worker(&mut self) -> Option<Worker> {
        let wire = Wire::to(support::server().address()).await;
        let log = File::options().create(true).append(true).open(self.folder.path("logs/worker.log")).unwrap();
        let process = Command::new(WORKER)
            .args(["worker", "--log-format", "json", "--listen", "127.0.0.1:0", "--config"])
            .arg(&self.config)
            .args(["--address", &wire.address.to_string(), "--task-queue", &self.queue])
            .env_clear()
            .env("HOME", self.root.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.worker.replace(Worker { process, wire })
    }

    pub(super) fn worker(&self) -> &Worker {
        self.worker.as_ref().expect("nobody works")
    }

    pub(super) fn take_worker(&mut self) -> Worker {
        self.worker.take().expect("nobody works")
    }

    /// A person asks for the rollback.
    pub(super) async fn roll_back(&self) {
        let request = RollbackRequest {
            request_id: request_id(),
            reason: Some("orders fail".to_owned()),
            actor: Actor::new("mira", Via::Cli),
            asked_at: None,
        };
        self.gateway.rollback(&self.id, &request).await.unwrap();
    }

    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&WorkflowDetail) -> bool) -> WorkflowDetail {
        let last = std::cell::RefCell::new(None);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(detail) = self.gateway.describe(&self.id, None).await {
                if wanted(&detail) {
                    return detail;
                }
                *last.borrow_mut() = Some(detail);
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}: {:#?}\n{}", last.borrow(), self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a worker runs this activity.
    pub(super) async fn until_runs(&self, activity: &str) -> PendingActivity {
        let running = |detail: &WorkflowDetail| {
            let mut all = detail.activities.iter();
            all.find(|one| one.activity_type == activity && one.state == PendingActivityState::Started).cloned()
        };
        let detail = self.until(&format!("{activity} runs"), |detail| running(detail).is_some()).await;
        running(&detail).unwrap()
    }

    /// Waits until another attempt than this one watches, and goes on from what it saw.
    pub(super) async fn until_watched_again(&self, before: &PendingActivity) {
        let watches = |one: &PendingActivity| {
            one.activity_type == "monitorHealth"
                && one.attempt > before.attempt
                && one.last_heartbeat_at > before.last_heartbeat_at
        };
        self.until("another worker watches", |detail| detail.activities.iter().any(watches)).await;
    }

    /// Waits until one migration is taken back, and the transaction of the other is under way.
    pub(super) async fn until_between_migrations(&self) {
        wait_until("it is between two migrations", PATIENCE, async || (self.schema().await == [40, 41]).then_some(()))
            .await;
    }

    /// Waits until the rollback is over, and says how it went.
    pub(super) async fn rolled_back(&self) -> RollbackProgress {
        let detail = self.until("the workflow ends", |detail| !detail.row.status.is_open()).await;
        assert_eq!(detail.row.status.as_str(), "completed", "{detail:#?}");
        detail.row.published.unwrap().rolling_back.expect("it was rolled back")
    }

    /// How many attempts of this activity died with their worker: the server then tries again, or gives it up.
    pub(super) async fn deaths(&self, activity: &str) -> u32 {
        let events = self.history().await;
        let of_activity = |event: &HistoryEvent| event.subject == activity;
        let scheduled: Vec<i64> = events
            .iter()
            .filter(|event| event.event_type == "ActivityTaskScheduled" && of_activity(event))
            .map(|event| event.id)
            .collect();
        let of = |event_type: &str| -> Vec<&HistoryEvent> {
            let wanted = |event: &&HistoryEvent| event.event_type == event_type && scheduled.contains(&event.group);
            events.iter().filter(wanted).collect()
        };
        let tried_again: u32 = of("ActivityTaskStarted").iter().filter_map(|event| event.attempt).map(|n| n - 1).sum();
        tried_again + u32::try_from(of("ActivityTaskTimedOut").len()).unwrap()
    }

    async fn history(&self) -> Vec<HistoryEvent> {
        let (mut events, mut next) = (Vec::new(), None);
        loop {
            let page = self.gateway.history(&self.id, None, next).await.unwrap();
            events.extend(page.events);
            next = page.next;
            if next.is_none() {
                return events;
            }
        }
    }

    /// The last lines of the workers' log.
    pub(super) fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path("logs/worker.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    pub(super) async fn end(self) {
        drop(self.worker);
        self.site.stop().await.unwrap();
    }
}

/// What became of the world.
impl Stage {
    /// A process of the devstack.
    pub(super) fn part(&self, name: &str) -> Pid {
        let file = self.folder.path(&format!("logs/{name}.pid"));
        Pid::from_raw(fs::read_to_string(file).unwrap().trim().parse().unwrap()).unwrap()
    }

    /// What the deploy target remembers of the deployment of this version.
    pub(super) fn record(&self, version: &str) -> Option<Record> {
        let all = Records::of(&self.site.places.deployments).all().unwrap();
        all.into_iter().find(|record| record.version.as_str() == version)
    }

    /// Processes that serve this version of this stage's service.
    pub(super) fn processes(&self, version: &str) -> Vec<Pid> {
        let lifeline = self.site.places.lifeline.to_string();
        let serves = |pid: &i32| {
            let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            let follows = |flag: &str, value: &str| {
                words.windows(2).any(|pair| pair[0] == flag.as_bytes() && pair[1] == value.as_bytes())
            };
            // Whoever guards it has the same words, and is no service itself.
            let is_guard = words.get(1) == Some(&b"guard".as_slice());
            !is_guard && follows("--version", version) && follows("--lifeline", &lifeline)
        };
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(serves).filter_map(Pid::from_raw).collect()
    }

    /// Where the switch sends the traffic, as its file says.
    pub(super) fn live_version(&self) -> String {
        let text = fs::read(self.folder.path("checkout/switch.json")).unwrap();
        let route: serde_json::Value = serde_json::from_slice(&text).unwrap();
        route["version"].as_str().unwrap().to_owned()
    }

    /// How often the switch was set to this version.
    pub(super) fn switched_to(&self, version: &str) -> usize {
        let log = fs::read_to_string(self.folder.path("logs/checkout-switch.log")).unwrap();
        let switched = |line: &&str| line.contains("traffic switched") && line.contains(&format!("version={version} "));
        log.lines().filter(switched).count()
    }

    /// Applied migrations, oldest first.
    pub(super) async fn schema(&self) -> Vec<i64> {
        self.numbers("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version").await
    }

    /// Migrations that were taken back, in that order: the down scripts write it down themselves.
    pub(super) async fn undone(&self) -> Vec<i64> {
        self.numbers("SELECT migration FROM undone ORDER BY rowid").await
    }

    pub(super) async fn numbers(&self, sql: &str) -> Vec<i64> {
        let options = SqliteConnectOptions::new().filename(&self.site.places.database).busy_timeout(support::PATIENCE);
        let mut connection = options.connect().await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
    }

    pub(super) fn git(&self, words: &[&str]) -> String {
        let output =
            std::process::Command::new("git").arg("-C").arg(&self.site.places.repository).args(words).output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Incidents as they stand, of machines; those of people are counted.
    pub(super) fn incidents(&self) -> Vec<serde_json::Value> {
        let folder = self.site.places.records.join("incidents");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let ending = |path: &Path, wanted: &str| path.extension().is_some_and(|ending| ending == wanted);
        let documents = paths.iter().filter(|path| ending(path, "json"));
        documents.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
    }

    /// The end of every story here: the old version serves, and whatever was done on the way back was done once.
    pub(super) async fn assert_rolled_back_once(&self, case: &str) {
        let progress = self.rolled_back().await;
        let reports: Vec<RollbackStep> = progress.steps.iter().map(|report| report.step).collect();
        assert_eq!(reports, RollbackStep::ALL, "{case}");
        for report in &progress.steps {
            assert!(matches!(report.status, StepStatus::Done { .. }), "{case}: {report:?}");
        }
        let in_order = progress.steps.is_sorted_by_key(|report| report.ended_at);
        assert!(in_order, "{case}: out of order: {progress:#?}");
        let verified: Timestamp = progress.verified_at.unwrap_or_else(|| panic!("{case}: not verified"));
        assert!(Some(verified) <= progress.completed_at, "{case}");

        let old = self.site.releases.first().unwrap();
        let customer = gatewatch::devstack::story::customer::Customer::of(&self.site.running()).unwrap();
        customer.is_served_by_again(old).await.unwrap_or_else(|failure| panic!("{case}: {failure}"));
        assert_eq!((self.switched_to(NEW), self.switched_to(OLD)), (1, 2), "{case}: there, at first and back");
        assert_eq!(self.processes(OLD).len(), 1, "{case}: one instance of the old version");
        assert_eq!(self.processes(NEW).len(), 0, "{case}: the new version has ended");

        assert_eq!(self.schema().await, [40], "{case}");
        assert_eq!(self.undone().await, [42, 41], "{case}: each migration was taken back once");
        assert_eq!(self.git(&["rev-list", "--count", "main"]), "3", "{case}: two releases and one rollback");
        assert_eq!(self.git(&["rev-parse", "main^{tree}"]), self.git(&["rev-parse", "main~2^{tree}"]), "{case}");
        let incidents = self.incidents();
        assert_eq!(incidents.len(), 1, "{case}: {incidents:?}");
        assert_eq!(incidents[0]["documented"]["steps"].as_array().map(Vec::len), Some(6), "{case}");
    }
}

/// Sends a signal to a process of this test.
pub(super) fn send(signal: Signal, to: Pid) {
    kill_process(to, signal).unwrap();
}

/// Takes a lock that the activities take too; waits for those that hold it.
pub(super) async fn lock(path: &Path) -> File {
    let file = File::options().create(true).truncate(false).write(true).open(path).unwrap();
    wait_until("the lock is free", PATIENCE, async || file.try_lock().is_ok().then_some(())).await;
    file
}

async fn releases(script: Script) -> Vec<releases::Release> {
    let slowly = if script.slow_migration { slow_number(41).await } else { "41".to_owned() };
    let mut all = releases::checkout();
    for (path, sql) in all.iter_mut().flat_map(|release| &mut release.files) {
        match *path {
            "migrations/0040_orders.up.sql" => sql.push_str("CREATE TABLE undone (migration INTEGER NOT NULL);\n"),
            "migrations/0041_taken_at.down.sql" => writeln!(sql, "INSERT INTO undone SELECT {slowly};").unwrap(),
            "migrations/0042_add_retry.down.sql" => sql.push_str("INSERT INTO undone VALUES (42);\n"),
            _ => {}
        }
    }
    all
}

/// An expression for this number that takes SQLite about three seconds, on this machine as it is now.
async fn slow_number(number: i64) -> String {
    const TRIED: u128 = 200_000;
    let counted = |n_rows: u128| {
        format!(
            "{number} FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {n_rows}) SELECT max(i) FROM n)"
        )
    };
    let mut connection: SqliteConnection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
    let begun = Instant::now();
    let sql = format!("SELECT {}", counted(TRIED));
    let _: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
    let n_rows = TRIED * 3_000_000 / begun.elapsed().as_micros().max(1);
    counted(n_rows.max(1))
}
