//! The database of a service: backup, migrations, and the way back.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::error::report;
use crate::activities::services::Services;
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
        _ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<Backup, ActivityError> {
        let database = self.services.get(&deployment.service).and_then(|service| service.database()).map_err(report)?;
        backup::create(database, &deployment.deployment_id).await.map_err(report)
    }

    #[activity(definition = definition::VerifyBackup)]
    pub async fn verify_backup(
        self: Arc<Self>,
        _ctx: ActivityContext,
        verify: VerifyBackup,
    ) -> Result<VerifiedBackup, ActivityError> {
        let database = self.services.get(&verify.service).and_then(|service| service.database()).map_err(report)?;
        backup::verify(database, &verify.backup).await.map_err(report)
    }

    #[activity(definition = definition::RunProductionMigrations)]
    pub async fn run_production_migrations(
        self: Arc<Self>,
        _ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<MigrationReport, ActivityError> {
        let service = self.services.get(&deployment.service).map_err(report)?;
        migrations::run(service, &deployment).await.map_err(report)
    }

    #[activity(definition = definition::RollbackMigration)]
    pub async fn rollback_migration(
        self: Arc<Self>,
        _ctx: ActivityContext,
        rollback: RollbackMigration,
    ) -> Result<MigrationsRolledBack, ActivityError> {
        let service = self.services.get(&rollback.deployment.service).map_err(report)?;
        migrations::undo(service, &rollback).await.map_err(report)
    }
}
