//! Arguments of `gatewatch demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::exit;
use crate::contracts::failure::{Failure, FailureKind};
use crate::devstack::service::fault::Fault;
use crate::devstack::world::build::WorldOptions;
use crate::devstack::world::folder::Keep;
use crate::devstack::world::running::Running;
use crate::devstack::world::site::Plan;

/// A Temporal server, worker, coordinator and service on this machine, and a console on them.
///
/// Without a terminal, or with --headless, it tells one story as text: a release is approved, deployed, breaks, is
/// found out and rolled back. It exits 0 only if the old version serves again.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch demo --headless"))]
pub struct Demo {
    #[command(subcommand)]
    pub errand: Option<Errand>,
    /// Tell the story as text, also in a terminal.
    #[arg(long)]
    pub headless: bool,
    /// Where everything of the demo is. [default: `demo` in gatewatch's state folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Go on in the world of the last demo instead of a fresh one.
    #[arg(long)]
    pub keep: bool,
    /// Port of the Temporal server. [default: any free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// How long the story waits for each of its steps before it gives up.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub patience: u64,
}

/// What another terminal can ask of a running demo.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Errand {
    /// Break the version that is live, or mend it with `none`.
    Fault(FaultArgs),
    /// What runs, where, and what is live.
    Status,
}

/// Arguments of `gatewatch demo fault`.
#[derive(Clone, Copy, Debug, Args)]
pub struct FaultArgs {
    /// What is wrong with it from now on.
    pub fault: Fault,
}

impl Demo {
    pub fn folder(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(Running::default_folder)
    }

    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }

    /// The world that was asked for. Its processes are commands of the executable that runs now.
    pub fn world(&self, services: Vec<Plan>) -> Result<WorldOptions, Failure> {
        let gatewatch = std::env::current_exe().map_err(|error| {
            Failure::new(FailureKind::Internal, format!("The executable cannot find itself: {error}."), "")
        })?;
        Ok(WorldOptions {
            folder: self.folder(),
            keep: if self.keep { Keep::LastWorld } else { Keep::Fresh },
            temporal: self.port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            services,
            gatewatch,
        })
    }
}
