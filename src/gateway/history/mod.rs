//! The history of a run, newest event first.

pub(crate) mod events;

use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::history::v1 as proto;
use temporalio_common::protos::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryReverseRequest;

use crate::contracts::failure::Failure;
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::workflow::{HistoryPage, PageToken};
use crate::gateway::failure::Trouble;
use crate::gateway::{Call, Gateway, describe};

/// Events of one page: more than a screen, little enough for a bad link.
const PAGE: i32 = 200;

impl Gateway {
    /// One page, newest event first.
    pub async fn history(
        &self,
        id: &WorkflowId,
        run: Option<&RunId>,
        page: Option<PageToken>,
    ) -> Result<HistoryPage, Failure> {
        let (events, next) = self.reverse_page(id, run, page).await?;
        Ok(HistoryPage { events: events.into_iter().map(events::event).collect(), next })
    }

    /// The same, as the server sends it.
    pub(crate) async fn reverse_page(
        &self,
        id: &WorkflowId,
        run: Option<&RunId>,
        page: Option<PageToken>,
    ) -> Result<(Vec<proto::HistoryEvent>, Option<PageToken>), Trouble> {
        let request = GetWorkflowExecutionHistoryReverseRequest {
            namespace: self.namespace(),
            execution: Some(describe::execution(id, run)),
            maximum_page_size: PAGE,
            next_page_token: page.map(|page| page.0).unwrap_or_default(),
        };
        let what = format!("read the history of {id}");
        let answer = self
            .call(Call::long_read(&what), request, |mut client, request| async move {
                client.get_workflow_execution_history_reverse(request).await
            })
            .await?;
        let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(PageToken);
        Ok((answer.history.unwrap_or_default().events, next))
    }
}
