//! Lists and counts of workflows, by visibility query. A list is a hint: see [`crate::gateway::describe`] for the truth.

use crate::contracts::failure::Failure;
use crate::contracts::workflow::{PageToken, WorkflowCounts, WorkflowPage};
use crate::gateway::{Gateway, unbuilt};

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// One page. An empty query lists everything.
    pub async fn list(&self, _query: &str, _page: Option<PageToken>, _size: u32) -> Result<WorkflowPage, Failure> {
        unbuilt("list")
    }

    /// How many workflows a query matches, in all and by status.
    pub async fn count(&self, _query: &str) -> Result<WorkflowCounts, Failure> {
        unbuilt("count")
    }
}
