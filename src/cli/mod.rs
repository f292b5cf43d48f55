//! The console's operations without a screen: one command a file, each with its arguments and its `run`.
//!
//! Data goes to stdout, words to stderr, the outcome into the exit code ([`exit`]). With `--json` data is the
//! contracts' own types. Whatever changes anything goes through [`crate::gateway::operate::Operator`].

pub mod audit;
pub mod card;
pub mod changes;
pub mod config;
pub mod confirm;
pub mod decide;
pub mod doctor;
pub mod exit;
pub mod follow;
pub mod gates;
pub mod global;
pub mod goal;
pub mod input;
pub mod list;
pub mod output;
pub mod rollback;
pub mod session;
pub mod show;
pub mod signal;
pub mod spec;
pub mod stale;
pub mod start;
pub mod table;
pub mod watch;
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
    Approve(decide::Approve),
    Reject(decide::Reject),
    RequestEvidence(decide::RequestEvidence),
    #[command(name = "rollback")]
    RollBack(rollback::RollBack),
    List(list::List),
    Show(show::Show),
    Watch(watch::Watch),
    #[command(name = "signal")]
    SendSignal(signal::SendSignal),
    #[command(name = "start")]
    StartWorkflow(start::StartWorkflow),
    Goal(goal::Goal),
    Spec(spec::Spec),
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    Config(config::Config),
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
    let connected = Session::open(global);
    match command {
        Command::Gates(gates) => gates.run(&connected.await?).await,
        Command::Approve(approve) => approve.run(&connected.await?).await,
        Command::Reject(reject) => reject.run(&connected.await?).await,
        Command::RequestEvidence(request) => request.run(&connected.await?).await,
        Command::RollBack(rollback) => rollback.run(&connected.await?).await,
        Command::List(list) => list.run(&connected.await?).await,
        Command::Show(show) => show.run(&connected.await?).await,
        Command::Watch(watch) => watch.run(&connected.await?).await,
        Command::SendSignal(signal) => signal.run(&connected.await?).await,
        Command::StartWorkflow(start) => start.run(&connected.await?).await,
        Command::Goal(goal) => goal.run(&connected.await?).await,
        Command::Spec(spec) => spec.run(global),
        Command::Audit(audit) => audit.run(global),
        Command::Doctor(doctor) => doctor.run(&Session::begin(global)?).await,
        Command::Config(config) => config.run(global),
    }
}
