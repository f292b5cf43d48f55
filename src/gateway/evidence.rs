//! The evidence an approver is shown, read from the history: no worker is needed.

use crate::contracts::evidence::ShownEvidence;
use crate::contracts::failure::Failure;
use crate::contracts::ids::WorkflowId;
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// What the last `collectAllEvidence` of the current run returned; none when it has not run.
    pub async fn evidence(&self, _id: &WorkflowId) -> Result<Option<ShownEvidence>, Failure> {
        unbuilt("evidence")
    }
}
