//! The demo with a terminal: a world worth looking at, and the console on it.

use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use url::Url;

use crate::cli::exit::{Exit, Stop, failure_of};
use crate::cli::output::Output;
use crate::console::guide::{self, Guide};
use crate::console::run::{self as console, Options};
use crate::contracts::clock::Millis;
use crate::contracts::failure::Failure;
use crate::devstack::demo::args::Demo;
use crate::devstack::story::bystanders;
use crate::devstack::story::cast::Cast;
use crate::devstack::story::person::Person;
use crate::devstack::tell::Tell;
use crate::devstack::world::build::{self, World};
use crate::devstack::world::folder::Keep;
use crate::devstack::world::releases;
use crate::devstack::world::site::Plan;

/// Long enough to look at everything, and to break it at leisure.
const WATCHED: Millis = Millis::from_secs(1800);
/// Time to see the countdown, and to be faster than it.
const BAD_LOOKS: u32 = 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// The service beside the one of the story.
const BYSTANDER: &str = "wholesale";

/// Opens the console. The world ends with it.
pub fn run(out: Output, demo: &Demo, runtime: &Runtime) -> Result<Exit, Stop> {
    out.say("Starting Temporal, worker, coordinator, and two services of a tea shop.")?;
    let services = vec![
        Plan { name: guide::SERVICE, releases: releases::checkout() },
        Plan { name: BYSTANDER, releases: releases::wholesale() },
    ];
    let options = demo.world(services)?;
    let world =
        runtime.block_on(build::build(&options, Tell::before_a_console())).map_err(|error| failure_of(&error))?;
    let opened = match runtime.block_on(begin(&world, options.keep)) {
        Ok(()) => open(&world, options.keep).map_err(|error| failure_of(&error)),
        Err(failure) => Err(failure),
    };
    out.say("Ending the demo.")?;
    let ended = runtime.block_on(world.stop()).map_err(|error| failure_of(&error));
    opened.and(ended)?;
    Ok(Exit::Ok)
}

/// Asks for the release of the story, and sets the rest of the world going.
async fn begin(world: &World, keep: Keep) -> Result<(), Failure> {
    if keep == Keep::LastWorld {
        return Ok(());
    }
    let mira = Person::new(&world.settings)?;
    mira.connected(CONNECT_WITHIN).await?;
    let decider = mira.public_key().await?;
    let cast = Cast { service: world.running.service(guide::SERVICE)?.clone(), watched: WATCHED, bad_looks: BAD_LOOKS };
    mira.ask_for(&cast, &decider).await?;
    let colleague = world.colleague().map_err(|error| failure_of(&error))?;
    let colleague = Person::new(&colleague)?;
    let service = world.running.service(BYSTANDER)?.clone();
    tokio::spawn(async move {
        let (released, worked) =
            tokio::join!(Box::pin(bystanders::act(&colleague, &decider, &service)), bystanders::work(&colleague));
        for failure in [released, worked].into_iter().filter_map(Result::err) {
            tracing::warn!(%failure, "the rest of the world did not come about");
        }
    });
    Ok(())
}

fn open(world: &World, keep: Keep) -> anyhow::Result<()> {
    let service = world.running.service(guide::SERVICE)?;
    let public_url = Url::parse(&format!("http://{}/", service.public)).context("the service has no address")?;
    let guide = match keep {
        Keep::Fresh => Guide::Open,
        Keep::LastWorld => Guide::Kept,
    };
    let demo = console::Demo { public_url, guide: Some(guide) };
    console::run(world.settings.clone(), &Options { config: Some(world.running.config.clone()), demo: Some(demo) })
}
