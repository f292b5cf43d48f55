//! `gatewatch.toml` as it is written: everything may be absent, nothing unknown may be there.
//! What it means, and what must be there, is [`crate::config::validate`]'s.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    pub temporal: Temporal,
    pub worker: Worker,
    pub coordinator: Coordinator,
    pub coordinator_client: CoordinatorClient,
    pub console: Console,
    /// What differs under one profile of `temporal.toml`.
    pub profiles: BTreeMap<String, Profile>,
    pub services: BTreeMap<String, Service>,
    pub dispatcher: Dispatcher,
    pub agents: Vec<Agent>,
    pub specs: Specs,
}

/// `[temporal]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Temporal {
    pub profile: Option<String>,
    pub config_file: Option<String>,
    pub address: Option<String>,
    pub namespace: Option<String>,
    pub task_queue: Option<String>,
}

/// `[worker]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    pub workers: Option<usize>,
    pub concurrency: Option<usize>,
    pub listen: Option<String>,
    pub drain: Option<String>,
}

/// `[coordinator]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coordinator {
    pub listen: Option<String>,
    pub signing_key: Option<String>,
    /// A URL, which may hold a password.
    pub store: Option<Secret>,
    pub nats: Option<Nats>,
    pub people: Vec<Person>,
    pub service_accounts: Vec<ServiceAccount>,
    pub routes: Vec<Route>,
}

/// `[[coordinator.routes]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    pub name: Option<String>,
    pub when: Option<String>,
    pub workflows: Vec<String>,
    pub signal: Option<String>,
    pub event: Option<String>,
}

/// `[[coordinator.people]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Person {
    pub name: Option<String>,
    pub token_sha256: Option<String>,
    pub may: Vec<String>,
    pub tenants: Vec<String>,
}

/// `[[coordinator.service_accounts]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceAccount {
    pub name: Option<String>,
    pub token_sha256: Option<String>,
    pub webhook_secrets_file: Option<String>,
    pub roles: Vec<String>,
    pub tenants: Vec<String>,
}

/// `[coordinator.nats]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    pub url: Option<String>,
    pub stream: Option<String>,
    pub consumer: Option<String>,
    pub subject: Option<String>,
    pub refused_subject: Option<String>,
    pub account: Option<String>,
    pub user: Option<String>,
    pub password_file: Option<String>,
    pub token_file: Option<String>,
    pub allow_plaintext: Option<bool>,
}

/// `[coordinator_client]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoordinatorClient {
    pub url: Option<String>,
    pub token: Option<Secret>,
    pub token_file: Option<String>,
    pub allow_plaintext: Option<bool>,
}

/// `[console]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    pub theme: Option<String>,
    pub keymap: Option<String>,
    pub read_only: Option<bool>,
    pub bell: Option<bool>,
    pub desktop_notifications: Option<bool>,
    pub typed_production: Option<bool>,
    pub direct_rollback: Option<bool>,
    pub config_dir: Option<String>,
    pub state_dir: Option<String>,
    pub actor: Option<String>,
    pub views: Option<Vec<View>>,
}

/// `[[console.views]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    pub name: Option<String>,
    pub query: Option<String>,
}

/// `[profiles.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    pub console: Console,
    pub coordinator_client: CoordinatorClient,
}

/// `[services.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    pub environment: Option<String>,
    pub public_url: Option<String>,
    pub health_path: Option<String>,
    pub metrics_path: Option<String>,
    pub version_path: Option<String>,
    pub repository: Option<String>,
    pub branch: Option<String>,
    pub records: Option<String>,
    pub not_applicable: Vec<String>,
    pub database: Option<Database>,
    pub target: Option<Target>,
    pub journeys: Vec<Journey>,
}

/// `[services.NAME.database]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    pub file: Option<String>,
    pub migrations: Option<String>,
    pub backups: Option<String>,
}

/// `[services.NAME.target]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    pub kind: Option<String>,
    pub command: Vec<String>,
    pub switch: Option<String>,
    pub state: Option<String>,
}

/// `[[services.NAME.journeys]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journey {
    pub name: Option<String>,
    pub path: Option<String>,
    pub expect_status: Option<u16>,
    pub expect_text: Option<String>,
    pub critical: Option<bool>,
}

/// `[dispatcher]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatcher {
    pub concurrency: Option<usize>,
    pub tenant_quota: Option<usize>,
    pub tenants: BTreeMap<String, usize>,
    pub idle: Option<String>,
    pub callback_url: Option<String>,
}

/// `[specs]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Specs {
    pub folder: Option<String>,
}

/// `[[agents]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    pub name: Option<String>,
    pub kinds: Vec<String>,
    pub adapter: Option<String>,
    pub concurrency: Option<usize>,
    pub time_limit: Option<String>,
    pub priority: Option<u8>,
    pub prompt: Option<String>,
    pub prompt_file: Option<String>,
    pub max_output: Option<usize>,
    pub budget_usd: Option<f64>,
    pub budget_tokens: Option<u64>,
    pub alternates: Vec<String>,
    pub answers: Option<BTreeMap<String, serde_json::Value>>,
    pub delay: Option<String>,
    pub command: Vec<String>,
    pub folder: Option<String>,
    pub environment: Option<BTreeMap<String, String>>,
    pub secrets: Option<BTreeMap<String, String>>,
    pub url: Option<String>,
    pub token_file: Option<String>,
    pub signing_secret_file: Option<String>,
    pub allow_plaintext: Option<bool>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
    pub max_tokens: Option<u32>,
    pub workflow_type: Option<String>,
    pub workflow_id: Option<String>,
    pub task_queue: Option<String>,
    pub input: Option<serde_json::Value>,
    pub cancel: Option<bool>,
    pub usd_per_million_prompt: Option<f64>,
    pub usd_per_million_completion: Option<f64>,
}

/// A secret that was written into a file; cannot be printed.
#[derive(Clone, Debug)]
pub struct Secret(pub SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What serde says of a value of another type holds the value.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("invalid type: it is no text"))?;
        Ok(Self(text.into()))
    }
}
