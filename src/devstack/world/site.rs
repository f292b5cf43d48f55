//! A service that serves: its repository, its database, a traffic switch with the first release behind it, and customers.
//!
//! Later releases are the worker's business; the switch says what is live at any time.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Client;

use crate::contracts::clock::Timestamp;
use crate::contracts::ids::{CommitSha, DeploymentId, ServiceName};
use crate::devstack::child::{Child, Launcher};
use crate::devstack::lifeline::Holder;
use crate::devstack::port;
use crate::devstack::service::Identity;
use crate::devstack::switch::state::Route;
use crate::devstack::world::folder::{Folder, Keep};
use crate::devstack::world::releases::Release;
use crate::devstack::world::running::{ReleaseCommit, RunningService};
use crate::devstack::world::{database, repository};

/// Its processes are up in milliseconds; a loaded machine may need more.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Customers' requests per second.
const RATE: &str = "25";

/// Where the parts of a service are.
#[derive(Clone, Debug)]
pub struct Places {
    pub name: ServiceName,
    pub repository: PathBuf,
    pub database: PathBuf,
    pub backups: PathBuf,
    pub records: PathBuf,
    /// What the deploy target started.
    pub deployments: PathBuf,
    switch: PathBuf,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    /// Every version holds a lifeline to the demo.
    pub lifeline: SocketAddr,
}

impl Places {
    pub fn of(folder: &Folder, name: &str) -> anyhow::Result<Self> {
        let root = folder.path(name);
        for part in ["backups", "records", "deployments"] {
            std::fs::create_dir_all(root.join(part)).with_context(|| format!("{} cannot be made", root.display()))?;
        }
        Ok(Self {
            name: name.into(),
            repository: root.join("repository.git"),
            database: root.join("orders.db"),
            backups: root.join("backups"),
            records: root.join("records"),
            deployments: root.join("deployments"),
            switch: root.join("switch.json"),
            public: port::free()?,
            admin: port::free()?,
            lifeline: port::free()?,
        })
    }

    /// What starts a version: the deploy target fills in the braces.
    pub fn version_command(&self, launcher: &Launcher) -> Vec<String> {
        let gatewatch = launcher.gatewatch().display().to_string();
        let lifeline = self.lifeline.to_string();
        let words = [
            "demo-service",
            "--name",
            self.name.as_str(),
            "--version",
            "{version}",
            "--commit",
            "{commit}",
            "--listen",
            "{listen}",
        ];
        let more = ["--database", "{database}", "--lifeline", &lifeline];
        std::iter::once(gatewatch.as_str()).chain(words).chain(more).map(str::to_owned).collect()
    }
}

/// A service that is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: &'static str,
    /// Oldest first; the first is live.
    pub releases: Vec<Release>,
}

/// A service that is up.
#[derive(Debug)]
pub struct Site {
    pub places: Places,
    pub releases: Vec<ReleaseCommit>,
    /// The first release. Like later ones, which the deploy target starts, nobody starts it again but a rollback.
    first: Child,
    switch: Child,
    customers: Child,
    /// Let go of last: with it ends every version that a worker started.
    lifelines: Holder,
}

/// What building one needs.
#[derive(Clone, Copy, Debug)]
pub struct Builder<'a> {
    pub launcher: &'a Launcher,
    pub http: &'a Client,
    pub keep: Keep,
    pub now: Timestamp,
}

