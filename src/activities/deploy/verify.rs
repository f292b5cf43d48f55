//! Which version answers where people reach the service.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use tokio::time::Instant;

use crate::activities::body;
use crate::activities::deploy::process::Identity;
use crate::activities::git::repository::Repository;
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::clock::Timestamp;
use crate::contracts::temporal::activities::{VerifiedDeployment, VerifyDeployment};

/// How many answers in a row must name the version: one could be a connection left over from before the switch.
const IN_A_ROW: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// Asks through the public address until the version was seen serving.
pub async fn serving(
    services: &Services,
    service: &Service,
    wanted: &VerifyDeployment,
) -> anyhow::Result<VerifiedDeployment> {
    // A version says its commit in full; one that the repository has forgotten is compared as it was given.
    let commit = Repository::at(&service.repository).commit(&wanted.commit).await;
    let commit = commit.map_or_else(|_| wanted.commit.clone(), |commit| commit.sha);
    let deadline = Instant::now() + PATIENCE;
    let mut n_right = 0;
    loop {
        let found = ask(services, service).await;
        let right = found
            .as_ref()
            .is_ok_and(|found| found.version == wanted.version.as_str() && found.commit == commit.as_str());
        n_right = if right { n_right + 1 } else { 0 };
        if n_right >= IN_A_ROW {
            return Ok(VerifiedDeployment {
                version: wanted.version.clone(),
                commit,
                verified_at: Timestamp::from(SystemTime::now()),
            });
        }
        if Instant::now() > deadline {
            let found = match found {
                Ok(found) => format!("version {} (commit {}) answers", found.version, found.commit),
                Err(error) => format!("{error:#}"),
            };
            bail!("{} should serve version {}, but {found}", service.public_url, wanted.version);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn ask(services: &Services, service: &Service) -> anyhow::Result<Identity> {
    let url = service.public(&service.version_path)?;
    let answer = services.http().get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&body::read(answer).await?)?)
}
