//! `gatewatch config`: what is in effect, or a file to begin with.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::global::Global;
use crate::cli::table::Table;
use crate::config::paths::Surroundings;
use crate::config::problem::Place;
use crate::config::settings::{Settings, Target};
use crate::config::{EXAMPLE, settings, sources};
use crate::contracts::failure::Failure;

const TOKEN: &str = "coordinator_client.token";
/// The other way to give it.
const TOKEN_FILE: &str = "coordinator_client.token_file";

/// Show the configuration in effect and where each value comes from: flag, environment, file or default.
///
/// Secrets are never shown. With --json it is one object of keys and values, as the file names them.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch config --example > ~/.config/gatewatch/gatewatch.toml"))]
pub struct Config {
    /// Print a commented `gatewatch.toml` with every key and its default instead.
    #[arg(long)]
    example: bool,
}

impl Config {
    pub fn run(&self, global: &Global) -> Result<Exit, Stop> {
        let out = global.output();
        if self.example {
            out.line(EXAMPLE.trim_end())?;
            return Ok(Exit::Ok);
        }
        let surroundings = Surroundings::of_process();
        let (settings, origins) = sources::resolve(&global.flags(), &surroundings).map_err(Failure::from)?;
        let effective = effective(&settings);
        if out.is_json() {
            out.json(&effective)?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(["KEY", "VALUE", "FROM"]);
        for (key, value) in effective.0 {
            let whence = origins.whence(&key, &surroundings);
            let by_file = key == TOKEN && whence == Place::Nowhere;
            let whence = if by_file { origins.whence(TOKEN_FILE, &surroundings) } else { whence };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            table.row([key, if value.is_null() { "-".to_owned() } else { text }, whence.name()]);
        }
        out.lines(table.lines())?;
        Ok(Exit::Ok)
    }
}

/// Keys as the file names them.
#[derive(Debug, Serialize)]
struct Effective(BTreeMap<String, Value>);

impl Effective {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

/// A secret is set or it is not; more nobody is told.
fn whether<T>(secret: Option<&T>) -> &'static str {
    if secret.is_some() { "(set)" } else { "(not set)" }
}

fn effective(settings: &Settings) -> Effective {
    let mut all = Effective(BTreeMap::new());
    let Settings { temporal, worker, coordinator, coordinator_client, console, services, dispatcher, agents, .. } =
        settings;
    all.put("specs.folder", settings.specs_folder.display().to_string());
    all.put("temporal.profile", temporal.profile.as_str());
    all.put("temporal.address", temporal.address.as_str());
    all.put("temporal.namespace", temporal.namespace.as_str());
    all.put("temporal.task_queue", temporal.task_queue.as_str());
    all.put("temporal.api_key", whether(temporal.api_key.as_ref()));
    all.put("temporal.tls", whether(temporal.tls.as_ref()));
    all.put("worker.workers", worker.workers);
    all.put("worker.concurrency", worker.concurrency);
    all.put("worker.listen", worker.listen.map(|listen| listen.to_string()));
    all.put("worker.drain", format!("{:?}", worker.drain));
    all.put("coordinator.listen", coordinator.listen.to_string());
    all.put("coordinator.signing_key", coordinator.signing_key.display().to_string());
    all.put(
        "coordinator.store",
        match &coordinator.store {
            settings::Store::Sqlite(file) => file.display().to_string(),
            // Its URL may hold a password.
            settings::Store::Postgres(_) => "postgres".to_owned(),
        },
    );
    let people: Vec<&str> = coordinator.people.iter().map(|person| person.name.as_str()).collect();
    all.put("coordinator.people", json!(people));
    let accounts: Vec<&str> = coordinator.service_accounts.iter().map(|account| account.name.as_str()).collect();
    all.put("coordinator.service_accounts", json!(accounts));
    let routes: Vec<&str> = coordinator.routes.iter().map(|route| route.name.as_str()).collect();
    all.put("coordinator.routes", json!(routes));
    all.put("coordinator_client.url", coordinator_client.as_ref().map(|client| client.url.to_string()));
    let token = coordinator_client.as_ref().and_then(|client| client.token.as_ref());
    all.put(TOKEN, whether(token));
    console_keys(&mut all, console);
    for (name, service) in services {
        let key = |part: &str| format!("services.{name}.{part}");
        all.put(&key("environment"), service.environment.as_str());
        all.put(&key("public_url"), service.public_url.as_str());
        all.put(&key("repository"), service.repository.display().to_string());
        let target = match &service.target {
            Target::Process(process) => format!("process behind {}", process.switch),
        };
        all.put(&key("target"), target);
    }
    all.put("dispatcher.concurrency", dispatcher.concurrency);
    all.put("dispatcher.tenant_quota", dispatcher.tenant_quota);
    all.put("dispatcher.tenants", json!(dispatcher.tenants));
    all.put("dispatcher.idle", format!("{:?}", dispatcher.idle));
    all.put("dispatcher.callback_url", dispatcher.callback_url.as_ref().map(ToString::to_string));
    for agent in agents {
        let key = |part: &str| format!("agents.{}.{part}", agent.name);
        all.put(&key("adapter"), agent.adapter_name());
        all.put(&key("kinds"), json!(agent.kinds));
        all.put(&key("alternates"), json!(agent.alternates));
    }
    all
}

fn console_keys(all: &mut Effective, console: &settings::Console) {
    all.put("console.theme", console.theme.as_str());
    all.put("console.keymap", console.keymap.as_str());
    all.put("console.read_only", console.read_only);
    all.put("console.bell", console.bell);
    all.put("console.desktop_notifications", console.desktop_notifications);
    all.put("console.typed_production", console.typed_production);
    all.put("console.direct_rollback", console.direct_rollback);
    all.put("console.config_dir", console.config_dir.display().to_string());
    all.put("console.state_dir", console.state_dir.display().to_string());
    all.put("console.actor", console.actor.as_str());
    for (at, view) in console.views.iter().enumerate() {
        all.put(&format!("console.views[{at}].name"), view.name.as_str());
        all.put(&format!("console.views[{at}].query"), view.query.as_str());
    }
}
