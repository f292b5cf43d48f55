//! Validated settings: every default filled in, every path absolute, every secret unprintable.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::agents::{Agent, Dispatcher};
use crate::config::routes::Route;
use crate::config::sources::Sources;
use crate::contracts::ids::{Environment, ServiceName};
use crate::contracts::mutation::Cluster;

/// How to reach Temporal.
#[derive(Clone, Debug)]
pub struct Temporal {
    /// Name of the `temporal.toml` profile, shown in the frame.
    pub profile: String,
    /// `http://` is plaintext, `https://` is TLS; an API key or a TLS section with `http://` is refused.
    pub address: Url,
    pub namespace: String,
    pub task_queue: String,
    pub api_key: Option<SecretString>,
    pub tls: Option<Tls>,
    /// Metadata sent with every call.
    pub headers: BTreeMap<String, SecretString>,
}

impl Temporal {
    /// A server without TLS or credentials: the dev server.
    pub fn plain(address: Url, namespace: &str, task_queue: &str) -> Self {
        Self {
            profile: "default".to_owned(),
            address,
            namespace: namespace.to_owned(),
            task_queue: task_queue.to_owned(),
            api_key: None,
            tls: None,
            headers: BTreeMap::new(),
        }
    }

    /// The place as people and the `temporal` CLI write it.
    pub fn cluster(&self) -> Cluster {
        let host = self.address.host_str().unwrap_or_default();
        let port = self.address.port_or_known_default().unwrap_or(7233);
        Cluster { profile: self.profile.clone(), address: format!("{host}:{port}"), namespace: self.namespace.clone() }
    }
}

/// TLS beyond the system's roots. PEM, already read.
#[derive(Clone, Debug)]
pub struct Tls {
    pub server_name: Option<String>,
    pub server_ca: Option<Vec<u8>>,
    pub client_cert: Option<Vec<u8>>,
    pub client_key: Option<SecretString>,
}

/// `gatewatch-worker worker`.
#[derive(Clone, Debug)]
pub struct Worker {
    /// How many workers this process runs. Each has a thread of its own for workflow code, and its own slots.
    pub workers: usize,
    /// How many activities run at once, and how many workflow tasks: of these at least two.
    pub concurrency: usize,
    /// Serves `/metrics`, `/healthz` and `/readyz`.
    pub listen: Option<SocketAddr>,
    /// How long running activities may take to finish after SIGTERM.
    pub drain: Duration,
}

/// `gatewatch-worker coordinator`.
#[derive(Clone, Debug)]
pub struct Coordinator {
    pub listen: SocketAddr,
    /// Ed25519 key (PKCS#8) that signs decisions; made on first start, mode 0600.
    pub signing_key: PathBuf,
    pub store: Store,
    /// The queue that answers are taken from, beside the webhook.
    pub nats: Option<Nats>,
    pub people: Vec<Person>,
    pub service_accounts: Vec<ServiceAccount>,
    /// Who else is told of agents' answers.
    pub routes: Vec<Route>,
}

/// Where the coordinator keeps which answers it took in.
#[derive(Clone, Debug)]
pub enum Store {
    /// One coordinator. The file is made on the first start.
    Sqlite(PathBuf),
    /// Any number of coordinators, which share the work. The URL may hold a password.
    Postgres(SecretString),
}

/// A queue of NATS JetStream.
#[derive(Clone, Debug)]
pub struct Nats {
    /// `nats://`, or `tls://`. Without credentials.
    pub url: Url,
    pub login: Option<NatsLogin>,
    /// Made where there is none, as a work queue of `subject`.
    pub stream: String,
    /// The durable pull consumer that all coordinators share.
    pub consumer: String,
    pub subject: String,
    /// Where messages go that can never be valid.
    pub refused_subject: Option<String>,
    /// Name of the service account whose roles and tenants hold for what comes.
    pub account: String,
}

/// How the coordinator is known to NATS.
#[derive(Clone, Debug)]
pub enum NatsLogin {
    Token(SecretString),
    Password { user: String, password: SecretString },
}

/// Somebody who may decide.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    /// SHA-256, in hex, of the bearer token. The token itself is nowhere but with the person.
    pub token_sha256: String,
    pub may: Vec<Permission>,
    /// Tenants whose workflows they may see and touch, whose ids begin with `TENANT:`; none means all.
    pub tenants: Vec<String>,
}

