//! Signals, queries, starting, cancelling and terminating: the calls that any Temporal workflow understands.

use std::time::Duration;

use serde_json::Value;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1;
use temporalio_common::protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    QueryWorkflowRequest, RequestCancelWorkflowExecutionRequest, SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{RequestId, RunId, WorkflowId};
use crate::contracts::mutation::{Signal, Start, Stop};
use crate::contracts::text;
use crate::gateway::failure::Trouble;
use crate::gateway::{Call, Gateway, describe, payload, rows};

/// A living worker answers a query in milliseconds; without one it would take its whole deadline.
const QUERY: Duration = Duration::from_secs(2);

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub run_id: RunId,
    /// True when this very request had started it before: nothing happened twice.
    pub already: bool,
}

/// A question to a workflow.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub name: &'a str,
    pub args: &'a [Value],
}

impl Gateway {
    /// Sends a signal. The server keeps it, worker or not; sent twice under one request id it is kept once a run.
    pub async fn signal(&self, signal: &Signal) -> Result<(), Failure> {
        Ok(self.signal_or_trouble(signal).await?)
    }

    pub(crate) async fn signal_or_trouble(&self, signal: &Signal) -> Result<(), Trouble> {
        let id = &signal.target.workflow_id;
        let request = SignalWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_execution: Some(describe::execution(id, signal.run_id.as_ref())),
            signal_name: signal.name.clone(),
            input: payload::encode_all(&signal.args),
            identity: self.identity(),
            request_id: signal.target.request_id.to_string(),
            ..SignalWorkflowExecutionRequest::default()
        };
        let what = format!("send signal {} to {id}", signal.name);
        self.call(Call::read(&what), request, |mut client, request| async move {
            client.signal_workflow_execution(request).await
        })
        .await?;
        Ok(())
    }

    /// Asks a workflow. Needs a living worker; gives up after 2 s. Never the way to the truth about gates and health.
    pub async fn query(&self, id: &WorkflowId, run: Option<&RunId>, question: Question<'_>) -> Result<Value, Failure> {
        let request = QueryWorkflowRequest {
            namespace: self.namespace(),
            execution: Some(describe::execution(id, run)),
            query: Some(WorkflowQuery {
                query_type: question.name.to_owned(),
                query_args: payload::encode_all(question.args),
                header: None,
            }),
            ..QueryWorkflowRequest::default()
        };
        let what = format!("ask {id} for {}", question.name);
        let answer = self
            .call(Call::waiting(&what, QUERY), request, |mut client, request| async move {
                client.query_workflow(request).await
            })
            .await
            .map_err(|trouble| unanswered(trouble.into()))?;
        let result = answer.query_result.unwrap_or_default();
        let Some(first) = result.payloads.first() else { return Ok(Value::Null) };
        payload::json(first).ok_or_else(|| {
            Failure::new(
                FailureKind::Invalid,
                format!("Cannot {what}: the answer is not JSON ({}).", payload::encoding(first)),
                "Ask with the workflow's own client.",
            )
        })
    }

    /// Starts a workflow; another running one of that id is a conflict.
    pub async fn start_workflow(&self, start: &Start) -> Result<Started, Failure> {
        Ok(self.start_or_trouble(start).await?)
    }

    pub(crate) async fn start_or_trouble(&self, start: &Start) -> Result<Started, Trouble> {
        let id = &start.target.workflow_id;
        let request = StartWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_id: text::original(id.as_str()).into_owned(),
            workflow_type: Some(v1::WorkflowType { name: text::original(start.workflow_type.as_str()).into_owned() }),
            task_queue: Some(TaskQueue {
                name: text::original(&start.task_queue).into_owned(),
                ..TaskQueue::default()
            }),
            input: payload::encode_all(&start.input),
            identity: self.identity(),
            request_id: start.target.request_id.to_string(),
            ..StartWorkflowExecutionRequest::default()
        };
        let what = format!("start {id}");
        let answer = self
            .call(Call::read(&what), request, |mut client, request| async move {
                client.start_workflow_execution(request).await
            })
            .await?;
        Ok(Started { run_id: rows::run_id(&answer.run_id), already: !answer.started })
    }

    /// Asks a workflow to end by itself.
    pub(crate) async fn cancel(&self, stop: &Stop) -> Result<(), Trouble> {
        let id = &stop.target.workflow_id;
        let request = RequestCancelWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_execution: Some(describe::execution(id, stop.run_id.as_ref())),
            identity: self.identity(),
            request_id: stop.target.request_id.to_string(),
            reason: stop.reason.clone(),
            ..RequestCancelWorkflowExecutionRequest::default()
        };
        let what = format!("cancel {id}");
        self.call(Call::read(&what), request, |mut client, request| async move {
            client.request_cancel_workflow_execution(request).await
        })
        .await?;
        Ok(())
    }

    /// Ends a workflow where it stands.
    pub async fn terminate(&self, stop: &Stop) -> Result<(), Failure> {
        Ok(self.terminate_or_trouble(stop).await?)
    }

    pub(crate) async fn terminate_or_trouble(&self, stop: &Stop) -> Result<(), Trouble> {
        let id = &stop.target.workflow_id;
        let request = TerminateWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_execution: Some(describe::execution(id, stop.run_id.as_ref())),
            reason: stop.reason.clone(),
            identity: self.identity(),
            ..TerminateWorkflowExecutionRequest::default()
        };
        let what = format!("terminate {id}");
        self.call(Call::read(&what), request, |mut client, request| async move {
            client.terminate_workflow_execution(request).await
        })
        .await?;
        Ok(())
    }
}

/// Silence after a query means something else than silence elsewhere.
fn unanswered(failure: Failure) -> Failure {
    if failure.kind == FailureKind::DeadlineExceeded {
        let hint = "Queries need a living worker on the workflow's task queue; phases, gates and health do not.";
        return Failure { hint: hint.to_owned(), ..failure };
    }
    failure
}

/// A fresh id for one intent of one person.
pub fn request_id() -> RequestId {
    RequestId::new(uuid::Uuid::new_v4().to_string())
}
