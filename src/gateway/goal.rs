//! Goals: their state by query, which needs a worker, and what people tell them, by update.

use std::time::Duration;

use serde_json::json;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_common::protos::temporal::api::workflowservice::v1::QueryWorkflowRequest;

use crate::contracts::actor::Actor;
use crate::contracts::engine::message::Told;
use crate::contracts::engine::output::EngineReply;
use crate::contracts::engine::state::EngineState;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::Tell;
use crate::contracts::temporal::names::query;
use crate::gateway::update::{Ask, Asked};
use crate::gateway::{Call, Gateway, describe, payload};

/// A query is an extra: nobody waits longer for a worker.
const QUERY: Duration = Duration::from_secs(2);

impl Gateway {
    /// All that a goal knows, as its workflow answers `currentState` within 2 s; also after it has ended. A failure does not
    /// mean that there is no goal: what it publishes can be read without a worker.
    pub async fn goal(&self, id: &WorkflowId) -> Result<EngineState, Failure> {
        let state = self.query_goal(id, query::CURRENT_STATE).await?;
        state.as_ref().and_then(payload::decode).ok_or_else(|| no_goal(id))
    }

    /// The same with its text as it is: for rules, never for a screen.
    pub async fn goal_state(&self, id: &WorkflowId) -> Result<EngineState, Failure> {
        let state = self.query_goal(id, query::CURRENT_STATE).await?.as_ref().and_then(payload::raw_json);
        state.and_then(|state| serde_json::from_value(state).ok()).ok_or_else(|| no_goal(id))
    }

    /// The text of the spec that a goal is pinned to.
    pub async fn goal_spec(&self, id: &WorkflowId) -> Result<String, Failure> {
        let document = self.query_goal(id, query::CURRENT_SPEC).await?.as_ref().and_then(payload::raw_json);
        document.and_then(|document| serde_json::from_value(document).ok()).ok_or_else(|| no_goal(id))
    }

    async fn query_goal(&self, id: &WorkflowId, name: &str) -> Result<Option<Payload>, Failure> {
        let request = QueryWorkflowRequest {
            namespace: self.namespace(),
            execution: Some(describe::execution(id, None)),
            query: Some(WorkflowQuery { query_type: name.to_owned(), ..WorkflowQuery::default() }),
            ..QueryWorkflowRequest::default()
        };
        let what = format!("ask {id} for its steps");
        let answer = self
            .call(Call::waiting(&what, QUERY), request, |mut client, request| async move {
                client.query_workflow(request).await
            })
            .await
            .map_err(|trouble| no_worker(trouble.into()))?;
        Ok(answer.query_result.unwrap_or_default().payloads.into_iter().next())
    }

    /// Tells a goal something and waits 2 s for a worker; then it is in doubt. Told again under its id it has no second
    /// effect.
    pub async fn tell_goal(&self, tell: &Tell, by: &Actor) -> Result<Told, Failure> {
        let id = &tell.target.workflow_id;
        let told_as = tell.message.id_under(&tell.target.request_id);
        let mut argument = tell.message.argument();
        if let Some(fields) = argument.as_object_mut() {
            fields.insert("actor".to_owned(), json!(by));
            // The server knows an update again within a run only; the goal knows what it has counted in every run.
            fields.insert("requestId".to_owned(), json!(told_as));
        }
        let ask = Ask { name: tell.message.name(), id: &told_as };
        Ok(match self.update(id, ask, &argument).await? {
            Asked::Answered(payloads) => {
                let reply = payload::first::<EngineReply>(payloads.as_ref()).ok_or_else(|| {
                    let why = format!("{id} took `{}`, but its answer cannot be read.", ask.name);
                    Failure::new(FailureKind::Internal, why, "Look at its steps to see what became of it.")
                })?;
                Told::Taken { reply }
            }
            Asked::Rejected(why) => Told::Refused { why: format!("{}.", why.trim_end_matches('.')) },
            Asked::InDoubt => Told::InDoubt,
        })
    }
}

/// A question changes nothing, so nothing conflicts with it: this is how the server says that no worker has asked for
/// work of late.
fn no_worker(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Conflict => {
            let hint = "Start a worker for its task queue; until then its state is not known.";
            Failure::new(FailureKind::Unavailable, failure.message, hint)
        }
        FailureKind::Unavailable
        | FailureKind::DeadlineExceeded
        | FailureKind::Unauthenticated
        | FailureKind::Denied
        | FailureKind::NotFound
        | FailureKind::Invalid
        | FailureKind::ReadOnly
        | FailureKind::Internal => failure,
    }
}

fn no_goal(id: &WorkflowId) -> Failure {
    Failure::new(
        FailureKind::Invalid,
        format!("{id} does not answer as a goal does."),
        "Goals are workflows of the types EngineWorkflow and CodegenWorkflow.",
    )
}
