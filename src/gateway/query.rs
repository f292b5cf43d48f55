//! Queries: what a workflow says of itself. They need a worker, so nobody waits for one for long.

use std::time::Duration;

use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_common::protos::temporal::api::workflowservice::v1::QueryWorkflowRequest;

use crate::contracts::engine::state::EngineState;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::temporal::names::query;
use crate::gateway::{Call, Gateway, describe, payload};

/// A worker that is there answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

impl Gateway {
    /// A goal's state, its text as it is: for rules, not for screens. Of a goal that has ended, too.
    pub async fn goal_state(&self, id: &WorkflowId) -> Result<EngineState, Failure> {
        let request = QueryWorkflowRequest {
            namespace: self.namespace(),
            execution: Some(describe::execution(id, None)),
            query: Some(WorkflowQuery { query_type: query::CURRENT_STATE.to_owned(), ..WorkflowQuery::default() }),
            ..QueryWorkflowRequest::default()
        };
        let what = format!("query the state of {id}");
        let answer = self
            .call(Call::waiting(&what, PATIENCE), request, |mut client, request| async move {
                client.query_workflow(request).await
            })
            .await?;
        let payloads = answer.query_result.unwrap_or_default();
        let state = payloads.payloads.first().and_then(payload::raw_json);
        state.and_then(|state| serde_json::from_value(state).ok()).ok_or_else(|| {
            let hint = "Look whether it is a workflow of the engine.";
            Failure::new(FailureKind::Internal, format!("The state of {id} cannot be read."), hint)
        })
    }
}
