//! Asking for a rollback: an update, and the durable signal with the same id when no worker answers.

use crate::contracts::failure::Failure;
use crate::contracts::http::RollbackOutcome;
use crate::contracts::ids::WorkflowId;
use crate::contracts::rollback::RollbackRequest;
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// Asks for the rollback; after 2 s without a worker it leaves the durable signal.
    pub async fn rollback(&self, _id: &WorkflowId, _request: &RollbackRequest) -> Result<RollbackOutcome, Failure> {
        unbuilt("rollback")
    }
}