/// Something that may answer for agents, and do nothing else.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub name: String,
    /// SHA-256, in hex, of its bearer token.
    pub token_sha256: Option<String>,
    /// Secrets it may sign with, as standard-webhooks writes them: `whsec_` and base64. Each one counts.
    pub webhook_secrets: Vec<SecretString>,
    /// Agent roles it may answer for; none means all.
    pub roles: Vec<String>,
    /// Tenants it may answer for, whose workflow ids begin with `TENANT:`; none means all.
    pub tenants: Vec<String>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Decide,
    Rollback,
    /// Whatever is told to goals beside decisions: answers, overrides, reminders, other rules, the end.
    Operate,
}

/// The coordinator as a client sees it.
#[derive(Clone, Debug)]
pub struct CoordinatorClient {
    pub url: Url,
    pub token: Option<SecretString>,
}

/// The actor of a person whom neither the configuration nor the environment names.
pub const UNKNOWN_ACTOR: &str = "unknown";

/// The console and the CLI.
#[derive(Clone, Debug)]
pub struct Console {
    pub theme: String,
    pub keymap: String,
    pub read_only: bool,
    pub bell: bool,
    pub desktop_notifications: bool,
    /// Approving a production gate asks for the environment's name to be typed.
    pub typed_production: bool,
    /// Roll back straight through Temporal when the coordinator does not answer.
    pub direct_rollback: bool,
    /// Where user themes and keymaps are.
    pub config_dir: PathBuf,
    /// Where logs and the audit trail go.
    pub state_dir: PathBuf,
    /// Who decides when no coordinator says so; [`UNKNOWN_ACTOR`] when nothing says who that is.
    pub actor: String,
    /// Saved queries of the list of workflows, in the order in which they are offered.
    pub views: Vec<View>,
}

/// A saved query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub name: String,
    /// A Temporal visibility query.
    pub query: String,
}

impl Console {
    /// The trail of what people changed.
    pub fn audit_file(&self) -> PathBuf {
        self.state_dir.join("audit.jsonl")
    }
}

/// A deployable service, as the worker's activities need it.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: ServiceName,
    pub environment: Environment,
    /// Where people reach it; traffic, health and metrics are looked at through it.
    pub public_url: Url,
    pub health_path: String,
    pub metrics_path: String,
    /// Answers `{"version": "...", "commit": "..."}`.
    pub version_path: String,
    pub repository: PathBuf,
    /// Branch that holds what is released.
    pub branch: String,
    pub database: Option<Database>,
    pub target: Target,
    /// Where incidents and rollback notes are written.
    pub records: PathBuf,
    pub journeys: Vec<Journey>,
    /// Names of gates that do not apply to this service.
    pub not_applicable: Vec<String>,
}

/// The database of a service.
#[derive(Clone, Debug)]
pub struct Database {
    /// An SQLite file.
    pub file: PathBuf,
    /// Folder of migrations within the repository: `0042_add_retry.up.sql`, `0042_add_retry.down.sql`.
    pub migrations: String,
    pub backups: PathBuf,
}

/// Where versions of a service run.
#[derive(Clone, Debug)]
pub enum Target {
    /// Real processes on this machine behind a traffic switch.
    Process(ProcessTarget),
}

/// The `process` target.
#[derive(Clone, Debug)]
pub struct ProcessTarget {
    /// Program and arguments; `{version}`, `{commit}`, `{listen}` and `{database}` are filled in.
    pub command: Vec<String>,
    /// Admin address of the traffic switch: `GET` and `PUT /switch`.
    pub switch: Url,
    /// What was started: one file a deployment.
    pub state: PathBuf,
}

/// A user journey of the acceptance test: a request and what its answer must hold.
#[derive(Clone, Debug)]
pub struct Journey {
    pub name: String,
    pub path: String,
    pub expect_status: u16,
    pub expect_text: Option<String>,
    pub critical: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Settings {
    pub temporal: Temporal,
    pub worker: Worker,
    pub coordinator: Coordinator,
    pub coordinator_client: Option<CoordinatorClient>,
    pub console: Console,
    pub services: BTreeMap<ServiceName, Service>,
    pub dispatcher: Dispatcher,
    pub agents: Vec<Agent>,
    /// Where documents of specs are that goals can be started with by name. It need not be there.
    pub specs_folder: PathBuf,
    /// Where all of it came from, to read it again.
    pub sources: Sources,
}
