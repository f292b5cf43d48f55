//! The history of a run, newest event first.

use crate::contracts::failure::Failure;
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::workflow::{HistoryPage, PageToken};
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// One page, newest event first.
    pub async fn history(
        &self,
        _id: &WorkflowId,
        _run: Option<&RunId>,
        _page: Option<PageToken>,
    ) -> Result<HistoryPage, Failure> {
        unbuilt("history")
    }
}
