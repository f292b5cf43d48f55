//! A real Temporal server with workflows to show. No worker: nothing moves while it is looked at.

use std::path::{Path, PathBuf};
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

pub(crate) const GATEWATCH: &str = env!("CARGO_BIN_EXE_gatewatch");

/// The server, and where it is.
pub(crate) struct World {
    pub(crate) address: String,
    home: tempfile::TempDir,
    _server: Server,
    _runtime: Runtime,
}

impl World {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let (server, runtime) = server(home.path())?;
        let address = format!("http://{}", server.address());
        runtime.block_on(fill(&address))?;
        Ok(Self { address, home, _server: server, _runtime: runtime })
    }

    /// The console on a server, with nobody's settings.
    pub(crate) fn console(&self, address: &str) -> CommandBuilder {
        let mut command = CommandBuilder::new(GATEWATCH);
        command.args(["--address", address]);
        alone(&mut command, self.home.path());
        command
    }
}

/// A terminal of 256 colours, and nothing of what whoever measures has set for themselves.
pub(crate) fn alone(command: &mut CommandBuilder, home: &Path) {
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    for name in ["COLORTERM", "NO_COLOR", "TMUX", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"] {
        command.env_remove(name);
    }
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
        command.env(name, home);
    }
}

/// The Temporal CLI, made where there is none.
pub(crate) fn cli() -> anyhow::Result<PathBuf> {
    let find = async { finder::find(&Places::of_this_machine(), &mut |_| {}).await };
    Ok(Runtime::new()?.block_on(find)?.path)
}

/// A Temporal server that answers, and what keeps it.
pub(crate) fn server(home: &Path) -> anyhow::Result<(Server, Runtime)> {
    let cli = cli()?;
    let runtime = Runtime::new()?;
    let server = runtime.block_on(async {
        let launcher = Launcher::new(GATEWATCH, home)?;
        let options = ServerOptions { cli, database: home.join("temporal.db"), listen: None, namespaces: Vec::new() };
        Server::start(&launcher, options).await
    })?;
    Ok((server, runtime))
}

async fn fill(address: &str) -> anyhow::Result<()> {
    let connection = ConnectionOptions::new(Url::parse(address)?).identity("bench").build();
    let client = Client::connect(connection, ClientOptions::new("default").build()).await?;
    for n in 0..WORKFLOWS {
        let options = WorkflowStartOptions::new("bench", format!("bench-{n:04}")).build();
        client.start_workflow(UntypedWorkflow::new("BenchWorkflow"), RawValue::new(Vec::new()), options).await?;
    }
    // Visibility lags behind; a list that lacks the newest would never show it to a program that lists once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}
