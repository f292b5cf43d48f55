//! The last word on a deployment that was watched: everything measured, held together, and looked at once more.
//!
//! The deterministic part of C17: what can be decided by rules is. Each finding is a sentence; one of them is enough
//! to make the deployment invalid.

use crate::activities::database::connection::{self, Access};
use crate::activities::database::migrations::Migrations;
use crate::activities::deploy::target;
use crate::activities::monitor::probe;
use crate::activities::services::Services;
use crate::config::settings::{Database, Service};
use crate::contracts::health::{HealthReport, TriggerStatus};
use crate::contracts::ids::CommitSha;
use crate::contracts::temporal::activities::{ValidateProduction, Validation};

/// Looks at the live system and at what was measured.
pub async fn validate(services: &Services, input: &ValidateProduction) -> anyhow::Result<Validation> {
    let service = services.get(&input.deployment.service)?;
    let mut findings = serving(services, service, input).await?;
    findings.extend(measured(&input.report));
    let critical = input.uat.iter().filter(|journey| journey.critical && !journey.passed);
    findings.extend(critical.map(|journey| format!("Journey \"{}\" failed: {}.", journey.name, journey.detail)));
    let unwalked = service.journeys.iter().filter(|one| input.uat.iter().all(|journey| journey.name != one.name));
    findings.extend(unwalked.map(|journey| format!("Journey \"{}\" was not walked.", journey.name)));
    if let Some(database) = &service.database {
        findings.extend(schema(service, database, &input.deployment.commit).await?);
    }
    Ok(Validation { valid: findings.is_empty(), findings })
}

async fn serving(services: &Services, service: &Service, input: &ValidateProduction) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    match target::of(services, service).live().await? {
        Some(live) if live.deployment_id == input.deployment.deployment_id => {}
        Some(live) => findings.push(format!("Deployment {} has the traffic.", live.deployment_id)),
        None => findings.push("No deployment has the traffic.".to_owned()),
    }
    let look = probe::look(services, service, Services::HTTP_DEADLINE).await;
    match look.version.as_deref() {
        Some(version) if version == input.version.as_str() => {}
        Some(version) => findings.push(format!("Version {version} answers, not {}.", input.version)),
        None => findings.push("The service does not say which version it is.".to_owned()),
    }
    if !look.healthy {
        let found = look.http_status.map_or_else(|| "does not answer".to_owned(), |status| format!("answers {status}"));
        findings.push(format!("The health endpoint {found}."));
    }
    if look.database_ok == Some(false) {
        findings.push("The service has lost its database.".to_owned());
    }
    Ok(findings)
}

/// What the watch left open.
fn measured(report: &HealthReport) -> Vec<String> {
    if report.samples.is_empty() {
        return vec!["Nothing was measured while watching.".to_owned()];
    }
    let open = report.triggers.iter().filter(|row| match row.status {
        TriggerStatus::Failing { .. } | TriggerStatus::Fired => true,
        TriggerStatus::Ok | TriggerStatus::Unknown => false,
    });
    open.map(|row| format!("The watch ended with {}: {} (limit {}).", row.trigger.title(), row.now, row.limit))
        .collect()
}

/// Whether the database is whole and where the commit wants it.
async fn schema(service: &Service, database: &Database, commit: &CommitSha) -> anyhow::Result<Vec<String>> {
    let wanted: Vec<i64> = Migrations::of(service, database, commit).await?.versions().collect();
    let mut live = connection::open(&database.file, Access::Live).await?;
    let applied = connection::applied(&mut live).await?;
    let complaints = connection::complaints(&mut live).await?;
    connection::close(live).await?;
    let missing = wanted.iter().filter(|version| !applied.contains(version));
    let missing = missing.map(|version| format!("Migration {version} is not applied."));
    let damage = complaints.iter().take(1).map(|complaint| format!("The database is damaged: {complaint}."));
    Ok(missing.chain(damage).collect())
}
