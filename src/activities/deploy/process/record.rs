//! What is known of each deployment: one file, replaced whole. It outlives every process that it speaks of.

use std::cmp::Reverse;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::activities::deploy::target::Release;
use crate::activities::files;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::{CommitSha, DeploymentId, Version};

/// A deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
    /// Absent before the first start, and of versions that somebody else started.
    #[serde(default)]
    pub process: Option<Process>,
    /// Where it answers.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// From start to healthy, the last time it was started.
    #[serde(default)]
    pub healthy_in: Option<Millis>,
    /// What it took the traffic from: where a rollback goes.
    #[serde(default)]
    pub replaced: Option<LiveVersion>,
    /// When it was rolled back. Nothing sends it traffic again.
    #[serde(default)]
    pub undone_at: Option<Timestamp>,
    #[serde(default)]
    pub stopped_at: Option<Timestamp>,
}

/// How many deployments that are over are remembered, for people who ask what happened.
const KEPT: usize = 50;

/// Of the deployments that are over, those beyond the newest [`KEPT`]. What has the traffic, what still runs or is on
/// its way to it, and what one of these would go back to, is never among them.
fn forgettable<'a>(all: &'a [Record], live: Option<&DeploymentId>) -> Vec<&'a Record> {
    let needed = |record: &&Record| record.stopped_at.is_none() || live == Some(&record.deployment_id);
    let before: Vec<&DeploymentId> = all
        .iter()
        .filter(needed)
        .filter_map(|record| record.replaced.as_ref().map(|replaced| &replaced.deployment_id))
        .collect();
    let mut over: Vec<&Record> =
        all.iter().filter(|record| !needed(record) && !before.contains(&&record.deployment_id)).collect();
    over.sort_by_key(|record| Reverse(record.stopped_at));
    over.into_iter().skip(KEPT).collect()
}

/// A process, told apart from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    pub pid: u32,
    /// When the system started it, in its own clock ticks; absent where the system does not tell.
    #[serde(default)]
    pub start: Option<u64>,
    pub started_at: Timestamp,
}

impl Record {
    pub fn new(release: &Release) -> Self {
        Self {
            deployment_id: release.deployment_id.clone(),
            version: release.version.clone(),
            commit: release.commit.clone(),
            process: None,
            listen: None,
            healthy_in: None,
            replaced: None,
            undone_at: None,
            stopped_at: None,
        }
    }

    pub fn release(&self) -> Release {
        Release {
            deployment_id: self.deployment_id.clone(),
            version: self.version.clone(),
            commit: self.commit.clone(),
        }
    }
}

/// The folder of records.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    folder: &'a Path,
}

impl<'a> Records<'a> {
    pub fn of(folder: &'a Path) -> Self {
        Self { folder }
    }

    pub fn get(&self, id: &DeploymentId) -> anyhow::Result<Option<Record>> {
        files::read_json(&self.path(id, ".deployment.json"))
    }

    /// Changes one record. Every write goes through here and begins by reading: a start that takes long must not
    /// write over a rollback that happened meanwhile.
    pub async fn change(&self, release: &Release, change: impl FnOnce(&mut Record)) -> anyhow::Result<Record> {
        let _lock = self.lock_records().await?;
        let mut record = self.get(&release.deployment_id)?.unwrap_or_else(|| Record::new(release));
        change(&mut record);
        files::write_json(&self.path(&release.deployment_id, ".deployment.json"), &record)?;
        Ok(record)
    }

    pub fn all(&self) -> anyhow::Result<Vec<Record>> {
        files::read_all(self.folder, ".deployment.json")
    }

    /// Where the process writes what it says.
    pub fn log(&self, id: &DeploymentId) -> PathBuf {
        self.path(id, ".log")
    }

    /// Held while a deployment is being started.
    pub async fn lock(&self, id: &DeploymentId) -> anyhow::Result<files::Lock> {
        files::Lock::acquire(&self.path(id, ".lock"), &format!("the start of deployment {id}")).await
    }

    /// Held while traffic is switched: a rollback and a late deploy cannot pass each other.
    pub async fn lock_traffic(&self) -> anyhow::Result<files::Lock> {
        files::Lock::acquire(&self.folder.join("traffic.lock"), "a traffic switch").await
    }

    async fn lock_records(&self) -> anyhow::Result<files::Lock> {
        files::Lock::acquire(&self.folder.join("records.lock"), "a record's change").await
    }

    /// Forgets what nobody goes back to: of the deployments that are over, all but the newest `KEPT`, each with its
    /// record, its log and its lock.
    pub async fn prune(&self, live: Option<&DeploymentId>) -> anyhow::Result<()> {
        let _lock = self.lock_records().await?;
        for record in forgettable(&self.all()?, live) {
            // The record goes last: what a crash leaves behind is found again.
            for ending in [".log", ".lock", ".deployment.json"] {
                let path = self.path(&record.deployment_id, ending);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error).with_context(|| format!("{} could not be removed", path.display()));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }

    fn path(&self, id: &DeploymentId, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", files::name(id.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Record, forgettable};
    use crate::activities::deploy::target::Release;
    use crate::contracts::clock::Timestamp;
    use crate::contracts::delivery::LiveVersion;
    use crate::contracts::ids::DeploymentId;

    fn record(id: &str, stopped: Option<i64>) -> Record {
        let release = Release { deployment_id: DeploymentId::new(id), version: "v1".into(), commit: "beef000".into() };
        let stopped_at = stopped.and_then(Timestamp::from_unix_millis);
        Record { stopped_at, ..Record::new(&release) }
    }

    #[test]
    fn what_a_rollback_may_need_is_kept_and_the_newest_of_the_rest() {
        let id = |id: &str| DeploymentId::new(id);
        let replaced = |old: &str| {
            let (version, commit, since) = ("v0".into(), "beef".into(), Timestamp::from_unix_millis(0)?);
            Some(LiveVersion { deployment_id: id(old), version, commit, since })
        };
        // All older than what is over, and so the first to go if nothing kept them.
        let mut all = vec![
            Record { replaced: replaced("before-live"), ..record("live", Some(1)) },
            record("before-live", Some(1)),
            Record { replaced: replaced("before-new"), ..record("on-its-way", None) },
            record("before-new", Some(1)),
            record("oldest", Some(2)),
        ];
        all.extend((0..KEPT).map(|n| record(&format!("over-{n}"), i64::try_from(n + 10).ok())));
        let forgotten: Vec<_> =
            forgettable(&all, Some(&id("live"))).iter().map(|record| record.deployment_id.clone()).collect();
        assert_eq!(forgotten, [id("oldest")]);
    }
}
