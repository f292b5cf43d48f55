//! A real Temporal server with workflows to show. No worker: nothing moves while it is looked at.

use std::path::Path;
use std::time::Duration;

use gatewatch::devstack::child::Launcher;
use gatewatch::devstack::finder::{self, Places};
use gatewatch::devstack::server::{Server, ServerOptions};
use portable_pty::CommandBuilder;
use temporalio_client::{Client, ClientOptions, ConnectionOptions, UntypedWorkflow, Url, WorkflowStartOptions};
use temporalio_common::data_converters::RawValue;
use tokio::runtime::Runtime;

pub(crate) const WORKFLOWS: usize = 200;
/// Lists begin with the newest.
pub(crate) const NEWEST: &str = "bench-0199";

const GATEWATCH: &str = env!("CARGO_BIN_EXE_gatewatch");

/// The server, and where it is.
pub(crate) struct World {
    pub(crate) address: String,
    home: tempfile::TempDir,
    _server: Server,
    _runtime: Runtime,
}

impl World {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let home = tempfile::tempdir()?;
        let (server, address) = runtime.block_on(start(home.path()))?;
        Ok(Self { address, home, _server: server, _runtime: runtime })
    }

    /// The console on the workflows screen, with nobody's settings.
    pub(crate) fn console(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(GATEWATCH);
        command.args(["--address", &self.address, "console"]);
        command.env("TERM", "xterm-256color");
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, self.home.path());
        }
        command
    }
}

async fn start(home: &Path) -> anyhow::Result<(Server, String)> {
    let found = finder::find(&Places::of_this_machine(), &mut |_| {}).await?;
    let launcher = Launcher::new(GATEWATCH, home)?;
    let options =
        ServerOptions { cli: found.path, database: home.join("temporal.db"), listen: None, namespaces: Vec::new() };
    let server = Server::start(&launcher, options).await?;
    let address = format!("http://{}", server.address());
    let connection = ConnectionOptions::new(Url::parse(&address)?).identity("bench").build();
    let client = Client::connect(connection, ClientOptions::new("default").build()).await?;
    for n in 0..WORKFLOWS {
        let options = WorkflowStartOptions::new("bench", format!("bench-{n:04}")).build();
        client.start_workflow(UntypedWorkflow::new("BenchWorkflow"), RawValue::new(Vec::new()), options).await?;
    }
    // Visibility lags behind; a list that lacks the newest would never show it to a program that lists once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok((server, address))
}
