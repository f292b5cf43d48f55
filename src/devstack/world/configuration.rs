//! The `gatewatch.toml` of the demo: what worker, coordinator, console and any other command reach its world with.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::paths::Surroundings;
use crate::config::settings::Settings;
use crate::config::sources::{self, Flags};
use crate::contracts::temporal::names;
use crate::devstack::child::Launcher;
use crate::devstack::environment::leads_elsewhere;
use crate::devstack::world::folder::Folder;
use crate::devstack::world::repository;
use crate::devstack::world::site::Places;

/// The profile of `temporal.toml`, as the console's frame shows it.
const PROFILE: &str = "demo";
/// The person at the demo, and somebody else who decides.
const PERSON: &str = "mira";
const COLLEAGUE: &str = "jun";
const COLLEAGUE_TOKEN: &str = "token-jun";

/// Addresses of the processes that serve the whole demo.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub temporal: SocketAddr,
    pub coordinator: SocketAddr,
    /// The worker's own `/readyz` and `/metrics`.
    pub worker: SocketAddr,
}

/// Writes the file, and the token of the one person.
pub fn write(
    folder: &Folder,
    launcher: &Launcher,
    addresses: Addresses,
    services: &[&Places],
) -> anyhow::Result<PathBuf> {
    let token_file = folder.path("token");
    let people = [(PERSON, token_file.clone()), (COLLEAGUE, folder.path(COLLEAGUE_TOKEN))];
    let people: Vec<Value> = people.into_iter().map(|(name, file)| person(name, &file)).collect::<Result<_, _>>()?;
    // The user's own profiles would add their certificates and keys.
    let profiles = folder.path("temporal.toml");
    let profile =
        json!({ "profile": { PROFILE: { "address": addresses.temporal.to_string(), "namespace": "default" } } });
    write_toml(&profiles, &profile)?;
    let services: serde_json::Map<String, Value> =
        services.iter().map(|places| (places.name.to_string(), service(places, launcher))).collect();
    let document = json!({
        "temporal": {
            "config_file": profiles,
            "profile": PROFILE,
            "task_queue": names::TASK_QUEUE,
        },
        "console": { "state_dir": folder.path("console"), "actor": PERSON },
        "coordinator_client": { "url": format!("http://{}", addresses.coordinator), "token_file": token_file },
        "worker": { "listen": addresses.worker.to_string(), "drain": "2s" },
        "coordinator": {
            "listen": addresses.coordinator.to_string(),
            "signing_key": folder.path("coordinator.key"),
            "people": people,
        },
        "services": services,
    });
    let file = folder.path("gatewatch.toml");
    write_toml(&file, &document)?;
    Ok(file)
}

fn write_toml(file: &Path, document: &Value) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> { Ok(fs::write(file, toml::to_string_pretty(document)?)?) };
    write().with_context(|| format!("{} cannot be written", file.display()))
}

/// Reads it back as every command does, without what the environment says of other clusters.
pub fn load(file: &Path) -> anyhow::Result<Settings> {
    let mut surroundings = Surroundings::of_process();
    surroundings.variables.retain(|name, _| !leads_elsewhere(name));
    sources::load(&Flags::new(Some(file.to_owned())), &surroundings).context("the demo's own settings are wrong")
}

/// The same world in the hands of the colleague.
pub fn as_colleague(settings: &Settings, folder: &Folder) -> anyhow::Result<Settings> {
    let mut settings = settings.clone();
    let file = folder.path(COLLEAGUE_TOKEN);
    let token = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    if let Some(client) = &mut settings.coordinator_client {
        client.token = Some(token.into());
    }
    COLLEAGUE.clone_into(&mut settings.console.actor);
    Ok(settings)
}

fn service(places: &Places, launcher: &Launcher) -> Value {
    json!({
        "environment": "production",
        "public_url": format!("http://{}", places.public),
        "repository": places.repository,
        "branch": repository::BRANCH,
        "records": places.records,
        "database": { "file": places.database, "backups": places.backups },
        "target": {
            "kind": "process",
            "command": places.version_command(launcher),
            "switch": format!("http://{}", places.admin),
            "state": places.deployments,
        },
        "journeys": [
            { "name": "a customer can order tea", "path": "/", "expect_text": format!("is taken by {}", places.name) },
            { "name": "the service is healthy", "path": "/healthz", "expect_text": "\"healthy\":true" },
        ],
    })
}

/// Somebody who may decide, with a token that only the file has.
fn person(name: &str, token_file: &Path) -> anyhow::Result<Value> {
    let token = uuid::Uuid::new_v4().simple().to_string();
    secret(token_file, &token)?;
    let digest = format!("{:x}", Sha256::digest(token.as_bytes()));
    Ok(json!({ "name": name, "token_sha256": digest, "may": ["decide", "rollback", "operate"] }))
}

fn secret(file: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}
