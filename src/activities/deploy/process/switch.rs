//! The traffic switch, as its admin address answers: which backend gets all traffic.

use anyhow::Context as _;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::activities::body;
use crate::activities::services;
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::{CommitSha, DeploymentId, Version};

/// Where the traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Host and port.
    pub backend: String,
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
    pub since: Timestamp,
}

impl Route {
    pub fn live(&self) -> LiveVersion {
        LiveVersion {
            deployment_id: self.deployment_id.clone(),
            version: self.version.clone(),
            commit: self.commit.clone(),
            since: self.since,
        }
    }
}

/// The switch of a service.
#[derive(Clone, Copy, Debug)]
pub struct Switch<'a> {
    pub http: &'a reqwest::Client,
    pub admin: &'a Url,
}

impl Switch<'_> {
    /// Where the traffic goes now; `None` before the first deployment.
    pub async fn route(&self) -> anyhow::Result<Option<Route>> {
        let url = services::join(self.admin, "/switch")?;
        let answer = self.http.get(url).send().await.context("the traffic switch does not answer")?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().context("the traffic switch refuses to say what is live")?;
        let read = async { anyhow::Ok(serde_json::from_slice(&body::read(answer).await?)?) };
        read.await.map(Some).context("the traffic switch's answer cannot be read")
    }

    /// Sends all traffic somewhere else, at once.
    pub async fn set(&self, route: &Route) -> anyhow::Result<()> {
        let url = services::join(self.admin, "/switch")?;
        let answer = self.http.put(url).json(route).send().await.context("the traffic switch does not answer")?;
        answer.error_for_status().context("the traffic switch refuses the new route")?;
        Ok(())
    }
}
