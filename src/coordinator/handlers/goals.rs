//! `/v1/goals`: goals whose work agents do, and what is told to one as a whole.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::config::settings::Permission;
use crate::contracts::engine::message::{Message, Told};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{AdoptBody, EventBody, GoalList, GoalView, ReasonBody, WorkBody};
use crate::contracts::ids::{RequestId, WorkflowId};
use crate::contracts::mutation::{Mutation, Target, Tell};
use crate::contracts::temporal::names::workflow;
use crate::coordinator::auth::Caller;
use crate::coordinator::clock::now;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::{self, Body, require_id};
use crate::coordinator::openapi::{Answers, Refusals};
use crate::coordinator::state::AppState;
use crate::coordinator::task;

/// Goals of one answer.
const MOST: u32 = 200;

/// What is answered to whoever tells a goal something.
pub(super) type Answer = Result<(StatusCode, Json<Told>), ApiError>;

/// The newest 200 goals that the caller sees, as lists show them.
#[utoipa::path(
    get,
    path = "/v1/goals",
    responses((status = 200, body = GoalList), Refusals),
    security(("token" = [])),
)]
pub async fn list_goals(caller: Caller, State(state): State<AppState>) -> Result<Json<GoalList>, ApiError> {
    let mut query = format!("WorkflowType IN ('{}', '{}')", workflow::ENGINE, workflow::CODEGEN);
    if !caller.tenants().is_empty() {
        // Names of tenants hold no quotes: they were checked when they were read.
        let of = |tenant: &String| format!("WorkflowId STARTS_WITH '{tenant}:'");
        let tenants: Vec<String> = caller.tenants().iter().map(of).collect();
        query = format!("{query} AND ({})", tenants.join(" OR "));
    }
    let page = state.gateway().list(&query, None, MOST).await.map_err(ApiError::from_temporal)?;
    Ok(Json(GoalList { goals: page.rows, at: now() }))
}

/// All that a goal knows: its steps, artifacts and log, as a worker answers within 2 s; also after it has ended.
#[utoipa::path(
    get,
    path = "/v1/goals/{id}",
    params(extract::Target),
    responses((status = 200, body = GoalView), Refusals),
    security(("token" = [])),
)]
pub async fn show_goal(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow_id): extract::Target,
) -> Result<Json<GoalView>, ApiError> {
    let goal = state.gateway().goal(&workflow_id).await.map_err(ApiError::from_temporal)?;
    let held_back = state.board().held_back(&workflow_id).and_then(|held| caller.told_of(held));
    Ok(Json(GoalView { workflow_id, state: goal, held_back, at: now() }))
}

/// Tells a goal that something outside happened, as CI does. Under one `requestId` it counts once, however long the goal
/// runs.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/events",
    params(extract::Target),
    request_body = EventBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn tell_of_event(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow): extract::Target,
    Body(body): Body<EventBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    tell(
        state,
        caller,
        (workflow, body.request_id),
        Message::Custom { event_type: body.event_type, payload: body.payload },
    )
    .await
}

/// Asks a goal for one more piece of work. Under one `requestId` it is asked for once, however long the goal runs.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/work",
    params(extract::Target),
    request_body = WorkBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn request_work(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow): extract::Target,
    Body(body): Body<WorkBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let message = Message::RequestWork { kind: body.kind, payload: body.payload };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// A running goal follows other rules from now on.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/spec",
    params(extract::Target),
    request_body = AdoptBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn adopt_spec(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow): extract::Target,
    Body(body): Body<AdoptBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    let document = match (body.document, body.spec) {
        (Some(document), None) => document,
        (None, Some(name)) => state.specs().named(name.as_str()).await?.text,
        (None, None) | (Some(_), Some(_)) => {
            let message = "It is either a whole `document`, or the name of a `spec`.";
            return Err(ApiError::invalid(message, "Send one of the two; `GET /v1/specs` lists the names."));
        }
    };
    let message = Message::AdoptSpec { document };
    tell(state, caller, (workflow, body.request_id), message).await
}

/// Cancels a goal; nothing of it goes on.
#[utoipa::path(
    post,
    path = "/v1/goals/{id}/cancel",
    params(extract::Target),
    request_body = ReasonBody,
    responses(Answers, Refusals),
    security(("token" = [])),
)]
pub async fn cancel_goal(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow): extract::Target,
    Body(body): Body<ReasonBody>,
) -> Answer {
    caller.must(Permission::Operate)?;
    tell(state, caller, (workflow, body.request_id), Message::Cancel { reason: body.reason }).await
}

/// Tells a goal something in the caller's name, by the one path for changes: re-read, sent under its id, in the trail.
pub(super) async fn tell(
    state: AppState,
    caller: Caller,
    (workflow_id, request_id): (WorkflowId, RequestId),
    message: Message,
) -> Answer {
    require_id("`requestId`", request_id.as_str())?;
    let told = task::finish(async move {
        let name = message.name();
        let target = Target { workflow_id, request_id };
        let mutation = Mutation::Tell(Tell { target: target.clone(), message });
        let told = match state.operator(&caller).perform(mutation).await {
            Ok(done) => Ok(done.told()),
            // It has ended: nothing can be told any more.
            Err(failure) if failure.kind == FailureKind::Conflict => Ok(Told::Refused { why: failure.message }),
            Err(failure) => Err(failure),
        };
        record(&state, &caller, name, &target, &told);
        told
    })
    .await?;
    let status = match told {
        Told::Taken { .. } => StatusCode::OK,
        Told::InDoubt => StatusCode::ACCEPTED,
        Told::Refused { .. } => StatusCode::CONFLICT,
    };
    Ok((status, Json(told)))
}

fn record(state: &AppState, caller: &Caller, message: &str, target: &Target, told: &Result<Told, Failure>) {
    let outcome = match told {
        Ok(Told::Taken { reply }) if reply.repeated => "repeated",
        Ok(Told::Taken { .. }) => "taken",
        Ok(Told::Refused { .. }) => "refused",
        Ok(Told::InDoubt) => "in-doubt",
        Err(_) => "failed",
    };
    state.metrics().told(message, outcome);
    tracing::info!(
        person = caller.name(),
        workflow = %target.workflow_id,
        request = %target.request_id,
        message,
        outcome,
        "a goal was told"
    );
}
