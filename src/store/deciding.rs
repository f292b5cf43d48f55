//! One decision at a time on a workflow, whoever decides.

use sqlx::query;
use uuid::Uuid;

use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::ids::WorkflowId;
use crate::store::callbacks::later;
use crate::store::{Store, StoreError};

/// The right to decide on a workflow for a while.
#[derive(Debug)]
pub struct Turn {
    workflow: WorkflowId,
    /// No other turn has it.
    owner: String,
}

impl Store {
    /// The caller's turn to decide on this workflow for as long as `lease`: nobody else does. None while somebody has it.
    pub async fn begin_deciding(
        &self,
        workflow: &WorkflowId,
        now: UnixMillis,
        lease: Millis,
    ) -> Result<Option<Turn>, StoreError> {
        let turn = Turn { workflow: workflow.clone(), owner: Uuid::new_v4().to_string() };
        let begun = query(
            "INSERT INTO deciding (workflow_id, until_at, owner) VALUES ($1, $2, $3) ON CONFLICT (workflow_id) \
             DO UPDATE SET until_at = excluded.until_at, owner = excluded.owner WHERE deciding.until_at <= $4",
        )
        .bind(workflow.as_str())
        .bind(later(now, lease))
        .bind(turn.owner.as_str())
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok((begun.rows_affected() == 1).then_some(turn))
    }

    /// The next one may. A turn that was over already has no say in it.
    pub async fn end_deciding(&self, turn: Turn) -> Result<(), StoreError> {
        query("DELETE FROM deciding WHERE workflow_id = $1 AND owner = $2")
            .bind(turn.workflow.as_str())
            .bind(turn.owner.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
