//! What else goes on in the world that the console opens on: another service with a release that is live and watched,
//! and one that a colleague rejected. All of it is done the way people do it.

use std::time::Duration;

use crate::contracts::clock::Millis;
use crate::contracts::decision::Verdict;
use crate::contracts::failure::Failure;
use crate::contracts::workflow::WorkflowDetail;
use crate::devstack::story::cast::Cast;
use crate::devstack::story::person::{Person, Say, Wait};
use crate::devstack::world::running::{ReleaseCommit, RunningService};

/// Longer than anybody plays.
const WATCHED: Millis = Millis::from_hours(2);
const BAD_LOOKS: u32 = 20;
const PATIENCE: Duration = Duration::from_mins(2);

/// Puts `wholesale` v8 live, and has v9 rejected for what its evidence says.
pub async fn act(colleague: &Person, decider: &str, service: &RunningService) -> Result<(), Failure> {
    let [first, next, unfit] = service.releases.as_slice() else { return Ok(()) };
    let live = Cast { service: with(service, [first, next]), watched: WATCHED, bad_looks: BAD_LOOKS };
    let rejected = Cast { service: with(service, [first, unfit]), watched: WATCHED, bad_looks: BAD_LOOKS };
    // Its gate was passed before the demo began.
    let (deployed, refused) = tokio::join!(colleague.deploy(&live), reject(colleague, &rejected, decider));
    deployed.and(refused)
}

async fn reject(colleague: &Person, cast: &Cast, decider: &str) -> Result<(), Failure> {
    colleague.ask_for(cast, decider).await?;
    let id = cast.readiness_id();
    let wait = Wait { what: "its gate opened", within: PATIENCE };
    let open = |detail: &WorkflowDetail| detail.row.published.as_ref()?.gates.first().cloned();
    let gate = colleague.until(&id, wait, open).await?;
    let reason = Some("The scan has a critical finding. Fix it, then ask again.");
    let say = Say { verdict: Verdict::Reject, reason, within: PATIENCE };
    colleague.decide(&id, &gate, say).await.map(drop)
}

fn with(service: &RunningService, releases: [&ReleaseCommit; 2]) -> RunningService {
    RunningService { releases: releases.map(Clone::clone).to_vec(), ..service.clone() }
}
