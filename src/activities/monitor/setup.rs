//! The standing watch: a record beside the service's incidents that says what is watched, where, since when.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::activities::files;
use crate::activities::monitor::probe;
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::clock::Timestamp;
use crate::contracts::ids::{CommitSha, DeploymentId, ServiceName};
use crate::contracts::temporal::activities::{DeploymentRef, MonitoringSetup};

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingWatch {
    pub service: ServiceName,
    pub deployment_id: DeploymentId,
    pub commit: CommitSha,
    pub since: Timestamp,
    /// The counters that triggers need could be read.
    pub active: bool,
    /// Why not; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    pub dashboards: Vec<String>,
}

/// Looks whether the service can be watched and writes down that it is.
pub async fn leave(
    services: &Services,
    service: &Service,
    deployment: &DeploymentRef,
) -> anyhow::Result<MonitoringSetup> {
    let metrics = probe::metrics(services, service, Services::HTTP_DEADLINE).await;
    let why_not = match metrics {
        Ok(metrics) if metrics.has_requests && metrics.has_durations => None,
        Ok(metrics) => Some(missing(&metrics)),
        Err(error) => Some(format!("{error:#}")),
    };
    let dashboards: Vec<String> = [&service.health_path, &service.metrics_path]
        .into_iter()
        .map(|path| service.public(path).map(String::from))
        .collect::<anyhow::Result<_>>()?;
    let path = service.records.join("monitoring").join(format!("{}.json", files::name(service.name.as_str())));
    let before: Option<StandingWatch> = files::read_json(&path)?;
    let since = before.filter(|before| before.deployment_id == deployment.deployment_id).map(|before| before.since);
    let watch = StandingWatch {
        service: service.name.clone(),
        deployment_id: deployment.deployment_id.clone(),
        commit: deployment.commit.clone(),
        since: since.unwrap_or_else(|| Timestamp::from(SystemTime::now())),
        active: why_not.is_none(),
        why_not,
        dashboards,
    };
    files::write_json(&path, &watch)?;
    Ok(MonitoringSetup { active: watch.active, dashboards: watch.dashboards })
}

/// What a scrape lacks, in words.
pub fn missing(metrics: &probe::Metrics) -> String {
    let lacking: Vec<&str> =
        [(metrics.has_requests, "http_requests_total"), (metrics.has_durations, "http_request_duration_seconds")]
            .into_iter()
            .filter_map(|(present, name)| (!present).then_some(name))
            .collect();
    format!("no {}", lacking.join(", no "))
}
