//! Updates in general: sent under a stable id, answered, rejected, or in doubt when no worker answers in time.

use std::time::Duration;

use serde_json::Value;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1::Payloads;
use temporalio_common::protos::temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage;
use temporalio_common::protos::temporal::api::update::v1::{self as proto, outcome};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    PollWorkflowExecutionUpdateRequest, UpdateWorkflowExecutionRequest,
};

use crate::contracts::decision::Refusal;
use crate::contracts::failure::Failure;
use crate::contracts::ids::WorkflowId;
use crate::contracts::text;
use crate::gateway::failure::{Trouble, failure_text};
use crate::gateway::{Call, Gateway, describe, payload};

/// How long a worker may take before an update is in doubt. A worker that is there answers within milliseconds; one
/// that was killed holds its sticky queue for a second.
pub(crate) const ACCEPTANCE: Duration = Duration::from_secs(2);

/// An update to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) name: &'a str,
    /// Sent again under the same id it has no second effect.
    pub(crate) id: &'a str,
}

/// What became of an update.
#[derive(Debug)]
pub(crate) enum Asked {
    Answered(Option<Payloads>),
    /// The workflow refused it, in these words.
    Rejected(String),
    /// Nobody has answered yet; it may still be applied.
    InDoubt,
}

impl Gateway {
    /// Sends an update and waits for its outcome, but no longer than a living worker needs.
    pub(crate) async fn update(&self, id: &WorkflowId, ask: Ask<'_>, argument: &Value) -> Result<Asked, Failure> {
        let request = UpdateWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_execution: Some(describe::execution(id, None)),
            wait_policy: Some(proto::WaitPolicy { lifecycle_stage: Stage::Completed.into() }),
            request: Some(proto::Request {
                meta: Some(proto::Meta { update_id: ask.id.to_owned(), identity: self.identity() }),
                input: Some(proto::Input {
                    name: ask.name.to_owned(),
                    args: payload::encode_all(std::slice::from_ref(argument)),
                    ..proto::Input::default()
                }),
                ..proto::Request::default()
            }),
            ..UpdateWorkflowExecutionRequest::default()
        };
        let what = format!("send update {} to {id}", ask.name);
        let call = Call::waiting(&what, ACCEPTANCE);
        let answer = self
            .past_closing(|| {
                self.call(call, request.clone(), |mut client, request| async move {
                    client.update_workflow_execution(request).await
                })
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.outcome.map_or(Asked::InDoubt, sort)),
            Err(Trouble::Unanswered(failure)) => {
                tracing::info!(update = ask.id, %failure, "an update is in doubt");
                Ok(Asked::InDoubt)
            }
            // The workflow may have ended because of this very update.
            Err(trouble) if trouble.is_gone() => match self.update_outcome(id, ask.id, ACCEPTANCE).await {
                Ok(Some(asked)) => Ok(asked),
                Ok(None) | Err(_) => Err(trouble.into()),
            },
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// What became of an update that was sent before; none while the server waits for a worker.
    pub(crate) async fn update_outcome(
        &self,
        id: &WorkflowId,
        update: &str,
        within: Duration,
    ) -> Result<Option<Asked>, Trouble> {
        let request = PollWorkflowExecutionUpdateRequest {
            namespace: self.namespace(),
            update_ref: Some(proto::UpdateRef {
                workflow_execution: Some(describe::execution(id, None)),
                update_id: update.to_owned(),
            }),
            identity: self.identity(),
            wait_policy: Some(proto::WaitPolicy { lifecycle_stage: Stage::Completed.into() }),
        };
        let what = format!("follow update {update} of {id}");
        let answer = self
            .call(Call::waiting(&what, within), request, |mut client, request| async move {
                client.poll_workflow_execution_update(request).await
            })
            .await?;
        Ok(answer.outcome.map(sort))
    }
}

fn sort(outcome: proto::Outcome) -> Asked {
    match outcome.value {
        Some(outcome::Value::Success(payloads)) => Asked::Answered(Some(payloads)),
        // A refusal of ours is one message, kept whole; anything else is told with its causes.
        Some(outcome::Value::Failure(failure)) => Asked::Rejected(match Refusal::parse(&failure.message) {
            Some(_) => text::line(&failure.message).into_owned(),
            None => failure_text(&failure),
        }),
        None => Asked::Answered(None),
    }
}