impl Builder<'_> {
    /// Makes what is missing, starts everything, and waits until a customer is served.
    pub async fn build(self, folder: &Folder, plan: &Plan) -> anyhow::Result<Site> {
        let (places, releases) = (Places::of(folder, plan.name)?, &plan.releases);
        let first = releases.first().context("a service needs a release")?;
        let commits = self.sources(&places, releases, first).await?;
        let releases: Vec<ReleaseCommit> = releases
            .iter()
            .zip(commits)
            .map(|(release, commit)| ReleaseCommit { version: release.version.into(), commit })
            .collect();
        let lifelines = Holder::listen(places.lifeline).await?;
        let mut switch = self.start_switch(&places).await?;
        let (first, live) = self.start_live(&places, &releases).await?;
        self.until_served(&places, &mut switch, &live).await?;
        let customers = self.launcher.spawn(&format!("{}-load", places.name), &self.load_command(&places))?;
        Ok(Site { places, releases, first, switch, customers, lifelines })
    }

    async fn sources(self, places: &Places, releases: &[Release], first: &Release) -> anyhow::Result<Vec<CommitSha>> {
        if self.keep == Keep::LastWorld && places.repository.exists() && places.database.exists() {
            return repository::commits(&places.repository, releases.len()).await;
        }
        let made = repository::create(&places.repository, releases, self.now);
        let (commits, ()) = tokio::try_join!(made, database::create(&places.database, first))?;
        Ok(commits)
    }

    async fn start_switch(self, places: &Places) -> anyhow::Result<Child> {
        let [public, admin] = [places.public, places.admin].map(|at| at.to_string());
        let words = ["demo-switch", "--listen", &public, "--admin", &admin, "--state"];
        let mut command = self.command(&words);
        command.push(places.switch.clone().into());
        let mut switch = self.launcher.spawn(&format!("{}-switch", places.name), &command)?;
        let url = route_url(places);
        // Nothing may be live yet: any answer will do.
        switch.ready(READY_WITHIN, || async { self.http.get(&url).send().await.is_ok() }).await?;
        Ok(switch)
    }

    /// Starts what the switch says is live, or the first release, and sends it the traffic.
    async fn start_live(self, places: &Places, releases: &[ReleaseCommit]) -> anyhow::Result<(Child, Route)> {
        let (url, listen) = (route_url(places), port::free()?);
        let answer = self.http.get(&url).send().await?;
        let last: Option<Route> = if answer.status().is_success() { Some(answer.json().await?) } else { None };
        let first = releases.first().context("a service needs a release")?;
        let route = match last {
            Some(last) => Route { backend: listen, ..last },
            None => Route {
                backend: listen,
                deployment_id: DeploymentId::new(format!("{}-{}", places.name, first.version)),
                version: first.version.clone(),
                commit: first.commit.clone(),
                since: self.now,
            },
        };
        let command = places.version_command(self.launcher).into_iter().map(|word| {
            word.replace("{version}", route.version.as_str())
                .replace("{commit}", route.commit.as_str())
                .replace("{listen}", &listen.to_string())
                .replace("{database}", &places.database.display().to_string())
        });
        let command: Vec<OsString> = command.map(OsString::from).collect();
        let name = format!("{}-{}", places.name, route.version);
        let mut version = self.launcher.spawn(&name, &command)?;
        let health = format!("http://{listen}/healthz");
        let is_healthy = || async {
            let answer = self.http.get(&health).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        version.ready(READY_WITHIN, is_healthy).await?;
        let answer = self.http.put(&url).json(&route).send().await.context("the traffic switch does not answer")?;
        answer.error_for_status().context("the traffic switch refuses the first release")?;
        Ok((version, route))
    }

    async fn until_served(self, places: &Places, switch: &mut Child, live: &Route) -> anyhow::Result<()> {
        let expected = Identity { version: live.version.clone(), commit: live.commit.clone() };
        let url = format!("http://{}/version", places.public);
        let is_served = || async {
            match self.http.get(&url).send().await {
                Ok(answer) => answer.json::<Identity>().await.is_ok_and(|identity| identity == expected),
                Err(_) => false,
            }
        };
        switch.ready(READY_WITHIN, is_served).await
    }

    fn load_command(self, places: &Places) -> Vec<OsString> {
        self.command(&["demo-load", "--url", &format!("http://{}/", places.public), "--rate", RATE])
    }

    fn command(self, words: &[&str]) -> Vec<OsString> {
        std::iter::once(self.launcher.gatewatch().into()).chain(words.iter().map(OsString::from)).collect()
    }
}

fn route_url(places: &Places) -> String {
    format!("http://{}/switch", places.admin)
}

impl Site {
    /// As other terminals see it.
    pub fn running(&self) -> RunningService {
        RunningService {
            name: self.places.name.clone(),
            public: self.places.public,
            admin: self.places.admin,
            releases: self.releases.clone(),
        }
    }

    /// Starts again what has ended by itself. Its name.
    pub fn revive(&mut self) -> anyhow::Result<Option<String>> {
        for child in [&mut self.switch, &mut self.customers] {
            if child.revive()? {
                return Ok(Some(child.name().to_owned()));
            }
        }
        Ok(None)
    }

    /// Ends the customers, then the first release, then the switch, then every other version.
    pub async fn stop(self) -> anyhow::Result<()> {
        for child in [self.customers, self.first, self.switch] {
            child.stop().await?;
        }
        drop(self.lifelines);
        Ok(())
    }
}
