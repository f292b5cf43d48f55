//! The repository of a service: what was released, and the commit that takes it back.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

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
        let service = self.services.get(&rollback.deployment.service).map_err(report)?;
        let rollback_commit = heartbeat::beside(&ctx, rollback::to_commit(service, &rollback)).await.map_err(report)?;
        Ok(CodeRolledBack { rollback_commit })
    }
}
