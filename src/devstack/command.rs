//! The commands of the dev stack: the demo, and the hidden ones that its processes are.

use std::process::ExitCode;

use crate::cli::global::Global;
use crate::contracts::failure::{Failure, FailureKind};
use crate::devstack::demo;
use crate::devstack::demo::args::Demo;
use crate::devstack::guard::{self, GuardArgs};

/// Commands of `gatewatch` that live here.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    Demo(Demo),
    /// Tie a command to the life of whoever holds standard input open.
    #[command(hide = true)]
    Guard(GuardArgs),
}

/// Runs one, and says why it failed.
pub fn run(global: &Global, command: &Command) -> ExitCode {
    match command {
        Command::Demo(arguments) => ExitCode::from(demo::run(global, arguments).code()),
        Command::Guard(arguments) => guard::run(arguments).unwrap_or_else(|error| {
            let failure = Failure::new(FailureKind::Internal, format!("{error:#}."), "");
            ExitCode::from(global.output().end(Err(failure.into())).code())
        }),
    }
}
