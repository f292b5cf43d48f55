//! Workflows that work for others: begun once under an id that is never used again, and how they ended. Of any SDK.

use std::time::Duration;

use serde_json::Value;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowIdReusePolicy;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes as A;
use temporalio_common::protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Start, Stop};
use crate::gateway::failure::failure_text;
use crate::gateway::{Call, Gateway, payload};

/// How a workflow ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With this result; with none when it is no JSON.
    Completed(Option<Value>),
    /// It did not complete, and why, as a sentence.
    Otherwise(String),
}

impl Gateway {
    /// Begins a workflow under an id that was never used: sent again it has no second effect, also when the workflow has
    /// ended meanwhile. Somebody else's workflow of that id is a conflict.
    pub async fn start_once(&self, start: &Start, limit: Option<Duration>) -> Result<(), Failure> {
        let request = StartWorkflowExecutionRequest {
            workflow_id_reuse_policy: WorkflowIdReusePolicy::RejectDuplicate.into(),
            workflow_execution_timeout: limit.and_then(|limit| limit.try_into().ok()),
            ..self.start_request(start)
        };
        let what = format!("start {}", start.target.workflow_id);
        self.call(Call::read(&what), request, |mut client, request| async move {
            client.start_workflow_execution(request).await
        })
        .await?;
        Ok(())
    }

    /// Asks such a workflow to end by itself. One that has ended is no failure.
    pub async fn cancel_once(&self, stop: &Stop) -> Result<(), Failure> {
        match self.cancel(stop).await {
            Err(trouble) if trouble.is_gone() => Ok(()),
            asked => Ok(asked?),
        }
    }

    /// How a workflow ended; none while it runs, also as another run.
    pub async fn ending(&self, id: &WorkflowId) -> Result<Option<Ending>, Failure> {
        let row = self.describe(id, None).await?.row;
        if row.status.is_open() {
            return Ok(None);
        }
        let (events, _) = self.reverse_page(id, Some(&row.run_id), None).await?;
        let last = events.into_iter().next().and_then(|event| event.attributes);
        let ending = match last {
            Some(A::WorkflowExecutionCompletedEventAttributes(end)) => {
                let first = end.result.unwrap_or_default().payloads.into_iter().next();
                Ending::Completed(first.map_or(Some(Value::Null), |first| payload::raw_json(&first)))
            }
            Some(A::WorkflowExecutionFailedEventAttributes(end)) => {
                let why = end.failure.as_ref().map_or_else(|| "no reason was given".to_owned(), failure_text);
                Ending::Otherwise(format!("{id} failed: {why}."))
            }
            Some(A::WorkflowExecutionTimedOutEventAttributes(_)) => {
                Ending::Otherwise(format!("{id} did not end within its time."))
            }
            Some(A::WorkflowExecutionCanceledEventAttributes(_)) => Ending::Otherwise(format!("{id} was cancelled.")),
            Some(A::WorkflowExecutionTerminatedEventAttributes(end)) => {
                let why = if end.reason.is_empty() { String::new() } else { format!(": {}", end.reason) };
                Ending::Otherwise(format!("{id} was terminated{why}."))
            }
            _ => {
                let why = format!("How {id} ended cannot be read.");
                return Err(Failure::new(FailureKind::Unavailable, why, "It is tried again by itself."));
            }
        };
        Ok(Some(ending))
    }
}
