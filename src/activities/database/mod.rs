//! The database of a service: backup, migrations, and the way back.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::deploy::target;
use crate::activities::error::report;
use crate::activities::heartbeat::{self, Stop};
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::temporal::activities::{
    Backup, DeploymentRef, MigrationReport, MigrationsRolledBack, RollbackMigration, VerifiedBackup, VerifyBackup,
    definition,
};

pub mod backup;
pub mod connection;
pub mod migrations;
pub mod restore;

/// Activities of [`crate::contracts::temporal::activities::Database`].
pub struct DatabaseActivities {
    pub services: Arc<Services>,
}

#[activities]
impl DatabaseActivities {
    #[activity(definition = definition::CreateProductionBackup)]
    pub async fn create_production_backup(
        self: Arc<Self>,
        ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<Backup, ActivityError> {
        let service = self.services.get(&deployment.service).map_err(report)?;
        let Some(database) = &service.database else { return Ok(Backup::default()) };
        heartbeat::beside(&ctx, backup::create(database, &deployment.deployment_id)).await.map_err(report)
    }

    #[activity(definition = definition::VerifyBackup)]
    pub async fn verify_backup(
        self: Arc<Self>,
        ctx: ActivityContext,
        verify: VerifyBackup,
    ) -> Result<VerifiedBackup, ActivityError> {
        let database = self.services.get(&verify.service).and_then(Service::database).map_err(report)?;
        heartbeat::beside(&ctx, backup::verify(database, &verify.backup)).await.map_err(report)
    }

    #[activity(definition = definition::RunProductionMigrations)]
    pub async fn run_production_migrations(
        self: Arc<Self>,
        ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<MigrationReport, ActivityError> {
        let service = self.services.get(&deployment.service).map_err(report)?;
        let stop = Stop::default();
        heartbeat::until_it_stops(&ctx, &stop, migrations::run(service, &deployment, &stop)).await.map_err(report)
    }

    #[activity(definition = definition::RollbackMigration)]
    pub async fn rollback_migration(
        self: Arc<Self>,
        ctx: ActivityContext,
        rollback: RollbackMigration,
    ) -> Result<MigrationsRolledBack, ActivityError> {
        heartbeat::until_it_stops(&ctx, &Stop::default(), self.undo(&rollback)).await.map_err(report)
    }
}

impl DatabaseActivities {
    async fn undo(&self, rollback: &RollbackMigration) -> anyhow::Result<MigrationsRolledBack> {
        let service = self.services.get(&rollback.deployment.service)?;
        let undone = &rollback.deployment.deployment_id;
        let kept_for = target::kept_for(&self.services, service, undone).await?;
        if kept_for.is_some() {
            return Ok(MigrationsRolledBack { kept_for, ..MigrationsRolledBack::default() });
        }
        migrations::undo(service, rollback).await
    }
}
