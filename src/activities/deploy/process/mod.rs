//! The target `process`: each version is a real process on this machine, behind a traffic switch.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use crate::activities::body;
use crate::activities::deploy::process::record::{Process, Record, Records};
use crate::activities::deploy::process::switch::{Route, Switch};
use crate::activities::deploy::target::{Operation, Predecessor, Release, Target};
use crate::activities::error::{Cause, permanent};
use crate::activities::services;
use crate::config::settings::{ProcessTarget, Service};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::{CommitSha, DeploymentId};

pub mod child;
pub mod record;
pub mod switch;

/// How often a version may end at once before that is its fault and not that of a port somebody took first.
const STARTS: u32 = 3;
/// How long a started version may take to answer at all.
const FIRST_WORD: Duration = Duration::from_secs(20);
/// How long it may take to become healthy.
const HEALTHY: Duration = Duration::from_mins(1);
/// How long a version that runs already may take to answer before it counts as hung.
const HUNG: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// The versions of one service.
pub struct Processes<'a> {
    pub service: &'a Service,
    pub target: &'a ProcessTarget,
    pub http: &'a reqwest::Client,
}

/// What a version says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    pub version: String,
    pub commit: String,
}

impl Identity {
    pub fn is(&self, release: &Release) -> bool {
        self.version == release.version.as_str() && self.commit == release.commit.as_str()
    }
}

impl Target for Processes<'_> {
    fn live(&self) -> Operation<'_, Option<LiveVersion>> {
        Box::pin(async { Ok(self.switch().route().await?.map(|route| route.live())) })
    }

    fn predecessor<'a>(&'a self, commit: &'a CommitSha) -> Operation<'a, Option<Predecessor>> {
        Box::pin(async {
            let Some(live) = self.live().await? else { return Ok(None) };
            let previous = if live.commit == *commit {
                self.records().get(&live.deployment_id)?.and_then(|record| record.replaced)
            } else {
                Some(live)
            };
            let Some(live) = previous else { return Ok(None) };
            let record = self.records().get(&live.deployment_id)?;
            let estimate = match record.as_ref().and_then(|record| Some((record, record.listen?))) {
                Some((record, listen)) => self.estimate(record, listen).await,
                None => None,
            };
            Ok(Some(Predecessor { live, estimate }))
        })
    }

    fn successor<'a>(&'a self, deployment: &'a DeploymentId) -> Operation<'a, Option<Release>> {
        Box::pin(async move {
            let records = self.records().all()?;
            let took_over = |record: &&Record| {
                let replaced = record.replaced.as_ref().map(|replaced| &replaced.deployment_id);
                replaced == Some(deployment) && record.undone_at.is_none()
            };
            Ok(records.iter().find(took_over).map(Record::release))
        })
    }

    fn start<'a>(&'a self, release: &'a Release) -> Operation<'a, ()> {
        Box::pin(async {
            let _lock = self.records().lock(&release.deployment_id).await?;
            let record = self.records().get(&release.deployment_id)?.unwrap_or_else(|| Record::new(release));
            refuse_undone(&record)?;
            self.running(&record).await.map(drop)
        })
    }

    fn await_healthy<'a>(&'a self, release: &'a Release) -> Operation<'a, ()> {
        Box::pin(async { self.healthy(&self.known(release)?).await })
    }

    fn promote<'a>(&'a self, release: &'a Release, replaces: Option<&'a DeploymentId>) -> Operation<'a, LiveVersion> {
        Box::pin(async move {
            let _traffic = self.records().lock_traffic().await?;
            // Looked at under the lock: nothing can come between the question and the switch.
            let record = self.known(release)?;
            let now = self.switch().route().await?;
            let done_before = now.as_ref().is_some_and(|route| route.deployment_id == release.deployment_id);
            if !done_before {
                if now.as_ref().map(|route| &route.deployment_id) != replaces {
                    return Err(overtaken(release, replaces, now.as_ref()));
                }
                if let Some(route) = now {
                    self.remember(&route).await?;
                    self.records().change(release, |record| record.replaced = Some(route.live())).await?;
                }
            }
            self.send_traffic_to(&record).await
        })
    }

    fn restore<'a>(&'a self, undone: &'a DeploymentId, previous: &'a LiveVersion) -> Operation<'a, LiveVersion> {
        Box::pin(async move {
            self.fence(undone).await?;
            let live = self.switch().route().await?;
            let third = live.filter(|route| ![undone, &previous.deployment_id].contains(&&route.deployment_id));
            if let Some(third) = third {
                tracing::warn!(live = %third.deployment_id, "another deployment has the traffic, and keeps it");
                return Ok(third.live());
            }
            let release = Release {
                deployment_id: previous.deployment_id.clone(),
                version: previous.version.clone(),
                commit: previous.commit.clone(),
            };
            let _lock = self.records().lock(&release.deployment_id).await?;
            let again = |record: &mut Record| {
                record.undone_at = None;
                record.version = release.version.clone();
                record.commit = release.commit.clone();
            };
            let record = self.records().change(&release, again).await?;
            let record = self.responsive(record).await?;
            self.healthy(&record).await?;
            let _traffic = self.records().lock_traffic().await?;
            self.send_traffic_to(&record).await
        })
    }

    fn retire(&self) -> Operation<'_, ()> {
        Box::pin(async {
            let live = self.switch().route().await?.map(|route| route.deployment_id);
            let records = self.records().all()?;
            for record in records.iter().filter(|record| is_over(record, &records, live.as_ref())) {
                // One whose number was never written down runs all the same.
                let unwritten = || child::find(self.target, &record.release()).map(|(process, _)| process);
                if let Some(process) = record.process.or_else(unwritten)
                    && let Err(error) = child::stop(&process).await
                {
                    // The others can be ended all the same.
                    tracing::warn!(error = format!("{error:#}"), deployment = %record.deployment_id, "it does not end");
                    continue;
                }
                self.records().change(&record.release(), |record| record.stopped_at = Some(now())).await?;
            }
            self.records().prune(live.as_ref()).await
        })
    }
}

