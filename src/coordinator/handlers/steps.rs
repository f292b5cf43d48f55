//! `/v1/goals/{id}/steps/{step}`: every button of a step. Each is the update of the same name, in the caller's name;
//! under one `requestId` it has one effect.

use axum::extract::State;

use crate::config::settings::Permission;
use crate::contracts::agent::AgentResponse;
use crate::contracts::engine::message::Message;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::http::{AnswerBody, Ended, OverrideBody, ReasonBody, ToldBody};
use crate::contracts::ids::{GoalId, WorkflowId};
use crate::contracts::text;
use crate::coordinator::auth::Caller;
use crate::coordinator::extract::{Body, Step};
use crate::coordinator::handlers::goals::{Answer, tell};
use crate::coordinator::openapi::{Answers, Refusals};
use crate::coordinator::state::AppState;

/// Approves a step that waits for a person; the goal goes on.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/approve",
    params(Step),
    request_body = ToldBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn approve(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<ToldBody>,
) -> Answer {
    caller.must(Permission::Decide)?;
    let message = Message::Approve { step_id: step };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Rejects a step that waits for a person; the goal's rules say what follows, or it fails.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/reject",
    params(Step),
    request_body = ReasonBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn reject(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<ReasonBody>,
) -> Answer {
    caller.must(Permission::Decide)?;
    let message = Message::Reject { step_id: step, reason: body.reason };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Says how a step ended, whatever its agent says.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/override",
    params(Step),
    request_body = OverrideBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn override_step(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<OverrideBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let status = match body.status {
        Ended::Done => StepStatus::Done,
        Ended::Failed => StepStatus::Failed,
    };
    let message = Message::Override { step_id: step, status, reason: body.reason };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Reminds the agent of a step, and gives it as long again.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/nudge",
    params(Step),
    request_body = ToldBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn nudge(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<ToldBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let message = Message::Nudge { step_id: step };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Takes a step from its agent, or unblocks it: it is offered again.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/requeue",
    params(Step),
    request_body = ReasonBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn requeue(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<ReasonBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let message = Message::Requeue { step_id: step, reason: body.reason };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Answers a step in its agent's place: what CI, a reviewer or QA would say.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/steps/{step}/answer",
    params(Step),
    request_body = AnswerBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn answer(
    caller: Caller,
    State(state): State<AppState>,
    Step { workflow, step }: Step,
    Body(body): Body<AnswerBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let response = AgentResponse {
        goal_id: GoalId::default(),
        workflow_id: WorkflowId::new(text::original(workflow.as_str())),
        step_id: step.clone(),
        attempt_id: body.attempt_id,
        agent_role: body.agent_role,
        status: body.status,
        content: body.content,
        artifacts: body.artifacts,
        metrics: None,
        errors: body.errors,
    };
    let message = Message::AgentCompleted { step_id: step, response: Box::new(response) };
    tell(state, caller, (workflow, body.request_id), message).await
}
