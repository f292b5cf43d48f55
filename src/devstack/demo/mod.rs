//! `gatewatch demo`: one command for everything. With a terminal it opens the console on the world; without one it
//! tells the story as text. Other terminals break the world with `gatewatch demo fault`.

pub mod args;
pub mod fault;
pub mod headless;
pub mod interactive;
pub mod status;

use std::io::IsTerminal as _;

use crate::cli::exit::{Exit, Stop};
use crate::cli::global::Global;
use crate::cli::output::Output;
use crate::contracts::failure::{Failure, FailureKind};
use crate::devstack::demo::args::{Demo, Errand};

/// Runs the demo, or an errand to a demo that runs.
pub fn run(global: &Global, demo: &Demo) -> Exit {
    let out = global.output();
    out.end(perform(out, demo))
}

fn perform(out: Output, demo: &Demo) -> Result<Exit, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(FailureKind::Internal, format!("No runtime: {error}."), ""))?;
    let ended = match &demo.errand {
        Some(Errand::Fault(fault)) => runtime.block_on(fault::run(out, demo, fault)),
        Some(Errand::Status) => runtime.block_on(status::run(out, demo)),
        None if demo.headless || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() => {
            runtime.block_on(headless::run(out, demo))
        }
        None => interactive::run(out, demo, &runtime),
    };
    // Nothing that still runs in the background keeps a finished command.
    runtime.shutdown_background();
    ended
}
