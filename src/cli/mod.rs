//! The console's operations without a screen: one command a file, each with its arguments and its `run`.
//!
//! Data goes to stdout, words to stderr, the outcome into the exit code ([`exit`]). With `--json` data is the
//! contracts' own types. Whatever changes anything goes through [`crate::gateway::operate::Operator`].

pub mod confirm;
pub mod exit;
pub mod gates;
pub mod global;
pub mod list;
pub mod output;
pub mod session;
pub mod table;
pub mod words;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::exit::{Exit, Stop};
use crate::cli::global::Global;
use crate::cli::session::Session;
use crate::contracts::failure::{Failure, FailureKind};

/// Every command that needs no screen.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    Gates(gates::Gates),
    List(list::List),
}

/// Runs one command to its end.
pub fn run(global: &Global, command: &Command) -> ExitCode {
    let out = global.output();
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(perform(global, command));
            // Nothing that still runs in the background keeps a finished command.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::new(FailureKind::Internal, format!("No runtime: {error}."), "").into()),
    };
    ExitCode::from(out.end(result).code())
}

async fn perform(global: &Global, command: &Command) -> Result<Exit, Stop> {
    match command {
        Command::Gates(gates) => gates.run(&Session::open(global).await?).await,
        Command::List(list) => list.run(&Session::open(global).await?).await,
    }
}
