//! What is known of each deployment: one file, replaced whole. It outlives every process that it speaks of.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
        let _lock = files::Lock::acquire(&self.folder.join("records.lock")).await?;
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
        files::Lock::acquire(&self.path(id, ".lock")).await
    }

    /// Held while traffic is switched: a rollback and a late deploy cannot pass each other.
    pub async fn lock_traffic(&self) -> anyhow::Result<files::Lock> {
        files::Lock::acquire(&self.folder.join("traffic.lock")).await
    }

    fn path(&self, id: &DeploymentId, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", files::name(id.as_str())))
    }
}
