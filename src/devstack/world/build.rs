//! Building the world: everything that can start at the same time does. Ending it in the reverse order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use futures::future::try_join_all;
use reqwest::Client;

use crate::config::settings::Settings;
use crate::contracts::clock::Timestamp;
use crate::devstack::child::{Child, Launcher};
use crate::devstack::finder::{self, Places as ToolPlaces};
use crate::devstack::port;
use crate::devstack::server::{Server, ServerOptions};
use crate::devstack::tell::Tell;
use crate::devstack::world::configuration::{self, Addresses};
use crate::devstack::world::folder::{Folder, Keep};
use crate::devstack::world::running::{self, Running};
use crate::devstack::world::site::{Builder, Places, Plan, Site};
use crate::devstack::world::supervisor::{Processes, Supervisor};

const READY_WITHIN: Duration = Duration::from_mins(1);
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// What kind of world.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    pub folder: PathBuf,
    pub keep: Keep,
    pub services: Vec<Plan>,
    /// Where Temporal's frontend listens; any free port when absent.
    pub temporal: Option<SocketAddr>,
    /// The `gatewatch` executable: every process of the world is a command of it.
    pub gatewatch: PathBuf,
}

/// A world that is up. Dropping it lets go of its processes, which then end by themselves.
#[derive(Debug)]
pub struct World {
    pub settings: Settings,
    pub running: Running,
    supervisor: Supervisor,
    // The last to go: the next demo may have the folder once everything has ended.
    folder: Folder,
}

/// Builds it, and says what takes long and, later, what had to be started again.
pub async fn build(options: &WorldOptions, tell: Tell) -> anyhow::Result<World> {
    let folder = Folder::take(&options.folder, options.keep)?;
    let logs = folder.path("logs");
    let launcher = Launcher::new(&options.gatewatch, &logs)?.holding(folder.processes());
    let cli = finder::find(&ToolPlaces::of_this_machine(), &mut |said| (tell.building)(said)).await?;
    let http = client()?;
    let now = Timestamp::from(SystemTime::now());
    let server = ServerOptions {
        cli: cli.path,
        database: folder.path("temporal.db"),
        listen: options.temporal,
        namespaces: Vec::new(),
    };
    let builder = Builder { launcher: &launcher, http: &http, keep: options.keep, now };
    let sites = options.services.iter().map(|plan| builder.build(&folder, plan));
    let (server, sites) = tokio::try_join!(Server::start(&launcher, server), try_join_all(sites))?;
    let addresses = Addresses { temporal: server.address(), coordinator: port::free()?, worker: port::free()? };
    let places: Vec<&Places> = sites.iter().map(|site| &site.places).collect();
    let config = configuration::write(&folder, &launcher, addresses, &places)?;
    let worker = start_worker(&launcher, &http, &config, addresses).await?;
    let running = Running {
        pid: std::process::id(),
        started_at: now,
        logs,
        temporal: addresses.temporal,
        coordinator: addresses.coordinator,
        services: sites.iter().map(Site::running).collect(),
        config: config.clone(),
    };
    running.publish(&folder)?;
    let supervisor = Supervisor::start(Processes { server, worker, sites }, tell.up);
    Ok(World { settings: configuration::load(&config)?, running, supervisor, folder })
}

impl World {
    /// Settings of somebody other than the person at the demo.
    pub fn colleague(&self) -> anyhow::Result<Settings> {
        configuration::as_colleague(&self.settings, &self.folder)
    }

    /// Ends everything and waits until it is gone.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Other terminals must not find what is about to go.
        let _ = std::fs::remove_file(self.folder.path(running::FILE));
        self.supervisor.stop().await
    }
}

/// Worker and coordinator in one process, as a small installation has them.
async fn start_worker(
    launcher: &Launcher,
    http: &Client,
    config: &Path,
    addresses: Addresses,
) -> anyhow::Result<Child> {
    let command = [launcher.gatewatch().as_os_str(), "worker-process".as_ref(), "all".as_ref(), "--config".as_ref()];
    let command: Vec<_> = command.into_iter().chain([config.as_os_str()]).map(ToOwned::to_owned).collect();
    let mut worker = launcher.spawn("worker", &command)?;
    let ready = [addresses.worker, addresses.coordinator].map(|at| format!("http://{at}/readyz"));
    let are_ready = || async {
        for url in &ready {
            let answer = http.get(url).send().await;
            if !answer.is_ok_and(|answer| answer.status().is_success()) {
                return false;
            }
        }
        true
    };
    worker.ready(READY_WITHIN, are_ready).await?;
    Ok(worker)
}

/// For requests within this machine.
pub fn client() -> anyhow::Result<Client> {
    // Whoever was first is fine: every part of gatewatch installs the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(REQUEST_WITHIN).build().context("no HTTP client")
}
