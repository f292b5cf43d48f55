//! A Temporal dev server with a database file: starts it, waits until it really answers, restarts it where it was.
//!
//! It knows the CLI's flags and our search attributes, not what is done with the server.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use url::Url;

use crate::config::settings;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::temporal::names::{self, attribute};
use crate::devstack::child::{Child, Launcher};
use crate::devstack::port;
use crate::gateway::connect;

/// It is up in under a second; a loaded machine may need more.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Who asks whether it is ready.
const IDENTITY: &str = "gatewatch-devstack";

/// What to start.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The Temporal CLI.
    pub cli: PathBuf,
    /// Kept over restarts.
    pub database: PathBuf,
    /// Where it listens; any free port when absent.
    pub listen: Option<SocketAddr>,
    /// Namespaces made beside `default`.
    pub namespaces: Vec<String>,
}

/// A dev server that answered.
#[derive(Debug)]
pub struct Server {
    launcher: Launcher,
    options: ServerOptions,
    address: SocketAddr,
    child: Option<Child>,
}

impl Server {
    /// Starts it and waits until it answers.
    pub async fn start(launcher: &Launcher, options: ServerOptions) -> anyhow::Result<Self> {
        let address = match options.listen {
            // Whoever answers there would be taken for our own server, and the demo would play in their cluster.
            Some(address) if !port::is_free(address) => {
                let message =
                    format!("Something listens at {address} already, so no Temporal server can be started there.");
                let hint = "End it, give another port, or leave the port out: any free one is taken then.";
                return Err(Failure::new(FailureKind::Conflict, message, hint).into());
            }
            Some(address) => address,
            None => port::free().context("no free port for the Temporal server")?,
        };
        let mut server = Self { launcher: launcher.clone(), options, address, child: None };
        server.resume().await?;
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How to connect to one of its namespaces.
    pub fn settings(&self, namespace: &str) -> anyhow::Result<settings::Temporal> {
        let url = Url::parse(&format!("http://{}", self.address))?;
        Ok(settings::Temporal::plain(url, namespace, names::TASK_QUEUE))
    }

    /// The process id of the server itself.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref()?.pid()
    }

    /// Starts it again when it has ended by itself. Whether it did.
    pub async fn revive(&mut self) -> anyhow::Result<bool> {
        let ended = match &mut self.child {
            Some(child) => child.ended()?.is_some(),
            None => false,
        };
        if ended {
            self.resume().await?;
        }
        Ok(ended)
    }

    /// Ends it; the database file stays. [`Self::resume`] brings it back.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(child) = self.child.take() {
            child.stop().await?;
        }
        Ok(())
    }

    /// Starts it on the same address and database, once the last one is gone.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        let mut child = self.launcher.spawn("temporal", &self.command())?;
        let settings = self.settings("default")?;
        // A listening port is not enough: it has to answer calls.
        child.ready(READY_WITHIN, || connect::answers(&settings, IDENTITY)).await?;
        self.child = Some(child);
        Ok(())
    }

    fn command(&self) -> Vec<OsString> {
        let mut command: Vec<OsString> = vec![self.options.cli.clone().into()];
        command.extend(["server", "start-dev", "--headless", "--log-level", "error", "--ip"].map(OsString::from));
        command
            .extend([self.address.ip().to_string(), "--port".into(), self.address.port().to_string()].map(Into::into));
        command.extend(["--db-filename".into(), self.options.database.clone().into()]);
        // A write-ahead log survives `kill -9` and lets readers and the writer pass.
        command.extend(["--sqlite-pragma", "journal_mode=wal"].map(OsString::from));
        for (name, kind) in attribute::ALL {
            command.extend(["--search-attribute".into(), format!("{name}={}", kind.as_str()).into()]);
        }
        for namespace in &self.options.namespaces {
            command.extend(["--namespace".into(), namespace.into()]);
        }
        command
    }
}
