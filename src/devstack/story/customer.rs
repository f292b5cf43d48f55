//! A customer of the service: what the public address answers is what is true. It also knows the way to break things.

use std::time::{Duration, Instant};

use reqwest::Client;

use crate::contracts::failure::{Failure, FailureKind};
use crate::devstack::service::Identity;
use crate::devstack::service::fault::{Fault, FaultBody};
use crate::devstack::switch::state::Route;
use crate::devstack::world::build;
use crate::devstack::world::running::{ReleaseCommit, RunningService};

/// How long a version that was just switched to may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
/// Requests of the last check.
const ASKED: u32 = 20;

/// Somebody who asks a service.
#[derive(Clone, Debug)]
pub struct Customer {
    service: RunningService,
    http: Client,
}

impl Customer {
    pub fn of(service: &RunningService) -> Result<Self, Failure> {
        let http = build::client()
            .map_err(|error| Failure::new(FailureKind::Internal, format!("{error:#}."), "This is a bug."))?;
        Ok(Self { service: service.clone(), http })
    }

    /// Who answers at the public address.
    pub async fn identity(&self) -> Result<Identity, Failure> {
        let url = format!("http://{}/version", self.service.public);
        let answer = self.http.get(&url).send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|error| self.silent(&error))?;
        answer.json().await.map_err(|error| self.silent(&error))
    }

    /// Waits a moment for this release to answer.
    pub async fn is_served_by(&self, release: &ReleaseCommit) -> Result<(), Failure> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            let found = self.identity().await;
            if found.as_ref().is_ok_and(|found| is(found, release)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.wrong(release, found));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks again and again: every answer must be this release's, and every order must be taken. How often it asked.
    pub async fn is_served_by_again(&self, release: &ReleaseCommit) -> Result<u32, Failure> {
        for _ in 0..ASKED {
            let found = self.identity().await;
            if !found.as_ref().is_ok_and(|found| is(found, release)) {
                return Err(self.wrong(release, found));
            }
            let order = self.http.get(format!("http://{}/", self.service.public)).send().await;
            order.and_then(reqwest::Response::error_for_status).map_err(|error| self.silent(&error))?;
        }
        Ok(ASKED)
    }

    /// What the traffic switch says is live.
    pub async fn route(&self) -> Result<Route, Failure> {
        let url = format!("http://{}/switch", self.service.admin);
        let answer = self.http.get(&url).send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|error| self.silent(&error))?;
        answer.json().await.map_err(|error| self.silent(&error))
    }

    /// Breaks, or mends, the version that is live. Says which that is.
    pub async fn set_fault(&self, fault: Fault) -> Result<Route, Failure> {
        let route = self.route().await?;
        let url = format!("http://{}/fault", route.backend);
        let answer = self.http.put(&url).json(&FaultBody { fault }).send().await;
        answer.and_then(reqwest::Response::error_for_status).map_err(|error| self.silent(&error))?;
        Ok(route)
    }

    /// The fault of the version that is live.
    pub async fn fault(&self) -> Result<Fault, Failure> {
        let route = self.route().await?;
        let answer = self.http.get(format!("http://{}/fault", route.backend)).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(|error| self.silent(&error))?;
        let body: FaultBody = answer.json().await.map_err(|error| self.silent(&error))?;
        Ok(body.fault)
    }

    fn silent(&self, error: &reqwest::Error) -> Failure {
        let message = format!("{} does not answer as it should: {error}.", self.service.name);
        Failure::new(FailureKind::Unavailable, message, "The logs say more.")
    }

    fn wrong(&self, release: &ReleaseCommit, found: Result<Identity, Failure>) -> Failure {
        let found = match found {
            Ok(identity) => format!("{} (commit {}) answers", identity.version, identity.commit.short()),
            Err(failure) => failure.message,
        };
        let (version, commit) = (&release.version, release.commit.short());
        let message = format!("{} {version} (commit {commit}) is not serving: {found}.", self.service.name);
        Failure::new(FailureKind::Conflict, message, "The logs say more.")
    }
}

fn is(found: &Identity, release: &ReleaseCommit) -> bool {
    found.version == release.version && found.commit == release.commit
}
