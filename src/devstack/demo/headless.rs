//! The demo without a terminal: builds the world, tells the story, ends the world. The exit code is the last word.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::cli::exit::{Exit, Stop, failure_of};
use crate::cli::output::{Output, Tone};
use crate::console::guide::SERVICE;
use crate::contracts::clock::Millis;
use crate::contracts::failure::Failure;
use crate::contracts::health::TriggerRules;
use crate::devstack::demo::args::Demo;
use crate::devstack::story;
use crate::devstack::story::cast::Cast;
use crate::devstack::story::person::Person;
use crate::devstack::story::timeline::Timeline;
use crate::devstack::tell::{Said, Tell, to_stderr};
use crate::devstack::world::build::{self, World};
use crate::devstack::world::releases;
use crate::devstack::world::site::Plan;
use crate::headless::signals;

/// Longer than the story takes: it ends with a rollback, not with the end of the watch.
const WATCHED: Millis = Millis::from_secs(600);
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// Tells the story. 0 only if the old version is serving again.
pub async fn run(out: Output, demo: &Demo) -> Result<Exit, Stop> {
    if demo.keep {
        let message = "The story was told in the last demo's world already: it begins in a fresh one.";
        return Err(Stop::usage(message, "Leave --keep out, or open the console on that world with it in a terminal."));
    }
    let stopping = signals::listen().map_err(|error| failure_of(&error))?;
    let options = demo.world(vec![Plan { name: SERVICE, releases: releases::checkout() }])?;
    if !out.is_json() {
        out.line(&format!("Starting Temporal, worker, coordinator, and the service `{SERVICE}`."))?;
    }
    let world = tokio::select! {
        world = build::build(&options, Tell::on_stderr()) => world.map_err(|error| failure_of(&error))?,
        // What was started by then ends by itself.
        () = signals::stopped(stopping.clone()) => return Ok(Exit::Interrupted),
    };
    let logs = world.running.logs.clone();
    let mut timeline = Timeline::begin(if out.is_json() { |line| to_stderr(Said::Line(line)) } else { to_stdout });
    let told = tokio::select! {
        told = tell(demo, &world, &mut timeline) => Some(told),
        () = signals::stopped(stopping) => None,
    };
    let stopped = world.stop().await.map_err(|error| failure_of(&error));
    match told {
        Some(told) => sum_up(out, &timeline, told.and(stopped), &logs),
        None => Ok(Exit::Interrupted),
    }
}

async fn tell(demo: &Demo, world: &World, timeline: &mut Timeline) -> Result<(), Failure> {
    let person = Person::new(&world.settings)?;
    person.connected(CONNECT_WITHIN).await?;
    let service = world.running.service(SERVICE)?.clone();
    let cast = Cast { service, watched: WATCHED, bad_looks: TriggerRules::default().error_rate_samples };
    story::tell(&person, &cast, demo.patience(), timeline).await
}

fn sum_up(out: Output, timeline: &Timeline, told: Result<(), Failure>, logs: &Path) -> Result<Exit, Stop> {
    if out.is_json() {
        out.json(&timeline.report(told.as_ref().err()))?;
    } else {
        out.lines(std::iter::once(String::new()).chain(timeline.summary()))?;
    }
    if let Err(failure) = told {
        let hint = format!("{} The logs are in {}.", failure.hint, logs.display());
        return Err(Stop::Told(Exit::Failure, Failure { hint: hint.trim_start().to_owned(), ..failure }));
    }
    if !out.is_json() {
        out.line(&out.paint(Tone::Good, "The old version serves again."))?;
    }
    Ok(Exit::Ok)
}

/// The story is told to whoever reads; when nobody does any more, it goes on without.
fn to_stdout(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
