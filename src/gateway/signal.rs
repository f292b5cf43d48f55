//! Signals, starting, cancelling and terminating: the calls that any Temporal workflow understands.

use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    RequestCancelWorkflowExecutionRequest, SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
};

use crate::contracts::failure::Failure;
use crate::contracts::ids::{RequestId, RunId};
use crate::contracts::mutation::{Signal, Start, Stop};
use crate::contracts::text;
use crate::gateway::failure::Trouble;
use crate::gateway::{Call, Gateway, describe, payload, rows};

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub run_id: RunId,
    /// True when this very request had started it before: nothing happened twice.
    pub already: bool,
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
        self.past_closing(|| {
            self.call(Call::read(&what), request.clone(), |mut client, request| async move {
                client.signal_workflow_execution(request).await
            })
        })
        .await?;
        Ok(())
    }

    /// Starts a workflow; another running one of that id is a conflict.
    pub async fn start_workflow(&self, start: &Start) -> Result<Started, Failure> {
        Ok(self.start_or_trouble(start).await?)
    }

    pub(crate) async fn start_or_trouble(&self, start: &Start) -> Result<Started, Trouble> {
        let what = format!("start {}", start.target.workflow_id);
        let request = self.start_request(start);
        let answer = self
            .call(Call::read(&what), request, |mut client, request| async move {
                client.start_workflow_execution(request).await
            })
            .await?;
        Ok(Started { run_id: rows::run_id(&answer.run_id), already: !answer.started })
    }

    pub(crate) fn start_request(&self, start: &Start) -> StartWorkflowExecutionRequest {
        StartWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_id: text::original(start.target.workflow_id.as_str()).into_owned(),
            workflow_type: Some(v1::WorkflowType { name: text::original(start.workflow_type.as_str()).into_owned() }),
            task_queue: Some(TaskQueue {
                name: text::original(&start.task_queue).into_owned(),
                ..TaskQueue::default()
            }),
            input: payload::encode_all(&start.input),
            identity: self.identity(),
            request_id: start.target.request_id.to_string(),
            ..StartWorkflowExecutionRequest::default()
        }
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

/// A fresh id for one intent of one person.
pub fn request_id() -> RequestId {
    RequestId::new(uuid::Uuid::new_v4().to_string())
}
