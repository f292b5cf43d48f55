//! A namespace, processes of `gatewatch-worker all` on it, and agents that write down what they were asked.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use gatewatch::config::paths::Surroundings;
use gatewatch::config::settings::{self, Settings};
use gatewatch::config::sources::{self, Flags};
use gatewatch::contracts::ids::{WorkflowId, WorkflowType};
use gatewatch::contracts::mutation::{Signal, Start, Target};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::ExecutionStatus;
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::{Child, Command};

use crate::support::{self, wait_until};

const WORKER: &str = env!("CARGO_BIN_EXE_gatewatch-worker");
/// Nothing here takes longer unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
pub(super) const TOKEN: &str = "token-of-mira";

/// Settings as the program reads them from this text.
pub(super) fn settings_of(folder: &Path, text: &str) -> Settings {
    fs::write(folder.join("gatewatch.toml"), text).unwrap();
    let home = folder.to_owned();
    let surroundings = Surroundings {
        variables: [].into(),
        config_home: home.join("config"),
        state_home: home.join("state"),
        current_dir: home.clone(),
        home,
    };
    sources::load(&Flags::new(Some(folder.join("gatewatch.toml"))), &surroundings).unwrap()
}

pub(super) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A place of one's own.
pub(super) struct Place {
    pub(super) temporal: settings::Temporal,
    pub(super) gateway: Gateway,
    pub(super) folder: tempfile::TempDir,
}

impl Place {
    /// With these agents.
    pub(super) async fn with(agents: &str) -> Self {
        let temporal = support::namespace();
        let gateway = Gateway::start(&temporal);
        gateway.connected(support::PATIENCE).await.unwrap();
        let place = Self { temporal, gateway, folder: tempfile::tempdir().unwrap() };
        place.configure(agents);
        place
    }

    pub(super) fn configure(&self, agents: &str) {
        let digest = Sha256::digest(TOKEN);
        let person = format!("[[coordinator.people]]\nname = \"mira\"\ntoken_sha256 = \"{digest:x}\"\nmay = []\n");
        let account = format!("[[coordinator.service_accounts]]\nname = \"agents\"\ntoken_sha256 = \"{digest:x}\"\n");
        let text = format!("{person}{account}{agents}");
        // In one step, as an editor does it.
        let (file, half) = (self.config(), self.folder.path().join("half"));
        fs::write(&half, text).unwrap();
        fs::rename(half, file).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("gatewatch.toml")
    }

    /// Worker, coordinator and dispatcher in one process.
    pub(super) async fn process(&self) -> Process {
        self.process_at(free_address()).await
    }

    pub(super) async fn process_at(&self, listen: SocketAddr) -> Process {
        let log = fs::File::create(self.folder.path().join(format!("log-{}", listen.port()))).unwrap();
        let child = Command::new(WORKER)
            .args(["all", "--config"])
            .arg(self.config())
            .args(["--address", self.temporal.address.as_str(), "--namespace", &self.temporal.namespace])
            .args(["--task-queue", &self.temporal.task_queue, "--coordinator-listen", &listen.to_string()])
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var("PATH").unwrap())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = Process { child, listen };
        wait_until("the coordinator is ready", PATIENCE, async || process.get("/readyz").await).await;
        process
    }

    pub(super) async fn start(&self, kind: &str, input: Value) -> WorkflowId {
        let id = WorkflowId::new(support::unique("goal"));
        self.start_as(&id, kind, input).await;
        id
    }

    /// Under this id, as lists show it.
    pub(super) async fn start_as(&self, id: &WorkflowId, kind: &str, input: Value) {
        let start = Start {
            target: Target { workflow_id: id.clone(), request_id: request_id() },
            workflow_type: WorkflowType::from(kind),
            task_queue: self.temporal.task_queue.clone(),
            input: vec![input],
        };
        self.gateway.start_workflow(&start).await.unwrap();
    }

    /// The database of its coordinators.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.path().join(".local/state/gatewatch/coordinator.db")
    }

    pub(super) fn store(&self) -> settings::Store {
        settings::Store::Sqlite(self.database())
    }

    pub(super) async fn custom(&self, id: &WorkflowId, name: &str, payload: Value) {
        let target = Target { workflow_id: id.clone(), request_id: request_id() };
        let args = vec![json!(name), payload];
        self.gateway.signal(&Signal { target, run_id: None, name: "custom".into(), args }).await.unwrap();
    }

    pub(super) async fn ended(&self, id: &WorkflowId) -> (ExecutionStatus, Box<Published>) {
        let over = async || {
            let row = self.gateway.describe(id, None).await.ok()?.row;
            (!row.status.is_open()).then(|| (row.status, row.published.unwrap_or_default()))
        };
        wait_until(&format!("{id} ends\n{}", self.logs()), PATIENCE, over).await
    }

    /// Phases by name, as the goal publishes them.
    pub(super) async fn phases(&self, id: &WorkflowId) -> Vec<String> {
        let row = self.gateway.describe(id, None).await.unwrap().row;
        row.published.unwrap_or_default().phases.into_iter().map(|phase| phase.name).collect()
    }

    pub(super) fn logs(&self) -> String {
        let files = fs::read_dir(self.folder.path()).unwrap().filter_map(Result::ok);
        let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("log-"));
        logs.map(|log| fs::read_to_string(log.path()).unwrap_or_default()).collect()
    }

    /// A program that is an agent: what it does is this shell script, after its work was read.
    pub(super) fn script(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        let calls = self.folder.path().join("calls");
        let head = format!("cat > /dev/null\necho \"$GATEWATCH_STEP $GATEWATCH_ATTEMPT\" >> {}\n", calls.display());
        fs::write(&path, format!("{head}{text}")).unwrap();
        format!("command = [\"sh\", \"{}\"]", path.display())
    }

    /// What programs were asked: step and attempt, in order.
    pub(super) fn calls(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        let call = |line: &str| line.split_once(' ').map(|(step, attempt)| (step.to_owned(), attempt.to_owned()));
        text.lines().filter_map(call).collect()
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// `gatewatch-worker all`.
pub(super) struct Process {
    pub(super) child: Child,
    listen: SocketAddr,
}

impl Process {
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> StatusCode {
        let answer = client().post(self.url(path)).bearer_auth(TOKEN).json(body).send().await.unwrap();
        answer.status()
    }

    pub(super) async fn get(&self, path: &str) -> Option<Value> {
        let answer = client().get(self.url(path)).bearer_auth(TOKEN).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        let text = answer.text().await.ok()?;
        Some(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// One agent of the roster.
    pub(super) async fn agent(&self, name: &str) -> Option<Value> {
        let roster = self.get("/v1/agents").await?;
        roster["agents"].as_array()?.iter().find(|agent| agent["name"] == name).cloned()
    }

    /// `kill -9`.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// An agent over real HTTP: it answers what its function says, and remembers what it was asked.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

impl Service {
    pub(super) async fn start(
        answer: impl Fn(&Value) -> (StatusCode, HeaderMap, Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<(HeaderMap, Value)>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let handler = move |headers: HeaderMap, Json(body): Json<Value>| {
            let (heard, answer) = (Arc::clone(&heard), answer.clone());
            async move {
                heard.lock().unwrap().push((headers, body.clone()));
                let (status, headers, body) = answer(&body);
                (status, headers, Json(body)).into_response()
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/{*path}", post(handler.clone())).route("/", post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked }
    }

    pub(super) fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

/// 200 with this body.
pub(super) fn ok(body: Value) -> (StatusCode, HeaderMap, Value) {
    (StatusCode::OK, HeaderMap::new(), body)
}
