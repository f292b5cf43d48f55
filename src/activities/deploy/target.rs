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

/// What is live although it is neither `undone` nor what a rollback of it goes back to: a later deployment. Its code,
/// database and traffic are not `undone`'s to take back.
pub async fn superseding(
    target: &dyn Target,
    undone: &DeploymentId,
    previous: &LiveVersion,
) -> anyhow::Result<Option<LiveVersion>> {
    let live = target.live().await?;
    Ok(live.filter(|live| ![undone, &previous.deployment_id].contains(&&live.deployment_id)))
}

/// The same for a service, in words. Nothing when it is not known what the rollback goes back to.
pub async fn kept_for(
    services: &Services,
    service: &Service,
    undone: &DeploymentId,
    previous: Option<&LiveVersion>,
) -> anyhow::Result<Option<String>> {
    let Some(previous) = previous else { return Ok(None) };
    let third = superseding(&*of(services, service), undone, previous).await?;
    Ok(third.map(|third| format!("{}, which is live (deployment `{}`)", third.version, third.deployment_id)))
}
