//! A running demo as other terminals find it: one file in its folder, true while the folder is held.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::config::paths::Surroundings;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{CommitSha, ServiceName, Version};
use crate::devstack::world::folder::Folder;

/// Its name in the folder.
pub const FILE: &str = "demo.json";

/// Where everything of a demo answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    pub pid: u32,
    pub started_at: Timestamp,
    /// The `gatewatch.toml` with which any command of gatewatch reaches it.
    pub config: PathBuf,
    pub logs: PathBuf,
    /// Temporal's frontend.
    pub temporal: SocketAddr,
    pub coordinator: SocketAddr,
    pub services: Vec<RunningService>,
}

/// A service of the demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningService {
    pub name: ServiceName,
    /// Where its customers reach it.
    pub public: SocketAddr,
    /// The traffic switch.
    pub admin: SocketAddr,
    /// Oldest first; the first was live when the demo began.
    pub releases: Vec<ReleaseCommit>,
}

/// A release, and the commit it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseCommit {
    pub version: Version,
    pub commit: CommitSha,
}

impl Running {
    /// Where a demo runs when nobody says otherwise.
    pub fn default_folder() -> PathBuf {
        Surroundings::of_process().state_dir().join("demo")
    }

    /// The demo that runs in this folder.
    pub fn find(folder: &Path) -> Result<Self, Failure> {
        let none = || {
            let message = format!("No demo is running in {}.", folder.display());
            let hint =
                "Start one with `gatewatch demo` in another terminal; one that was given --dir is found with it.";
            Failure::new(FailureKind::NotFound, message, hint)
        };
        if !Folder::is_taken(folder) {
            return Err(none());
        }
        // Held, but without the file: it is still starting, or ending.
        let text = fs::read(folder.join(FILE)).map_err(|_| {
            let message = format!("The demo in {} is not up yet.", folder.display());
            Failure::new(FailureKind::Unavailable, message, "Try again in a moment.")
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            let message = format!("{} cannot be read: {error}.", folder.join(FILE).display());
            Failure::new(FailureKind::Internal, message, "Is it another version's? End that demo and start again.")
        })
    }

    /// Tells other terminals. The file is whole or absent.
    pub fn publish(&self, folder: &Folder) -> anyhow::Result<()> {
        let (file, partial) = (folder.path(FILE), folder.path(".demo.json.partial"));
        let write = || -> anyhow::Result<()> {
            fs::write(&partial, serde_json::to_vec_pretty(self)?)?;
            Ok(fs::rename(&partial, &file)?)
        };
        write().with_context(|| format!("{} cannot be written", file.display()))
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Result<&RunningService, Failure> {
        self.services.iter().find(|service| service.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = self.services.iter().map(|service| service.name.as_str()).collect();
            let message = format!("The demo has no service `{name}`.");
            Failure::new(FailureKind::NotFound, message, format!("It has {}.", names.join(", ")))
        })
    }
}