impl Processes<'_> {
    fn records(&self) -> Records<'_> {
        Records::of(&self.target.state)
    }

    fn switch(&self) -> Switch<'_> {
        Switch { http: self.http, admin: &self.target.switch }
    }

    /// Where to read why. What it wrote stays there: a failure enters the history, and a log may hold anything.
    fn where_it_logs(&self, deployment: &DeploymentId) -> String {
        let host = rustix::system::uname();
        format!("its log is {} on {}", self.records().log(deployment).display(), host.nodename().to_string_lossy())
    }

    /// The record of a release that was started and not undone.
    fn known(&self, release: &Release) -> anyhow::Result<Record> {
        let record = self.records().get(&release.deployment_id)?;
        let record = record.with_context(|| format!("deployment `{}` was never started", release.deployment_id))?;
        refuse_undone(&record)?;
        Ok(record)
    }

    /// Makes the version run and answer: the process that does, or a new one.
    async fn running(&self, record: &Record) -> anyhow::Result<Record> {
        let release = record.release();
        if let (Some(process), Some(listen)) = (record.process, record.listen)
            && child::is_alive(&process)
        {
            self.first_word(&release, &process, listen).await?;
            return Ok(record.clone());
        }
        if let Some((process, listen)) = child::find(self.target, &release) {
            return self.started(&release, process, listen).await;
        }
        for attempt in 1..=STARTS {
            let listen = child::free_address()?;
            let process = child::start(self.service, self.target, &release, listen)?;
            match self.started(&release, process, listen).await {
                Err(error) if attempt < STARTS && !child::is_alive(&process) => {
                    tracing::warn!(error = format!("{error:#}"), attempt, "the version ended at once: once more");
                }
                outcome => return outcome,
            }
        }
        bail!("version {} did not start", release.version)
    }

    /// Writes down the process, then waits for its first word.
    async fn started(&self, release: &Release, process: Process, listen: SocketAddr) -> anyhow::Result<Record> {
        let note = |record: &mut Record| {
            record.process = Some(process);
            record.listen = Some(listen);
            record.healthy_in = None;
            record.stopped_at = None;
        };
        let record = self.records().change(release, note).await?;
        self.first_word(release, &process, listen).await?;
        Ok(record)
    }

    /// The previous version, answering: one that hangs is ended and started again.
    async fn responsive(&self, mut record: Record) -> anyhow::Result<Record> {
        if let Some(listen) = record.listen {
            let alive = record.process.as_ref().is_none_or(child::is_alive);
            if alive && self.answers(&record.release(), listen, HUNG).await {
                return Ok(record);
            }
            if let Some(process) = record.process.take() {
                child::stop(&process).await?;
            }
            record.listen = None;
        }
        self.running(&record).await
    }

    async fn first_word(&self, release: &Release, process: &Process, listen: SocketAddr) -> anyhow::Result<()> {
        let deadline = Instant::now() + FIRST_WORD;
        loop {
            let identity = self.identity(listen).await;
            if identity.as_ref().is_ok_and(|identity| identity.is(release)) {
                return Ok(());
            }
            if !child::is_alive(process) {
                bail!(
                    "version {} ended before it answered; {}",
                    release.version,
                    self.where_it_logs(&release.deployment_id)
                );
            }
            if Instant::now() > deadline {
                let found = identity.map_or_else(|error| format!("{error:#}"), |identity| format!("{identity:?}"));
                bail!(
                    "version {} does not answer at {listen}: {found}; {}",
                    release.version,
                    self.where_it_logs(&release.deployment_id)
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// While it answers, going back takes about as long as asking it; else as long as starting it took.
    async fn estimate(&self, record: &Record, listen: SocketAddr) -> Option<Millis> {
        let asked = Instant::now();
        let alive = record.process.as_ref().is_none_or(child::is_alive);
        if alive && self.answers(&record.release(), listen, HUNG).await {
            return Some(Millis::from(asked.elapsed()));
        }
        record.healthy_in
    }

    async fn answers(&self, release: &Release, listen: SocketAddr, patience: Duration) -> bool {
        let asking = async {
            while !self.identity(listen).await.is_ok_and(|identity| identity.is(release)) {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(patience, asking).await.is_ok()
    }

    /// Waits for the version's own health endpoint, and notes how long that took.
    async fn healthy(&self, record: &Record) -> anyhow::Result<()> {
        let listen = record.listen.with_context(|| format!("deployment `{}` has no address", record.deployment_id))?;
        let url = services::join(&direct(listen)?, &self.service.health_path)?;
        let deadline = Instant::now() + HEALTHY;
        loop {
            let answer = self.http.get(url.clone()).send().await.map(|answer| answer.status());
            if answer.as_ref().is_ok_and(reqwest::StatusCode::is_success) {
                return self.note_healthy(record).await;
            }
            if record.process.as_ref().is_some_and(|process| !child::is_alive(process)) {
                let log = self.where_it_logs(&record.deployment_id);
                bail!("version {} ended before it was healthy; {log}", record.version);
            }
            if Instant::now() > deadline {
                let found = answer.map_or_else(|error| error.to_string(), |status| status.to_string());
                bail!("version {} is not healthy within {} s: {found}", record.version, HEALTHY.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn note_healthy(&self, record: &Record) -> anyhow::Result<()> {
        let Some(process) = record.process.filter(|_| record.healthy_in.is_none()) else { return Ok(()) };
        let took = now().since(process.started_at);
        self.records().change(&record.release(), |record| record.healthy_in = Some(took)).await.map(drop)
    }

    /// Called with the traffic lock held.
    async fn send_traffic_to(&self, record: &Record) -> anyhow::Result<LiveVersion> {
        let listen = record.listen.with_context(|| format!("deployment `{}` has no address", record.deployment_id))?;
        let backend = listen.to_string();
        let now_live = self.switch().route().await?;
        if let Some(live) =
            now_live.filter(|route| route.deployment_id == record.deployment_id && route.backend == backend)
        {
            return Ok(live.live());
        }
        let route = Route {
            backend,
            deployment_id: record.deployment_id.clone(),
            version: record.version.clone(),
            commit: record.commit.clone(),
            since: now(),
        };
        self.switch().set(&route).await?;
        Ok(route.live())
    }

    /// From here on no attempt, however late, starts or promotes this deployment.
    async fn fence(&self, undone: &DeploymentId) -> anyhow::Result<()> {
        let _traffic = self.records().lock_traffic().await?;
        // One that never started is fenced too: its first attempt may still be on its way.
        let unknown =
            Release { deployment_id: undone.clone(), version: String::new().into(), commit: String::new().into() };
        let fence = |record: &mut Record| record.undone_at = record.undone_at.or_else(|| Some(now()));
        self.records().change(&unknown, fence).await.map(drop)
    }

    /// A version that somebody else put on becomes one we can go back to.
    async fn remember(&self, route: &Route) -> anyhow::Result<()> {
        if self.records().get(&route.deployment_id)?.is_some() {
            return Ok(());
        }
        let live = route.live();
        let release = Release { deployment_id: live.deployment_id, version: live.version, commit: live.commit };
        self.records().change(&release, |record| record.listen = route.backend.parse().ok()).await.map(drop)
    }

    async fn identity(&self, listen: SocketAddr) -> anyhow::Result<Identity> {
        let url = services::join(&direct(listen)?, &self.service.version_path)?;
        let answer = self.http.get(url).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&body::read(answer).await?)?)
    }
}

/// Whether nothing leads to it any more: it was undone, or it is more than one step behind what is live. One that
/// never had the traffic is on its way to it.
fn is_over(record: &Record, all: &[Record], live: Option<&DeploymentId>) -> bool {
    let id = &record.deployment_id;
    if record.stopped_at.is_some() || live == Some(id) {
        return false;
    }
    let follows = |next: &&Record| next.replaced.as_ref().is_some_and(|replaced| replaced.deployment_id == *id);
    let mut next = all.iter().filter(follows).peekable();
    record.undone_at.is_some() || (next.peek().is_some() && next.all(|next| live != Some(&next.deployment_id)))
}

fn refuse_undone(record: &Record) -> anyhow::Result<()> {
    match record.undone_at {
        Some(at) => {
            let message = format!("deployment `{}` was rolled back at {at}", record.deployment_id);
            Err(permanent(Cause::RolledBack, message))
        }
        None => Ok(()),
    }
}

fn overtaken(release: &Release, replaces: Option<&DeploymentId>, now: Option<&Route>) -> anyhow::Error {
    let live = now.map_or_else(|| "nothing".to_owned(), |route| format!("`{}`", route.deployment_id));
    let expected = replaces.map_or_else(|| "nothing".to_owned(), |id| format!("`{id}`"));
    let message = format!(
        "deployment `{}` was to take the traffic from {expected}, but {live} has it: another deployment was faster",
        release.deployment_id
    );
    permanent(Cause::Overtaken, message)
}

/// A version's own address, past the switch.
fn direct(listen: SocketAddr) -> anyhow::Result<Url> {
    Url::parse(&format!("http://{listen}")).context("an address is no URL")
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
