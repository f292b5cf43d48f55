//! From arguments to running services, and out again.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::paths::Surroundings;
use crate::config::problem::Problem;
use crate::config::settings::Settings;
use crate::config::sources;
use crate::coordinator::server;
use crate::headless::args::{Headless, Role};
use crate::headless::signals;
use crate::telemetry;
use crate::worker::{describe, run as worker};

/// The same as for arguments that are wrong.
const WRONG_USAGE: u8 = 2;

/// Runs until told to stop, or until something makes going on pointless.
pub fn run(arguments: &Headless) -> anyhow::Result<()> {
    let role = arguments.role.unwrap_or(Role::All);
    let settings = sources::load(&arguments.common.flags(), &Surroundings::of_process())?;
    if let Role::Describe { json } = role {
        return print_description(json, &settings);
    }
    telemetry::to_stdout(arguments.common.log_format.into())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let result = runtime.block_on(serve(role, &settings));
    // An activity that ignores its cancellation does not keep the process.
    runtime.shutdown_background();
    result
}

async fn serve(role: Role, settings: &Settings) -> anyhow::Result<()> {
    let stopping = signals::listen()?;
    match role {
        Role::Worker => worker::run(settings, signals::stopped(stopping)).await,
        Role::Coordinator => server::run(settings, signals::stopped(stopping)).await,
        Role::All | Role::Describe { .. } => both(settings, stopping).await,
    }
}

/// The coordinator in a task, the workers here. When one fails the other is drained, and the failure is told.
async fn both(settings: &Settings, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    let (failed, failing) = watch::channel(false);
    let until = |stopping: watch::Receiver<bool>, mut failing: watch::Receiver<bool>| async move {
        tokio::select! {
            () = signals::stopped(stopping) => {}
            _ = failing.wait_for(|failed| *failed) => {}
        }
    };
    let for_coordinator = settings.clone();
    let stop = until(stopping.clone(), failing.clone());
    let ended = Ended(failed.clone());
    let coordinator: JoinHandle<anyhow::Result<()>> = tokio::spawn(async move {
        let _ended = ended;
        server::run(&for_coordinator, stop).await
    });
    let worked = worker::run(settings, until(stopping, failing)).await;
    // The coordinator listens until it has ended.
    let _ = failed.send(true);
    let served = coordinator.await.context("the coordinator broke")?;
    served.and(worked)
}

/// Tells the other half, also when this one panics.
struct Ended(watch::Sender<bool>);

impl Drop for Ended {
    fn drop(&mut self) {
        // Nobody listens only when the other half has ended too.
        let _ = self.0.send(true);
    }
}

fn print_description(json: bool, settings: &Settings) -> anyhow::Result<()> {
    let description = describe::describe(&settings.agents);
    let text = if json { serde_json::to_string_pretty(&description)? } else { description.text() };
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the description cannot be written"),
    }
}

/// The same as a process's `main`: what went wrong goes to stderr.
pub fn main(arguments: &Headless) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr().lock(), "gatewatch-worker: {error:#}");
            // Nothing was run with settings that are wrong.
            if error.is::<Problem>() { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
        }
    }
}
