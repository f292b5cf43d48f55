//! The repository of a service: what was released, and the commit that takes it back.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::deploy::target;
use crate::activities::error::report;
use crate::activities::heartbeat;
use crate::activities::services::Services;
use crate::contracts::temporal::activities::{CodeRolledBack, RollbackToCommit, definition};

pub mod repository;
pub mod rollback;

/// Activities of [`crate::contracts::temporal::activities::Git`].
pub struct GitActivities {
    pub services: Arc<Services>,
}

#[activities]
impl GitActivities {
    #[activity(definition = definition::RollbackToCommit)]
    pub async fn rollback_to_commit(
        self: Arc<Self>,
        ctx: ActivityContext,
        rollback: RollbackToCommit,
    ) -> Result<CodeRolledBack, ActivityError> {
        heartbeat::beside(&ctx, self.undo(&rollback)).await.map_err(report)
    }
}

impl GitActivities {
    async fn undo(&self, rollback: &RollbackToCommit) -> anyhow::Result<CodeRolledBack> {
        let service = self.services.get(&rollback.deployment.service)?;
        let undone = &rollback.deployment.deployment_id;
        let kept_for = target::kept_for(&self.services, service, undone).await?;
        if kept_for.is_some() {
            return Ok(CodeRolledBack { kept_for, ..CodeRolledBack::default() });
        }
        let rollback_commit = rollback::to_commit(service, rollback).await?;
        Ok(CodeRolledBack { rollback_commit, kept_for })
    }
}
