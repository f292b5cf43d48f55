//! Checks of a release: the gates before it, the acceptance and the last word after it.

use std::sync::Arc;
use std::time::SystemTime;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::checks::evaluate::Examined;
use crate::activities::deploy::readiness;
use crate::activities::error::report;
use crate::activities::git::repository::Repository;
use crate::activities::heartbeat;
use crate::activities::services::Services;
use crate::contracts::clock::Timestamp;
use crate::contracts::evidence::{Check, EvidencePackage};
use crate::contracts::temporal::activities::{
    CollectEvidence, DeploymentRef, ReadinessReport, Subject, UatResults, ValidateProduction, Validation, definition,
};

pub mod acceptance;
pub mod catalogue;
pub mod evaluate;
pub mod readiness_report;
pub mod rehearsal;
pub mod reports;
pub mod validation;

/// Activities of [`crate::contracts::temporal::activities::Checks`].
pub struct CheckActivities {
    pub services: Arc<Services>,
}

#[activities]
impl CheckActivities {
    #[activity(definition = definition::ValidateAllGates)]
    pub async fn validate_all_gates(
        self: Arc<Self>,
        ctx: ActivityContext,
        subject: Subject,
    ) -> Result<Vec<Check>, ActivityError> {
        let gates = async { Examined::of(&self.services, &subject).await?.all().await };
        heartbeat::beside(&ctx, gates).await.map_err(report)
    }

    #[activity(definition = definition::CollectAllEvidence)]
    pub async fn collect_all_evidence(
        self: Arc<Self>,
        ctx: ActivityContext,
        collect: CollectEvidence,
    ) -> Result<EvidencePackage, ActivityError> {
        heartbeat::beside(&ctx, self.package(collect)).await.map_err(report)
    }

    #[activity(definition = definition::GenerateReadinessReport)]
    #[expect(clippy::needless_pass_by_value, reason = "an activity owns its argument")]
    pub fn generate_readiness_report(
        _ctx: ActivityContext,
        package: EvidencePackage,
    ) -> Result<ReadinessReport, ActivityError> {
        Ok(readiness_report::write(&package))
    }

    #[activity(definition = definition::CheckDocumentation)]
    pub async fn check_documentation(
        self: Arc<Self>,
        ctx: ActivityContext,
        subject: Subject,
    ) -> Result<Check, ActivityError> {
        heartbeat::beside(&ctx, self.gate(&subject, catalogue::DOCUMENTATION)).await.map_err(report)
    }

    #[activity(definition = definition::CheckMonitoring)]
    pub async fn check_monitoring(
        self: Arc<Self>,
        ctx: ActivityContext,
        subject: Subject,
    ) -> Result<Check, ActivityError> {
        heartbeat::beside(&ctx, self.gate(&subject, catalogue::MONITORING)).await.map_err(report)
    }

    #[activity(definition = definition::RunProductionUat)]
    pub async fn run_production_uat(
        self: Arc<Self>,
        ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<UatResults, ActivityError> {
        let service = self.services.get(&deployment.service).map_err(report)?;
        let journeys = heartbeat::beside(&ctx, acceptance::run(&self.services, service)).await.map_err(report)?;
        Ok(UatResults { journeys })
    }

    #[activity(definition = definition::ValidateProduction)]
    pub async fn validate_production(
        self: Arc<Self>,
        ctx: ActivityContext,
        validate: ValidateProduction,
    ) -> Result<Validation, ActivityError> {
        heartbeat::beside(&ctx, validation::validate(&self.services, &validate)).await.map_err(report)
    }
}

impl CheckActivities {
    async fn gate(&self, subject: &Subject, id: &str) -> anyhow::Result<Check> {
        Examined::of(&self.services, subject).await?.one(id).await
    }

    async fn package(&self, collect: CollectEvidence) -> anyhow::Result<EvidencePackage> {
        let service = self.services.of(&collect.subject)?;
        let repository = Repository::at(&service.repository);
        let commit = repository.commit(&collect.subject.commit).await?;
        Ok(EvidencePackage {
            version: repository.version(&commit).await?,
            rollback: readiness::look(&self.services, &collect.subject).await?,
            commit: commit.sha,
            subject: commit.subject,
            author: commit.author,
            checks: collect.checks,
            collected_at: Timestamp::from(SystemTime::now()),
        })
    }
}
