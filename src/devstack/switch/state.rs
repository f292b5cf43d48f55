//! Where the traffic goes, in memory and in a file that is whole or absent whatever dies when.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::contracts::clock::Timestamp;
use crate::contracts::ids::{CommitSha, DeploymentId, Version};

/// Body of `GET` and `PUT /switch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Who gets all traffic.
    pub backend: SocketAddr,
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
    pub since: Timestamp,
}

/// The route that is live, and its file.
#[derive(Debug)]
pub struct Live {
    file: PathBuf,
    route: watch::Sender<Option<Route>>,
    /// Held while the route is replaced, so that file and memory name the same one.
    replacing: Mutex<()>,
}

impl Live {
    /// What the file says was live last; nothing when there is no file.
    pub fn restore(file: &Path) -> anyhow::Result<Self> {
        let route = read(file)?;
        Ok(Self { file: file.to_owned(), route: watch::Sender::new(route), replacing: Mutex::new(()) })
    }

    pub fn route(&self) -> Option<Route> {
        self.route.borrow().clone()
    }

    pub fn backend(&self) -> Option<SocketAddr> {
        self.route.borrow().as_ref().map(|route| route.backend)
    }

    /// Sends all requests that come from now on somewhere else. The file is first: what was answered survives.
    pub async fn replace(&self, route: Route) -> anyhow::Result<()> {
        let _alone = self.replacing.lock().await;
        let (file, content) = (self.file.clone(), route.clone());
        tokio::task::spawn_blocking(move || write(&file, &content)).await.context("writing was interrupted")??;
        self.route.send_replace(Some(route));
        Ok(())
    }
}

fn read(file: &Path) -> anyhow::Result<Option<Route>> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    let route = serde_json::from_slice(&text);
    route.map(Some).with_context(|| format!("{} is no route; remove it to start without one", file.display()))
}

fn write(file: &Path, route: &Route) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(route)?;
    text.push(b'\n');
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let swap = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut prepared = File::create(&partial)?;
        prepared.write_all(&text)?;
        prepared.sync_all()?;
        fs::rename(&partial, file)?;
        // The rename itself is durable once the folder is.
        File::open(folder)?.sync_all()
    };
    swap().with_context(|| format!("{} cannot be written", file.display()))
}
