//! What it takes to run versions of a service somewhere. Targets differ in how; what an activity asks is the same.

use futures::future::BoxFuture;

use crate::activities::deploy::process::Processes;
use crate::activities::services::Services;
use crate::config::settings::{Service, Target as Configured};
use crate::contracts::clock::Millis;
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::{CommitSha, DeploymentId, Version};

/// One version to run, under the id of its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
}

/// Where a rollback would go.
#[derive(Clone, Debug)]
pub struct Predecessor {
    pub live: LiveVersion,
    /// How long serving it again takes, from what was measured here before.
    pub estimate: Option<Millis>,
}

/// An operation of a target.
pub type Operation<'a, T> = BoxFuture<'a, anyhow::Result<T>>;

/// Where versions run. Each operation may be asked for any number of times, and has its effect once.
pub trait Target: Send + Sync {
    /// What serves the traffic now.
    fn live(&self) -> Operation<'_, Option<LiveVersion>>;

    /// What a rollback from `commit` would serve again; `None` when there is nothing.
    fn predecessor<'a>(&'a self, commit: &'a CommitSha) -> Operation<'a, Option<Predecessor>>;

    /// The deployment that took the traffic from `deployment` and has not been undone. Known even while nothing that
    /// serves can be asked.
    fn successor<'a>(&'a self, deployment: &'a DeploymentId) -> Operation<'a, Option<Release>>;

    /// Starts a version beside the live one. It gets no traffic.
    fn start<'a>(&'a self, release: &'a Release) -> Operation<'a, ()>;

    /// Waits until a started version is healthy.
    fn await_healthy<'a>(&'a self, release: &'a Release) -> Operation<'a, ()>;

    /// Sends a healthy version all traffic, unless something else than `replaces` has it.
    fn promote<'a>(&'a self, release: &'a Release, replaces: Option<&'a DeploymentId>) -> Operation<'a, LiveVersion>;

    /// Serves `previous` again and makes sure that `undone` can never come back by a late attempt. Answers what
    /// serves now: a third that has the traffic keeps it.
    fn restore<'a>(&'a self, undone: &'a DeploymentId, previous: &'a LiveVersion) -> Operation<'a, LiveVersion>;

    /// Ends what was undone, and what is neither live nor one step behind it, now that something was seen serving.
    fn retire(&self) -> Operation<'_, ()>;
}

/// The target a service is configured for.
pub fn of<'a>(services: &'a Services, service: &'a Service) -> Box<dyn Target + 'a> {
    match &service.target {
        Configured::Process(target) => Box::new(Processes { service, target, http: services.http() }),
    }
}

/// The deployment that came after `undone`, in words: its code and its database are not `undone`'s to take back.
pub async fn kept_for(services: &Services, service: &Service, undone: &DeploymentId) -> anyhow::Result<Option<String>> {
    let successor = of(services, service).successor(undone).await?;
    Ok(successor.map(|later| format!("{} of deployment `{}`, which came after it", later.version, later.deployment_id)))
}
