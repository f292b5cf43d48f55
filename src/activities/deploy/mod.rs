//! Where versions run: what is live, putting another version on, going back.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::deploy::target::Release;
use crate::activities::error::{Cause, permanent, report};
use crate::activities::git::repository::Repository;
use crate::activities::heartbeat::{self, Stop};
use crate::activities::services::Services;
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::ServiceName;
use crate::contracts::rollback::RollbackReadiness;
use crate::contracts::temporal::activities::{
    Deployed, DeploymentRef, GoLive, RedeployPrevious, Subject, VerifiedDeployment, VerifyDeployment, definition,
};

pub mod process;
pub mod readiness;
pub mod target;
pub mod verify;

/// Activities of [`crate::contracts::temporal::activities::Deploy`].
pub struct DeployActivities {
    pub services: Arc<Services>,
}

#[activities]
impl DeployActivities {
    #[activity(definition = definition::GetDeploymentStatus)]
    pub async fn get_deployment_status(
        self: Arc<Self>,
        _ctx: ActivityContext,
        name: ServiceName,
    ) -> Result<LiveVersion, ActivityError> {
        self.status(&name).await.map_err(report)
    }

    #[activity(definition = definition::GetRollbackReadiness)]
    pub async fn get_rollback_readiness(
        self: Arc<Self>,
        _ctx: ActivityContext,
        subject: Subject,
    ) -> Result<RollbackReadiness, ActivityError> {
        readiness::look(&self.services, &subject).await.map_err(report)
    }

    #[activity(definition = definition::DeployToProduction)]
    pub async fn deploy_to_production(
        self: Arc<Self>,
        ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<Deployed, ActivityError> {
        heartbeat::beside(&ctx, self.start(&deployment)).await.map_err(report)
    }

    #[activity(definition = definition::WaitForDeployment)]
    pub async fn wait_for_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        go_live: GoLive,
    ) -> Result<LiveVersion, ActivityError> {
        heartbeat::beside(&ctx, self.await_healthy(&go_live.deployment)).await.map_err(report)?;
        heartbeat::until_it_stops(&ctx, &Stop::default(), self.promote(&go_live)).await.map_err(report)
    }

    #[activity(definition = definition::VerifyDeployment)]
    pub async fn verify_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        verify: VerifyDeployment,
    ) -> Result<VerifiedDeployment, ActivityError> {
        heartbeat::beside(&ctx, self.verify(&verify)).await.map_err(report)
    }

    #[activity(definition = definition::RollbackDeployment)]
    pub async fn rollback_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        redeploy: RedeployPrevious,
    ) -> Result<LiveVersion, ActivityError> {
        heartbeat::beside(&ctx, self.restore(&redeploy)).await.map_err(report)
    }
}

impl DeployActivities {
    async fn status(&self, name: &ServiceName) -> anyhow::Result<LiveVersion> {
        let service = self.services.get(name)?;
        let live = target::of(&self.services, service).live().await?;
        live.ok_or_else(|| permanent(Cause::NothingLive, format!("no version of `{name}` is live yet")))
    }

    async fn start(&self, deployment: &DeploymentRef) -> anyhow::Result<Deployed> {
        let release = self.release(deployment).await?;
        target::of(&self.services, self.services.get(&deployment.service)?).start(&release).await?;
        let Release { deployment_id, version, commit } = release;
        Ok(Deployed { deployment_id, version, commit })
    }

    async fn await_healthy(&self, deployment: &DeploymentRef) -> anyhow::Result<()> {
        let release = self.release(deployment).await?;
        target::of(&self.services, self.services.get(&deployment.service)?).await_healthy(&release).await
    }

    async fn promote(&self, GoLive { deployment, replaces }: &GoLive) -> anyhow::Result<LiveVersion> {
        let release = self.release(deployment).await?;
        let service = self.services.get(&deployment.service)?;
        target::of(&self.services, service).promote(&release, replaces.as_ref()).await
    }

    async fn verify(&self, verify: &VerifyDeployment) -> anyhow::Result<VerifiedDeployment> {
        let service = self.services.get(&verify.service)?;
        let verified = verify::serving(&self.services, service, verify).await?;
        // What was seen serving is verified, whatever a process that should be gone still does.
        if let Err(error) = target::of(&self.services, service).retire().await {
            tracing::warn!(error = format!("{error:#}"), "what is over could not be ended: the next look tries again");
        }
        Ok(verified)
    }

    async fn restore(&self, redeploy: &RedeployPrevious) -> anyhow::Result<LiveVersion> {
        let service = self.services.get(&redeploy.service)?;
        target::of(&self.services, service).restore(&redeploy.undone, &redeploy.previous).await
    }

    async fn release(&self, deployment: &DeploymentRef) -> anyhow::Result<Release> {
        if deployment.deployment_id.is_empty() {
            return Err(permanent(Cause::InvalidRequest, "a deployment without an id cannot be told from another"));
        }
        let repository = Repository::at(&self.services.get(&deployment.service)?.repository);
        let commit = repository.commit(&deployment.commit).await?;
        let version = repository.version(&commit).await?;
        Ok(Release { deployment_id: deployment.deployment_id.clone(), version, commit: commit.sha })
    }
}
