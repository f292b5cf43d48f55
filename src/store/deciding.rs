//! One decision at a time on a workflow, whoever decides.

use sqlx::query;

use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::ids::WorkflowId;
use crate::store::callbacks::later;
use crate::store::{Store, StoreError};

impl Store {
    /// Whether the caller may decide on this workflow now, for as long as `lease`: nobody else does.
    pub async fn begin_deciding(
        &self,
        workflow: &WorkflowId,
        now: UnixMillis,
        lease: Millis,
    ) -> Result<bool, StoreError> {
        let begun = query(
            "INSERT INTO deciding (workflow_id, until_at) VALUES ($1, $2) ON CONFLICT (workflow_id) \
             DO UPDATE SET until_at = excluded.until_at WHERE deciding.until_at <= $3",
        )
        .bind(workflow.as_str())
        .bind(later(now, lease))
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// The next one may.
    pub async fn end_deciding(&self, workflow: &WorkflowId) -> Result<(), StoreError> {
        query("DELETE FROM deciding WHERE workflow_id = $1").bind(workflow.as_str()).execute(&self.pool).await?;
        Ok(())
    }
}
