//! Deciding a gate: an update whose id is the decision's own, in doubt when no worker answers.

use std::time::Duration;

use crate::contracts::decision::{Decide, Outcome};
use crate::contracts::failure::Failure;
use crate::contracts::ids::{DecisionId, WorkflowId};
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// Sends a decision and waits 2 s for a worker; then it is in doubt. Sending it again has no second effect. A
    /// rejection in doubt is repeated as the durable signal.
    pub async fn decide(&self, _id: &WorkflowId, _decide: &Decide) -> Result<Outcome, Failure> {
        unbuilt("decide")
    }

    /// Watches a decision that was sent, until its outcome is known or the time is over.
    pub async fn decide_follow(
        &self,
        _id: &WorkflowId,
        _decision: &DecisionId,
        _within: Duration,
    ) -> Result<Outcome, Failure> {
        unbuilt("follow a decision")
    }
}
