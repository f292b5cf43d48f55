//! One workflow in detail: the truth from its mutable state, with what hangs, retries and beats.

use crate::contracts::failure::Failure;
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// The current run, or the one named.
    pub async fn describe(&self, _id: &WorkflowId, _run: Option<&RunId>) -> Result<WorkflowDetail, Failure> {
        unbuilt("describe")
    }
}
