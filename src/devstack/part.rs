//! The processes that the demo is made of, as hidden commands of the one executable.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::devstack::load::{self, LoadArgs};
use crate::devstack::service::{self, ServiceArgs};
use crate::devstack::switch::{self, SwitchArgs};
use crate::telemetry;

/// One of them.
#[derive(Clone, Debug, Subcommand)]
pub enum Part {
    /// One version of the demo's service
    #[command(hide = true)]
    DemoService(ServiceArgs),
    /// The traffic switch in front of it
    #[command(hide = true)]
    DemoSwitch(SwitchArgs),
    /// Steady traffic
    #[command(hide = true)]
    DemoLoad(LoadArgs),
}

impl Part {
    /// Runs it until it is told to end. What goes wrong goes to stderr, which is its log.
    pub fn run(self) -> ExitCode {
        match self.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // A closed stderr leaves nobody to tell.
                let _ = writeln!(std::io::stderr().lock(), "gatewatch: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn serve(self) -> anyhow::Result<()> {
        telemetry::to_stdout(telemetry::Format::Text)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.context("no runtime")?;
        let result = runtime.block_on(async {
            match self {
                Self::DemoService(args) => service::run(args).await,
                Self::DemoSwitch(args) => switch::run(args).await,
                Self::DemoLoad(args) => load::run(args).await,
            }
        });
        // A request that hangs does not keep the process.
        runtime.shutdown_background();
        result
    }
}
